# %% [markdown]
# # 8. Momentum and Nesterov
#
# **What you will see.** Twelve thousand runs of gradient descent with momentum, one for each pixel of a map. One
# straight line divides the runs that converge from those that explode, and a one-line formula says where it is.
# On the map there is one best place, and theory predicts it, too.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
from pathlib import Path

import numpy as np

import minigrad
import optim
import tutorials
from optim import viz

# %% [markdown]
# ## A ball with a memory
#
# Gradient descent forgets: each step depends on the slope under its feet and on nothing else. Momentum (Polyak,
# 1964) keeps a fraction $\mu$ of the last direction:
#
# $$ b_t = \mu \, b_{t-1} + g_t, \qquad \theta_t = \theta_{t-1} - \gamma \, b_t . $$
#
# Here it is by hand, on a valley that is a hundred times as steep across as along: $f = (x^2 + 100 y^2) / 2$.

# %%
bowl = viz.surfaces.get("illconditioned_bowl")
slope = minigrad.grad(bowl.function)

theta, b = np.array(bowl.start), np.zeros(2)
for _ in range(100):
    b = 0.67 * b + slope(theta)
    theta = theta - 0.033 * b
print("by hand:  ", theta)

p = optim.Parameter(bowl.start)
optimizer = optim.SGD([p], lr=0.033, momentum=0.67)
for _ in range(100):
    p.grad = slope(p.data)
    optimizer.step()
print("optim.SGD:", p.data)
assert np.allclose(p.data, theta, rtol=1e-9, atol=0)

# %% [markdown]
# Take the first two steps on paper, for $f = x^2$ from $x = 1$. The library writes the worksheet from the lines
# of its own code. A notebook shows it; `print(sheet.markdown())` and `sheet.latex()` are for paper, and with
# `solution=True` it is filled in.

# %%
p = optim.Parameter([1.0])


def closure():
    p.grad = 2 * p.data


sheet = optim.worksheet(optim.SGD([p], lr=0.1, momentum=0.9), closure, steps=2)
sheet

# %% [markdown]
# ## One direction at a time
#
# As in lesson 7, the directions of the eigenvectors do not touch each other. Along one with curvature $\lambda$,
# the error $e$ and the memory $b$ make a step together, and the step is a matrix:
#
# $$ \begin{pmatrix} b_t \\ e_t \end{pmatrix} =
#    \begin{pmatrix} \mu & \lambda \\ -\gamma \mu & 1 - \gamma \lambda \end{pmatrix}
#    \begin{pmatrix} b_{t-1} \\ e_{t-1} \end{pmatrix} . $$
#
# Its larger eigenvalue, in absolute value, is the **rate**: what remains of the error after each step.


# %%
def rate(lr, momentum, curvature):
    return np.abs(np.linalg.eigvals([[momentum, curvature], [-lr * momentum, 1 - lr * curvature]])).max()


for momentum in (0.0, 0.5, 0.6, 0.7, 0.9):
    print(f"momentum {momentum}: along {rate(0.033, momentum, 1.0):.3f}, across {rate(0.033, momentum, 100.0):.3f}, "
          f"root of momentum {momentum**0.5:.3f}")

# %% [markdown]
# Look at the last two columns. As soon as the momentum is large enough, the rate is exactly $\sqrt\mu$,
# *whatever the curvature*. The eigenvalues have become complex: the ball swings through the valley. Below this
# **critical momentum** $(1 - \sqrt{\gamma \lambda})^2$ it creeps down on one side.
#
# Two conclusions. The run explodes when the rate is above 1, and this happens exactly for
#
# $$ \gamma > \frac{2 (1 + \mu)}{\lambda_{\max}} . $$
#
# The best choice makes both directions critical at once (Polyak's tuning, with
# $L = \lambda_{\max}$ and $m = \lambda_{\min}$):
#
# $$ \gamma = \frac{4}{(\sqrt L + \sqrt m)^2}, \qquad
#    \mu = \Bigl( \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1} \Bigr)^2, \qquad
#    \text{rate} = \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1} . $$

# %%
m, L = np.linalg.eigvalsh(minigrad.hessian(bowl.function)(np.zeros(2)))
kappa = L / m
best_lr = 4 / (np.sqrt(L) + np.sqrt(m)) ** 2
best_momentum = ((np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)) ** 2
print(f"Polyak's tuning: lr {best_lr:.4f}, momentum {best_momentum:.4f}, rate {best_momentum**0.5:.4f}")
print(f"plain gradient descent at its best: rate {(kappa - 1) / (kappa + 1):.4f}")

# %% [markdown]
# The condition number has turned into its root. For $\kappa = 100$ that means 23 steps for a factor of 100
# instead of 230; for Longley's data in lesson 7, 110 times fewer.
#
# ## Twelve thousand runs
#
# A hyperparameter in this library may be an array, so all runs are one run with large arrays.

# %%
result = viz.hyperparameter_map(
    bowl, "SGD", ("lr", np.linspace(0.0005, 0.045, 120)), ("momentum", np.linspace(0, 0.99, 100)),
    steps=400, tolerance=1e-8)
lr, momentum = result.x[np.newaxis, :], result.y[:, np.newaxis]

beyond = lr > 2 * (1 + momentum) / L
agree = np.mean(result["diverged"] == beyond)
print(f"{result['loss'].size} runs; the formula is right about {agree:.2%} of them")

# %% [markdown]
# The few others are next to the line, where 400 steps were too few to run away:

# %%
wrong = result["diverged"] != beyond
farthest = np.abs(lr * L / (2 * (1 + momentum)) - 1)[wrong].max()
print(f"{wrong.sum()} runs disagree; all have a learning rate within {farthest:.1%} of the line")

# %% [markdown]
# ## Nesterov's version
#
# Nesterov (1983) looks ahead: he takes the gradient where the momentum is about to carry the ball. If the slope
# turns round there, he brakes a step earlier. Libraries write the same run in other coordinates: the step goes
# along $g_t + \mu b_t$, the momentum that the *next* step would have.

# %%
fast = {
    "plain": f"SGD(lr={2 / (L + m):.4f})",
    "heavy ball": f"SGD(lr={best_lr:.4f}, momentum={best_momentum:.4f})",
    "Nesterov": f"SGD(lr={1 / L:.4f}, momentum={np.sqrt(best_momentum):.4f}, nesterov=True)",
}
race = viz.race(bowl, fast, steps=600)
print(race.table(tolerance=1e-8))

# %% [markdown]
# On a quadratic the heavy ball wins. On other convex functions Polyak's tuning may circle for ever, while
# Nesterov's rate is proven. Move the sliders yourself: this page opens in a browser, and shows each of the three
# with 21 learning rates. (The essay by G. Goh in *Distill* made such figures famous; this one comes from the
# code above.)

# %%
page = Path(globals().get("__file__", "here")).parent / "figures" / "08_momentum.html"
page.parent.mkdir(exist_ok=True)
viz.page(race, page)
print("wrote", page)

# %% [markdown]
# ## The picture
#
# Each pixel is a run of 400 steps. Its colour says how many of them it took to come within $10^{-8}$ of the
# minimum. Grey runs were too slow, dark runs exploded. The line is the formula, the star is Polyak's tuning.

# %%
drawing = result.plot(show="steps")
drawing.ax.plot(best_lr, best_momentum, "*", color="white", markeredgecolor="black", markersize=17)
drawing.ax.set_title("12,000 runs of gradient descent with momentum,\nand Polyak's star of 1964")
tutorials.picture(drawing, "08_momentum")

measured_rate = (result["loss"] / result.facts["loss_at_start"]) ** (1 / 800)     # the loss is a square: 2 x 400
row, column = np.unravel_index(np.nanargmin(measured_rate), result.shape)
print(f"the fastest of all runs: lr {result.x[column]:.4f}, momentum {result.y[row]:.4f}, "
      f"rate {measured_rate[row, column]:.4f}; Polyak's promise is {best_momentum**0.5:.4f}")

assert agree > 0.995
assert farthest < 0.025
assert best_momentum**0.5 < measured_rate[row, column] < 1.02 * best_momentum**0.5
assert abs(result.x[column] - best_lr) < 0.0015 and abs(result.y[row] - best_momentum) < 0.02

# %% [markdown]
# **The claim, checked.** Runs explode beyond $\gamma = 2 (1 + \mu) / \lambda_{\max}$, and the formula is
# right about more than 99.5 % of 12,000 runs. None is faster than Polyak's rate, and the fastest is next to his
# star.

# %% [markdown]
# ## Exercise 8.1: Nesterov's momentum
#
# Write it in the form of the libraries: keep $b$, and step along $g_t + \mu b_t$. `update` returns the
# direction; the learning rate is applied by `step`. Change the array in `state` in place, because it is the
# optimizer's memory.

# %% exercise 8.1


class MyNesterov(optim.Optimizer):
    def __init__(self, params, lr=1e-3, momentum=0.9):
        super().__init__(params, lr=lr, momentum=momentum)

    def init_state(self, param):
        return {"b": np.zeros_like(param)}

    def update(self, grad, state, param, *, momentum):
        # BEGIN SOLUTION
        b = state["b"]
        b *= momentum
        b += grad
        return grad + momentum * b
        # END SOLUTION


# %% [markdown]
# ## Exercise 8.2: Critical momentum
#
# The smallest momentum with which the heavy ball swings, for a learning rate and a curvature. With it, the error
# along this direction falls as fast as it can: the two eigenvalues of the matrix above meet. It holds for
# $\gamma \lambda$ between 0 and 4, so do not assume that $\gamma \lambda < 1$. For `lr=0.01, curvature=25.0` it
# is 0.25.

# %% exercise 8.2


def critical_momentum(lr, curvature):
    """Return the momentum at which the heavy ball begins to swing along a direction with this curvature."""
    # BEGIN SOLUTION
    return (1 - np.sqrt(lr * curvature)) ** 2
    # END SOLUTION


# %% [markdown]
# ## Exercise 8.3: The averaged form
#
# Some libraries and papers write momentum as a running mean: $m_t = \mu \, m_{t-1} + (1 - \mu) \, g_t$. Its
# steps are shorter, and the learning rate has another meaning. Write this optimizer, but so that the path stays
# the same: your optimizer is checked by this property, that with the same `lr` and `momentum` it walks exactly
# where `optim.SGD` walks, while `state["m"]` is the running mean.

# %% exercise 8.3


class AveragedMomentum(optim.Optimizer):
    def __init__(self, params, lr=1e-3, momentum=0.9):
        super().__init__(params, lr=lr, momentum=momentum)

    def init_state(self, param):
        return {"m": np.zeros_like(param)}

    def update(self, grad, state, param, *, momentum):
        # BEGIN SOLUTION
        m = state["m"]
        m += (1 - momentum) * (grad - m)
        return m / (1 - momentum)
        # END SOLUTION


# %% [markdown]
# ## Read on
#
# * B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964: the heavy ball and
#   its tuning.
# * Y. Nesterov, "A method for solving the convex programming problem with convergence rate O(1/k²)", 1983.
# * G. Goh, "Why momentum really works", *Distill*, 2017.
# * L. Lessard, B. Recht, A. Packard, "Analysis and design of optimization algorithms via integral quadratic
#   constraints", 2016, section 4.6: a convex function on which the heavy ball circles for ever.
# * `optim.explain(optimizer)`: a step of any optimizer, line by line.
