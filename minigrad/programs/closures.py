"""The arrays that a function closes over: its own variables of outer functions, and the module's.

They are not constants. A copy of the function is made in which recorded arrays take their place, and the program reads
them again at each call. It also reads arrays that lie deeper, in objects (the parameters of a model). These cannot be
copied: they are recognised by their identity where they meet a recorded array. Arrays that never do may have gone into
a frozen number before, and must not change.
"""

from contextlib import suppress
from functools import partial
from numbers import Number
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType

import numpy as np

from .reader import HIDDEN


class FreeArrays:
    """Finds the arrays that a function closes over, and how to read each of them again.

    Attributes
    ----------
    readers : dict
        For each array, by its path, a function that returns what it is now.
    """

    def __init__(self):
        self.readers, self.known = {}, {}

    def rebuilt(self, function, note):
        """Return a copy of a function with note(array, path) instead of each array that it closes over."""
        return self.replaced(function, "", lambda: function, note)

    def replaced(self, x, path, read, note):
        """Return x with arrays replaced; x itself if there are none in it."""
        if type(x) is np.ndarray and x.dtype.kind in "fciub":
            if id(x) not in self.known:
                self.readers[path] = read
                self.known[id(x)] = note(x, path), x
            return self.known[id(x)][0]
        if isinstance(x, FunctionType):
            if id(x) not in self.known:
                self.known[id(x)] = x, x  # a recursive function is met again inside
                self.known[id(x)] = self.of_function(x, note), x
            return self.known[id(x)][0]
        if type(x) is partial:
            parts = {**dict(enumerate(x.args)), **x.keywords, None: x.func}
            new = self.items(parts, path, lambda: {**dict(enumerate(x.args)), **x.keywords}, note)
            positional = [new[i] for i in range(len(x.args))]
            return partial(new[None], *positional, **{k: new[k] for k in x.keywords}) if new is not parts else x
        if type(x) is dict and len(x) < 1000:
            return self.items(x, path, read, note)
        if type(x) in (list, tuple) and len(x) < 1000:
            new = self.items(dict(enumerate(x)), path, read, note)
            return x if all(a is b for a, b in zip(new.values(), x)) else type(x)(new.values())
        return x

    def items(self, items, path, read, note):
        """Return a dictionary with its items replaced; the same one if there is no array in it."""
        new = {key: self.replaced(item, f"{path}[{key!r}]", lambda key=key: read()[key], note)
               for key, item in items.items()}
        return items if all(new[key] is items[key] for key in items) else new

    def of_function(self, function, note):
        """Return a copy of a function, or the function itself if it closes over no array."""
        code, cells = function.__code__, function.__closure__ or ()
        new_cells = []
        for name, cell in zip(code.co_freevars, cells):
            try:
                content = cell.cell_contents
            except ValueError:  # not assigned yet
                new_cells.append(cell)
                continue
            new = self.replaced(content, name, lambda cell=cell: cell.cell_contents, note)
            new_cells.append(cell if new is content else CellType(new))
        found = {}
        if not code.co_filename.startswith(HIDDEN):
            for name in filter(function.__globals__.__contains__, names_of(code)):
                content = function.__globals__[name]
                new = self.replaced(content, name, lambda name=name: function.__globals__[name], note)
                if new is not content:
                    found[name] = new
        defaults = function.__defaults__ or ()
        names = code.co_varnames[code.co_argcount - len(defaults):code.co_argcount]
        new_defaults = tuple([self.replaced(x, name, lambda i=i: function.__defaults__[i], note)
                              for i, (name, x) in enumerate(zip(names, defaults))])
        if not found and all(new is old for new, old in zip((*new_cells, *new_defaults), (*cells, *defaults))):
            return function
        copy = FunctionType(code, {**function.__globals__, **found} if found else function.__globals__,
                            function.__name__, new_defaults or None, tuple(new_cells))
        copy.__kwdefaults__, copy.__qualname__ = function.__kwdefaults__, function.__qualname__
        return copy


def names_of(code):
    """Return the names that a function, and the functions inside it, may look up in their module, in order."""
    inside = [name for x in code.co_consts if hasattr(x, "co_names") for name in names_of(x)]
    return list(dict.fromkeys([*code.co_names, *inside]))


def arrays_behind(function):
    """Return the arrays that a function can reach through objects, such as a model that it closes over.

    They are found by their identity: a dictionary from id(array) to (path, reader, array).
    """
    found, seen = {}, set()
    stack = [(x, name, read, 0) for x, name, read in variables_of(function)]
    while stack:
        x, path, read, depth = stack.pop()
        if id(x) in seen or depth > 8 or len(seen) > 20_000:
            continue
        seen.add(id(x))
        array = x if type(x) is np.ndarray else data_of(x)
        if type(array) is np.ndarray and array.dtype.kind in "fciub":
            reader = read if array is x else lambda read=read: read().data
            found[id(array)] = path if array is x else f"{path}.data", reader, array
        elif isinstance(x, FunctionType):
            stack += [(y, name, reader, depth + 1) for y, name, reader in variables_of(x)]
        else:
            stack += [(y, f"{path}{key}", reader, depth + 1) for y, key, reader in parts_of(x, read)]
    return found


def data_of(x):
    """Return the `.data` of an object, None if it has none or raises an error."""
    with suppress(Exception):
        return x.data
    return None


def variables_of(function):
    """Yield (value, name, reader) for what a function closes over, its defaults, and the object that it belongs to."""
    if isinstance(function, partial):
        for key, value in {**dict(enumerate(function.args)), **function.keywords}.items():
            yield value, f"argument_{key}", lambda value=value: value
        yield from variables_of(function.func)
    if isinstance(function, MethodType):
        yield function.__self__, "self", lambda: function.__self__
        function = function.__func__
    if not isinstance(function, FunctionType):
        if not isinstance(function, partial):
            yield function, "self", lambda: function
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        with suppress(ValueError):  # not assigned yet
            yield cell.cell_contents, name, lambda cell=cell: cell.cell_contents
    for i, value in enumerate(function.__defaults__ or ()):
        yield value, f"default_{i}", lambda i=i: function.__defaults__[i]
    if not function.__code__.co_filename.startswith(HIDDEN):
        for name in filter(function.__globals__.__contains__, names_of(function.__code__)):
            yield function.__globals__[name], name, lambda name=name: function.__globals__[name]


def parts_of(x, read):
    """Yield (value, how it is written behind the whole, reader) for the items or attributes of an object."""
    if isinstance(x, dict):
        yield from ((y, f"[{key!r}]", lambda key=key: read()[key]) for key, y in list(x.items()))
    elif isinstance(x, (list, tuple)):
        yield from ((y, f"[{i}]", lambda i=i: read()[i]) for i, y in enumerate(x))
    elif isinstance(x, (MethodType, partial)):
        yield from ((y, f".{name}", reader) for y, name, reader in variables_of(x))
    elif not isinstance(x, (type, ModuleType, BuiltinFunctionType, np.ufunc, str, bytes, Number)):
        yield from ((y, f".{name}", lambda name=name: vars(read())[name])
                    for name, y in list(getattr(x, "__dict__", {}).items()))
