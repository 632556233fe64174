"""One step told line by line, by the code that runs.

`explain` lets the optimizer take a real step and listens: for each line of its `update` that Python executes it keeps the line, the
names that the line set, and the numbers that went in. No formula is written a second time, so a student's own optimizer is
explained as well as a built-in one. `worksheet` makes an exercise out of the same lines.
"""

import ast
import inspect
import linecache
import sys
import textwrap
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import cache

import numpy as np

from . import optimizer as interface
from .optimizer import Optimizer, UpdateRule

INTERFACE = interface.__file__  # of this file only the line that moves the parameter is told
SMALL = 4  # arrays up to this size are written out


@dataclass
class Row:
    """One executed line: where it stands, what it set, and its formula with the numbers that went in.

    `values` maps each name that the line set to a copy of its value; `before` maps the names it read to copies of theirs.
    """

    step: int
    parameter: int
    rule: str
    method: str
    file: str
    line: int
    source: str
    values: dict
    before: dict
    formula: str


class Explanation:
    """What happened in one or several steps. Shown in a terminal as text, in a notebook as a table.

    Attributes
    ----------
    rows : list of Row
    """

    def __init__(self, optimizer, rows, settings):
        self.optimizer, self.rows, self.settings = optimizer, rows, settings

    def sections(self):
        """Yield (title, rows) for each method call, in the order of execution."""
        current, section = None, []
        for row in self.rows:
            key = row.step, row.parameter, row.rule, row.method
            if key != current and section:
                yield self._title(current), section
                section = []
            current = key
            section.append(row)
        if section:
            yield self._title(current), section

    def _title(self, key):
        step, parameter, rule, method = key
        return f"step {step}, parameter {parameter}: {rule}.{method}"

    def text(self, width=None, colour=False):
        """Return the explanation as aligned text, wrapped to `width` columns (the terminal's by default)."""
        import shutil  # here, like html below, to keep `import optim` short

        width = width or shutil.get_terminal_size().columns
        bold, dim, plain = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if colour else ("", "", "")
        lines = [f"{bold}{self.optimizer}{plain}", *self.settings]
        for title, rows in self.sections():
            lines += ["", f"{bold}{title}{plain}  {dim}{rows[0].file}{plain}"]
            for row in rows:
                lines += textwrap.wrap(f"{row.line:>5}  {row.source}", width, subsequent_indent=" " * 11)
                lines += [dim + line + plain for line in
                          textwrap.wrap(row.formula, width, initial_indent=" " * 11, subsequent_indent=" " * 13)]
        return "\n".join(lines)

    def show(self, file=None):
        """Print the explanation, in colour if `file` (standard output by default) is a terminal."""
        file = file or sys.stdout
        print(self.text(colour=file.isatty()), file=file)

    def markdown(self):
        """Return the explanation as Markdown, a table for each method call."""
        parts = [f"**{self.optimizer}**", *self.settings]
        for title, rows in self.sections():
            table = [f"| `{escape(row.source)}` | {'`' + escape(row.formula) + '`' if row.formula else ''} |" for row in rows]
            parts.append("\n".join([f"*{title}*", "", "| line | with numbers |", "| --- | --- |", *table]))
        return "\n\n".join(parts) + "\n"

    def _repr_html_(self):
        import html

        parts = [f"<b>{html.escape(str(self.optimizer))}</b>", *map(html.escape, self.settings)]
        for title, rows in self.sections():
            cells = "".join(f"<tr><td style='text-align:right'>{row.line}</td><td style='text-align:left'><code>"
                            f"{html.escape(row.source)}</code></td><td style='text-align:left'><code>"
                            f"{html.escape(row.formula)}</code></td></tr>" for row in rows)
            parts.append(f"<table><caption>{html.escape(title)}</caption>{cells}</table>")
        return "<br>".join(parts)

    def __repr__(self):
        return self.text()


def explain(optimizer, closure=None, *, steps=1, keep=False, parameter=None, element=None):
    """Take a real step and tell it line by line.

    Parameters
    ----------
    optimizer : Optimizer
        With gradients in its parameters, or with a `closure`.
    closure : callable, optional
        Computes the loss and the gradients, as for `step`; needed where `steps` > 1 shall see fresh gradients.
    steps : int, default 1
        How many steps to take; without a closure all of them use the gradients that are there.
    keep : bool, default False
        Whether the parameters and the optimizer keep the steps. Otherwise both are left as they were.
    parameter : int, optional
        Tell only of the parameter with this number, in the order of the groups.
    element : int or tuple, optional
        Tell only of this element of each parameter: the formulas then hold plain numbers.

    Returns
    -------
    Explanation

    Examples
    --------
    >>> import optim
    >>> p = optim.Parameter([1.0])
    >>> p.grad = 2 * p.data
    >>> print(optim.explain(optim.SGD([p], lr=0.1)).rows[-1].formula)
    data = 1 - 0.1 * 2 = 0.8
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"explain takes an optimizer, not {optimizer!r}")
    params = [param for group in optimizer.param_groups for param in group["params"]]
    if closure is None and all(param.grad is None for param in params):
        raise ValueError("no parameter has a gradient: call backward first, or pass a closure that does")
    title, settings = repr(optimizer), list(learning_rates(optimizer))
    kept = [(param.data.copy(), param.grad) for param in params]
    acting = optimizer if keep else deepcopy(optimizer, {id(param): param for param in params})
    listener = Listener(acting, params, element)
    try:
        for listener.step in range(1, steps + 1):
            with whole_arrays(), listener.listening():
                acting.step(closure)
    finally:
        if not keep:
            for param, (data, grad) in zip(params, kept):
                param.data[...] = data
                param.grad = grad
    rows = [row for row in listener.rows if parameter is None or row.parameter == parameter]
    return Explanation(title, rows, settings)


def learning_rates(optimizer):
    """Yield a line on the learning rate of each group, and where it comes from."""
    for number, group in enumerate(optimizer.param_groups):
        if "lr" in group:
            origin = f", scheduled from {show(group['initial_lr'])}" if "initial_lr" in group else ""
            yield f"group {number}: lr = {show(group['lr'])}{origin}"


# Listening

class Listener:
    """Collects a Row for each line that the methods of update rules execute."""

    def __init__(self, optimizer, params, element):
        self.params, self.element = params, element
        self.rows, self.step, self.number, self.shape, self.phi = [], 0, 0, None, None

    @contextmanager
    def listening(self):
        """Trace calls inside; a debugger or a coverage tool that traces already gets its place back."""
        earlier = sys.gettrace()
        sys.settrace(self.called)
        try:
            yield
        finally:
            sys.settrace(earlier)

    def called(self, frame, event, arg):
        """Return a listener for the lines of a rule's method, None for any other function."""
        name, rule = frame.f_code.co_name, frame.f_locals.get("self")
        if name.startswith(("<", "__")) or not isinstance(rule, UpdateRule):
            return None
        if name == "move":
            self.number = next(i for i, param in enumerate(self.params) if param is frame.f_locals["param"])
            self.shape = self.params[self.number].data.shape
        if name != "move" and frame.f_code.co_filename in (INTERFACE, __file__):
            return None
        return MethodListener(self, frame, type(rule).__name__).heard


class MethodListener:
    """Listens to one call of a method: when a line is left, what it has set is known."""

    def __init__(self, listener, frame, rule):
        self.listener, self.frame, self.rule = listener, frame, rule
        self.statements = statements(frame.f_code)
        self.statement, self.before = None, {}

    def heard(self, frame, event, arg):
        """Finish the line before, and begin the one that is about to run."""
        if event in ("line", "return"):
            statement = self.statements.get(frame.f_lineno) if event == "line" else None
            if statement is None or statement is not self.statement:
                self.finish(arg if event == "return" else None)
                self.statement = statement
                self.before = snapshot(reads(statement), frame.f_locals) if statement is not None else {}
        return self.heard

    def finish(self, returned):
        """Add a row for the statement that has just run."""
        statement, listener = self.statement, self.listener
        method = self.frame.f_code.co_name
        moves = isinstance(statement, ast.AugAssign) and "data" in targets(statement)
        if statement is None or (self.frame.f_code.co_filename == INTERFACE and not moves):
            return
        if isinstance(statement, ast.Return):
            values = {"φ" if method == "update" else "result": deepcopy(returned)}
            if method == "update":
                listener.phi = values["φ"]
        else:
            values = snapshot(targets(statement), self.frame.f_locals)
        formula = Formula(statement, self.before, values, listener).text()
        listener.rows.append(Row(listener.step, listener.number, self.rule, method, self.frame.f_code.co_filename,
                                 statement.lineno, source_of(statement, self.frame.f_code.co_filename), values, self.before, formula))


@contextmanager
def whole_arrays():
    """Let `update` be given whole arrays inside, not pieces."""
    earlier, interface.PIECE = interface.PIECE, sys.maxsize
    try:
        yield
    finally:
        interface.PIECE = earlier


# Statements

@cache
def statements(code):
    """Return the statement that stands on each line of a function: of a compound one, its head."""
    lines, first = inspect.getsourcelines(code)
    tree = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(tree, first - 1)
    found = {}
    for node in ast.walk(tree.body[0]):
        if isinstance(node, ast.stmt) and node is not tree.body[0]:
            last = node.body[0].lineno - 1 if getattr(node, "body", None) else node.end_lineno
            found.update(dict.fromkeys(range(node.lineno, max(node.lineno, last) + 1), node))
    return found


def source_of(statement, file):
    """Return the lines of a statement as one line; of a compound one, its head."""
    last = statement.body[0].lineno - 1 if hasattr(statement, "body") else statement.end_lineno
    lines = [linecache.getline(file, number).strip() for number in range(statement.lineno, max(statement.lineno, last) + 1)]
    return " ".join(lines)


def reads(statement):
    """Return the names, and the entries such as state["step"], that a statement reads."""
    nodes = [statement.value] if isinstance(statement, (ast.Assign, ast.Return, ast.Expr)) else [statement]
    if isinstance(statement, ast.AugAssign):
        nodes = [statement.value, statement.target]
    elif getattr(statement, "body", None):
        nodes = [getattr(statement, "test", None) or getattr(statement, "iter", None)]
    return dict.fromkeys(ast.unparse(node) for top in nodes if top is not None for node in ast.walk(top) if is_place(node))


def targets(statement):
    """Return the names, and the entries such as state["step"], that a statement sets."""
    if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For)):
        tops = getattr(statement, "targets", None) or [statement.target]
        places = [node for top in tops for node in outermost_places(top)]
    else:
        places = []
    walrus = [node.target for node in ast.walk(statement) if isinstance(node, ast.NamedExpr)] if not hasattr(statement, "body") else []
    return dict.fromkeys(ast.unparse(node) for node in places + walrus)


def is_place(node):
    """Tell whether an expression is a name or an entry under a constant key."""
    return isinstance(node, ast.Name) or (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
                                          and isinstance(node.slice, ast.Constant))


def outermost_places(node):
    """Yield the places of a target, with those inside of tuples: of x[i] = ..., the array x."""
    if is_place(node):
        yield node
    elif isinstance(node, (ast.Tuple, ast.List)):
        for element in node.elts:
            yield from outermost_places(element)
    elif isinstance(node, (ast.Subscript, ast.Starred)):
        yield from outermost_places(node.value)


def snapshot(places, names):
    """Return copies of the values of those places that exist."""
    values = {}
    for place in places:
        name, _, key = place.partition("[")
        if name in names:
            try:
                value = names[name][ast.literal_eval(key[:-1])] if key else names[name]
            except (KeyError, IndexError, TypeError):
                continue
            if isinstance(value, (np.ndarray, np.generic, int, float, tuple, bool, type(None))):
                values[place] = deepcopy(value)
    return values


# Formulas

class Formula(ast.NodeTransformer):
    """Writes a statement with the numbers in the place of the names."""

    def __init__(self, statement, before, values, listener):
        self.statement, self.before, self.values, self.listener = statement, before, values, listener

    def text(self):
        """Return "name = expression in numbers = result"; the result alone where the expression says no more."""
        results = [f"{name} = {self.shown(value)}" for name, value in self.values.items()]
        if len(results) != 1 or not isinstance(self.statement, (ast.Assign, ast.AugAssign, ast.Return)):
            return ", ".join(results)
        (name, value), = self.values.items()
        expression = copy(self.statement.value)
        if isinstance(self.statement, ast.AugAssign):
            expression = ast.BinOp(deepcopy(self.statement.target), self.statement.op, deepcopy(expression))
        in_numbers = ast.unparse(ast.fix_missing_locations(self.visit(deepcopy(expression))))
        result = self.shown(value)
        return f"{name} = {in_numbers} = {result}" if in_numbers.strip("()") != result else f"{name} = {result}"

    def visit_Name(self, node):
        return self.number(ast.unparse(node), node)

    def visit_Subscript(self, node):
        return self.number(ast.unparse(node), node) if is_place(node) else self.generic_visit(node)

    def visit_Call(self, node):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "update" and self.listener.phi is not None:
            return self.written(self.listener.phi, node)
        node.args = [self.visit(arg) for arg in node.args]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        return node

    def visit_IfExp(self, node):
        if isinstance(node.test, ast.Name) and node.test.id in self.before:
            return self.visit(node.body if self.before[node.test.id] else node.orelse)
        return self.generic_visit(node)

    def number(self, place, node):
        return self.written(self.before[place], node) if place in self.before else node

    def written(self, value, node):
        """Return the value as part of an expression, or the expression as it was if the value is large."""
        value = self.picked(value)
        if value is None or isinstance(value, (bool, tuple)) or (isinstance(value, np.ndarray) and value.size > SMALL):
            return node
        text = show(value)
        return ast.Name(f"({text})" if text.startswith("-") else text, ast.Load())

    def picked(self, value):
        """Return the element that was asked for, of an array shaped like the parameter."""
        if isinstance(value, np.ndarray):
            if self.listener.element is not None and value.shape == self.listener.shape:
                return value[self.listener.element]
            if value.size == 1:
                return value.item()
        return value

    def shown(self, value):
        return show(self.picked(value))


def show(value):
    """Return a number, a small array or the summary of a large one in words."""
    if isinstance(value, np.ndarray):
        if value.size <= SMALL:
            return "[" + ", ".join(show(item) for item in value.ravel()) + "]"
        return (f"array of shape {value.shape}: min {value.min():.4g}, mean {value.mean():.4g}, "
                f"max {value.max():.4g}, norm {np.linalg.norm(value):.4g}")
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(show, value)) + ")"
    return str(value)


def escape(text):
    """Return text that may stand in a cell of a Markdown table."""
    return text.replace("|", "\\|")
