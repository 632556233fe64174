"""What the methods of an update rule take, arrays by position and hyperparameters by name, and what they return.

A signature is a request: `update(self, grad, state, param, *, lr, betas)` asks for `lr` and `betas`. It is read when
an optimizer is made. A request that cannot be met raises an error that says why.
"""

import inspect
from functools import cache

import numpy as np

HANDED = {"init_state": ("param",), "advance": ("state",), "update": ("grad", "state", "param")}


@cache
def hyperparameter_names(method):
    """Return the names after the `*` in the signature of a method."""
    parameters = inspect.signature(method).parameters.values()
    for p in parameters:
        if p.kind is p.VAR_KEYWORD:
            name = method.__qualname__.rpartition("<locals>.")[2]
            raise TypeError(f"{name} has **{p.name}, which would always be empty: write the name of each "
                            "hyperparameter that it needs after a `*`, as in (self, grad, state, param, *, lr, beta)")
    return tuple([p.name for p in parameters if p.kind is p.KEYWORD_ONLY])


@cache
def check_signature(rule, method):
    """Raise a TypeError unless a method of a class of rules, given by its name, takes the arrays that it gets."""
    function, handed = getattr(rule, method), HANDED[method]
    signature = inspect.signature(function)
    by_place = [p.name for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    given, right = by_place[1:], len(by_place) == 1 + len(handed)
    if right and (tuple(given) == handed or set(given) != set(handed)):  # other names will do, another order not
        return
    extra = [name for name in given if name not in handed] if set(handed) <= set(given) else given[len(handed):]
    asked = [*extra, *hyperparameter_names(function)]
    wanted = ", ".join(["self", *handed, *(["*", *asked] if asked else [])])
    raise TypeError(f"{rule.__name__}.{method}{signature}: write `def {method}({wanted})`. Arrays come first, in this "
                    "order, and hyperparameters after a `*`")


def check_requests(rule, asked, offered):
    """Raise a TypeError unless the class has all the hyperparameters that its methods ask for."""
    for name in asked:
        if name not in offered:
            offered = f"only {', '.join(sorted(offered))}" if offered else "no hyperparameters"
            raise TypeError(f"a step of {rule.__name__} needs the hyperparameter `{name}`, and its __init__ passes "
                            f"super().__init__ {offered}: write {name}={name} in the call of super().__init__")


def misspelt(rule, base):
    """Return a question about a method whose name is nearly that of one that a class inherits from `base`, or ""."""
    from difflib import get_close_matches  # here, to keep `import optim` short

    inherited = [name for name in HANDED if getattr(rule, name) is getattr(base, name)]
    for name, value in vars(rule).items():
        if callable(value) and not hasattr(base, name) and (close := get_close_matches(name, inherited, 1, 0.75)):
            return f"its method {name} is never called: did you mean {close[0]}?"
    return ""


def advise(error):
    """Add advice to the AttributeError of an optimizer: people often look for hyperparameters on `self`."""
    rule, advice = error.obj, ""
    if "param_groups" not in vars(rule):
        advice = ": its __init__ has to call super().__init__(params, lr=lr, ...) first"
    elif error.name in rule.defaults and rule.steps_itself():
        advice = f': hyperparameters are in the groups; write group["{error.name}"] for each group in self.param_groups'
    elif error.name in rule.defaults:
        advice = f": hyperparameters are in the groups; write `def update(self, grad, state, param, *, {error.name})`"
    if not str(error).endswith(advice):
        error.args = (f"{error}{advice}",)


# What the methods return

def check_state(rule, state):
    """Raise a TypeError unless `init_state` has returned a dictionary."""
    if not isinstance(state, dict):
        raise TypeError(f"{type(rule).__name__}.init_state returned {state!r}; expected a dictionary: its last line "
                        'has to be `return {"m": np.zeros_like(param)}`, or similar')


def check_phi(rule, phi, data):
    """Raise a TypeError or ValueError unless `update` has returned one number for each of the parameter's."""
    name, expected = type(rule).__name__, f"expected phi, an array of the parameter's shape {data.shape}"
    if phi is None:
        raise TypeError(f"{name}.update returned None; {expected}: its last line has to be `return ...`")
    if isinstance(phi, (list, tuple)):
        raise TypeError(f"{name}.update returned a {type(phi).__name__}; {expected}: write the formula for the whole "
                        "array, without a loop")
    if np.shape(phi) != data.shape:
        raise ValueError(f"{name}.update returned something of shape {np.shape(phi)}; {expected}")


def check_in_place(rule, whole, piece):
    """Raise a TypeError if `update`, given a piece of the state, has put a new array into it."""
    for name, entry in piece.items():
        before = whole.get(name, 0)
        if isinstance(before, dict):
            check_in_place(rule, before, entry)
        elif isinstance(entry, np.ndarray) and before is not None and not np.may_share_memory(before, entry):
            raise TypeError(f"{type(rule).__name__}.update puts a new array into state[{name!r}], which is "
                            "lost where a large parameter is moved in pieces: let init_state make the array, and "
                            f"change it in place, state[{name!r}][...] = ...")
