"""Lesson 1: a slope by hand."""

import numpy as np

from tutorials.exercise import Exercise, Mistake, calls


def cubic(x):
    return x**3 - 2 * x


def with_complex_numbers(x):
    return np.exp(x) / (1 + x**2)


def misses_the_slope(good_step):
    """Seven digits, on functions of very different scales."""
    functions = [
        ("exp(x) at 1", np.exp, 1.0, np.e),
        ("sin(10000 x) at 0.3", lambda x: np.sin(1e4 * x), 0.3, 1e4 * np.cos(3e3)),
        ("sin(x / 10000) at 0.3", lambda x: np.sin(1e-4 * x), 0.3, 1e-4 * np.cos(3e-5)),
        ("log(x) at 1000000", np.log, 1e6, 1e-6),
        ("sqrt(x) at 0.01", lambda x: np.sqrt(np.abs(x)), 0.01, 5.0),
        ("x**3 at -2", lambda x: x**3, -2.0, 12.0),
        ("1 / x at 50", lambda x: 1 / x, 50.0, -1 / 2500),
        ("exp(30 x) at 0.5", lambda x: np.exp(30 * x), 0.5, 30 * np.exp(15)),
    ]
    for name, f, x, slope in functions:
        h = good_step(f, x)
        if not (np.ndim(h) == 0 and np.isfinite(h) and h > 0):
            return f"for {name} it returns {h!r}, which is not a positive number."
        error = abs((f(x + h) - f(x - h)) / (2 * h) / slope - 1)
        if not error < 1e-7:
            return f"for {name} it returns h = {h:.1e}: the relative error of the slope is {error:.0e}, not below 1e-7."
    return None


EXERCISES = [
    Exercise(
        "1.1",
        calls((np.exp, 1.0, 0.5), (cubic, -0.7, 0.1), (np.sin, 2.0, 1e-3), (cubic, np.array([1.0, -2.0]), 0.25)),
        mistakes=[
            Mistake("This is the forward difference: the second value belongs a step to the other side of x.",
                    ("(f(x + h) - f(x - h)) / (2 * h)", "(f(x + h) - f(x)) / h")),
            Mistake("This is the backward difference: the first value belongs a step to the other side of x.",
                    ("(f(x + h) - f(x - h)) / (2 * h)", "(f(x) - f(x - h)) / h")),
            Mistake("How far apart are the two points? The run is the whole distance between them.",
                    ("(2 * h)", "h")),
            Mistake("Mind the precedence: `/ 2 * h` divides by 2 and then multiplies by h.",
                    ("(2 * h)", "2 * h")),
            Mistake("The slope has the wrong sign: rise is the value on the right less the value on the left.",
                    ("f(x + h) - f(x - h)", "f(x - h) - f(x + h)")),
            Mistake("Parentheses are missing: the whole difference is divided, not its last term alone.",
                    ("(f(x + h) - f(x - h)) / (2 * h)", "f(x + h) - f(x - h) / (2 * h)")),
            Mistake("The two values are added: a slope comes from their difference.",
                    ("f(x + h) - f(x - h)", "f(x + h) + f(x - h)")),
            Mistake("This is the second difference, which measures how f bends, not how it climbs.",
                    ("(f(x + h) - f(x - h)) / (2 * h)", "(f(x + h) - 2 * f(x) + f(x - h)) / h**2")),
            Mistake("The steps are h / 2 to either side: then the run is h, not 2 h.",
                    ("f(x + h) - f(x - h)", "f(x + h / 2) - f(x - h / 2)")),
            Mistake("This is a central difference, and a good one, but with steps of h / 2: here the step to either "
                    "side is h.",
                    ("(f(x + h) - f(x - h)) / (2 * h)", "(f(x + h / 2) - f(x - h / 2)) / h")),
        ],
    ),
    Exercise(
        "1.2",
        calls((np.exp, 1.0, 0.1), (with_complex_numbers, 0.4, 0.01), (np.sin, 2.0, {"h": 1e-3}),
              (with_complex_numbers, -1.5)),
        mistakes=[
            Mistake("The slope is in the imaginary part of f(x + ih), not in the real part.",
                    ("np.imag", "np.real")),
            Mistake("The imaginary part is h f'(x): one more operation gives the slope.",
                    (" / h", "")),
            Mistake("The step is along the real axis: multiply it by 1j.",
                    ("1j * h", "h")),
            Mistake("There is one step, to one side, so the run is h, not 2 h.",
                    (" / h", " / (2 * h)")),
            Mistake("The size of f(x + ih) mixes its real and its imaginary part: take the imaginary part alone.",
                    ("np.imag", "np.abs")),
            Mistake("You stepped down the imaginary axis: f(x - ih) is the complex conjugate, so the sign is wrong.",
                    ("x + 1j", "x - 1j")),
            Mistake("np.angle is the angle of the number, not its imaginary part.",
                    ("np.imag", "np.angle")),
            Mistake("You divided by ih too early: 1 / i turns the imaginary part into the real one.",
                    ("np.imag(f(x + 1j * h)) / h", "np.imag(f(x + 1j * h) / (1j * h))")),
        ],
    ),
    Exercise("1.3", property=misses_the_slope),
]
