"""What to write instead of a keyword argument that an optimizer, a link or a schedule does not take.

Python only says that it is unexpected. People who have misspelt it, or come from another library, want to know what
there is.
"""

import inspect
from functools import cache

# Names in other libraries and papers, and what they are here. Of several, the first that the class takes is meant.
ELSEWHERE = {
    "learning_rate": ["lr"], "eta": ["lr"], "alpha": ["lr"], "stepsize": ["step_size", "lr"], "step_size": ["lr"],
    "beta1": ["b1", "betas=(beta1, beta2)"], "beta2": ["b2", "betas=(beta1, beta2)"], "betas": ["b1"],
    "b1": ["betas=(b1, b2)"], "b2": ["betas=(b1, b2)"], "beta": ["momentum", "decay", "betas=(beta, 0.999)"],
    "momentum": ["betas=(momentum, 0.999)"], "rho": ["alpha", "decay"], "decay_rate": ["alpha", "decay", "gamma"],
    "epsilon": ["eps"], "wd": ["weight_decay"], "l2": ["weight_decay"], "lam": ["weight_decay"],
    "parameters": ["params"], "model": ["params=model.parameters()"], "opt": ["optimizer"], "decay": ["gamma"],
    "factor": ["gamma"], "epochs": ["T_max", "total_iters"], "warmup": ["warmup_steps"],
}


class SignatureOfInit:
    """The signature of a class: that of its `__init__`. Python 3.10 and Sphinx would take that of `__new__`."""

    def __get__(self, instance, cls):
        signature = inspect.signature(cls.__init__)
        return signature.replace(parameters=[*signature.parameters.values()][1:])


class KnownKeywords:
    """A base of classes that answer a keyword which their `__init__` does not take with what to write."""

    __signature__ = SignatureOfInit()

    def __new__(cls, *args, **keywords):
        names = keywords and names_of(cls)
        if names and not keywords.keys() <= names.keys():
            raise unknown_keyword(cls, next(word for word in keywords if word not in names), names)
        return super().__new__(cls)


@cache
def names_of(cls):
    """Return, as a dictionary, the names of the arguments of a class; an empty one if it takes any name."""
    parameters = [*inspect.signature(cls.__init__).parameters.values()][1:]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return {}
    return {p.name: None for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def unknown_keyword(cls, word, names):
    """Return the error for a keyword that a class does not take, given those that it does."""
    from difflib import get_close_matches  # here, to keep `import optim` short

    meant = [text for text in ELSEWHERE.get(word, []) if text.partition("=")[0] in names]
    near = get_close_matches(word, names, 1)
    if meant:
        hint = f": write {meant[0]}" if "=" in meant[0] else f": write {meant[0]}= for {word}="
    else:
        hint = f": did you mean {near[0]}?" if near else ""
    return TypeError(f"{cls.__name__} got an unexpected keyword argument {word!r}{hint} (it takes {', '.join(names)})")
