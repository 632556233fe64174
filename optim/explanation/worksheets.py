"""Exercises in hand calculation: the lines of a real step with blanks for the results, and the same sheet filled in.

Nothing is calculated here: `explain` makes the step, and this file shows its lines in another way.
"""

from dataclasses import dataclass

from ..interface.annotations import Closure
from ..interface.optimizer import Optimizer
from ..interface.words import is_small, show
from .explanation import as_code, explain, markdown_table
from .formulas import is_showable, live_source
from .tracing import picked
from .typesetting import breakable_code, escape, typeset

BLANK = r"\_" * 12


@dataclass
class Line:
    """A line of a worksheet: its source, and "name = expression = result"; the result is `asked`, or it is given."""

    source: str
    name: str
    expression: str | None
    result: str
    asked: bool


class Worksheet:
    """An exercise in taking steps by hand, and its solution; see `worksheet`.

    Attributes
    ----------
    title : str
    start : list of (name, result)
        θ and the state before the first step.
    steps : list of (gradient or None, list of Line)
    """

    def __init__(self, title, start, steps):
        self.title, self.start, self.steps = title, start, steps

    def _heading(self, solution):
        return f"{'Solution' if solution else 'Exercise'}: {len(self.steps)} step{'s' * (len(self.steps) > 1)} by hand"

    def markdown(self, solution: bool = False) -> str:
        """Return the exercise, or its solution in the same layout, as Markdown."""
        given = ", ".join(f"`{name} = {result}`" for name, result in self.start)
        parts = [f"# {self._heading(solution)}",
                 f"The optimizer is `{self.title}`.", f"At the start, {given}."]
        for number, (gradient, lines) in enumerate(self.steps, 1):
            parts.append(f"## Step {number}" + (f"\n\nThe gradient is `grad = {gradient}`." if gradient else ""))
            cells = [("" if source is None else as_code(source.replace("\n", " ")), self._calculated(line, solution))
                     for source, line in named_once(lines)]
            parts.append(markdown_table(["line", "by hand"], cells))
        return "\n\n".join(parts) + "\n"

    @staticmethod
    def _calculated(line, solution):
        if line.asked and not solution:
            return as_code(f"{line.name} =") + " " + BLANK
        return as_code(" = ".join(filter(None, (line.name, line.expression, line.result))))

    def latex(self, solution: bool = False) -> str:
        """Return the exercise, or its solution in the same layout, as LaTeX to be put into a document.

        It needs no package, breaks over pages, and fits the width of the text.
        """
        given = ", ".join(rf"\texttt{{{escape(name)}}} $= {typeset(result)}$" for name, result in self.start)
        title = rf"\texttt{{{breakable_code(self.title)}}}"
        parts = [rf"\section*{{{self._heading(solution)}}}",
                 rf"{{\raggedright The optimizer is {title}. At the start, {given}.\par}}"]
        for number, (gradient, lines) in enumerate(self.steps, 1):
            parts.append(rf"\subsection*{{Step {number}}}")
            if gradient:
                parts.append(rf"The gradient is $\mathrm{{grad}} = {typeset(gradient)}$.")
            for source, line in named_once(lines):
                if source is not None:
                    parts.append(rf"{{\raggedright\noindent\texttt{{{breakable_code(source)}}}\par}}\nopagebreak")
                parts.append(rf"{{\raggedright\leftskip=2em\noindent {self._typeset(line, solution)}\par}}\smallskip")
        return "\n\n".join(parts) + "\n"

    @staticmethod
    def _typeset(line, solution):
        if line.asked and not solution:
            return rf"${typeset(line.name)} =$ \underline{{\hspace{{3cm}}}}"
        name, *others = map(typeset, filter(None, (line.name, line.expression, line.result)))
        large = {other: r"\displaystyle " * (r"\frac" in other) for other in others}
        return " ".join([f"${name}$", *(f"${large[other]}= {other}$" for other in others)])

    def __repr__(self):
        return self.markdown()

    def _repr_markdown_(self):
        return self.markdown()


def worksheet(optimizer: Optimizer, closure: Closure = None, *, steps: int = 3, parameter: int = 0,
              element: int | tuple[int, ...] | None = None) -> Worksheet:
    """Make an exercise in hand calculation from an optimizer's own lines.

    The numbers at the start, the hyperparameters and the gradients are given. The student fills in the result of each
    line that calculates, and of each line that gives a calculated number another name.

    Parameters
    ----------
    optimizer : Optimizer
        As for `explain`; it and its parameters do not change.
    closure : callable, optional
        Computes the gradient of each step. Without it, all steps use the present gradient.
    steps : int, default 3
    parameter : int, default 0
        The parameter to calculate with.
    element : int or tuple, optional
        Its element to calculate with; needed if it has more than four.

    Returns
    -------
    Worksheet
        With `markdown(solution=False)` and `latex(solution=False)`.

    Raises
    ------
    ValueError
        If no line of the step calculates with few enough numbers to do it by hand, or Python has kept no source.

    Examples
    --------
    >>> import optim
    >>> p = optim.Parameter([1.0])
    >>> p.grad = 2 * p.data
    >>> sheet = optim.worksheet(optim.SGD([p], lr=0.1), steps=1)
    >>> print(sheet.markdown(solution=True).splitlines()[-1])
    | `theta -= lr * phi` | `theta = 1 - 0.1 * 2 = 0.8` |
    """
    explanation = explain(optimizer, closure, steps=steps, parameter=parameter, element=element)
    params = [param for group in optimizer.param_groups for param in group["params"]]
    shape = params[parameter].data.shape
    found, earlier = [], []
    for step in range(1, steps + 1):
        rows = [row for row in explanation.rows if row.step == step and row.method != "init_state"]
        lines = [line for row in rows for line in lines_of(row, element, shape, earlier)]
        found.append((gradient_of(rows, element, shape), lines))
    if any(not row.source for row in explanation.rows):
        raise ValueError(f"{explanation.settings[-1]}, which a worksheet is made of")
    if not all(any(line.asked for line in lines) for _, lines in found):
        raise ValueError(f"{type(optimizer).__name__} calculates nothing here that can be done by hand: choose an "
                         f"`element` of the parameter, which has shape {shape}")
    start = [(name, show(value)) for name, value in explanation.states[0].items()
             if not name.startswith("gradient[") and is_showable(value) and is_small(value)]
    start += [(name, result) for row in explanation.rows if row.method == "init_state" and row.step == 1
              for name, _, result in row.equations if name.startswith("state[")
              and row.values[name] is not None and is_small(row.values[name])]
    return Worksheet(explanation.title, start, found)


def named_once(lines):
    """Yield (source, line) for each line, with None for the source if it is the same as that of the line before."""
    before = None
    for line in lines:
        yield None if line.source == before else line.source, line
        before = line.source


def gradient_of(rows, element, shape):
    """Return the gradient of a step as text; None if it is too large."""
    for row in rows:
        if row.method == "update" and "grad" in row.before:
            value = picked(row.before["grad"], element, shape)
            return show(value) if is_small(value) else None
    return None


def lines_of(row, element, shape, earlier):
    """Yield the lines that a row makes, and add them to the `earlier` ones.

    The student is asked for results of calculations. Counts and mere renamings are given, unless they repeat the answer
    of an earlier line.
    """
    for name, expression, result in row.equations:
        value = picked(row.values[name], element, shape)
        if not is_small(value) or isinstance(value, (bool, str, type(None))):
            continue
        line = Line(live_source(row.source.strip(), row.before), name, expression, result, asked=False)
        is_start = type(value) is int or line in earlier
        is_answer = any(other.asked and other.result == result for other in earlier)
        line.asked = not is_start and (name not in row.renamed or is_answer)
        earlier.append(line)
        yield line
