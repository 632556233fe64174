"""Lesson 16: geometry."""

import numpy as np

from tutorials.exercise import Exercise, Mistake, calls

RNG = np.random.default_rng(6)
WIDE, TALL, SQUARE = RNG.normal(size=(2, 4)), RNG.normal(size=(5, 3)), RNG.normal(size=(3, 3))
LOPSIDED = RNG.normal(size=(3, 4)) * [[5.0], [0.3], [1.0]]
NORMS = "frobenius", "largest entry", "spectral", "row"


def is_no_inverse_root(inverse_root):
    """Multiply the student's matrix with itself, and with A."""
    rng = np.random.default_rng(2)
    for p, low, high in (2, -1, 1), (4, -1, 1), (3, -2, 2), (4, -8, 0), (2, 0, 8), (6, -4, 4):
        Q, values = np.linalg.qr(rng.normal(size=(5, 5)))[0], np.logspace(low, high, 5)
        A = Q * values @ Q.T
        A = (A + A.T) / 2
        root = np.asarray(inverse_root(A.copy(), p), dtype=float)
        about = f"for p={p} and eigenvalues from 1e{low} to 1e{high}"
        if root.shape != A.shape:
            return f"{about} it returns an array of shape {root.shape}, not {A.shape}."
        if not np.allclose(root, root.T, rtol=1e-5, atol=1e-8 * np.abs(root).max()):
            return f"{about} the result is not symmetric."
        if not np.all(np.isfinite(root)):
            return f"{about} the result is not finite."
        if high - low <= 4 and np.linalg.eigvalsh(root)[0] <= 0:
            return f"{about} the result has a negative eigenvalue."
        found = np.sort(np.linalg.eigvalsh(root))
        if not np.allclose(found, np.sort(values ** (-1 / p)), rtol=0.02):
            return (f"{about} the eigenvalues of the result are {np.array2string(found, precision=3)}; expected "
                    f"{np.array2string(np.sort(values ** (-1 / p)), precision=3)}.")
        if high - low <= 4 and not np.allclose(np.linalg.matrix_power(root, p) @ A, np.eye(5), atol=1e-6):
            return f"{about} the result, multiplied with itself {p} times and with A, is not the unit matrix."
    return None


EXERCISES = [
    Exercise(
        "16.1",
        calls((WIDE, 1), (SQUARE, 3), (TALL, 2), (100 * WIDE, 6)),
        mistakes=[
            Mistake("Without the division by its norm, singular values above 1 explode.",
                    (" / np.linalg.norm(G)", "")),
            Mistake("`np.linalg.norm(G, 2)` is the largest singular value; here the Frobenius norm was asked for.",
                    ("np.linalg.norm(G)", "np.linalg.norm(G, 2)")),
            Mistake("A is X Xᵀ, because it stands on the left of X.",
                    ("X @ X.T", "X.T @ X")),
            Mistake("The middle term is subtracted: the three numbers have to add up to 1.",
                    ("* X - 10", "* X + 10")),
            Mistake("In the last term A comes twice.",
                    ("3 / 8 * A @ A @ X", "3 / 8 * A @ X")),
            Mistake("A is X times its transpose, and is computed again in each step: here it keeps its first value.",
                    ("for _ in range(steps):\n        A = X @ X.T", "A = X @ X.T\n    for _ in range(steps):")),
            Mistake("A * X multiplies entry by entry; a product of matrices is meant.",
                    ("10 / 8 * A @ X + 3 / 8 * A @ A @ X", "10 / 8 * (A * X[:, :1]) @ X + 3 / 8 * (A * A) @ X")),
            Mistake("These are Muon's own numbers: fast, but they do not converge.",
                    ("15 / 8 * X - 10 / 8 * A @ X + 3 / 8 * A @ A @ X",
                     "3.4445 * X - 4.775 * A @ X + 2.0315 * A @ A @ X")),
            Mistake("This is the shorter iteration, with 3/2 and 1/2: it converges, but more slowly.",
                    ("15 / 8 * X - 10 / 8 * A @ X + 3 / 8 * A @ A @ X", "3 / 2 * X - 1 / 2 * A @ X")),
            Mistake("One step too many.",
                    ("range(steps)", "range(steps + 1)")),
            Mistake("The norm is taken off again at the end: U Vᵀ does not know how large G was.",
                    ("return X", "return X * np.linalg.norm(G)")),
        ],
    ),
    Exercise(
        "16.2",
        calls(*[(matrix, norm) for norm in NORMS for matrix in (LOPSIDED, TALL)]),
        mistakes=[
            Mistake("The Frobenius norm is the root of the sum of squares; you divided by the sum of the sizes.",
                    ("return G / np.linalg.norm(G)\n", "return G / np.abs(G).sum()\n")),
            Mistake("For \"frobenius\" the step has to be divided by its norm: it must have length 1.",
                    ("return G / np.linalg.norm(G)\n", "return G\n")),
            Mistake("By the largest entry, all entries may be 1 at once: dividing by the largest wastes the others.",
                    ("np.sign(G)", "G / np.abs(G).max()")),
            Mistake("This is the step of length 1 along the one largest entry: steepest by the sum of the entries, not "
                    "by the largest.",
                    ("np.sign(G)", "np.sign(G) * (np.abs(G) == np.abs(G).max())")),
            Mistake("The axis is wrong: these are the columns.",
                    ("axis=1", "axis=0")),
            Mistake("All rows may have length 1 at once: dividing by the longest wastes the others.",
                    ("keepdims=True)", "keepdims=True).max()")),
            Mistake("By the spectral norm all singular values may be 1 at once; here only the first is left.",
                    ("return U @ Vt", "return U[:, :1] @ Vt[:1]")),
            Mistake("`np.linalg.svd` returns V already transposed.",
                    ("return U @ Vt", "return U @ Vt.T if U.shape[1] == Vt.shape[1] else U @ Vt[:, :U.shape[1]].T")),
            Mistake("Dividing by the largest singular value gives norm 1, but wastes the other directions.",
                    ("return U @ Vt", "return G / np.linalg.norm(G, 2)")),
            Mistake("You step downhill. D is to have the *largest* inner product with G; `step` subtracts it.",
                    ("return np.sign(G)", "return -np.sign(G)"), ("return U @ Vt", "return -U @ Vt")),
        ],
    ),
    Exercise("16.3", property=is_no_inverse_root),
]
