"""Arrays that write down every NumPy call made with them.

A function is run once on such arrays. What it does to them arrives here by NumPy's own two protocols
(`__array_ufunc__`, `__array_function__`), by the methods of an array and by its index, and each becomes a `Call`. A
Call is at the same time the value that it returned, so that the arguments of later calls simply point to it.

A Call never changes. Writing into an array (`x += 1`, `x[0] = 2`, `out=x`) is a new Call, whose value the array has
from then on; a `Place` knows which value an array has at present, and which part of which other array it is. So a
program is a list of values, and no later step has to ask in which order an array was read and written.
"""

import operator
from contextvars import ContextVar

import numpy as np

from ..registry import place_of_out
from .places import Place, assigned
from .reader import Lines, where

# Functions of an array that look at its form alone, and those that print it.
ABOUT_THE_FORM = {np.shape, np.size, np.ndim, np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast,
                  np.min_scalar_type, np.common_type, np.iterable, np.may_share_memory, np.shares_memory,
                  np.array_repr, np.array_str, np.array2string}
recording_now = ContextVar("recording_now", default=None)


class Call:
    """One call, and the value that it returned.

    Attributes
    ----------
    function : callable
        `function(*args, **keywords)` repeats the call, once the Calls among the arguments are replaced by their values.
        None for what was there at the start: an argument (`path` says which) or a frozen array (`array`).
    shape, dtype : of the value; the dtype is None for a tuple.
    kind : {"array", "scalar", "number", "tuple"}
        An array, a NumPy scalar, one of Python's numbers, or a tuple of these.
    origin : Origin
        The line of the reader's program, and the rule of minigrad that was at work, if any.
    written : bool
        Whether the value was written into its first argument, as `x += 1` does.
    loose : bool
        Whether the shape depends on numbers, as that of x[x > 0] does.
    slope_of : Call
        In a walk back, the value that this one is the gradient of, if it is one.
    became : Call
        What stands for the value after a simplification.
    uses : int
        How often the program uses the value; counted when it is simplified.
    """

    __slots__ = ("args", "array", "became", "dtype", "function", "keywords", "kind", "loose", "name", "origin", "path",
                 "shape", "slope_of", "uses", "written")

    def __init__(self, function, args, keywords, result, origin=None, written=False, path=None, array=None):
        self.function, self.args, self.keywords, self.origin = function, args, keywords, origin
        self.written, self.path, self.array, self.loose = written, path, array, False
        self.name = self.slope_of = self.became = None
        self.uses = 0
        self.kind = kind_of(result)
        self.shape = np.shape(result) if self.kind != "tuple" else None
        self.dtype = getattr(result, "dtype", type(result))

    def __repr__(self):
        return f"<{self.name or self.path or getattr(self.function, '__name__', self.function)} {self.kind}>"


def kind_of(result):
    """Return which kind of value a call has returned."""
    if isinstance(result, np.ndarray):
        return "array"
    if isinstance(result, np.generic):
        return "scalar"
    return "tuple" if isinstance(result, (tuple, list)) else "number"


class Named:
    """A function that is known by a name of arrays; two of the same name are equal."""

    def __init__(self, name):
        self.__name__ = name

    def __eq__(self, other):
        return type(self) is type(other) and self.__name__ == other.__name__

    def __hash__(self):
        return hash((type(self), self.__name__))


class Method(Named):
    """A method of arrays as a function: Method("sum")(x, axis=0) is x.sum(axis=0)."""

    def __call__(self, array, *args, **keywords):
        return getattr(array, self.__name__)(*args, **keywords)


class Attribute(Named):
    """An attribute of arrays as a function: Attribute("T")(x) is x.T."""

    def __call__(self, array):
        return getattr(array, self.__name__)


class Refused(TypeError):
    """A function cannot be written as a straight-line program; the message names the line and the reason."""


class Assertion:
    """A condition of the run and which way it went, or a number that left the run and what it was."""

    def __init__(self, condition, outcome, origin):
        self.condition, self.outcome, self.origin = condition, outcome, origin


class Recording:
    """The calls of one run.

    Parameters
    ----------
    branches : {"refuse", "assume", "follow"}
        What happens where the run asks for the truth of a recorded number: it is refused, written down as assumed, or
        decided by `decisions`, one after the other, and where these end by the number itself.
    decoy : {0, 1, 2}
        Which numbers lie in the memory of recorded arrays. The true ones are kept beside, so that whatever reads the
        memory without asking shows, because it differs between two runs with different decoys.

    Attributes
    ----------
    behind : dict
        The arrays in objects that the function reaches, from `arrays_behind`.
    """

    def __init__(self, branches="refuse", decisions=(), decoy=0):
        self.branches, self.decisions, self.decoy = branches, list(decisions), decoy
        self.calls, self.assertions, self.constants, self.inputs = [], [], {}, []
        self.asked_for_layout, self.behind = False, {}
        self.lines = Lines(self.value_of, wanted=decoy == 0)

    def run(self, function, args):
        """Return what the function returns for recorded arguments."""
        token = recording_now.set(self)
        try:
            with self.lines.listening():
                return function(*args)
        finally:
            recording_now.reset(token)

    # Values

    def input(self, raw, path):
        """Return an argument as a recorded array or number."""
        call = Call(None, (), {}, raw, path=path)
        self.inputs.append(call)
        return self.wrap(raw, call)

    def wrap(self, raw, call, place=None):
        """Return the raw result of a call as something that records what is done with it."""
        if isinstance(raw, (np.ndarray, np.generic)):
            recorded = np.asarray(decoy_like(raw, self.decoy)).view(Recorded)
            recorded.plain, recorded.scalar = raw, isinstance(raw, np.generic)
            recorded.place = place or Place(self, call)
            return recorded
        if isinstance(raw, (tuple, list)):
            items = [self.wrap(item, self.add(operator.getitem, (call, i), {}, item)) for i, item in enumerate(raw)]
            return raw._make(items) if hasattr(raw, "_make") else type(raw)(items)
        return Number(self, call, raw) if isinstance(raw, (bool, int, float, complex)) else raw

    def value_of(self, x):
        """Return the Call whose value an object has, or None if it is not recorded."""
        if isinstance(x, Recorded):
            return x.place.read() if x.place else None
        if isinstance(x, Number):
            return x.call
        array = held_by(x)
        return array.place.read() if array is not None and array.place else None

    def operand(self, x):
        """Return an argument as it is noted: recorded objects as their Calls, other arrays as constants."""
        if isinstance(x, Recorded) and x.place is None:  # made by compiled code that asks nobody
            x = np.array(x)
        if isinstance(x, (Recorded, Number)):
            return self.value_of(x)
        if isinstance(x, np.ndarray):
            return self.constant(x)
        return mapped(self.operand, x)

    def constant(self, array):
        """Return a frozen array; a new one if its numbers have changed since it was last met.

        An array that lies in an object which the function reaches is not frozen but read at each call.
        """
        whole = array
        while isinstance(whole, np.ndarray) and id(whole) not in self.behind:
            whole = whole.base
        if whole is not None and (call := self.cut_from(whole, array)) is not None:
            return call
        known = self.constants.get(id(array))
        if known is None or not same(known.array, array):
            known = Call(None, (), {}, array, self.lines.origin(), array=array.copy())
            known.args = (array,)  # keeps the array alive, so that no other can have its identity
            self.constants[id(array)] = known
        return known

    def cut_from(self, whole, array):
        """Return the Call of an array in an object, of its transpose, or of its numbers in another shape; else None."""
        if array is whole:
            return self.read_at_each_call(whole)
        if array.size != whole.size or array.dtype != whole.dtype or array.ctypes.data != whole.ctypes.data:
            return None
        if array.shape == whole.shape[::-1] and array.strides == whole.strides[::-1]:
            return self.add(Attribute("T"), (self.read_at_each_call(whole),), {}, array)
        if array.flags.c_contiguous and whole.flags.c_contiguous:
            return self.add(np.reshape, (self.read_at_each_call(whole), array.shape), {}, array)
        return None

    def read_at_each_call(self, array):
        """Return the Call of an array in an object, which is an argument that the caller need not pass."""
        if id(array) not in self.constants:
            path, _, _ = self.behind[id(array)]
            self.constants[id(array)] = call = Call(None, (array,), {}, array, path=path)
            self.inputs.append(call)
        return self.constants[id(array)]

    def add(self, function, args, keywords, result, written=False):
        """Note a call whose arguments are Calls already, and return it."""
        call = Call(function, args, keywords, result, self.lines.origin(), written)
        shaping = args[0] if function is assigned else (args, keywords)  # what the shape comes from
        call.loose = call.shape != () and (any(x.loose for x in calls_in(shaping)) or loosens(function, args))
        self.calls.append(call)
        return call

    # What is done with recorded objects

    def call(self, function, args, keywords):
        """Make a call on the raw arguments, note it, and return its recorded result."""
        raw_args, raw_keywords = raw(args), raw(keywords)
        try:
            result = function(*raw_args, **raw_keywords)
        except ZeroDivisionError:  # by one of Python's numbers, on a way that this run would not have taken
            if self.branches != "follow":
                raise
            result = float("nan")
        if result is NotImplemented or result is None or isinstance(result, (str, np.dtype)):
            return result
        noted = self.operand(args), {name: self.operand(x) for name, x in keywords.items()}
        call = self.add(function, *noted, result)
        place = None
        if isinstance(result, np.ndarray) and args and isinstance(args[0], Recorded) and args[0].place and (
                np.may_share_memory(result, raw(args[0])) and not isinstance(function, np.ufunc)):
            place = Place(self, call, args[0].place, function, noted[0][1:], noted[1])
        return self.wrap(result, call, place)

    def write(self, target, function, args, keywords, change):
        """Have `change()` write into the raw target, and note what function(*args) would have returned as its value."""
        place = self.place_of(target)
        noted = self.operand(args), {name: self.operand(x) for name, x in keywords.items()}
        before = place.read()
        change()
        result = raw(target)
        call = self.add(function, *noted, result, written=bool(noted[0]) and noted[0][0] is before)
        place.write(call)
        return target

    def place_of(self, target):
        """Return the place of an array that is written to."""
        if isinstance(target, Recorded) and target.place:
            return target.place
        return self.refuse("writes recorded numbers into an array that is not recorded: make the array by "
                           "np.zeros_like(x, shape=...)")

    def decide(self, recorded, outcome):
        """Return which way a branch goes."""
        condition = self.value_of(recorded)
        if self.branches == "refuse":
            self.refuse("branches on a number of the run: write np.where(condition, a, b), or pass assume=True to have "
                        "the program assert that the branch is the same")
        if self.branches == "follow" and len(self.assertions) < len(self.decisions):
            outcome = self.decisions[len(self.assertions)]
        self.assertions.append(Assertion(condition, outcome, self.lines.origin()))
        self.calls.append(self.assertions[-1])
        return outcome

    def leave(self, recorded, number, how):
        """Return a number that leaves the recording; refused unless it may be assumed."""
        if self.branches != "assume":
            self.refuse(f"takes a number out of the run by {how}, so that it would be the same in every run: compute "
                        "with NumPy's functions, or pass assume=True to have the program assert that it is the same")
        self.assertions.append(Assertion(self.value_of(recorded), number, self.lines.origin()))
        self.calls.append(self.assertions[-1])
        return number

    def refuse(self, reason):
        """Raise the error that names the line."""
        raise Refused(f"{where(self.lines.present())} {reason}")


def held_by(x):
    """Return the recorded array in an object that has its array as `.data`, or None.

    It is looked for among the attributes; to ask for `.data` may change the object.
    """
    kind = type(x)
    if not hasattr(kind, "data") and "data" not in getattr(x, "__dict__", ()):
        return None
    slots = [name for one in kind.__mro__ for name in getattr(one, "__slots__", ()) if not name.startswith("__")]
    parts = [*[getattr(x, name, None) for name in slots], *getattr(x, "__dict__", {}).values()]
    return next((part for part in parts if isinstance(part, Recorded)), None)


def loosens(function, args):
    """Tell whether the shape of a result depends on numbers: picking by a mask does that, and finding."""
    if function is operator.getitem:
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(isinstance(x, Call) and x.dtype == bool and x.kind == "array" for x in index)
    return function in (np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract)


# Nested arguments

def mapped(change, x):
    """Return a list, tuple, dictionary or slice with `change` applied to what is in it; anything else as it is."""
    if isinstance(x, (list, tuple)):
        items = [change(item) for item in x]
        return x._make(items) if hasattr(x, "_make") else type(x)(items)
    if isinstance(x, dict):
        return {name: change(item) for name, item in x.items()}
    if isinstance(x, slice):
        return slice(change(x.start), change(x.stop), change(x.step))
    return x


def calls_in(x):
    """Return the Calls in nested arguments, in order."""
    if isinstance(x, Call):
        return [x]
    if isinstance(x, dict):
        x = x.values()
    elif isinstance(x, slice):
        x = (x.start, x.stop, x.step)
    elif not isinstance(x, (list, tuple)):
        return []
    return [call for item in x for call in calls_in(item)]


def raw(x):
    """Return arguments with plain arrays and numbers instead of recorded ones."""
    if isinstance(x, Recorded):
        return x.view(np.ndarray) if x.plain is None else x.plain
    return x.number if isinstance(x, Number) else mapped(raw, x)


def same(x, y):
    """Tell whether two arrays are the same to the last bit, NaN included."""
    return x.dtype == y.dtype and x.shape == y.shape and np.ascontiguousarray(x).tobytes() == (
        np.ascontiguousarray(y).tobytes())


# The two kinds of recorded objects

FIRST, STEP = (0.37, 1.61, -2.4), (0.13, -0.17, 0.11)  # of three rows of floats: they differ in size, order and sign


def decoy_like(array, number):
    """Return an array of the same form with other numbers; each of the three decoys differs from the others."""
    place = np.arange(array.size).reshape(array.shape)
    if array.dtype.kind in "fc":
        return (FIRST[number] + STEP[number] * place).astype(array.dtype)
    return (place % 2, 0 * place, 0 * place + 1)[number].astype(array.dtype) if array.dtype.kind in "biu" else (
        np.array(array))


def is_foreign(x):
    """Tell whether an object has a way of its own with NumPy's functions, as a Tensor has."""
    return hasattr(type(x), "__array_ufunc__") and not isinstance(x, (np.ndarray, np.generic, Number))


class Protocols:
    """NumPy's two protocols, for arrays and for numbers."""

    def __array_ufunc__(self, ufunc, method, *args, out=None, **keywords):
        if any(map(is_foreign, args)):
            return NotImplemented
        recording, function = recording_now.get(), ufunc if method == "__call__" else getattr(ufunc, method)
        if recording is None:
            return function(*raw(args), **raw(keywords), **({} if out is None else {"out": raw(out)}))
        if method == "at":
            target, plain = args[0], raw(args)
            recording.write(target, added_at, (ufunc, *args), keywords, lambda: function(*plain))
            return None
        if "where" in keywords and keywords["where"] is not True:
            recording.refuse(f"calls np.{ufunc.__name__} with where=, which leaves numbers unset: use np.where")
        if out is None:
            return recording.call(function, args, keywords)
        if len(out) > 1:
            recording.refuse(f"calls np.{ufunc.__name__} with several arrays in out=: leave out= out")
        return write_result(recording, function, args, keywords, out[0])

    def __array_function__(self, function, types, args, keywords):
        if any(is_foreign(x) for x in flat(args)):
            return NotImplemented
        recording = recording_now.get()
        if recording is None or function in ABOUT_THE_FORM:
            return function(*raw(args), **raw(keywords))
        if function in COMPOSED:
            return COMPOSED[function](*args, **keywords)
        if function in WRITING:
            recording.refuse(f"calls np.{function.__name__}, which writes into an array: write x[index] = values")
        args, keywords, out = without_out(function, args, keywords)
        if out is not None:
            return write_result(recording, function, args, keywords, out)
        return recording.call(function, args, keywords)


def flat(x):
    """Yield what is in nested lists and tuples."""
    if isinstance(x, (list, tuple)):
        for item in x:
            yield from flat(item)
    else:
        yield x


def without_out(function, args, keywords):
    """Return the arguments of a function without `out`, and `out` by itself."""
    keywords = dict(keywords)
    out = keywords.pop("out", None)
    place = place_of_out(function)
    if place < len(args):
        args, out = (*args[:place], None, *args[place + 1:]), args[place]
        while args and args[-1] is None and len(args) > place:
            args = args[:-1]
    return args, keywords, out


def write_result(recording, function, args, keywords, out):
    """Make a call that writes its result into an array."""
    plain = raw(out)
    if not isinstance(plain, np.ndarray):
        raise TypeError(f"out= must be an array; got the number {plain}")
    result = function(*raw(args), **raw(keywords))
    if np.shape(result) == out.shape and np.asarray(result).dtype == out.dtype:
        return recording.write(out, function, args, keywords, lambda: np.copyto(plain, result))
    out[...] = recording.call(function, args, keywords)
    return out


def added_at(ufunc, array, indices, *values):
    """Return what ufunc.at makes of a copy of an array."""
    result = array.copy()
    ufunc.at(result, indices, *values)
    return result


def copyto(dst, src, casting="same_kind", where=True):
    """Write into an array, where a condition holds."""
    dst[...] = src if where is True else np.where(where, src, dst)


def piecewise(x, condlist, funclist, *args, **kw):
    """Call each function with the elements where its condition holds, as np.piecewise does, so that it is recorded."""
    conditions = [condlist[i] for i in range(len(condlist))] if isinstance(condlist, (list, tuple)) else [condlist]
    if len(funclist) == len(conditions) + 1:
        others = conditions[0]
        for condition in conditions[1:]:
            others = others | condition
        conditions = [*conditions, ~others]
    result = np.zeros_like(x)
    for condition, function in zip(conditions, funclist):
        result[condition] = function(x[condition], *args, **kw) if callable(function) else function
    return result


COMPOSED = {np.piecewise: piecewise, np.copyto: copyto}
WRITING = {np.put, np.put_along_axis, np.place, np.putmask, np.fill_diagonal}


class Recorded(Protocols, np.ndarray):
    """An array that records what is done with it.

    `plain` is the array, or NumPy scalar, that it stands for. `scalar` says which; `+=` does not change a scalar in
    place. `place` is None for what compiled code has made without asking; its numbers are decoys, and count as frozen.
    """

    scalar, place, plain = False, None, None
    __hash__ = None

    def __array_finalize__(self, source):
        self.place = self.plain = None

    @property
    def shape(self):
        return self.settled_form(np.ndarray.shape)

    @property
    def size(self):
        return self.settled_form(np.ndarray.size)

    @property
    def strides(self):
        return self.layout().strides

    @property
    def flags(self):
        return self.layout().flags

    def layout(self):
        """Return the plain array, and note that the program depends on how its arguments lie in memory."""
        if recording_now.get() is not None:
            recording_now.get().asked_for_layout = True
        return raw(self)

    def __len__(self):
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def settled_form(self, attribute):
        """Return an attribute of the array's form; refused if the form depends on numbers."""
        place, recording = self.place, recording_now.get()
        if recording is not None and place is not None and place.value.loose:
            recording.refuse("asks for the shape of what was picked by a mask, which differs from run to run: "
                             "keep the shape, with np.where(mask, x, 0)")
        return attribute.__get__(self)

    def __getitem__(self, index):
        recording = recording_now.get()
        if recording is None:
            return raw(self)[raw(index)]
        return recording.call(operator.getitem, (self, index), {})

    def __setitem__(self, index, value):
        recording, plain = recording_now.get(), raw(self)
        if recording is None:
            plain[raw(index)] = raw(value)
        else:
            value = settled(value)
            recording.write(self, assigned, (self, index, value), {},
                            lambda: operator.setitem(plain, raw(index), raw(value)))

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return _decided(self, bool(raw(self)))

    def __float__(self):
        return _left(self, float(raw(self)), "float")

    def __int__(self):
        return _left(self, int(raw(self)), "int")

    def __index__(self):
        return _left(self, operator.index(raw(self)), "an index or a range")

    def __complex__(self):
        return _left(self, complex(raw(self)), "complex")

    def __pow__(self, exponent, modulus=None):
        if self.scalar and not is_foreign(exponent):  # NumPy's scalars do not turn x ** 2 into a square
            return recording_now.get().call(operator.pow, (self, exponent), {})
        return np.ndarray.__pow__(self, exponent)

    def __deepcopy__(self, memo):
        return self.copy()

    def tolist(self):
        """Refuse to let the numbers leave."""
        return _left(self, raw(self).tolist(), "tolist")

    def fill(self, value):
        """Write one number everywhere."""
        self[...] = value

    def tobytes(self, *args):
        """Return the bytes, which a tape compares to find out whether an array has changed."""
        return raw(self).tobytes(*args)


def settled(value):
    """Return a list of numbers and recorded numbers that is written into an array as one recorded array."""
    several = isinstance(value, (list, tuple)) and any(isinstance(x, Recorded) for x in value)
    return np.stack(value) if several else value


def _decided(recorded, outcome):
    recording = recording_now.get()
    return outcome if recording is None else recording.decide(recorded, outcome)


def _left(recorded, number, how):
    recording = recording_now.get()
    return number if recording is None else recording.leave(recorded, number, how)


def _method(name):
    def method(self, *args, **keywords):
        recording, function = recording_now.get(), Method(name)
        if recording is None:
            return function(raw(self), *raw(args), **raw(keywords))
        if any(map(is_foreign, args)):
            return NotImplemented
        out = keywords.pop("out", None)
        if out is not None:
            return write_result(recording, function, (self, *args), keywords, out)
        return recording.call(function, (self, *args), keywords)
    method.__name__ = name
    return method


def _attribute(name):
    return property(lambda self: recording_now.get().call(Attribute(name), (self,), {})
                    if recording_now.get() else Attribute(name)(raw(self)))


def _refused_method(name):
    def method(self, *args, **keywords):
        recording = recording_now.get()
        if recording is not None:
            recording.refuse(f"calls the method {name}, which writes into the array or hands its memory out: "
                             "use NumPy's function of that name, or x[...] = values")
        return getattr(raw(self), name)(*args, **keywords)
    return method


def _augmented(symbol):
    plain = getattr(np.ndarray, f"__i{symbol}__")
    operation = getattr(operator, symbol + "_" * (symbol in ("and", "or")))

    def method(self, other):
        return operation(self, other) if self.scalar else plain(self, other)
    return method


for _name in ("all", "any", "argmax", "argmin", "argpartition", "argsort", "astype", "byteswap", "choose", "clip",
              "compress", "conj", "conjugate", "copy", "cumprod", "cumsum", "diagonal", "dot", "flatten", "item", "max",
              "mean", "min", "nonzero", "prod", "ravel", "repeat", "reshape", "round", "searchsorted", "squeeze", "std",
              "sum", "swapaxes", "take", "trace", "transpose", "var"):
    setattr(Recorded, _name, _method(_name))
for _name in ("T", "mT", "real", "imag"):
    setattr(Recorded, _name, _attribute(_name))
for _name in ("partition", "put", "resize", "sort", "setfield", "getfield", "dump", "dumps", "tofile"):
    setattr(Recorded, _name, _refused_method(_name))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift"):
    setattr(Recorded, f"__i{_name}__", _augmented(_name))


class Number(Protocols):
    """One of Python's numbers that records what is done with it, and takes on the dtype of what it meets."""

    def __init__(self, recording, call, number):
        self.recording, self.call, self.number = recording, call, number

    def __bool__(self):
        return _decided(self, bool(self.number))

    def __float__(self):
        return _left(self, float(self.number), "float")

    def __int__(self):
        return _left(self, int(self.number), "int")

    def __index__(self):
        return _left(self, operator.index(self.number), "an index or a range")

    def __array__(self, dtype=None, copy=None):
        return np.array(_left(self, self.number, "np.asarray"), dtype)

    def __repr__(self):
        return f"Number({self.number!r})"

    def __deepcopy__(self, memo):
        return self

    __hash__ = None


def _operator(name, reflected=False):
    operation = getattr(operator, name)
    ufunc = {"truediv": np.divide, "sub": np.subtract, "mul": np.multiply, "floordiv": np.floor_divide,
             "mod": np.remainder, "pow": np.power, "lt": np.less, "le": np.less_equal, "gt": np.greater,
             "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal}.get(name) or getattr(np, name)

    def method(self, other):
        args = (other, self) if reflected else (self, other)
        if isinstance(other, (int, float, complex, Number)) and not isinstance(other, np.generic):
            return self.recording.call(operation, args, {})
        return ufunc(*args) if isinstance(other, (np.ndarray, np.generic)) else NotImplemented
    return method


def _sign(name):
    operation = getattr(operator, name)
    return lambda self: self.recording.call(operation, (self,), {})


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(Number, f"__{_name}__", _operator(_name))
    setattr(Number, f"__r{_name}__", _operator(_name, reflected=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_name}__", _operator(_name))
for _name in ("neg", "pos", "abs"):
    setattr(Number, f"__{_name}__", _sign(_name))

