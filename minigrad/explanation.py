"""A backward pass explained step by step, by the code that runs.

`explain` calls `Tensor.backward` and follows it as a watcher of the tape: which gradient arrives at each operation,
which line of the rules passes it on, and to what, and where contributions add up. No derivative is computed twice.
"""

import html
import inspect
import linecache
import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np

from .digits import SMALL, brief, indexed, show
from .mode import in_mode
from .nn.module import Module
from .origins import Origin, Rememberer, names_at_return, names_in, origin_of, remember_lines
from .registry import each
from .rule_source import RuleSource, code_of, frames_at_return, source_of, with_numbers
from .structure import arrays_in, paths, rebuild
from .tape import FREED, AddInto, Node, fit, reachable, zeros_like
from .tensor import Tensor

VARIADIC = inspect.Parameter.VAR_POSITIONAL
HOME = os.path.dirname(os.path.dirname(__file__)) + os.sep  # the rules are shown by their place in the package


@dataclass
class Argument:
    """An argument of an operation: the result of another row (its `step`), or a constant (`step` is None)."""

    position: int
    step: int
    value: object
    name: str


@dataclass
class Contribution:
    """What one operation passes on to one of its arguments.

    Attributes
    ----------
    giver, receiver : int
        The steps of their rows.
    argument : int
        The position of the argument among those of the operation.
    rule : RuleSource
        File, line and text of the rule that computed it.
    formula : str
        The rule's formula with numbers instead of names; "" if the rule is not a single formula.
    returned : ndarray or None
        What the rule returned; None if that is added to a part of the receiver's gradient.
    value : ndarray
        The contribution in the shape of the receiver: summed where broadcasting stretched the receiver.
    before : ndarray or None
        What had already arrived at the receiver.
    """

    giver: int
    receiver: int
    argument: int
    rule: RuleSource
    formula: str
    returned: object
    value: object
    before: object


@dataclass
class Row:
    """A node of the graph: an operation, or a leaf, whose `operation` is "".

    Attributes
    ----------
    step : int
        Its number in the walk back, counted from 1; leaves come last.
    operation, settings, name : str
        The primitive, its settings ("axis=0"), and the reader's name of the result, if it has one.
    file, line, source : str, int, str
        The reader's line that made it; None, None and "" if it was not remembered.
    origin : Origin
        The same line, and the calls of modules around it.
    value : ndarray
    arguments : list of Argument
    gradient : ndarray or None
        The complete gradient, as it was passed on or stored; None if none arrived.
    received, contributions : lists of Contribution
        What arrived, and what was passed on, in the order of the walk.
    """

    step: int
    operation: str
    settings: str
    name: str
    origin: Origin
    value: object
    arguments: list = field(default_factory=list)
    gradient: object = None
    received: list = field(default_factory=list)
    contributions: list = field(default_factory=list)

    @property
    def arrived(self):
        """What has arrived so far: the sum of what was received, or None."""
        if not self.received:
            return None
        last = self.received[-1]
        return last.value if last.before is None else add(last.before, last.value)

    @property
    def file(self):
        """The file of the reader's line."""
        return self.origin.line and self.origin.line[0]

    @property
    def line(self):
        """The number of the reader's line."""
        return self.origin.line and self.origin.line[1]

    @property
    def source(self):
        """The text of the reader's line."""
        return linecache.getline(*self.origin.line).strip() if self.origin.line else ""

    @property
    def module(self):
        """The innermost module that ran, as in "Linear 0"; "" if none did, or it was not remembered."""
        return f"{self.origin.calls[-1].kind} {self.origin.calls[-1].path}".strip() if self.origin.calls else ""


class Explanation:
    """What happened in a backward pass. Shown in a terminal as text, in a notebook as tables.

    Attributes
    ----------
    rows : list of Row
        Operations, newest first, and then leaves.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def label(self, step: int) -> str:
        """Return what to call the row of this step: its name, its place in a named row, or its operation and step."""
        row = self.rows[step - 1]
        whole = row.arguments[0].name if row.operation == "getitem" else ""
        if row.name or whole:
            return row.name or whole + row.settings
        return f"{row.operation or 'leaf'}#{step}"

    @property
    def heading(self):
        """What the explanation is about, in a line."""
        count = sum(1 for row in self.rows if row.operation)
        operations = "1 operation" if count == 1 else f"{count} operations"
        known = all(row.file for row in self.rows if row.operation)
        hint = "" if known else ("; your lines are not known: run the forward pass inside minigrad.remember_lines(), "
                                 "or hand minigrad.explain the function")
        return f"backward from {self.label(1)} = {show(self.rows[0].value)}: {operations}, newest first{hint}"

    def sections(self):
        """Yield (title, lines) for each row; a line is (file, number, source, remark)."""
        for row in self.rows:
            lines = [(row.file, row.line, row.source, f"value {show(row.value)}"), (None, None, "", self.arrival(row))]
            for give in row.contributions:
                lines += [(give.rule.file, number, source, "") for number, source in give.rule.leading]
                lines.append((give.rule.file, give.rule.line, give.rule.text,
                              f"to {self.label(give.receiver)}: {described(give)}"))
            yield self.title(row), lines

    def title(self, row):
        """Return what a row did, as in "step 2: b = square(a)"."""
        if not row.operation:
            return f"leaf {self.label(row.step)}"
        name, module = f"{row.name} = " if row.name else "", f" in {row.module}" if row.module else ""
        return f"step {row.step}: {name}{self.call(row)}{module}"

    def call(self, row):
        """Return an operation with its arguments, as in "multiply(100, square#3)"."""
        given = [argument.name or (self.label(argument.step) if argument.step else brief(argument.value))
                 for argument in row.arguments]
        if row.operation == "getitem":
            return f"{given[0]}{row.settings}"
        return f"{row.operation}({', '.join(filter(None, [*given, row.settings]))})"

    def arrival(self, row):
        """Return where a row's gradient came from, and how it added up."""
        if row.gradient is None:
            return "gradient none: no derivative leads here"
        if not row.received:
            return f"gradient {show(row.gradient)}, where the walk starts"
        givers = " and ".join(self.label(give.giver) for give in row.received)
        total, last = row.gradient, row.received[-1]
        arrived = last.value if last.before is None else add(last.before, last.value)
        hooked = "" if same(arrived, total) else f"; a hook made it {show(total)}"
        if len(row.received) == 1:
            return f"gradient {show(arrived)}, from {givers}{hooked}"
        if sum(map(np.size, arrays_in(last.value))) > SMALL:
            return f"gradient {show(arrived)}, the sum of what came from {givers}{hooked}"
        terms = " + ".join(bracketed(show(give.value)) for give in row.received)
        return f"gradient {terms} = {show(arrived)}, the sum of what came from {givers}{hooked}"

    def text(self, width: int | None = None, colour: bool = False) -> str:
        """Return the explanation as text, wrapped to `width` columns (the terminal's by default)."""
        width = width or shutil.get_terminal_size().columns
        bold, dim, plain = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if colour else ("", "", "")
        parts = [bold + line + plain for line in textwrap.wrap(self.heading, width)]
        for title, lines in self.sections():
            parts += ["", *(bold + line + plain for line in textwrap.wrap(title, width, subsequent_indent="    "))]
            for file, number, source, remark in lines:
                if source:
                    parts += textwrap.wrap(f"{place(file, number)}  {source}", width, initial_indent="  ",
                                           subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
                parts += [dim + line + plain for line in
                          textwrap.wrap(remark, width, initial_indent="      ", subsequent_indent="        ")]
        return "\n".join(parts)

    def show(self, file: TextIO | None = None) -> None:
        """Print the explanation, in colour if `file` (standard output by default) is a terminal."""
        file = file or sys.stdout
        print(self.text(colour=file.isatty()), file=file)

    def markdown(self) -> str:
        """Return the explanation as Markdown, a table for each step."""
        parts = [f"**{escape(self.heading)}**"]
        for title, lines in self.sections():
            table = [f"| {place(file, number)} | {code(source)} | {code(remark)} |"
                     for file, number, source, remark in lines]
            parts.append("\n".join([f"*{escape(title)}*", "", "| where | line | with numbers |", "| --- | --- | --- |",
                                    *table]))
        return "\n\n".join(parts) + "\n"

    def _repr_html_(self):
        rows = []
        for title, lines in self.sections():
            rows.append(f"<th colspan='3' style='text-align:left'><i>{html.escape(title)}</i></th>")
            rows += ["".join(f"<td style='text-align:left;vertical-align:top'>{cell}</td>" for cell in (
                html.escape(place(file, number)), html_code(source), html_code(remark)))
                for file, number, source, remark in lines]
        table = "</tr>\n<tr>".join(rows)
        return f"<p><b>{html.escape(self.heading)}</b></p>\n<table><tr>{table}</tr></table>"

    def __repr__(self):
        return self.text()


def explain(loss: Tensor | Callable[..., Any], *args: Any, grad: Any = None, keep: bool = False) -> Explanation:
    """Run the backward pass from a loss, and explain it step by step.

    Parameters
    ----------
    loss : Tensor or callable
        The result to walk back from, or a function that returns it. The lines of your program are known if `loss` is a
        function, or was computed inside `remember_lines`.
    *args : array_like
        What the function is called with. Floats and arrays of floats become leaves, named like the function's
        parameters; Tensors are passed as they are.
    grad : array_like, optional
        The gradient to start with, as for `Tensor.backward`.
    keep : bool, default False
        Whether the gradients are added to the `.grad` of the leaves. The graph is kept in any case.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError
        If there is nothing to explain: no Tensor, and no function that returns one.
    RuntimeError
        As `Tensor.backward` does.

    Examples
    --------
    >>> import minigrad
    >>> minigrad.explain(lambda x: x * x + x, 3.0)
    backward from add#1 = 12: 2 operations, newest first
    <BLANKLINE>
    step 1: add(multiply#2, x)
      <doctest minigrad.explanation.explain[1]>:1  minigrad.explain(lambda x: x * x + x, 3.0)
          value 12
          gradient 1, where the walk starts
      minigrad/rules/elementwise.py:...  lambda g, ans, x, y: g
          to multiply#2: g = 1
      minigrad/rules/elementwise.py:...  lambda g, ans, x, y: g
          to x: g = 1
    <BLANKLINE>
    step 2: multiply(x, x)
      <doctest minigrad.explanation.explain[1]>:1  minigrad.explain(lambda x: x * x + x, 3.0)
          value 9
          gradient 1, from add#1
      minigrad/rules/elementwise.py:...  lambda g, ans, x, y: g * y
          to x: g * y = 1 * 3 = 3
      minigrad/rules/elementwise.py:...  lambda g, ans, x, y: g * x
          to x: g * x = 1 * 3 = 3
    <BLANKLINE>
    leaf x
          value 3
          gradient 1 + 3 + 3 = 7, the sum of what came from add#1 and multiply#2 and multiply#2
    """
    return explained(loss, args, grad, keep, sys._getframe(1))


def explained(loss, args, grad, keep, frame):
    """Return the Explanation for a reader whose program called from `frame`."""
    names = {}
    if callable(loss):
        loss, names = run(loss, args)
    elif args:
        raise TypeError(f"explain takes arguments only for a function, but loss is {loss!r}")
    if not isinstance(loss, Tensor):
        raise TypeError(f"explain takes a Tensor, or a function that returns one, not {loss!r}")
    if loss.recipe is FREED:
        raise RuntimeError("the graph of this Tensor is gone, because backward() has freed it: explain or draw it "
                           "before loss.backward(), or call loss.backward(retain_graph=True), or explain the function, "
                           "as in minigrad.explain(f, *args)")
    names = {**names_in(frame.f_globals), **names_in(frame.f_locals), **names}
    listener = Listener(loss, names)
    with (in_mode(listener), grads_aside(listener.leaves, keep),
          frames_at_return(listener.rules()) as listener.returned):
        loss.backward(grad, retain_graph=True)
        listener.finish()
    return Explanation(list(listener.rows.values()))


def run(function, args):
    """Call the function on leaves instead of floats; return its result, and the names of what it computed."""
    variables = [rebuild(arg, map(leaf, arrays_in(arg))) for arg in args]
    called = function.forward if isinstance(function, Module) else function
    try:
        parameters = list(inspect.signature(called).bind(*args).arguments)
    except (TypeError, ValueError):
        parameters = []
    parameters = parameters if len(parameters) == len(args) else [f"argument {i}" for i in range(len(args))]
    with remember_lines(), names_at_return(called) as found:
        result = function(*variables)
    found.update(names_in({"self": function}))
    for name, variable in zip(parameters, variables):
        found.update({id(x): path for x, path in zip(arrays_in(variable), paths(variable, name))})
    name = getattr(function, "__name__", type(function).__name__)
    if name != "<lambda>":
        found.setdefault(id(result), f"{name}({', '.join(parameters)})")
    return result, found


def leaf(value):
    """Return a leaf for floats; Tensors, and what has no derivative, as they are."""
    is_float = not isinstance(value, Node) and np.asarray(value).dtype.kind == "f"
    return Tensor(value, requires_grad=True) if is_float else value


class Listener(Rememberer):
    """Collects a Row for each node while the tape walks back."""

    def __init__(self, root, names):
        operations, self.leaves, _ = reachable(root) if root.requires_grad else ([], [], False)
        self.leaves.sort(key=lambda node: node.counter)
        self.rows, self.names, self.returned = {}, names, {}
        operations.reverse()
        for step, node in enumerate(operations + self.leaves, start=1):
            self.rows[node] = Row(step, node.recipe[0].name if node.recipe else "", settings_of(node),
                                  names.get(id(node), ""), origin_of(node), copied(node.value))
        for node in operations:
            self.rows[node].arguments = list(self.arguments_of(node))

    def rules(self):
        """Yield the rules that the walk can apply."""
        for node in self.rows:
            if node.recipe is not None:
                primitive, _, _, parents = node.recipe
                yield from (primitive.vjps[position] for position, _, _ in parents)

    def arguments_of(self, node):
        """Yield an Argument for each Tensor and each number that an operation was given."""
        primitive, args, _, parents = node.recipe
        nodes = {position: parent for position, parent, _ in parents}
        for position, arg in enumerate(args):
            if position in nodes:
                row = self.rows[nodes[position]]
                yield Argument(position, row.step, row.value, row.name)
            elif is_constant(primitive, position, arg):
                yield Argument(position, None, copied(arg), self.names.get(id(arg), ""))

    def backward(self, node, g, parent, contribution):
        """Note what a node passes on to a parent; a walk that a rule starts is left out."""
        if node not in self.rows:
            return
        row, receiver = self.rows[node], self.rows[parent]
        row.gradient = copied(g)
        primitive, _, _, parents = node.recipe
        with_rule = [position for position, _, _ in parents if primitive.vjps[position] is not None]
        position = with_rule[len(row.contributions)]
        rule = primitive.vjps[position]
        line, variables = self.returned.get(code_of(rule), (None, {}))
        source = source_of(rule, line)
        if type(contribution) is AddInto:
            returned, value = None, added_alone(contribution, parent.value)
            formula = f"gradient[{indexed(contribution.index)}] += {show(g)}"
        else:
            returned, value = copied(contribution), copied(fit(contribution, parent.value))
            formula = with_numbers(source, g, variables)
        given = Contribution(row.step, receiver.step, position, source, formula, returned, value, receiver.arrived)
        row.contributions.append(given)
        receiver.received.append(given)

    def finish(self):
        """Note the gradients of the nodes that passed nothing on."""
        for node, row in self.rows.items():
            if node.recipe is None:
                row.gradient = None if node.grad is None else copied(node.grad)
            elif row.gradient is None:
                row.gradient = row.arrived


def added_alone(contribution, value):
    """Return what is added to a part of a gradient as a whole gradient, with zeros elsewhere."""
    zeros = list(map(zeros_like, value)) if isinstance(value, tuple) else zeros_like(value)
    contribution.add_to(zeros)
    return zeros


@contextmanager
def grads_aside(leaves, keep):
    """Set every `.grad` to None inside; afterwards put the old ones back, with the new ones added if `keep`."""
    old = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    done = False
    try:
        yield
        done = True
    finally:
        for leaf, grad in zip(leaves, old):
            if keep and done and grad is not None and leaf.grad is not None:
                grad += leaf.grad
            if grad is not None or not (keep and done):
                leaf.grad = grad


# Words

def settings_of(node):
    """Return the settings of an operation, its arguments that are not numbers: an index, a shape, keywords."""
    if node.recipe is None:
        return ""
    primitive, args, keywords, parents = node.recipe
    positions = {position for position, _, _ in parents}
    if primitive.name in ("getitem", "result"):
        return f"[{indexed(args[1])}]"
    settings = [f"{parameter(primitive, position)}{brief(arg)}" for position, arg in enumerate(args)
            if position not in positions and arg is not None and not is_constant(primitive, position, arg)]
    return ", ".join(settings + [f"{name}={brief(value)}" for name, value in keywords.items()
                             if value is not None and value is not False])


def parameter(primitive, position):
    """Return "name=" for an argument of a primitive, from the signature of its first rule; "" if that has no name."""
    rule = next((rule for rule in primitive.vjps if rule is not None), None)
    names = list(inspect.signature(rule).parameters.values())[2:]  # g and ans come before the arguments
    return f"{names[position].name}=" if position < len(names) and names[position].kind is not VARIADIC else ""


def is_constant(primitive, position, arg):
    """Return whether an argument is made of numbers that could have had a derivative."""
    may_have_rule = isinstance(primitive.vjps, each) or position < len(primitive.vjps)
    is_number = isinstance(arg, (int, float, complex, np.ndarray, np.generic)) and not isinstance(arg, bool)
    return may_have_rule and is_number


def described(contribution):
    """Return a contribution as "formula = numbers = result", and how it got the receiver's shape."""
    result = show(contribution.value if contribution.returned is None else contribution.returned)
    formula = contribution.formula
    if contribution.returned is None:
        text = f"{formula}, that is {result}" if formula else result
    else:
        text = f"{formula} = {result}" if formula and not formula.endswith(f"= {result}") else formula or result
        if np.shape(contribution.returned) != np.shape(contribution.value):
            text += f", summed where broadcasting stretched: {show(contribution.value)}"
    return text


def place(file, number):
    """Return where a line is: in which cell of a notebook, or in which file of the package or the working directory."""
    if file is None:
        return ""
    if cell := cell_number(file):
        return f"cell {cell}, line {number}"
    for directory in (HOME, os.getcwd() + os.sep):
        if file.startswith(directory):
            return f"{file[len(directory):]}:{number}"
    return f"{file}:{number}"


def cell_number(file):
    """Return the number of the cell of a notebook that IPython has given this file name, or None."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    label = shell and shell.compile.format_code_name(file)  # such as ("Cell", "In[3]")
    return label[1].removeprefix("In[").removesuffix("]") if label else None


def copied(value):
    """Return a copy of an array; of a tuple, a list of copies."""
    return [copied(part) for part in value] if isinstance(value, (tuple, list)) else np.array(value)


def add(x, y):
    """Return the sum of two gradients; those of a tuple are added part by part."""
    return [a + b for a, b in zip(x, y)] if isinstance(x, list) else x + y


def same(x, y):
    """Return whether two gradients are equal."""
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays_in(x), arrays_in(y)))


def bracketed(text):
    """Return a term of a sum, in brackets if it is negative."""
    return f"({text})" if text.startswith("-") else text


def escape(text):
    """Return text with the characters escaped that are markup in Markdown."""
    return "".join("\\" + character if character in "\\`*_|<>" else character for character in text)


def html_code(text):
    """Return text as code in HTML, without the grey box that notebooks draw around code; "" for no text."""
    return f"<code style='white-space:pre-wrap;background:none'>{html.escape(text)}</code>" if text else ""


def code(text):
    """Return text as code in a cell of a Markdown table."""
    return "`" + text.replace("|", "\\|") + "`" if text else ""
