# %% [markdown]
# # 15. The edge of stability
#
# **What you will see.** Lesson 6 said: a learning rate above $2 / \lambda$ explodes. A network has many curvatures,
# and they change while it learns. So is your learning rate $\gamma$ below $2 / \lambda_{\max}$? Only just, and the
# reason is strange: the network *moves the curvature*. It climbs until it meets $2 / \gamma$, and there it stays,
# for each of the $\gamma$ that we try.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigrad
import optim
import tutorials
from optim import viz

# %% [markdown]
# ## A small network
#
# One input, two hidden layers of 24 tanh units, one output. It learns a wave, the Chebyshev polynomial $T_4$, from
# 20 points. All its weights are in one vector of 672 numbers, so that its Hessian is one matrix.

# %%
width = 24
ends = np.cumsum([width, width, width * width, width])
x = np.linspace(-1, 1, 20)
y = np.cos(4 * np.arccos(x))


def beginning(seed):
    rng = np.random.default_rng(seed)
    W1, W2, w3 = rng.normal(size=width), rng.normal(size=(width, width)), rng.normal(size=width)
    zeros = np.zeros(width)
    return np.concatenate([W1, zeros, W2.ravel() / np.sqrt(width), zeros, w3 / np.sqrt(width)])


def loss(theta):
    W1, b1, W2, b2, w3 = np.split(theta, ends)
    hidden = np.tanh(x[:, np.newaxis] * W1 + b1)
    hidden = np.tanh(hidden @ W2.reshape(width, width) + b2)
    return np.mean((hidden @ w3 - y) ** 2) / 2


theta = beginning(0)
print(theta.size, "numbers, loss", loss(theta).round(3))

# %% [markdown]
# ## The sharpest direction, without the Hessian
#
# We want $\lambda_{\max}$, the largest eigenvalue of the Hessian: the **sharpness**. For a real network nobody can
# write the Hessian down; a million weights would make $10^{12}$ numbers. But its product with a vector, $Hv$, is
# cheap: `minigrad.hvp` needs about as much time as a few gradients.
#
# Multiply a vector by $H$ again and again. Its part along the eigenvector of $\lambda_i$ grows by $\lambda_i$ each
# time, so the largest wins. This is **power iteration**:

# %%
product = minigrad.hvp(loss)

v = np.random.default_rng(0).normal(size=theta.size)
for i in range(41):
    v /= np.linalg.norm(v)
    Hv = product(theta, v)
    if i % 10 == 0:
        print(f"after {i:2d} products: {v @ Hv:.4f}")
    v = Hv
exact = np.linalg.eigvalsh(minigrad.hessian(loss)(theta))
print("from the Hessian:  ", exact[-3:].round(4))
assert abs(v @ product(theta, v) / (v @ v) / exact[-1] - 1) < 1e-3

# %% [markdown]
# During training we keep $v$ from one measurement to the next. The Hessian changes slowly, so five products each
# time are enough.
#
# ## Train, and watch the sharpness


# %%
def train(lr, steps, seed=0, momentum=0.0):
    """Return the losses of all steps, and the sharpness at every twentieth."""
    p = optim.Parameter(beginning(seed))
    optimizer = optim.SGD([p], lr=lr, momentum=momentum)
    value_and_grad = minigrad.value_and_grad(loss)
    v = np.random.default_rng(1).normal(size=p.data.size)
    losses, sharpness = [], []
    for step in range(steps):
        value, p.grad = value_and_grad(p.data)
        losses.append(value)
        if step % 20 == 0:
            for _ in range(5):
                v /= np.linalg.norm(v)
                Hv = product(p.data, v)
                measured = v @ Hv
                v = Hv
            sharpness.append(measured)
        optimizer.step()
    return np.array(losses), np.array(sharpness)


runs = {lr: train(lr, 4000) for lr in (0.1, 0.2, 0.4)}
for lr, (_, sharpness) in runs.items():
    print(f"lr {lr}: sharpness {sharpness[0]:5.2f} at first, {sharpness.max():5.2f} at most, "
          f"{np.median(sharpness[-50:]):5.2f} at the end; 2/lr is {2 / lr:g}")

# %% [markdown]
# The same network, the same start, the same data. At the end its sharpness is 20, 10 or 5, and the learning rate
# has decided which. The run with the largest learning rate *began* beyond the edge, and came down to it.
#
# What happens there? Beyond $2 / \gamma$ the run swings along the sharpest direction, each time a little farther.
# The loss rises for some steps. But the swinging pushes the weights to a flatter place, where the sharpness is below
# $2 / \gamma$; the swinging fades, and the slow climb begins again. The loss goes down all the same, only not at
# every step:

# %%
for lr, (losses, _) in runs.items():
    rising = np.diff(losses) > 0
    print(f"lr {lr}: loss {losses[0]:.3f} -> {losses[-1]:.5f}, it rose in {rising.sum()} of {len(rising)} steps")

# %% [markdown]
# Is it this seed? And with momentum $\mu$ lesson 8 puts the edge at $2 (1 + \mu) / \gamma$.

# %%
others = [np.median(train(0.2, 2500, seed)[1][-25:]) for seed in (1, 2, 3)]
print("other seeds:", np.round(others, 2), "where 2/lr is 10")
highest = [train(0.2, 1000, seed, momentum=0.5)[1].max() for seed in (0, 1)]
print("with momentum 0.5 it climbs to", np.round(highest, 2), "and falls back; 2 (1 + 0.5) / lr is 15")

# %% [markdown]
# ## The catapult
#
# What if the *first* step is beyond the edge? The smallest network that shows it has two layers, one input and no
# bend: $f = u \cdot v / \sqrt n$, and the loss is $f^2 / 2$ (the target is 0). Its sharpness is about
# $\lambda = (|u|^2 + |v|^2) / n$. Here are seven runs in one, with learning rates from $1 / \lambda$ to
# $4.2 / \lambda$.

# %%
n, factors = 1000, np.array([1, 1.9, 2.1, 2.5, 3, 3.8, 4.2])
layers = np.random.default_rng(0).normal(size=(2, n))
sharpness_at_first = np.sum(layers**2) / n

p = optim.Parameter(layers[:, :, np.newaxis] * np.ones(7))
optimizer = optim.SGD([p], lr=factors / sharpness_at_first)
bumps = []
for _ in range(100):
    u, v = p.data
    output = np.sum(u * v, axis=0) / np.sqrt(n)
    bumps.append(output**2 / 2)
    p.grad = output * p.data[::-1] / np.sqrt(n)
    with np.errstate(over="ignore", invalid="ignore"):
        optimizer.step()
    if np.abs(p.data[..., -1]).max() > 1e50:
        p.data[..., -1] = np.nan  # this run has exploded
bumps = np.array(bumps)
sharpness_at_last = np.sum(p.data**2, axis=(0, 1)) / n
for i, factor in enumerate(factors):
    print(f"lr {factor:3g} / λ: loss {bumps[0, i]:.2f}, at most {np.nanmax(bumps[:, i]):8.3g}, "
          f"at last {bumps[-1, i]:7.1e}, where λ is {sharpness_at_last[i] / sharpness_at_first * factor:.2f} / lr")

# %% [markdown]
# Between $2 / \lambda$ and $4 / \lambda$ the loss first rises, up to some hundred times, and then the run is thrown
# over the mountain into a *flatter* valley, with $\lambda$ below $2 / \gamma$, and converges there. Beyond
# $4 / \lambda$ it explodes. That is the **catapult**, and one reason for a spike in a loss curve that heals by itself.
#
# ## The picture
#
# The dotted lines are $2 / \gamma$. Each run climbs, or falls, to its own line and stays there. Below: the losses.

# %%
colours = {0.1: "#0072B2", 0.2: "#D55E00", 0.4: "#009E73"}
with viz.style():
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 7), sharex=True, height_ratios=[1.6, 1])
    for lr, (losses, sharpness) in runs.items():
        top.plot(20 * np.arange(len(sharpness)), sharpness, color=colours[lr], linestyle="-", marker="", linewidth=1.6)
        top.axhline(2 / lr, color=colours[lr], linestyle=":", linewidth=1.6, marker="")
        top.annotate(f"2 / {lr:g} = {2 / lr:g}", (4040, 2 / lr), color=colours[lr], va="center", annotation_clip=False)
        bottom.semilogy(losses, color=colours[lr], marker="", linewidth=1, label=f"learning rate {lr:g}")
    top.set(title="The sharpness climbs to 2 / learning rate, and stays there",
            ylabel="largest curvature", ylim=(0, 25))
    bottom.set(xlabel="step", ylabel="loss", xlim=(0, 4000))
    bottom.legend(loc="upper right")
tutorials.picture(figure, "15_edge_of_stability")

for lr, (losses, sharpness) in runs.items():
    assert abs(np.median(sharpness[-50:]) * lr / 2 - 1) < 0.05
    assert losses[-1] < 0.02 * losses[0]
    assert np.any(np.diff(losses) > 0)
assert np.all(np.abs(np.array(others) / 10 - 1) < 0.05)
assert min(highest) > 15 and max(highest) < 1.5 * 15
between = (factors > 2) & (factors < 4)
assert np.all(bumps[:, between].max(axis=0) > 2 * bumps[0, between]) and np.all(bumps[-1, between] < 1e-8)
assert np.all((sharpness_at_last / sharpness_at_first * factors)[between] < 2)
assert not bumps[-1, -1] < 1

# %% [markdown]
# **The claim, checked.** At the end the sharpness is within 5 % of $2 / \gamma$, for three learning rates and for
# four seeds, while the loss falls to less than a fiftieth.

# %% [markdown]
# ## Exercise 15.1: Power iteration
#
# `product(v)` returns $Hv$. Begin at `v`. As often as `count` says, scale $v$ to length 1 and replace it by $Hv$.
# Return the Rayleigh quotient $v^T H v$ of the last $v$ of length 1, and that $v$: two results, and `count`
# products, no more: the check counts the calls of `product`. The vector that you are given must not change.

# %% exercise 15.1


def sharpest(product, v, count):
    """Return the eigenvalue of largest size and its vector of length 1, after `count` products."""
    # BEGIN SOLUTION
    for _ in range(count):
        unit = v / np.linalg.norm(v)
        v = product(unit)
    return unit @ v, unit
    # END SOLUTION


# %% [markdown]
# ## Exercise 15.2: Predict the edge
#
# At which sharpness does `optim.SGD(lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)` begin to
# explode? Without Nesterov, along a direction of curvature $h$, a step multiplies memory and error by the matrix of
# lesson 8, and the edge is $\gamma h = 2 (1 + \mu)$. With Nesterov's momentum the gradient counts $1 + \mu$ times in
# the direction, and the edge is $\gamma h = 2 (1 + \mu) / (1 + 2 \mu)$. The weight decay adds itself to every
# curvature. Return the curvature of the *loss* at the edge.

# %% exercise 15.2


def edge(lr, momentum, nesterov, weight_decay):
    """Return the largest curvature of the loss for which SGD does not explode."""
    # BEGIN SOLUTION
    highest = 2 * (1 + momentum) / lr
    if nesterov:
        highest /= 1 + 2 * momentum
    return highest - weight_decay
    # END SOLUTION


# %% [markdown]
# ## Exercise 15.3: A catapult to order
#
# For the network $f = u \cdot v / \sqrt n$ with loss $f^2 / 2$, as above, choose a learning rate for which gradient
# descent is thrown over the mountain. The check takes networks of several sizes and scales, and walks 500 steps. The
# loss must rise to at least five times its first value, and end below a millionth of it.

# %% exercise 15.3


def catapult_rate(u, v):
    """Return a learning rate for which the run from u and v, each of shape (n,), is a catapult."""
    # BEGIN SOLUTION
    return 3 * len(u) / (u @ u + v @ v)
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * J. Cohen, S. Kaur, Y. Li, J. Z. Kolter, A. Talwalkar, "Gradient descent on neural networks typically occurs at the
#   edge of stability", 2021.
# * A. Damian, E. Nichani, J. Lee, "Self-stabilization: the implicit bias of gradient descent at the edge of
#   stability", 2023: why it comes back.
# * A. Lewkowycz et al., "The large learning rate phase of deep learning: the catapult mechanism", 2020.
# * J. Cohen et al., "Adaptive gradient methods at the edge of stability", 2022: Adam has an edge, too.
# * Lesson 17: a network at work. Lesson 19: the edge between learning and exploding is a fractal.
