"""Lesson 17: training for real."""

from itertools import combinations

import numpy as np

import optim
from minigrad import nn
from tutorials.comparison import told_apart
from tutorials.exercise import Exercise, Mistake

LABELS = np.array([0] * 11 + [1] * 23 + [2] * 4 + [5] * 40)[np.random.default_rng(3).permutation(78)]


class CountingSGD(optim.SGD):
    """Counts its steps."""

    count = 0

    def step(self, closure=None):
        self.count += 1
        return super().step(closure)


def epochs(one_epoch):
    """Train a small network for two epochs whose last batch is smaller."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(10, 3)), rng.integers(0, 4, size=10)
    for momentum in 0.0, 0.9:
        model = nn.Linear(3, 4, dtype=float, generator=np.random.default_rng(1))
        optimizer = CountingSGD(model.parameters(), lr=0.5, momentum=momentum)
        for p in model.parameters():
            p.grad = np.full(p.shape, 0.3)  # left over from something else
        for epoch in 1, 2:
            batches = iter([(x[:4], y[:4]), (x[4:8], y[4:8]), (x[8:], y[8:])])
            yield f"the mean loss of epoch {epoch}, with momentum {momentum}", one_epoch(model, optimizer, batches)
            yield f"the weight after epoch {epoch}", model.weight.data
            yield f"the bias after epoch {epoch}", model.bias.data
            yield f"the number of steps after epoch {epoch}", optimizer.count
            yield f"whether there is a gradient after epoch {epoch}", model.weight.grad is not None


def splits(stratified_split):
    """Look at what every right split has in common, whatever it draws."""
    for share in 0.25, 0.5:
        labels = LABELS.copy()
        learn, test = stratified_split(labels, share, np.random.default_rng(0))
        _, again = stratified_split(labels, share, np.random.default_rng(0))
        _, other = stratified_split(labels, share, np.random.default_rng(1))
        learn, test, again, other = (np.asarray(part) for part in (learn, test, again, other))
        yield f"the number of test samples of each class with share {share}", np.bincount(labels[test], minlength=6)
        yield f"the number of each class to learn from with share {share}", np.bincount(labels[learn], minlength=6)
        yield "the number of indices in both parts", len(np.intersect1d(learn, test))
        yield "the number of different indices in all", len(np.union1d(learn, test))
        yield "whether the same rng gives the same test part", set(test.tolist()) == set(again.tolist())
        yield "whether another rng gives another test part", set(test.tolist()) != set(other.tolist())
        first = np.concatenate([np.flatnonzero(labels == c)[:np.sum(labels[test] == c)] for c in (0, 1, 2, 5)])
        yield "whether the test part is the first of each class", set(first.tolist()) == set(test.tolist())
        yield "the labels, afterwards,", labels


def is_no_budget_curve(budget_curve):
    """Compare with all choices of k out of n."""
    for seed in range(4):
        losses = np.random.default_rng(seed).exponential(size=4 + seed) ** 2
        losses[1] = np.nan if seed % 2 else losses[1]
        found = np.asarray(budget_curve(losses.copy(), 9.0), dtype=float)
        if found.shape != losses.shape:
            return f"for {len(losses)} losses it returns an array of shape {found.shape}, not {losses.shape}."
        filled = np.where(np.isnan(losses), 9.0, losses)
        for k in range(1, len(losses) + 1):
            expected = np.mean([min(chosen) for chosen in combinations(filled, k)])
            if not np.isclose(found[k - 1], expected, rtol=1e-6):
                shown = ", ".join(f"{loss:.3g}" for loss in losses)
                wanted, got = told_apart(expected, found[k - 1])
                return f"of {shown} the lowest of {k} is {wanted} on average, not {got}."
    many = np.random.default_rng(9).permutation(100) + 1.0
    found = np.asarray(budget_curve(many, 1000.0), dtype=float)
    expected = 101 / (np.arange(100) + 2)  # of k out of 1, ..., n the lowest is (n + 1) / (k + 1) on average
    if found.shape != (100,) or not np.allclose(found, expected, rtol=1e-6):
        return "for the losses 1 to 100, in any order, entry k - 1 must be 101 / (k + 1)."
    return None


EXERCISES = [
    Exercise(
        "17.1",
        epochs,
        mistakes=[
            Mistake("The gradients are never cleared: each step goes along the sum of all gradients so far.",
                    ("        optimizer.zero_grad()\n", "")),
            Mistake("The gradients are cleared once an epoch; they must be cleared for each batch.",
                    ("        optimizer.zero_grad()\n", ""),
                    ("total = samples = 0\n", "total = samples = 0\n    optimizer.zero_grad()\n")),
            Mistake("The step comes before backward, so that it goes along the last batch's gradient, or along none.",
                    ("loss.backward()\n        optimizer.step()", "optimizer.step()\n        loss.backward()")),
            Mistake("No step is made: nothing is learned.",
                    ("        optimizer.step()\n", "")),
            Mistake("The step finds no gradient: is backward missing, or are the gradients cleared after it?",
                    ("        loss.backward()\n", "")),
            Mistake("The loss is a mean over its batch: the last batch is smaller and must count for less.",
                    ("loss.item() * len(y)", "loss.item()"), ("samples += len(y)", "samples += 1")),
            Mistake("The loss is a mean over its batch: multiply it by the number of samples before you add them up.",
                    ("loss.item() * len(y)", "loss.item()")),
            Mistake("This is the sum of the losses of all samples; the mean was asked for.",
                    ("return total / samples", "return total")),
            Mistake("This is the loss of the last batch alone.",
                    ("total += loss.item() * len(y)", "total = loss.item() * len(y)"),
                    ("samples += len(y)", "samples = len(y)")),
            Mistake("It returns after the first batch.",
                    ("    return total / samples", "        return total / samples")),
            Mistake("A step is made once an epoch, not for each batch.",
                    ("        optimizer.step()\n", ""),
                    ("    return total / samples", "    optimizer.step()\n    return total / samples")),
        ],
    ),
    Exercise(
        "17.2",
        splits,
        mistakes=[
            Mistake("The two parts are swapped: first comes the part to learn from.",
                    ("return np.concatenate(learn), np.concatenate(test)",
                     "return np.concatenate(test), np.concatenate(learn)")),
            Mistake("The test digits are also among those to learn from.",
                    ("members[count:]", "members")),
            Mistake("Nothing is drawn: the first members of each class are the test part.",
                    ("rng.permutation(np.flatnonzero(labels == label))", "np.flatnonzero(labels == label)")),
            Mistake("Another generator than `rng` is used, always the same one.",
                    ("rng.permutation(", "np.random.default_rng(0).permutation(")),
            Mistake("The draw cannot be repeated: use `rng`, not a generator without a seed.",
                    ("rng.permutation(", "np.random.default_rng().permutation(")),
            Mistake("Some indices are drawn twice, and others not at all: draw without replacement.",
                    ("rng.permutation(np.flatnonzero(labels == label))",
                     "rng.choice(np.flatnonzero(labels == label), size=np.sum(labels == label))")),
            Mistake("The share is rounded down.",
                    ("round(share", "int(share")),
            Mistake("Each class gives as many as an average class would; take the share of its own number.",
                    ("share * len(members)", "share * len(labels) / len(np.unique(labels))")),
            Mistake("The share is the test part's; you gave it to the part to learn from.",
                    ("share * len(members)", "(1 - share) * len(members)")),
            Mistake("This split does not look at the classes: it is random as a whole.",
                    ("np.unique(labels)", "[0]"), ("labels == label", "labels >= label")),
            Mistake("The numbers within the class are returned, not the indices of the samples.",
                    ("rng.permutation(np.flatnonzero(labels == label))", "rng.permutation(np.sum(labels == label))")),
            Mistake("One sample of each class is lost between the two parts.",
                    ("members[count:]", "members[count + 1:]")),
        ],
    ),
    Exercise("17.3", property=is_no_budget_curve),
]
