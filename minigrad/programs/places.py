"""The present value of an array, when arrays are written to and some are parts of others."""

import operator

import numpy as np


def assigned(array, index, value):
    """Return a copy of an array with `value` at an index: what `array[index] = value` makes of it."""
    result = np.array(array)
    result[index] = value
    return result


def added_at(ufunc, array, indices, *values):
    """Return what ufunc.at makes of a copy of an array."""
    result = array.copy()
    ufunc.at(result, indices, *values)
    return result


class Place:
    """Where an array keeps its numbers: in its own memory, or in a part of another place.

    Parameters
    ----------
    recording : Recording
    value : Call
        What the array holds now.
    whole : Place, optional
        What this place is a part of; `function(whole, *args, **keywords)` cuts it out.
    """

    def __init__(self, recording, value, whole=None, function=None, args=(), keywords=None):
        self.recording, self.value, self.whole = recording, value, whole
        self.function, self.args, self.keywords = function, args, keywords or {}
        self.seen = whole and whole.read()

    def read(self):
        """Return what the array holds now; if the whole has been written to since, cut it out again."""
        if self.whole is not None and self.whole.read() is not self.seen:
            self.seen, before = self.whole.read(), self.value
            self.value = self.recording.add(self.function, (self.seen, *self.args), self.keywords, like(before))
        return self.value

    def root(self):
        """Return the outermost place that this one is a part of."""
        return self if self.whole is None else self.whole.root()

    def known(self):
        """Return what the array holds, or None if it has to be cut out again."""
        return self.value if self.whole is None or self.whole.known() is self.seen else None

    def write(self, value):
        """Have the array hold a new value, and every array that it is a part of."""
        if self.whole is not None:
            whole = self.put_back(self.whole.read(), value)
            whole.memory = self.root()
            self.whole.write(whole)
            self.seen = self.whole.read()
        self.value = value

    def put_back(self, whole, value):
        """Return the whole with this part of it replaced."""
        add, name = self.recording.add, getattr(self.function, "__name__", "")
        if self.function is operator.getitem:
            return add(assigned, (whole, self.args[0], value), {}, like(whole), written=True)
        if name in ("reshape", "ravel", "squeeze", "expand_dims") and "order" not in self.keywords:
            return add(np.reshape, (value, whole.shape), {}, like(whole))
        if name in ("T", "transpose") and not self.args:
            return add(np.transpose, (value,), {}, like(whole))
        if name == "view" or (name == "asarray"):
            return value
        return self.recording.refuse(f"writes into a part of an array that was made by {name}: write into the array "
                                     "itself, by an index")


def like(call):
    """Return an object of the shape and dtype of a Call's value, from which another Call can take them."""
    return np.broadcast_to(np.zeros((), call.dtype), call.shape)
