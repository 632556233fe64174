"""Lesson 4: shapes."""

import numpy as np

from tutorials.comparison import told_apart
from tutorials.exercise import Exercise, Mistake, calls

RNG = np.random.default_rng(4)


def numbers(*shape):
    return RNG.normal(size=shape)


def is_no_cross_entropy(cross_entropy):
    """Loss, slope, shift and arguments, as the lesson states them."""
    rng = np.random.default_rng(0)
    for n, k in ((4, 3), (1, 5), (7, 2)):
        logits, labels = 2 * rng.normal(size=(n, k)), rng.integers(k, size=n)
        given = logits.copy(), labels.copy()
        result = cross_entropy(logits, labels)
        if not (isinstance(result, tuple) and len(result) == 2):
            return "it returns one thing, not two: the loss and the slope."
        loss, slope = result
        if not (np.array_equal(logits, given[0]) and np.array_equal(labels, given[1])):
            return "it changes its arguments: work on copies."
        expected = np.mean([np.log(np.sum(np.exp(row))) - row[label] for row, label in zip(logits, labels)])
        if np.ndim(loss):
            return f"the loss has the shape {np.shape(loss)}; it is one number, the mean over the examples."
        if not np.isclose(loss, expected, rtol=1e-12, atol=0):
            found, wanted = told_apart(float(loss), expected)
            return f"with shape {(n, k)} the loss is {found}, not {wanted}: it is the mean over the examples."
        if np.shape(slope) != (n, k):
            return f"the slope has the shape {np.shape(slope)}, not that of the logits, {(n, k)}."
        for i, j in np.ndindex(n, k):
            nudge = np.zeros((n, k))
            nudge[i, j] = 1e-5
            measured = (cross_entropy(logits + nudge, labels)[0] - cross_entropy(logits - nudge, labels)[0]) / 2e-5
            if not abs(slope[i, j] - measured) < 1e-7:
                found, wanted = told_apart(float(slope[i, j]), measured)
                return f"the slope at [{i}, {j}] is {found}; finite differences give {wanted}."
        shifted = cross_entropy(logits + 1000 * np.arange(1, n + 1)[:, None], labels)
        if not (np.isclose(shifted[0], loss, atol=1e-9) and np.allclose(shifted[1], slope, atol=1e-9)):
            return "with 1000 i added to row i it gives something else: subtract the largest of each row first."
    loss, slope = cross_entropy(np.array([[0.0, 1000.0], [-1000.0, 0.0]]), np.array([0, 1]))
    if not (np.isclose(loss, 500) and np.allclose(slope, [[-0.5, 0.5], [0, 0]])):
        return f"for the logits (0, 1000) and (-1000, 0) and the labels 0 and 1 the loss is {loss}, not 500."
    return None


EXERCISES = [
    Exercise(
        "4.1",
        calls((numbers(3, 4), (3, 4)), (numbers(3, 4), (4,)), (numbers(3, 4), (3, 1)), (numbers(2, 3, 4), (3, 1)),
              (numbers(2, 3, 4), (1, 3, 1)), (numbers(2, 3, 4), ()), (numbers(5, 5), (5, 1)), (numbers(5, 5), (5,)),
              (numbers(3, 3, 3), (1, 3))),
        mistakes=[
            Mistake("Axes that were added in front have to be summed as well.",
                    ("    added = g.ndim - len(shape)\n    g = np.sum(g, axis=tuple(range(added)))\n", "")),
            Mistake("Axes of length 1 that were stretched have to be summed as well.",
                    ("return np.sum(g, axis=stretched, keepdims=True)", "return g")),
            Mistake("A stretched axis keeps its place, with length 1: the result needs the argument's shape.",
                    ("axis=stretched, keepdims=True", "axis=stretched")),
            Mistake("The copies are averaged; but each of them matters, so their slopes are added.",
                    ("np.sum(g, axis=stretched", "np.mean(g, axis=stretched")),
            Mistake("The axes that were added are averaged; but each copy matters, so their slopes are added.",
                    ("np.sum(g, axis=tuple", "np.mean(g, axis=tuple")),
            Mistake("Broadcasting adds axes in front; you sum over the last ones.",
                    ("range(added)", "range(len(shape), g.ndim)")),
            Mistake("One slope is picked out of the copies; they have to be added up.",
                    ("np.sum(g, axis=stretched, keepdims=True)", "g[tuple(slice(0, n) for n in shape)]")),
            Mistake("The numbers are cut to the shape, not added up: reshape and resize do not sum.",
                    ("return np.sum(g, axis=stretched, keepdims=True)", "return np.resize(g, shape)")),
            Mistake("All of g is summed, whatever was broadcast: only the axes that differ are.",
                    ("tuple(i for i, n in enumerate(shape) if n == 1)", "tuple(range(g.ndim))")),
            Mistake("Only one axis is summed, and several can have been added.",
                    ("g = np.sum(g, axis=tuple(range(added)))", "g = np.sum(g, axis=0) if added else g")),
        ],
    ),
    Exercise(
        "4.2",
        calls((numbers(5, 3), numbers(5, 2), numbers(2, 3), numbers(3)),
              (numbers(1, 4), numbers(1, 3), numbers(3, 4), numbers(4)),
              (numbers(3, 3), numbers(3, 3), numbers(3, 3), numbers(3))),
        mistakes=[
            Mistake("The slope of b has the shape of g: b is used for every example, so sum over them.",
                    ("np.sum(g, axis=0)", "g")),
            Mistake("The slope of b is summed over the wrong axis: over the examples, which are the rows.",
                    ("axis=0", "axis=1")),
            Mistake("The slope of b is a mean; the loss, not the rule, decides whether to average.",
                    ("np.sum(g, axis=0)", "np.mean(g, axis=0)")),
            Mistake("The transpose of W is missing in the slope of X.",
                    ("g @ W.T", "g @ W")),
            Mistake("The transpose of X is missing in the slope of W.",
                    ("X.T @ g", "X @ g")),
            Mistake("The slope of X is its own transpose: g comes first and W.T second.",
                    ("g @ W.T", "(W @ g.T)")),
            Mistake("The slope of W is its own transpose: the shape must be that of W.",
                    ("X.T @ g", "g.T @ X")),
            Mistake("The slopes are in the wrong order: X, W, b.",
                    ("g @ W.T, X.T @ g,", "X.T @ g, g @ W.T,")),
            Mistake("The slope of b is one number: keep one for each output.",
                    ("np.sum(g, axis=0)", "np.sum(g)")),
            Mistake("The slope of W is divided by the number of examples; the loss, not the rule, decides about that.",
                    ("X.T @ g", "X.T @ g / len(g)")),
            Mistake("b does not change the slope of X: the derivative of a sum has no b in it.",
                    ("g @ W.T", "(g + b) @ W.T")),
        ],
    ),
    Exercise("4.3", property=is_no_cross_entropy),
]
