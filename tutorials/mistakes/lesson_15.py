"""Lesson 15: the edge of stability."""

import numpy as np

from tutorials.exercise import Exercise, Mistake, calls

RNG = np.random.default_rng(4)
SKEW = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
MATRICES = [SKEW * [0.5, 2.0, 3.0, 9.0] @ SKEW.T, SKEW * [-30.0, 1.0, 4.0, 20.0] @ SKEW.T]
STARTS = 7 * RNG.normal(size=(2, 4))


class Product:
    """The product with a matrix; it notes the lengths of the vectors that it is given."""

    def __init__(self, matrix):
        self.matrix, self.lengths = matrix, []

    def __call__(self, v):
        self.lengths.append(np.linalg.norm(v))
        return self.matrix @ v


def power_iteration(sharpest):
    """Yield what is found for two matrices after one, two and five products, and how many there were."""
    for name, matrix, start in zip(("a matrix", "a matrix with a negative eigenvalue"), MATRICES, STARTS):
        for count in 1, 2, 5:
            product, v = Product(matrix), start.copy()
            yield f"for {name}, sharpest(product, v, {count})", sharpest(product, v, count)
            yield "the number of calls of product", len(product.lengths)
            yield "the lengths of the vectors that product was given", product.lengths
            yield "the v that it was given, afterwards,", v


def is_no_catapult(catapult_rate):
    """Walk with the student's learning rate."""
    for n, scale in (300, 1.0), (2000, 1.0), (800, 0.5), (800, 2.0), (1500, 1.4):
        rng = np.random.default_rng(n)
        u, v = scale * rng.normal(size=(2, n))
        lr = float(catapult_rate(u.copy(), v.copy()))
        losses = []
        for _ in range(500):
            output = u @ v / np.sqrt(n)
            losses.append(output**2 / 2)
            u, v = u - lr * output * v / np.sqrt(n), v - lr * output * u / np.sqrt(n)
            if not losses[-1] < 1e12 * losses[0]:
                return f"for n={n} and weights of size {scale}, lr={lr:.3g} makes the run explode."
        if max(losses) < 5 * losses[0]:
            return (f"for n={n} and weights of size {scale}, lr={lr:.3g} is too tame: the loss begins at "
                    f"{losses[0]:.3g} and is never above {max(losses):.3g}.")
        if not losses[-1] < 1e-6 * losses[0]:
            return (f"for n={n} and weights of size {scale}, lr={lr:.3g} does not arrive: the loss begins at "
                    f"{losses[0]:.3g} and ends at {losses[-1]:.3g}.")
    return None


EXERCISES = [
    Exercise(
        "15.1",
        power_iteration,
        mistakes=[
            Mistake("The vector is never scaled: after some products it overflows.",
                    ("unit = v / np.linalg.norm(v)", "unit = v")),
            Mistake("The length of Hv knows no sign: the eigenvalue of largest size may be negative.",
                    ("return unit @ v, unit", "return np.linalg.norm(v), unit")),
            Mistake("The vector that is returned must have length 1; yours is Hv.",
                    ("return unit @ v, unit", "return unit @ v, v")),
            Mistake("The last product is made twice: keep what `product` returned.",
                    ("return unit @ v, unit", "return unit @ product(unit), unit")),
            Mistake("The last vector of length 1 has been scaled again after its product: eigenvalue and vector belong "
                    "to different steps.",
                    ("return unit @ v, unit", "return unit @ v, v / np.linalg.norm(v)")),
            Mistake("v is scaled in place: the vector that you were given is changed.",
                    ("unit = v / np.linalg.norm(v)", "v /= np.linalg.norm(v)\n        unit = v")),
            Mistake("The length is that of |v| added up; the Rayleigh quotient needs the root of the squares.",
                    ("np.linalg.norm(v)", "np.abs(v).sum()")),
            Mistake("Each round begins at the first v again, so that nothing is gained.",
                    ("v = product(unit)", "Hv = product(unit)"), ("return unit @ v", "return unit @ Hv")),
            Mistake("One product too few.",
                    ("range(count)", "range(count - 1)")),
            Mistake("Squared: the Rayleigh quotient is vᵀHv, with one H.",
                    ("return unit @ v, unit", "return v @ v, unit")),
        ],
    ),
    Exercise(
        "15.2",
        calls((0.2, 0.0, False, 0.0), (0.1, 0.9, False, 0.0), (0.1, 0.9, True, 0.0), (0.3, 0.5, False, 0.7),
              (0.05, 0.6, True, 2.5)),
        mistakes=[
            Mistake("Momentum pushes the edge up, not down.",
                    ("(1 + momentum)", "(1 - momentum)")),
            Mistake("This is the edge without momentum.",
                    ("2 * (1 + momentum)", "2")),
            Mistake("The heavy ball's steps add up to 1 / (1 - momentum) times as long; the edge is not there.",
                    ("2 * (1 + momentum)", "2 / (1 - momentum)")),
            Mistake("The weight decay is part of the curvature that the optimizer feels, so less is left for the loss.",
                    ("- weight_decay", "+ weight_decay")),
            Mistake("What about the weight decay?",
                    ("highest - weight_decay", "highest")),
            Mistake("Nesterov's momentum is left out: its edge is lower.",
                    ("highest /= 1 + 2 * momentum", "pass")),
            Mistake("Nesterov's edge is lower than the heavy ball's, not higher.",
                    ("highest /= 1", "highest *= 1")),
            Mistake("In Nesterov's divisor, the momentum counts twice.",
                    ("1 + 2 * momentum", "1 + momentum")),
            Mistake("This is the edge of lr times curvature: divide by the learning rate.",
                    (" / lr", "")),
            Mistake("The edge of gradient descent is 2 / lr, not 1 / lr: up to there a step too long still comes back.",
                    ("highest = 2 *", "highest =")),
            Mistake("The two kinds of momentum are mixed up.",
                    ("if nesterov", "if not nesterov")),
        ],
    ),
    Exercise("15.3", property=is_no_catapult),
]
