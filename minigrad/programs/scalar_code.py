"""The same calls as JavaScript: code for single numbers, which a page can run without NumPy.

`javascript(function, *examples)` returns the text of one JavaScript function. It takes what `function` takes and
returns what it returns: an array of shape () is a number, one of shape (2,) is `[x, y]`, a dictionary is an object.
Arrays are taken apart into their numbers, so this is for small ones: a function of two coordinates and its gradient, an
update rule for one coordinate.

A surface with its gradient, and the step of an optimizer for one coordinate:

>>> import numpy as np
>>> import minigrad
>>> from minigrad.programs import javascript
>>> def bowl(p):
...     x, y = p
...     return x**2 + 3 * y
>>> print(javascript(minigrad.value_and_grad(bowl), np.array([1.0, 2.0]), name="bowl"))
function bowl(p) {
  const x = p[0];
  const y = p[1];
  const t1 = x * x;
  const t2 = 3 * y;
  const t3 = t1 + t2;
  const dx = 2 * x;
  return [t3, [dx, 3]];
}
>>> def momentum(g, s, p, lr):
...     s["v"] *= 0.9
...     s["v"] += g
...     return p - lr * s["v"]
>>> number = np.array(1.0)
>>> print(javascript(momentum, number, {"v": number}, number, 0.1))
function momentum(g, s, p, lr) {
  const t1 = s.v * 0.9;
  const t2 = t1 + g;
  const t3 = lr * t2;
  const t4 = p - t3;
  s.v = t2;
  return t4;
}

If the function writes to an argument, so does the JavaScript. A branch on a number of the run becomes an `if` with both
sides: the function is run once for each way through it. With `watch=True` the function takes one more argument, `seen`,
an array or nothing; every value that has a name in the source is pushed to it as [line, name, value].
"""

import operator
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from ..registry import name_of
from .calls import Assertion, Attribute, Call, Method, Refused, mapped
from .places import added_at, assigned
from .reader import where
from .titles import parameter_names, title_of
from .trace import UNRECORDED, UNSTEADY, Trace, far_away, nearby, refuse_difference, traced
from .written import Program

WAYS = 64  # through the branches of a function
INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "true_divide": "/", "greater": ">", "less": "<",
         "greater_equal": ">=", "less_equal": "<=", "equal": "==", "not_equal": "!=", "logical_and": "&&",
         "logical_or": "||", "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^"}  # true == 1, as in NumPy
SAME_NAME = {"sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "neg": "negative",
             "pos": "positive", "gt": "greater", "lt": "less", "ge": "greater_equal", "le": "less_equal", "eq": "equal",
             "ne": "not_equal", "abs": "absolute", "mod": "remainder", "floordiv": "floor_divide", "conj": "positive",
             "conjugate": "positive", "real": "positive", "fabs": "absolute", "float_power": "power", "fmod": "fmod"}
CALLS = {
    "negative": "-{}", "positive": "{}", "absolute": "Math.abs({})", "sqrt": "Math.sqrt({})", "exp": "Math.exp({})",
    "log": "Math.log({})", "sin": "Math.sin({})", "cos": "Math.cos({})", "tan": "Math.tan({})",
    "tanh": "Math.tanh({})", "sinh": "Math.sinh({})", "cosh": "Math.cosh({})", "arcsin": "Math.asin({})",
    "arccos": "Math.acos({})", "arctan": "Math.atan({})", "arcsinh": "Math.asinh({})", "arccosh": "Math.acosh({})",
    "arctanh": "Math.atanh({})", "arctan2": "Math.atan2({}, {})", "log1p": "Math.log1p({})", "expm1": "Math.expm1({})",
    "log2": "Math.log2({})", "log10": "Math.log10({})", "exp2": "Math.pow(2, {})", "cbrt": "Math.cbrt({})",
    "hypot": "Math.hypot({}, {})", "square": "{0} * {0}", "reciprocal": "1 / {}", "power": "Math.pow({}, {})",
    "maximum": "Math.max({}, {})", "minimum": "Math.min({}, {})", "floor": "Math.floor({})", "ceil": "Math.ceil({})",
    "trunc": "Math.trunc({})", "sign": "Math.sign({})", "isnan": "Number.isNaN({})", "isfinite": "isFinite({})",
    "isinf": "Math.abs({}) === Infinity", "logical_not": "!{}", "invert": "!{}", "fmod": "{} % {}",
    "remainder": "{0} - {1} * Math.floor({0} / {1})", "floor_divide": "Math.floor({} / {})", "where": "{} ? {} : {}",
    "copysign": "({1} < 0 || Object.is({1}, -0) ? -1 : 1) * Math.abs({0})",
    "rint": "2 * Math.round({0} / 2) === {0} + 1 || {0} % 1 !== 0.5 && {0} % 1 !== -0.5 ? Math.round({0}) : "
            "2 * Math.round({0} / 2)",
}
MOVING = {operator.getitem, np.reshape, np.transpose, np.swapaxes, np.squeeze, np.expand_dims, np.ravel, np.moveaxis,
          np.broadcast_to, np.stack, np.concatenate, np.copy, np.array, np.asanyarray, np.flip, np.roll, np.repeat,
          np.tile, np.diagonal, np.atleast_1d, np.atleast_2d, np.take, np.hstack, np.vstack, np.pad, np.diag, np.triu,
          np.tril, assigned, added_at, np.array_split, np.split}
MOVING_METHODS = {"reshape", "transpose", "swapaxes", "squeeze", "ravel", "copy", "diagonal", "flatten", "repeat",
                  "take"}


def javascript(function: Callable[..., Any], *examples: Any, name: str | None = None, watch: bool = False) -> str:
    """Return a function as JavaScript.

    Parameters
    ----------
    function : callable or Program
        As for `minigrad.program`; a Program brings its examples with it.
    *examples : array_like
        Arguments to try the function with. Their shapes and the structure around them are kept.
    name : str, optional
        The name of the JavaScript function; by default that of the Python one.
    watch : bool, default False
        Whether the function takes one more argument, `seen`, and pushes [line, name, value] to it for every value that
        the source gives a name. `line` is the number of the line in its file.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If the function is not a straight line between its branches, or uses something that JavaScript cannot express;
        the message names the line.
    """
    if isinstance(function, Program):
        function, examples = function.function, function.examples
    parameters = parameter_names(function, len(examples))
    script = Script(function, examples, parameters, watch)
    body = without_unused(script.way([], 0))[0]
    head = ", ".join([*parameters, *(["seen"] if watch else [])])
    return f"function {name or title_of(function)}({head}) {{\n" + "".join(printed(body, 1)) + "}"


class Script:
    """The ways through a function, as JavaScript statements."""

    def __init__(self, function, examples, parameters, watch):
        self.function, self.examples, self.parameters, self.watch = function, examples, parameters, watch
        self.ways = 0

    def way(self, decisions, start):
        """Return the statements from the step `start` on, where the branches before it go as decided.

        A statement is ("let", name, text), ("do", text), ("return", text) or ("if", condition, then, otherwise).
        """
        self.ways += 1
        if self.ways > 2 * WAYS:
            raise Refused(f"{title_of(self.function)} has more than {WAYS} ways through its branches")
        trace = self.trace(decisions, Trace if decisions else traced, first=True)
        writer = Writer(trace, self.parameters, self.watch)
        taken = 0
        for i, step in enumerate(trace.calls):
            if i == start:
                writer.lines.clear()
            if not isinstance(step, Assertion):
                writer.write(step)
                continue
            if taken == len(decisions):
                condition = text_of(one_of(writer.value(step.condition)))
                sides = [self.way([*decisions, side], i + 1) for side in (True, False)]
                return [*writer.lines, ("if", condition, *sides)]
            taken += 1
        self.check(trace, decisions)
        if start == len(trace.calls):
            writer.lines.clear()
        return [*writer.lines, *writer.ending()]

    def trace(self, decisions, make=Trace, **how):
        """Return one run of the function, its branches as decided, with the examples or with other numbers."""
        with np.errstate(all="ignore"):
            return make(self.function, self.examples, self.parameters, "follow", decisions=decisions, **how)

    def check(self, trace, decisions):
        """Refuse a way through the function that is not the same in another run, or with other numbers."""
        refuse_difference(trace, self.trace(decisions), UNSTEADY)
        refuse_difference(trace, self.trace(decisions, traced, decoy=1), UNRECORDED)
        for place in (nearby, far_away):
            with (suppress(ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError),
                  warnings.catch_warnings()):
                warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
                other = self.trace(decisions, elsewhere=place, decoy=1)
                if not is_complex(other):  # a root of a negative number, say: the function is not defined there
                    refuse_difference(trace, other, UNRECORDED)


def is_complex(trace):
    """Return whether a run met complex numbers."""
    return any(call.kind != "tuple" and np.dtype(call.dtype).kind == "c"
               for call in trace.calls if isinstance(call, Call))


class Atom:
    """A number that only the running script knows, by its name; it records what is done with it."""

    def __init__(self, writer, name):
        self.writer, self.name = writer, name


def _operation(name, reflected=False):
    def method(self, other):
        return self.writer.apply(name, *((other, self) if reflected else (self, other)))
    return method


for _name in ("add", "sub", "mul", "truediv", "pow", "mod", "floordiv"):
    setattr(Atom, f"__{_name}__", _operation(SAME_NAME.get(_name, _name)))
    setattr(Atom, f"__r{_name}__", _operation(SAME_NAME.get(_name, _name), True))


class Writer:
    """Writes the steps of one Trace: every value is an array of numbers and Atoms, or one of them."""

    def __init__(self, trace, parameters, watch):
        self.trace, self.watch = trace, watch
        self.lines, self.values, self.count, self.line = [], {}, 0, None
        self.taken = set(parameters)
        for call in trace.inputs:
            self.values[id(call)] = self.argument(call)

    def argument(self, call):
        """Return the numbers of an argument."""
        if call.path in self.trace.free.readers:
            return as_objects(self.trace.free_numbers[call.path])
        if call.shape == ():
            return Atom(self, js_path(call.path))
        numbers = np.empty(call.shape, object)
        for index in np.ndindex(*call.shape):
            numbers[index] = Atom(self, js_path(call.path) + "".join([f"[{i}]" for i in index]))
        return numbers

    def value(self, x):
        """Return an argument of a step with values instead of Calls."""
        if isinstance(x, Call):
            if id(x) not in self.values:  # frozen
                self.values[id(x)] = as_objects(x.array)
            return self.values[id(x)]
        return mapped(self.value, x)

    def write(self, step):
        """Write one step."""
        self.line = step.origin
        if step.dtype == np.float32:
            raise Refused(f"{where(step.origin)} computes in float32, and JavaScript has only double precision")
        value = self.computed(step, self.value(step.args), self.value(step.keywords))
        if step.kind != "tuple" and np.shape(value) != step.shape:
            raise self.lacking(step, step.keywords)
        self.values[id(step)] = value = self.named(step, value)
        if self.watch and step.name and step.origin.line:
            self.lines.append(("do", f"if (seen) seen.push([{step.origin.line[1]}, {js_string(step.name)}, "
                                     f"{structure_js(value)}])"))

    def named(self, step, value):
        """Give a value that is one number the name that the reader gave it."""
        wanted = step.name or (step.slope_of is not None and step.slope_of.name and f"d{step.slope_of.name}")
        atom = one_of(value) if step.shape == () else None
        if not wanted or not isinstance(atom, Atom) or wanted in self.taken or wanted in JAVASCRIPT_WORDS:
            return value
        if atom.name in {js_path(call.path) for call in self.trace.inputs}:
            return value
        self.taken.add(wanted)
        if self.lines and self.lines[-1][:2] == ("let", atom.name):
            self.lines[-1] = ("let", wanted, self.lines[-1][2])
            atom.name = wanted  # for everything that refers to it
            return atom
        elif re.fullmatch(r"t\d+", atom.name):
            return value
        else:
            self.lines.append(("let", wanted, atom.name))
        return Atom(self, wanted)

    def computed(self, step, args, keywords):
        """Return the value of a step."""
        function, name = step.function, getattr(step.function, "__name__", "")
        ufunc = getattr(function, "__self__", None)
        if isinstance(ufunc, np.ufunc) and name == "reduce":
            return self.reduced(step, ufunc, args, {"axis": 0, **keywords})
        if not is_basic(function):
            raise self.lacking(step)
        if step.kind != "tuple" and np.dtype(step.dtype).kind == "c":
            raise Refused(f"{where(step.origin)} computes complex numbers, which JavaScript does not have")
        if name in REDUCTIONS:
            return self.reduced(step, REDUCTIONS[name], args, {"axis": None, **keywords})
        if name in ("zeros_like", "ones_like", "full_like", "empty_like"):
            fill = args[1] if name == "full_like" else 1 if name == "ones_like" else 0
            return np.full(step.shape, fill, object)
        if function in MOVING or (isinstance(function, Method) and name in MOVING_METHODS) or (
                isinstance(function, Attribute)):
            return self.moved(step, function, args, keywords)
        if name == "clip":
            return self.clipped(step, args, keywords)
        if name == "astype":
            return self.converted(step, args[0])
        if name == "item" and len(args) == 1:
            return one_of(args[0])
        if name in ("matmul", "dot") and not keywords:
            return np.matmul(as_objects(args[0]), as_objects(args[1]))
        name = SAME_NAME.get(name, name)
        if name == "add" and step.dtype == bool:
            name = "logical_or"
        if keywords or not (name in INFIX or name in CALLS):
            raise self.lacking(step, keywords)
        if name.startswith("logical_"):
            args = map(self.truth, step.args, args)
        return self.each(name, *args)

    def lacking(self, step, keywords=()):
        """Return the exception for a step, or for the keywords of its call, that JavaScript lacks."""
        function = step.function
        called = f"the method {function.__name__}" if isinstance(function, Method) else name_of(function)
        called += f" with {', '.join([f'{name}=' for name in keywords])}" * bool(keywords)
        return Refused(f"{where(step.origin)} calls {called}, which JavaScript does not have")

    def moved(self, step, function, args, keywords):
        """Let NumPy move the numbers of an array around."""
        if isinstance(function, Attribute) and function.__name__ in ("real", "imag"):
            return args[0] if function.__name__ == "real" else np.full(step.shape, 0, object)
        if function is np.array:
            return np.array(args[0], dtype=object).reshape(step.shape)
        ufunc, (first, *others) = (args[:1], args[1:]) if function is added_at else ((), args)
        first = [as_objects(x) for x in first] if isinstance(first, (list, tuple)) else as_objects(first)
        others, keywords = as_known(others), as_known(keywords)
        if function in (operator.getitem, assigned, added_at) and has_atoms(others[0]):
            raise Refused(f"{where(step.origin)} picks by an index that depends on the run")
        return function(*ufunc, first, *others, **keywords)

    def reduced(self, step, ufunc, args, keywords):
        """Fold an array along axes, one number after the other."""
        given = {**keywords, **dict(zip(["axis"], args[1:]))}
        if len(args) > 2 or not given.keys() <= {"axis", "keepdims"}:
            raise self.lacking(step, given.keys() - {"axis", "keepdims"})
        if ufunc == "mean":
            total = self.reduced(step, np.add, args, keywords)
            count = np.size(as_objects(args[0])) // max(1, int(np.prod(step.shape)))
            return self.each("divide", total, count)
        fold = np.frompyfunc(lambda x, y: self.apply(ufunc.__name__, x, y), 2, 1, identity=ufunc.identity)
        numbers = as_objects(args[0])
        if ufunc in (np.logical_or, np.logical_and):
            numbers = self.truth(step.args[0], numbers)
        axis = given["axis"]
        axes = range(numbers.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        for place in sorted([i % max(numbers.ndim, 1) for i in axes], reverse=True) if numbers.ndim else ():
            numbers = np.asarray(fold.reduce(numbers, axis=place, keepdims=given.get("keepdims", False)), object)
        return numbers

    def clipped(self, step, args, keywords):
        """Bound each number from below, from above, or both."""
        given = dict(zip(["min", "max"], args[1:])) | {name.removeprefix("a_"): x for name, x in keywords.items()}
        if not given.keys() <= {"min", "max"}:
            raise self.lacking(step, given.keys() - {"min", "max"})
        low, high = given.get("min"), given.get("max")
        value = args[0] if low is None else self.each("maximum", args[0], low)
        return value if high is None else self.each("minimum", value, high)

    def converted(self, step, x):
        """Return numbers, or truth values, as what the dtype of the step asks for."""
        before, after = (np.dtype(call.dtype).kind for call in (step.args[0], step))
        if after == "b":
            return self.truth(step.args[0], x)
        if before == "f" and after in "iu":
            return self.each("trunc", x)
        return self.each("where", x, 1, 0) if before == "b" else x

    def truth(self, call, x):
        """Return numbers as truth values; `call` is what they come from."""
        return x if np.dtype(bool) == getattr(call, "dtype", type(call)) else self.each("not_equal", x, 0)

    def each(self, name, *args):
        """Apply a function to each number of arrays."""
        arrays = np.broadcast_arrays(*[as_objects(x) for x in args])
        result = np.empty(arrays[0].shape, object)
        for index in np.ndindex(*result.shape):
            result[index] = self.apply(name, *[array[index] for array in arrays])
        return result if result.ndim else result[()]

    def apply(self, name, *atoms):
        """Write one operation on numbers and return its result; what is known already is computed here."""
        if not any(isinstance(x, Atom) for x in atoms):
            function = getattr(np, name)
            with np.errstate(all="ignore"):
                return function(*atoms).item() if hasattr(function(*atoms), "item") else function(*atoms)
        x, y = (*atoms, None)[:2]
        if name in NEUTRAL and is_known(y, NEUTRAL[name]):
            return x
        if name in ("multiply", "add") and is_known(x, NEUTRAL[name]):
            return y
        if name == "power" and is_known(y, 2):
            return self.let(f"{text_of(x)} * {text_of(x)}")
        if name == "power" and is_known(y, 0.5):
            return self.let(f"Math.sqrt({text_of(x)})")
        if name in INFIX:
            return self.let(f"{text_of(x)} {INFIX[name]} {text_of(y)}")
        if name not in CALLS:
            raise Refused(f"{where(self.line)} calls np.{name}, which JavaScript does not have")
        return self.let(CALLS[name].format(*map(text_of, atoms)))

    def let(self, text):
        """Write a statement that gives a value a name, and return it."""
        self.count += 1
        self.lines.append(("let", f"t{self.count}", text))
        return Atom(self, f"t{self.count}")

    def ending(self):
        """Return what is written to the arguments, and what is returned."""
        trace, lines = self.trace, []
        for argument, call in trace.writes:
            value = self.value(call)
            if argument.shape == ():
                lines.append(("do", f"{js_path(argument.path)} = {text_of(one_of(value))}"))
            else:
                path = js_path(argument.path)
                lines += [("do", f"{path}{''.join([f'[{i}]' for i in index])} = {text_of(value[index])}")
                          for index in np.ndindex(*argument.shape)]
        lines += [("do", f"{js_path(path)} = {structure_js(self.value(item))}") for path, item in trace.rebound]
        return [*lines, ("return", structure_js(self.value(trace.result)))]


REDUCTIONS = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum, "amax": np.maximum,
              "amin": np.minimum, "any": np.logical_or, "all": np.logical_and, "mean": "mean"}
NEUTRAL = {"add": 0, "subtract": 0, "multiply": 1, "divide": 1, "power": 1}  # as the second argument
JAVASCRIPT_WORDS = {
    "arguments", "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do",
    "else", "enum", "eval", "export", "extends", "false", "finally", "for", "function", "if", "import", "in",
    "instanceof", "let", "new", "null", "return", "static", "super", "switch", "this", "throw", "true", "try", "typeof",
    "var", "void", "while", "with", "yield", "seen", "isFinite", "Math", "Number", "Object", "Infinity", "NaN",
    "undefined"}


def as_objects(x):
    """Return an argument as an array of numbers and Atoms."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        return x
    if isinstance(x, np.ndarray):
        return np.array(x.tolist(), dtype=object).reshape(x.shape)
    if isinstance(x, (list, tuple)):
        return np.array(x, dtype=object)
    result = np.empty((), object)
    result[()] = x
    return result


def as_known(x):
    """Return nested arguments with every array whose numbers are known as NumPy keeps it."""
    if isinstance(x, np.ndarray) and not has_atoms(x):
        return np.array(x.tolist(), dtype=None if x.size else int).reshape(x.shape)
    return mapped(as_known, x)


def has_atoms(x):
    """Return whether there is a number in nested arguments that only the running script knows."""
    if isinstance(x, slice):
        x = (x.start, x.stop, x.step)
    if isinstance(x, np.ndarray):
        x = x.ravel().tolist()
    return isinstance(x, Atom) or (isinstance(x, (list, tuple)) and any(map(has_atoms, x)))


def is_basic(function):
    """Return whether a function is an operator, a method, or one of np itself: not of np.linalg or np.fft."""
    return (isinstance(function, (Method, Attribute)) or function in (assigned, added_at)
            or name_of(function) in (f"np.{function.__name__}", f"_operator.{function.__name__}"))


def one_of(x):
    """Return the only number of an array, or a number as it is."""
    return x.reshape(-1)[0] if isinstance(x, np.ndarray) else x


def is_known(x, number):
    """Return whether x is this number, and known now."""
    return not isinstance(x, Atom) and x is not None and not isinstance(x, bool) and x == number


# Text

def text_of(x):
    """Return a number as JavaScript."""
    if isinstance(x, Atom):
        return x.name
    if x is None:
        return "null"
    if isinstance(x, (bool, np.bool_)):
        return "true" if x else "false"
    if x != x:
        return "NaN"
    if x in (np.inf, -np.inf):
        return "Infinity" if x > 0 else "(-Infinity)"
    text = repr(int(x)) if x == int(x) and abs(x) < 1e15 and str(x) != "-0.0" else repr(float(x))
    return f"({text})" if text.startswith("-") else text


def js_path(path):
    """Return the path of an item as JavaScript: s.v for s["v"]."""
    return re.sub(r'\["([A-Za-z_]\w*)"\]', r".\1", path)


def js_string(text):
    """Return a string as JavaScript."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def structure_js(x):
    """Return a structure of values as JavaScript."""
    if isinstance(x, dict):
        return "{" + ", ".join([f"{js_string(str(key))}: {structure_js(item)}" for key, item in x.items()]) + "}"
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return structure_js(x[()])
    if isinstance(x, (list, tuple, np.ndarray)):
        return "[" + ", ".join(map(structure_js, x)) + "]"
    if isinstance(x, str):
        return js_string(x)
    text = text_of(x)
    return text[1:-1] if text.startswith("(") else text


def without_unused(lines, needed=()):
    """Return statements without those whose value is not needed, and the names that the statements need."""
    needed, kept = set(needed), []
    for line in reversed(lines):
        kind, *parts = line
        if kind == "if":
            (then, one), (otherwise, other) = (without_unused(side, needed) for side in parts[1:])
            needed |= one | other | words(parts[0])
            kept.append(("if", parts[0], then, otherwise))
        elif kind != "let" or parts[0] in needed:
            needed |= words(parts[-1])
            kept.append(line)
    return kept[::-1], needed


def words(text):
    """Return the names in a piece of JavaScript."""
    return set(re.findall(r"[A-Za-z_]\w*", text))


def printed(lines, depth):
    """Yield the text of statements, indented."""
    indent = "  " * depth
    for kind, *parts in lines:
        if kind == "let":
            yield f"{indent}const {parts[0]} = {parts[1]};\n"
        elif kind == "do":
            yield f"{indent}{parts[0]};\n"
        elif kind == "return":
            yield f"{indent}return {parts[0]};\n"
        else:
            condition, then, otherwise = parts
            yield f"{indent}if ({condition}) {{\n"
            yield from printed(then, depth + 1)
            yield f"{indent}}} else {{\n"
            yield from printed(otherwise, depth + 1)
            yield f"{indent}}}\n"
