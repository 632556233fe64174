"""Tracing a step: the lines that Python executes in each method, what they read, and what they set.

A `Tracer` is passed to `sys.settrace` during a step. It follows the methods of update rules, and the
functions in their files that they call. Classes that many optimizers share mark themselves as machinery, with an
attribute `machinery`. Only those of their lines are shown that move a parameter: its array changed while they ran.
"""

import ast
import inspect
import sys
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from ..interface.hooks import call
from ..interface.optimizer import Optimizer, UpdateRule
from ..interface.words import show
from ..transform import Link
from .formulas import (
    Formula,
    equations,
    first_line,
    indentation,
    is_call_of_one,
    is_renaming,
    is_showable,
    reads,
    snapshot,
    source_lines,
    statements,
    targets,
)


def codes_of(cls):
    """Return the code objects of the methods and properties that are defined in a class."""
    members = list(vars(cls).values())
    members += [member.fget for member in members if isinstance(member, property)]
    return {inspect.unwrap(getattr(member, "__func__", member)).__code__ for member in members
            if hasattr(getattr(member, "__func__", member), "__code__")}


def machinery_of(rule, code):
    """Return the mark `machinery` of the class that defines a method of a rule, or None if it has none.

    The mark holds the names of methods that are not traced: the line that calls them is shown instead.
    """
    for cls in type(rule).__mro__:
        if code in codes_of(cls):
            return vars(cls).get("machinery")
    return () if code.co_filename in AROUND_STEP else None


AROUND_STEP = {call.__code__.co_filename}  # the functions there are wrapped around the `step` of every class


@dataclass
class Row:
    """One executed line: where it is, what it set, and its formula with the numbers that went in.

    Attributes
    ----------
    step : int
        From 1.
    parameter : int or None
        The parameter's number in the order of the groups; None for a line that concerns all.
    rule, method : str
        Such as "Adam" and "update".
    call, depth : int
        The call of a method in this step that it belongs to, and how many other shown calls are around it.
    file : str
    line : int
        The number of the first line.
    source : str
        The line, or lines, without the indentation of the method; "" if Python has kept no source.
    before, values : dict
        Copies of what the line read, and of what it set.
    equations : list of (name, text or None, text)
        For each value: its name, the expression in numbers if it adds anything to the result, and the result.
    renamed : set of str
        The names of values that the line has not calculated, but found elsewhere.
    formula : str
        The same as one text.
    moved : bool
        Whether a parameter has moved.
    """

    step: int
    parameter: int | None
    rule: str
    method: str
    call: int
    depth: int
    file: str
    line: int
    source: str
    before: dict = field(repr=False)
    values: dict = field(repr=False)
    equations: list = field(repr=False)
    renamed: set = field(repr=False)
    formula: str
    moved: bool = False


class Tracer:
    """Collects a Row for each line that is shown.

    Parameters
    ----------
    optimizer : Optimizer
    params : list
        All parameters.
    element : int, tuple or None
        The element that formulas show of arrays like the parameter.
    closure : callable or None
        What computes the gradients; it is not shown.
    """

    def __init__(self, optimizer, params, element, closure):
        self.params, self.element = params, element
        self.numbers = {id(thing): i for i, param in enumerate(params) for thing in (param, param.data)}
        self.closure = getattr(getattr(closure, "__func__", closure), "__code__", None)
        self.link_names = {}
        while optimizer is not None:
            self.link_names |= {id(link): name for name, link in getattr(optimizer, "links", {}).items()}
            optimizer = getattr(optimizer, "optimizer", None)
        self.rows, self.step, self.calls, self.phi, self.traced = [], 0, 0, None, {}
        self.machinery = {}  # by class of rules and code, what `machinery_of` returned
        self.note_positions()
        self.without_source = set()

    @contextmanager
    def tracing(self):
        """Trace calls inside, in this thread; a debugger or coverage tool that was tracing is restored afterwards."""
        earlier = sys.gettrace()
        sys.settrace(self.called)
        try:
            yield
        finally:
            sys.settrace(earlier)

    def called(self, frame, event, arg):
        """Return the tracer for the lines of a function that is shown, None for any other function."""
        code, caller = frame.f_code, self.traced.get(frame.f_back)
        if code.co_name.startswith("<") or code is self.closure:
            return None
        rule = frame.f_locals.get("self")
        if isinstance(rule, UpdateRule):
            if (type(rule), code) not in self.machinery:
                self.machinery[type(rule), code] = machinery_of(rule, code)
            mark = self.machinery[type(rule), code]
            if mark is not None and code.co_name in mark:
                return None
            kind = TracedCall if mark is None else TracedMachinery
        elif type(caller) is TracedCall and caller.code.co_filename == code.co_filename:
            kind, rule = TracedCall, caller.rule
        elif frame.f_back is not None and frame.f_back.f_code is call.__code__ and code.co_argcount:  # a hook
            kind, rule = TracedCall, frame.f_locals[code.co_varnames[0]]
        else:
            return None
        try:
            statements(code)
        except (OSError, SyntaxError):
            self.without_source.add(f"{type(rule).__name__}.{code.co_name}")
            kind = TracedValues
        return kind(self, frame, rule, self.traced.get(self.enclosing(frame))).on_event

    def has_moved(self):
        """Return whether a parameter has moved since the last line that was shown."""
        return any(not np.array_equal(param.data, before, equal_nan=True)
                   for param, before in zip(self.params, self.positions))

    def note_positions(self):
        """Remember where the parameters are."""
        self.positions = [param.data.copy() for param in self.params]

    def enclosing(self, frame):
        """Return the innermost frame around this one that has a tracer."""
        frame = frame.f_back
        while frame is not None and frame not in self.traced:
            frame = frame.f_back
        return frame

    def name_of(self, rule, frame):
        """Return the name of a rule; if it is the rule of a link, with the name of the link before it."""
        own = self.link_names.get(id(rule), type(rule).__name__)
        while frame is not None and not isinstance(rule, Link):
            link = frame.f_locals.get("self")
            if id(link) in self.link_names:
                return f"{self.link_names[id(link)]}, {own}"
            frame = frame.f_back if isinstance(link, UpdateRule) else None
        return own

    def number_of(self, frame, inherited):
        """Return the number of the parameter that a call is about."""
        return self.numbers.get(id(frame.f_locals.get("param")), inherited)


def picked(value, element, shape):
    """Return the chosen element of an array shaped like the parameter; an array of one number as that number."""
    if isinstance(value, np.ndarray):
        if element is not None and value.shape == shape and has_element(value, element):
            return value[element]
        if value.size == 1:
            return value.item()
    return value


def has_element(array, element):
    """Return whether an array has a single element under this index."""
    try:
        return np.ndim(array[element]) == 0
    except IndexError:
        return False


class TracedCall:
    """Traces one call of a function. When Python leaves a line, its effects are known."""

    def __init__(self, tracer, frame, rule, outer):
        self.tracer, self.frame, self.rule, self.code = tracer, frame, rule, frame.f_code
        self.name = tracer.name_of(rule, frame.f_back)
        self.statement, self.before, self.failed, self.moved = None, {}, False, False
        self.read_source()
        self.number = tracer.number_of(frame, outer and outer.parameter_of(outer.statement))
        self.depth = outer.depth + (type(outer) is TracedCall) if outer else 0
        tracer.calls += 1
        self.call = tracer.calls
        tracer.traced[frame] = self

    def read_source(self):
        """Find the statement of each line, and how far all of them are indented."""
        self.statements = statements(self.code)
        self.margin = indentation([line for statement in self.statements.values()
                                   for line in source_lines(statement, self.code.co_filename)[:1]])

    def on_event(self, frame, event, arg):
        """Finish the line before, and begin the one that is about to run."""
        if event == "exception":
            self.failed = True
        elif event == "line":
            self.failed = False
            statement = self.statements.get(frame.f_lineno)
            if statement is not self.statement:
                self.finish(None, statement)
                self.begin(statement)
        elif event == "return":
            if not self.failed:
                self.finish(arg, None)
                if self.code.co_name == "update":
                    self.tracer.phi = deepcopy(arg) if is_showable(arg) else None
            del self.tracer.traced[frame]
        return self.on_event

    def begin(self, statement):
        """Take copies of what a statement, and those beside it, are about to read."""
        self.statement = statement
        places = [place for one in together(statement) for place in reads(one)]
        self.before = snapshot(places, self.frame.f_locals)

    def finish(self, returned, following):
        """Add a row for the statement that has just run, and those beside it."""
        statement = self.statement
        ended = isinstance(statement, ast.For) and following is not statement.body[0]
        self.moved = any(map(can_move, together(statement))) and self.tracer.has_moved()
        shown = [one for one in together(statement) if self.is_shown(one)]
        if not shown or ended:
            return
        values, found, renamed = self.shown_by(shown, returned)
        text = ", ".join(" = ".join(filter(None, parts)) for parts in found)
        text = text or decision(statement, following, Formula(self.before, self.tracer.phi, self.picked))
        source = "\n".join(line[self.margin:] for line in source_lines(statement, self.code.co_filename))
        self.add_row(first_line(statement), source, values, found, renamed, text)

    def shown_by(self, line, returned):
        """Return the values, the equations and the renamed names of the statements of a line, which has just run.

        Python reports when it leaves a line, not what happened on it. If one of the statements may not have run, or
        two of them set the same name, the values are shown without expressions.
        """
        values, found, renamed, known = {}, [], set(), not any(hasattr(one, "body") for one in line[:-1])
        for statement in line:
            new = self.set_by(statement, returned)
            known = known and not values.keys() & new.keys()
            formula = Formula(self.before | values, self.tracer.phi, self.picked)
            for name, expression, numbers, result in equations(statement, new, formula):
                found.append((name, numbers, result))
                if isinstance(statement, ast.For) or (expression is not None and is_renaming(expression)):
                    renamed.add(name)
            values |= new
        if not known:
            return values, [(name, None, show(self.picked(value))) for name, value in values.items()], set()
        return values, found, renamed

    def add_row(self, line, source, values, found, renamed, text):
        """Add a row to the explanation."""
        self.tracer.rows.append(Row(
            self.tracer.step, self.parameter_of(self.statement), self.name, self.code.co_name, self.call, self.depth,
            self.code.co_filename, line, source, self.before, values, found, renamed, text, self.moved))
        if self.moved:
            self.tracer.note_positions()

    def is_shown(self, statement):
        """Return whether a statement becomes a row."""
        return not isinstance(statement, (ast.Pass, ast.Try)) and not is_text(statement)

    def set_by(self, statement, returned):
        """Return what a statement has set, by name."""
        if isinstance(statement, ast.Return):
            name = "φ" if self.code.co_name == "update" else "result"
            if isinstance(returned, dict):
                name = "state" if self.code.co_name == "init_state" else name
                return {f"{name}[{key!r}]": deepcopy(value) for key, value in returned.items() if is_showable(value)}
            return {name: deepcopy(returned)} if returned is not None and is_showable(returned) else {}
        if is_call_of_one(statement) and self.moved:
            return {"θ": np.concatenate([param.data.ravel() for param in self.tracer.params])}
        values = snapshot(targets(statement), self.frame.f_locals)
        if isinstance(statement, ast.Expr):  # a call without a use of its result is there for what it changes
            values |= {name: value for name, value in snapshot(reads(statement), self.frame.f_locals).items()
                       if isinstance(value, np.ndarray) and not np.array_equal(value, self.before.get(name))}
        return {name: value for name, value in values.items() if not name.startswith("_")}

    def parameter_of(self, statement):
        """Return the number of the parameter that a statement is about: in a loop, the loop's."""
        if statement is not None and "param" in statement.looping:
            return self.tracer.number_of(self.frame, self.number)
        return self.number

    def picked(self, value):
        """Return the part of a value to show."""
        number = self.parameter_of(self.statement)
        return picked(value, self.tracer.element, None if number is None else self.tracer.params[number].data.shape)


class TracedValues(TracedCall):
    """Traces a call of a function whose source is not known, and shows for each line the values that changed."""

    def read_source(self):
        """Use the line numbers in the code object instead of statements."""
        lines = {line for _, _, line in self.code.co_lines() if line is not None}
        self.statements = {line: SimpleNamespace(lineno=line, looping=()) for line in lines}

    def begin(self, statement):
        """Take copies of all variables."""
        self.statement, self.before = statement, self.variables()

    def finish(self, returned, following):
        """Add a row for the line that has just run, if it has changed anything."""
        if self.statement is None:
            return
        self.moved = self.tracer.has_moved()
        values = {name: value for name, value in self.variables().items()
                  if name not in self.before or not np.array_equal(value, self.before[name])}
        if is_showable(returned) and returned is not None:
            values = {"φ" if self.code.co_name == "update" else "result": deepcopy(returned)}
        found = [(name, None, show(self.picked(value))) for name, value in values.items()]
        if found:
            text = ", ".join(f"{name} = {result}" for name, _, result in found)
            self.add_row(self.statement.lineno, "", values, found, set(), text)

    def variables(self):
        """Return copies of the numbers and arrays among the variables, and in dictionaries among them."""
        found = {}
        for name, value in self.frame.f_locals.items():
            entries = {f"{name}[{key!r}]": entry for key, entry in value.items()} if type(value) is dict else {}
            found |= entries or {name: value}
        return {name: deepcopy(value) for name, value in found.items()
                if isinstance(value, (np.ndarray, np.generic, int, float))}


class TracedMachinery(TracedCall):
    """Traces a method of the machinery: only lines that move a parameter are shown.

    One is the line of `Optimizer.descend` that moves an array; for `LazyRows` that is a copy of some rows.
    """

    def is_shown(self, statement):
        return self.moved or (self.code is Optimizer.descend.__code__ and isinstance(statement, ast.AugAssign))


def together(statement):
    """Return a statement after those on the same line, as a list; an empty one for None."""
    return [] if statement is None else [*statement.beside, statement]


def can_move(statement):
    """Return whether a statement can move a parameter itself: it changes an array in place, or only calls a method.

    Others, such as `return search(...)`, can call something that moves a parameter only for a trial.
    """
    if isinstance(statement, ast.Expr):
        return ast.unparse(statement).startswith("self.")
    in_place = isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript)
    return in_place or isinstance(statement, ast.AugAssign)


def is_text(statement):
    """Return whether a statement is a docstring."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def decision(statement, following, formula):
    """Return the test of an `if` or a `while` in numbers, and how it came out."""
    if not isinstance(statement, (ast.If, ast.While)) or following is None:
        return ""
    in_numbers, answer = formula.text_of(statement.test), "yes" if following is statement.body[0] else "no"
    return f"{in_numbers} → {answer}" if in_numbers != ast.unparse(statement.test) else f"→ {answer}"
