"""The arrays that a function closes over: its own variables of outer functions, and the module's.

They are no constants. A copy of the function is made in which recorded arrays take their place, and the program reads
them anew at each call.
"""

from functools import partial
from types import CellType, FunctionType

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
        """Return a copy of a function with note(array, path) in the place of each array that it closes over."""
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
                self.known[id(x)] = x, x  # a function that calls itself is met again inside
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
