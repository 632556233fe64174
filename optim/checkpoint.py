"""Checkpoints: nested dictionaries of arrays and numbers in one `.npz` file, which is never half written.

`numpy.load` can open the file too. The arrays are "array_0", "array_1", and so on, the nesting is text under
"structure", and there is a checksum of all of them. Nothing is pickled, so reading somebody else's file runs no code.
"""

import errno
import io
import json
import math
import os
from contextlib import contextmanager, suppress

import numpy as np

from .interface.annotations import Any, Function
from .interface.groups import is_parameter

FORMAT = 1
DEPTH = 200  # levels of nesting; JSON is read and written by recursive functions
PLAIN = {bool, int, float, str, type(None)}


def save(path: str | os.PathLike, state: Any) -> None:
    """Write a state to a file: a model's, its optimizer's, a schedule's and a random generator's, all in one.

    The file is written beside `path` under another name, flushed to the disk, and then renamed. Whatever happens
    on the way, a crash or a full disk, `path` holds the old state or the new one.

    Parameters
    ----------
    path : str or path-like
        The file's name; by custom it ends in ".npz".
    state : dict, list, tuple, ndarray, number, str, bool or None
        Nested up to 200 deep. Dictionaries have keys that are str or int. For a `numpy.random.Generator`,
        save ``generator.bit_generator.state``.

    Raises
    ------
    TypeError
        If the state contains anything else; the message says where.
    ValueError
        If the state contains itself, or is nested deeper.
    OSError
        If the file cannot be written. The old one is then unchanged.

    See Also
    --------
    load

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np, optim
    >>> weights, generator = optim.Parameter([1.0, 2.0]), np.random.default_rng(0)
    >>> optimizer = optim.Adam([weights])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.npz")
    ...     optim.save(path, {"weights": weights.data, "optimizer": optimizer.state_dict(), "epoch": 3,
    ...                       "generator": generator.bit_generator.state})
    ...     run = optim.load(path)
    >>> optimizer.load_state_dict(run["optimizer"])
    >>> run["weights"], run["epoch"]
    (array([1., 2.]), 3)
    """
    check_path(path, "optim.save(path, state)")
    arrays = []
    structure = json.dumps({"format": FORMAT, "state": encoded(state, "state", arrays, ())})
    members = {f"array_{i}": array for i, array in enumerate(arrays)}
    members["structure"] = np.frombuffer(structure.encode(), np.uint8)
    members["checksum"] = np.frombuffer(checksum(members), np.uint8)
    with replacing(path) as unfinished, open(unfinished, "xb") as file:
        np.savez(file, **members)


def load(path: str | os.PathLike) -> Any:
    """Read what `save` has written.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict, list, tuple, ndarray, number, str, bool or None
        As it was saved: integer keys are integers and tuples are tuples.

    Raises
    ------
    OSError
        If the file cannot be read, or is a folder or a device; a FileNotFoundError if there is none.
    ValueError
        If the file is damaged, was not written by `save`, or would take more memory than its size.

    See Also
    --------
    save
    """
    check_path(path, "optim.load(path)")
    damaged = ValueError(f"{path} is damaged, or not a file that optim.save has written")
    with open(path, "rb") as file:
        try:
            members = read_members(file)
        except MemoryError:
            raise
        except Exception:  # a damaged archive can raise almost any error, and advise you to allow pickle
            raise damaged from None
    if not {"structure", "checksum"} <= members.keys():
        raise ValueError(f"{path} was not written by optim.save: it holds {sorted(members)[:5]}; numpy.load reads what "
                         "numpy.savez has written")
    stored = members.pop("checksum")
    if stored.tobytes() != checksum(members):
        raise ValueError(f"{path} is damaged: its contents do not have the checksum that was written with them")
    try:
        content = json.loads(members.pop("structure").tobytes())
        if content["format"] == FORMAT:
            return decoded(content["state"], members)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):  # forged
        raise damaged from None
    raise ValueError(f"{path} has format {content['format']}; this optim reads format {FORMAT}: update it")


def read_members(file):
    """Return the arrays in a file by name; refuse a file whose arrays would take more memory than its size.

    `save` does not compress. A compressed file of a megabyte may hold a gigabyte of zeros.
    """
    import zipfile  # here, like hashlib below, to keep `import optim` short

    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > os.fstat(file.fileno()).st_size:
            raise ValueError("the archive is compressed")
        return {entry.filename.removesuffix(".npy"): read_array(archive.read(entry)) for entry in entries}


def read_array(content):
    """Return the array in the contents of an .npy file, whose header must not claim more than there is."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version != (3, 0):  # which NumPy writes for fields whose names are not ASCII
        headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = headers[version](file)
        if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
            raise ValueError("the header claims more than the file holds")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def check_is_file(path):
    """Raise an OSError if a path exists and is not a file."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EISDIR, "expected the name of a file, not of a folder or a device", os.fspath(path))


@contextmanager
def replacing(path):
    """Yield the name of a file to write beside `path`, with the same ending; it replaces `path` when it is complete.

    It is flushed to the disk first. Whatever happens on the way, `path` holds the old contents or the new.
    """
    check_is_file(path)
    target = os.path.realpath(path)  # where a link points to
    folder = os.path.dirname(target)
    unfinished = os.path.join(folder, f"{os.urandom(8).hex()}.unfinished{os.path.splitext(target)[1]}")
    try:
        yield unfinished
        with open(unfinished, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except OSError as error:
        if error.errno is None:
            raise
        reason = error.strerror if os.path.isdir(folder) else f"{error.strerror}, since there is no folder {folder!r}"
        raise OSError(error.errno, reason, os.fspath(path)) from None  # by the name that the caller knows
    finally:
        with suppress(OSError):  # renamed already, or never made
            os.remove(unfinished)
    sync_folder(folder)


def check_path(path, call):
    """Raise a TypeError unless this is a path, and an OSError if it exists and is not a file."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path is {type(path).__name__}, in {call}; expected the name of a file, such as \"run.npz\"")
    check_is_file(path)


def encoded(value, where, arrays, containers):
    """Return a value as JSON can hold it, and put its arrays into the list `arrays`.

    A value that JSON does not know is written as a pair of its kind and its contents. `where` is its place, for
    error messages.
    """
    if type(value) in PLAIN:
        return value
    if type(value) in (np.ndarray, np.memmap) or isinstance(value, np.generic):
        if value.dtype.hasobject or value.dtype.kind not in "biufcSUmMV":
            raise TypeError(f"{where} is an array of {value.dtype}, which only pickle could write; expected numbers")
        arrays.append(value)
        return ["number" if isinstance(value, np.generic) else "array", len(arrays) - 1]
    if any(value is container for container in containers):
        raise ValueError(f"{where} contains itself")
    if len(containers) == DEPTH:
        raise ValueError(f"{where[:60]}... is nested more than {DEPTH} deep")
    inside = (*containers, value)
    if isinstance(value, dict):
        for key in value:
            if type(key) not in (str, int):
                raise TypeError(f"{where} has the key {key!r}; expected a str or an int")
        return ["dict", [[key, encoded(item, f"{where}[{key!r}]", arrays, inside)] for key, item in value.items()]]
    if type(value) in (list, tuple):
        return [type(value).__name__, [encoded(item, f"{where}[{i}]", arrays, inside) for i, item in enumerate(value)]]
    raise TypeError(f"{where} is a {type(value).__name__}; expected dicts, lists and tuples of arrays, numbers, text, "
                    "bools and None" + hint(value))


def hint(value):
    """Return advice on what to write instead of a value that cannot be saved."""
    if isinstance(value, np.random.Generator):
        return ": write generator.bit_generator.state"
    if hasattr(value, "state_dict"):
        return ": write its state_dict()"
    if is_parameter(value):
        return ": write its .data"
    return ""


def decoded(value, members):
    """Return the value that `encoded` was given."""
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "array":
        return members[f"array_{content}"]
    if kind == "number":
        return members[f"array_{content}"][()]
    if kind == "dict":
        return {key: decoded(item, members) for key, item in content}
    return {"list": list, "tuple": tuple}[kind]([decoded(item, members) for item in content])


def checksum(members):
    """Return the SHA-256 of named arrays: of their names, types, shapes and contents."""
    import hashlib  # it takes 5 ms to load

    digest = hashlib.sha256()
    for name in sorted(members):
        array = members[name]
        digest.update(f"{name} {np.lib.format.dtype_to_descr(array.dtype)} {array.shape}".encode())
        contents = np.ascontiguousarray(array)
        digest.update(contents.view(np.uint8) if contents.size and contents.dtype.itemsize else b"")
    return digest.digest()


def sync_folder(folder):
    """Flush the new name of a file to the disk, if the system can do that."""
    with suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def converted(function: Function, state: Any) -> Any:
    """Return a copy of a state with `function` applied to every array in it.

    This turns our state dictionaries into PyTorch's, and back. PyTorch's can be loaded here without it.

    Parameters
    ----------
    function : callable
        Takes an array, such as `torch.tensor`.
    state : dict, list, tuple, ndarray, ...

    Examples
    --------
    >>> import numpy as np
    >>> from optim.checkpoint import converted
    >>> converted(np.float32, {"state": {0: {"step": 1, "exp_avg": np.zeros(2)}}})
    {'state': {0: {'step': 1, 'exp_avg': array([0., 0.], dtype=float32)}}}
    """
    if isinstance(state, dict):
        return {key: converted(function, item) for key, item in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)([converted(function, item) for item in state])
    return function(state) if isinstance(state, np.ndarray) else state
