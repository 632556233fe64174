# %% [markdown]
# # 6. One dimension
#
# **What you will see.** Gradient descent on a parabola is a multiplication: each step multiplies the distance from
# the minimum by the same number, $1 - \gamma \lambda$. So everything about it is known, and there are four ways it
# can go: creep, jump home in one step, swing, escape. A *cobweb* shows which. Then we leave the parabola. Beyond the
# same limit, the run on a quartic does not escape: it is caught in a cycle of two points and stays there for ever.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np

import tutorials
from minigrad import grad
from optim import viz

# %% [markdown]
# ## A parabola
#
# Let $f(x) = \frac{\lambda}{2} x^2$, with the minimum at 0. Its slope is $\lambda x$, and its *curvature* $\lambda$.
# A step with the learning rate $\gamma$ is
#
# $$ x \leftarrow x - \gamma \lambda x = (1 - \gamma \lambda) \, x $$
#
# The number in parentheses decides everything:
#
# | learning rate | factor | what you see |
# | --- | --- | --- |
# | $\gamma < 1 / \lambda$ | between 0 and 1 | it creeps towards the minimum |
# | $\gamma = 1 / \lambda$ | 0 | it is there in one step |
# | $1 / \lambda < \gamma < 2 / \lambda$ | between -1 and 0 | it swings, and the swings shrink |
# | $\gamma > 2 / \lambda$ | below -1 | it swings, and the swings grow |


# %%
def descend(f, x, lr, steps):
    """Return the positions of gradient descent, the start first; an array of starts is as many runs."""
    slope, positions = grad(lambda x: np.sum(f(x))), [x]
    for _ in range(steps):
        positions.append(positions[-1] - lr * slope(positions[-1]))
    return np.array(positions)


def parabola(x):
    return x**2 / 2


rates = [0.3, 1.0, 1.7, 2.1]
runs = {lr: descend(parabola, 1.0, lr, 12) for lr in rates}
for lr, positions in runs.items():
    print(f"lr {lr}: factor {1 - lr:4.1f}, positions", positions[:6].round(3))

# %% [markdown]
# **The limit $2 / \lambda$** is the most useful number of this course. A learning rate above it is too large for this
# curvature, whatever else you do. In many dimensions the largest curvature sets the limit (lesson 7), momentum moves
# it (lesson 8), and a neural network walks up to it of its own accord (lesson 15).
#
# ## The cobweb
#
# Draw the map $x \mapsto x - \gamma f'(x)$ as a curve, and the diagonal. From a point go up or down to the curve:
# that is the next position. Go across to the diagonal, to use it as the next input. Repeat.


# %%
def cobweb(positions):
    """Return the corners of the cobweb of a run."""
    corners = [(positions[0], positions[0])]
    for here, there in itertools.pairwise(positions):
        corners += [(here, there), (there, there)]
    return np.array(corners)


# %% [markdown]
# ## A quartic
#
# $g(x) = \frac{1}{8} (x^2 - 1)^2$ has minima at $-1$ and $1$, with curvature 1 there. So the limit is $\gamma = 2$,
# as above. What happens at 2.3? Near the minimum a step lands too far on the other side, and the run leaves. But
# farther out the curve is different: on the inner side it is flatter. The swings grow until both effects balance.


# %%
def quartic(x):
    return (x**2 - 1) ** 2 / 8


caught = descend(quartic, 1.01, 2.3, 300)
print("first positions:", caught[:6].round(3))
print("last positions: ", caught[-4:].round(6))

# %% [markdown]
# It goes from one point to the other and back, for ever. The loss is finite and does not fall. If you see such a
# loss in practice, the cure is a smaller learning rate, not more patience.
#
# ## The picture

# %%
with viz.style():
    figure, axes = plt.subplots(2, 3, figsize=(10.5, 7.2))
    panels = [(parabola, lr, descend(parabola, 1.0, lr, 12 if lr < 2 else 8), (-1.6, 1.6)) for lr in rates]
    panels.append((quartic, 2.3, caught[:60], (-0.2, 1.7)))
    words = ["creeps", "one step", "swings home", "escapes", "on a quartic: caught"]
    for ax, (f, lr, positions, (low, high)), word in zip(axes.flat, panels, words):
        x = np.linspace(low, high, 200)
        after = descend(f, x, lr, 1)[1]
        ax.plot(x, x, color="0.6", linewidth=1, marker="")
        ax.plot(x, after, marker="", linestyle="-")
        ax.plot(*cobweb(positions).T, linewidth=1.2, marker="", linestyle="-")
        ax.plot(positions[0], positions[0], "o", color="white", markeredgecolor="black")
        ax.set(title=f"lr = {lr}: {word}", xlabel="position", ylabel="next position", aspect="equal",
               xlim=(low, high), ylim=(low, high))
    axes[1, 2].plot(caught[:60], markersize=4)
    axes[1, 2].set(title="the same, step by step", xlabel="step", ylabel="position")
tutorials.picture(figure, "06_one_dimension")

# %% [markdown]
# **The claim, checked.** On the parabola every step multiplies by $1 - \gamma \lambda$. On the quartic, for any rate
# between 2.1 and 2.4 and from any of twenty starts, the run ends in a cycle of two different points.

# %%
for lr, positions in runs.items():
    assert np.allclose(positions, (1 - lr) ** np.arange(13), rtol=1e-12, atol=1e-15)
assert abs(runs[1.7][-1]) < 0.02 < 3 < abs(runs[2.1][-1])

for lr in (2.1, 2.2, 2.3, 2.4):
    end = descend(quartic, np.linspace(0.05, 1.3, 20), lr, 2000)[-3:]
    assert np.all(abs(end[2] - end[0]) < 1e-9) and np.all(abs(end[1] - end[0]) > 0.1)

# %% [markdown]
# ## Exercise 6.1: How will it go?
#
# Given a learning rate and the curvature of a parabola, say how the run goes: `"creeps"`, `"one step"`, `"swings"`
# (and arrives), `"cycles"` (at the very limit), `"escapes"`. A parabola can be open below, with a negative
# curvature, and then there is only one way to go. Without curvature, or with the rate 0, it `"stays"`.

# %% exercise 6.1


def behaviour(lr, curvature):
    """Return how gradient descent goes on a parabola of this curvature."""
    # BEGIN SOLUTION
    factor = 1 - lr * curvature
    if factor == 1:
        return "stays"
    if factor == 0:
        return "one step"
    if factor == -1:
        return "cycles"
    if abs(factor) > 1:
        return "escapes"
    return "creeps" if factor > 0 else "swings"
    # END SOLUTION


# %% [markdown]
# ## Exercise 6.2: A cobweb
#
# `slope` is the derivative of a function. Return the corners of the cobweb of gradient descent from `x`, as an array
# of shape (2 * steps + 1, 2): first (x, x), then for each step the point on the curve and the point on the diagonal.

# %% exercise 6.2


def cobweb_of(slope, x, lr, steps):
    """Return the corners of the cobweb: (x, x), (x, next), (next, next), ..."""
    # BEGIN SOLUTION
    corners = [(x, x)]
    for _ in range(steps):
        after = x - lr * slope(x)
        corners += [(x, after), (after, after)]
        x = after
    return np.array(corners)
    # END SOLUTION


# %% [markdown]
# ## Exercise 6.3: Catch a cycle
#
# Find a cycle of two points: $a \neq b$ with $a - \gamma f'(a) = b$ and $b - \gamma f'(b) = a$. You get the slope,
# the learning rate, and a place to start near a minimum.
#
# The check: four functions on which descent is caught. From your $a$ a step leads to $b$, a step from $b$ back to
# $a$, both to ten digits, and they are at least 0.01 apart. One function is caught slowly.

# %% exercise 6.3


def cycle(slope, lr, start):
    """Return two points between which gradient descent goes back and forth."""
    # BEGIN SOLUTION
    a = start
    for _ in range(100_000):
        b = a - lr * slope(a)
        back = b - lr * slope(b)
        if abs(back - a) < 1e-14:
            break
        a = back
    return a, b
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * S. Strogatz, *Nonlinear Dynamics and Chaos* (1994), chapter 10: cobwebs, and what comes after cycles of two.
# * Raise the rate on the quartic to 2.6 and look at the last twenty positions.
# * Lesson 15: networks live at this limit.
