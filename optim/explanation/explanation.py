"""One step explained line by line, by the code that runs.

`explain` lets the optimizer take a real step and traces it (`tracing.py`). For each line of its `update` that Python
executes, it keeps the line, the names that the line set, and the numbers that went in. No formula is written a second
time, so a student's own optimizer is explained as well as a built-in one. `worksheets.py` makes exercises of this.
"""

import os
import sys
import textwrap
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from itertools import groupby
from typing import TextIO

import numpy as np

from .. import schedule as schedules
from ..interface.annotations import Closure
from ..interface.optimizer import Optimizer
from ..interface.words import show
from .tracing import Tracer, has_element, picked

HOME = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep
BRIEF = "mean {mean:.4g}, norm {norm:.4g}"


class Explanation:
    """What happened in one or several steps: text in a terminal, tables in a notebook, rows for a program.

    Attributes
    ----------
    title : str
        The optimizer before the steps.
    settings : list of str
        Where each learning rate comes from.
    rows : list of Row
        The lines in the order in which they were finished. Each has `step`, `parameter`, `rule`, `method`, `file`,
        `line`, `source`, `before`, `values`, `equations` and `formula`.
    states : list of dict
        θ, the gradients and the state, by names such as "θ[0]" and "exp_avg[0]": before, and after each step.
    """

    def __init__(self, title, settings, rows, states):
        self.title, self.settings, self.rows, self.states = title, settings, rows, states

    def sections(self):
        """Yield (title, rows) for each run of lines of one method, in the order of execution."""
        begun = set()
        for (step, call), section in groupby(self.rows, lambda row: (row.step, row.call)):
            rows = list(section)
            first = rows[0]
            numbers = list(dict.fromkeys(row.parameter for row in rows))
            of = f"parameter {numbers[0]}" if len(numbers) == 1 else "parameters"
            of = "all parameters" if numbers == [None] else of
            again = ", continued" if (step, call) in begun else ""
            begun.add((step, call))
            yield f"step {step}, {of}: {first.rule}.{first.method}{again}", rows

    def moves(self):
        """Return how θ, the gradients and the state move: the head of a table and its rows, as lists of text."""
        names = dict.fromkeys(name for state in self.states for name in state)
        head = ["", "before", *(f"after step {i}" for i in range(1, len(self.states)))]
        return head, [[name, *(show(state[name], BRIEF) if name in state else "" for state in self.states)]
                      for name in names]

    # In a terminal

    def text(self, width: int | None = None, colour: bool = False) -> str:
        """Return the explanation as aligned text, wrapped to `width` columns (the terminal's by default)."""
        import shutil  # here, like html below, to keep `import optim` short

        width = max(40, width or shutil.get_terminal_size().columns)
        bold, dim, plain = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if colour else ("", "", "")
        lines = wrapped(self.title, width)
        lines = [bold + line + plain for line in lines]
        for setting in self.settings:
            lines += wrapped(setting, width)
        for title, rows in self.sections():
            lines += ["", *(bold + line + plain for line in wrapped(title, width))]
            lines += [dim + line + plain for line in wrapped(where(rows[0].file), width)]
            for row in rows:
                lines += self._row_as_text(row, width, dim, plain)
        if len(self.states) > 2:
            lines += ["", f"{bold}how the state moves{plain}", *table(*self.moves(), width)]
        return "\n".join(lines)

    @staticmethod
    def _row_as_text(row, width, dim, plain):
        margin, lines = "  " * row.depth, []
        if not row.source:
            return wrapped(f"{margin}{row.line:>5}  {row.formula}", width, " " * (len(margin) + 11))
        for number, source in enumerate(row.source.split("\n"), row.line):
            start = len(source) - len(source.lstrip())
            lines += wrapped(f"{margin}{number:>5}  {source}", width, " " * (len(margin) + 11 + start))
        indent = margin + " " * 11
        formula = wrapped(indent + row.formula, width, indent + "  ") if row.formula else []
        return lines + [dim + line + plain for line in formula]

    def show(self, file: TextIO | None = None) -> None:
        """Print the explanation, in colour if `file` (standard output by default) is a terminal."""
        file = file or sys.stdout
        print(self.text(colour=file.isatty() and "NO_COLOR" not in os.environ), file=file)

    def __repr__(self):
        return self.text()

    # In documents

    def markdown(self) -> str:
        """Return the explanation as Markdown, a table for each section."""
        parts = [f"**{self.title}**", *self.settings]
        for title, rows in self.sections():
            cells = [(str(row.line), "<br>".join(map(as_code, row.source.split("\n"))), as_code(row.formula))
                     for row in rows]
            parts.append(f"*{title}*\n\n" + markdown_table(["", "line", "with numbers"], cells))
        if len(self.states) > 2:
            head, rows = self.moves()
            parts.append("*how the state moves*\n\n" + markdown_table(head, [list(map(as_code, row)) for row in rows]))
        return "\n\n".join(parts) + "\n"

    def _repr_html_(self):
        import html

        parts = [f"<p><b>{html.escape(self.title)}</b></p>", *(f"<p>{html.escape(line)}</p>" for line in self.settings)]
        parts.append(html_table([
            (f"{title}, in {where(rows[0].file)}",
             [(str(row.line), "  " * row.depth + row.source, row.formula) for row in rows])
            for title, rows in self.sections()]))
        if len(self.states) > 2:
            head, rows = self.moves()
            parts.append(html_table([("how the state moves", [head, *rows])]))
        return "\n".join(parts)


def explain(optimizer: Optimizer, closure: Closure = None, *, steps: int = 1, keep: bool = False,
            parameter: int | None = None, element: int | tuple[int, ...] | None = None) -> Explanation:
    r"""Take a real step and explain it line by line.

    The explanation shows each line that ran in the methods of the rule, and in the functions of its file that they
    call, with the values that the line set. Of the code that all optimizers share, it shows only the lines
    that move parameters.

    Parameters
    ----------
    optimizer : Optimizer
        With gradients in its parameters, or with a `closure`. Chains are explained link by link, wrappers together with
        the step inside them.
    closure : callable, optional
        Computes the loss and the gradients, as for `step`; without it, all steps use the present gradients.
    steps : int, default 1
        How many steps to take. If more than one, a table at the end shows how the state moves.
    keep : bool, default False
        Whether the parameters and the optimizer keep the steps. Otherwise both are left as they were: the optimizer
        that steps is a copy, and the parameters are put back. (Anything else that a closure changes is not
        restored, such as its random generator.)
    parameter : int, optional
        Show only the parameter with this number, in the order of the groups, and the lines that concern all parameters.
    element : int or tuple, optional
        Show only this element of each parameter: the formulas then hold plain numbers.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError, ValueError, IndexError
        If `optimizer` is not an optimizer, no parameter has a gradient, or there is no such parameter or element.

    Notes
    -----
    The lines are found with `sys.settrace`, in this thread and during the steps only. A debugger or a coverage tool
    that is tracing already does not see these steps, and continues after them. Parameters are not cut into pieces. If
    Python has kept no source of a method, as at the prompt before Python 3.13, `settings` names it, and the explanation
    shows its line numbers and what the lines set.

    Examples
    --------
    >>> import optim
    >>> p = optim.Parameter([1.0])
    >>> p.grad = 2 * p.data
    >>> print(optim.explain(optim.SGD([p], lr=0.1)).rows[-1].formula)
    theta = 1 - 0.1 * 2 = 0.8
    """
    check_arguments(optimizer, closure, steps, parameter, element)
    params = [param for group in optimizer.param_groups for param in group["params"]]
    title, settings = repr(optimizer), list(learning_rates(optimizer))
    with ExitStack() as stack:
        acting = optimizer if keep else stack.enter_context(copied(optimizer, params))
        tracer = Tracer(acting, params, element, closure)
        states = [shown_state(acting, tracer, parameter)]
        with whole_arrays(acting):
            for tracer.step in range(1, steps + 1):
                with tracer.tracing():
                    acting.step() if closure is None else acting.step(closure)
                states.append(shown_state(acting, tracer, parameter))
    if tracer.without_source:
        settings.append(f"Python has kept no source of {', '.join(sorted(tracer.without_source))}: here are the line "
                        "numbers and what the lines set; to see the lines, put the class into a file")
    rows = [row for row in tracer.rows if parameter is None or row.parameter in (None, parameter)]
    return Explanation(title, settings, rows, states)


def check_arguments(optimizer, closure, steps, parameter, element):
    """Raise an error for anything that `explain` cannot show."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is {optimizer!r}; expected an optimizer that has parameters, such as "
                        "optim.Adam([p]); optim.show takes a class")
    params = [param for group in optimizer.param_groups for param in group["params"]]
    if closure is None and all(param.grad is None for param in params):
        raise ValueError("no parameter has a gradient: call backward first, or pass a closure that does")
    if closure is not None and not callable(closure):
        raise TypeError(f"closure is {closure!r}; expected a function that computes loss and gradients")
    if not isinstance(steps, (int, np.integer)) or steps < 1:
        raise ValueError(f"steps is {steps!r}; expected an integer of at least 1")
    if parameter is not None and parameter not in range(len(params)):
        raise IndexError(f"parameter is {parameter!r}; expected a number from 0 to {len(params) - 1}")
    shown = params if parameter is None else [params[parameter]]
    if element is not None and not any(has_element(param.data, element) for param in shown):
        raise IndexError(f"element is {element!r}, which does not pick a single number from parameters of the shapes "
                         f"{[param.data.shape for param in shown]}")


@contextmanager
def copied(optimizer, params):
    """Yield a copy of the optimizer for the same parameters; put parameters and gradients back at the end."""
    before = [(param, param.data.copy(), param.grad) for param in params]
    try:
        for param, _, grad in before:
            param.grad = deepcopy(grad)  # hooks and closures can change them in place
        yield deepcopy(optimizer, {id(param): param for param in params})
    finally:
        for param, data, grad in before:
            param.data[...] = data
            param.grad = grad


@contextmanager
def whole_arrays(optimizer):
    """Inside, `update` gets whole arrays, not pieces: as if no rule were elementwise."""
    layers = []
    while optimizer is not None:
        layers.append((optimizer, vars(optimizer).copy()))
        optimizer = getattr(optimizer, "optimizer", None)
    try:
        for layer, _ in layers:
            layer.elementwise = False
        yield
    finally:
        for layer, own in layers:
            if "elementwise" in own:
                layer.elementwise = own["elementwise"]
            else:
                del layer.elementwise


def learning_rates(optimizer):
    """Yield a line on the learning rate of each group, and where it comes from."""
    layers = [optimizer]
    while (inner := getattr(layers[-1], "optimizer", None)) is not None:
        layers.append(inner)
    found = [one for one in schedules.ATTACHED if any(one.optimizer is layer for layer in layers)]
    parts = {id(part) for one in found for part in one.schedulers}
    for number, group in enumerate(optimizer.param_groups):
        if "lr" in group:
            origin = [f"by {one!r} at its step {one.last_epoch}" for one in found
                      if "lr" in one.base_values and id(one) not in parts]
            if "initial_lr" in group:
                origin.append(f"from the initial value {show(group['initial_lr'])}")
            yield f"group {number}: lr = {show(group['lr'])}{', set ' * bool(origin)}{' '.join(origin)}"


def shown_state(optimizer, tracer, parameter):
    """Return copies of θ, the gradients and the state, by names such as "exp_avg[0]"."""
    shown = {}
    chosen = [i for i in range(len(tracer.params)) if parameter in (None, i)]
    for i in chosen:
        shown |= {f"θ[{i}]": tracer.params[i].data.copy(), f"gradient[{i}]": deepcopy(tracer.params[i].grad)}
    saved = optimizer.state_dict()
    for name, entry in saved.items():
        by_parameter = entry.get("state", {}) if name != "state" and isinstance(entry, dict) else entry
        if name not in ("param_groups", "links", "shapes"):
            for i in chosen:
                shown |= flattened(by_parameter.get(i, {}), f"[{i}]", "" if name == "state" else f"{name}.")
    shapes = {name: tracer.params[int(name[:-1].rpartition("[")[2])].data.shape for name in shown}
    return {name: picked(value, tracer.element, shapes[name]) for name, value in shown.items()}


def flattened(state, suffix, prefix=""):
    """Return the entries of nested dictionaries under joined names."""
    found = {}
    for name, entry in state.items():
        if isinstance(entry, dict):
            found |= flattened(entry, suffix, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}{suffix}"] = entry
    return found


# Showing

def where(file):
    """Return how a file is called: the cell of a notebook, or its path in the package or the working directory."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if label := shell and shell.compile.format_code_name(file):  # such as ("Cell", "In[3]")
        return f"cell {label[1].removeprefix('In[').removesuffix(']')}"
    for directory in (HOME, os.getcwd() + os.sep):
        if file.startswith(directory):
            return file.removeprefix(directory)
    return file


def wrapped(text, width, indent="    "):
    """Return text as lines no wider than `width`, the later ones indented."""
    return textwrap.wrap(text, width, subsequent_indent=indent[:width // 2], break_on_hyphens=False) or [text]


def table(head, rows, width):
    """Return a table as aligned lines; if it is too wide, as an entry a line."""
    columns = [max(map(len, column)) for column in zip(head, *rows)]
    if sum(columns) + 2 * len(columns) <= width:
        return ["  ".join(cell.ljust(size) for cell, size in zip(row, columns)).rstrip() for row in (head, *rows)]
    return [line for row in rows for text in (row[0], *(f"    {name}: {cell}" for name, cell in zip(head[1:], row[1:])))
            for line in wrapped(text, width, "      ")]


def as_code(text):
    """Return text as code for a cell of a Markdown table."""
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def markdown_table(head, rows):
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def html_table(sections):
    """Return (title, rows) pairs as one table in HTML, its cells as code, the line breaks kept."""
    import html

    code = "<code style='white-space:pre-wrap;background:none'>{}</code>".format  # without the notebook's grey boxes

    def cell(text):
        return f"<td style='text-align:left;vertical-align:top'>{code(html.escape(text)) if text else ''}</td>"

    lines = []
    for title, rows in sections:
        lines.append(f"<tr><th colspan='{len(rows[0])}' style='text-align:left'><i>{html.escape(title)}</i></th></tr>")
        lines += ["<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows]
    return "<table>" + "\n".join(lines) + "</table>"
