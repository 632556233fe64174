"""Arrays in words: digits where they are few, a summary where they are many."""

import textwrap

import numpy as np

from .tape import Node

SMALL = 4  # arrays up to this size are written out


def show(value, digits=6):
    """Return a number or a small array in digits, a large one as a summary."""
    if isinstance(value, Node):
        value = value.value
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join([show(part, digits) for part in value]) + ")"
    value = np.asarray(value)
    if value.dtype.kind not in "fiubc":
        return str(value)
    if value.size <= SMALL:
        text = np.array2string(value, separator=", ", max_line_width=10**6,
                               formatter={"all": lambda number: in_digits(number, digits)})
        return text.replace("\n", "")
    value = value.astype(float) if value.dtype.kind in "iub" else value
    with np.errstate(all="ignore"):
        norm = f"norm {np.linalg.norm(value):.4g}"
        if value.dtype.kind == "c":
            return f"array of shape {value.shape}: {norm}"
        return (f"array of shape {value.shape}: min {value.min():.4g}, mean {value.mean():.4g}, "
                f"max {value.max():.4g}, {norm}")


def in_digits(number, digits):
    """Return a number with this many digits, and truth values in words."""
    return str(number) if isinstance(number, (bool, np.bool_)) else f"{number:.{digits}g}"


def brief(value):
    """Return a few characters for an argument."""
    if isinstance(value, (np.ndarray, np.generic, int, float, complex)):
        return show(value) if np.size(value) <= SMALL else f"array of shape {np.shape(value)}"
    return textwrap.shorten(repr(value), 40, placeholder="...")


def indexed(index):
    """Return an index as it is written between brackets."""
    if isinstance(index, tuple):
        return ", ".join(map(indexed, index))
    if isinstance(index, slice):
        start, stop = ["" if part is None else str(part) for part in (index.start, index.stop)]
        return f"{start}:{stop}" if index.step is None else f"{start}:{stop}:{index.step}"
    if isinstance(index, np.ndarray) and index.size > SMALL:
        return "array"
    return "..." if index is Ellipsis else brief(index)
