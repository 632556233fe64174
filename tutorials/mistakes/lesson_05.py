"""Lesson 5: trust, but check."""

import numpy as np

from tutorials.exercise import Exercise, Mistake, calls

RULES = {
    "sine": (np.sin, np.cos),
    "cosine": (np.cos, np.sin),                                                        # the sign
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "size": (lambda x: np.sqrt(x**2 + 0.1), lambda x: np.abs(x) / np.sqrt(x**2 + 0.1)),  # right for positive x
    "square": (lambda x: x**2, lambda x: 2 * x**2),                                    # right at 0 and 1
    "wave": (lambda x: np.sin(2 * np.pi * x), lambda x: 2 * np.pi * np.ones_like(x)),  # right at whole numbers
    "huge": (lambda x: 1e7 * np.exp(x), lambda x: 1e7 * np.exp(x)),
    "tiny": (lambda x: 1e-6 * np.sin(x), lambda x: 1.1e-6 * np.cos(x)),                # ten per cent too large
    "tiny and right": (lambda x: 1e-6 * np.sin(x), lambda x: 1e-6 * np.cos(x)),
    "gone": (lambda x: 1 / (1 + x**2), lambda x: np.full_like(x, np.nan)),             # not a number
    "straight": (lambda x: 3 * x, lambda x: np.full_like(x, 2.0)),                     # too small everywhere
    "falling": (lambda x: -np.exp(x), lambda x: -np.exp(x)),
    "level": (lambda x: 3 + 0 * x, lambda x: 0 * x),
    "steep": (lambda x: np.tanh(20 * x), lambda x: 20 * (1 - np.tanh(20 * x) ** 2)),
    "offset": (lambda x: 1000 + np.tanh(x), lambda x: 1 - np.tanh(x) ** 2),
}
FEWER = {name: RULES[name] for name in ("cube", "tiny", "sine", "wave")}
RIGHT = {name: RULES[name] for name in ("huge", "sine", "tiny and right")}


def searches(wrong_rules):
    """Three dictionaries of rules."""
    for title, rules in (("fifteen rules", RULES), ("four rules", FEWER), ("three rules that are right", RIGHT)):
        yield f"the answer for {title}", wrong_rules(dict(rules))


def misses_kinks(has_kink):
    """Seven functions with a kink, seven without."""
    cases = [
        ("abs(x) at 0", np.abs, 0.0, True),
        ("abs(x) at 1", np.abs, 1.0, False),
        ("max(x, 0) at 0", lambda x: np.maximum(x, 0), 0.0, True),
        ("max(x, 2 - x) at 1", lambda x: np.maximum(x, 2 - x), 1.0, True),
        ("sin(x) at 1", np.sin, 1.0, False),
        ("1000 |x - 2| + x at 2", lambda x: 1000 * np.abs(x - 2) + x, 2.0, True),
        ("0.001 |x| at 0", lambda x: 1e-3 * np.abs(x), 0.0, True),
        ("|sin(x)| at pi", lambda x: np.abs(np.sin(x)), np.pi, True),
        ("x if x < 0 else x / 2 at 0", lambda x: np.where(x < 0, x, x / 2), 0.0, True),
        ("x |x| at 0", lambda x: x * np.abs(x), 0.0, False),
        ("tanh(100 x) at 0.005", lambda x: np.tanh(100 * x), 0.005, False),
        ("sqrt(x**2 + 1e-6) at 0", lambda x: np.sqrt(x**2 + 1e-6), 0.0, False),
        ("1000 x**2 at 0", lambda x: 1000 * x**2, 0.0, False),
        ("the constant 3 at 1", lambda x: 3.0 + 0 * x, 1.0, False),
    ]
    for name, f, x, kink in cases:
        answer = has_kink(f, x)
        if not isinstance(answer, (bool, np.bool_)):
            return f"for {name} it returns {answer!r:.60}, not True or False."
        if answer != kink:
            return f"for {name} it returns {answer}, and there is {'a' if kink else 'no'} kink."
    return None


A, B = np.array([1.0, -3.0, 1e-6, 0.0, 200.0]), np.array([1.1, -2.9, 1.3e-6, 0.0, 201.0])
EXERCISES = [
    Exercise(
        "5.1",
        calls((A, B), (B, A), (np.zeros(3), np.zeros(3)), (np.array([1.0, 2.0]), np.array([1.0, 2.0])),
              (np.array([0.0, 1.0]), np.array([1e-9, 1.0])), (np.array([2.0, -4.0]), np.array([2.5, -4.1])),
              (np.array([1.0, 1.0]), np.array([-1.0, 0.5])), (np.array([[3.0], [5.0]]), np.array([[3.0], [4.0]])),
              (np.array([-3.0, -1.0]), np.array([-3.3, -1.0])), (np.array([-3.0]), np.array([2.0]))),
        equivalent=("size >= 0", "size, 2), 0)", "size, 0), 0)"),
        mistakes=[
            Mistake("This is the absolute error: divide it by the size of the numbers.",
                    ("difference / np.where(size > 0, size, 1)", "difference")),
            Mistake("You divide by the size of the first number alone; take the larger of both.",
                    ("np.maximum(np.abs(found), np.abs(measured))", "np.abs(found)")),
            Mistake("You divide by the size of the second number alone; take the larger of both.",
                    ("np.maximum(np.abs(found), np.abs(measured))", "np.abs(measured)")),
            Mistake("You divide by the smaller of the two sizes: the error then looks larger than it is.",
                    ("np.maximum", "np.minimum")),
            Mistake("You divide by the sum of the sizes, not by the larger one.",
                    ("np.maximum(np.abs(found), np.abs(measured))", "np.abs(found) + np.abs(measured)")),
            Mistake("Where both numbers are 0 this divides 0 by 0: the error there is 0.",
                    ("np.where(size > 0, difference / np.where(size > 0, size, 1), 0)", "difference / size")),
            Mistake("A mean hides a single wrong number among many right ones: return the largest error.",
                    ("np.max(np.where", "np.mean(np.where")),
            Mistake("The size of the difference counts, not its sign: np.abs is missing.",
                    ("difference = np.abs(found - measured)", "difference = found - measured")),
            Mistake("The larger of two numbers is not the larger of their sizes: -3 is smaller than 1, and bigger.",
                    ("np.maximum(np.abs(found), np.abs(measured))", "np.maximum(found, measured)")),
            Mistake("All errors are returned; return the largest.",
                    ("np.max(np.where(size > 0, difference / np.where(size > 0, size, 1), 0))",
                     "np.where(size > 0, difference / np.where(size > 0, size, 1), 0)")),
            Mistake("You divide by the largest number of the whole array: small slopes are then never wrong.",
                    ("np.abs(found), np.abs(measured))", "np.abs(found), np.abs(measured)).max()")),
        ],
    ),
    Exercise(
        "5.2",
        searches,
        equivalent=("-> x = np.linspace(", "-> h = 2e-05", "error <= 2e-05"),  # any fine grid will do
        mistakes=[
            Mistake("Only positive points are tried, and a rule can be right for these and wrong for negative ones.",
                    ("np.linspace(-1.97, 1.9, 50)", "np.linspace(0.03, 1.9, 50)")),
            Mistake("Only whole numbers are tried; some functions are special there.",
                    ("np.linspace(-1.97, 1.9, 50)", "np.arange(-2.0, 3.0)")),
            Mistake("The error is compared with a fixed number: tiny slopes then always pass, and huge ones never do.",
                    ("1e-5 * np.max(np.abs(measured))", "1e-5")),
            Mistake("A rule that gives nan passes, because a comparison with nan is never true.",
                    ("not error <= 1e-5 * np.max(np.abs(measured))", "error > 1e-5 * np.max(np.abs(measured))")),
            Mistake("The names of the right rules are returned: those that disagree are asked for.",
                    ("if not error <=", "if error <=")),
            Mistake("The list has to be sorted.",
                    ("sorted(wrong)", "wrong[::-1]")),
            Mistake("Your threshold is looser than ten per cent, and a rule that is ten per cent off is wrong.",
                    ("1e-5 * np.max", "0.2 * np.max")),
            Mistake("Right rules are called wrong: is the factor of the difference right, and the threshold above its "
                    "rounding error?",
                    ("/ (2 * h)", "/ h")),
            Mistake("Only the last rule is looked at: return after the loop, and collect inside it.",
                    ("            wrong.append(name)\n", "            wrong = [name]\n")),
            Mistake("An alleged slope that is too small passes: the size of the error counts, not its sign.",
                    ("np.max(np.abs(derivative(x) - measured))", "np.max(derivative(x) - measured)")),
        ],
    ),
    Exercise("5.3", property=misses_kinks),
]
