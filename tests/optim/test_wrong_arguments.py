"""Wrong calls of everything public, made from the signatures: each must raise an error that names the argument.

An error is clear if it is raised in a file of this project, has the type that Python's own functions would raise, and
names the argument. (What the argument was is in the message too, in a form that this test does not look at.)
"""

import inspect
import os
import traceback

import numpy as np
import pytest

import optim
from optim import schedule
from optim.line_search import Point

OURS = os.path.dirname(optim.__file__)


def parameter():
    p = optim.Parameter([[1.0, 2.0], [3.0, 4.0]])
    p.grad = np.ones((2, 2))
    return p


def sgd():
    return optim.SGD([parameter()], lr=0.1, momentum=0.9)


# What a parameter of a public function may be, by its name; what is not here has a default.
RIGHT = {
    "params": lambda: [parameter()], "parameters": lambda: [parameter()], "optimizer": sgd, "lr": lambda: 0.1,
    "hessian": lambda: lambda: np.eye(4), "hvp": lambda: lambda v: v, "residuals": lambda: lambda: np.ones(4),
    "jacobian": lambda: lambda: np.eye(4), "projection": lambda: lambda theta: theta, "prox": lambda: prox,
    "lmo": lambda: lambda grad: grad, "mirror": lambda: np.log, "inverse": lambda: np.exp,
    "data": lambda: [1.0], "rows": lambda: [0], "values": lambda: [[1.0]], "every": lambda: 2,
    "max_norm": lambda: 1.0, "clip_value": lambda: 1.0, "max_delta": lambda: 1.0, "threshold": lambda: 1.0,
    "clipping": lambda: 0.1, "eta": lambda: 0.1, "gamma": lambda: 0.5, "decay": lambda: 0.9, "step_size": lambda: 2,
    "step_size_fn": lambda: lambda t: 1.0, "weight_decay": lambda: 0.1, "path": lambda: "run.npz",
    "state": dict, "link": lambda: optim.scale_by_adam(), "mask": lambda: lambda array: True,
    "schedulers": lambda: None, "milestones": lambda: [2], "lr_lambda": lambda: lambda t: 0.5, "base_lr": lambda: 0.1,
    "max_lr": lambda: 1.0, "T_max": lambda: 5, "T_0": lambda: 5, "swa_lr": lambda: 0.1, "total_steps": lambda: 10,
    "warmup_steps": lambda: 2, "stable_steps": lambda: 2, "decay_steps": lambda: 2, "total_iters": lambda: 5,
    "x": lambda: np.array([0.5, 2.0]), "point": lambda: np.array([0.5, 2.0]), "theta": lambda: np.array([0.5, 2.0]),
    "radius": lambda: 1.0, "normal": lambda: np.array([1.0, 1.0]), "offset": lambda: 1.0, "low": lambda: 0.0,
    "high": lambda: 1.0, "grad": lambda: np.array([0.5, 2.0]), "total": lambda: 1.0, "lower": lambda: 0.0,
    "upper": lambda: 1.0, "oracle": lambda: lambda grad: grad, "to_dual": lambda: np.log, "to_primal": lambda: np.exp,
    "seed": lambda: 0,
    "ray": lambda: lambda t: Point(t, (t - 1) ** 2, 2 * (t - 1), None),
    "start": lambda: Point(0.0, 1.0, -2.0, None), "t": lambda: 0.5,
}
ALSO = {"Sophia": {"hvp": lambda v: v}, "schedule.OneCycleLR": {"total_steps": 10}}  # where one of two is needed


def prox(theta, step):
    return theta


NUMBERS = ["abc", object(), 1j, float("nan"), [1.0, "a"]]
# Values that are wrong wherever the argument, by its default or by its name, is of a kind.
WRONG = {
    "number": NUMBERS, "count": [*NUMBERS, -3, 1.5], "function": [3, "abc", None], "optimizer": [3, "Adam", None],
    "params": [3, "abc", None, [3], []], "choice": ["abc", 3], "path": [3, None],
}
COUNTS = {"every", "step_size", "T_max", "T_0", "T_mult", "total_steps", "warmup_steps", "stable_steps", "decay_steps",
          "total_iters", "max_iter", "history_size", "k", "swa_start", "swa_freq", "update_interval", "epochs",
          "precondition_frequency", "max_precond_dim", "ns_steps", "steps_per_epoch", "step_size_up", "anneal_epochs",
          "patience", "cooldown", "max_consecutive_errors", "max_eval", "last_epoch"}
FREE = {"name", "state", "data", "rows", "values", "defaults", "closure", "rng", "seed", "axis", "adjust_lr_fn",
        "schedulers", "links", "hyperparameters", "f", "error", "mask"}


def kind_of(function, p):
    """Return the kind of a parameter of a public function, or None if its name does not show what is wrong."""
    if p.name in FREE or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
        return None
    if p.name in ("optimizer", "params", "path"):
        return p.name
    right = RIGHT[p.name]() if p.name in RIGHT and p.default is p.empty else p.default
    if callable(right):
        return "function"
    if isinstance(right, str):
        return "choice"
    if p.name in COUNTS and not (p.name == "step_size" and not issubclass(function, schedule.LRScheduler)):
        return "count"
    if isinstance(right, (int, float)) and not isinstance(right, bool):
        return "number"
    return "pair" if isinstance(right, tuple) and all(isinstance(one, (int, float)) for one in right) else None


def public():
    """Yield (name, function) of everything public that takes arguments."""
    for name in optim.__all__:
        function = getattr(optim, name)
        abstract = {"UpdateRule", "WholeVectorOptimizer", "Wrapper", "Link", "LazyRows", "chain", "rule_of",
                    "Optimizer", "load", "save", "masked", *optim.ON_DEMAND}
        if callable(function) and name not in abstract:
            yield name, function
    for name, function in vars(schedule).items():
        is_schedule = inspect.isclass(function) and issubclass(function, schedule.LRScheduler)
        if name in ("warmup_cosine", "warmup_stable_decay", "inverse_sqrt") or (
                is_schedule and name not in ("LRScheduler", "ChainedScheduler", "SequentialLR")):
            yield f"schedule.{name}", function


def wrong_calls():
    """Yield (name, function, argument, wrong value)."""
    for name, function in public():
        for p in inspect.signature(function).parameters.values():
            kind = kind_of(function, p)
            values = [(x, 0.9) for x in NUMBERS] + ["abc", 3, (0.9,)] if kind == "pair" else WRONG.get(kind, ())
            yield from ((name, function, p.name, value) for value in values if value is not p.default)


def right_arguments(name, function):
    return ALSO.get(name, {}) | {p.name: RIGHT[p.name]() for p in inspect.signature(function).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


@pytest.mark.parametrize(("name", "function"), [*public()], ids=lambda value: value if isinstance(value, str) else "")
def test_the_right_call_is_taken(name, function):
    with np.errstate(all="ignore"):
        function(**right_arguments(name, function))


def judged(name, function, argument, value):
    """Return what is unclear about the answer to a wrong call; None if it is clear."""
    try:
        function(**{**right_arguments(name, function), argument: value})
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        if not frame.filename.startswith(OURS):
            return f"raised in {os.path.basename(frame.filename)}: {error!r}"
        if type(error) not in (TypeError, ValueError):
            return f"of an odd type: {error!r}"
        return None if argument in str(error) else f"does not name it: {error!r}"
    return "taken"


def test_wrong_arguments_are_refused_by_name():
    calls, unclear = list(wrong_calls()), []
    for name, function, argument, value in calls:
        if found := judged(name, function, argument, value):
            unclear.append(f"{name}({argument}={value!r}): {found}")
    assert len(calls) > 500
    assert len(unclear) <= 0.05 * len(calls), "\n".join([f"{len(unclear)} of {len(calls)}", *unclear])
