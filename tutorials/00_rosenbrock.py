# %% [markdown]
# # 0. The race on Rosenbrock
#
# **What you will see.** How does a computer find the lowest point of a landscape that it cannot see? It
# feels the slope under its feet and takes a step downhill, again and again. All that differs from one
# *optimizer* to the next is how a slope becomes a step.
#
# We write the loop by hand, watch plain gradient descent, see it fail, and repair it, one idea at a time:
# momentum, a step size for each coordinate, and both. At the end four optimizers race. The two that
# remember where they were going end far ahead, and we check that this is no accident of the start.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import optim
import tutorials
from minigrad import Tensor
from optim import viz

# %% [markdown]
# ## The landscape
#
# Rosenbrock's function of 1960 has been a test for optimizers ever since:
#
# $$ f(x, y) = (1 - x)^2 + 100 \, (y - x^2)^2 $$
#
# The second term is a deep valley along the parabola $y = x^2$; the first tilts its floor, very slightly,
# towards the minimum at $(1, 1)$. Down into the valley is easy. Along it is the trouble.


# %%
def rosenbrock(p):
    x, y = p
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


print("at the start:  ", rosenbrock((-0.5, 2.5)))
print("in the valley: ", rosenbrock((-1.4, 1.96)))
print("at the minimum:", rosenbrock((1, 1)))

# %% [markdown]
# ## The slope
#
# The gradient $\nabla f$ points where $f$ grows fastest, and is as long as the slope is steep. We need not
# work it out on paper: a `Tensor` remembers how a number was computed, and `backward` walks back through
# it.

# %%
p = Tensor([-0.5, 2.5], requires_grad=True)
loss = rosenbrock(p)
loss.backward()
print("loss", loss.item(), "gradient", p.grad)

# %% [markdown]
# On paper, $\partial f / \partial x = -2 (1 - x) - 400 x (y - x^2)$ and $\partial f / \partial y = 200 (y -
# x^2)$. The same?

# %%
x, y = p.data
by_hand = np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])
assert np.allclose(p.grad, by_hand)
print("on paper:", by_hand)

# %% [markdown]
# ## One step
#
# An optimizer holds the parameters and a rule. The rule of gradient descent is $\theta \leftarrow \theta -
# \gamma \nabla f$ with the *learning rate* $\gamma$, here `lr`.

# %%
optimizer = optim.SGD([p], lr=1.5e-3)
optimizer.step()
print("moved to", p.data, "where the loss is", rosenbrock(p.data))

# %% [markdown]
# ## The training loop
#
# Four lines, again and again: **clear the gradient, go forward, go backward, take a step.** (Clear it,
# because `backward` adds to what is there.) Everything that is ever trained with gradients is trained by
# this loop.


# %%
def descend(make_optimizer, steps=1000, start=(-0.5, 2.5)):
    """Return the path of an optimizer over Rosenbrock's valley, and the loss at each of its points."""
    p = Tensor(start, requires_grad=True)
    optimizer = make_optimizer([p])
    path, losses = [], []
    for _ in range(steps):
        optimizer.zero_grad()               # forget the last gradient
        loss = rosenbrock(p)                # forward
        path.append(p.data.copy())
        losses.append(loss.item())
        loss.backward()                     # backward
        optimizer.step()                    # a step downhill
    return np.array(path), np.array(losses)


path, losses = descend(lambda params: optim.SGD(params, lr=1.5e-3))
for step in (0, 1, 2, 10, 100, 999):
    print(f"step {step:3d}: loss {losses[step]:9.4f} at ({path[step, 0]:.3f}, {path[step, 1]:.3f})")

# %% [markdown]
# ## Look at it
#
# Numbers do not show what happened; a picture does. Here are the level curves of the valley, and the path
# on them.

# %%
with viz.style():
    figure, ax = plt.subplots()
    viz.contour("rosenbrock", ax)
    ax.plot(*path.T, ".-", linewidth=1, markeredgewidth=0)
    ax.plot(*path[0], "o", color="white", markeredgecolor="black", markersize=8)
    ax.set_title("1000 steps of gradient descent from the circle, lr = 0.0015")
tutorials.picture(figure, "00_rosenbrock_descent")

# %% [markdown]
# It jumps from one wall of the valley to the other, and once it is down, it creeps. Why not take
# larger steps?
#
# Because across the valley the surface is bent thousands of times as strongly as along it. If the learning
# rate is larger than $2 / \text{curvature}$, a step lands higher on the opposite wall than it started, the
# next one higher still, and so on:

# %%
for lr in (1e-3, 1.5e-3, 2e-3, 3e-3):
    run = viz.record("SGD", "rosenbrock", steps=1000, lr=lr)
    print(f"lr {lr:.4f}: loss {run.losses[-1]:.3g} after {run.last_steps} steps  {run.ending}")

# %% [markdown]
# `viz.record` is the same loop, and it writes everything down: positions, losses, gradients, the optimizer's
# memory. Here is the proof:

# %%
run = viz.record("SGD", "rosenbrock", start=(-0.5, 2.5), steps=999, lr=1.5e-3)
assert np.array_equal(run.positions, path)
assert np.array_equal(run.losses, losses)

# %% [markdown]
# ## First idea: momentum
#
# A ball that rolls down does not forget its speed at every step. *Momentum* adds a fraction $\mu$ of the
# last step to the next:
#
# $$ b_t = \mu \, b_{t-1} + \nabla f, \qquad \theta_t = \theta_{t-1} - \gamma \, b_t $$
#
# Across the valley, left and right cancel. Along it, small pushes add up, to as much as $1 / (1 - \mu)$
# times as much.

# %%
with_momentum = viz.record("SGD(momentum=0.9)", "rosenbrock", steps=1000, lr=1e-3)
print("plain:        ", run.losses[-1])
print("with momentum:", with_momentum.losses[-1])

# %% [markdown]
# ## Second idea: a step size for each coordinate
#
# *RMSprop* divides each entry of the gradient by its usual size, a running mean $v$ of squares:
#
# $$ v_t = \alpha \, v_{t-1} + (1 - \alpha) (\nabla f)^2, \qquad
#    \theta_t = \theta_{t-1} - \gamma \, \nabla f / \sqrt{v_t} $$
#
# So a coordinate moves about $\gamma$ a step, however steep the slope.
#
# ## Both: Adam
#
# *Adam* does both, momentum on top and usual size below. It is the optimizer that most networks are trained
# with.
#
# ## The race
#
# Same start, same number of steps, each with a learning rate that suits it.

# %%
race = viz.race("rosenbrock", {
    "SGD": "SGD(lr=1.5e-3)",
    "SGD with momentum": "SGD(lr=1e-3, momentum=0.9)",
    "RMSprop": "RMSprop(lr=0.02)",
    "Adam": "Adam(lr=0.3)",
}, steps=1000)
print(race.table())
tutorials.picture(viz.overview(race), "00_rosenbrock_race")

# %% [markdown]
# On the right the loss, where each grid line is a factor of ten. After the first steps all are in the
# valley, at a loss of about 5; from there, the curves show how fast each goes along its floor.
#
# Is it fair? The learning rates were chosen by us. A fairer race tries the same 31 values for each, and
# takes the best:

# %%
fair = viz.tuned_race("rosenbrock", steps=300)
print(fair.table())
tutorials.picture(viz.overview(fair), "00_rosenbrock_tuned")

# %% [markdown]
# ## The claim, checked
#
# Momentum and Adam end far below plain gradient descent. Does that depend on where we start? Twelve other
# starts, drawn at random, say no: in each of them, both end at a loss at least twenty times lower.

# %%
rng = np.random.default_rng(0)
advantages = []
for start in rng.uniform([-1, 1.5], [0, 3], size=(12, 2)):
    runs = [viz.record(optimizer, "rosenbrock", start=start, steps=1000)
            for optimizer in ("SGD(lr=1e-3)", "SGD(lr=1e-3, momentum=0.9)", "Adam(lr=0.3)")]
    plain, momentum, adam = (run.losses[-1] for run in runs)
    advantages.append((plain / momentum, plain / adam))
print("smallest advantage of momentum and Adam:", np.min(advantages, axis=0).round())
assert np.min(advantages) > 20

# %% [markdown]
# ## Try it
#
# * Start elsewhere: `viz.race("rosenbrock", ..., start=(1.5, -0.5))`. Who survives?
# * Another landscape: `"himmelblau"`, `"beale"`, `"rastrigin"`, or any that `python -m optim list` shows.
# * Your own: `viz.tuned_race(lambda p: p[0]**2 + 50 * p[1]**2 + p[0] * p[1], start=(3, 1))`.
# * Replace an optimizer by `"Newton"` or `"LBFGS"`, which know the curvature, or learn it. How many steps do
#   they need, and how many gradients?
# * Write the update of `SGD` into the loop by hand: `with minigrad.no_grad(): p -= 1.5e-3 * p.grad` instead
#   of `optimizer.step()`.
#
# ## Read on
#
# The course builds up all of this from the bottom: slopes in lessons 1 to 5, steps in 6 to 13, curvature in 14
# and 15, networks from 16 on, your own optimizer in 19, and a derivative that is written out in 21.
