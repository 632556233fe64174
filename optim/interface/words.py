"""Numbers and arrays in words: exact and short in a repr, rounded and summarised in an explanation."""

import numpy as np

SMALL = 4  # arrays up to this size are written out


def described(value):
    """Return a hyperparameter as a repr shows it: numbers as Python writes them, arrays by their shape.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.interface.words import described
    >>> described(np.float64(0.1)), described(np.ones(1000)), described((0.9, np.float32(0.5)))
    ('0.1', 'array of shape (1000,)', '(0.9, 0.5)')
    """
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}" if value.ndim else repr(value.item())
    if type(value) in (tuple, list):
        items = ", ".join(map(described, value)) + "," * (type(value) is tuple and len(value) == 1)
        return f"({items})" if type(value) is tuple else f"[{items}]"
    return getattr(value, "__name__", None) or repr(value)


def listed(hyperparameters):
    """Return "name=value, ..." for hyperparameters, each with its values in all the groups."""
    return ", ".join(f"{name}={' | '.join(dict.fromkeys(map(described, values)))}"
                     for name, values in hyperparameters.items())


def is_small(value):
    """Return whether a value can be written out."""
    if isinstance(value, np.ndarray):
        return value.size <= SMALL
    return not isinstance(value, (tuple, list)) or (len(value) <= SMALL and all(map(is_small, value)))


def is_empty(value):
    """Return whether a value is an array or a sequence without entries."""
    return value.size == 0 if isinstance(value, np.ndarray) else isinstance(value, (tuple, list)) and not value


def show(value, summary="min {low:.4g}, mean {mean:.4g}, max {high:.4g}, norm {norm:.4g}"):
    """Return a number rounded to six figures, a small array written out, a large one summarised.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.interface.words import show
    >>> show(1 / 3), show(np.array([[1.0, -0.25]])), show(np.arange(5.0))
    ('0.333333', '[[1, -0.25]]', 'array of shape (5,): min 0, mean 2, max 4, norm 5.477')
    """
    if isinstance(value, np.ndarray) and not is_small(value):
        with np.errstate(all="ignore"):
            numbers = {"low": value.min(), "mean": value.mean(), "high": value.max(), "norm": np.linalg.norm(value)}
        return f"array of shape {value.shape}: {summary.format(**numbers)}"
    if isinstance(value, np.ndarray) and is_empty(value):
        return f"empty array of shape {value.shape}"
    if isinstance(value, (tuple, list)) and not is_small(value):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(show, value)) + ")"
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim):
        return "[" + ", ".join(map(show, value)) + "]"
    if isinstance(value, (float, np.floating)) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
        return f"{float(value):.6g}"
    return str(value)
