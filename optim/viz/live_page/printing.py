"""JavaScript printed from what the real code does: a surface with its gradient, and the rule of an optimizer.

Nothing is written twice. `minigrad.programs.javascript` runs the function, minigrad's walk back, or a step of
the optimizer on numbers that record what is done with them, and prints the record. This file defines a step.
"""

import ast
import inspect
import re
import textwrap
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

import minigrad
import optim
from minigrad.programs import javascript
from optim.averaging import HasAverage
from optim.explanation.formulas import (
    assignments,
    indentation,
    is_place,
    is_renaming,
    source_lines,
    statements,
)
from optim.explanation.listings import source_of
from optim.interface.hyperparameters import FINITE, prepared, ranges_of
from optim.interface.optimizer import Optimizer, UpdateRule
from optim.interface.signatures import hyperparameter_names


class NotPrinted(TypeError):
    """Says what cannot be printed, and why, in words for the reader of the page."""


# Surfaces

def surface_text(surface):
    """Return a surface of two coordinates as a function of x and y that returns [loss, slope, slope].

    Raises
    ------
    NotPrinted
        If it does something that JavaScript cannot express.
    """
    derivatives = minigrad.value_and_grad(lambda x, y: surface.function((x, y)), argnums=(0, 1))

    def value_and_slopes(x, y):
        value, slopes = derivatives(x, y)
        return [value, *slopes]
    point = [float(x) + 0.01 * (k + 1) for k, x in enumerate(surface.start)]  # not on a crease, where many runs start
    return refused_in_words(value_and_slopes, *point)


def refused_in_words(function, *examples, **keywords):
    """Return a function as JavaScript, without spaces at the ends of lines; errors are in words for the page."""
    try:
        text = javascript(function, *examples, name="f", **keywords)
    except (TypeError, IndexError, AttributeError, NotImplementedError) as error:
        raise NotPrinted(f"it cannot be written in formulas for single numbers ({error})") from error
    return "\n".join(line.strip() for line in text.splitlines())


# Rules

@dataclass
class Rule:
    """A printed rule.

    Attributes
    ----------
    text : str
        An object of JavaScript with the functions `init(p, h)`, `first(s, g, p, h, seen)`, which is null if the
        first step is like the others, and `later(s, g, p, h, seen)`. A step changes the state s, returns the
        coordinate's next value, and pushes [line, name, value] to `seen` for every value that the source names.
    hyperparameters : dict
        Those that can be changed, with their values: numbers, and pairs of numbers.
    counted : bool
        Whether the state counts the steps.
    lines : dict
        The equations of the rule by the numbers of their lines and the names that they give, see `Lines`.
    aliases : dict
        The meaning of the rule's names when a step begins: paths such as ["h", "betas", 0].
    """

    text: str
    hyperparameters: dict
    counted: bool
    lines: dict
    aliases: dict


def rule_text(make):
    """Print the rule of an optimizer for one coordinate.

    Parameters
    ----------
    make : callable
        From a list of parameters to an optimizer.

    Returns
    -------
    Rule

    Raises
    ------
    NotPrinted
        With the reason.
    """
    optimizer = make([optim.Parameter(np.array(0.5))])
    kind = type(optimizer)
    ordinary = kind.step in (Optimizer.step, HasAverage.step)
    if not ordinary or kind.move is not Optimizer.move or kind.move_all is not Optimizer.move_all:
        raise NotPrinted(f"{kind.__name__} has a step of its own")
    if not optimizer.elementwise:
        raise NotPrinted(f"{kind.__name__} looks at all coordinates together")
    step = Step(optimizer)
    theta, g, tried = np.array(0.5), np.array(0.3), step.tried
    state = step.first_state(theta, tried)
    init = refused_in_words(step.first_state, theta, tried)
    first = refused_in_words(step.take, state, g, theta, tried, watch=True) if None in state.values() else "null"
    later = refused_in_words(step.take, step.later_state(state, g, theta), g, theta, tried, watch=True)
    lines = Lines(optimizer, step.frozen)
    aliases = {name: path for name, path in lines.aliases.items() if path[0] != "h" or path[1] in step.free}
    text = lines.of_the_rule(f"{{init:{init},first:{first},later:{later}}}")
    return Rule(text, step.free, "step" in state, lines.equations, aliases)


class Step:
    """A step of an optimizer as a function of the state, the gradient, one coordinate and the hyperparameters."""

    def __init__(self, optimizer):
        self.optimizer, group = optimizer, optimizer.param_groups[0]
        self.asked = {method: hyperparameter_names(getattr(type(optimizer), method))
                      for method in ("init_state", "advance", "update")}
        names = dict.fromkeys([*(() if optimizer.returns_step else ["lr"]), *sum(self.asked.values(), ())])
        ranges = ranges_of(type(optimizer))
        self.free = {name: floats(group[name]) for name in names
                     if is_number(group[name]) and ranges.get(name, FINITE).kinds != "iu"}
        self.frozen = {name: prepared(group[name], np.array(0.5)) for name in names if name not in self.free}
        # Numbers to run with. They are not printed. None of them is zero, so that every entry of the state is made.
        self.tried = {name: value or 0.5 for name, value in self.free.items()}

    def handed(self, method, h):
        """Return the hyperparameters that a method asks for."""
        return {name: h[name] if name in h else self.frozen[name] for name in self.asked[method]}

    def first_state(self, p, h):
        return self.optimizer.init_state(p, **self.handed("init_state", h))

    def take(self, s, g, p, h):
        """Take the step that the optimizer takes."""
        grad = -g if self.optimizer.param_groups[0]["maximize"] else g
        if type(self.optimizer).advance is not UpdateRule.advance:
            self.optimizer.advance(s, **self.handed("advance", h))
        phi = self.optimizer.update(grad, s, p, **self.handed("update", h))
        self.optimizer.descend(p, 1 if self.optimizer.returns_step else h["lr"], phi)
        return p

    def later_state(self, state, g, p):
        """Return a state with all entries that the first steps make."""
        state, p = deepcopy(state), p.copy()
        for step in (1, 2):
            if "step" in state:
                state["step"] = step
            self.take(state, g, p, self.tried)
        return state


def is_number(value):
    """Return whether a hyperparameter is a number, or a pair of numbers."""
    numbers = value if isinstance(value, (tuple, list)) and value else [value]
    return all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in numbers)


def floats(value):
    """Return a number, or a pair of them, as floats."""
    return tuple(map(float, value)) if isinstance(value, (tuple, list)) else float(value)


# The lines of a rule, for the step that is explained in the page

class Lines:
    """The lines of an optimizer's `update`, and the line that moves the parameter.

    Attributes
    ----------
    equations : dict
        By the number of a line and the name that it gives a value, such as "339 m_hat": the source, the names in the
        expression, and the text between them. `return b` is called "b phi".
    aliases : dict
        What a name stands for when a step begins: a path such as ["h", "betas", 0].
    """

    def __init__(self, optimizer, frozen):
        self.kind = type(optimizer)
        update = self.kind.update
        constants = {name: str(value) for name, value in frozen.items() if isinstance(value, (int, float))}
        self.equations, self.calls, self.numbers = {}, {}, set()
        self.aliases = {"grad": ["g"], "param": ["p"], "theta": ["p"], "lr": ["h", "lr"]}
        if source_of(update):  # else it was typed at a prompt, and the page says so
            self.read(update, constants)
            self.read(Optimizer.descend, {"lr": "1"} if optimizer.returns_step else {})
        self.aliases |= {name: ["h", name] for name in hyperparameter_names(update)}

    def read(self, method, meanings, result="phi"):
        """Note the equations of a method, and those inside its calls, and what its names stand for.

        `meanings` are constants, or names elsewhere, that stand for names in the method; `result` is what it returns.
        """
        code = method.__code__
        for number, statement in statements(code).items():
            self.numbers.add(number)
            if hasattr(statement, "body"):
                continue
            text = source_lines(statement, code.co_filename)
            source = "\n".join(line[indentation(text):] for line in text)
            for target, value in values_of(statement, result):
                place = ast.unparse(value) if is_renaming(value) else number
                self.equations[f"{place} {target}"] = {"source": source, **equation(value, meanings)}
                if isinstance(value, ast.Call) and not ast.unparse(value.func).startswith("np."):
                    self.calls[target] = number
                    self.read_inside(value, method, meanings, target)
            self.aliases |= {ast.unparse(place): path for place, value in assignments(statement)
                             if value is not None and (path := path_of(value))}

    def read_inside(self, call, method, meanings, target):
        """Read a function that a method calls once, if it has several lines, and its arguments are names."""
        owner, _, name = ast.unparse(call.func).rpartition(".")
        function = getattr(self.kind, name, None) if owner == "self" else method.__globals__.get(name)
        if not inspect.isfunction(function) or not source_of(function):
            return
        lines = statements(function.__code__)
        body = [one for one in set(lines.values()) if not isinstance(one, ast.Expr)]  # without the docstring
        calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(textwrap.dedent(source_of(method))))
                 if isinstance(node, ast.Call)]
        once = calls.count(ast.unparse(call.func)) == 1 and self.numbers.isdisjoint(lines)
        if len(body) > 1 and once and not call.keywords and all(map(is_place, call.args)):
            names = [name for name in inspect.signature(function).parameters if name != "self"]
            handed = [ast.unparse(argument) for argument in call.args]
            self.read(function, meanings | {one: meanings.get(x, x) for one, x in zip(names, handed)}, target)

    def of_the_rule(self, text):
        """Return a printed rule that pushes to `seen` what these lines name, and nothing from inside other calls.

        The result of such a call belongs to the line that calls.
        """
        def kept(push):
            number, name = int(push[1]), push[2]
            if f"{number} {name}" in self.equations:
                return push[0]
            if number in self.numbers:  # an argument of a call, by the name that it has there
                return ""
            if name in self.calls:
                return push[0].replace(str(number), str(self.calls[name]), 1)
            return push[0] if name in self.aliases else ""
        return re.sub(r'if \(seen\) seen\.push\(\[(\d+), "(.+?)", .*\]\);\n', kept, text)


def values_of(statement, result):
    """Return (name, expression) for each value that a statement computes; one that is returned is called `result`."""
    if isinstance(statement, ast.Return):
        return [] if statement.value is None else [(result, statement.value)]
    return [(ast.unparse(place), value) for place, value in assignments(statement)
            if value is not None and not is_renaming(value)]


def equation(expression, meanings):
    """Return an expression as the names in it, or what they mean, and the text between them."""
    marks = Marks()
    text = ast.unparse(ast.fix_missing_locations(marks.visit(deepcopy(expression))))
    parts = re.split("⟦([0-9]+)⟧", text)  # text and marks in turn
    names = [marks.names[int(mark)] for mark in parts[1::2]]
    return {"names": [meanings.get(name, name) for name in names], "parts": parts[::2]}


class Marks(ast.NodeTransformer):
    """Replaces the places in an expression, such as m and state["step"], by marks."""

    def __init__(self):
        self.names = []

    def visit_Call(self, node):
        node.args = [self.visit(arg) for arg in node.args]
        node.keywords = [ast.keyword(word.arg, self.visit(word.value)) for word in node.keywords if word.arg != "out"]
        return node

    def visit(self, node):
        if not is_place(node) or isinstance(node, ast.Attribute):
            return super().visit(node)
        self.names.append(ast.unparse(node))
        return ast.Name(f"⟦{len(self.names) - 1}⟧", ast.Load())


def path_of(place):
    """Return the path that a place such as state["step"] or betas[0] has in the page; None for anything else."""
    if isinstance(place, ast.Subscript) and isinstance(place.value, ast.Name) and isinstance(place.slice, ast.Constant):
        name, item = place.value.id, place.slice.value
        return ["s", item] if name == "state" else ["h", name, item]
    return None
