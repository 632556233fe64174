"""Lesson 7: conditioning."""

import numpy as np

from tutorials.exercise import Exercise, Mistake, calls


def curved(*eigenvalues, seed=0):
    """Return a symmetric matrix with these eigenvalues, and no zeros in it."""
    V, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(eigenvalues), len(eigenvalues))))
    return V * np.array(eigenvalues) @ V.T


def whitened(whiten):
    """Compare what does not depend on the choice of eigenvectors: white data may be turned."""
    rng = np.random.default_rng(0)
    for n, mixing in (9, [[2.0, 1.0, 0.0], [0.5, -3.0, 1.0], [0.0, 0.2, 0.4]]), (6, [[1.0, 0.9], [0.0, 0.1]]):
        X = rng.normal(size=(n, len(mixing))) @ np.array(mixing) + np.arange(1, len(mixing) + 1)
        Z = np.asarray(whiten(X.copy()))
        yield "the shape of whiten(X)", list(Z.shape)
        yield "Z.mean(axis=0)", Z.mean(axis=0)
        yield "the covariance Z.T @ Z / n", Z.T @ Z / n
        yield "Z @ Z.T, which does not change if the white data are turned,", Z @ Z.T


def leaves_an_error(steps_to_the_end):
    for eigenvalues in ((3.0,), (1.0, 40.0), (0.01, 0.5, 2.0, 7.0), (2.0, 2.0, 5.0)):
        H, n = curved(*eigenvalues, seed=len(eigenvalues)), len(eigenvalues)
        rates = np.asarray(steps_to_the_end(H.copy()), dtype=float)
        if rates.ndim != 1 or not np.all(np.isfinite(rates)) or len(rates) > n:
            return f"for a Hessian of shape {H.shape} it returns {rates!r}, not at most {n} learning rates."
        errors = np.eye(n)
        for lr in rates:
            errors = errors - lr * H @ errors
        if np.abs(errors).max() > 1e-7:
            return (f"for eigenvalues {', '.join(f'{value:g}' for value in eigenvalues)}, an error of 1 may still be "
                    f"{np.abs(errors).max():.1e} after these steps. Which factor becomes 0 in a step of length lr?")
    return None


EXERCISES = [
    Exercise(
        "7.1",
        calls((curved(1.0, 3.0, 10.0),), (curved(0.02, 0.5, 0.7, 6.0, seed=1),), (curved(5.0, 8.0, seed=2),)),
        mistakes=[
            Mistake("This is the edge of stability: the steepest direction then swings for ever.",
                    ("(eigenvalues[0] + eigenvalues[-1])", "eigenvalues[-1]")),
            Mistake("With this rate the steepest direction is done in a step, and the flattest is slower than it need "
                    "be: balance the two.",
                    ("2 / (eigenvalues[0] + eigenvalues[-1])", "1 / eigenvalues[-1]")),
            Mistake("This is half of the best rate: at the best one the steepest direction overshoots, so its factor "
                    "is negative.",
                    ("return 2", "return 1")),
            Mistake("Only the two ends of the spectrum count, not the sum of all eigenvalues.",
                    ("eigenvalues[0] + eigenvalues[-1]", "eigenvalues.sum()")),
            Mistake("This is one over the mean of all eigenvalues; only the two ends of the spectrum count.",
                    ("2 / (eigenvalues[0] + eigenvalues[-1])", "1 / eigenvalues.mean()")),
            Mistake("This suits the flattest direction alone: the steepest one explodes.",
                    ("(eigenvalues[0] + eigenvalues[-1])", "eigenvalues[0]")),
            Mistake("This is Polyak's rate for the heavy ball, which needs momentum as well.",
                    ("2 / (eigenvalues[0] + eigenvalues[-1])",
                     "4 / (np.sqrt(eigenvalues[0]) + np.sqrt(eigenvalues[-1])) ** 2")),
            Mistake("The curvatures are the eigenvalues of H, not its diagonal.",
                    ("np.linalg.eigvalsh(H)", "np.sort(np.diag(H))")),
            Mistake("Mind the sign: the two factors 1 - lr λ are equal in size and opposite in sign.",
                    ("eigenvalues[0] + eigenvalues[-1]", "eigenvalues[-1] - eigenvalues[0]")),
            Mistake("This is one over the geometric mean of the two ends: set 1 - lr λ at one end to minus that at the "
                    "other.",
                    ("2 / (eigenvalues[0] + eigenvalues[-1])", "1 / np.sqrt(eigenvalues[0] * eigenvalues[-1])")),
            Mistake("Without parentheses, the division comes before the sum.",
                    ("(eigenvalues[0] + eigenvalues[-1])", "eigenvalues[0] + eigenvalues[-1]")),
        ],
    ),
    Exercise(
        "7.2",
        whitened,
        rtol=1e-6,
        atol=1e-8,
        mistakes=[
            Mistake("The columns do not have mean 0: subtract it first.",
                    ("X = X - X.mean(axis=0)", "X = X + 0")),
            Mistake("You subtract one mean, of all numbers: each column has its own.",
                    ("X.mean(axis=0)", "X.mean()")),
            Mistake("You subtract the mean of each row: it is the columns that should have mean 0.",
                    ("X.mean(axis=0)", "X.mean(axis=1, keepdims=True)")),
            Mistake("An eigenvalue is a variance; data are divided by a standard deviation.",
                    ("np.sqrt(eigenvalues)", "eigenvalues")),
            Mistake("You stretch the directions that are long already: divide instead of multiplying.",
                    ("vectors / np.sqrt", "vectors * np.sqrt")),
            Mistake("The covariance is a mean over the rows: the sum was not divided by their number.",
                    ("X.T @ X / len(X)", "X.T @ X")),
            Mistake("You divided by n - 1, as statisticians do; this exercise wants Z.T @ Z / n = I.",
                    ("/ len(X)", "/ (len(X) - 1)")),
            Mistake("The eigenvectors are the columns of the matrix that eigh returns, not its rows.",
                    ("X @ vectors", "X @ vectors.T")),
            Mistake("Each column has variance 1 now, but they are still correlated: first turn the data.",
                    ("X @ vectors / np.sqrt(eigenvalues)", "X / X.std(axis=0)")),
            Mistake("The columns are uncorrelated now, but their variances are the eigenvalues: one operation is "
                    "missing.",
                    ("X @ vectors / np.sqrt(eigenvalues)", "X @ vectors")),
            Mistake("The data are only scaled, by the roots of the eigenvalues, and not turned.",
                    ("X @ vectors / np", "X / np")),
        ],
    ),
    Exercise("7.3", property=leaves_an_error),
]
