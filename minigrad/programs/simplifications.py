"""What a person would leave out, one function for each: no copies of copies, no `* 1`, no `0 +`, nothing done twice.

Each simplification looks at one call, whose arguments are simple already, and returns what can replace it: another
Call, or one of its arguments; or None. All keep the numbers bit for bit, except for the sign of a zero. That is why
3 * (7 * x) stays as it is: 21 * x rounds once instead of twice.
"""

import math
import operator
from functools import partial

import numpy as np

from .calls import Assertion, Attribute, Call, Method, calls_in, mapped
from .places import assigned

NUMBERS = (bool, int, float, complex, np.generic)
ADD, SUBTRACT = (np.add, operator.add), (np.subtract, operator.sub)
MULTIPLY, DIVIDE = (np.multiply, operator.mul), (np.divide, operator.truediv)
NEGATIVE = (np.negative, operator.neg)
OPPOSITE = dict(zip((*ADD, *SUBTRACT), (*SUBTRACT, *ADD)))
ELEMENTWISE = (*ADD, *SUBTRACT, *MULTIPLY, *DIVIDE, np.maximum, np.minimum)

# Functions whose result can share the memory of their first argument.
VIEWS = {operator.getitem, np.reshape, np.transpose, np.swapaxes, np.squeeze, np.expand_dims, np.ravel, np.moveaxis,
         np.broadcast_to, np.asanyarray, np.diagonal, np.atleast_1d, np.atleast_2d, np.real, np.imag,
         np.lib.stride_tricks.sliding_window_view, *map(Attribute, ("T", "mT", "real", "imag")),
         *map(Method, ("reshape", "transpose", "swapaxes", "squeeze", "ravel", "diagonal"))}


def simplified(steps, result, writes):
    """Return the steps of a program, its result and its writes, simplified until nothing changes."""
    changed, passes = True, 0
    while changed and passes < 30:
        passes += 1
        count_uses(steps, result, writes)
        replaced, known, present, changed = {}, {}, {}, False
        for step in steps:
            new = with_arguments(step, replaced)
            found = new if isinstance(new, Assertion) else simplest(new, present, known)
            place(found, present)
            changed = changed or found is not step
            keep_name(found, step)
            if isinstance(step, Call) and found is not step:
                step.became = found
            replaced[id(step)] = found
        result = substituted(replaced, result)
        writes = [(argument, substituted(replaced, value)) for argument, value in writes]
        steps = used(list(present.values()), result, writes)
    return steps, result, writes


def place(step, present):
    """Put a new step after the others, and before it those of its arguments that are new too."""
    if id(step) in present or is_number(step) or getattr(step, "function", True) is None:
        return
    if isinstance(step, Call):
        for argument in calls_in((step.args, step.keywords)):
            place(argument, present)
    present[id(step)] = step


def count_uses(steps, result, writes):
    """Count how often each value is used."""
    for step in steps:
        step.uses = 0
    for step in steps:
        for call in calls_in(step.condition if isinstance(step, Assertion) else (step.args, step.keywords)):
            call.uses += 1
    for call in calls_in((result, list(map(list, writes)))):
        call.uses += 1


def simplest(call, present, known):
    """Return what finally replaces a call: an argument, a call that was made before, or a new one."""
    while (found := first_result(call)) is not None:
        if not isinstance(found, Call) or found.function is None or id(found) in present:
            return found
        call = found
    return known.setdefault(key_of(call), call)


def first_result(call):
    """Return the replacement of a call by the first simplification that applies."""
    return next((found for simplify in SIMPLIFICATIONS if (found := simplify(call)) is not None), None)


def with_arguments(step, replaced):
    """Return a step with its arguments replaced by their simplified forms."""
    if isinstance(step, Assertion):
        condition = substituted(replaced, step.condition)
        return step if condition is step.condition else Assertion(condition, step.outcome, step.origin)
    args, keywords = substituted(replaced, step.args), substituted(replaced, step.keywords)
    unchanged = all(a is b for a, b in zip(calls_in((args, keywords)), calls_in((step.args, step.keywords))))
    return step if unchanged and len(calls_in(args)) == len(calls_in(step.args)) else remade(step, args, keywords)


def substituted(replaced, x):
    """Return an argument with every Call in it replaced."""
    if isinstance(x, Call):
        return replaced.get(id(x), x)
    return mapped(partial(substituted, replaced), x)


def remade(call, args, keywords=None, function=None):
    """Return a call with other arguments, or another function, whose value has the same form."""
    new = Call(function or call.function, args, call.keywords if keywords is None else keywords, None, call.origin,
               call.written and function is None)
    new.shape, new.dtype, new.kind, new.loose = call.shape, call.dtype, call.kind, call.loose
    new.name, new.slope_of, new.uses, new.memory = call.name, call.slope_of, call.uses, call.memory
    return new


def keep_name(found, call):
    """Pass a name on to the replacement of a call."""
    if isinstance(found, Call) and isinstance(call, Call) and found.function is not None:
        found.name = found.name or call.name
        found.slope_of = found.slope_of or call.slope_of


def key_of(call):
    """Return a key that two calls share if they return the same: the function and its arguments."""
    return call.function, hashable(call.args), hashable(call.keywords)


def hashable(x):
    """Return nested arguments as something that can be compared and looked up."""
    if isinstance(x, Call):
        return id(x)
    if isinstance(x, dict):
        return tuple([(name, hashable(item)) for name, item in x.items()])
    if isinstance(x, slice):
        return "slice", hashable(x.start), hashable(x.stop), hashable(x.step)
    if isinstance(x, (list, tuple)):
        return type(x).__name__, *map(hashable, x)
    return type(x).__name__, repr(x)


def used(steps, result, writes):
    """Return the steps that the result, the writes and the assertions need: nothing is computed without need."""
    needed = {id(call) for call in calls_in((result, list(map(list, writes))))}
    kept = []
    for step in reversed(steps):
        if isinstance(step, Assertion) or id(step) in needed:
            parts = step.condition if isinstance(step, Assertion) else (step.args, step.keywords)
            needed.update(id(call) for call in calls_in(parts))
            kept.append(step)
    return kept[::-1]


# Questions of the simplifications

def is_number(x, value=None):
    """Return whether an argument is a frozen number and equals the given one."""
    return isinstance(x, NUMBERS) and (value is None or x == value)


def is_zero(x):
    """Return whether an argument is zero everywhere, like the result of `zeros_like` or a part of it."""
    if not isinstance(x, Call):
        return is_number(x, 0)
    if x.array is not None:
        return not np.any(x.array)
    return x.function in (np.zeros_like, np.zeros) or (x.function in VIEWS and is_zero(x.args[0]))


def fits(x, call):
    """Return whether an argument has exactly the form of a call's value, so that it can replace it."""
    return isinstance(x, Call) and x.shape == call.shape and x.dtype == call.dtype and not x.loose


def is_place(index):
    """Return whether an index is the number of an item, counted from the front."""
    return type(index) is int and index >= 0


def is_listed(x):
    """Return whether an array is written as the list of its items: np.array([a, b])."""
    return isinstance(x, Call) and x.function is np.array and type(x.args[0]) is list


def is_power_of_two(x):
    """Return whether multiplying by a number is exact."""
    return is_number(x) and not isinstance(x, complex) and math.isfinite(x) and x != 0 and abs(math.frexp(x)[0]) == 0.5


def is_negative_multiple(x):
    """Return whether an argument is a product with a negative number."""
    return isinstance(x, Call) and x.function in MULTIPLY and is_number(x.args[0]) and (
        not isinstance(x.args[0], complex) and x.args[0] < 0)


def negated(x):
    """Return y where x is -y, else None."""
    return x.args[0] if isinstance(x, Call) and x.function in NEGATIVE else None


# The simplifications

def without_copy(call):
    """A copy has the same numbers. (What is returned to the caller is copied again where it has to be.)"""
    if call.function in (np.copy, np.asanyarray, Method("copy"), np.positive, operator.pos) and (
            isinstance(call.args[0], Call) and call.args[0].shape == call.shape and call.args[0].dtype == call.dtype
            and "order" not in call.keywords):
        return call.args[0]
    return None


def without_cast(call):
    """`astype` and `reshape` change nothing if the array already has that dtype or shape."""
    if call.function in (Method("astype"), Method("reshape"), np.reshape, np.broadcast_to) and fits(call.args[0], call):
        return call.args[0]
    return None


def without_neutral(call):
    """x * 1, x / 1, x + 0 and x - 0 are x."""
    if len(call.args) != 2:
        return None
    x, y = call.args
    if call.function in (*MULTIPLY, *DIVIDE) and is_number(y, 1) and fits(x, call):
        return x
    if call.function in MULTIPLY and is_number(x, 1) and fits(y, call):
        return y
    if call.function in (*ADD, *SUBTRACT) and is_zero(y) and fits(x, call):
        return x
    constant = call.kind == "scalar" and type(y) is call.dtype.type
    if call.function in ADD and is_zero(x) and (fits(y, call) or constant):
        return y
    return None


def signs_moved(call):
    """-(-x) is x; x + (-y) is x - y; (-x) + y is y - x; c * (-x) is (-c) * x; x + (-2) * y is x - 2 * y."""
    if call.function in NEGATIVE:
        x, = call.args
        if negated(x) is not None:
            return negated(x)
        if isinstance(x, Call) and x.function in MULTIPLY and is_number(x.args[0]) and x.dtype != bool:
            return remade(call, (-x.args[0], x.args[1]), {}, x.function)
        return None
    if len(call.args) != 2:
        return None
    x, y = call.args
    if call.function in OPPOSITE and negated(y) is not None:
        return remade(call, (x, negated(y)), {}, OPPOSITE[call.function])
    if call.function in ADD and negated(x) is not None:
        return remade(call, (y, negated(x)), {}, OPPOSITE[call.function])
    if call.function in MULTIPLY and is_number(x) and negated(y) is not None:
        return remade(call, (-x, negated(y)))
    if call.function in MULTIPLY and is_number(y) and isinstance(x, Call) and not call.written:
        return remade(call, (y, x))  # numbers first
    if call.function in OPPOSITE and is_negative_multiple(y):
        return remade(call, (x, remade(y, (-y.args[0], y.args[1]))), {}, OPPOSITE[call.function])
    return None


def factors_joined(call):
    """a * (b * x) is (a * b) * x, exactly, if a or b is a power of two; unless b * x has a name, or other uses."""
    if call.function in MULTIPLY and is_number(call.args[0]) and isinstance(call.args[1], Call):
        a, inner = call.args
        alone = inner.uses <= 1 and not inner.name
        if inner.function in MULTIPLY and is_number(inner.args[0]) and inner.dtype == call.dtype and alone:
            b, x = inner.args
            if (is_power_of_two(a) or is_power_of_two(b)) and abs(a * b) < 1e30:
                return remade(call, (a * b, x))
    return None


def added_to_itself(call):
    """x + x is 2 * x, and 2 * x + x is 3 * x, exactly."""
    if call.function in ADD and np.dtype(call.dtype).kind == "f" and not call.keywords:
        x, y = call.args
        twice = isinstance(x, Call) and x.function in MULTIPLY and is_number(x.args[0], 2) and x.args[1] is y
        if twice or x is y:
            return remade(call, (3 if twice else 2, y), {}, MULTIPLY[ADD.index(call.function)])
    return None


def read_back(call):
    """At an index that was written to, you read the new value; elsewhere the old one, which is 0 in zeros."""
    if call.function is not operator.getitem or not isinstance(call.args[0], Call):
        return None
    array, wanted = call.args
    if call.kind == "scalar" and is_zero(array):
        return call.dtype.type(0)
    if array.function is assigned and is_place(wanted) and is_place(array.args[1]):
        before, index, value = array.args
        return remade(call, (before, wanted)) if index != wanted else value if fits(value, call) else None
    if is_listed(array) and is_place(wanted) and fits(array.args[0][wanted], call):
        return array.args[0][wanted]
    return None


def written_twice(call):
    """What is written at an index and then written over there need not be written first."""
    if call.function is not assigned or not isinstance(call.args[0], Call) or call.args[0].function is not assigned:
        return None
    array, index, value = call.args
    if is_basic(index) and is_basic(array.args[1]) and index == array.args[1]:
        return remade(call, (array.args[0], index, value))
    return None


def is_basic(index):
    """Return whether an index is made of numbers and slices alone, so that `==` compares it."""
    if isinstance(index, slice):
        return all(end is None or type(end) is int for end in (index.start, index.stop, index.step))
    return all(map(is_basic, index)) if type(index) is tuple else index is None or type(index) in (int, type(...))


def gathered(call):
    """Numbers that are written one by one into an array of zeros can be written as np.array([x, y])."""
    if call.function is not assigned or call.loose or not call.shape or not 0 < call.shape[0] <= 32:
        return None
    items, array = {}, call
    while isinstance(array, Call) and array.function is assigned and type(array.args[1]) is int:
        items.setdefault(array.args[1] % call.shape[0], array.args[2])
        array = array.args[0]
    items = {**dict(enumerate(array.args[0])), **items} if is_listed(array) else items
    parts = [items.get(i) for i in range(call.shape[0])]
    if all(isinstance(x, (Call, np.generic)) and (x.shape, x.dtype) == (call.shape[1:], call.dtype) for x in parts):
        return remade(call, (parts,), {}, np.array)
    return None


def rows_stacked(call):
    """np.stack([np.array([a, b]), np.array([c, d])]) is np.array([[a, b], [c, d]])."""
    if call.function is np.stack and len(call.args) == 1 and not call.keywords and type(call.args[0]) in (list, tuple):
        rows = call.args[0]
        if all(map(is_listed, rows)):
            return remade(call, ([x.args[0] for x in rows],), {}, np.array)
    return None


def is_whole(index):
    """Return whether an index picks everything."""
    if type(index) is tuple:
        return all(map(is_whole, index))
    return index is Ellipsis or (isinstance(index, slice) and index.start is index.stop is None and (
        index.step is None or (type(index.step) is int and index.step == 1)))


def whole_part(call):
    """x[:] and x[...] are x, writing a whole array is the array, and writing one number everywhere is np.full_like."""
    if call.function is assigned and is_whole(call.args[1]) and fits(call.args[2], call):
        return call.args[2]
    if call.function is assigned and is_whole(call.args[1]) and type(call.args[2]) is call.dtype.type:
        return remade(call, call.args[::2], {}, np.full_like)
    if call.function is operator.getitem and is_whole(call.args[1]) and fits(call.args[0], call):
        return call.args[0]
    return None


def turned(call):
    """.T turns rows into columns, and twice .T changes nothing."""
    x = call.args[0] if call.args else None
    if not isinstance(x, Call) or x.shape is None or len(x.shape) != 2:
        return None
    axes = call.args[1:]
    transposes = call.function in (np.transpose, Method("transpose")) and axes in ((), (None,), ((1, 0),), ([1, 0],))
    swaps = call.function in (np.swapaxes, Method("swapaxes")) and {axes[0] % 2, axes[1] % 2} == {0, 1}
    if ((transposes or swaps) and not call.keywords) or call.function == Attribute("mT"):
        return remade(call, (x,), {}, Attribute("T"))
    return x.args[0] if call.function == Attribute("T") and x.function == Attribute("T") else None


def unspread(call):
    """An array that is broadcast, or is one number everywhere, can stay small where it meets one of the full shape."""
    if call.function in ELEMENTWISE and len(call.args) == 2:
        for i, (x, other) in enumerate((call.args, call.args[::-1])):
            small = before_spread(x)
            if small is not x and isinstance(other, Call) and other.shape == call.shape:
                return remade(call, (small, other) if i == 0 else (other, small))
    return None


def before_spread(x):
    """Return the array that was broadcast, or the number that all elements are equal to; anything else as it is."""
    if not isinstance(x, Call):
        return x
    if x.array is not None and x.array.size and x.array.dtype.kind in "fc" and np.all(x.array == x.array.flat[0]):
        return x.array.flat[0]
    if x.function is np.broadcast_to and isinstance(x.args[0], Call) and x.args[0].dtype == x.dtype:
        return x.args[0]
    return x.args[1] if x.function is np.full_like and is_number(x.args[1]) and not x.keywords else x


def filled_with(call):
    """The result for an array of equal numbers and a number is an array of equal numbers."""
    if call.function is np.full_like and isinstance(call.args[0], Call) and not call.keywords:
        base = call.args[0]
        if base.function in (np.empty_like, np.zeros_like) and fits(base.args[0], call):
            return remade(call, (base.args[0], call.args[1]))
        return None
    filled = [x for x in call.args if isinstance(x, Call) and x.function is np.full_like and not x.keywords]
    if len(filled) != 1 or call.function not in (*ELEMENTWISE, *NEGATIVE) or filled[0].shape != call.shape or (
            filled[0].dtype != call.dtype):
        return None
    numbers = [x.args[1] if x is filled[0] else x for x in call.args]
    if not all(map(is_number, numbers)):
        return None
    return remade(call, (filled[0].args[0], call.dtype.type(call.function(*numbers))), {}, np.full_like)


def nothing_times(call):
    """0 * x is 0 where x is finite; this leaves out the zeros of a unit vector from a Jacobian's row."""
    if call.function in MULTIPLY and is_number(call.args[0], 0) and call.kind in ("scalar", "number"):
        return call.dtype.type(0) if call.kind == "scalar" else call.dtype(0)
    return None


def folded(call):
    """A call whose arguments are all numbers is a number, and a part of a frozen array is a frozen array."""
    if call.function is operator.getitem and all(x.array is not None for x in calls_in(call.args)):
        array = call.args[0].array[mapped_arrays(call.args[1])]
        return Call(None, (), {}, array, call.origin, array=array) if isinstance(array, np.ndarray) else array
    if call.kind in ("scalar", "number") and call.args and all(isinstance(x, NUMBERS) for x in call.args) and (
            not call.keywords and isinstance(call.function, (np.ufunc, type(operator.add)))):
        with np.errstate(all="ignore"):
            return call.function(*call.args)
    return None


def mapped_arrays(x):
    """Return an index with arrays instead of Calls."""
    return x.array if isinstance(x, Call) else mapped(mapped_arrays, x)


def fresh_zeros(call):
    """np.zeros_like(x, shape=shape) is np.zeros(shape)."""
    if call.function is np.zeros_like and "shape" in call.keywords and call.keywords.keys() <= {"shape", "dtype"}:
        shape = call.shape[0] if len(call.shape) == 1 else call.shape
        return remade(call, (shape,) if call.dtype == float else (shape, call.dtype), {}, np.zeros)
    return None


def defaults_left_out(call):
    """order="C", kind=None and similar arguments are NumPy's defaults."""
    if call.function in (np.reshape, Method("reshape"), np.ravel, np.argsort, np.sort) and call.keywords:
        keywords = {name: x for name, x in call.keywords.items() if not (x is None or (name == "order" and x == "C"))}
        return remade(call, call.args, keywords) if len(keywords) < len(call.keywords) else None
    if call.function is np.reshape and len(call.args) == 3 and call.args[2] == "C":
        return remade(call, call.args[:2])
    return None


def summed(call):
    """np.add.reduce(x) is x.sum(axis=0)."""
    if call.function == np.add.reduce and len(call.args) == 1 and isinstance(call.args[0], Call) and (
            call.args[0].kind == "array" and call.keywords.keys() <= {"axis", "keepdims"}):
        return remade(call, call.args, {"axis": 0, **call.keywords}, Method("sum"))
    return None


SIMPLIFICATIONS = [folded, without_copy, without_cast, without_neutral, nothing_times, filled_with, signs_moved,
                   unspread, factors_joined, added_to_itself, read_back, written_twice, gathered, rows_stacked,
                   whole_part, turned, fresh_zeros, defaults_left_out, summed]
