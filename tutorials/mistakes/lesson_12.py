"""Lesson 12: decay and schedules."""

import numpy as np

import optim
from tutorials.exercise import Exercise, Mistake, calls, steps

CHAIN = "optim.chain(params, optim.scale_by_adam(b1, b2, eps), optim.add_decayed_weights(weight_decay), lr=lr)"


def leaves_the_path(optimizer_class):
    """Walk beside optim.ScheduleFreeSGD, and keep every z."""
    for lr, momentum in (0.1, 0.9), (0.5, 0.3):
        rng = np.random.default_rng(4)
        ours, theirs = (optim.Parameter(np.ones((2, 3))) for _ in range(2))
        optimizer = optimizer_class([ours], lr=lr, momentum=momentum)
        reference, points = optim.ScheduleFreeSGD([theirs], lr=lr, momentum=momentum), []
        for step in range(1, 11):
            ours.grad = theirs.data + rng.normal(size=(2, 3))
            theirs.grad = ours.grad.copy()
            optimizer.step()
            reference.step()
            points.append(reference.state[theirs]["z"].copy())
            where = f"after step {step} with lr={lr}, momentum={momentum}"
            for name, value in ("z", points[-1]), ("x", np.mean(points, axis=0)):
                got = optimizer.state[ours].get(name)
                if got is None or not np.allclose(got, value, rtol=1e-9):
                    words = "the plain step from the z before" if name == "z" else "the mean of all z so far"
                    return f'{where}, state["{name}"] is not {words}.'
            if not np.allclose(ours.data, theirs.data, rtol=1e-8):
                return f"{where}, z and x are right, but the parameter is not (1 - momentum) z + momentum x."
    return None


def must_be_a_chain(my_adamw):
    """Refuse optim.AdamW itself."""
    optimizer = my_adamw([optim.Parameter([1.0])], 0.1, (0.9, 0.99), 1e-8, 0.1)
    if not isinstance(optimizer, optim.chain):
        raise AssertionError(f"it returns {type(optimizer).__name__}, not a chain: put the two links together with "
                             "optim.chain(params, ..., lr=lr).")


EXERCISES = [
    Exercise(
        "12.1",
        steps(dict(lr=0.1, betas=(0.8, 0.95), eps=0.01, weight_decay=0.7),
              dict(lr=0.3, betas=(0.5, 0.7), eps=1.0, weight_decay=0.1)),
        contract=must_be_a_chain,
        mistakes=[
            Mistake("This is Adam with L2: here the decay goes through Adam's division. Which link comes first?",
                    (CHAIN, "optim.chain(params, optim.add_decayed_weights(weight_decay), "
                            "optim.scale_by_adam(b1, b2, eps), lr=lr)")),
            Mistake("There is no decay in it: a link is missing.",
                    (", optim.add_decayed_weights(weight_decay)", "")),
            Mistake("This is gradient descent with decay: Adam's link is missing.",
                    ("optim.scale_by_adam(b1, b2, eps), ", "")),
            Mistake("The chain has its default learning rate, not yours.",
                    (", lr=lr", "")),
            Mistake("The chain multiplies everything by lr at its end, the decay too: yours is multiplied twice.",
                    ("add_decayed_weights(weight_decay)", "add_decayed_weights(lr * weight_decay)")),
            Mistake("The decay does not need to be divided by lr: PyTorch's AdamW multiplies it by lr as well.",
                    ("add_decayed_weights(weight_decay)", "add_decayed_weights(weight_decay / lr)")),
            Mistake("betas is (beta1, beta2): b1 is for the mean of the gradients.",
                    ("b1, b2 = betas", "b2, b1 = betas")),
            Mistake("Adam's link has its default betas and eps, not yours.",
                    ("(b1, b2, eps)", "()")),
            Mistake("eps is not passed on to Adam's link.",
                    ("(b1, b2, eps)", "(b1, b2)")),
            Mistake("The chain subtracts at its end; with the sign changed in a link, it climbs.",
                    ("optim.scale_by_adam", "optim.scale(-1.0), optim.scale_by_adam")),
            Mistake("There are two decays, before Adam's link and after it.",
                    ("optim.scale_by_adam", "optim.add_decayed_weights(weight_decay), optim.scale_by_adam")),
            Mistake("The learning rate is applied twice: by a link, and by the chain at its end.",
                    (", lr=lr", ", optim.scale(lr), lr=lr")),
        ],
    ),
    Exercise(
        "12.2",
        calls((0, 2.0, 4, 20), (2, 2.0, 4, 20), (3, 2.0, 4, 20), (4, 2.0, 4, 20), (11, 2.0, 4, 20), (19, 2.0, 4, 20),
              (0, 0.5, 1, 11), (7, 0.5, 1, 11), (0, 1.5, 0, 10), (3, 1.5, 0, 10)),
        mistakes=[
            Mistake("The rate of step 0 is 0, so the first step is lost: it should be peak / warmup.",
                    ("(t + 1) / warmup", "t / warmup")),
            Mistake("The cosine starts at the end of the warm-up, not in step 0.",
                    ("(t - warmup) / (total - warmup)", "t / total")),
            Mistake("The cosine has total - warmup steps, so it does not come down to 0 with yours.",
                    ("/ (total - warmup)", "/ total")),
            Mistake("At the end of the warm-up the rate doubles: 1 + cos lies between 0 and 2.",
                    (" * part)) / 2", " * part))")),
            Mistake("Upside down: this one rises from 0 to the peak.",
                    ("1 + np.cos", "1 - np.cos")),
            Mistake("The angle goes from 0 to π: π is missing.",
                    ("np.pi * part", "part")),
            Mistake("In the cosine, the peak is missing.",
                    ("peak * (1 +", "(1 +")),
            Mistake("In the warm-up, the peak is missing.",
                    ("peak * (t + 1)", "(t + 1)")),
            Mistake("This is a quarter of a cosine, which falls steeply at the end: take half of one.",
                    ("peak * (1 + np.cos(np.pi * part)) / 2", "peak * np.cos(np.pi * part / 2)")),
            Mistake("This is a straight line down to 0, not a cosine.",
                    ("peak * (1 + np.cos(np.pi * part)) / 2", "peak * (1 - part)")),
            Mistake("This is a whole period: the rate comes up again.",
                    ("np.pi * part", "2 * np.pi * part")),
            Mistake("The warm-up is a step too long: in step `warmup` it is above the peak.",
                    ("t < warmup", "t <= warmup")),
            Mistake("The rate is 0 in the last step already, which is lost: it would be 0 in step `total`.",
                    ("/ (total - warmup)", "/ (total - warmup - 1)")),
            Mistake("In step `warmup` the cosine has just begun: its part is 0 there.",
                    ("(t - warmup) /", "(t + 1 - warmup) /")),
            Mistake("The warm-up is missing.",
                    ("return peak * (t + 1) / warmup", "return peak")),
        ],
    ),
    Exercise("12.3", property=leaves_the_path),
]
