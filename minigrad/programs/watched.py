"""The arrays and numbers that replace the arguments while a function is recorded.

Everything that is done with them arrives here, by NumPy's protocols, by the methods of an array, by an index or by one
of Python's operators, and is passed on to the present `Recording`.
"""

import operator
from contextvars import ContextVar

import numpy as np

from ..registry import place_of_out
from .calls import Attribute, Method, mapped
from .places import added_at, assigned

# Functions of an array that look at its form alone, and those that print it.
ABOUT_THE_FORM = {np.shape, np.size, np.ndim, np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast,
                  np.min_scalar_type, np.common_type, np.iterable, np.may_share_memory, np.shares_memory,
                  np.array_repr, np.array_str, np.array2string}
recording_now = ContextVar("recording_now", default=None)

def raw(x):
    """Return arguments with plain arrays and numbers instead of recorded ones."""
    if isinstance(x, Recorded):
        return x.view(np.ndarray) if x.plain is None else x.plain
    return x.number if isinstance(x, Number) else mapped(raw, x)

FIRST, STEP = (0.37, 1.61, -2.4), (0.13, -0.17, 0.11)  # of three rows of floats: they differ in size, order and sign


def decoy_like(array, number):
    """Return an array of the same form with other numbers; each of the three decoys differs from the others."""
    place = np.arange(array.size).reshape(array.shape)
    if array.dtype.kind in "fc":
        return (FIRST[number] + STEP[number] * place).astype(array.dtype)
    return (place % 2, 0 * place, 0 * place + 1)[number].astype(array.dtype) if array.dtype.kind in "biu" else (
        np.array(array))


def is_foreign(x):
    """Return whether an object handles NumPy's functions itself, as a Tensor does."""
    return hasattr(type(x), "__array_ufunc__") and not isinstance(x, (np.ndarray, np.generic, Number))


class Protocols:
    """NumPy's two protocols, for arrays and for numbers."""

    def __array_ufunc__(self, ufunc, method, *args, out=None, **keywords):
        if any(map(is_foreign, args)):
            return NotImplemented
        recording, function = recording_now.get(), ufunc if method == "__call__" else getattr(ufunc, method)
        if ufunc.__name__ == "_ones_like":  # how NumPy 2.0 computes x ** 0
            function = np.ones_like
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
    """Yield the items of nested lists and tuples."""
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

    `plain` is the array, or NumPy scalar, that it represents. `scalar` says which; `+=` does not change a scalar in
    place. `place` is None if compiled code made the array without asking; its numbers are decoys, and count as frozen.
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
        """Return an attribute of the array's form; raise an error if the form depends on numbers."""
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
        """Raise an error, because the numbers must not leave the recording."""
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
            recording.refuse(f"calls the method {name}, which writes into the array or shares its memory: "
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

    def __init__(self, call, number):
        self.call, self.number = call, number

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
            recording = recording_now.get()
            return operation(*raw(args)) if recording is None else recording.call(operation, args, {})
        return ufunc(*args) if isinstance(other, (np.ndarray, np.generic)) else NotImplemented
    return method


def _sign(name):
    operation = getattr(operator, name)

    def method(self):
        recording = recording_now.get()
        return operation(self.number) if recording is None else recording.call(operation, (self,), {})
    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(Number, f"__{_name}__", _operator(_name))
    setattr(Number, f"__r{_name}__", _operator(_name, reflected=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_name}__", _operator(_name))
for _name in ("neg", "pos", "abs"):
    setattr(Number, f"__{_name}__", _sign(_name))
