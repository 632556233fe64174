"""Elementwise functions. A line a function: what each argument receives when the result receives `g`.

In every rule `g` is the incoming gradient, `ans` the result, `x` and `y` the arguments. Broadcasting is undone by the tape.
"""

import operator

import numpy as np

from ..registry import constant, rule

# Arithmetic

rule(np.add, lambda g, ans, x, y: g, lambda g, ans, x, y: g, run=operator.add)
rule(np.subtract, lambda g, ans, x, y: g, lambda g, ans, x, y: -g, run=operator.sub)
rule(np.multiply, lambda g, ans, x, y: g * y, lambda g, ans, x, y: g * x, run=operator.mul)
rule(np.divide, lambda g, ans, x, y: g / y, lambda g, ans, x, y: -g * ans / y, run=operator.truediv)
rule(np.negative, lambda g, ans, x: -g, run=operator.neg)
rule(np.positive, lambda g, ans, x: g, run=operator.pos)
rule(np.square, lambda g, ans, x: 2 * g * x, run=lambda x: x * x)
rule(np.reciprocal, lambda g, ans, x: -g * ans * ans)


# Powers. y * x**(y - 1) is written so that x**1 and x**0 stay exact at x = 0, in second order too.

def _lowered(y):
    return (y - 1 if y != 0 else 1) if isinstance(y, (int, float)) else np.where(y == 0, 1, y - 1)


rule(np.power,
     lambda g, ans, x, y: g * y * x ** _lowered(y),
     lambda g, ans, x, y: g * ans * np.log(np.where(x == 0, 1, x)),
     run=operator.pow)
rule(np.sqrt, lambda g, ans, x: g / (2 * ans))

# Exponentials and logarithms

rule(np.exp, lambda g, ans, x: g * ans)
rule(np.log, lambda g, ans, x: g / x)

# Hyperbolic functions

rule(np.tanh, lambda g, ans, x: g * (1 - ans * ans))

# Kinks: equal arguments share the gradient of maximum equally, and abs has slope 0 at 0.

rule(np.absolute, lambda g, ans, x: g * np.sign(x))
rule(np.maximum, lambda g, ans, x, y: g * (x > y) + g * (x == y) * 0.5, lambda g, ans, x, y: g * (y > x) + g * (x == y) * 0.5)
rule(np.minimum, lambda g, ans, x, y: g * (x < y) + g * (x == y) * 0.5, lambda g, ans, x, y: g * (y < x) + g * (x == y) * 0.5)

# np.where rather than a product: NaN in the branch not taken stays out.

rule(np.where, None, lambda g, ans, c, x, y: np.where(c, g, 0), lambda g, ans, c, x, y: np.where(c, 0, g))

constant(np.sign, np.floor, np.ceil, np.rint, np.trunc, np.floor_divide, np.isnan, np.isinf, np.isfinite, np.signbit,
         np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
         np.logical_and, np.logical_or, np.logical_xor, np.logical_not)
