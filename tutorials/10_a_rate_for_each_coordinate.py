# %% [markdown]
# # 10. A rate for each coordinate
#
# **What you will see.** A valley a hundred times as steep across as along. Adagrad runs down it in four steps,
# gradient descent needs more than 300. Then we turn the valley by 45 degrees. Nothing has changed for gradient
# descent, but Adagrad's advantage is gone, and a four-leaf clover appears.

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
# ## The same step in every direction
#
# One learning rate for all coordinates is a compromise: the steepest coordinate forbids large steps, and the
# flattest one crawls (lesson 7). Why not give every coordinate its own rate?
#
# *Adagrad* (2011) measures how large the gradients of a coordinate are, and divides by it:
#
# $$ s_t = s_{t-1} + g_t^2, \qquad \theta_t = \theta_{t-1} - \gamma \, \frac{g_t}{\sqrt{s_t} + \epsilon} . $$
#
# All operations are element by element. Here is the first step on $f = (x^2 + 100 \, y^2) / 2$:

# %%
theta = np.array([1.0, 1.0])
g = theta * [1, 100]
s = g**2
print("gradient", g, "- divided by its size", g / np.sqrt(s))

# %% [markdown]
# Whatever the scale of the gradient is, the first step has length $\gamma$ in each coordinate. Multiply a
# coordinate's gradients by 1000, and Adagrad does not notice:


# %%
def first_steps(scale):
    p = optim.Parameter([1.0, 1.0])
    optimizer = optim.Adagrad([p], lr=0.5)
    for _ in range(10):
        p.grad = p.data * scale
        optimizer.step()
    return p.data


print("Adagrad, scales 1 and 100:   ", first_steps(np.array([1.0, 100.0])))
print("Adagrad, scales 1000 and 0.1:", first_steps(np.array([1000.0, 0.1])))

# %% [markdown]
# ## A memory that fades
#
# Adagrad's sum only grows, so its steps shrink like $1 / \sqrt t$, whether or not the minimum is near. *RMSprop*
# replaces the sum by a running mean, which forgets:
#
# $$ v_t = \alpha \, v_{t-1} + (1 - \alpha) \, g_t^2, \qquad
#    \theta_t = \theta_{t-1} - \gamma \, \frac{g_t}{\sqrt{v_t} + \epsilon} . $$
#
# If the gradients of a coordinate are always $\pm 1$, the sum goes up and the mean stays:

# %%
adagrad, rmsprop = optim.Parameter([0.0]), optim.Parameter([0.0])
runners = optim.Adagrad([adagrad], lr=1.0), optim.RMSprop([rmsprop], lr=1.0)
for step in range(1, 1001):
    before = adagrad.data.copy(), rmsprop.data.copy()
    adagrad.grad, rmsprop.grad = np.ones(1), np.ones(1)
    for runner in runners:
        runner.step()
    if step in (1, 10, 100, 1000):
        moved = before[0] - adagrad.data, before[1] - rmsprop.data
        print(f"step {step:4d}: Adagrad moves {moved[0][0]:.3f}, RMSprop {moved[1][0]:.3f}")

# %% [markdown]
# RMSprop's *first* steps are long, because its mean starts at 0. Lesson 11 repairs that.
#
# ## On paper
#
# Two steps of Adagrad for a single number. `sheet.markdown(solution=True)` has the answers.

# %%
p = optim.Parameter([1.0])
p.grad = np.array([3.0])
sheet = optim.worksheet(optim.Adagrad([p], lr=0.5, eps=0.0), steps=2)
sheet

# %% [markdown]
# ## The race, at every angle
#
# We turn the valley by an angle, and the start with it, so that the geometry stays the same. Each optimizer gets
# the best of 40 learning rates. We count steps until the loss is below $10^{-6}$.


# %%
def turned_bowl(angle):
    """Return the valley, turned by an angle, and its start."""
    c, s = float(np.cos(angle)), float(np.sin(angle))

    def f(p):
        x, y = p
        along, across = c * x + s * y, c * y - s * x
        return (along**2 + 100 * across**2) / 2

    return viz.Surface(f, start=(c - s, s + c), minima=(0, 0), domain=((-2, 2), (-2, 2)))


def steps_needed(optimizer, angle):
    """Return the steps that the best of 40 learning rates needs: all of them run in one pass."""
    runs = viz.record(optimizer, turned_bowl(angle), steps=700, lr=np.geomspace(1e-3, 3, 40))
    return np.nanmin(runs.steps_to(1e-6))


angles = np.radians(np.arange(0, 91, 5))
needed = {name: np.array([steps_needed(name, angle) for angle in angles]) for name in ("SGD", "Adagrad", "RMSprop")}
for name, counts in needed.items():
    print(f"{name:8s}", *[f"{degrees:2d}°: {count:3.0f}  " for degrees, count in zip(range(0, 91, 15), counts[::3])])

# %% [markdown]
# Gradient descent cannot know in which direction the axes point: $\nabla f$ turns with the valley. Adagrad and
# RMSprop can. Their division is by *coordinate*, so it repairs a bad scale of coordinates, and nothing else. At
# 45 degrees both coordinates see the same sizes of gradients, and all the divisors are equal.
#
# Why are they so successful, then? In a network, coordinates have a meaning: a word that is seen once a week has
# small gradients most of the time, a bias has large ones all the time. The axes matter.
#
# ## The picture
#
# Steps needed, as the distance from the centre, against the angle. A turn by 90 degrees only swaps the two
# coordinates, so the curve repeats itself.

# %%
with viz.style():
    figure, ax = plt.subplots(figsize=(6.4, 6), subplot_kw={"projection": "polar"})
    around = np.concatenate([angles[:-1] + quarter * np.pi / 2 for quarter in range(4)] + [[2 * np.pi]])
    for label, counts in zip(("gradient descent", "Adagrad", "RMSprop"), needed.values()):
        ax.plot(around, np.append(np.tile(counts[:-1], 4), counts[0]), label=label, markevery=3)
    ax.set_title("Steps down the valley, by the angle to which it is turned")
    ax.set_rlabel_position(22)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.12, -0.1))
tutorials.picture(figure, "10_a_rate_for_each_coordinate")

along_axis, diagonal = 0, 9
plain = needed["SGD"]
assert np.ptp(plain) <= 1
for name in ("Adagrad", "RMSprop"):
    assert needed[name][along_axis] < plain[along_axis] / 20
    assert needed[name][diagonal] > 0.85 * plain[diagonal]

# %% [markdown]
# **The claim, checked.** Along the axes, Adagrad and RMSprop need less than a twentieth of the steps of
# gradient descent. At 45 degrees nothing of this is left.

# %% [markdown]
# ## Exercise 10.1: Adagrad
#
# Write the formula from the top of this lesson. `update` returns the direction, $g_t / (\sqrt{s_t} + \epsilon)$;
# `step` multiplies it by the learning rate and subtracts it.

# %% exercise 10.1


class MyAdagrad(optim.Optimizer):
    def __init__(self, params, lr=1e-2, eps=1e-10):
        super().__init__(params, lr=lr, eps=eps)

    def init_state(self, param):
        return {"s": np.zeros_like(param)}

    def update(self, grad, state, param, *, eps):
        # BEGIN SOLUTION
        s = state["s"]
        s += grad * grad
        return grad / (np.sqrt(s) + eps)
        # END SOLUTION


# %% [markdown]
# ## Exercise 10.2: RMSprop
#
# The same with a running mean. The mean starts at 0, and RMSprop does nothing about it.

# %% exercise 10.2


class MyRMSprop(optim.Optimizer):
    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8):
        super().__init__(params, lr=lr, alpha=alpha, eps=eps)

    def init_state(self, param):
        return {"v": np.zeros_like(param)}

    def update(self, grad, state, param, *, alpha, eps):
        # BEGIN SOLUTION
        v = state["v"]
        v *= alpha
        v += (1 - alpha) * grad * grad
        return grad / (np.sqrt(v) + eps)
        # END SOLUTION


# %% [markdown]
# ## Exercise 10.3: An Adagrad that turns with the valley
#
# The paper on Adagrad has a second version. It keeps the whole matrix $G_t = G_{t-1} + g_t g_t^T$, and steps
# along $(G_t + \epsilon I)^{-1/2} g_t$. With `w, V = np.linalg.eigh(G)`, the power of a symmetric matrix is $V
# \operatorname{diag}(w^{-1/2}) V^T$. (Rounding can make an eigenvalue slightly negative.) The parameter is a
# vector. Your class is checked by three properties: if the valley is turned, the path is turned with it; if the
# loss is multiplied by 1000, the path stays the same; and at every angle it needs fewer than 60 steps where
# gradient descent needs 344.

# %% exercise 10.3


class FullAdagrad(optim.Optimizer):
    elementwise = False     # update is given the whole vector

    def __init__(self, params, lr=1e-2, eps=1e-12):
        super().__init__(params, lr=lr, eps=eps)

    def init_state(self, param):
        return {"G": np.zeros((param.size, param.size))}

    def update(self, grad, state, param, *, eps):
        # BEGIN SOLUTION
        G = state["G"]
        G += np.outer(grad, grad)
        w, V = np.linalg.eigh(G)
        return V @ (V.T @ grad / np.sqrt(np.maximum(w, 0) + eps))
        # END SOLUTION


# %% [markdown]
# ## Read on
#
# * J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
#   optimization", 2011.
# * T. Tieleman and G. Hinton, lecture 6.5 of "Neural networks for machine learning", 2012: RMSprop has no paper.
# * Lesson 11: Adam adds momentum and repairs the start. Lesson 16: Shampoo, SOAP and Muon do for matrices what
#   exercise 10.3 does for vectors, at a price that networks can pay.
