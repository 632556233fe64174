"""A line of source as a formula: what it reads, what it sets, and how it looks with numbers instead of names.

This file holds what `explain` knows about Python's grammar. About optimizers it knows only that `self.update(...)`
returns φ.
"""

import ast
import inspect
import linecache
import textwrap
import types
from collections import UserDict
from copy import deepcopy
from functools import cache

import numpy as np

from ..interface.words import is_empty, is_small, show

# Statements

@cache
def statements(code):
    """Return the statement on each line of a function, by line number; for a compound statement, only its head.

    Each statement gets two attributes: `looping`, the names that the loops around it set, and `beside`, the statements
    before it on its line.
    """
    lines, first = inspect.getsourcelines(code)
    tree = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(tree, first - 1)
    found = {}
    for node in ast.walk(tree.body[0]):
        looping = node.looping = getattr(node, "looping", frozenset())
        if isinstance(node, ast.For):
            looping = looping | {name.id for name in ast.walk(node.target) if isinstance(name, ast.Name)}
        for child in ast.iter_child_nodes(node):
            child.looping = looping
        if isinstance(node, ast.stmt) and node is not tree.body[0]:
            earlier = found.get(node.lineno)
            node.beside = [*earlier.beside, earlier] if earlier is not None else []
            found.update(dict.fromkeys(range(first_line(node), last_line(node) + 1), node))
    return found


def first_line(statement):
    """Return the number of the line on which a statement begins, or the first of those beside it."""
    return (statement.beside or [statement])[0].lineno


def last_line(statement):
    """Return the number of the last line of a statement; for a compound one, of its head."""
    body = getattr(statement, "body", None)
    return max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno


def source_lines(statement, file):
    """Return the lines of a statement as they are in the file; for a compound one, its head."""
    lines = [linecache.getline(file, number).rstrip()
             for number in range(first_line(statement), last_line(statement) + 1)]
    while len(lines) > 1 and (not lines[-1] or lines[-1].lstrip().startswith("#")):
        lines.pop()  # between the head of a compound statement and its body
    return lines


def indentation(lines):
    """Return the indentation of the least indented line, in spaces."""
    return min(len(line) - len(line.lstrip()) for line in lines if line)


# Places: names, and their entries and attributes, such as state["step"] and point.value

def is_place(node):
    """Return whether an expression is a name, or an entry or attribute of a place."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value is not ... and is_place(node.value)
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and is_place(node.value))


def value_of(place, names):
    """Return the value of a place, found without running any code; raise a LookupError if there is none."""
    if isinstance(place, ast.Name):
        return names[place.id]
    owner = value_of(place.value, names)
    if isinstance(place, ast.Subscript):
        owner = owner.data if isinstance(owner, UserDict) else owner  # a parameter group
        if not isinstance(owner, (dict, list, tuple, np.ndarray)):
            raise LookupError(ast.unparse(place))
        return owner[place.slice.value]
    if place.attr in ("data", "grad") or isinstance(owner, np.ndarray) or hasattr(owner, "_fields"):
        return getattr(owner, place.attr)
    attribute = inspect.getattr_static(owner, place.attr, None)
    return getattr(owner, place.attr) if isinstance(attribute, types.MemberDescriptorType) else attribute


def is_showable(value):
    """Return whether a value is made of numbers, arrays and words, so that it can be copied and shown."""
    if isinstance(value, (tuple, list)):
        return all(map(is_showable, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub"
    return value is None or isinstance(value, (np.generic, bool, int, float, str))


def snapshot(places, names):
    """Return copies of the values of those places that have one, by the text of the place."""
    values = {}
    for place in places:
        try:
            value = value_of(place, names)
        except (LookupError, TypeError, AttributeError):
            continue
        if is_showable(value):
            values[ast.unparse(place)] = deepcopy(value)
    return values


def reads(statement):
    """Return the places that a statement reads; for a compound one, those in its head."""
    if getattr(statement, "body", None):
        tops = [getattr(statement, "test", None) or getattr(statement, "iter", None)]
    elif isinstance(statement, ast.AugAssign):
        tops = [statement.target, statement.value]
    else:
        tops = [getattr(statement, "value", None)]
    return [node for top in tops if top is not None for node in ast.walk(top) if is_place(node)]


def assignments(statement):
    """Yield (place, expression) for each place that a statement sets, with None if no expression is its whole value.

    The place of `x[i] = ...` and of `f(..., out=x)` is the array x.
    """
    value = getattr(statement, "value", None)
    if isinstance(statement, ast.AugAssign):
        yield from paired(statement.target, ast.BinOp(as_read(statement.target), statement.op, value))
    else:
        for target in getattr(statement, "targets", None) or [getattr(statement, "target", None)]:
            yield from paired(target, value)
    if isinstance(value, ast.Call):
        for keyword in value.keywords:
            if keyword.arg == "out":
                yield from paired(keyword.value, value)
        if ast.unparse(value.func) == "np.copyto" and len(value.args) == 2:
            yield from paired(value.args[0], None if value.keywords else value.args[1])


def paired(target, expression):
    """Yield the places of a target, each with the expression that it is set to."""
    if is_place(target):
        yield target, expression
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part, its_expression in zip(target.elts, parts_of(expression, target.elts)):
            yield from paired(part, its_expression)
    elif isinstance(target, ast.Subscript):
        yield from paired(target.value, expression if is_whole(target.slice) else None)
    elif isinstance(target, ast.Starred):
        yield from paired(target.value, None)


def parts_of(expression, targets):
    """Return the expressions that several targets are set to by the unpacking of one."""
    if not any(isinstance(target, ast.Starred) for target in targets):
        if isinstance(expression, (ast.Tuple, ast.List)) and len(expression.elts) == len(targets):
            return expression.elts
        if expression is not None and is_place(expression):
            return [ast.Subscript(expression, ast.Constant(i), ast.Load()) for i in range(len(targets))]
    return [None] * len(targets)


def is_whole(index):
    """Return whether an index picks the whole array, as in x[:] and x[...]."""
    if isinstance(index, ast.Slice):
        return index.lower is index.upper is index.step is None
    return isinstance(index, ast.Constant) and index.value is ...


def as_read(target):
    """Return the target of `x += ...` as an expression that is read."""
    return ast.parse(ast.unparse(target), mode="eval").body


def targets(statement):
    """Return the places that a statement sets."""
    return [place for place, _ in assignments(statement)]


# Formulas

class Formula(ast.NodeTransformer):
    """Writes an expression with numbers instead of names.

    Parameters
    ----------
    before : dict
        The values of the places that the expression reads, by their text.
    phi : array or None
        What `update` returned last.
    picked : callable
        Returns the part of a value to show, such as one element.
    """

    def __init__(self, before, phi, picked):
        self.before, self.phi, self.picked = before, phi, picked

    def text_of(self, expression):
        """Return the text of the expression in numbers."""
        return ast.unparse(ast.fix_missing_locations(self.visit(deepcopy(expression))))

    def in_numbers(self, expression):
        """Return the text of the expression in numbers, or None if it is no more than a constant or a place."""
        if is_renaming(expression):
            return None
        return self.text_of(expression)

    def visit(self, node):
        if is_place(node):
            text = ast.unparse(node)
            return self.written(self.before[text], node) if text in self.before else node
        return super().visit(node)

    def visit_Call(self, node):
        if is_call_of_update(node):
            return self.written(self.phi, ast.Name("φ", ast.Load()))
        node.args = [self.visit(arg) for arg in node.args]
        node.keywords = [ast.keyword(word.arg, self.visit(word.value)) for word in node.keywords if word.arg != "out"]
        return node

    def visit_Subscript(self, node):
        return self.visit(node.value) if is_whole(node.slice) else self.generic_visit(node)

    def visit_IfExp(self, node):
        if is_place(node.test) and ast.unparse(node.test) in self.before:
            return self.visit(node.body if np.any(self.before[ast.unparse(node.test)]) else node.orelse)
        return self.generic_visit(node)

    def visit_ListComp(self, node):
        return node  # the values of a comprehension's own names are not known

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_Lambda = visit_ListComp

    def written(self, value, node):
        """Return the value as part of an expression, or the expression as it was if the value cannot be written out."""
        value = self.picked(value)
        if value is None or isinstance(value, str) or not is_small(value) or is_empty(value):
            return node
        text = show(value)
        return ast.Name(f"({text})" if text.startswith("-") else text, ast.Load())


class LiveBranches(ast.NodeTransformer):
    """Replaces `x if test else y` by the branch that runs, where the test is a place, or `active(place)`."""

    def __init__(self, before):
        self.before = before

    def visit_IfExp(self, node):
        test = node.test
        if isinstance(test, ast.Call) and ast.unparse(test.func) == "active" and len(test.args) == 1:
            test = test.args[0]
        if not is_place(test) or ast.unparse(test) not in self.before:
            return self.generic_visit(node)
        return self.visit(node.body if np.any(self.before[ast.unparse(test)]) else node.orelse)


def live_source(source, before):
    """Return the source of a line without the branches that do not run; `before` has the values that it reads."""
    if " if " not in source:
        return source
    try:
        tree = ast.parse(source)
    except SyntaxError:  # the head of a compound statement
        return source
    return ast.unparse(LiveBranches(before).visit(tree))


def is_call_of_update(node):
    """Return whether an expression is a call of some rule's `update`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"


def is_call_of_one(statement):
    """Return whether a statement is a call with one argument, such as `self.place(theta)`."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and len(statement.value.args) == 1


def is_renaming(expression):
    """Return whether an expression calculates nothing: it is a constant, or a place."""
    return isinstance(expression, ast.Constant) or is_place(expression)


def is_allocation(expression):
    """Return whether an expression makes an array of arbitrary numbers."""
    return isinstance(expression, ast.Call) and ast.unparse(expression.func) in ("np.empty", "np.empty_like")


def equations(statement, values, formula):
    """Yield (name, expression, expression in numbers, result) for each value that a statement has set.

    The expression is None where it is not known; in numbers also where it says no more than the result does.
    """
    expressions = {ast.unparse(place): expression for place, expression in assignments(statement)}
    if isinstance(statement, ast.Return):
        expressions = dict.fromkeys(("φ", "result"), statement.value)
    elif is_call_of_one(statement):
        expressions = {"θ": statement.value.args[0]}
    for name, value in values.items():
        expression, result, in_numbers = expressions.get(name), show(formula.picked(value)), None
        if is_allocation(expression):
            continue
        if expression is not None:
            in_numbers = formula.in_numbers(expression)
            if in_numbers is not None and in_numbers.strip("()") == result.strip("()"):
                in_numbers = None
        yield name, expression, in_numbers, result
