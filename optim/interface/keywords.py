"""What to write instead of a keyword argument that an optimizer, a link or a schedule does not take.

Python only says that it is unexpected. People who have misspelt it, or come from another library, want to know what
there is.
"""

import inspect
from functools import cache

# Names in other libraries and papers, and what they are here. Of several, the first that the class takes is meant.
ELSEWHERE = {
    "learning_rate": ["lr"], "eta": ["lr"], "alpha": ["lr"], "stepsize": ["step_size", "lr"], "step_size": ["lr"],
    "beta1": ["b1", "betas=(beta1, ...)"], "beta2": ["b2", "betas=(beta1, beta2, ...)"], "betas": ["b1"],
    "b1": ["betas=(b1, ...)"], "b2": ["betas=(b1, b2, ...)"], "beta": ["momentum", "decay", "betas=(beta, ...)"],
    "momentum": ["betas=(momentum, ...)"], "rho": ["alpha", "decay"], "decay_rate": ["alpha", "decay", "gamma"],
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
    """A base class that says what to write instead of a keyword that `__init__` does not take."""

    __signature__ = SignatureOfInit()

    def __new__(cls, *args, **keywords):
        if keywords and (names := names_of(cls)):
            for word in keywords:
                if word not in names:
                    raise unknown_keyword(cls, word, names)
        return super().__new__(cls)


@cache
def names_of(cls):
    """Return the names of the arguments of a class; none if it takes any name."""
    parameters = [*inspect.signature(cls.__init__).parameters.values()][1:]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return ()
    return tuple([p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)])


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
