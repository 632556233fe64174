"""How a call looks in Python: with operators where they exist, and as few brackets as their precedence allows."""

import operator

import numpy as np

from .calls import Attribute, Call, Method
from .places import added_at, assigned

ATOM, POWER, SIGN, TIMES, PLUS, SHIFT, AND, XOR, OR, COMPARISON, LOOSEST = range(11, 0, -1)
OPERATORS = {
    np.add: ("+", PLUS), np.subtract: ("-", PLUS), np.multiply: ("*", TIMES), np.divide: ("/", TIMES),
    np.matmul: ("@", TIMES), np.floor_divide: ("//", TIMES), np.remainder: ("%", TIMES),
    np.left_shift: ("<<", SHIFT), np.right_shift: (">>", SHIFT), np.bitwise_and: ("&", AND),
    np.bitwise_xor: ("^", XOR), np.bitwise_or: ("|", OR), np.less: ("<", COMPARISON), np.greater: (">", COMPARISON),
    np.less_equal: ("<=", COMPARISON), np.greater_equal: (">=", COMPARISON), np.equal: ("==", COMPARISON),
    np.not_equal: ("!=", COMPARISON),
    operator.add: ("+", PLUS), operator.sub: ("-", PLUS), operator.mul: ("*", TIMES), operator.truediv: ("/", TIMES),
    operator.floordiv: ("//", TIMES), operator.mod: ("%", TIMES), operator.lt: ("<", COMPARISON),
    operator.gt: (">", COMPARISON), operator.le: ("<=", COMPARISON), operator.ge: (">=", COMPARISON),
    operator.eq: ("==", COMPARISON), operator.ne: ("!=", COMPARISON),
}
SIGNS = {np.negative: "-", operator.neg: "-", np.invert: "~", np.positive: "+", operator.pos: "+"}
MODULES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.lib.stride_tricks": np.lib.stride_tricks,
           "np.random": np.random}


def expression(call, show):
    """Return the text of a call and how tightly it holds together.

    `show(x, tightness)` returns the text of an argument, in brackets if it holds together less tightly than that.
    """
    function, args = call.function, call.args
    if function in OPERATORS and len(args) == 2 and not call.keywords and has_array(args):
        symbol, tightness = OPERATORS[function]
        chain = 1 if tightness == COMPARISON else 0  # a < b < c means something else in Python
        return f"{show(args[0], tightness + chain)} {symbol} {show(args[1], tightness + 1)}", tightness
    if function in SIGNS and not call.keywords:
        return SIGNS[function] + show(args[0], SIGN), SIGN
    if is_power(call):
        return f"{show(args[0], POWER + 1)} ** {show(args[1], SIGN)}", POWER
    if function is operator.getitem:
        return f"{show(args[0], ATOM)}[{index_text(args[1], show)}]", ATOM
    if isinstance(function, Attribute):
        return f"{show(args[0], ATOM)}.{function.__name__}", ATOM
    if isinstance(function, Method):
        return f"{show(args[0], ATOM)}.{function.__name__}({listed(args[1:], call.keywords, show)})", ATOM
    return f"{name_of(function)}({listed(args, call.keywords, show)})", ATOM


def has_array(args):
    """Return whether an operator reaches NumPy: `+` would join two lists."""
    return all(isinstance(x, (Call, bool, int, float, complex, np.generic)) for x in args)


def is_power(call):
    """Return whether a power may be written with `**`: for some exponents NumPy then computes something else."""
    if call.function is operator.pow:
        return True
    exponent = call.args[1] if call.function is np.power and len(call.args) == 2 else None
    special = isinstance(exponent, (int, float, np.generic)) and exponent in (-1, 0, 0.5, 1, 2)
    return call.function is np.power and not special and not call.keywords and (
        not isinstance(call.args[0], Call) or call.args[0].kind == "array")


def listed(args, keywords, show):
    """Return arguments as they are written between the brackets of a call."""
    named = [f"{name}={show(x, LOOSEST)}" for name, x in keywords.items()]
    return ", ".join([*[show(x, LOOSEST) for x in args], *named])


def index_text(index, show):
    """Return an index as it is written between square brackets."""
    if isinstance(index, tuple) and len(index) == 1 and isinstance(index[0], Call) and index[0].kind == "array":
        index = index[0]
    if isinstance(index, tuple) and index:
        return ", ".join([slice_text(x, show) for x in index]) + "," * (len(index) == 1)
    return slice_text(index, show)


def slice_text(x, show):
    """Return one part of an index."""
    if not isinstance(x, slice):
        return show(x, LOOSEST)
    ends = [None if part is None else show(part, LOOSEST) for part in (x.start, x.stop, x.step)]
    return f"{ends[0] or ''}:{ends[1] or ''}" + (f":{ends[2]}" if ends[2] else "")


def name_of(function):
    """Return what a function of NumPy is called in a program."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):  # np.add.reduce
        return f"np.{owner.__name__}.{function.__name__}"
    for path, module in MODULES.items():
        if getattr(module, function.__name__, None) is function:
            return f"{path}.{function.__name__}"
    if function is np.absolute:
        return "np.abs"
    if function in OWN:
        return function.__name__
    names = {operator.abs: "abs", operator.getitem: "operator.getitem", operator.pow: "pow"}
    if function in names:
        return names[function]
    raise TypeError(f"a program has no name for {function!r}, which is not a function of NumPy")


OWN = {
    assigned: "def assigned(array, index, value):\n    result = array.copy()\n    result[index] = value\n"
              "    return result\n",
    added_at: "def added_at(ufunc, array, indices, *values):\n    result = array.copy()\n"
              "    ufunc.at(result, indices, *values)\n    return result\n",
}


# Numbers and other frozen arguments

def literal(x, show):
    """Return the text of an argument that is not a Call."""
    if isinstance(x, np.generic):
        return f"np.{type(x).__name__}({number(x.item())})"
    if isinstance(x, (float, complex)):
        return number(x)
    if isinstance(x, np.dtype):
        return f"np.{x.name}" if hasattr(np, x.name) else repr(x)
    if isinstance(x, type):
        return f"np.{x.__name__}" if issubclass(x, np.generic) else x.__name__
    if isinstance(x, slice):
        return f"slice({show(x.start, LOOSEST)}, {show(x.stop, LOOSEST)}, {show(x.step, LOOSEST)})"
    if isinstance(x, dict):
        return "{" + ", ".join([f"{literal(key, show)}: {show(item, LOOSEST)}" for key, item in x.items()]) + "}"
    if isinstance(x, tuple):
        return "(" + ", ".join([show(item, LOOSEST) for item in x]) + "," * (len(x) == 1) + ")"
    if isinstance(x, list):
        return "[" + ", ".join([show(item, LOOSEST) for item in x]) + "]"
    if isinstance(x, np.ufunc):
        return f"np.{x.__name__}"
    if x is Ellipsis:
        return "..."
    if isinstance(x, str):
        return f'"{x}"' if x.isprintable() and not set(x) & set('\\"') else repr(x)
    if x is None or isinstance(x, (bool, int, range)):
        return repr(x)
    raise TypeError(f"a program has no text for the argument {x!r}")


def number(x):
    """Return a number as a person writes it: 2, not 2.0, where a float is meant in either case."""
    if isinstance(x, complex):
        return repr(x)
    if isinstance(x, bool) or not isinstance(x, float):
        return repr(x)
    if x != x or x in (float("inf"), -float("inf")):
        return {"nan": "np.nan", "inf": "np.inf", "-inf": "-np.inf"}[repr(x)]
    if abs(x) == np.finfo(float).max:
        return f"np.finfo(float).{'max' if x > 0 else 'min'}"
    text = repr(x)
    if len(text) > 12 and len(short := repr(1 - x)) < 9 and 1 - float(short) == x:
        return f"(1 - {short})"
    if len(text) > 12 and x > 0 and abs(root := round(x * x)) < 1e4 and root ** 0.5 == x:
        return f"{root} ** 0.5"
    if len(text) > 12 and abs(x) < 1 and (n := round(1 / x)) and 1 / n == x and abs(n) < 1e6:
        return f"(1 / {n})" if n > 0 else f"(-1 / {-n})"
    return text


def array_text(array):
    """Return a frozen array as an expression: short where all its numbers are the same."""
    dtype = "" if array.dtype in (float, bool, int) else f", dtype=np.{array.dtype.name}"
    if array.size and array.dtype.kind in "fc" and np.all(array == array.flat[0]) and array.size > 1:
        value, shape = array.flat[0].item(), array.shape[0] if array.ndim == 1 else array.shape
        kind = f", np.{array.dtype.name}" * (array.dtype != float)
        if value in (0, 1):
            return f"np.{'ones' if value else 'zeros'}({shape}{kind})"
        return f"np.full({shape}, {number(value)}{kind})"
    if array.ndim == 1 and array.dtype == int and array.size > 2 and np.array_equal(array, np.arange(array.size)):
        return f"np.arange({array.size})"
    text = np.array2string(array, separator=", ", threshold=array.size + 1, floatmode="unique", max_line_width=100)
    text = text.replace("nan", "np.nan").replace("inf", "np.inf")
    if array.size == 0:
        return f"np.zeros({array.shape}{', dtype=np.' + array.dtype.name if array.dtype != float else ''})"
    return f"np.array({text}{dtype})"
