"""What one run of a function did, and whether another run would do the same.

A recording can only hold a straight line of calls. So a function is run several times. Two runs with the same arguments
reveal random numbers and clocks. Runs with different decoys in the memory of recorded arrays reveal code that reads
them without being recorded. And there are runs at other places.
"""

import operator
from contextlib import contextmanager, suppress

import numpy as np

from .calls import Assertion, Call, Refused, mapped, same
from .closures import FreeArrays, arrays_behind
from .reader import where
from .recording import Recording
from .watched import Number, Recorded, raw


class Trace:
    """One run of a function.

    Attributes
    ----------
    args : tuple
        The arguments, with a Call for each array and number.
    inputs : list of Call
        These Calls, and those of the arrays that the function closes over.
    calls : list of Call and Assertion
        What was done, in order.
    result : the structure that the function returned, with a Call for each array and number.
    writes : list of (Call, Call)
        Arguments that were written to, and what they held in the end.
    numbers : list
        What the function returned, and what its arguments were then, as plain arrays and numbers.
    rebound : list of (str, structure)
        Items of lists and dictionaries among the arguments that were replaced, by their paths, and what by.
    """

    def __init__(self, function, examples, names, branches="refuse", decisions=(), elsewhere=None, decoy=0,
                 shaken=False, first=False):
        recording = Recording(branches, decisions, decoy, first)
        self.free = FreeArrays()
        recorded, self.free_numbers = [], {}

        def note(x, path):
            if elsewhere is not None:
                x = np.asarray(elsewhere(x)) if isinstance(x, np.ndarray) else elsewhere(x)
            self.free_numbers[path] = np.copy(x)
            recorded.append(recording.input(np.array(x, order="C") if isinstance(x, np.ndarray) else x, path))
            return recorded[-1]

        args = [arguments(x, name, note) for x, name in zip(examples, names)]
        before = [nested(x) for x in args]
        behind, function = arrays_behind(function), self.free.rebuilt(function, note)
        self.behind = recording.behind = {key: x for key, x in behind.items() if key not in self.free.known}
        self.args = tuple([calls_of(recording, x) for x in args])
        with np.errstate(all="ignore" if elsewhere or decoy else None), undisturbed(self.behind.values(), shaken):
            result = recording.run(function, args)
        self.result = calls_of(recording, result)
        self.numbers = numbers_of([result, *args])
        self.inputs, self.calls = recording.inputs, recording.calls
        for call in self.inputs[len(recorded):]:  # arrays in objects, found on the way
            path, read, array = self.behind[id(call.args[0])]
            self.free.readers[path], self.free_numbers[path] = read, np.copy(array)
        self.writes = [(call, x.place.read()) for call, x in zip(self.inputs, recorded)
                       if isinstance(x, Recorded) and x.place.read() is not call]
        for call, _ in self.writes:
            call.written = True
        self.assertions, self.asked_for_layout = recording.assertions, recording.asked_for_layout
        self.rebound = [(path, calls_of(recording, x)) for path, x in rebindings(before, args, names)]


    def arguments(self):
        """Return new arguments with the numbers that this run was given."""
        return [rebuilt_from(self.free_numbers, x) for x in self.args]


@contextmanager
def undisturbed(arrays, shaken=False):
    """Undo what a recorded run writes into arrays of objects, and raise an error: runs must not change anything.

    With `shaken` the arrays hold other numbers during the run.
    """
    arrays = [(path, array) for path, _, array in arrays if array.flags.writeable]
    before = [array.copy() for _, array in arrays]
    if shaken:
        for _, array in arrays:
            array[...] = nearby(array)
    during = [array.copy() for _, array in arrays] if shaken else before
    try:
        yield
    finally:
        changed = [path for (path, array), numbers in zip(arrays, during) if not same(array, numbers)]
        for (_, array), numbers in zip(arrays, before):
            if not same(array, numbers):
                array[...] = numbers
    if changed:
        raise Refused(f"the function writes into {changed[0]}, an array in an object: pass the array as "
                      "an argument, or return the new numbers")


def rebuilt_from(numbers, x):
    """Return a structure with the numbers of each Call in it, by its path."""
    if isinstance(x, Call):
        return x.dtype(numbers[x.path]) if x.kind == "number" else numbers[x.path][()] if x.kind == "scalar" else (
            numbers[x.path].copy())
    return mapped(lambda item: rebuilt_from(numbers, item), x)


def arguments(x, path, note):
    """Return an argument with `note(x, path)` for every array and number in it."""
    if isinstance(x, (list, tuple)):
        items = [arguments(item, f"{path}[{i}]", note) for i, item in enumerate(x)]
        return x._make(items) if hasattr(x, "_make") else type(x)(items)
    if isinstance(x, dict):
        return {key: arguments(item, item_path(path, key), note) for key, item in x.items()}
    if x is None or isinstance(x, (bool, str)):
        return x
    if isinstance(x, (np.ndarray, np.generic, int, float, complex)) and np.asarray(x).dtype != object:
        return note(x, path)
    raise Refused(f"argument {path} is {x!r}: a program takes arrays and numbers, and lists, tuples and dictionaries "
                  "of them; let the function close over anything else")


def rebindings(before, after, paths):
    """Yield (path, new item) for the items of lists and dictionaries that a function has replaced or added."""
    for old, new, path in zip(before, after, paths):
        if isinstance(old, dict):
            if lost := old.keys() - new.keys():
                raise Refused(f"the function deletes {', '.join(map(repr, lost))} from its argument {path}: "
                              "let it return a new dictionary")
            yield from ((item_path(path, key), new[key]) for key in new if key not in old)
            yield from rebindings(old.values(), [new[key] for key in old], [item_path(path, key) for key in old])
        elif isinstance(old, (list, tuple)):
            if len(old) != len(new):
                raise Refused(f"the function changes the length of its argument {path}: let it return a new list")
            yield from rebindings(old, new, [item_path(path, i) for i in range(len(old))])
        elif old is not new:
            yield path, new


def nested(x):
    """Return a copy of the lists and dictionaries around arrays and numbers."""
    return mapped(nested, x)


def item_path(path, key):
    """Return how a program writes an item of an argument."""
    return f'{path}["{key}"]' if isinstance(key, str) and key.isidentifier() else f"{path}[{key!r}]"


def calls_of(recording, x):
    """Return a structure with Calls instead of recorded objects, and of other arrays."""
    call = recording.value_of(x)
    if call is not None:
        return call
    data = getattr(x, "data", None)
    if isinstance(x, np.ndarray) or isinstance(data, np.ndarray):
        return recording.constant(x if isinstance(x, np.ndarray) else data)
    return mapped(lambda item: calls_of(recording, item), x)


def numbers_of(x):
    """Return a structure with plain arrays and numbers."""
    data = getattr(x, "data", None)
    if isinstance(x, (Recorded, Number)) or not isinstance(data, np.ndarray):
        return raw(x) if isinstance(x, (Recorded, Number)) else mapped(numbers_of, x)
    return raw(data)


# Other places

def nearby(x):
    """Return other numbers close to the given ones, which are mostly in the same domain."""
    if np.asarray(x).dtype.kind not in "fc":
        return rolled(x)
    shift = 1e-3 * (1 + np.abs(x)) * (1 + np.cos(np.arange(np.size(x))).reshape(np.shape(x)))
    return type(x)(x + shift) if np.ndim(x) == 0 and not isinstance(x, np.ndarray) else (x + shift).astype(x.dtype)


def far_away(x):
    """Return other numbers of about the same size, half of them with the other sign."""
    if np.asarray(x).dtype.kind not in "fc":
        return rolled(x)
    factor = -1.3 + 2.9 * (np.arange(np.size(x)).reshape(np.shape(x)) % 2)
    return type(x)(x * factor) if np.ndim(x) == 0 and not isinstance(x, np.ndarray) else (x * factor).astype(x.dtype)


def rolled(x):
    """Return whole numbers in another order, which keeps them valid as indices and classes; one of Python's, plus 1."""
    return np.roll(x.reshape(-1), 1).reshape(x.shape) if isinstance(x, np.ndarray) else type(x)(x + 1)


def depends_on_objects(trace, function, examples, names, branches):
    """Return whether a number that the program freezes comes from an array in an object, not read at each call."""
    if not trace.behind:
        return False
    try:
        with np.errstate(all="ignore"):
            refuse_difference(trace, Trace(function, examples, names, branches, shaken=True), UNRECORDED)
    except (TypeError, ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError):
        return True
    return False


# Comparing two runs

UNSTEADY = ("does something else in a second run with the same arguments: random numbers, a clock or a counter cannot "
            "be written out; make them before, and pass them as arguments")
UNRECORDED = ("uses numbers that depend on the arguments in a way that cannot be recorded: np.array, np.asarray, an "
              "array made by np.zeros and written to, or compiled code; use np.stack, np.copy and np.zeros_like")


def traced(function, examples, names, branches, **how):
    """Return a Trace; an error that the function itself does not raise comes from a decoy, and is a refusal."""
    try:
        return Trace(function, examples, names, branches, **how)
    except Refused:
        raise
    except Exception as error:
        function(*[rebuilt_plain(x) for x in examples])
        raise Refused(f"the function {UNRECORDED}") from error


def rebuilt_plain(x):
    """Return a copy of an argument, with the lists and arrays in it copied too."""
    return x.copy() if isinstance(x, np.ndarray) else mapped(rebuilt_plain, x)


def steady_trace(function, examples, names, branches):
    """Return the Trace of a function that does the same in every run, and its Traces at other places; or refuse."""
    trace = traced(function, examples, names, branches, first=True)
    again = traced(function, examples, names, branches)
    refuse_difference(trace, again, UNSTEADY)
    others = [traced(function, examples, names, branches, decoy=1)]
    for place, decoy in ((nearby, 2), (far_away, 1)):
        with suppress(ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError):
            others.append(Trace(function, examples, names, branches, elsewhere=place, decoy=decoy))
    for other in others:
        if [x.outcome for x in other.assertions] == [x.outcome for x in trace.assertions]:
            refuse_difference(trace, other, UNRECORDED)
    return trace, others


def refuse_difference(one, other, reason):
    """Raise Refused at the first line where two runs differ."""
    number_one, number_other = numbered(one), numbered(other)
    for x, y in zip(one.calls, other.calls):
        if not alike(x, y, number_one, number_other):
            raise Refused(f"{where(blamed(x, y).origin)} {reason}")
    results = alike(one.result, other.result, number_one, number_other)
    writes = alike(one.writes, other.writes, number_one, number_other)
    if len(one.calls) != len(other.calls) or not results or not writes:
        last = one.calls[-1].origin if one.calls else None
        raise Refused(f"{where(last)} or what follows it, {reason}")


def numbered(trace):
    """Return the place of each Call in its trace, by its identity."""
    return {id(call): i for i, call in enumerate(trace.inputs + trace.calls)}


def blamed(x, y):
    """Return the call, or the frozen array among its arguments, that caused the difference."""
    for a, b in zip(getattr(x, "args", ()), getattr(y, "args", ())):
        if isinstance(a, Call) and isinstance(b, Call) and a.array is not None and b.array is not None and (
                not same(a.array, b.array)):
            return a
    return x


def alike(x, y, number_x, number_y):
    """Return whether two calls, or two arguments of them, are the same."""
    if type(x) is not type(y):
        return False
    if isinstance(x, Assertion):
        return x.outcome == y.outcome and alike(x.condition, y.condition, number_x, number_y)
    if isinstance(x, Call):
        place = number_x.get(id(x))
        if x.array is not None:
            return y.array is not None and same(x.array, y.array)
        if place != number_y.get(id(y)) or x.function != y.function:
            return False
        if x.function is None:
            return True
        form = x.loose or (x.shape == y.shape and x.dtype == y.dtype)
        return form and all(alike_deep(a, b, number_x, number_y)
                            for a, b in zip((x.args, x.keywords), (y.args, y.keywords)))
    return alike_deep(x, y, number_x, number_y)


def alike_deep(x, y, number_x, number_y):
    """Return whether two arguments are the same; Calls in them are only compared by their places."""
    if isinstance(x, Call) and isinstance(y, Call) and x.array is None:
        return number_x.get(id(x)) == number_y.get(id(y))
    if isinstance(x, Call):
        return alike(x, y, number_x, number_y)
    if type(x) is not type(y):
        return False
    if isinstance(x, dict):
        return x.keys() == y.keys() and all(alike_deep(x[key], y[key], number_x, number_y) for key in x)
    if isinstance(x, slice):
        x, y = (x.start, x.stop, x.step), (y.start, y.stop, y.step)
    if isinstance(x, (list, tuple)):
        return len(x) == len(y) and all(alike_deep(a, b, number_x, number_y) for a, b in zip(x, y))
    if isinstance(x, (float, complex, np.generic)):
        return same(np.asarray(x), np.asarray(y))
    return x is y or bool(operator.eq(x, y))
