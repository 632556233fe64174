"""The source lines of a derivative rule that ran, and its formula with numbers instead of names.

Rules are lambdas in a table, or short functions. What is found here is the text of the code that ran: if a function
can return in several places, it is the one where it did.
"""

import ast
import inspect
import linecache
import sys
from contextlib import contextmanager
from copy import deepcopy
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from .digits import SMALL, show
from .structure import arrays_in


class RuleSource(NamedTuple):
    """The place of a rule, its text, and the syntax tree of its formula if it is a single one.

    `leading` are the assignments that led to it, as pairs of the number of a line and its text.
    """

    file: str
    line: int
    text: str
    formula: ast.AST
    leading: tuple = ()


@contextmanager
def frames_at_return(rules):
    """Yield a dictionary that receives, by its code, the line on which a rule returned last, and its variables.

    A profiler that was set before is set again afterwards.
    """
    found, earlier, codes = {}, sys.getprofile(), set(map(code_of, rules))

    def listen(frame, event, arg):
        if event == "return" and frame.f_code in codes:
            found[frame.f_code] = frame.f_lineno, dict(frame.f_locals)

    sys.setprofile(listen)
    try:
        yield found
    finally:
        sys.setprofile(earlier)
        found.clear()


def code_of(rule):
    """Return the code of a rule, under its decorators; None for a function written in C."""
    return getattr(inspect.unwrap(rule.func if isinstance(rule, partial) else rule), "__code__", None)


def source_of(rule, returned_on=None):
    """Return the RuleSource of a function that returned on some line, with None for what is not known, as in C."""
    code = code_of(rule)
    if code is None:
        return RuleSource(None, None, getattr(rule, "__name__", repr(rule)), None)
    return source_of_code(code.co_filename, code, returned_on)


@cache
def source_of_code(file, code, returned_on):
    """Return the RuleSource of a function by its code."""
    lines = linecache.getlines(file)
    first = lines[code.co_firstlineno - 1].strip() if code.co_firstlineno <= len(lines) else code.co_name
    text = "".join(lines)
    try:
        candidates = [node for node in ast.walk(ast.parse(text)) if begins(node, code)]
    except SyntaxError:  # a notebook's cell with commands of IPython in it
        candidates = []
    if len(candidates) > 1:
        candidates = [node for node in candidates if compiles_to(node, code)]
    if not candidates:
        return RuleSource(file, code.co_firstlineno, first, None)
    *leading, (telling, formula) = telling_parts(candidates[0], returned_on)
    if isinstance(telling, ast.FunctionDef):
        return RuleSource(file, telling.lineno, lines[telling.lineno - 1].strip(), None)

    def written(node):
        return " ".join(ast.get_source_segment(text, node).split())

    return RuleSource(file, telling.lineno, written(telling), formula,
                      tuple((node.lineno, written(node)) for node, _ in leading))


def begins(node, code):
    """Return whether a lambda or function may be the source of this code: of its kind, and on its first line."""
    if isinstance(node, ast.FunctionDef):
        line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return node.name == code.co_name and line == code.co_firstlineno
    return isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and node.lineno == code.co_firstlineno


def compiles_to(node, code):
    """Return whether a lambda, one of several on a line, is the source of this code."""
    alone = compile(ast.Expression(node), code.co_filename, "eval").co_consts[0]
    parts = ("co_code", "co_consts", "co_names", "co_varnames")
    return all(getattr(alone, part) == getattr(code, part) for part in parts)


def telling_parts(definition, returned_on):
    """Return the parts of a definition that show what it did, each with its formula if it is a single one."""
    if isinstance(definition, ast.Lambda):
        return [(definition, definition.body)]
    body = [statement for statement in definition.body
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))]
    if len(body) == 1 and isinstance(body[0], (ast.Return, ast.Expr)):
        return [(body[0], body[0].value)]
    if len(body) == 1 and isinstance(body[0], (ast.Assign, ast.AugAssign)):
        return [(body[0], body[0])]
    path = way_to(body, returned_on)
    return [(node, getattr(node, "value", None)) for node in path] or [(definition, None)]


def way_to(block, line):
    """Return the assignments that ran before the `return` on a line, and the `return`; nothing if there is none."""
    leading = []
    for statement in block:
        if isinstance(statement, (ast.Assign, ast.AugAssign)):
            leading.append(statement)
        if line is not None and statement.lineno <= line <= statement.end_lineno:
            if isinstance(statement, ast.Return):
                return [*leading, statement]
            for inner in (getattr(statement, "body", []), getattr(statement, "orelse", [])):
                if path := way_to(inner, line):
                    return leading + path
    return []


def with_numbers(source, g, names):
    """Return "formula = formula in numbers" for a rule with these variables, "" if it has no single formula.

    If g is large, the formula alone is returned.
    """
    if source.formula is None:
        return ""
    in_words = ast.unparse(source.formula)
    in_numbers = in_words if sum(map(np.size, arrays_in(g))) > SMALL else substituted(source.formula, names)
    return in_words if in_words == in_numbers else f"{in_words} = {in_numbers}"


def substituted(formula, names):
    """Return a formula with numbers instead of names; large arrays keep their names."""
    if isinstance(formula, ast.Name) and formula.id in names:
        return show(names[formula.id])
    return ast.unparse(Numbers(names).visit(deepcopy(formula)))


class Numbers(ast.NodeTransformer):
    """Replaces names by small values. Functions, and names that are indexed or followed by an attribute, stay."""

    def __init__(self, values):
        self.values = values

    def visit_Name(self, node):
        value = self.values.get(node.id)
        if isinstance(value, bool) or not isinstance(value, (int, float, np.ndarray, np.generic)):
            return node
        return self.written(value, node)

    def visit_Attribute(self, node):
        array = self.values.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if isinstance(array, np.ndarray) and node.attr in ("T", "mT"):
            return self.written(getattr(array, node.attr), node)
        return node if isinstance(node.value, ast.Name) else self.generic_visit(node)

    @staticmethod
    def written(value, node):
        text = show(value)
        return ast.Name(f"({text})" if text.startswith("-") else text, node.ctx) if np.size(value) <= SMALL else node

    def visit_Subscript(self, node):
        node.slice = self.visit(node.slice)
        node.value = node.value if isinstance(node.value, ast.Name) else self.visit(node.value)
        return node

    def visit_Call(self, node):
        node.func = node.func if isinstance(node.func, ast.Name) else self.visit(node.func)
        node.args = [self.visit(arg) for arg in node.args]
        return node

    def visit_Lambda(self, node):
        return node
