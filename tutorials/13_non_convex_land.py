# %% [markdown]
# # 13. Non-convex land
#
# **What you will see.** A bowl has one lowest point, and all roads lead there. The loss of a network is not a
# bowl. First we stand on a saddle, where the slope is zero and nothing moves, and predict how long it takes to
# get away. Then we colour every start by the minimum that it leads to, and get a portrait of each optimizer.
# Gradient descent draws smooth borders; momentum draws a fractal.

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
# ## A place without a slope
#
# Where the gradient is zero, gradient descent stands still. Such a place need not be a minimum. The *eigenvalues
# of the Hessian* say what it is: all positive, a minimum; all negative, a maximum; some of each, a **saddle**.


# %%
def saddle(p):
    x, y = p
    return x**2 - y**2


origin = np.zeros(2)
print("gradient:  ", minigrad.grad(saddle)(origin))
print("curvatures:", np.linalg.eigvalsh(minigrad.hessian(saddle)(origin)))

# %% [markdown]
# In many dimensions almost all such places are saddles. If the curvatures were those of a random symmetric
# matrix, how often would they all be positive?

# %%
rng = np.random.default_rng(0)
for n in (1, 2, 3, 4, 5):
    A = rng.normal(size=(50_000, n, n))
    lowest = np.linalg.eigvalsh(A + A.transpose(0, 2, 1))[:, 0]
    print(f"{n} dimensions: {np.mean(lowest > 0):7.3%} are minima")

# %% [markdown]
# A network has millions of dimensions, so we had better know how to leave a saddle.
#
# ## How long does it take to leave?
#
# Along $y$ the slope is $-2y$, so a step multiplies $y$ by $1 + 2 \gamma$: the distance grows like money with
# interest. To come from $d$ to $\tfrac12$ takes
#
# $$ k = \frac{\log (0.5 / d)}{\log(1 + 2 \gamma)} $$
#
# steps. This is only a *logarithm* of $d$: ten thousand times as near to the ridge costs 50 steps more.

# %%
slope = minigrad.grad(saddle)
counts, theory = [], []
for distance in (1e-2, 1e-4, 1e-8):
    p = optim.Parameter([1.0, distance])
    optimizer = optim.SGD([p], lr=0.1)
    count = 0
    while abs(p.data[1]) < 0.5:
        p.grad = slope(p.data)
        optimizer.step()
        count += 1
    counts.append(count)
    theory.append(np.log(0.5 / distance) / np.log(1 + 2 * 0.1))
    print(f"from {distance:.0e} beside the ridge: {count} steps, theory {theory[-1]:.1f}")
assert np.array_equal(counts, np.ceil(theory))

# %% [markdown]
# Exactly on the ridge, it stays for ever. The smallest noise is enough to end this, and minibatches are noisy.
# 200 runs from the ridge itself:

# %%
for noise in (0.0, 1e-8, 1e-4, 1e-2):
    runs = viz.record("SGD(lr=0.1)", saddle, start=np.array([[1.0], [0.0]]) * np.ones(200), steps=150, noise=noise)
    away = np.abs(runs.positions[:, 1]) > 0.5
    left = away.any(axis=0)
    words = f"after {np.median(away.argmax(axis=0)[left]):.0f} steps in the median" if left.any() else ""
    print(f"noise {noise:.0e}: {left.mean():4.0%} of the runs have left {words}")

# %% [markdown]
# Adaptive optimizers leave at once, because they divide the tiny slope by its own size:

# %%
for name in ("SGD(lr=0.1)", "SGD(lr=0.1, momentum=0.9)", "RMSprop(lr=0.1)", "Adam(lr=0.1)"):
    run = viz.record(name, saddle, start=(1.0, 1e-8), steps=150)
    print(f"{name:26s} leaves after {np.argmax(np.abs(run.positions[:, 1]) > 0.5):3d} steps")

# %% [markdown]
# ## Where does a start lead?
#
# Himmelblau's function has four minima, all equally deep. `basin_map` takes a run from each pixel, all at once,
# and notes which minimum it ends in. The set of starts that lead to a minimum is its **basin**.

# %%
optimizers = {
    "gradient descent": "SGD(lr=0.01)",
    "with momentum 0.9": "SGD(lr=0.01, momentum=0.9)",
    "RMSprop": "RMSprop(lr=0.1)",
    "Adam": "Adam(lr=0.1)",
}
maps = {name: viz.basin_map("himmelblau", text, size=200, steps=400) for name, text in optimizers.items()}
print(maps["gradient descent"].table())

# %% [markdown]
# ## How rough is a border?
#
# Take every second pixel only. On a smooth curve, the share of pixels at a border doubles, as their size does.
# If the basins were mixed all over, the share would stay the same. In between, a *fractal* has a dimension
# between 1 (a curve) and 2 (the plane):
#
# $$ D = 2 - \log_2 \frac{\text{share of border pixels, coarse}}{\text{share of border pixels, fine}} . $$


# %%
def border_share(minimum):
    """Return how often two neighbours that both come to a minimum come to different ones."""
    pairs = (minimum[1:], minimum[:-1]), (minimum[:, 1:], minimum[:, :-1])
    return np.mean([np.mean((one != other) & (one >= 0) & (other >= 0)) for one, other in pairs])


def dimension(result):
    fine = border_share(result["minimum"])
    coarse = np.mean([border_share(result["minimum"][i::2, j::2]) for i in (0, 1) for j in (0, 1)])
    return 2 - np.log2(coarse / fine)


for name, result in maps.items():
    print(f"{name:18s} {border_share(result['minimum']):.1%} border, dimension {dimension(result):.2f}")

# %% [markdown]
# A ball with momentum rolls over hills and through valleys before it settles. Two starts side by side roll past
# a ridge on different sides, then past the next one, and so on. Near these borders, a tiny change of the start
# changes the end.
#
# ## The picture
#
# The colour says which of the four minima (stars) a start leads to; pale starts arrive early, dark ones late.

# %%
with viz.style():
    figure, axes = plt.subplots(2, 2, figsize=(8.4, 8.6), sharex=True, sharey=True)
for ax, (name, result) in zip(axes.flat, maps.items()):
    result.plot(ax, legend=False)
    ax.label_outer()
    ax.set_title(f"{name}: borders of dimension {dimension(result):.2f}", fontsize=11)
tutorials.picture(figure, "13_non_convex_land")

assert dimension(maps["gradient descent"]) < 1.15
assert dimension(maps["with momentum 0.9"]) > 1.5

# %% [markdown]
# **The claim, checked.** The borders of gradient descent are curves, of dimension 1. With momentum they are a
# fractal, of a dimension above 1.5.

# %% [markdown]
# ## Exercise 13.1: The time to escape
#
# Along a direction of negative curvature $-c$, the slope at distance $y$ from the ridge is $-c \, y$. How many
# steps does gradient descent take from `distance` to at least `target`? Return a whole number. The start may be
# on either side of the ridge, so `distance` may be negative. With `lr=0.1, curvature=2.0` and `target=0.5` it is
# 22 from 0.01.

# %% exercise 13.1


def steps_to_escape(distance, target, lr, curvature):
    """Return after how many steps the distance from the ridge is at least `target`, for a curvature of -`curvature`."""
    # BEGIN SOLUTION
    return int(np.ceil(np.log(target / abs(distance)) / np.log(1 + lr * curvature)))
    # END SOLUTION


# %% [markdown]
# ## Exercise 13.2: A kick
#
# *Perturbed gradient descent* kicks the parameters when they stand still. If the length of the gradient is below
# `threshold`, return `theta` moved by a distance of exactly `radius` in a random direction, otherwise a copy of
# `theta`. A random direction is a vector `rng.normal(size=theta.shape)`, divided by its length.

# %% exercise 13.2


def kicked(theta, grad, threshold, radius, rng):
    """Return where theta is after a kick, if it needs one; theta and grad have shape (n,) and stay as they are."""
    # BEGIN SOLUTION
    if np.linalg.norm(grad) >= threshold:
        return theta.copy()
    direction = rng.normal(size=theta.shape)
    return theta + radius * direction / np.linalg.norm(direction)
    # END SOLUTION


# %% [markdown]
# ## Exercise 13.3: The share of a basin
#
# How large is a basin, if there are too many dimensions for a map? Draw starts at random from the box, let
# gradient descent run from each, and count. `slope` returns the gradients of many points at once, which are the
# *columns* of an array of shape (n, N). The check: on three landscapes whose basins are known, your share is
# right to 0.04. You choose the number of starts, the learning rate (0.01 suits all three) and the number of
# steps.

# %% exercise 13.3


def basin_share(slope, minimum, low, high, rng):
    """Return the share of the starts in a box from which gradient descent comes to this minimum.

    minimum, low and high have shape (n,); the box holds the points between low and high.
    """
    # BEGIN SOLUTION
    minimum, low, high = (np.reshape(corner, (-1, 1)) for corner in (minimum, low, high))
    points = rng.uniform(low, high, size=(len(low), 4000))
    for _ in range(1000):
        points = points - 0.01 * slope(points)
    return np.mean(np.linalg.norm(points - minimum, axis=0) < 0.1)
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * Y. Dauphin et al., "Identifying and attacking the saddle point problem in high-dimensional non-convex
#   optimization", 2014.
# * C. Jin et al., "How to escape saddle points efficiently", 2017: the kick, with a proof.
# * J. Lee et al., "Gradient descent only converges to minimizers", 2016: from almost every start, at last.
# * H.-O. Peitgen and P. Richter, *The Beauty of Fractals*, 1986: the same pictures of Newton's method.
# * Lesson 19 draws another fractal: the border between the learning rates that train a network and those that do
#   not.
