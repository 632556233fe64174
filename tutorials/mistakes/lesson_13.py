"""Lesson 13: non-convex land."""

import numpy as np

from tutorials.exercise import Exercise, Mistake, calls


def kicks(kicked):
    """Gradients on both sides of the threshold by each way to measure them, and the same random numbers for all."""
    theta = np.array([1.0, -2.0, 0.5])
    cases = {
        "a long gradient": ([3.0, -4.0, 0.0], 0.5, 0.1),
        "a gradient of zeros": ([0.0, 0.0, 0.0], 1e-3, 0.1),
        "a gradient of length 0.5 and the threshold 0.4": ([0.5, 0.0, 0.0], 0.4, 2.0),
        "the gradient (0.3, 0.3, 0.3) and the threshold 0.5": ([0.3, 0.3, 0.3], 0.5, 2.0),
        "a gradient just as long as the threshold": ([0.0, 0.5, 0.0], 0.5, 2.0),
        "a short gradient and a short kick": ([1e-3, 0.0, -1e-3], 0.01, 1e-3),
        "a gradient as long as the threshold": ([0.0, 0.25, 0.0], 0.25, 2.0),
    }
    for number, (name, (grad, threshold, radius)) in enumerate(cases.items()):
        before, grad = theta.copy(), np.array(grad)
        moved = kicked(before, grad, threshold, radius, np.random.default_rng(number))
        yield f"with {name}, what kicked returns", moved
        yield f"with {name}, the theta that was handed in", before.copy()
        yield f"with {name}, whether theta and the result share memory", bool(np.shares_memory(before, moved))


def two_wells(p):
    """Return the slope of (x² - 1)² / 4 + y² / 2."""
    x, y = p
    return np.stack([x * (x**2 - 1), y])


def sixteen_wells(p):
    """Return the slope of the sum of (x² - 1)² / 4 over four coordinates."""
    return p * (p**2 - 1)


def himmelblau(p):
    """Return the slope of (x² + y - 11)² + (x + y² - 7)²."""
    x, y = p
    one, other = 2 * (x**2 + y - 11), 2 * (x + y**2 - 7)
    return np.stack([2 * x * one + other, one + 2 * y * other])


def misses_the_share(basin_share):
    landscapes = [
        ("two wells", two_wells, (1, 0), (-1, -1), (3, 1), 0.75),
        ("16 wells in four dimensions", sixteen_wells, (1, 1, -1, 1), (-1, -1, -2, -0.5), (2, 1, 0.5, 2), 0.2133),
        ("Himmelblau's function", himmelblau, (3, 2), (-6, -6), (6, 6), 0.263),
    ]
    for name, slope, *corners, share in landscapes:
        found = basin_share(slope, *(np.array(corner, dtype=float) for corner in corners), np.random.default_rng(0))
        if not (np.ndim(found) == 0 and np.isfinite(found)):
            return f"for {name} it returns {found!r:.60}, not a number."
        if abs(found - share) > 0.04:
            return f"for {name} it returns {found:.3f}; the share of the starts is {share:.3f}, to be met within 0.04."
    return None


EXERCISES = [
    Exercise(
        "13.1",
        calls((0.01, 0.5, 0.1, 2.0), (-1e-4, 0.5, 0.1, 2.0), (1e-6, 2.0, 0.3, 5.0), (0.3, 0.5, 0.05, 1.0),
              (0.001, 1.0, 0.5, 4.0)),
        mistakes=[
            Mistake("log(1 + a) is smaller than a: with a for it, the escape looks faster than it is.",
                    ("np.log(1 + lr * curvature)", "(lr * curvature)")),
            Mistake("This number of steps is not quite enough: the distance is to be at least `target` after them.",
                    ("np.ceil", "np.floor")),
            Mistake("Rounding to the nearest whole number may be a step too few.",
                    ("np.ceil", "np.round")),
            Mistake("The start may be on the other side of the ridge, where `distance` is negative.",
                    ("abs(distance)", "distance")),
            Mistake("This is the factor beside a minimum, which shrinks: a negative curvature makes it grow.",
                    ("1 + lr", "1 - lr")),
            Mistake("The quotient is upside down: the distance has to grow, from `distance` to `target`.",
                    ("target / abs(distance)", "abs(distance) / target")),
            Mistake("A logarithm is missing below the line: the k-th power of the factor equals the quotient.",
                    ("np.log(1 + lr * curvature)", "(1 + lr * curvature)")),
            Mistake("Each step multiplies the distance: how often is asked of a logarithm, not of a division.",
                    ("np.log(target / abs(distance)) / np.log(1", "target / abs(distance) / (1")),
            Mistake("The curvature is the second derivative already: the 2 of the example is in it.",
                    ("1 + lr * curvature", "1 + 2 * lr * curvature")),
            Mistake("A number of steps is a whole number.",
                    ("int(np.ceil(np.log(target / abs(distance)) / np.log(1 + lr * curvature)))",
                     "np.log(target / abs(distance)) / np.log(1 + lr * curvature)")),
            Mistake("This is a step too many: after the step before, it was far enough already.",
                    ("curvature)))", "curvature))) + 1")),
        ],
    ),
    Exercise(
        "13.2",
        kicks,
        mistakes=[
            Mistake("This compares the square of the length with the threshold.",
                    ("np.linalg.norm(grad)", "np.sum(grad**2)")),
            Mistake("The other way round: a kick is for those who stand still.",
                    (">= threshold", "< threshold")),
            Mistake("This looks at the largest entry; the threshold is for the length of the whole gradient.",
                    ("np.linalg.norm(grad)", "np.abs(grad).max()")),
            Mistake("The kick has a random length: divide the direction by its own.",
                    (" / np.linalg.norm(direction)", "")),
            Mistake("The kick always has length 1: what is `radius` for?",
                    ("radius * direction", "direction")),
            Mistake("This is the kick alone: it starts from theta.",
                    ("return theta + radius", "return radius")),
            Mistake("theta itself was changed: return a new array.",
                    ("return theta + radius * direction / np.linalg.norm(direction)",
                     "theta += radius * direction / np.linalg.norm(direction)\n    return theta")),
            Mistake("All your kicks go the same way, up in every coordinate: a direction may also be negative.",
                    ("direction = rng.normal(size=theta.shape)", "direction = np.abs(rng.normal(size=theta.shape))")),
            Mistake("Numbers drawn from a cube prefer its corners: normal ones prefer no direction.",
                    ("rng.normal(size=theta.shape)", "rng.uniform(-1, 1, size=theta.shape)")),
            Mistake("A kick is random, not along the gradient: on the ridge the gradient is 0, and points nowhere.",
                    ("direction = rng.normal(size=theta.shape)", "direction = -grad")),
            Mistake("It kicks at every step, also where the slope is steep.",
                    ("if np.linalg.norm(grad) >= threshold:", "if False:")),
            Mistake("Without a kick, theta itself is returned: a change of the result changes it too. Return a copy.",
                    ("theta.copy()", "theta")),
        ],
    ),
    Exercise("13.3", property=misses_the_share, seconds=30),
]
