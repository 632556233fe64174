"""The state dictionaries of schedules in the layout of ``torch.optim.lr_scheduler``, and back.

PyTorch keeps "base_lrs", "last_epoch", "_step_count", "_last_lr", and the arguments. Some schedules use a
layout of our own: those of more than `lr`, and those whose state in PyTorch is of another kind, such as `OneCycleLR`,
which keeps it in the groups.
"""

import math
from collections import Counter

# The schedules that PyTorch has too, with the same information in their state.
SHARED = {"LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR",
          "PolynomialLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "ReduceLROnPlateau"}


def is_shared(schedule):
    """Return whether PyTorch has the schedule too."""
    return type(schedule).__name__ in SHARED and list(schedule.base_values) == ["lr"]


def to_pytorch(schedule, state):
    """Return a schedule's state in PyTorch's layout, or as it is if PyTorch has no such schedule."""
    if not is_shared(schedule):
        return state
    state.pop("schedulers")
    base, now = state.pop("base_values")["lr"], state.pop("now")["lr"]
    if state["schedule"] != "ReduceLROnPlateau":
        state |= {"base_lrs": base, "_step_count": state["last_epoch"] + 1, "_is_initial": False,
                  "_get_lr_called_within_step": False}
    if "lr_lambda" in state:
        state["lr_lambdas"] = for_all(state.pop("lr_lambda"), now)
    if "milestones" in state:
        state["milestones"] = Counter(state["milestones"])
    if "time" in state:
        state["T_cur"], state["T_i"] = schedule.since_restart(state.pop("time"))
    if "min_lr" in state:
        state |= {"default_min_lr": state["min_lr"], "min_lrs": for_all(state.pop("min_lr"), now),
                  "mode_worse": math.inf if state["mode"] == "min" else -math.inf}
    return {**state, "_last_lr": now}


def for_all(value, groups):
    """Return a list with a value for each group, given one value or such a list."""
    return value if isinstance(value, list) else [value] * len(groups)


def from_pytorch(schedule, saved):
    """Return a state, here or in PyTorch's layout, under the names of the schedule's own attributes.

    Raises
    ------
    ValueError
        If the state is PyTorch's, and PyTorch's schedule of that name keeps something else.
    """
    if not isinstance(saved, dict) or "_last_lr" not in saved:
        return saved
    name = type(schedule).__name__
    if saved.get("schedule", name) != name:
        return saved
    if not is_shared(schedule):
        raise ValueError(f"the state of PyTorch's schedules cannot be loaded into this {name}, only into schedules of "
                         f"lr alone that are {', '.join(sorted(SHARED))}: make a new one, with last_epoch=...")
    state = {"schedule": name, **{key: entry for key, entry in saved.items() if not key.startswith("_")}}
    state |= {"base_values": {"lr": state.pop("base_lrs", [])}, "now": {"lr": saved["_last_lr"]}, "schedulers": []}
    own = vars(schedule)
    if "lr_lambdas" in state:
        lambdas = state.pop("lr_lambdas")
        state["lr_lambda"] = lambdas if isinstance(own.get("lr_lambda"), (list, tuple)) else lambdas[0]
    if "milestones" in state and isinstance(state["milestones"], dict):
        state["milestones"] = sorted(Counter(state["milestones"]).elements())
    if "T_cur" in state:
        state.pop("T_i")
        state["time"] = state["last_epoch"] + state.pop("T_cur") % 1
    if "min_lrs" in state:
        lowest = state.pop("min_lrs")
        state["min_lr"] = lowest if len(set(lowest)) > 1 else lowest[0]
        for key in "default_min_lr", "mode_worse":
            state.pop(key, None)
    return state
