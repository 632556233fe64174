"""Find a function or a class of the user's own, for the programs of the shell, and say where in it an error arose.

Both `python -m minigrad` and `python -m optim` take FILE.py:NAME and MODULE:NAME.
"""

import importlib
import inspect
import os
import sys
import traceback
from pathlib import Path


def loaded(text, kind="function"):
    """Return the function or class that a text names.

    Parameters
    ----------
    text : str
        FILE.py:NAME, or MODULE:NAME with a module in the working directory or an installed one.
    kind : {"function", "class"}
        What to call it in messages.

    Raises
    ------
    ValueError
        If the text has another form, there is nothing of that name, the code cannot be run, or a file has the name of
        another module.
    ModuleNotFoundError
        If there is no such module, or the code imports one that there is not.
    """
    place, _, name = text.rpartition(":")
    if not place or not name.isidentifier():
        raise ValueError(f"{text!r} does not name a {kind}: write FILE.py:NAME or MODULE:NAME, such as "
                         f"mine.py:my{kind}")
    if is_file(place) and not Path(place).is_file():
        raise ValueError(f"there is no file {place}")
    try:
        module = imported(place)
    except SyntaxError as error:
        raise ValueError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
    except ModuleNotFoundError:
        raise
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        raise ValueError(f"{line.filename}, line {line.lineno}: {type(error).__name__}: {error}") from None
    if is_file(place) and not is_from(module, place):
        raise ValueError(f"{place} has the name of the module {module.__name__}, which is in use: rename the file")
    found = getattr(module, name, None)
    if not callable(found):
        raise ValueError(f"{place} has no {kind} {name}; it has {', '.join(written_in(module, kind)) or 'none'}")
    return found


def imported(place):
    """Return the module or the file as a module. As with `python FILE.py`, it can import its neighbours."""
    folder = Path(place).parent if is_file(place) else Path()
    sys.path.insert(0, str(folder.resolve()))
    importlib.invalidate_caches()  # the file may be new
    return importlib.import_module(module_name(place))


def is_file(place):
    """Return whether a place is a file, and not the name of a module."""
    return place.endswith(".py")


def is_from(module, file):
    """Return whether a module was made from a file; those that are built into Python have none."""
    source = getattr(module, "__file__", None)
    return source is not None and os.path.samefile(source, file)


def module_name(place):
    """Return the name that a file or a module has among the modules."""
    return Path(place).stem if is_file(place) else place


def written_in(module, kind):
    """Return the names of the functions or classes that a module defines."""
    is_one = inspect.isclass if kind == "class" else inspect.isfunction
    return [name for name, value in vars(module).items() if is_one(value) and value.__module__ == module.__name__]


def where_in(texts, error):
    """Return the file and the line where an error arose in what texts FILE.py:NAME name; "" if it was elsewhere."""
    modules = [sys.modules.get(module_name(text.rpartition(":")[0])) for text in texts]
    files = [getattr(module, "__file__", None) for module in modules]
    places = [f"{frame.filename}, line {frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
              if frame.filename in files]
    return places[-1] if places else ""
