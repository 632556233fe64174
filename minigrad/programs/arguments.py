"""The form of arguments that a program works for, and other numbers of the same form to check it with."""

from functools import partial

import numpy as np

from ..structure import arrays_in
from .calls import Call, mapped
from .trace import item_path


def form_of(x):
    """Return the form of an argument: its nesting, shapes and dtypes; what is frozen, as it is."""
    if isinstance(x, (list, tuple)):
        return type(x).__name__, *map(form_of, x)
    if isinstance(x, dict):
        return "dict", *[(key, form_of(item)) for key, item in x.items()]
    if isinstance(x, (np.ndarray, np.generic)):
        return x.shape, x.dtype.str
    return x if x is None or isinstance(x, (bool, str)) else type(x).__name__


def nesting_tests(example, path):
    """Yield the tests that lists and dictionaries have the items of the examples, and what is frozen its value."""
    if isinstance(example, dict):
        yield f"type({path}) is dict and list({path}) == {list(example)!r}"
        for key, item in example.items():
            yield from nesting_tests(item, item_path(path, key))
    elif isinstance(example, (list, tuple)):
        yield f"len({path}) == {len(example)} and isinstance({path}, (list, tuple))"
        for i, item in enumerate(example):
            yield from nesting_tests(item, item_path(path, i))
    elif not isinstance(example, Call):
        yield f"{path} is {example!r}" if example is None or isinstance(example, bool) else f"{path} == {example!r}"


def same_form(example, x):
    """Return whether an argument has the form of an example, whose arrays and numbers are Calls."""
    if isinstance(example, Call):
        if example.kind == "number":
            return isinstance(x, (int, float, complex)) and not isinstance(x, bool) and (
                example.dtype is not int or isinstance(x, int))
        kinds = np.ndarray if example.written else (np.ndarray, np.generic)  # a scalar cannot be written to
        return isinstance(x, kinds) and x.shape == example.shape and x.dtype == example.dtype
    if isinstance(example, (list, tuple)):
        return type(x) is type(example) and len(x) == len(example) and all(map(same_form, example, x))
    if isinstance(example, dict):
        return isinstance(x, dict) and list(x) == list(example) and all(same_form(example[k], x[k]) for k in example)
    return type(x) is type(example) and x == example


def in_c_order(x):
    """Return whether an argument lies in memory row by row."""
    return not isinstance(x, np.ndarray) or x.flags.c_contiguous


def described(x):
    """Return a few words on an argument."""
    if isinstance(x, (np.ndarray, np.generic)):
        return f"{x.dtype} array of shape {x.shape}" if np.ndim(x) else f"a {x.dtype}"
    if isinstance(x, (list, tuple, dict)):
        items = x.items() if isinstance(x, dict) else enumerate(x)
        return f"a {type(x).__name__} of " + ", ".join([f"{key}: {described(item)}" for key, item in items])
    return repr(x) if x is None or isinstance(x, (bool, str)) else f"a {type(x).__name__}"


def fingerprint(array):
    """Return bytes that show whether an array changes: all of a small one, some 64 numbers of a large one."""
    return array.tobytes() if array.size <= 512 else array.ravel("K")[:: array.size // 64].tobytes()


# Places to check at

def mapped_numbers(change, x):
    """Return a structure with `change` applied to its arrays and numbers."""
    if isinstance(x, (np.ndarray, np.generic)) or (isinstance(x, (int, float)) and not isinstance(x, bool)):
        return type(x)(change(x)) if isinstance(x, (int, float)) else change(x)
    return mapped(partial(mapped_numbers, change), x)


def moved(rng, x):
    """Return other floats beside the given ones; whole numbers as they are."""
    if np.asarray(x).dtype.kind != "f":
        return np.copy(x)
    return (x + 0.1 * rng.standard_normal(np.shape(x)) * (1 + np.abs(x))).astype(np.asarray(x).dtype)


def apart(found, expected):
    """Return the largest difference of the arrays and numbers in two structures; infinity for another nesting."""
    found, expected = arrays_in(found), arrays_in(expected)
    if len(found) != len(expected):
        return np.inf
    return max([distance(np.asarray(x), np.asarray(y)) for x, y in zip(found, expected)
                if isinstance(y, (np.ndarray, np.generic, int, float, complex))], default=0.0)


def distance(x, y):
    """Return the largest difference of two arrays, relative to the larger number and 1; infinity for other shapes."""
    if x.shape != y.shape:
        return np.inf
    same = (x == y) | ((x != x) & (y != y))
    with np.errstate(all="ignore"):
        apart = np.abs(np.subtract(x, y, dtype=complex)) / np.maximum(1, np.maximum(np.abs(x), np.abs(y)))
    return float(np.max(np.where(same, 0, apart), initial=0))
