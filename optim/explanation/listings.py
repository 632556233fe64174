"""The listing of an optimizer: its equations and the source that computes them, alone or beside another's.

The lines that run with the given hyperparameters are found by running them. The others are dimmed.
"""

import difflib
import html
import inspect
import keyword
import os
import re
import sys
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from ..interface.groups import Parameter
from ..interface.optimizer import Optimizer
from ..interface.words import show as in_words
from ..sparse import LazyRows, RowGradient
from .equations import calculations, equations_of
from .explanation import explain
from .formulas import first_line, last_line, statements

METHODS = ("step", "init_state", "advance", "move_all", "update", "point", "iterate", "step_around")
STEPS = 2  # the first is often special, as in SGD with momentum
SHORT = 10  # lines; longer functions that a rule calls are not part of the listing
COLUMN = 60  # characters; two listings are put side by side if both have as many
PARTS = re.compile(r"(?P<comment>#.*)|(?P<string>\"[^\"]*\"|'[^']*')|(?P<word>\b(?:" + "|".join(keyword.kwlist) +
                   r")\b)|(?P<number>\b\d+(?:\.\d+)?(?:e-?\d+)?\b)")
COLOURS = {"comment": "2", "string": "32", "word": "1;34", "number": "36", "heading": "1", "dim": "2", "mark": "33"}


@dataclass(frozen=True)
class Line:
    """A line of a listing: its text, its kind ("heading", "note", "equation" or "code"), and whether it runs."""

    text: str
    kind: str
    runs: bool = True


class Listing:
    """The equations and the source of some optimizers; made by `optim.show`.

    It shows itself as text in a terminal and as a table in a notebook. If there are several optimizers, the first is
    compared with each of the others.

    Attributes
    ----------
    columns : list of list of Line
        The lines of each optimizer.
    """

    def __init__(self, columns):
        self.columns = columns

    def rows(self):
        """Yield (lines, differs): the lines of all optimizers that belong side by side, with None where one has none.

        Lines differ if their texts differ, or if only one of them runs.
        """
        first, *others = self.columns
        matches = [matched(first, other) for other in others]
        for i in range(len(first) + 1):
            inserted = [match.get(i, ([], None))[0] for match in matches]
            for j in range(max(map(len, inserted), default=0)):
                yield [None, *(lines[j] if j < len(lines) else None for lines in inserted)], True
            if i < len(first):
                partners = [match.get(i, ([], None))[1] for match in matches]
                yield [first[i], *partners], any(partner != first[i] for partner in partners)

    def text(self, width: int | None = None, colour: bool = False) -> str:
        """Return the listing as text, wrapped to `width` columns (the terminal's by default)."""
        import shutil  # here, to keep `import optim` short

        width = max(40, width or shutil.get_terminal_size().columns)
        count = len(self.columns)
        if count > 1 and (width - 3 * (count - 1)) // count >= COLUMN:
            return "\n".join(self._beside(width, colour))
        blocks = [self._stacked(number, width, colour) for number in range(count)]
        return "\n\n".join("\n".join(block) for block in blocks)

    def _stacked(self, number, width, colour):
        """Return the lines of one optimizer, those that differ from the others marked at the left."""
        lines = []
        for row, differs in self.rows():
            if row[number] is not None:
                margin = "" if len(self.columns) == 1 else painted("▌ ", "mark", colour) if differs else "  "
                lines += [(margin + painted_line(piece, row[number], colour)).rstrip()
                          for piece in wrapped(row[number].text, width - 2 * (len(self.columns) > 1))]
        return lines

    def _beside(self, width, colour):
        """Return the lines of all optimizers in columns, those that differ marked between them."""
        size = (width - 3 * (len(self.columns) - 1)) // len(self.columns)
        lines = []
        for row, differs in self.rows():
            pieces = [wrapped(line.text, size) if line else [] for line in row]
            between = painted(" ▌ " if differs else "   ", "mark", colour)
            for i in range(max(map(len, pieces))):
                cells = [piece[i] if i < len(piece) else "" for piece in pieces]
                lines.append(between.join(painted_line(padded(cell, size), line, colour) if line else " " * size
                                          for cell, line in zip(cells, row)).rstrip())
        return lines

    def show(self, file: TextIO | None = None) -> None:
        """Print the listing, in colour if `file` (standard output by default) is a terminal."""
        file = file or sys.stdout
        print(self.text(colour=file.isatty() and "NO_COLOR" not in os.environ), file=file)

    def __repr__(self):
        return self.text()

    def _repr_html_(self):
        rows = []
        for row, differs in self.rows():
            style = "background:rgba(255,190,0,.25);" if differs and len(row) > 1 else ""
            cells = [f"<td style='{style}text-align:left;vertical-align:top;padding:0 1em 0 0;"
                     f"opacity:{1 if line is None or line.runs else .5}'>{as_html(line)}</td>" for line in row]
            rows.append("<tr style='background:none'>" + "".join(cells) + "</tr>")
        return "<table style='border-collapse:collapse'>" + "\n".join(rows) + "</table>"


def show(*optimizers: type[Optimizer] | Optimizer) -> Listing:
    """Show optimizers as they are written: the equations, and the source of `init_state` and `update`.

    Parameters
    ----------
    *optimizers : type or Optimizer
        Classes of optimizers, your own too, or optimizers. If there are several, differences are marked. For a
        chain, the rules of its links are shown; for a wrapper, the optimizer inside it too.

    Returns
    -------
    Listing
        Shows itself at a prompt and in a notebook; `show()` prints it, in colour on a terminal.

    Raises
    ------
    TypeError
        If something is not an optimizer, or nothing is given.

    Notes
    -----
    An optimizer is run for a few steps, to find out which lines run with its hyperparameters. For a class these are the
    defaults. The other lines are dimmed: in `Adam` the line of the weight decay, for instance. If a class
    cannot be made without more arguments, such as a Hessian, no line is dimmed; pass an optimizer instead.

    Examples
    --------
    >>> import optim
    >>> print(optim.show(optim.Signum).text(width=90))
    Signum: Gradient descent along the signs of the momentum.
    lr=0.001, momentum=0.9, weight_decay=0, maximize=False
    <BLANKLINE>
    m ← μ m + (1 − μ) g
    φ ← sign(m)
    φ ← φ + λ θ
    <BLANKLINE>
    def init_state(self, param):
        return {"momentum_buffer": np.zeros_like(param)}
    <BLANKLINE>
    def update(self, grad, state, param, *, momentum, weight_decay):
        m = state["momentum_buffer"]
        m *= momentum
        m += (1 - momentum) * grad
        phi = np.sign(m)
        if active(weight_decay):
            phi += weight_decay * param
        return phi
    """
    if not optimizers:
        raise TypeError("name at least one optimizer: optim.show(optim.Adam)")
    for one in optimizers:
        if not (isinstance(one, Optimizer) or (isinstance(one, type) and issubclass(one, Optimizer))):
            raise TypeError(f"{one!r} is not an optimizer; expected a class such as optim.Adam, or an optimizer")
    return Listing([list(lines_of(one)) for one in optimizers])


# The lines of one optimizer

def lines_of(optimizer):
    """Yield the lines of the listing of an optimizer, or of a class."""
    cls = optimizer if isinstance(optimizer, type) else type(optimizer)
    made = example_of(cls) if cls is optimizer else optimizer
    yield Line(f"{cls.__name__}: {summary_of(cls)}".removesuffix(": "), "heading")
    yield Line(settings_of(cls, made), "note")
    running = None if made is None else lines_that_run(made)
    for name, part in parts_of(made, cls):
        if name:
            yield Line("", "code")
            yield Line(f"{name}: {summary_of(part)}", "heading")
        functions = methods_of(part)
        for function in functions:
            equations = list(equation_lines(function, running))
            if equations:
                yield Line("", "code")
                yield from equations
        for function in functions:
            yield Line("", "code")
            yield from code_lines(function, running)


def parts_of(optimizer, cls):
    """Yield (name, class) for each rule of an optimizer: those of a chain's links, its own, and what is wrapped."""
    for name, link in getattr(optimizer, "links", {}).items():
        yield name, type(getattr(link, "rule", link))
    yield "", cls
    inner = getattr(optimizer, "optimizer", None)
    if inner is not None:
        yield type(inner).__name__, type(inner)
        yield from [part for part in parts_of(inner, type(inner)) if part[0]]


def summary_of(cls):
    """Return the first line of the docstring of a class as plain text, with lambda for \\lambda."""
    line = inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]
    line = re.sub(r":\w+:`(.*?)`", r"\1", line)
    return re.sub(r"\\mathrm\{(\w+)\}", r"\1", line).replace("\\, ", "").replace("\\", "").replace("`", "")


def methods_of(cls):
    """Return the methods that make up the rule of a class, then the short functions that they call.

    These are methods of the class, and functions in its file.
    """
    own = [member for name in METHODS if (member := member_of(cls, name))]
    called = []
    for function in own:
        source = source_of(function)
        called += [member_of(cls, name) for name in re.findall(r"self\.(\w+)\(", source)]
        beside = [function.__globals__.get(name) for name in re.findall(r"(?<![\w.])(?<!def )(\w+)\(", source)]
        called += [one for one in beside if inspect.isfunction(one) and one.__module__ == function.__module__]
    return own + [one for one in dict.fromkeys(called) if one and one not in own and len(shown_lines(one)) <= SHORT]


def member_of(cls, name):
    """Return a method of a class as a plain function; None if it is not the rule's own but part of the machinery."""
    for base in cls.__mro__:
        if name in vars(base):
            member = inspect.unwrap(getattr(vars(base)[name], "__func__", vars(base)[name]))
            return None if is_machinery(base) or not inspect.isfunction(member) else member
    return None


def is_machinery(base):
    """Return whether a class is not an optimizer, but a base that optimizers share."""
    return base is object or "machinery" in vars(base)


def source_of(function):
    """Return the source of a function, "" if Python has kept none."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def settings_of(cls, optimizer):
    """Return the hyperparameters of an optimizer, or the signature of its class, as text."""
    if optimizer is None:
        signature = inspect.signature(cls)
        plain = [argument.replace(annotation=argument.empty) for argument in signature.parameters.values()]
        return f"{cls.__name__}{inspect.Signature(plain)}"
    group = optimizer.param_groups[0]
    return ", ".join(f"{name}={in_words(value)}" for name, value in group.items() if name != "params")


def equation_lines(function, running):
    """Yield the equations of a function; one is dimmed if no line that calculates it runs."""
    equations = equations_of(function)
    if not equations:
        return
    texts = [f"{left} ← {right}" for left, right, _ in equations]
    width = max(map(columns_of, texts)) + 3
    made = [lines for _, lines in calculations(function)] if source_of(function) else []
    known = running is not None and len(made) == len(equations)
    for i, (text, (_, _, note)) in enumerate(zip(texts, equations)):
        runs = not known or any((function.__code__.co_filename, line) in running for line in made[i])
        yield Line(f"{padded(text, width)}{note}".rstrip(), "equation", runs)


def code_lines(function, running):
    """Yield the lines of a function."""
    source = source_of(function)
    if not source:
        yield Line(f"def {function.__name__}{inspect.signature(function)}:  # Python has kept no source", "code")
        return
    runs = running_by_line(function, running)
    for number, text in shown_lines(function).items():
        yield Line(text, "code", runs.get(number, True))


def shown_lines(function):
    """Return the lines of a function by their numbers, without a docstring of several lines."""
    if not source_of(function):
        return {}
    lines, first = inspect.getsourcelines(function)
    numbered = dict(enumerate(map(str.rstrip, textwrap.dedent("".join(lines)).splitlines()), first))
    if "\n" in (function.__doc__ or ""):
        docstring = next(iter(statements(function.__code__).values()))
        for number in range(first_line(docstring), last_line(docstring) + 1):
            del numbered[number]
    return numbered


def running_by_line(function, running):
    """Return by line of a function whether its statement runs; a line between statements runs if the next one does."""
    if running is None:
        return {}
    found, file = {}, function.__code__.co_filename
    by_line = statements(function.__code__)
    nothing = not any((file, first_line(one)) in running for one in by_line.values())
    _, first = inspect.getsourcelines(function)
    body = min(by_line)
    for number in sorted(by_line, reverse=True):
        found[number] = nothing or (file, first_line(by_line[number])) in running
    for number in range(max(by_line), body, -1):
        found.setdefault(number, found.get(number + 1, True))
    return {number: runs for number, runs in found.items() if number >= first}


# Which lines run

def example_of(cls):
    """Return an optimizer of a class with its defaults, or None if it needs more than parameters."""
    try:
        return cls([Parameter(np.array([[1.0, -2.0], [0.5, 3.0]]))])
    except Exception:  # your class can raise any error here
        return None


def lines_that_run(optimizer):
    """Return (file, line) of each line that runs in a few steps, or None if the optimizer cannot make them."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    rng = np.random.default_rng(0)

    def closure():
        for param in params:
            grad = np.cos(param.data) + rng.uniform(0.1, 0.2, param.data.shape).astype(param.data.dtype)
            param.grad = RowGradient(range(len(grad)), grad) if isinstance(optimizer, LazyRows) else grad
        return sum(float(np.sum(np.sin(param.data))) for param in params)

    try:
        rows = explain(optimizer, closure, steps=STEPS).rows
    except Exception:  # for instance from functions that are called at unexpected parameters
        return None
    return {(row.file, row.line) for row in rows}


# Comparing and painting

def matched(first, other):
    """Return, by the number of a line of `first`, the lines of `other` before it and the one beside it."""
    blocks = difflib.SequenceMatcher(None, [line.text for line in first], [line.text for line in other], autojunk=False)
    before, beside = {}, {}
    for _, i, i_end, j, j_end in blocks.get_opcodes():
        pairs = min(i_end - i, j_end - j)
        beside |= {i + k: other[j + k] for k in range(pairs)}
        before[i + pairs] = before.get(i + pairs, []) + other[j + pairs:j_end]
    return {i: (before.get(i, []), beside.get(i)) for i in {*before, *beside}}


def wrapped(text, width):
    """Return a line as lines of at most `width` characters, the later ones indented further than the first."""
    indent = " " * min(len(text) - len(text.lstrip()) + 4, width // 2)
    return textwrap.wrap(text, width, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False) or [""]


def columns_of(text):
    """Return how many columns of a terminal a text takes: the hat of m̂ takes none."""
    return len(text) - sum(map(bool, map(unicodedata.combining, text)))


def padded(text, width):
    """Return text with spaces up to a width in columns."""
    return text + " " * (width - columns_of(text))


def painted(text, kind, colour):
    """Return text in the colour of its kind."""
    return f"\x1b[{COLOURS[kind]}m{text}\x1b[0m" if colour and text.strip() else text


def painted_line(text, line, colour):
    """Return the text of a line, or of a part of it, with the colours of a terminal."""
    if not line.runs or line.kind in ("heading", "note"):
        return painted(text, "heading" if line.kind == "heading" else "dim", colour)
    if line.kind == "equation":
        equation, space, note = text.partition("   ")
        return equation + space + painted(note, "dim", colour)
    return PARTS.sub(lambda match: painted(match.group(), match.lastgroup, colour), text)


def as_html(line):
    """Return a line as HTML."""
    if line is None or not line.text:
        return "&nbsp;"
    weight = "bold" if line.kind == "heading" else "normal"
    return f"<code style='white-space:pre-wrap;background:none;font-weight:{weight}'>{html.escape(line.text)}</code>"
