"""Lesson 8: momentum and Nesterov."""

import numpy as np

import optim
from tutorials.comparison import unlike
from tutorials.exercise import Exercise, Mistake, calls, steps


def leaves_the_path_of_sgd(optimizer_class):
    """Walk beside optim.SGD, with gradients of mixed sizes."""
    for lr, momentum in (0.1, 0.9), (0.03, 0.5):
        rng = np.random.default_rng(1)
        ours, theirs = (optim.Parameter(np.ones((2, 3))) for _ in range(2))
        optimizer = optimizer_class([ours], lr=lr, momentum=momentum)
        sgd = optim.SGD([theirs], lr=lr, momentum=momentum)
        mean = np.zeros((2, 3))
        for step in range(1, 11):
            grad = rng.normal(size=(2, 3)) * 10.0 ** rng.integers(-2, 3, size=(2, 3))
            ours.grad, theirs.grad = grad.copy(), grad.copy()
            optimizer.step()
            sgd.step()
            mean = momentum * mean + (1 - momentum) * grad
            m = optimizer.state[ours].get("m")
            if m is None or not np.allclose(m, mean, rtol=1e-9):
                return f'after step {step}, state["m"] is not the running mean of the gradients.'
            if words := unlike(ours.data - 1, theirs.data - 1, 1e-9, 1e-8):
                return (f"after step {step} with lr={lr}, momentum={momentum} it is not where optim.SGD is: the way so "
                        f"far {words}.")
    return None


EXERCISES = [
    Exercise(
        "8.1",
        steps(dict(lr=0.1, momentum=0.8), dict(lr=0.03, momentum=0.3)),
        contract=optim.check,
        mistakes=[
            Mistake("This is the heavy ball: Nesterov's step looks one momentum further ahead than b.",
                    ("return grad + momentum * b", "return b")),
            Mistake("The roles are swapped: the gradient enters whole, and what is remembered is multiplied by the "
                    "momentum.",
                    ("return grad + momentum * b", "return b + momentum * grad")),
            Mistake("In the direction, b has lost its factor: the momentum of the next step will be weaker than b.",
                    ("return grad + momentum * b", "return grad + b")),
            Mistake("The newest gradient is missing from the direction; b alone is not the whole step.",
                    ("return grad + momentum * b", "return momentum * b")),
            Mistake("This b is a running mean. Here the gradient enters with its full weight.",
                    ("b += grad", "b += (1 - momentum) * grad")),
            Mistake("The new b is computed and then lost: the array in `state` is the memory, so change it in place.",
                    ("b *= momentum\n        b += grad", "b = momentum * b + grad")),
            Mistake("The newest gradient has faded already: first let the old b fade, then add.",
                    ("b *= momentum\n        b += grad", "b += grad\n        b *= momentum")),
            Mistake("The direction is subtracted by `step`, so it points uphill, as the gradient does; yours points "
                    "downhill.",
                    ("return grad + momentum * b", "return -(grad + momentum * b)")),
            Mistake("b never fades: it is the sum of all gradients, a ball without any friction.",
                    ("b *= momentum\n        ", "")),
            Mistake("The momentum is taken off the gradient, not added: it pulls back where it should push on.",
                    ("return grad + momentum * b", "return grad - momentum * b")),
        ],
    ),
    Exercise(
        "8.2",
        calls((0.01, 25.0), (0.1, 3.0), (0.5, 6.0), (0.2, np.array([0.1, 1.0, 12.0]))),
        mistakes=[
            Mistake("This is the rate at critical momentum; the momentum is its square.",
                    (") ** 2", ")")),
            Mistake("A root is missing: compare with the formula above.",
                    ("np.sqrt(lr * curvature)", "lr * curvature")),
            Mistake("The root is of the product, not of the learning rate alone.",
                    ("np.sqrt(lr * curvature)", "np.sqrt(lr) * curvature")),
            Mistake("The root is of the product, not of the curvature alone.",
                    ("np.sqrt(lr * curvature)", "lr * np.sqrt(curvature)")),
            Mistake("This is the other solution, at which the swinging ends. It is above 1.",
                    ("1 - np", "1 + np")),
            Mistake("The product of learning rate and curvature counts, not their quotient.",
                    ("lr * curvature", "lr / curvature")),
            Mistake("This is the factor of plain gradient descent along this direction.",
                    ("(1 - np.sqrt(lr * curvature)) ** 2", "1 - lr * curvature")),
            Mistake("This is the momentum at the edge of stability, where the run begins to explode.",
                    ("(1 - np.sqrt(lr * curvature)) ** 2", "lr * curvature / 2 - 1")),
            Mistake("(1 - √a)² is not 1 + a: multiply it out, and a term in √a appears.",
                    ("(1 - np.sqrt(lr * curvature)) ** 2", "1 + lr * curvature")),
        ],
    ),
    Exercise("8.3", property=leaves_the_path_of_sgd),
]
