"""Lesson 11: Adam dissected."""

import numpy as np

import optim
from tutorials.comparison import told_apart
from tutorials.exercise import Exercise, Mistake, steps

SETTINGS = dict(lr=0.1, betas=(0.8, 0.95), eps=0.01), dict(lr=0.03, betas=(0.5, 0.7), eps=2.0)


def is_not_the_limit(adam_as):
    """Walk with Adam beside the optimizer that it is to be."""
    for kind, other in ("sign", optim.SignSGD), ("plain", optim.SGD):
        for lr in 0.1, 0.003:
            settings = adam_as(kind, lr)
            if not (isinstance(settings, dict) and set(settings) <= {"lr", "betas", "eps"}):
                return f"for kind={kind!r} it returns {settings!r:.80}, not a dictionary with lr, betas and eps."
            rng = np.random.default_rng(3)
            ours, theirs = (optim.Parameter(np.zeros(8)) for _ in range(2))
            adam, simple = optim.Adam([ours], **settings), other([theirs], lr=lr)
            for step in range(1, 13):
                grad = rng.choice([-1, 1], size=8) * 10.0 ** rng.uniform(-3, 2, size=8)
                ours.grad, theirs.grad = grad.copy(), grad.copy()
                adam.step()
                simple.step()
                if not np.allclose(ours.data, theirs.data, rtol=1e-6, atol=1e-12):
                    worst = np.argmax(np.abs(ours.data / theirs.data - 1))
                    found, wanted = told_apart(ours.data[worst], theirs.data[worst])
                    return (f"for kind={kind!r}, lr={lr} Adam is not where {other.__name__} is after step {step}: at "
                            f"{found}, not at {wanted}.")
    return None


EXERCISES = [
    Exercise(
        "11.1",
        steps(*SETTINGS),
        contract=optim.check,
        mistakes=[
            Mistake("eps is added to the root, not under it.",
                    ("np.sqrt(v_hat) + eps", "np.sqrt(v_hat + eps)")),
            Mistake("betas is (beta1, beta2), in this order: beta1 is for the mean of the gradients.",
                    ("(beta1, beta2), t", "(beta2, beta1), t")),
            Mistake("t is the number of the step: the correction has to fade as t grows.",
                    ('betas, state["step"]', "betas, 1")),
            Mistake("Steps count from 1, and `state[\"step\"]` is this step's number already.",
                    ('betas, state["step"]', 'betas, state["step"] + 1')),
            Mistake("m is a mean, not a sum: the gradient enters with the weight 1 - beta1.",
                    ("m += (1 - beta1) * grad", "m += grad")),
            Mistake("v is a mean, not a sum: the square enters with the weight 1 - beta2.",
                    ("v += (1 - beta2) * grad", "v += grad")),
            Mistake("v is the mean of the squares, not of the sizes.",
                    ("* grad * grad", "* np.abs(grad)")),
            Mistake("v is the mean of the squares, not of the gradients.",
                    ("* grad * grad", "* grad")),
            Mistake("v is the mean of the squared gradients; you took the square of the mean, m.",
                    ("* grad * grad", "* m * m")),
            Mistake("m starts at 0 and is too small at first: its correction is missing.",
                    ("m_hat = m / (1 - beta1**t)", "m_hat = m")),
            Mistake("v starts at 0 and is too small at first: its correction is missing.",
                    ("v_hat = v / (1 - beta2**t)", "v_hat = v")),
            Mistake("Both means start at 0 and are too small at first: the two corrections are missing.",
                    ("m / (1 - beta1**t)", "m"), ("v / (1 - beta2**t)", "v")),
            Mistake("The weights in the mean add up to 1 - beta**t: a power, not a product.",
                    ("beta1**t", "beta1 * t"), ("beta2**t", "beta2 * t")),
            Mistake("The correction of v belongs to beta2: each mean has its own.",
                    ("1 - beta2**t", "1 - beta1**t")),
            Mistake("The corrections divide: the means are too small at first, not too large.",
                    ("m / (1", "m * (1"), ("v / (1", "v * (1")),
            Mistake("The corrected means have replaced the memory, and are corrected again in the next step.",
                    ("m_hat = m / (1 - beta1**t)\n        v_hat = v / (1 - beta2**t)",
                     "m /= 1 - beta1**t\n        v /= 1 - beta2**t\n        m_hat, v_hat = m, v")),
            Mistake("A root is missing: v is a mean of squares.",
                    ("np.sqrt(v_hat)", "v_hat")),
            Mistake("On top belongs the mean of the gradients, not the newest one: without it, this is RMSprop.",
                    ("return m_hat", "return grad")),
            Mistake("Only the sign of the newest gradient is used: the two means are not.",
                    ("return m_hat / (np.sqrt(v_hat) + eps)", "return np.sign(grad)")),
            Mistake("The direction is subtracted by `step`, so it points uphill, as the gradient does.",
                    ("return m_hat", "return -m_hat")),
            Mistake("The means are computed and then lost: change the arrays in `state` in place, they are the memory.",
                    ("m *= beta1\n        m += (1 - beta1) * grad\n        v *= beta2\n        "
                     "v += (1 - beta2) * grad * grad",
                     "m = beta1 * m + (1 - beta1) * grad\n        v = beta2 * v + (1 - beta2) * grad * grad")),
            Mistake("Without parentheses, eps is added to the step and not to the divisor.",
                    ("(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat) + eps")),
        ],
    ),
    Exercise(
        "11.2",
        steps(*SETTINGS),
        contract=optim.check,
        mistakes=[
            Mistake("This steps as plain Adam does: is the maximum kept, in place, and is it what you divide by?",
                    ("v_hat = v_max", "v_hat = v")),
            Mistake("The divisor must never shrink: keep the maximum, not the minimum.",
                    ("np.maximum", "np.minimum")),
            Mistake("This is the largest square so far; AMSGrad keeps the largest *mean* of squares.",
                    ("np.maximum(v_max, v, out=v_max)", "np.maximum(v_max, grad * grad, out=v_max)")),
            Mistake("You correct v before you take the maximum. Some libraries do; here the maximum is of v itself.",
                    ("np.maximum(v_max, v, out=v_max)", "np.maximum(v_max, v / (1 - beta2**t), out=v_max)"),
                    ("v_max / (1 - beta2**t)", "v_max")),
            Mistake("The correction of v is missing.",
                    ("v_max / (1 - beta2**t)", "v_max")),
            Mistake("The correction of m is missing.",
                    ("m / (1 - beta1**t)", "m")),
            Mistake("The correction of v belongs to beta2: each mean has its own.",
                    ("v_max / (1 - beta2**t)", "v_max / (1 - beta1**t)")),
            Mistake("eps is added to the root, not under it.",
                    ("np.sqrt(v_hat) + eps", "np.sqrt(v_hat + eps)")),
            Mistake("This adds up all v; the maximum is enough.",
                    ("np.maximum(v_max, v, out=v_max)", "v_max += v")),
            Mistake("One maximum for all coordinates: each needs its own.",
                    ("np.maximum(v_max, v, out=v_max)", "np.maximum(v_max, v.max(), out=v_max)")),
            Mistake("A root is missing: v is a mean of squares.",
                    ("np.sqrt(v_hat)", "v_hat")),
            Mistake("The newest v belongs in the maximum before you divide: the old maximum may be too small.",
                    ("np.maximum(v_max, v, out=v_max)\n        m_hat = m / (1 - beta1**t)\n"
                     "        v_hat = v_max / (1 - beta2**t)",
                     "m_hat = m / (1 - beta1**t)\n        v_hat = v_max / (1 - beta2**t)\n"
                     "        np.maximum(v_max, v, out=v_max)")),
            Mistake("The direction is subtracted by `step`, so it points uphill, as the gradient does.",
                    ("return m_hat", "return -m_hat")),
        ],
    ),
    Exercise("11.3", property=is_not_the_limit),
]
