# %% [markdown]
# # 2. One node, forward and back
#
# **What you will see.** A neuron is a handful of small operations. Each of them can answer one question without
# knowing anything about the others: *if my result matters this much, how much does each of my inputs matter?*
# Ask the question from the last operation to the first, and you have the slope of the whole neuron with
# respect to everything that went in. That is backpropagation. The picture shows one neuron with all the
# answers on it, and we check each of them with a nudge.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import numpy as np

import minigrad
import tutorials
from minigrad import Tensor

# %% [markdown]
# ## Forward
#
# A neuron multiplies its inputs by weights, adds them up with a bias, and bends the sum with a tanh. The
# loss is the squared distance of its answer from a target. Here it is in single operations, each with a
# name for its result.

# %%
x1, x2, target = 2.0, -1.0, -0.5
w1, w2, b = 0.3, 0.8, 0.9

p1 = w1 * x1
p2 = w2 * x2
s = p1 + p2 + b
y = np.tanh(s)
error = y - target
loss = error**2
print(f"p1 = {p1}, p2 = {p2}, s = {s:.3f}, y = {y:.4f}, loss = {loss:.4f}")

# %% [markdown]
# ## Back
#
# Write $\bar v$ for the slope of the loss with respect to $v$: how much the loss grows if $v$ grows a little.
# For the loss itself it is 1. Each operation takes the slope of its result and multiplies it by its own
# derivative. This product is the operation's **vector-Jacobian product**, vjp for short; here all
# vectors are single numbers.
#
# | forward | back |
# | --- | --- |
# | $\ell = e^2$ | $\bar e = \bar\ell \cdot 2 e$ |
# | $e = y - t$ | $\bar y = \bar e \cdot 1$ |
# | $y = \tanh s$ | $\bar s = \bar y \cdot (1 - y^2)$ |
# | $s = p_1 + p_2 + b$ | $\bar p_1 = \bar p_2 = \bar b = \bar s$ |
# | $p_1 = w_1 x_1$ | $\bar w_1 = \bar p_1 \cdot x_1$ |
#
# Two patterns are worth remembering: a **sum** passes its slope on to all its inputs, and a **product** gives
# each input the slope times the *other* input.

# %%
loss_bar = 1.0
error_bar = loss_bar * 2 * error
y_bar = error_bar
s_bar = y_bar * (1 - y**2)        # the derivative of tanh, from its result alone
p1_bar = p2_bar = b_bar = s_bar   # a sum passes its slope on
w1_bar = p1_bar * x1              # a product: times the other one
w2_bar = p2_bar * x2
print(f"slopes by hand:  w1 {w1_bar:.6f}, w2 {w2_bar:.6f}, b {b_bar:.6f}")

# %% [markdown]
# ## The same by minigrad
#
# A `Tensor` records each operation as it happens. `backward` walks the record back, with the same
# rules: one line of NumPy for each.


# %%
def neuron(w1, w2, b):
    p1 = w1 * x1
    p2 = w2 * x2
    s = p1 + p2 + b
    y = np.tanh(s)
    return (y - target) ** 2


weights = [Tensor(value, requires_grad=True) for value in (w1, w2, b)]
neuron(*weights).backward()
print("slopes by minigrad:", *(f"{weight.grad:.6f}" for weight in weights))
assert np.allclose([weight.grad for weight in weights], [w1_bar, w2_bar, b_bar], rtol=1e-14)

# %% [markdown]
# `minigrad.explain` runs the walk and shows each rule with the numbers that went through it. Read it beside the
# table above.

# %%
explanation = minigrad.explain(neuron, w1, w2, b)
print(explanation)

# %% [markdown]
# ## The picture
#
# Values flow from left to right, slopes from right to left. In every box: the value, and below it the slope
# of the loss with respect to it.

# %%
picture = minigrad.draw(explanation)
tutorials.picture(picture, "02_one_node")

# %% [markdown]
# **The claim, checked.** Every slope in the picture says what a nudge does: change this one value by $h$, let the
# rest of the neuron run, and the loss changes by slope times $h$. We cut the neuron open at each box.

# %%
rest_of_the_neuron = {
    "p1": (p1, lambda p1: (np.tanh(p1 + p2 + b) - target) ** 2),
    "p2": (p2, lambda p2: (np.tanh(p1 + p2 + b) - target) ** 2),
    "s": (s, lambda s: (np.tanh(s) - target) ** 2),
    "y": (y, lambda y: (y - target) ** 2),
    "w1": (w1, lambda w1: neuron(w1, w2, b)),
    "w2": (w2, lambda w2: neuron(w1, w2, b)),
    "b": (b, lambda b: neuron(w1, w2, b)),
}
slopes = {row.name: row.gradient for row in explanation.rows}
h = 1e-5
for name, (value, rest) in rest_of_the_neuron.items():
    nudged = (rest(value + h) - rest(value - h)) / (2 * h)
    print(f"{name:2}: slope in the picture {slopes[name]: .8f}, by a nudge {nudged: .8f}")
    assert abs(slopes[name] - nudged) < 1e-9

# %% [markdown]
# Why from the end to the front, and not the other way? The neuron has three weights and one loss. A nudge
# costs a run for each weight; the walk back costs one run for all of them. For a network with a million
# weights this is the difference between one run and a million runs.
#
# ## Exercise 2.1: The rule of a quotient
#
# In minigrad's table a rule gets `g`, the slope of the loss with respect to the result; `ans`, the result; and
# the inputs. Write the rule of $x / y$: return the slopes with respect to $x$ and to $y$, in this order.

# %% exercise 2.1


def quotient_vjp(g, ans, x, y):
    """Return the slopes of the loss with respect to x and y, where ans = x / y."""
    # BEGIN SOLUTION
    return g / y, -g * ans / y
    # END SOLUTION


# %% [markdown]
# ## Exercise 2.2: The rule of a length
#
# Now with vectors. `ans` is the length of the vector `x`, that is the root of the sum of its squares. The result is
# one number, so `g` is one, too; the slope with respect to `x` has the shape of `x`. How does the length change
# if one component grows a little? Think of a small arrow added to a long one. At the zero vector, where the
# length has a kink, return zeros.

# %% exercise 2.2


def length_vjp(g, ans, x):
    """Return the slope of the loss with respect to the vector x, where ans is the length of x."""
    # BEGIN SOLUTION
    if ans == 0:
        return np.zeros_like(x)
    return g * x / ans
    # END SOLUTION


# %% [markdown]
# ## Exercise 2.3: A function of your own
#
# Teach minigrad a new function: `minigrad.primitive(function, rule)` takes a function of an array, elementwise,
# and its rule `rule(g, ans, x)`, both in plain NumPy. Choose a function that bends and that NumPy does not have
# under a name of its own, as it has `np.sin` and `np.square`. Return the primitive.
#
# The check: your function is new and not a straight line; at a hundred points its first derivative agrees with
# finite differences; and so does the second, which minigrad gets from your rule by differentiating it.

# %% exercise 2.3


def my_function():
    """Return a primitive of your own, elementwise."""
    # BEGIN SOLUTION
    return minigrad.primitive(lambda x: x / (1 + x * x), lambda g, ans, x: g * (1 - x * x) / (1 + x * x) ** 2)
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * `minigrad/rules/elementwise.py`: the rules of fifty functions, a line each. Find those of this lesson.
# * D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating errors" (1986).
# * Lesson 3: what happens when a value is used twice.
