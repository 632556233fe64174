"""Lesson 18: a tiny GPT."""

import numpy as np

import optim
import tutorials
from minigrad import nn
from tutorials.exercise import Exercise, Mistake, calls

RNG = np.random.default_rng(8)
Q, K, V = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
LARGE = 30 * RNG.normal(size=(4, 2)), 30 * RNG.normal(size=(4, 2)), RNG.normal(size=(4, 4))
OUTPUTS = np.array([0.3, -1.2, 2.5, 1.9, -0.4, 0.8, -3.0])


class Speller(nn.Module):
    """Reads three letters and predicts the fourth."""

    def __init__(self, rng):
        self.letter = nn.Embedding(27, 8, generator=rng)
        self.blocks = nn.Sequential(nn.Linear(24, 48, generator=rng), nn.Tanh(),
                                    nn.Linear(48, 48, generator=rng), nn.Tanh())
        self.norm = nn.LayerNorm(48)
        self.head = nn.Linear(48, 27, generator=rng)

    def forward(self, codes):
        return self.head(self.norm(self.blocks(self.letter(codes).reshape(len(codes), 24))))


def threes():
    """Return all runs of three letters of every fifth name, and the letters that follow."""
    before, after = [], []
    for name in (tutorials.DATA / "names.txt").read_text().split()[::5]:
        codes = [0, 0, 0, *(ord(letter) - ord("a") + 1 for letter in name), 0]
        for i in range(3, len(codes)):
            before.append(codes[i - 3:i])
            after.append(codes[i])
    return np.array(before), np.array(after)


def is_no_better(optimizers):
    """Look at who has which parameter, then train."""
    before, after = threes()
    for seed in 0, 1:
        rng = np.random.default_rng(seed)
        model = Speller(rng)
        chosen = list(optimizers(model))
        names = dict(model.named_parameters())
        for name, p in names.items():
            owners = [optimizer for optimizer in chosen for group in optimizer.param_groups
                      for q in group["params"] if q is p]
            if len(owners) != 1:
                return f"{name} belongs to {len(owners)} optimizers; it must belong to exactly one."
            is_inside = name.startswith("blocks") and p.ndim == 2
            if isinstance(owners[0], optim.Muon) != is_inside:
                return (f"{name}, of shape {p.shape}, belongs to {type(owners[0]).__name__}: Muon gets the matrices "
                        "inside the blocks, AdamW the rest.")
            if not is_inside and type(owners[0]) is not optim.AdamW:
                return f"{name} belongs to {type(owners[0]).__name__}, not to AdamW."
        for _ in range(100):
            some = rng.integers(len(before), size=128)
            model.zero_grad()
            nn.cross_entropy(model(before[some]), after[some]).backward()
            for optimizer in chosen:
                optimizer.step()
        loss = nn.cross_entropy(model(before), after).item()
        if not loss < 2.30:
            return f"after 100 steps the loss is {loss:.3f}; it must be below 2.30. Are the learning rates too small?"
    return None


EXERCISES = [
    Exercise(
        "18.1",
        calls((Q, K, V), LARGE, (100 * Q, 100 * K, V)),
        mistakes=[
            Mistake("It leaks: the mask is missing, and every place hears the future.",
                    ("scores[np.triu_indices(len(Q), 1)] = -np.inf", "pass")),
            Mistake("It leaks: place i hears place i + 1, which is the answer.",
                    ("np.triu_indices(len(Q), 1)", "np.triu_indices(len(Q), 2)")),
            Mistake("A place may hear itself; without it, the first place hears nothing at all.",
                    ("np.triu_indices(len(Q), 1)", "np.triu_indices(len(Q))")),
            Mistake("The mask is upside down: it hides the past and shows the future.",
                    ("np.triu_indices(len(Q), 1)", "np.tril_indices(len(Q), -1)")),
            Mistake("A score of 0 is not hidden: exp(0) is 1. What must a score be for its weight to be 0?",
                    ("= -np.inf", "= 0")),
            Mistake("The future is taken out after the softmax: it is still in the sum that you divided by.",
                    ("scores[np.triu_indices(len(Q), 1)] = -np.inf", "pass"),
                    ("return weights @ V", "return np.tril(weights) @ V")),
            Mistake("The scores are not divided by the root of d: they grow with it, and the softmax becomes hard.",
                    (" / np.sqrt(Q.shape[1])", "")),
            Mistake("The scores are divided by d; its root is enough.",
                    ("np.sqrt(Q.shape[1])", "Q.shape[1]")),
            Mistake("d is the length of a question, not the number of places.",
                    ("Q.shape[1]", "Q.shape[0]")),
            Mistake("Keys ask and questions answer: the roles of Q and K are swapped.",
                    ("Q @ K.T", "K @ Q.T")),
            Mistake("The weights of each place (a row) add up to 1, not those of each column.",
                    ("weights.sum(axis=1, keepdims=True)", "weights.sum(axis=0, keepdims=True)")),
            Mistake("np.exp of a large score overflows: subtract the largest of the row first.",
                    (" - scores.max(axis=1, keepdims=True)", "")),
            Mistake("One maximum for all rows is not safe: in a row with small scores all weights become 0.",
                    ("scores.max(axis=1, keepdims=True)", "scores.max()")),
        ],
    ),
    Exercise(
        "18.2",
        calls((OUTPUTS, 1.0, 3), (OUTPUTS, 0.5, 5), (OUTPUTS, 2.0, 2), (OUTPUTS, 0.001, 4), (OUTPUTS, 0.7, 1)),
        mistakes=[
            Mistake("The temperature divides: a high one must make the outputs more alike.",
                    ("outputs / temperature", "outputs * temperature")),
            Mistake("What is the temperature for?",
                    ("outputs / temperature", "outputs * 1.0")),
            Mistake("The temperature divides the outputs, before the softmax; it does not divide probabilities.",
                    ("outputs / temperature", "outputs * 1.0"), ("p / p.sum()", "p / p.sum() / temperature")),
            Mistake("All letters have a chance: only the `most` largest may.",
                    ("scores[np.argsort(outputs)[:-most]] = -np.inf", "pass")),
            Mistake("np.argsort begins with the smallest: these are the `most` worst letters.",
                    ("[:-most]", "[most:]")),
            Mistake("One letter too many has a chance.",
                    ("[:-most]", "[:-most - 1]")),
            Mistake("Those left out have probability 0, but the others still do not add up to 1.",
                    ("scores[np.argsort(outputs)[:-most]] = -np.inf", "pass"),
                    ("return p / p.sum()", "p /= p.sum()\n    p[np.argsort(outputs)[:-most]] = 0\n    return p")),
            Mistake("A score of 0 is not hidden: exp(0) is 1.",
                    ("= -np.inf", "= 0")),
            Mistake("np.exp of a large score overflows: subtract the largest first.",
                    (" - scores.max()", "")),
            Mistake("The probabilities have to add up to 1.",
                    ("return p / p.sum()", "return p")),
            Mistake("The outputs that you were given have been changed.",
                    ("scores = outputs / temperature", "outputs /= temperature\n    scores = outputs")),
            Mistake("This is the one best letter: with it, the same name would be written again and again.",
                    ("return p / p.sum()", "return (p == p.max()).astype(float)")),
        ],
    ),
    Exercise("18.3", property=is_no_better, seconds=30),
]
