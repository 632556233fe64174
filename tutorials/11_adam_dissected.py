# %% [markdown]
# # 11. Adam dissected
#
# **What you will see.** Adam trains most of the networks in the world. We take it apart line by line, cut one of
# its steps into pieces, and then watch it walk to the *worst* point of a straight line, surely and steadily,
# because its memory is too short. One more word in the code, a maximum, turns it round.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import optim
import tutorials
from optim import viz

# %% [markdown]
# ## Two running means
#
# Lesson 8 gave the gradient a memory, lesson 10 gave each coordinate a rate. Adam (Kingma and Ba, 2015) does
# both:
#
# $$ m_t = \beta_1 m_{t-1} + (1 - \beta_1) \, g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 . $$
#
# $m$ is the mean of recent gradients: *where to*. $\sqrt v$ is their usual size: *on what scale*. Both start at
# 0, so both are too small at first. After $t$ steps the weights of all gradients in $m_t$ add up to $1 -
# \beta_1^t$ instead of 1. Divide by it:
#
# $$ \hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad
#    \theta_t = \theta_{t-1} - \gamma \, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon} . $$


# %%
def adam_by_hand(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    theta, m, v = 0.0, 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta -= lr * m_hat / (np.sqrt(v_hat) + eps)
        print(f"step {t}: gradient {g:6g}, m {m:8.4f}, v {v:10.6f}, step {lr * m_hat / (np.sqrt(v_hat) + eps):7.4f}")
    return theta


by_hand = adam_by_hand([3.0, 3.0, 0.01, -1000.0])

p = optim.Parameter([0.0])
optimizer = optim.Adam([p], lr=0.1)
for g in (3.0, 3.0, 0.01, -1000.0):
    p.grad = np.array([g])
    optimizer.step()
assert np.isclose(p.data[0], by_hand)

# %% [markdown]
# Look at the column on the right. The first step is $\gamma$ long, whatever the gradient is. Later ones stay
# below it: even a gradient of -1000 moves the parameter by no more. **`lr` is the length of a step**, not a
# factor of the gradient.
#
# ## On paper
#
# Two steps with numbers that a pencil can handle. The lines are those that run. `sheet.markdown(solution=True)`
# has the answers.

# %%
p = optim.Parameter([1.0])
p.grad = np.array([2.0])
sheet = optim.worksheet(optim.Adam([p], lr=0.1, betas=(0.5, 0.75), eps=0.0), steps=2)
sheet

# %% [markdown]
# ## The anatomy of a step
#
# `viz.dissect` takes a step of a recorded run apart. Here Adam has just crossed a valley that is a hundred times
# as steep across as along. The gradient says: back across! But the memory still points forward, and the
# preconditioner, which is the ellipse of $1 / \sqrt{\hat v}$, has shrunk the steep coordinate.

# %%
run = viz.record("Adam(lr=0.3)", "illconditioned_bowl", steps=10)
parts = viz.dissect(run, step=2)
for name, arrow in {**parts.parts, "the step": parts.step}.items():
    print(f"{name:16s} {arrow.round(3)}")
tutorials.picture(viz.anatomy(run, step=2), "11_anatomy_of_a_step")

# %% [markdown]
# Without the two corrections (the dashed line) this step would be five times as long. The corrections fade: a
# bug in them shows in the first steps, and later not at all.
#
# ## Where Adam goes wrong
#
# Now a loss that is a straight line. On average over 30 steps its slope is $(40 - 29) / 30 > 0$, so on the
# interval from -1 to 1 the minimum is at **-1**. But the gradients come in an uneven way: 40 once, then -1 for
# 29 times. (Rare and large: think of a word that appears once in 30 batches.)


# %%
def walk(beta2, amsgrad, steps=9000):
    """Return the path of Adam on [-1, 1], for an array of beta2: a run for each."""
    p = optim.Parameter(np.zeros(np.shape(beta2)))
    optimizer = optim.Adam([p], lr=0.01, betas=(0.9, beta2), amsgrad=amsgrad)
    path = []
    for step in range(steps):
        p.grad = np.full_like(p.data, 40.0 if step % 30 == 15 else -1.0)
        optimizer.step()
        np.clip(p.data, -1, 1, out=p.data)
        path.append(p.data.copy())
    return np.array(path)


path = walk(np.array([0.8]), amsgrad=False)
for step in (1, 15, 16, 30, 300, 3000, 8999):
    print(f"step {step:4d}: {path[step, 0]:6.3f}")

# %% [markdown]
# It walks to +1, the worst point there is, and stays. Why? With $\beta_2 = 0.8$, $v$ remembers about five steps.
# When the gradient of 40 comes, $v$ jumps to $0.2 \cdot 40^2$ at once, and $g / \sqrt v$ is only 2.2: the large
# gradient is cut down *by itself*. Some steps later $v$ has forgotten it, and the small gradients count in full
# again. What is rare and important is divided by more than what is frequent and wrong.
#
# Reddi, Kale and Kumar found this in 2018, together with the mistake in the proof that Adam converges. Their
# repair, **AMSGrad**, never lets the divisor shrink:
#
# $$ v^{\max}_t = \max(v^{\max}_{t-1}, \; v_t), \qquad
#    \theta_t = \theta_{t-1} - \gamma \, \frac{\hat m_t}{\sqrt{\hat v^{\max}_t} + \epsilon} . $$
#
# There is another repair: a longer memory. $v$ remembers about $1 / (1 - \beta_2)$ steps.

# %%
memory = np.geomspace(3, 1000, 40)
adam, amsgrad = walk(1 - 1 / memory, amsgrad=False), walk(1 - 1 / memory, amsgrad=True)
for i in range(0, 40, 6):
    print(f"memory of {memory[i]:5.0f} steps: Adam ends at {adam[-1, i]:5.2f}, AMSGrad at {amsgrad[-1, i]:5.2f}")

# %% [markdown]
# With the default $\beta_2 = 0.999$, a memory of a thousand steps, Adam is safe here, and would not be with an
# event that comes once in 3000 steps. Does it need the exact rhythm of 30? No: here each step is, with
# probability 1/30, the rare one, in 200 runs.


# %%
def random_walk(amsgrad, seed, runs=200, steps=9000):
    rng = np.random.default_rng(seed)
    p = optim.Parameter(np.zeros(runs))
    optimizer = optim.Adam([p], lr=0.01, betas=(0.9, 0.8), amsgrad=amsgrad)
    for _ in range(steps):
        p.grad = np.where(rng.random(runs) < 1 / 30, 40.0, -1.0)
        optimizer.step()
        np.clip(p.data, -1, 1, out=p.data)
    return p.data


at_random = {name: random_walk(amsgrad, seed=0) for name, amsgrad in (("Adam", False), ("AMSGrad", True))}
for name, ends in at_random.items():
    print(f"{name}: {np.mean(ends > 0):.0%} of the runs end in the wrong half, the median is {np.median(ends):.2f}")

# %% [markdown]
# ## The picture
#
# Left: with a memory of five steps Adam climbs to the maximum, AMSGrad finds the minimum. Right: where both end,
# by the memory of $v$. Adam turns round once its memory reaches about half way back to the last rare gradient.

# %%
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    for name, amsgrad_too, colour, line in ("Adam", False, "#D55E00", "--"), ("AMSGrad", True, "#0072B2", "-"):
        left.plot(walk(np.array([0.8]), amsgrad_too)[:, 0], color=colour, linestyle=line, marker="", label=name)
    left.set(title="The slope is positive: the minimum is at −1", xlabel="step", ylabel="θ", ylim=(-1.1, 1.1))
    left.legend(loc="center right")
    right.plot(memory, adam[-900:].mean(axis=0), "s", color="#D55E00", label="Adam", linestyle="none")
    right.plot(memory, amsgrad[-900:].mean(axis=0), "o", color="#0072B2", label="AMSGrad", linestyle="none")
    right.axvline(30, color="#767676", linestyle=":", marker="")
    right.annotate("the rare gradient comes\nevery 30 steps", (33, 0.1))
    right.set(title="Where they end, by the memory of v", xscale="log", xlabel="memory in steps, 1 / (1 − β₂)")
    right.xaxis.set_major_formatter("{x:g}")
    right.legend(loc="center right")
tutorials.picture(figure, "11_adam_dissected")

assert adam[-900:, memory < 10].min() > 0.8
assert adam[-900:, memory > 30].max() < -0.8
assert amsgrad[-900:].max() < -0.8
assert np.mean(at_random["Adam"] > 0) > 0.95 and np.mean(at_random["AMSGrad"] < 0) > 0.95

# %% [markdown]
# **The claim, checked.** With a memory of less than ten steps Adam ends at the maximum, with one of more than 30
# steps at the minimum, and AMSGrad always at the minimum.

# %% [markdown]
# ## Exercise 11.1: Adam
#
# Write the formulas from the top. `update` returns $\hat m / (\sqrt{\hat v} + \epsilon)$; `step` multiplies by
# the learning rate and subtracts. `state["step"]` is the number of this step, from 1: the base class counts it.
# Change the arrays in `state` in place, because they are the optimizer's memory.

# %% exercise 11.1


class MyAdam(optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr=lr, betas=betas, eps=eps)

    def init_state(self, param):
        return {"step": 0, "m": np.zeros_like(param), "v": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps):
        # BEGIN SOLUTION
        (beta1, beta2), t, m, v = betas, state["step"], state["m"], state["v"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        return m_hat / (np.sqrt(v_hat) + eps)
        # END SOLUTION


# %% [markdown]
# ## Exercise 11.2: AMSGrad
#
# Keep the largest $v$ so far, element by element, *before* the correction, as PyTorch does. The correction of
# $v$ is then applied to the maximum: $\hat v^{\max}_t = v^{\max}_t / (1 - \beta_2^t)$.

# %% exercise 11.2


class MyAMSGrad(optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr=lr, betas=betas, eps=eps)

    def init_state(self, param):
        return {"step": 0, "m": np.zeros_like(param), "v": np.zeros_like(param), "v_max": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps):
        (beta1, beta2), t, m, v, v_max = betas, state["step"], state["m"], state["v"], state["v_max"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        # BEGIN SOLUTION
        np.maximum(v_max, v, out=v_max)
        m_hat = m / (1 - beta1**t)
        v_hat = v_max / (1 - beta2**t)
        return m_hat / (np.sqrt(v_hat) + eps)
        # END SOLUTION


# %% [markdown]
# ## Exercise 11.3: What is inside Adam
#
# Two simple optimizers are special cases of Adam. Return the hyperparameters, as a dictionary with `lr`, `betas`
# and `eps`, with which `optim.Adam` walks where `optim.SignSGD(lr=lr)` walks (`kind="sign"`), and those with
# which it walks where `optim.SGD(lr=lr)` walks (`kind="plain"`). The check: both walks agree to six digits, on
# gradients between 0.001 and 100. (For the second: when does $\sqrt{\hat v}$ not matter?)

# %% exercise 11.3


def adam_as(kind, lr):
    """Return a dictionary of hyperparameters that make Adam sign descent ("sign") or gradient descent ("plain")."""
    # BEGIN SOLUTION
    if kind == "sign":
        return {"lr": lr, "betas": (0.0, 0.0), "eps": 0.0}
    return {"lr": lr * 1e10, "betas": (0.0, 0.0), "eps": 1e10}
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015.
# * S. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", 2018: the counterexample and AMSGrad.
# * Y. Zhang et al., "Adam can converge without any modification on update rules", 2022: if $\beta_2$ is large
#   enough.
# * L. Balles and P. Hennig, "Dissecting Adam: the sign, magnitude and variance of stochastic gradients", 2018.
# * `optim.show(optim.Adam)` prints the library's own Adam, and `optim.explain(optimizer)` a step of it with its
#   numbers.
# * Lesson 12: AdamW, and when to turn the learning rate down. Lesson 20: Adam's bugs in a museum.
