"""Lesson 14: curvature."""

import numpy as np

from tutorials.exercise import Exercise, Mistake, calls

TURN = np.linalg.qr(np.array([[3.0, 1.0, -2.0], [1.0, 2.0, 0.5], [0.3, -1.0, 1.0]]))[0]


def hessian_of(*curvatures):
    """Return a symmetric matrix with these eigenvalues, and eigenvectors that lie askew."""
    return TURN * curvatures @ TURN.T


def decay(theta):
    """Residuals of an exponential fit."""
    height, rate = theta
    return height * np.exp(-rate * np.array([0.0, 1.0, 2.0, 4.0])) - np.array([2.1, 1.2, 0.8, 0.1])


def slopes_of_decay(theta):
    """Their Jacobian."""
    height, rate = theta
    x = np.array([0.0, 1.0, 2.0, 4.0])
    return np.stack([np.exp(-rate * x), -height * x * np.exp(-rate * x)], axis=1)


def bad_slopes_of_decay(theta):
    """A Jacobian with the wrong sign, so that every trial fails."""
    return -slopes_of_decay(theta)


def breaks_the_secant_equation(update):
    """Follow exact line searches on a quadratic and look at the matrix after each."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(4, 4))
        H, theta, B = A @ A.T + np.eye(4), rng.normal(size=4), np.diag(rng.uniform(0.5, 2, size=4))
        for step in range(1, 5):
            g = H @ theta
            d = B @ g
            s = -(g @ d) / (d @ H @ d) * d
            theta, y = theta + s, H @ s
            B = np.asarray(update(B.copy(), s.copy(), y.copy()), dtype=float)
            if B.shape != (4, 4):
                return f"for four unknowns it returns an array of shape {B.shape}, not (4, 4)."
            if not np.allclose(B @ y, s, rtol=1e-6, atol=1e-9):
                return f"after step {step} the secant equation does not hold: B y is {B @ y}, and s is {s}."
            if not np.allclose(B, B.T, rtol=1e-6, atol=1e-9):
                return f"after step {step} the matrix is not symmetric."
            lowest = np.linalg.eigvalsh(B)[0]
            if lowest <= 0:
                return f"after step {step} its smallest eigenvalue is {lowest:.3g}; it must be positive."
        if not np.allclose(B @ H, np.eye(4), atol=1e-5):
            return ("after four steps with four unknowns it is not the inverse of H: does the new matrix keep what the "
                    "old one knew?")
    return None


EXERCISES = [
    Exercise(
        "14.1",
        calls((np.array([1.0, -2.0, 0.5]), hessian_of(-3.0, 0.4, 7.0), 0.01),
              (np.array([0.3, 20.0, -4.0]), hessian_of(-0.02, 0.5, 12.0), 0.1),
              (np.array([-5.0, 0.2, 1.0]), hessian_of(1e-12, 0.3, 90.0), 0.5)),
        mistakes=[
            Mistake("This is Newton's own step, without the repair: along negative curvature it leads up.",
                    ("np.maximum(np.abs(curvatures), smallest)", "curvatures")),
            Mistake("Negative curvatures have become `smallest`; their size is lost, and the step is far too long.",
                    ("np.abs(curvatures)", "curvatures")),
            Mistake("A curvature near 0 makes the step nearly endless: what is `smallest` for?",
                    ("np.maximum(np.abs(curvatures), smallest)", "np.abs(curvatures)")),
            Mistake("`smallest` is a lower bound of the curvatures; you made it the upper one.",
                    ("np.maximum", "np.minimum")),
            Mistake("`smallest` is added to every curvature. Only those that are smaller need it.",
                    ("np.maximum(np.abs(curvatures), smallest)", "(np.abs(curvatures) + smallest)")),
            Mistake("High curvature means a short step: divide by it.",
                    ("slopes / np", "slopes * np")),
            Mistake("The step is subtracted from theta, so it points uphill, as the gradient does.",
                    ("return vectors", "return -vectors")),
            Mistake("The eigenvectors are the columns. For the gradient's part along each, the transpose comes first.",
                    ("slopes = vectors.T @ gradient", "slopes = vectors @ gradient"),
                    ("return vectors @", "return vectors.T @")),
            Mistake("The step is still in the coordinates of the eigenvectors: turn it back.",
                    ("return vectors @ (", "return (")),
            Mistake("The gradient has to be turned into the coordinates of the eigenvectors first.",
                    ("slopes = vectors.T @ gradient", "slopes = gradient")),
            Mistake("These are square roots of the curvatures, as in Adam. Newton divides by the curvature itself.",
                    ("np.maximum(np.abs(curvatures), smallest)", "np.sqrt(np.maximum(np.abs(curvatures), smallest))")),
        ],
    ),
    Exercise(
        "14.2",
        calls((decay, slopes_of_decay, np.array([1.0, 1.0]), 0.5), (decay, slopes_of_decay, np.array([2.0, 0.4]), 3.0),
              (decay, bad_slopes_of_decay, np.array([1.0, 1.0]), 0.2)),
        mistakes=[
            Mistake("The damping is missing: this is Gauss-Newton.",
                    ("J.T @ J + mu * np.eye(len(theta))", "J.T @ J")),
            Mistake("mu is added to every entry of the matrix; only the diagonal is damped.",
                    ("mu * np.eye(len(theta))", "mu")),
            Mistake("The damping is subtracted: that makes the matrix less safe, not more.",
                    ("J.T @ J + mu", "J.T @ J - mu")),
            Mistake("This damping multiplies the diagonal of JᵀJ (a later version of the method); here it is mu times "
                    "the unit matrix.",
                    ("mu * np.eye(len(theta))", "mu * np.diag(np.diag(J.T @ J))")),
            Mistake("The step goes uphill: it is subtracted from theta, in the trial and in the result.",
                    ("residuals(theta - phi)", "residuals(theta + phi)"), ("return theta - phi", "return theta + phi")),
            Mistake("A step that fails is made all the same: stay where you are.",
                    ("return theta, mu * 10", "return theta - phi, mu * 10")),
            Mistake("The two factors are swapped: after success trust the model more, so damp less.",
                    ("mu / 10", "mu * 10.0"), ("return theta, mu * 10", "return theta, mu / 10.0")),
            Mistake("After a success, mu must change too.",
                    ("mu / 10", "mu")),
            Mistake("After a failure, mu must grow, or the next trial is the same one.",
                    ("return theta, mu * 10", "return theta, mu")),
            Mistake("You compare the sums of the residuals; those of their squares count.",
                    ("there @ there < r @ r", "there.sum() < r.sum()")),
            Mistake("The comparison is the wrong way round: go where the sum of squares is smaller.",
                    ("there @ there < r @ r", "there @ there > r @ r")),
            Mistake("On the right belongs the gradient, which is Jᵀr.",
                    ("np.eye(len(theta)), J.T @ r)", "np.eye(len(theta)), r[:len(theta)])")),
        ],
        equivalent=("there @ there <= r @ r",),
    ),
    Exercise("14.3", property=breaks_the_secant_equation),
]
