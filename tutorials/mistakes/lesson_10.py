"""Lesson 10: a rate for each coordinate."""

import numpy as np

import optim
from tutorials.exercise import Exercise, Mistake, steps


def path(optimizer_class, angle, *, lr=0.5, scale=1.0, steps=60):
    """Walk down a valley that is turned by an angle; return the points in the coordinates of the valley."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    p = optim.Parameter(turn @ [1.0, 1.0])
    optimizer, points = optimizer_class([p], lr=lr), []
    for _ in range(steps):
        p.grad = scale * turn @ (np.array([1.0, 100.0]) * (turn.T @ p.data))
        optimizer.step()
        points.append(turn.T @ p.data)
    return np.array(points)


def depends_on_the_angle(optimizer_class):
    straight = path(optimizer_class, 0.0)
    turned = {degrees: path(optimizer_class, np.radians(degrees)) for degrees in (20, 45, 130)}
    scaled = path(optimizer_class, 0.3, scale=1000)
    if not all(np.all(np.isfinite(points)) for points in (straight, scaled, *turned.values())):
        return "its path is not finite (inf or nan): has rounding made an eigenvalue of G negative?"
    for degrees, points in turned.items():
        if not np.allclose(points, straight, rtol=1e-4, atol=1e-6):
            return f"in a valley that is turned by {degrees} degrees, the path is not the turned path."
    if not np.allclose(scaled, straight, rtol=1e-4, atol=1e-6):
        return "if the loss is multiplied by 1000, the path changes: has the division the power -1/2?"
    losses = [path(optimizer_class, 0.5, lr=lr) ** 2 @ [0.5, 50.0] for lr in np.geomspace(0.01, 3, 25)]
    if not min(loss[-1] for loss in losses) < 1e-6:
        return ("with none of 25 learning rates does it come below 1e-6 in 60 steps: does each direction have a "
                "divisor of its own?")
    return None


EXERCISES = [
    Exercise(
        "10.1",
        steps(dict(lr=0.1, eps=0.05), dict(lr=0.7, eps=2.0)),
        contract=optim.check,
        mistakes=[
            Mistake("eps is added to the root, not under it.",
                    ("np.sqrt(s) + eps", "np.sqrt(s + eps)")),
            Mistake("A root is missing: s is a sum of squares, and the step should not depend on the gradient's scale.",
                    ("np.sqrt(s)", "s")),
            Mistake("s is the sum of the squares, not of the sizes.",
                    ("grad * grad", "np.abs(grad)")),
            Mistake("s is the sum of the squares, not of the gradients: positive and negative ones must not cancel.",
                    ("grad * grad", "grad")),
            Mistake("The sum is computed and then lost: the array in `state` is the memory, so change it in place.",
                    ("s += grad * grad", "s = s + grad * grad")),
            Mistake("The newest gradient belongs in the sum before you divide.",
                    ("s += grad * grad\n        return grad / (np.sqrt(s) + eps)",
                     "phi = grad / (np.sqrt(s) + eps)\n        s += grad * grad\n        return phi")),
            Mistake("Coordinates with large gradients need smaller steps: divide instead of multiplying.",
                    ("grad / (np", "grad * (np")),
            Mistake("The direction is subtracted by `step`, so it points uphill, as the gradient does.",
                    ("return grad", "return -grad")),
            Mistake("This is one divisor for all coordinates; each needs its own.",
                    ("np.sqrt(s)", "np.sqrt(s.sum())")),
            Mistake("Without parentheses, eps is added to the step and not to the divisor.",
                    ("(np.sqrt(s) + eps)", "np.sqrt(s) + eps")),
            Mistake("The whole gradient is divided by its own size alone: this is the sign, without any memory.",
                    ("return grad / (np.sqrt(s) + eps)", "return np.sign(grad)")),
        ],
    ),
    Exercise(
        "10.2",
        steps(dict(lr=0.1, alpha=0.8, eps=0.05), dict(lr=0.02, alpha=0.95, eps=1.0)),
        contract=optim.check,
        mistakes=[
            Mistake("eps is added to the root, not under it.",
                    ("np.sqrt(v) + eps", "np.sqrt(v + eps)")),
            Mistake("A root is missing: v is a mean of squares.",
                    ("np.sqrt(v)", "v")),
            Mistake("The weights are swapped: alpha is how much of the old mean stays.",
                    ("v *= alpha", "v *= 1 - alpha"), ("v += (1 - alpha) *", "v += alpha *")),
            Mistake("This is a fading sum, not a mean: the new square enters with the weight 1 - alpha.",
                    ("v += (1 - alpha) * grad", "v += grad")),
            Mistake("The old mean does not fade: it has to be multiplied by alpha.",
                    ("v *= alpha\n        ", "")),
            Mistake("This is Adagrad: a sum that only grows. RMSprop keeps a mean that forgets.",
                    ("v *= alpha\n        v += (1 - alpha) * grad * grad", "v += grad * grad")),
            Mistake("The new mean is computed and then lost: the array in `state` is the memory, so change it in "
                    "place.",
                    ("v *= alpha\n        v += (1 - alpha) * grad * grad",
                     "v = alpha * v + (1 - alpha) * grad * grad")),
            Mistake("v is the mean of the squares, not of the sizes.",
                    ("grad * grad", "np.abs(grad)")),
            Mistake("v is the mean of the squares, not of the gradients.",
                    ("(1 - alpha) * grad * grad", "(1 - alpha) * grad")),
            Mistake("The direction is subtracted by `step`, so it points uphill, as the gradient does.",
                    ("return grad", "return -grad")),
            Mistake("eps is missing: where all gradients were 0, this divides by 0.",
                    ("(np.sqrt(v) + eps)", "np.sqrt(v)")),
            Mistake("The newest gradient belongs in the mean before you divide.",
                    ("v *= alpha\n        v += (1 - alpha) * grad * grad\n        return grad / (np.sqrt(v) + eps)",
                     "phi = grad / (np.sqrt(v) + eps)\n        v *= alpha\n        v += (1 - alpha) * grad * grad\n"
                     "        return phi")),
        ],
    ),
    Exercise("10.3", property=depends_on_the_angle),
]
