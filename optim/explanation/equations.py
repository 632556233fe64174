"""The equations of a rule, which are the docstring of its method, and the statements below that calculate them."""

import ast
import inspect
import re
import textwrap

LOOKED_UP = {"self.floors", "self.vector", "self.copied_state"}  # calls that look something up and calculate nothing


def equations_of(function):
    """Return (left side, right side, note) for each equation in the docstring of a function.

    Examples
    --------
    >>> import optim
    >>> from optim.explanation.equations import equations_of
    >>> equations_of(optim.SGD.update)[1]
    ('b', 'g', 'at the first step with momentum')
    """
    lines = [re.fullmatch(r"\s*(\S+) ← (.*?)(?:\s{2,}(.*))?", line) for line in (function.__doc__ or "").splitlines()]
    return [tuple([part or "" for part in line.groups()]) for line in lines if line]


def calculations(function):
    """Return (name, line numbers) for each thing that a function calculates, in order.

    `m *= b` and `m += c` in a row are one calculation, and `name = other` is none. What is returned is called "phi" if
    the function is `update`, and "theta" if it is `point`.

    Examples
    --------
    >>> import optim
    >>> from optim.explanation.equations import calculations
    >>> [name for name, lines in calculations(optim.Signum.update)]
    ['m', 'phi', 'phi']
    """
    lines, first = inspect.getsourcelines(function)
    tree = ast.parse(textwrap.dedent("".join(lines)))
    return [(name, {line + first - 1 for line in numbers})
            for name, numbers in calculated_in(tree.body[0].body, function.__name__)]


def calculated_in(block, method):
    """Return the names and lines that a list of statements, and the blocks inside them, calculate."""
    found, scaled = [], None
    for statement in block:
        names = list(calculated_by(statement, method))
        if scaled and [scaled] == names:
            found[-1][1].add(statement.lineno)
        else:
            found += [(name, {statement.lineno}) for name in names]
        is_scaling = isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Mult)
        scaled = names[0] if is_scaling else None
        for inner in ("body", "orelse"):
            found += calculated_in(getattr(statement, inner, []), method)
    return found


def calculated_by(statement, method):
    """Yield the names of what one statement calculates."""
    value = getattr(statement, "value", None)
    if isinstance(statement, ast.Return) and calculates(value):
        yield {"point": "theta", "update": "phi"}.get(method, "result")
    elif isinstance(statement, ast.AugAssign):
        yield name_of(statement.target)
    elif isinstance(statement, ast.Assign):
        target = statement.targets[0]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            yield from [name_of(one) for one, its in zip(target.elts, value.elts) if calculates(its)]
        elif calculates(value):
            yield from map(name_of, target.elts if isinstance(target, ast.Tuple) else [target])
    elif isinstance(statement, ast.Expr) and isinstance(value, ast.Call):
        yield from [name_of(word.value) for word in value.keywords if word.arg == "out"]


def calculates(expression):
    """Return whether an expression is more than a name, a constant, or a list of names."""
    if isinstance(expression, (ast.Tuple, ast.List)):
        return any(map(calculates, expression.elts))
    if isinstance(expression, ast.IfExp):
        return calculates(expression.body) or calculates(expression.orelse)
    if isinstance(expression, (ast.Attribute, ast.Subscript)):
        return calculates(expression.value)
    if isinstance(expression, ast.Call):
        lists_names = any(isinstance(argument, ast.ListComp) for argument in expression.args)
        return not lists_names and ast.unparse(expression.func) not in LOOKED_UP
    return expression is not None and not isinstance(expression, (ast.Name, ast.Constant, ast.ListComp, ast.DictComp,
                                                                  ast.Dict))


def name_of(target):
    """Return the name of what a statement sets: that of an entry of the state is its key."""
    if isinstance(target, ast.Subscript):
        key = getattr(target.slice, "value", None)
        return key if isinstance(key, str) else name_of(target.value)
    return target.attr if isinstance(target, ast.Attribute) else target.id
