"""Lesson 9: noise and minibatches."""

import numpy as np

import optim
from tutorials.exercise import Exercise, Mistake, calls

RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(7, 3)) * [1.0, 5.0, 0.2], RNG.normal(size=7), RNG.normal(size=3)


def loses_the_mean(optimizer_class):
    for lr in 0.1, 0.7:
        rng = np.random.default_rng(2)
        ours, theirs = (optim.Parameter(np.ones((2, 3))) for _ in range(2))
        optimizer, sgd, points = optimizer_class([ours], lr=lr), optim.SGD([theirs], lr=lr), []
        for step in range(1, 9):
            ours.grad = rng.normal(size=(2, 3))
            theirs.grad = ours.grad.copy()
            optimizer.step()
            sgd.step()
            points.append(theirs.data.copy())
            if not np.allclose(ours.data, theirs.data, rtol=1e-9):
                return f"after step {step} with lr={lr} it is not where optim.SGD is."
            mean = optimizer.state[ours].get("mean")
            if mean is None or not np.allclose(mean, np.mean(points, axis=0), rtol=1e-9):
                return (f'after step {step} with lr={lr}, state["mean"] is not the mean of the points after steps 1 to '
                        f"{step}.")
    return None


EXERCISES = [
    Exercise(
        "9.1",
        calls((W, X, Y, np.array([0, 2, 5])), (W, X, Y, np.array([4, 1, 4, 4, 6])), (2 * W, X, -Y, np.array([3]))),
        mistakes=[
            Mistake("A batch of B rows is divided by B, not by the number of all rows: your estimate is too small on "
                    "average.",
                    ("len(batch)", "len(X)")),
            Mistake("This is a sum over the batch: a larger batch would give a larger gradient.",
                    (" / len(batch)", "")),
            Mistake("A row that was drawn twice must count twice: do not take repeated numbers out.",
                    ("rows = X[batch]", "batch = np.unique(batch)\n    rows = X[batch]")),
            Mistake("The sign is wrong: the gradient points uphill, where the error grows.",
                    ("rows @ w - y[batch]", "y[batch] - rows @ w")),
            Mistake("The loss has a factor 1/2, which cancels the 2 of the square's derivative.",
                    ("rows.T @ (rows", "2 * rows.T @ (rows")),
            Mistake("The targets are those of the whole data set: each row of the batch needs its own.",
                    ("y[batch]", "y")),
            Mistake("This is the gradient over all rows: correct, but nothing has been saved.",
                    ("rows = X[batch]", "rows = X"), ("y[batch]", "y"), ("len(batch)", "len(X)")),
            Mistake("These are the first B rows, whichever were drawn: `batch` holds their numbers.",
                    ("rows = X[batch]", "batch = np.arange(len(batch))\n    rows = X[batch]")),
            Mistake("The targets are missing: the error is the prediction less the target.",
                    ("(rows @ w - y[batch])", "(rows @ w)")),
            Mistake("This is the loss of the batch; the exercise asks for its gradient.",
                    ("rows.T @ (rows @ w - y[batch]) / len(batch)", "np.mean((rows @ w - y[batch]) ** 2) / 2")),
        ],
    ),
    Exercise(
        "9.2",
        calls((0.1, 1, 4), (0.5, 8, 32), (1.2, 16, 2), (0.02, 10, 10)),
        mistakes=[
            Mistake("This is the linear scaling rule, which holds for small learning rates only.",
                    ("ratio = lr / (2 - lr) * new_batch_size / batch_size\n    return 2 * ratio / (1 + ratio)",
                     "return lr * new_batch_size / batch_size")),
            Mistake("This is the square-root rule, which keeps the noise of a single step, not the size of the cloud.",
                    ("ratio = lr / (2 - lr) * new_batch_size / batch_size\n    return 2 * ratio / (1 + ratio)",
                     "return lr * np.sqrt(new_batch_size / batch_size)")),
            Mistake("The ratio of the batches is upside down: larger batches allow larger learning rates.",
                    ("new_batch_size / batch_size", "batch_size / new_batch_size")),
            Mistake("A sign went wrong as you solved for the learning rate.",
                    ("1 + ratio", "1 - ratio")),
            Mistake("A point fades by the factor 1 - lr, and 1 - (1 - lr)² is lr (2 - lr): mind the sign.",
                    ("2 - lr", "2 + lr")),
            Mistake("This is still lr / (2 - lr), the variance: solve it for lr.",
                    ("return 2 * ratio / (1 + ratio)", "return ratio")),
            Mistake("A factor 2 is missing: with equal batches you should get the old learning rate back.",
                    ("2 * ratio / (1 + ratio)", "ratio / (1 + ratio)")),
            Mistake("The variance is lr / (2 - lr), not lr / 2: that is its limit for small learning rates.",
                    ("lr / (2 - lr)", "lr / 2")),
            Mistake("You solved v = lr / (2 - lr) as lr = 2 v: the lr in the denominator counts as well.",
                    ("2 * ratio / (1 + ratio)", "2 * ratio")),
        ],
    ),
    Exercise("9.3", property=loses_the_mean),
]
