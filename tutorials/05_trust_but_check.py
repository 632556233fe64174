# %% [markdown]
# # 5. Trust, but check
#
# **What you will see.** Derivatives have a property that is rare in programming: you can check them completely
# without knowing the right answer. A rule and a finite difference are two independent ways to the same number. Where
# they agree to seven digits, the rule is right; where they do not, it is wrong. We check every elementwise rule of
# minigrad and draw the result as a table of tiles. Then somebody plants one wrong rule, and its tile goes dark.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigrad
import tutorials
from minigrad.registry import TABLE
from optim import viz

# %% [markdown]
# ## A rule and a difference
#
# The rule of `tanh` says $g \, (1 - y^2)$. The central difference of lesson 1 needs no rule at all.

# %%
x, h = np.array([-1.2, 0.3, 0.7]), 1e-5
by_rule = TABLE[np.tanh].vjps[0](1.0, np.tanh(x), x)
by_difference = (np.tanh(x + h) - np.tanh(x - h)) / (2 * h)
print("rule:      ", by_rule)
print("difference:", by_difference)

# %% [markdown]
# How near is near enough? An absolute error of $10^{-6}$ is excellent if the slope is 1000, and useless if the slope
# is $10^{-6}$. So we look at the **relative error**, and set it against what lesson 1 promises of a central
# difference: ten digits, seven of them safe.

# %%
print("relative error:", np.max(np.abs(by_rule - by_difference) / np.abs(by_difference)))

# %% [markdown]
# ## Every rule
#
# `TABLE` holds all rules. We take the functions that work number by number, find points where each is defined, and
# compare. (Three are left out: `heaviside` and `nextafter` have no slope worth the name, and `ldexp` takes whole
# numbers.)


# %%
def worst_error(function, rules):
    """Return the largest relative error of the rules of a function, over its arguments and twenty points."""
    rng = np.random.default_rng(0)
    for low, high in ((0.2, 0.8), (1.2, 1.8)):  # arccosh is defined above 1, arcsin below
        args = list(rng.uniform(low, high, size=(function.nin, 20)))
        with np.errstate(invalid="ignore"):
            ans = function(*args)
        if np.all(np.isfinite(ans)):
            break
    errors = []
    for position, rule in enumerate(rules):
        if rule is None:
            continue
        ahead, behind = list(args), list(args)
        ahead[position], behind[position] = args[position] + h, args[position] - h
        measured = (function(*ahead) - function(*behind)) / (2 * h)
        found = rule(np.ones(20), ans, *args)
        errors.append(np.max(np.abs(found - measured)) / max(np.max(np.abs(measured)), 1e-3))
    return max(errors)


functions = [function for function in TABLE
             if isinstance(function, np.ufunc) and hasattr(TABLE[function], "vjps") and function.signature is None
             and function not in (np.heaviside, np.nextafter, np.ldexp)]
rules = {function: list(TABLE[function].vjps) for function in functions}
errors = {function: worst_error(function, rules[function]) for function in functions}
worst = max(errors, key=errors.get)
print(len(functions), "functions; the largest error is that of", worst.__name__, f"with {errors[worst]:.0e}")

# %% [markdown]
# ## Somebody plants a mistake
#
# The derivative of $e^x$ is its own result, `ans`. Somebody copies this line for $e^x - 1$, where it is wrong: there,
# `ans` is one too small. Nothing crashes, and a network that uses it may even learn. The check is not impressed.

# %%
planted = {**rules, np.expm1: [lambda g, ans, x: g * ans]}
after = {function: worst_error(function, planted[function]) for function in functions}
print("caught:", [function.__name__ for function in functions if after[function] > 1e-6])

# %% [markdown]
# ## The picture
#
# One tile for each rule. The colour is the number of digits on which rule and difference agree.

# %%
columns = 7
rows = -(-len(functions) // columns)
with viz.style():
    figure, axes = plt.subplots(2, 1, figsize=(8, 7))
    for ax, found, title in zip(axes, (errors, after), ("minigrad's rules", "one wrong rule among them")):
        digits = np.full(rows * columns, np.nan)
        digits[:len(functions)] = [-np.log10(max(found[function], 1e-13)) for function in functions]
        tiles = ax.imshow(digits.reshape(rows, columns), cmap="viridis", vmin=0, vmax=12, aspect="auto")
        for i, function in enumerate(functions):
            ax.text(i % columns, i // columns, function.__name__, ha="center", va="center", fontsize=9,
                    color="white" if digits[i] < 8 else "black")
        ax.set(title=title, xticks=[], yticks=[])
        ax.grid(False)
    figure.colorbar(tiles, ax=axes, label="digits on which rule and difference agree")
tutorials.picture(figure, "05_trust_but_check")

# %% [markdown]
# **The claim, checked.** Every rule agrees to seven digits and more, the planted one on none, so no threshold
# between is a matter of taste.

# %%
assert len(functions) > 45
assert max(errors.values()) < 1e-7
assert after[np.expm1] > 0.1
assert all(after[function] == errors[function] for function in functions if function is not np.expm1)

# %% [markdown]
# ## The tool
#
# `minigrad.gradcheck` does this for a whole program of yours, for all arguments, and for the second derivative as
# well. It raises with the worst place and both numbers. Use it whenever you write a rule.

# %%
expm1 = minigrad.primitive(np.expm1, lambda g, ans, x: g * ans)
try:
    minigrad.gradcheck(lambda x: np.sum(expm1(x) ** 2), np.array([0.3, 0.7]))
except minigrad.GradientError as error:
    print(error)

# %% [markdown]
# One thing can fool the check: a **kink**. At 0 the function $|x|$ has no slope; the central difference says 0, the
# right and the left difference say 1 and -1. Rules have to choose something there (minigrad: 0). Check them at other
# points.
#
# ## Exercise 5.1: The relative error
#
# Write the measure. Divide the difference of two numbers by the larger of their sizes, so that it does not matter
# which comes first. Where both are 0 they agree, so the error is 0. Return the largest error in the arrays.

# %% exercise 5.1


def relative_error(found, measured):
    """Return the largest of |found - measured| / max(|found|, |measured|), 0 where both are 0."""
    # BEGIN SOLUTION
    size = np.maximum(np.abs(found), np.abs(measured))
    difference = np.abs(found - measured)
    return np.max(np.where(size > 0, difference / np.where(size > 0, size, 1), 0))
    # END SOLUTION


# %% [markdown]
# ## Exercise 5.2: Find the wrong rules
#
# You get a dictionary: from names to pairs of a function and its alleged derivative, both for arrays. All functions
# are defined and smooth between -2 and 2. Return the sorted list of the names whose derivative is wrong.
#
# Some of the wrong ones are right at some points, or for positive numbers. Some of the right ones have huge slopes,
# some wrong ones have tiny slopes.

# %% exercise 5.2


def wrong_rules(rules):
    """Return the names, sorted, of the rules whose derivative disagrees with finite differences."""
    # BEGIN SOLUTION
    x = np.linspace(-1.97, 1.9, 50)
    h = 1e-5
    wrong = []
    for name, (function, derivative) in rules.items():
        measured = (function(x + h) - function(x - h)) / (2 * h)
        error = np.max(np.abs(derivative(x) - measured))
        if not error <= 1e-5 * np.max(np.abs(measured)):
            wrong.append(name)
    return sorted(wrong)
    # END SOLUTION


# %% [markdown]
# ## Exercise 5.3: Is there a kink?
#
# Write a function that decides whether $f$ has a kink at $x$: a place where the slope jumps. You have the values of
# $f$ alone. A slope that changes fast, as that of $\tanh(100 x)$ or $\sqrt{x^2 + 10^{-6}}$, is not a kink.
#
# The check: fourteen functions, of large and small scale, half of them with a kink.
# (A hint: make the step smaller. What happens to the difference between the right and the left slope, with a kink and
# without?)

# %% exercise 5.3


def has_kink(f, x):
    """Return whether the slope of f jumps at x."""
    # BEGIN SOLUTION
    def jump(h):
        return abs((f(x + h) - f(x)) / h - (f(x) - f(x - h)) / h)

    wide, narrow = jump(1e-4), jump(1e-5)  # without a kink the jump shrinks by ten as well
    return bool(narrow > 0.5 * wide and narrow > 1e-6)  # below 1e-6 it is rounding
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * `help(minigrad.gradcheck)`, and `minigrad/finite_differences.py`.
# * `python -c "import minigrad; print(minigrad.coverage())"` lists every function of NumPy and what minigrad knows
# about   it.
# * The tests in `tests/minigrad` check each rule as we did, to second order.
