# %% [markdown]
# # 1. A slope by hand
#
# **What you will see.** A slope can be measured with two values of a function and a small step $h$. How
# small? If you make $h$ smaller, the answer gets better, and then it gets worse: the error draws a V. At
# its tip half of your digits are gone, and no choice of $h$ brings them back. This is why the rest of the
# course computes slopes by a chain of exact rules, and uses measured slopes only to check them.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import tutorials
from minigrad import grad
from optim import viz

# %% [markdown]
# ## The idea
#
# The slope of $f$ at $x$ is the limit of rise over run. A computer cannot take a limit, but it can take a
# small run:
#
# $$ f'(x) \approx \frac{f(x + h) - f(x)}{h} $$
#
# This is the **forward difference**. Let us try it on $e^x$ at $x = 1$, whose slope is $e$ itself.

# %%
x = 1.0
for h in (1e-1, 1e-3, 1e-5, 1e-7, 1e-9, 1e-11, 1e-13, 1e-15):
    slope = (np.exp(x + h) - np.exp(x)) / h
    print(f"h = {h:.0e}: slope {slope:.12f}, error {abs(slope - np.e):.1e}")

# %% [markdown]
# Down to $h \approx 10^{-8}$ each step gains digits. After that it loses them. Two errors are at work.
#
# **The curve bends.** Taylor's theorem says what the straight line misses:
#
# $$ \frac{f(x + h) - f(x)}{h} = f'(x) + \frac{h}{2} f''(x) + \dots $$
#
# This error shrinks with $h$.
#
# **Numbers have 16 digits.** Each value of $f$ is rounded, with a relative error of about
# $\varepsilon = 2^{-52} \approx 2 \cdot 10^{-16}$. The two values are nearly equal, so their difference
# keeps only the last digits, and the rounding error is divided by the tiny $h$: it *grows* like
# $\varepsilon / h$.

# %%
print("spacing of numbers near 1:", np.finfo(float).eps)
print("f(x + h) - f(x) for h = 1e-13:", np.exp(x + 1e-13) - np.exp(x), "of which most digits are noise")

# %% [markdown]
# The sum of the two, $h/2 + \varepsilon / h$ (up to constants), is smallest where both are equal, near
# $h = \sqrt{\varepsilon} \approx 10^{-8}$. The error there is about $10^{-8}$, too: *half* of the digits.
#
# ## A better formula for the same price
#
# Take a step to each side. By symmetry the term with $h f''$ cancels, and an error of order $h^2$ is left:
#
# $$ f'(x) = \frac{f(x + h) - f(x - h)}{2 h} - \frac{h^2}{6} f'''(x) - \dots $$
#
# This is the **central difference**. Its best $h$ is near $\varepsilon^{1/3}$, a few times $10^{-6}$, with
# an error near $\varepsilon^{2/3} \approx 10^{-11}$.

# %%
steps = 10.0 ** np.arange(-16, 0, 0.25)
points = np.linspace(0.5, 2, 200)[:, None]  # many points, so that no lucky rounding decides


def typical_error(slopes):
    """Return the median over the points of the relative error, for each step."""
    return np.median(np.abs(slopes / np.exp(points) - 1), axis=0)


forward = typical_error((np.exp(points + steps) - np.exp(points)) / steps)
central = typical_error((np.exp(points + steps) - np.exp(points - steps)) / (2 * steps))
for name, error in (("forward", forward), ("central", central)):
    print(f"{name}: best h {steps[np.argmin(error)]:.1e}, error {error.min():.0e}")

# %% [markdown]
# ## And with no error at all?
#
# `minigrad.grad` takes no step. It applies the rules of calculus to the operations of the function, one
# after the other, and each rule is exact. So its error is that of the last digit.

# %%
slope = grad(np.exp)
exact = max(abs(slope(point) / np.exp(point) - 1) for point in points[:, 0])
print("largest relative error of minigrad.grad:", exact)

# %% [markdown]
# ## The picture
#
# Both axes are logarithmic, so a power of $h$ is a straight line, and its exponent is the slope. On the right,
# where the curve bends, the slopes are 1 and 2. On the left, where digits run out, it is -1 for both.

# %%
with viz.style():
    figure, ax = plt.subplots(figsize=(8, 5))
    ax.loglog(steps, forward, "o-", markersize=4, label="forward difference")
    ax.loglog(steps, central, "s-", markersize=4, label="central difference")
    ax.axhline(np.finfo(float).eps, color="0.4", linestyle="--", label="rules of calculus (minigrad.grad)")
    ax.annotate("rounding: ε / h", (1e-13, 3e-2), fontsize=12)
    ax.annotate("bend: h", (3e-6, 1e-4), fontsize=12)
    ax.annotate("bend: h²", (3e-3, 1e-8), fontsize=12)
    ax.set(xlabel="step h", ylabel="relative error of the slope of exp", ylim=(3e-17, 3),
           title="Too large a step bends, too small a step rounds")
    ax.legend(loc="center left", bbox_to_anchor=(0, 0.25))
tutorials.picture(figure, "01_slope_by_hand")

# %% [markdown]
# **The claim, checked.** The tips are where the theory puts them, and the sides have the exponents that it
# gives.

# %%


def exponent(error, low, high):
    """Return the slope of log error against log step between two steps."""
    inside = (steps >= low) & (steps <= high)
    return np.polyfit(np.log(steps[inside]), np.log(error[inside]), 1)[0]


assert 1e-9 < steps[np.argmin(forward)] < 1e-7 and 1e-9 < forward.min() < 1e-7
assert 1e-6 < steps[np.argmin(central)] < 1e-4 and 1e-12 < central.min() < 1e-10
assert abs(exponent(forward, 1e-6, 1e-2) - 1) < 0.05 and abs(exponent(forward, 1e-15, 1e-10) + 1) < 0.1
assert abs(exponent(central, 1e-4, 1e-1) - 2) < 0.05 and abs(exponent(central, 1e-15, 1e-8) + 1) < 0.1
assert exact < 4 * np.finfo(float).eps

# %% [markdown]
# ## Exercise 1.1: The central difference
#
# Write the central difference for a function of a number.

# %% exercise 1.1


def central_difference(f, x, h):
    """Return the slope of f at x, from its values a step h to either side."""
    # BEGIN SOLUTION
    return (f(x + h) - f(x - h)) / (2 * h)
    # END SOLUTION


# %% [markdown]
# ## Exercise 1.2: The complex step
#
# Take the step in a direction in which nothing is subtracted: along the imaginary axis. For a function that
# accepts complex numbers,
#
# $$ f(x + i h) = f(x) + i h f'(x) - \frac{h^2}{2} f''(x) - \dots $$
#
# so the imaginary part holds the slope alone. Since no digits cancel, $h$ may be as small as you like:
# with $h = 10^{-20}$ the error of the bend is far below the last digit.

# %% exercise 1.2


def complex_step(f, x, h=1e-20):
    """Return the slope of f at x from one value of f, a step h along the imaginary axis."""
    # BEGIN SOLUTION
    return np.imag(f(x + 1j * h)) / h
    # END SOLUTION


# %% [markdown]
# ## Exercise 1.3: The best step for any function
#
# There is no $h$ that suits all functions: $\sin(10^4 x)$ bends ten thousand times as fast as $\sin x$, and
# near $x = 10^6$ a step of $10^{-11}$ changes nothing. Write a function that *finds* a good step for the
# central difference, from values of $f$ alone.
#
# The check: on eight functions of very different scales, the central difference with your step is right to
# seven digits. (A hint: where the step is good, a slightly different one gives nearly the same slope.)

# %% exercise 1.3


def good_step(f, x):
    """Return a step h for which the central difference of f at x is accurate."""
    # BEGIN SOLUTION
    h = max(1.0, abs(x)) * 10.0 ** np.arange(-14, 0, 0.25)
    slopes = np.array([(f(x + step) - f(x - step)) / (2 * step) for step in h])
    change = np.abs(np.diff(slopes))
    doubt = np.maximum(np.maximum(change[:-2], change[1:-1]), change[2:])  # one small change may be luck, three are not
    return h[np.argmin(doubt) + 1]
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * N. Higham, *Accuracy and Stability of Numerical Algorithms* (2002), chapter 1: why subtraction hurts.
# * W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions" (1998): the
#   complex step in two pages.
# * Lesson 5 turns the central difference into a tool that finds wrong derivative rules.
