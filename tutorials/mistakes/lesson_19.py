"""Lesson 19: write your own."""

import numpy as np

import optim
from tutorials.comparison import told_apart
from tutorials.exercise import Exercise, Mistake, steps

SETTINGS = (dict(lr=0.1, betas=(0.8, 0.95), slow=0.97, alpha=3.0, eps=0.01, weight_decay=0.3),
            dict(lr=0.03, betas=(0.5, 0.7), slow=0.9, alpha=0.5, eps=2.0, weight_decay=0.0))


class Runs:
    """Final losses that depend on name, rate and seed; it notes what it was asked for."""

    def __init__(self, seed):
        self.seed, self.asked = seed, []

    def __call__(self, name, lr, seed):
        self.asked.append((str(name), float(lr), int(seed)))
        return self.loss(name, lr, seed)

    def loss(self, name, lr, seed):
        """Return a loss that is lowest at a rate of its own, with heavy luck, and NaN for large rates now and then."""
        rng = np.random.default_rng([self.seed, len(name), round(1e6 * lr), seed])
        best = {"SGD": -1.0, "Adam": -2.5}.get(name, -2.0)
        loss = 0.1 + (np.log10(lr) - best) ** 2 + 0.3 * rng.exponential() * rng.choice([1, -0.3])
        return np.nan if rng.random() < max(0, (np.log10(lr) - best) / 3) else loss


def median(losses):
    """Return the median, where NaN counts as infinite."""
    losses = np.array(losses)
    return np.median(np.where(np.isnan(losses), np.inf, losses))


def is_unfair(fair_race):
    """Race made-up optimizers, and look at what was run."""
    lrs = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
    for seed in range(4):
        run, names = Runs(seed), ["SGD", "Adam", "mine!"]
        result = fair_race(run, list(names), list(lrs))
        if not isinstance(result, dict) or set(result) != set(names):
            return f"it returns {result!r:.80}, not a dictionary with the names {names}."
        if len(set(run.asked)) < len(run.asked):
            return "some runs were made twice."
        for name in names:
            expected = lrs[np.argmin([median([run.loss(name, lr, s) for s in range(5)]) for lr in lrs])]
            score = median([run.loss(name, expected, s) for s in range(5, 10)])
            lr, found = result[name]
            tuned = {(lr, s) for asked, lr, s in run.asked if asked == name and s < 5}
            if tuned != {(lr, s) for lr in lrs for s in range(5)}:
                return f"{name} was not run with every learning rate and the seeds 0 to 4."
            if not np.isclose(float(lr), expected):
                return f"for {name} the lowest median is at lr={expected}, not at {lr}."
            if {s for asked, _, s in run.asked if asked == name} - set(range(10)):
                return f"{name} was run with seeds beyond 9."
            if not np.isclose(float(found), score):
                wanted, got = told_apart(score, float(found))
                return f"the median of {name} on the seeds 5 to 9 is {wanted}, not {got}."
        if len(run.asked) != 3 * (6 * 5 + 5):
            return f"{len(run.asked)} runs were made; the rules ask for {3 * (6 * 5 + 5)}."
    return None


EXERCISES = [
    Exercise(
        "19.1",
        steps(*SETTINGS),
        contract=optim.check,
        mistakes=[
            Mistake("The slow memory is corrected, too; the formula leaves it as it is.",
                    ("alpha * m2", "alpha * m2 / (1 - slow**t)")),
            Mistake("The fast memory starts at 0 and is too small at first: its correction is missing.",
                    ("m1 / (1 - beta1**t)", "m1")),
            Mistake("The correction of v is missing.",
                    ("v / (1 - beta2**t)", "v")),
            Mistake("The slow memory is left out: this is AdamW.",
                    (" + alpha * m2", "")),
            Mistake("The slow memory enters without its weight alpha.",
                    ("alpha * m2", "m2")),
            Mistake("The slow memory forgets as fast as the fast one: it has its own beta.",
                    ("m2 *= slow\n        m2 += (1 - slow) * grad", "m2 *= beta1\n        m2 += (1 - beta1) * grad")),
            Mistake("The slow memory is a mean, not a sum: the gradient enters with the weight 1 - slow.",
                    ("(1 - slow) * grad", "grad")),
            Mistake("The two memories share one array: what one adds, the other sees.",
                    ('state["m1"], state["m2"]', 'state["m1"], state["m1"]')),
            Mistake("eps is added to the root, not under it.",
                    ("(np.sqrt(v / (1 - beta2**t)) + eps)", "np.sqrt(v / (1 - beta2**t) + eps)")),
            Mistake("Only the fast memory is divided by the root; the slow one has to be, too.",
                    ("return top /", "return alpha * m2 + (top - alpha * m2) /")),
            Mistake("The decay of the weights is divided by the root, as in Adam with L2 decay: it comes after.",
                    ("return top / (np.sqrt(v / (1 - beta2**t)) + eps) + weight_decay * param",
                     "return (top + weight_decay * param) / (np.sqrt(v / (1 - beta2**t)) + eps)")),
            Mistake("The weight decay is missing.",
                    (" + weight_decay * param", "")),
            Mistake("The weight decay has the wrong sign: weights must shrink.",
                    ("+ weight_decay", "- weight_decay")),
            Mistake("betas is (beta1, beta2), in this order: beta1 is for the mean of the gradients.",
                    ("(beta1, beta2), t", "(beta2, beta1), t")),
            Mistake("A root is missing: v is a mean of squares.",
                    ("np.sqrt(v / (1 - beta2**t))", "v / (1 - beta2**t)")),
        ],
    ),
    Exercise(
        "19.2",
        steps(dict(lr=0.1, betas=(0.8, 0.95), eps=0.01, decay=0.3, max_norm=0.5),
              dict(lr=0.03, betas=(0.5, 0.7), eps=2.0, decay=0.1, max_norm=4.0)),
        mistakes=[
            Mistake("The decay comes before Adam, which then scales it: that is L2 decay, not AdamW.",
                    ("        optim.add_decayed_weights(decay),\n", ""),
                    ("        optim.scale_by_adam", "        optim.add_decayed_weights(decay),\n        "
                                                    "optim.scale_by_adam")),
            Mistake("The decay is the first link: it is clipped and scaled with the gradient.",
                    ("        optim.add_decayed_weights(decay),\n", ""),
                    ("        params,\n", "        params,\n        optim.add_decayed_weights(decay),\n")),
            Mistake("Clipping comes after Adam: it then bounds the step, not the gradient.",
                    ("        optim.clip_by_global_norm(max_norm),\n", ""),
                    ("        optim.add_decayed", "        optim.clip_by_global_norm(max_norm),\n        "
                                                  "optim.add_decayed")),
            Mistake("Clipping is the last link: it bounds the whole step, the decay included.",
                    ("        optim.clip_by_global_norm(max_norm),\n", ""),
                    ("        lr=lr", "        optim.clip_by_global_norm(max_norm),\n        lr=lr")),
            Mistake("Nothing is clipped.",
                    ("        optim.clip_by_global_norm(max_norm),\n", "")),
            Mistake("`optim.clip` cuts each number for itself and turns the gradient; the norm of all was asked for.",
                    ("optim.clip_by_global_norm", "optim.clip")),
            Mistake("The weights do not decay.",
                    ("        optim.add_decayed_weights(decay),\n", "")),
            Mistake("The two betas are swapped.",
                    ("b1=betas[0], b2=betas[1]", "b1=betas[1], b2=betas[0]")),
            Mistake("The betas are not handed on: these are the defaults.",
                    ("b1=betas[0], b2=betas[1], ", "")),
            Mistake("eps is not handed on: this is the default.",
                    (", eps=eps", "")),
            Mistake("Adam is left out: gradients are clipped, and not scaled.",
                    ("        optim.scale_by_adam(b1=betas[0], b2=betas[1], eps=eps),\n", "")),
            Mistake("The chain multiplies by `lr` itself: the decay must not be multiplied by it again.",
                    ("weights(decay)", "weights(lr * decay)")),
        ],
    ),
    Exercise("19.3", property=is_unfair),
]
