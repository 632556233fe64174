"""`program` writes a function out; a `Program` is the result: you can read, call, check and keep it."""

import base64
import itertools
import linecache
import os
import sys
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, TextIO

import numpy as np

from ..structure import arrays_in
from .arguments import (
    apart,
    described,
    fingerprint,
    form_of,
    in_c_order,
    mapped_numbers,
    moved,
    nesting_tests,
    same_form,
)
from .calls import Call, Refused, calls_in, mapped
from .colours import for_notebook, for_terminal
from .expressions import array_text
from .layout import Layout, paths_in, uniform, written_out
from .simplifications import VIEWS, remade, simplified
from .titles import name_results, parameter_names, title_of
from .trace import depends_on_objects, numbers_of, steady_trace

number_of_program = itertools.count(1).__next__
TOLERANCE = 1e-9  # how far off a program may be if sums are taken in another order


def program(function: Callable[..., Any], *examples: Any, assume: bool = False, retrace: bool = False,
            simplify: bool = True) -> "Program":
    """Return the straight-line program that NumPy runs when `function` is called with arguments like the examples.

    The function is run a few times on arrays that note every NumPy call made with them: the forward pass, the walk
    back, an update, or anything else. The calls, in order, are the program.

    Parameters
    ----------
    function : callable
        Takes and returns arrays, numbers, and lists, tuples and dictionaries of them; computed with NumPy. It may use
        minigrad: `minigrad.value_and_grad(f)` is such a function.
    *examples : array_like
        Arguments to try the function with. The program works for their shapes and dtypes. Their numbers do not matter,
        but the function must be defined there. A number is an argument as well. True, None and strings are frozen.
    assume : bool, default False
        Where the function branches on a number of the run, follow the branch that the examples take, and assert in the
        program that it is taken. By default the branch is refused, except in `minigrad.nn`: what its losses check of
        labels is always assumed.
    retrace : bool, default False
        Write a new program when it is called with other shapes or dtypes, instead of raising an error.
    simplify : bool, default True
        Leave out what a person would leave out. False shows every call as it was made.

    Returns
    -------
    Program

    Raises
    ------
    TypeError
        If the function is not a straight line. The message names your line that prevents it: it branches on a number,
        takes one out (`float(x)`, `x.tolist()`), uses random numbers, or passes numbers to code that NumPy cannot
        record.

    Notes
    -----
    Arrays that the function closes over are read again at each call. Arrays that it makes itself and that do not depend
    on its arguments are frozen, and shown.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> def rosenbrock(p):
    ...     x, y = p
    ...     a = 1 - x
    ...     b = y - x**2
    ...     return a**2 + 100 * b**2
    >>> gradient = minigrad.program(minigrad.grad(rosenbrock), np.array([-1.5, 2.0]))
    >>> gradient(np.array([0.0, 1.0]))
    array([ -2., 200.])
    """
    if not callable(function):
        raise TypeError("minigrad.program takes a function and example arguments: write minigrad.program(f, x); "
                        f"got {function!r}")
    return Program(function, examples, assume, retrace, simplify)


class Program:
    """A function written out: its text, and the code that runs it.

    Attributes
    ----------
    text : str
        The function in Python, without the imports and arrays that it needs.
    function : callable
        The function that was written out.
    frozen : dict
        The frozen arrays, by their names in the text.
    free : dict
        For each array that is read at each call, by its name in the text, a function that returns it.
    """

    def __init__(self, function, examples, assume=False, retrace=False, simplify=True):
        self.function, self.examples = function, examples
        self.options = {"assume": assume, "simplify": simplify}
        self.others = {} if retrace else None
        self.parameters = parameter_names(function, len(examples))
        self.__name__ = title_of(function)
        self.trace, others = steady_trace(function, examples, self.parameters, "assume" if assume else "refuse")
        self.layout = self.laid_out(simplify)
        self.text = written_out(self.layout)
        self.frozen = self.layout.constants
        self.free = {name: self.trace.free.readers[path] for path, name in self.layout.free.items()}
        self.free_forms = {self.layout.free[call.path]: call for call in self.trace.inputs
                           if call.path in self.layout.free}
        self.run, self.fits = self.compiled(), self.quick_check()
        watch = depends_on_objects(self.trace, function, examples, self.parameters, "assume" if assume else "refuse")
        self.watched = [(path, array, fingerprint(array)) for path, _, array in self.trace.behind.values() if watch]
        self.prove(others)

    def laid_out(self, simplify):
        """Return the Layout of the program, simplified or not."""
        trace = self.trace
        free = {call.path: call for call in trace.inputs if call.path in trace.free.readers}
        name_results(self.function, trace)
        steps, result, writes, rebound = trace.calls, trace.result, trace.writes, trace.rebound
        if simplify:
            paths = [path for path, _ in rebound]
            steps, (result, items), writes = simplified(steps, (result, [x for _, x in rebound]), writes)
            writes = set_aside(writes, steps)
            result, rebound = handed_out(result, trace, steps), list(zip(paths, items))
        return Layout(trace.args, self.parameters, steps, result, writes, rebound, free, self.__name__,
                      raw=not simplify)

    def compiled(self):
        """Return the function of the text, whose lines debuggers and tracebacks can find."""
        self.filename = f"<minigrad.program {number_of_program()}: {self.__name__}>"
        names = {"np": np, **self.frozen}
        for text in self.layout.own.values():
            exec(text, names)
        linecache.cache[self.filename] = len(self.text), None, self.text.splitlines(True), self.filename
        exec(compile(self.text, self.filename, "exec"), names)
        self.names, run = names, names[self.__name__]
        weakref.finalize(run, linecache.cache.pop, self.filename, None)
        return run

    def prove(self, others):
        """Run the text where the function itself was run, and raise an error if the results differ."""
        for trace in (self.trace, *others):
            if [x.outcome for x in trace.assertions] == [x.outcome for x in self.trace.assertions]:
                for name in self.free:
                    self.names[name] = trace.free_numbers[name_of_path(self.layout, name)]
                args = trace.arguments()
                with np.errstate(all="ignore"):
                    worst = apart([self.run(*args), *args], trace.numbers)
                if worst > TOLERANCE:
                    raise Refused(f"{self.__name__} does something that its program does not: they differ by "
                                  f"{worst:.1g}. Some of what it computes could not be recorded")

    # Calls

    def __call__(self, *args: Any) -> Any:
        """Run the program."""
        try:
            fits = self.fits(*args)
        except (TypeError, KeyError, IndexError, AttributeError):  # another number of arguments, or another nesting
            fits = False
        if not (fits or self.accepts(args)):
            if self.others is None:
                raise self.complaint(args)
            return self.retraced(args)(*args)
        for name, read in self.free.items():
            self.names[name] = self.checked_free(name, read())
        for path, array, before in self.watched:
            if fingerprint(array) != before:
                raise RuntimeError(f"{path} has changed since {self.__name__} was written, and may have gone into a "
                                   "frozen number: write the program again, or pass the array as an argument")
        try:
            return self.run(*args)
        except AssertionError as error:
            raise AssertionError(f"{self.__name__} was written for another branch: write a program with these "
                                 "arguments as the example") from error

    def checked_free(self, name, array):
        """Return an array that is read at each call; raise an error if its form has changed since then."""
        form = self.free_forms[name]
        if array.shape != form.shape or array.dtype != form.dtype:
            raise TypeError(f"{self.__name__} was written for {name} = {form.dtype} array of shape {form.shape}; it is "
                            f"{described(array)} now: write the program again")
        return array

    def quick_check(self):
        """Return a function of the arguments that quickly confirms, in the common case, that they have the right form.

        It is written out too: `type(p) is ndarray and p.shape == (2,) and p.dtype is dtype0`.
        """
        names, tests = {"ndarray": np.ndarray}, []
        for parameter, arg in zip(self.parameters, self.trace.args):
            tests += nesting_tests(arg, parameter)
            for call, path, _ in paths_in(arg, parameter):
                if call.kind == "array":
                    names[f"dtype{len(names)}"] = call.dtype
                    tests.append(f"type({path}) is ndarray and {path}.shape == {call.shape} and "
                                 f"{path}.dtype is dtype{len(names) - 1}")
                else:
                    names[f"type{len(names)}"] = call.dtype.type if call.kind == "scalar" else call.dtype
                    tests.append(f"type({path}) is type{len(names) - 1}")
        if self.trace.asked_for_layout:
            tests = ["False"]
        return eval(f"lambda {', '.join(self.parameters)}: {' and '.join(tests) or 'True'}", names)

    def accepts(self, args):
        """Return whether arguments have the form of the examples."""
        return len(args) == len(self.examples) and all(map(same_form, self.trace.args, args)) and (
            not self.trace.asked_for_layout or all(map(in_c_order, arrays_in(list(args)))))

    def retraced(self, args):
        """Return the program for arguments of this form, written when it is first needed."""
        key = tuple(map(form_of, args))
        if key not in self.others:
            self.others[key] = Program(self.function, args, **self.options)
        return self.others[key]

    def complaint(self, args):
        """Return the error for arguments of another form."""
        for name, example, arg in zip(self.parameters, self.examples, args):
            if form_of(example) != form_of(arg):
                return TypeError(f"{self.__name__} was written for {name} = {described(example)}; got "
                                 f"{described(arg)}: write a program for that too, or pass retrace=True")
        if len(args) == len(self.examples):
            return TypeError(f"{self.__name__} depends on how its arguments lie in memory, and was written for arrays "
                             "in C order: pass np.ascontiguousarray(x)")
        return TypeError(f"{self.__name__} takes {len(self.examples)} arguments, {', '.join(self.parameters)}; "
                         f"got {len(args)}")

    def check(self, *places: tuple) -> float:
        """Compare the program with the function itself, and return the largest difference.

        Parameters
        ----------
        *places : tuple
            Further arguments, each a tuple, to compare at; the examples and a few places around them are always tried.

        Returns
        -------
        float
            The largest difference between two numbers, relative to the larger of them and 1; NaN counts as equal to
            NaN.
        """
        rng = np.random.default_rng(0)
        around = [tuple([mapped_numbers(partial(moved, rng), x) for x in self.examples]) for _ in range(8)]
        return max(self.difference(args) for args in [self.examples, *around, *places])

    def difference(self, args):
        """Return the largest difference at one place."""
        copies = [tuple([mapped_numbers(np.copy, x) for x in args]) for _ in range(2)]
        with np.errstate(all="ignore"):
            try:
                expected = self.function(*copies[0])
            except (ArithmeticError, ValueError):
                return 0.0
            found = self(*copies[1])
        return apart([found, *copies[1]], numbers_of([expected, *copies[0]]))

    # Text

    def __str__(self):
        return self.heading() + self.text

    def __repr__(self):
        return f"<Program {self.__name__}({', '.join(self.parameters)})>"

    def show(self, file: TextIO | None = None) -> None:
        """Print the program, in colour if `file` (standard output by default) is a terminal."""
        file = file or sys.stdout
        print(for_terminal(str(self)) if file.isatty() else str(self), file=file, end="")

    def _repr_html_(self):
        return for_notebook(str(self))

    def heading(self):
        """Return the lines above the function: what it freezes, and what it reads at each call."""
        lines = [f"# {name}: {described(read())}, read at each call" for name, read in self.free.items()]
        for name, array in self.frozen.items():
            text = array_text(array) if array.size <= 30 else ""
            lines.append(f"{name} = {text}" if text else f"# {name}: {described(array)}, frozen")
        return "\n".join([*lines, "", ""]) if lines else ""

    def source(self):
        """Return the whole program as a file that needs only NumPy."""
        parts = [f'"""{self.__name__}, written out by minigrad.program."""', "import numpy as np"]
        arrays = {**self.frozen, **{name: read() for name, read in self.free.items()}}
        parts += [f"{name} = {embedded(np.asarray(array))}" for name, array in arrays.items()]
        if any("base64" in part for part in parts):
            parts[1] = "import base64\n\nimport numpy as np"
        return "\n\n".join([*parts, *[f"\n{text.rstrip()}" for text in self.layout.own.values()], f"\n{self.text}"])

    def save(self, path: str | os.PathLike) -> None:
        """Write the program into a file that needs only NumPy.

        Arrays that it closes over are written as they are now.

        Parameters
        ----------
        path : str or path
            Where to; an existing file is replaced.
        """
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.source())


# Results

def set_aside(writes, steps):
    """Return the writes to arguments, with copies of arrays that another write could overwrite before they are read."""
    written = {id(argument) for argument, _ in writes}
    kept = []
    for argument, value in writes:
        if id(memory_of(value)) in written and value is not argument:
            value = remade(value, (value,), {}, np.copy)
            value.name = value.slope_of = None
            steps.append(value)
        kept.append((argument, value))
    return kept


def memory_of(value):
    """Return the value whose memory a value uses: its own, or that of the array it is a view of."""
    while value.function in VIEWS and isinstance(value.args[0], Call):
        value = value.args[0]
    return value


def handed_out(result, trace, steps):
    """Return the result with copies where two parts, or a part and an argument, would share memory."""
    owned = {id(call) for call in calls_in(trace.result) if call.function is not None and call.function not in VIEWS}
    given, originals = set(), iter(calls_in(trace.result))
    of_arguments = [call.memory for call in trace.inputs]

    def own(x):
        if not isinstance(x, Call):
            return mapped(own, x)
        before = next(originals)
        memory = memory_of(x)
        shared = memory.function is None or id(memory) in given or (
            memory.memory is not before.memory and any(memory.memory is x for x in of_arguments))
        given.add(id(memory))
        frozen = x.array is not None and not uniform(x.array)
        if not (frozen or (id(before) in owned and shared and x.array is None)) or x.kind != "array":
            return x
        copy = remade(x, (x,), {}, np.copy)
        copy.name = copy.slope_of = None
        steps.append(copy)
        return copy
    return own(result)


def embedded(array):
    """Return an array as an expression: as text if it is small, otherwise as its bytes."""
    if array.size <= 400:
        return array_text(array)
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return f"np.frombuffer(base64.b64decode({data!r}), {array.dtype.str!r}).reshape({array.shape}).copy()"


def name_of_path(layout, name):
    """Return the path of an array that is read at each call, by its name in the text."""
    return next(path for path, own in layout.free.items() if own == name)
