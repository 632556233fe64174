"""Lesson 2: one node, forward and back."""

import numpy as np

import minigrad
from minigrad.own_primitive import OwnPrimitive
from tutorials.exercise import Exercise, Mistake, calls

UFUNCS = [function for function in vars(np).values() if isinstance(function, np.ufunc) and "d->d" in function.types]


def is_no_rule(my_function):
    """A new primitive that bends, whose derivatives of first and second order agree with finite differences."""
    function = my_function()
    if not isinstance(function, OwnPrimitive):
        return (f"my_function returns {function!r:.60}, which has no rule of yours: return "
                "minigrad.primitive(function, rule).")
    x = np.random.default_rng(0).uniform(0.3, 1.7, size=100)
    value = function(x)
    if value.shape != x.shape:
        return f"your function makes shape {value.shape} of shape {x.shape}: write one that works elementwise."
    for known in UFUNCS:
        if np.allclose(value, known(x), rtol=1e-9):
            return f"NumPy has your function already: it is np.{known.__name__}. Choose one that is new."
    slopes = minigrad.grad(lambda x: np.sum(function(x)))(x)
    if np.ptp(slopes) < 1e-6 * (1 + np.max(np.abs(slopes))):
        return "your function is a straight line between 0.3 and 1.7: choose one that bends."
    try:
        minigrad.gradcheck(lambda x: np.sum(function(x) * np.cos(x)), x, order=2)
    except minigrad.GradientError as error:
        return f"your rule and finite differences disagree. {error}"
    return None


EXERCISES = [
    Exercise(
        "2.1",
        calls((0.7, 3.0 / 0.5, 3.0, 0.5), (-2.0, 0.25, -1.0, -4.0),
              (np.array([1.0, -3.0]), np.array([2.0, -0.2]), np.array([8.0, 1.0]), np.array([4.0, -5.0]))),
        mistakes=[
            Mistake("g is missing: the rule multiplies the derivative by the slope that comes in.",
                    ("g / y, -g * ans / y", "1 / y, -ans / y")),
            Mistake("The slope with respect to y has the wrong sign: does x / y grow if y grows?",
                    ("-g * ans / y", "g * ans / y")),
            Mistake("The slopes are in the wrong order: first x, then y.",
                    ("g / y, -g * ans / y", "-g * ans / y, g / y")),
            Mistake("The slope with respect to y is that of 1 / y alone: where is x?",
                    ("-g * ans / y", "-g / y**2")),
            Mistake("ans is x / y already: you have divided by y once more than the derivative does.",
                    ("-g * ans / y", "-g * ans / y**2")),
            Mistake("The derivative of x / y with respect to y has y squared below, not y.",
                    ("-g * ans / y", "-g * x / y")),
            Mistake("These are the slopes of the product x * y.",
                    ("g / y, -g * ans / y", "g * y, g * x")),
            Mistake("The slope with respect to x is that of a product: dividing by y makes it 1 / y, not y.",
                    ("g / y,", "g * y,")),
            Mistake("g belongs into both slopes, and the one of x lacks it.",
                    ("g / y,", "1 / y,")),
            Mistake("Only the slope with respect to x is returned: a rule has one for each input.",
                    ("g / y, -g * ans / y", "g / y")),
        ],
    ),
    Exercise(
        "2.2",
        calls((0.7, 5.0, np.array([3.0, -4.0])), (-2.0, 3.0, np.array([1.0, 2.0, 2.0])), (1.5, 0.0, np.zeros(3)),
              (2.5, 0.5, np.array([0.3, 0.4]))),
        mistakes=[
            Mistake("g is missing: the rule multiplies the derivative by the slope that comes in.",
                    ("g * x / ans", "x / ans")),
            Mistake("This is the slope of the squared length: the root has a derivative, too.",
                    ("g * x / ans", "g * 2 * x")),
            Mistake("Twice too large: the 2 of the square and the 1/2 of the root cancel.",
                    ("g * x / ans", "2 * g * x / ans")),
            Mistake("Half of what it should be: the 1/2 of the root and the 2 of the square cancel.",
                    ("g * x / ans", "g * x / (2 * ans)")),
            Mistake("You divided by the length twice: the slope of a length is a vector of length 1.",
                    ("g * x / ans", "g * x / ans**2")),
            Mistake("At the zero vector this divides 0 by 0: return zeros there.",
                    ("    if ans == 0:\n        return np.zeros_like(x)\n", "")),
            Mistake("Only the sign of each component is used: this is the slope of the sum of absolute values.",
                    ("g * x / ans", "g * np.sign(x)")),
            Mistake("The slope has the shape of x: each component has its own, do not add them up.",
                    ("g * x / ans", "g * np.sum(x) / ans")),
            Mistake("It is the other way up: x divided by the length, not the length divided by x.",
                    ("g * x / ans", "g * ans / x")),
        ],
    ),
    Exercise("2.3", property=is_no_rule),
]
