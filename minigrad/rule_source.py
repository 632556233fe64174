"""The line of source that a derivative rule stands on, and that line with the numbers in the place of the names.

Rules are lambdas in a table, or short functions, or small functions that rules return in order to add to a gradient
themselves. Whatever it is, what is found here is the text of the code that ran.
"""

import ast
import inspect
import linecache
from copy import deepcopy
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from .digits import SMALL, show


class RuleSource(NamedTuple):
    """Where a rule stands, its text, and the syntax tree of its formula if it is a single one."""

    file: str
    line: int
    text: str
    formula: ast.AST


def source_of(rule):
    """Return the RuleSource of a function, with None for what is not known, as for a function written in C."""
    rule = inspect.unwrap(rule.func if isinstance(rule, partial) else rule)
    if not hasattr(rule, "__code__"):
        return RuleSource(None, None, getattr(rule, "__name__", repr(rule)), None)
    return source_of_code(rule.__code__.co_filename, rule.__code__)


@cache
def source_of_code(file, code):
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
    telling, formula = telling_part(candidates[0])
    if isinstance(telling, ast.FunctionDef):
        return RuleSource(file, telling.lineno, lines[telling.lineno - 1].strip(), None)
    return RuleSource(file, telling.lineno, " ".join(ast.get_source_segment(text, telling).split()), formula)


def begins(node, code):
    """Tell whether a lambda or function may be the source of this code: of its kind, and on its first line."""
    if isinstance(node, ast.FunctionDef):
        line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return node.name == code.co_name and line == code.co_firstlineno
    return isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and node.lineno == code.co_firstlineno


def compiles_to(node, code):
    """Tell whether a lambda, one of several on a line, is the source of this code."""
    alone = compile(ast.Expression(node), code.co_filename, "eval").co_consts[0]
    parts = ("co_code", "co_consts", "co_names", "co_varnames")
    return all(getattr(alone, part) == getattr(code, part) for part in parts)


def telling_part(definition):
    """Return the part of a definition that tells most, and its formula if that is all there is to it."""
    if isinstance(definition, ast.Lambda):
        return definition, definition.body
    body = [statement for statement in definition.body
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))]
    returns = [statement for statement in ast.walk(definition) if isinstance(statement, ast.Return)]
    if len(body) == 1 and isinstance(body[0], (ast.Return, ast.Expr)):
        return body[0], body[0].value
    if len(body) == 1 and isinstance(body[0], (ast.Assign, ast.AugAssign)):
        return body[0], body[0]
    if len(returns) == 1 and returns[0] in body and not isinstance(returns[0].value, ast.Name):
        return returns[0], None
    return definition, None


def with_numbers(source, rule, g, ans, args, keywords):
    """Return "formula = formula in numbers" for a rule applied to these arguments, "" if it has no single formula.

    Where g is large, the formula stands alone.
    """
    if source.formula is None:
        return ""
    if np.size(g) > SMALL:
        return ast.unparse(source.formula)
    given = rule.args if isinstance(rule, partial) else ()
    function = rule.func if isinstance(rule, partial) else rule
    names = inspect.signature(inspect.unwrap(function)).bind(*given, g, ans, *args, **keywords).arguments
    in_words, in_numbers = ast.unparse(source.formula), substituted(source.formula, names)
    return in_words if in_words == in_numbers else f"{in_words} = {in_numbers}"


def substituted(formula, names):
    """Return a formula with the numbers in the place of the names; of large arrays the names stay."""
    if isinstance(formula, ast.Name) and formula.id in names:
        return show(names[formula.id])
    return ast.unparse(ast.fix_missing_locations(Numbers(names).visit(deepcopy(formula))))


class Numbers(ast.NodeTransformer):
    """Puts small values in the place of names; functions, and what is indexed or asked for an attribute, stay."""

    def __init__(self, values):
        self.values = values

    def visit_Name(self, node):
        value = self.values.get(node.id)
        if not isinstance(value, (int, float, np.ndarray, np.generic)) or np.size(value) > SMALL:
            return node
        text = show(value)
        return ast.Name(f"({text})" if text.startswith("-") else text, node.ctx)

    def visit_Attribute(self, node):
        return node if isinstance(node.value, ast.Name) else self.generic_visit(node)

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
