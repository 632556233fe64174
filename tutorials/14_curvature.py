# %% [markdown]
# # 14. Curvature
#
# **What you will see.** Forty-four years of carbon dioxide in the air of Mauna Loa, and a curve with seven unknowns
# that is fitted to them. Gradient descent and Adam have not found it after three thousand evaluations. Methods that
# know the *curvature*, or guess it, or build it from first derivatives, need about a hundred. They double or treble
# the number of correct digits in their last steps.

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
# ## A parabola at every point
#
# The gradient $g$ says how the loss changes. The **Hessian** $H$ says how the gradient changes. Together they
# make a parabola that touches the loss at $\theta$:
#
# $$ f(\theta - \phi) \approx f(\theta) - g^T \phi + \tfrac12 \phi^T H \phi . $$
#
# Its minimum is where $H \phi = g$. **Newton's method** jumps there: $\theta \leftarrow \theta - H^{-1} g$. On a
# quadratic one step is enough. Elsewhere the number of correct digits doubles with every step, once you are near:


# %%
def f(x):
    return np.exp(x) - 2 * x  # the minimum is at log 2


slope, curvature = minigrad.grad(f), minigrad.grad(minigrad.grad(f))
x = 1.5
for step in range(6):
    print(f"step {step}: x = {x:.16f}, error {abs(x - np.log(2)):.1e}")
    x -= slope(x) / curvature(x)
assert abs(x - np.log(2)) < 1e-15

# %% [markdown]
# No learning rate! The curvature says how far to go. And the *units* do not matter: measure $x$ in
# millimetres instead of metres, and Newton's steps lead to the same places.
#
# ## A real fit
#
# Monthly means of the carbon dioxide over Mauna Loa, Hawaii, from 1958 to 2001, in parts per million. The model: a
# base, a rise that grows exponentially, and two waves, one of a year and one of half a year (plants breathe).

# %%
year, co2 = np.loadtxt(tutorials.DATA / "co2.csv", delimiter=",", skiprows=1, unpack=True)
t = year - 1980
print(len(t), "months, from", co2[0], "to", co2[-1], "ppm")


def model(theta):
    base, rise, percent, a, shift_a, b, shift_b = theta
    waves = a * np.sin(2 * np.pi * t + shift_a) + b * np.sin(4 * np.pi * t + shift_b)
    return base + rise * np.exp(percent / 100 * t) + waves


def residuals(theta):
    return model(theta) - co2


def loss(theta):
    r = residuals(theta)
    return r @ r / 2


# %% [markdown]
# We begin at a rough guess: 280 ppm before industry came, a rise of 1 % a year.

# %%
guess = np.array([280.0, 50.0, 1.0, 1.0, 0.0, 1.0, 0.0])
curvatures = np.linalg.eigvalsh(minigrad.hessian(loss)(guess))
print("curvatures at the guess:", *[f"{value:.3g}" for value in curvatures])

# %% [markdown]
# They differ by a factor of 100,000, and two are negative: along these the parabola has a maximum, and no minimum!
# `optim.Newton` then adds a multiple of $I$ to $H$ until all curvatures are positive, and a line search shortens a
# step that does not lead down.
#
# ## Curvature from first derivatives
#
# A sum of squares, $f = \tfrac12 \|r\|^2$, has more to offer. With $J$, the Jacobian of the residuals,
#
# $$ g = J^T r, \qquad H = J^T J + \sum_i r_i \nabla^2 r_i . $$
#
# Near a good fit the residuals $r_i$ are small. **Gauss-Newton** leaves the second sum out. What remains,
# $J^T J$, needs first derivatives only and never curves down. $J$ is tall: 521 months, 7 unknowns. So we go
# column by column, and ask for the derivative along each of the seven axes.


# %%
def jacobian(theta):
    return np.stack([minigrad.jvp(residuals)(theta, axis) for axis in np.eye(7)], axis=1)


J = jacobian(guess)
assert np.allclose(J.T @ residuals(guess), minigrad.grad(loss)(guess))
print("curvatures of JᵀJ:      ", *[f"{value:.3g}" for value in np.linalg.eigvalsh(J.T @ J)])

# %% [markdown]
# **Levenberg-Marquardt** adds a damping $\mu$: it solves $(J^T J + \mu I) \, \phi = J^T r$. With a small $\mu$ this
# is Gauss-Newton; with a large one it is a short step along the gradient. A step that fails makes $\mu$ larger, one
# that succeeds makes it smaller.
#
# **L-BFGS** is never given any curvature. It looks at two gradients and asks: which $H$ could have changed the one
# into the other? With the step $s$ and the change of the gradient $y$, that is the **secant equation**
# $H s = y$.
#
# ## The count
#
# We count evaluations: the loss with its gradient is one. A Hessian or a Jacobian counts seven, because it is made of
# seven derivatives. Each run starts at the guess plus random numbers.


# %%
def run(name, seed, most=3000):
    """Return how many evaluations were made after each step of an optimizer, and the loss there."""
    count = 0

    def counted(function, price):
        def call(theta):
            nonlocal count
            count += price
            return function(theta)
        return call

    scale = np.array([10, 10, 0.5, 1, 1, 0.5, 1])
    p = optim.Parameter(guess + scale * np.random.default_rng(seed).normal(size=7))
    value_and_grad = counted(minigrad.value_and_grad(loss), 1)

    def closure():
        value, p.grad = value_and_grad(p.data)
        return value

    hessian = counted(minigrad.hessian(loss), 7)
    sum_of_squares = counted(residuals, 1), counted(jacobian, 7)
    optimizer = {
        "gradient descent": lambda: optim.BacktrackingGradientDescent([p]),
        "Adam": lambda: optim.Adam([p], lr=1.0),  # the best of 0.03, 0.1, 0.3, 1 and 3
        "Newton": lambda: optim.Newton([p], hessian),
        "L-BFGS": lambda: optim.LBFGS([p], max_iter=1, max_eval=25, tolerance_grad=0, tolerance_change=0,
                                      line_search_fn="strong_wolfe"),
        "Gauss-Newton": lambda: optim.GaussNewton([p], *sum_of_squares),
        "Levenberg-Marquardt": lambda: optim.LevenbergMarquardt([p], *sum_of_squares),
    }[name]()
    path = [(0, loss(p.data))]
    while count < most and path[-1][1] > lowest * (1 + 1e-10):
        with np.errstate(all="ignore"):  # a trial that is much too long may overflow: the line search turns back
            optimizer.step(None if name in ("Gauss-Newton", "Levenberg-Marquardt") else closure)
        path.append((count, loss(p.data)))
    return np.array(path), p.data


# %% [markdown]
# How low does it go? Twenty steps from the guess, with the right method for the job, show it.

# %%
p = optim.Parameter(guess)
fit = optim.LevenbergMarquardt([p], residuals, jacobian)
for _ in range(20):
    fit.step()
best, lowest = p.data.copy(), loss(p.data)
print("base {:.1f} ppm, rise {:.1f} ppm in 1980, growing by {:.2f} % a year".format(*best[:3]))
print(f"root mean square of what is left: {np.sqrt(2 * lowest / len(t)):.2f} ppm")

# %%
seeds = range(8)
curved = ["Newton", "L-BFGS", "Gauss-Newton", "Levenberg-Marquardt"]
runs = {name: [run(name, seed)[0] for seed in seeds] for name in curved}
runs |= {name: [run(name, seed)[0] for seed in range(3)] for name in ("gradient descent", "Adam")}


def arrival(path):
    """Return how many evaluations a run needed to come within 1e-8 of the lowest loss, relative to it."""
    arrived = path[:, 1] < lowest * (1 + 1e-8)
    return path[arrived.argmax(), 0] if arrived.any() else np.inf


counts = {name: np.array([arrival(path) for path in paths]) for name, paths in runs.items()}
for name, needed in counts.items():
    print(f"{name:20s} arrived {np.isfinite(needed).sum()} of {len(needed)} times, median {np.median(needed):g}")

# %% [markdown]
# Gauss-Newton is the fastest when it works, and sometimes it does not arrive: far from the fit, two columns of $J$
# are nearly the same, and the steps become very long. The damping of Levenberg-Marquardt solves this. That is why
# `curve_fit` in most libraries is Levenberg-Marquardt, or close to it.
#
# ## The picture
#
# Left: the data and the fit. Right: how far above the lowest loss each method has come
# so far, from three starts.

# %%
colours = dict(zip(runs, ["#0072B2", "#CC79A7", "#009E73", "#E69F00", "#767676", "#D55E00"]))
dashes = dict(zip(runs, ["-", "-.", "--", (0, (4, 1, 1, 1)), ":", "-"]))
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), gridspec_kw={"width_ratios": [1, 1.25]})
    left.plot(year, co2, "o", color="#9A9A9A", markersize=3.5, label="measured", linestyle="none")
    left.plot(year, model(best), color="#0072B2", marker="", linewidth=1, label="fitted, 7 unknowns")
    left.set(title="Carbon dioxide over Mauna Loa", ylabel="parts per million")
    left.legend(loc="upper left")
    for name in runs:
        for path in runs[name][:3]:
            error = np.maximum(np.minimum.accumulate(path[:, 1]) / lowest - 1, 1e-10)
            right.loglog(path[1:, 0], error[1:], color=colours[name], linestyle=dashes[name], marker="", linewidth=1.6,
                         label=name if path is runs[name][0] else None)
    right.axhline(1e-8, color="#404040", linewidth=0.8, marker="")
    right.annotate("arrived", (2.2, 1.8e-8), color="#404040")
    right.set(title="Curvature arrives", xlabel="evaluations (a Hessian or Jacobian counts 7)",
              ylabel="how far above the lowest loss, relative", ylim=(1e-10, 1e3), xlim=(2, 3500))
    right.xaxis.set_major_formatter("{x:g}")
    right.legend(loc="lower right", fontsize=9)
tutorials.picture(figure, "14_curvature")

for name in ("Newton", "L-BFGS", "Levenberg-Marquardt"):
    assert np.median(counts[name]) < 200 and counts[name].max() < 400
assert np.median(counts["Gauss-Newton"]) < 200
for name in ("gradient descent", "Adam"):
    assert all(path[:, 1].min() > 1.001 * lowest for path in runs[name])

# %% [markdown]
# **The claim, checked.** Newton, L-BFGS and Levenberg-Marquardt arrive from every start, with a median below 200
# evaluations. After 3000, gradient descent and Adam are still a hundred thousand times as far away.

# %% [markdown]
# ## Exercise 14.1: Newton's step
#
# Where a curvature is negative, $H^{-1} g$ leads *up* along its eigenvector. One repair: keep the eigenvectors
# of $H$ and replace each curvature $\lambda$ by $|\lambda|$, or by `smallest` if that is more. Return the step $\phi$
# to subtract from $\theta$. (`np.linalg.eigh` returns the eigenvalues, and the eigenvectors as the
# *columns* of a matrix.)

# %% exercise 14.1


def newton_step(gradient, hessian, smallest):
    """Return the step to be subtracted, for an (n,) gradient and an (n, n) Hessian."""
    # BEGIN SOLUTION
    curvatures, vectors = np.linalg.eigh(hessian)
    slopes = vectors.T @ gradient
    return vectors @ (slopes / np.maximum(np.abs(curvatures), smallest))
    # END SOLUTION


# %% [markdown]
# ## Exercise 14.2: The damping of Levenberg-Marquardt
#
# Make one trial, with Marquardt's rule of 1963. Solve $(J^T J + \mu I) \, \phi = J^T r$. If $\theta - \phi$ has a
# smaller sum of squares, go there, and divide $\mu$ by 10. Otherwise stay, and multiply $\mu$ by 10. Return
# the new $\theta$ and the new $\mu$. `residuals` and `jacobian` are functions of $\theta$.

# %% exercise 14.2


def trial(residuals, jacobian, theta, mu):
    """Return theta and mu after one trial of Levenberg-Marquardt."""
    # BEGIN SOLUTION
    r, J = residuals(theta), jacobian(theta)
    phi = np.linalg.solve(J.T @ J + mu * np.eye(len(theta)), J.T @ r)
    there = residuals(theta - phi)
    if there @ there < r @ r:
        return theta - phi, mu / 10
    return theta, mu * 10
    # END SOLUTION


# %% [markdown]
# ## Exercise 14.3: The secant equation
#
# Write one update of a quasi-Newton method. $B$ is what is known of $H^{-1}$ so far, symmetric, with positive
# eigenvalues; $s$ is a step and $y$ the change of the gradient, with $y^T s > 0$. Return the new $B$. The check:
#
# * it satisfies the secant equation, $B y = s$;
# * it is symmetric and all its eigenvalues are positive;
# * it forgets nothing: on a quadratic with $n$ unknowns, where each step goes along $B g$ to the lowest point,
#   $B$ is exactly $H^{-1}$ after $n$ steps.
#
# The two famous formulas are BFGS and DFP. Read on below, or find one of them in `optim`.

# %% exercise 14.3


def secant_update(B, s, y):
    """Return the new (n, n) approximation of the inverse Hessian."""
    # BEGIN SOLUTION
    rho = 1 / (y @ s)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ B @ left.T + rho * np.outer(s, s)
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * J. Nocedal and S. J. Wright, "Numerical optimization", 2006: chapter 3 for Newton, 6 and 7 for BFGS and L-BFGS,
#   10 for sums of squares.
# * D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963.
# * C. D. Keeling and T. P. Whorf, "Atmospheric CO2 concentrations", 2004: the measurements, begun by Keeling in 1958.
# * Y. Dauphin et al., "Identifying and attacking the saddle point problem in high-dimensional non-convex
#   optimization", 2014: the absolute values of exercise 14.1.
# * `optim.NewtonCG` solves $H \phi = g$ by products with $H$ alone, so that many unknowns are no obstacle.
# * Lesson 15: what curvature does to gradient descent on a network.
