"""Lesson 21: the derivative written out."""

import numpy as np

import minigrad
from tutorials.comparison import told_apart, unlike
from tutorials.exercise import Exercise, Mistake, calls


def drawn(seed):
    """Return parameters and data of a network whose shapes all differ."""
    rng = np.random.default_rng(seed)
    return tuple([rng.normal(size=shape) for shape in ((3, 5), (5,), (5, 2), (2,), (7, 3), (7, 2))])


PLAIN = [("u", "*", "x", "y"), ("v", "*", "x", "y"), ("w", "+", "u", "v")]
IN_TURN = [("a", "exp", "x"), ("b", "exp", "x"), ("c", "*", "a", "y"), ("d", "*", "b", "y"), ("e", "-", "c", "d"),
           ("f", "-", "d", "c"), ("g", "exp", "d")]
APART = [("a", "-", "x", "y"), ("b", "-", "y", "x"), ("c", "+", "x", "y"), ("d", "exp", "x"), ("e", "log", "x"),
         ("f", "-", "a", "b"), ("g", "-", "x", "y"), ("h", "+", "g", "g")]


def is_no_huber_loss(huber):
    """Write the gradient out near 0, and run it elsewhere."""
    try:
        program = minigrad.program(minigrad.value_and_grad(huber), np.array([0.1, -0.2, 0.5, 0.3, -0.6]))
    except TypeError as error:
        return f"minigrad.program refuses the function: {error}"
    for x in (np.array([0.1, -0.2, 0.5, 0.3, -0.6]), np.array([3.0, -4.0, 0.5, 1.5, -0.9])):
        inside = np.abs(x) <= 1
        value = np.sum(np.where(inside, x * x / 2, np.abs(x) - 0.5))
        found, slope = program(x)
        if not np.allclose(found, value):
            got, wanted = told_apart(float(found), value)
            return f"The program gives {got} at {x.tolist()}, and Huber's loss there is {wanted}."
        if words := unlike(slope, np.clip(x, -1, 1), 1e-5, 1e-8):
            return f"The gradient at {x.tolist()} {words}."
    return None


EXERCISES = [
    Exercise(
        "21.1",
        calls(drawn(0), drawn(1)),
        mistakes=[
            Mistake("The square's derivative has a factor.", ("2 * error / error.size", "error / error.size")),
            Mistake("The mean divides by the number of all its elements.", ("/ error.size", "/ len(error)")),
            Mistake("The derivative of tanh is to be multiplied in.", (" * (1 - h * h)", "")),
            Mistake("The derivative of tanh needs the square of its value.", ("(1 - h * h)", "(1 - h)")),
            Mistake("The loss is a mean, not a sum.", ("np.mean(error * error)", "np.sum(error * error)")),
            Mistake("A bias's gradient is a sum over the rows, not their mean.", ("dz.sum(axis=0)", "dz.mean(axis=0)")),
            Mistake("The gradient by W2 is made of what entered that layer.", ("h.T @ derror",
                                                                               "np.tanh(h).T @ derror")),
            Mistake("The target is taken from the prediction, not added.", ("b2 - y", "b2 + y")),
        ],
    ),
    Exercise(
        "21.2",
        calls((PLAIN,), (IN_TURN,), (APART,), ([],)),
        mistakes=[
            Mistake("Later statements still read a name that is gone.",
                    ("*[stands_for.get(argument, argument) for argument in arguments]", "*arguments")),
            Mistake("The operation is part of what makes two calls the same.",
                    ("if call in first:", "if call[1:] in first:"), ("first[call] = name", "first[call[1:]] = name"),
                    ("stands_for[name] = first[call]", "stands_for[name] = first[call[1:]]")),
            Mistake("The order of the arguments matters.",
                    ("if call in first:", "call = (call[0], *sorted(call[1:]))\n        if call in first:")),
            Mistake("The name that a repeated statement stands for is the first one's.",
                    ("stands_for[name] = first[call]", "stands_for[first[call]] = name")),
            Mistake("A statement that repeats another is left out.",
                    ("            kept.append(", "        kept.append(")),
        ],
    ),
    Exercise("21.3", property=is_no_huber_loss),
]
