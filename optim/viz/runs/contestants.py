"""How to name an optimizer for a run: as text such as "Adam(lr=0.05)", as a class, or as a function of the parameters.

Whatever the form, `factory` turns it into a function from a list of parameters to an optimizer, and `built` calls that.
Text is parsed with `ast` and never evaluated, so that it can come from a command line.
"""

import ast
import difflib
import inspect
import re
from functools import partial

import numpy as np

import minigrad
import optim
from optim.averaging import HasAverage
from optim.interface.optimizer import Optimizer

# What second-order methods need besides parameters, made from the function to minimise.
CURVATURE = {
    "hessian": lambda function, p: lambda: minigrad.hessian(function)(p.data),
    "hvp": lambda function, p: lambda v: minigrad.hvp(function)(p.data, v),
}
FORM = '"Name(hyperparameter=value, ...)", such as "Adam(lr=0.05)"'


def known():
    """Return the optimizers that text can name: those of `optim` that need only parameters, and perhaps curvature."""
    public = {name: getattr(optim, name) for name in optim.__all__}
    return {name: kind for name, kind in public.items() if isinstance(kind, type) and is_complete(kind)}


def is_complete(kind):
    """Return whether a class is an optimizer that can be made from parameters and curvature."""
    if not issubclass(kind, Optimizer) or kind is Optimizer:
        return False
    params, *others = inspect.signature(kind).parameters.values()
    return params.name == "params" and all(p.default is not p.empty or p.name in CURVATURE for p in others)


def factory(which, function=None):
    """Return a function from a list of parameters to an optimizer.

    Parameters
    ----------
    which : str or callable
        Text such as "Adam(lr=0.05)"; a class of optimizers; or any function of a list of parameters that returns one.
    function : callable, optional
        The function to minimise. Classes that ask for `hessian` or `hvp` get those of this function.

    Raises
    ------
    ValueError
        If the text has another form, or names an optimizer or a hyperparameter that is not known.
    TypeError
        If `which` is neither text nor callable.

    Examples
    --------
    >>> from optim.viz.runs.contestants import factory
    >>> import optim
    >>> factory("SGD(lr=0.1, momentum=0.9)")([optim.Parameter([1.0, 2.0])])
    SGD(1 parameter, lr=0.1, momentum=0.9, ...)
    >>> factory("SDG(lr=0.1)")
    Traceback (most recent call last):
        ...
    ValueError: no optimizer is named 'SDG'; did you mean SGD...
    """
    if isinstance(which, str):
        make = with_curvature(*parse(which), function)
        return lambda params: made_from_text(which, make, params)
    if is_class(which):
        return with_curvature(which, {}, function)
    if isinstance(which, Optimizer) or not callable(which):
        raise TypeError(f"an optimizer must be given as {FORM}, as a class, or as a function of the parameters such as "
                        f"lambda params: optim.Adam(params, lr=0.05); got {which!r}")
    return which


def is_class(which):
    """Return whether this is a class of optimizers, perhaps with some hyperparameters bound to it by `partial`."""
    kind = class_of(which)
    return isinstance(kind, type) and issubclass(kind, Optimizer)


def class_of(which):
    """Return the class of an optimizer in any form that `factory` takes; a function of the parameters as it is."""
    if isinstance(which, str):
        return parse(which)[0]
    return which.func if isinstance(which, partial) else which


def with_curvature(kind, hyperparameters, function):
    """Return a function from a list of parameters to an optimizer of this class, with the curvature it asks for."""
    def make(params):
        asked = [name for name in inspect.signature(kind).parameters if name in CURVATURE]
        return kind(params, **hyperparameters, **{name: CURVATURE[name](function, params[0]) for name in asked})
    return make


def made_from_text(text, make, params):
    """Return make(params); an error about a hyperparameter quotes the text."""
    try:
        return make(params)
    except (TypeError, ValueError) as error:
        raise type(error)(f"in {text!r}, {error}") from None


def parse(text):
    """Return the class and the dictionary of hyperparameters that a text such as "Adam(lr=0.05)" describes."""
    kind = named(call_in(text).func.id)
    return kind, hyperparameters_in(kind, text)


def call_in(text):
    """Return the call that a text is, parsed; a name alone is a call without hyperparameters."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        call = None
    if isinstance(call, ast.Name):
        call = ast.Call(call, [], [])
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ValueError(f"the optimizer {text!r} is not of the form {FORM}")
    return call


def named(name):
    """Return the optimizer of that name, in capitals or not."""
    kinds = known()
    lower = {other.lower(): other for other in kinds}
    if name.lower() in lower:
        return kinds[lower[name.lower()]]
    kind = getattr(optim, name, None)
    if isinstance(kind, type) and issubclass(kind, Optimizer):
        needed = [one.name for one in inspect.signature(kind).parameters.values() if one.default is one.empty]
        example = "optim.SGD(params, lr=0.01)" if needed[0] == "optimizer" else "params"
        raise ValueError(f"{name!r} cannot be given as text, since it needs {' and '.join(needed)}: give a function of "
                         f"the parameters, lambda params: optim.{name}({', '.join([example, *needed[1:]])}), or in a "
                         "shell the FILE.py:NAME of such a function")
    nearest = [lower[other] for other in difflib.get_close_matches(name.lower(), lower, cutoff=0.5)]
    raise ValueError(f"no optimizer is named {name!r}; {hint(nearest, kinds)} (pass your own class itself, "
                     "not as text; in a shell, as FILE.py:CLASS)")


def hyperparameters_in(kind, text):
    """Return the values of the keywords in a text such as "Adam(lr=0.05)": literals, which the class must take."""
    call = call_in(text)
    if call.args:
        raise ValueError(f"in {text!r}, {ast.unparse(call.args[0])} has no name; the form is {FORM}")
    taken = [name for name in list(inspect.signature(kind).parameters)[1:] if name not in CURVATURE]
    hyperparameters = {}
    for keyword in call.keywords:
        name = keyword.arg or "**"
        if name not in taken:
            nearest = difflib.get_close_matches(name, taken, cutoff=0.5)
            raise ValueError(f"{kind.__name__} has no hyperparameter {name!r}; {hint(nearest, taken)}")
        if name in hyperparameters:
            raise ValueError(f"{name} is given twice in {text!r}")
        try:
            hyperparameters[name] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError):
            raise ValueError(f"{name} is {ast.unparse(keyword.value)} in {text!r}; expected a number, a tuple of "
                             "numbers, True, False or None") from None
    return hyperparameters


def hint(nearest, everything):
    """Return a suggestion, or the list of everything known."""
    return f"did you mean {' or '.join(nearest)}?" if nearest else f"choose from {', '.join(everything)}"


def describe(optimizer):
    """Return an optimizer as text: its class, a chain's links, its lr, and what differs from the defaults.

    Examples
    --------
    >>> from optim.viz.runs.contestants import describe
    >>> import optim
    >>> describe(optim.SGD([optim.Parameter([1.0])], lr=0.1, momentum=0.9))
    'SGD(lr=0.1, momentum=0.9)'
    """
    usual = {name: p.default for name, p in inspect.signature(type(optimizer)).parameters.items()}
    group = optimizer.param_groups[0]
    shown = [f"{name}={short(group[name])}" for name in usual if name in optimizer.defaults
            and (name == "lr" or array_shape(group[name]) or usual[name] not in (None, group[name]))]
    links = list(optimizer.links) if isinstance(optimizer, optim.chain) else []
    return f"{type(optimizer).__name__}({', '.join(links + shown)})"


def short(value):
    """Return a hyperparameter as short text; for an array only the number of values and their range."""
    if isinstance(value, tuple) and array_shape(value):
        return f"({', '.join(map(short, value))})"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"<{value.size} values, {value.min():.3g} to {value.max():.3g}>"
    return f"{value:.4g}" if isinstance(value, (float, np.ndarray, np.generic)) else repr(value)


def array_shape(value):
    """Return the shape of a hyperparameter that is an array, or a tuple with one in it; () for others."""
    items = value if isinstance(value, tuple) else (value,)
    return next((item.shape for item in items if isinstance(item, np.ndarray)), ())


# The optimizers of a run

def built(which, surface, params, hyperparameters):
    """Return an optimizer of `params`, with the hyperparameters set in all its groups."""
    optimizer = factory(which, surface.function)(params)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"a function of the parameters must return an optimizer; {which!r} returned {optimizer!r}")
    for group in optimizer.param_groups:
        group.update(hyperparameters)
    return optimizer


def runs_are_independent(optimizer):
    """Return whether the columns of a parameter of shape (n, N) move as they would alone."""
    return not why_runs_may_mix(optimizer)


def why_runs_may_mix(optimizer):
    """Return why the columns of a parameter might not move as they would alone, to begin a message; "" if they do."""
    kind = type(optimizer)
    if kind is optim.chain:
        mixing = [name for name, link in optimizer.links.items()
                  if not link.elementwise or link.survey or link.settle or is_masked(link)]
        return f"the link {mixing[0]} sees its parameters as a whole" if mixing else ""
    if isinstance(optimizer, optim.Wrapper):
        return f"{kind.__name__} is wrapped around an optimizer, and may see its parameters as a whole"
    if not optimizer.elementwise or kind.move_all is not Optimizer.move_all:
        return f"{kind.__name__} sees its parameters as a whole"
    if kind.step not in (Optimizer.step, HasAverage.step):  # which differ only in a check
        return f"{kind.__name__} has its own step, which may see its parameters as a whole"
    return ""


def is_masked(link):
    """Return whether a link picks parameters, as with `optim.masked`; the choice may depend on the array's shape."""
    return "wants" in vars(link)


def labelled(optimizers, surface):
    """Return optimizers as a dictionary from labels; each is built once to check that it can be."""
    labels, contestants = with_labels(optimizers)
    names = [describe(built(which, surface, [optim.Parameter(surface.start)], {})) for which in contestants]
    return dict(zip(distinct_labels(labels, names), contestants))


def with_labels(optimizers):
    """Return the labels of optimizers, "" where they have none, and the optimizers."""
    if isinstance(optimizers, str) or callable(optimizers):
        optimizers = [optimizers]
    entries = list(optimizers.items()) if isinstance(optimizers, dict) else [("", which) for which in optimizers]
    if not entries:
        raise ValueError("optimizers is empty; expected at least one, such as 'Adam(lr=0.05)'")
    return zip(*entries)


def distinct_labels(labels, names):
    """Return the labels, with the optimizer as text where a label is empty; no two may be the same."""
    found = [label or name for label, name in zip(labels, names)]
    if len(set(found)) < len(found):
        raise ValueError(f"two optimizers have the same text in {names}: leave one out, or in Python give a dictionary "
                         "from labels to optimizers")
    return found


def without_lr(label):
    """Return a label without the learning rate, for places that show it separately.

    >>> from optim.viz.runs.contestants import without_lr
    >>> without_lr("Adam(lr=0.1)"), without_lr("SGD(lr=0.1, momentum=0.9)"), without_lr("heavy ball, lr=0.01")
    ('Adam', 'SGD(momentum=0.9)', 'heavy ball')
    """
    return re.sub(r"\blr=[^,)]*(, )?", "", label).replace("()", "").rstrip(", ")
