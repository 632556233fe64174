"""Lesson 6: one dimension."""

import numpy as np

from tutorials.comparison import told_apart
from tutorials.exercise import Exercise, Mistake, calls


def of_a_quartic(x):
    return x * (x**2 - 1) / 2


def of_a_parabola(x):
    return 0.8 * x - 0.2


def of_a_cosh(x):
    return np.sinh(x)


def catches_nothing(cycle):
    """Four functions whose descent ends in a cycle of two points."""
    cases = [("a quartic", of_a_quartic, 2.3, 1.01), ("a quartic, from the other side", of_a_quartic, 2.2, -0.9),
             ("log(cosh(x))", np.tanh, 3.0, 0.1), ("a quartic, just beyond the limit", of_a_quartic, 2.005, 1.01)]
    for name, slope, lr, start in cases:
        found = cycle(slope, lr, start)
        if not (isinstance(found, (tuple, list, np.ndarray)) and len(found) == 2):
            return f"for {name} it returns {found!r:.60}, not two points."
        a, b = map(float, found)
        if not abs(a - b) > 0.01:
            return f"for {name} it returns {a:.6f} and {b:.6f}, which are too near to each other to be a cycle."
        for here, there in ((a, b), (b, a)):
            reached = here - lr * slope(here)
            if not abs(reached - there) < 1e-10:
                found, wanted = told_apart(reached, there)
                return f"for {name} a step from {here:.8g} leads to {found}, not to {wanted}."
    return None


EXERCISES = [
    Exercise(
        "6.1",
        calls((0.3, 1.0), (0.5, 2.0), (0.75, 2.0), (1.0, 2.0), (1.5, 2.0), (0.5, -1.0), (0.0, 3.0), (2.0, 0.0),
              (4.0, -2.0), (0.1, 15.0), (0.01, 80.0), (1.5, 0.5), (2.5, 0.5), (0.25, 4.0)),
        equivalent=("abs(factor) >= 1", "if factor >= 0 else"),  # these factors are dealt with above
        mistakes=[
            Mistake("The limit depends on the curvature: with the rate alone nothing can be said.",
                    ("1 - lr * curvature", "1 - lr")),
            Mistake("The limit is 2 divided by the curvature; you multiply the rate by twice the curvature.",
                    ("1 - lr * curvature", "1 - 2 * lr * curvature")),
            Mistake("You took 1 / curvature for the limit, beyond which it only begins to swing.",
                    ("if abs(factor) > 1:", "if abs(factor) > 1 or factor < 0:")),
            Mistake("A parabola that is open below has no minimum: the run escapes without swinging.",
                    ("abs(factor) > 1", "factor < -1")),
            Mistake("Creeping and swinging are mixed up: a negative factor changes the side at every step.",
                    ("if factor > 0 else", "if factor < 0 else")),
            Mistake("At exactly 2 / curvature it neither arrives nor escapes.",
                    ("factor == -1", "factor == -99")),
            Mistake("At exactly 1 / curvature it arrives in one step.",
                    ("factor == 0", "factor == 99")),
            Mistake("Without a slope or a rate nothing moves.",
                    ("factor == 1", "factor == 99")),
            Mistake("The sign of the curvature is lost: a parabola open below is not one that is open above.",
                    ("1 - lr * curvature", "1 - lr * abs(curvature)")),
            Mistake("The factor is 1 - lr * curvature: a step goes against the slope.",
                    ("1 - lr * curvature", "1 + lr * curvature")),
            Mistake("The factor divides by the curvature, and the slope of a parabola is multiplied by it.",
                    ("1 - lr * curvature", "1 - lr / (curvature or np.inf)")),
        ],
    ),
    Exercise(
        "6.2",
        calls((of_a_quartic, 1.2, 1.5, 4), (of_a_parabola, -1.0, 0.7, 3), (of_a_cosh, 0.5, 2.2, 1),
              (of_a_parabola, 2.0, 0.3, 0)),
        mistakes=[
            Mistake("This climbs: a step goes against the slope.",
                    ("x - lr * slope(x)", "x + lr * slope(x)")),
            Mistake("The learning rate is missing in the step.",
                    ("x - lr * slope(x)", "x - slope(x)")),
            Mistake("x does not move on: each step starts where the last one ended.",
                    ("        x = after\n", "")),
            Mistake("The corners on the diagonal are missing: after each point on the curve go across to the diagonal.",
                    ("[(x, after), (after, after)]", "[(x, after)]")),
            Mistake("The corners on the curve are missing: from the diagonal go up or down to the curve first.",
                    ("[(x, after), (after, after)]", "[(after, after)]")),
            Mistake("The coordinates are swapped: the position is across, the next position up.",
                    ("(x, after), (after", "(after, x), (after")),
            Mistake("It starts on the axis: the first corner is on the diagonal.",
                    ("corners = [(x, x)]", "corners = [(x, 0.0)]")),
            Mistake("The first corner is missing: begin with (x, x).",
                    ("corners = [(x, x)]", "corners = []")),
            Mistake("One step too many.",
                    ("range(steps)", "range(steps + 1)")),
            Mistake("One step is missing.",
                    ("range(steps)", "range(steps - 1)")),
            Mistake("The step multiplies the position by the slope: the map is x - lr * slope(x).",
                    ("x - lr * slope(x)", "x * (1 - lr * slope(x))")),
            Mistake("The second corner uses the old position: it is on the diagonal, where both are the new one.",
                    ("(after, after)", "(x, x)")),
        ],
    ),
    Exercise("6.3", property=catches_nothing),
]
