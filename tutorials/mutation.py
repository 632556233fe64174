"""Mistakes that nobody planted: every operator, constant and statement of a solution, changed one at a time.

A good check catches them, too. `mutants` makes them, `verdicts` checks them. Some are not mistakes: they compute the
same, or change something that the solution was free to choose. The exercise lists these as `equivalent`.
`python -m tutorials.mutation` tries all of them, and writes the table in docs/teaching.md.
"""

import ast
import copy
from collections import Counter
from dataclasses import dataclass

from .checking import build, check, exercise, exercises
from .lessons import FOLDER, SOLUTION, lessons

OPERATORS = {ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult], ast.Pow: [ast.Mult],
             ast.FloorDiv: [ast.Mult], ast.Mod: [ast.Mult], ast.MatMult: [],
             ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE],
             ast.Gt: [ast.GtE, ast.Lt], ast.GtE: [ast.Gt, ast.LtE],
             ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.In: [ast.NotIn], ast.NotIn: [ast.In],
             ast.And: [ast.Or], ast.Or: [ast.And], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is]}
FUNCTIONS = {"maximum": "minimum", "minimum": "maximum", "max": "min", "min": "max", "sum": "mean", "mean": "sum",
             "argmax": "argmin", "argmin": "argmax", "sin": "cos", "cos": "sin", "exp": "expm1", "log": "log1p",
             "sqrt": "cbrt", "abs": "positive", "zeros_like": "ones_like", "ones_like": "zeros_like", "dot": "multiply"}

SYMMETRIC = {"maximum", "minimum", "multiply", "hypot", "array_equal"}


@dataclass(frozen=True)
class Mutant:
    """A changed solution.

    Attributes
    ----------
    change : str
        The line before and after: "return f(x) / h -> return f(x) * h".
    source : str
        The exercise's cell with the change.
    """

    change: str
    source: str


def mutants(task):
    """Return all single changes of a solution, each once.

    Parameters
    ----------
    task : Task
        The exercise.

    Returns
    -------
    list of Mutant
    """
    tree = ast.parse(task.source)
    inside = [range(task.source.count("\n", 0, part.start()) + 1, task.source.count("\n", 0, part.end()) + 2)
              for part in SOLUTION.finditer(task.source)]
    nodes = [node for node in ast.walk(tree) if any(getattr(node, "lineno", 0) in lines for lines in inside)]
    found = {}
    for number, node in enumerate(nodes):
        for i in range(len(changes(node))):
            changed = copy.deepcopy(tree)
            twins = [twin for twin in ast.walk(changed) if any(getattr(twin, "lineno", 0) in lines for lines in inside)]
            before = ast.unparse(statement_of(changed, twins[number]))
            changes(twins[number])[i]()
            source = ast.unparse(changed)
            after = ast.unparse(statement_of(changed, twins[number]))
            found.setdefault(source, Mutant(f"{first_line(before)} -> {first_line(after)}", source))
    found.pop(ast.unparse(tree), None)
    return list(found.values())


def changes(node):
    """Return functions without arguments that each change the node in place, to one thing it could wrongly be."""
    def setting(name, value):
        return lambda: setattr(node, name, value)

    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)):
        others = [setting("op", kind()) for kind in OPERATORS.get(type(node.op), [])]
        sides = [node.left, node.right] if isinstance(node, ast.BinOp) else []
        return others + [lambda side=side: become(node, side) for side in sides]
    if isinstance(node, ast.Compare):
        return [setting("ops", [kind(), *node.ops[1:]]) for kind in OPERATORS.get(type(node.ops[0]), [])]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return [setting("op", ast.UAdd())]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return [setting("value", not node.value)]
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return [setting("value", value) for value in sorted({node.value + 1, 2 * node.value, 0} - {node.value})]
    if isinstance(node, ast.Attribute) and node.attr in FUNCTIONS:
        return [setting("attr", FUNCTIONS[node.attr])]
    if isinstance(node, ast.Tuple) and len(node.elts) > 1 and isinstance(node.ctx, ast.Load):
        return [lambda: node.elts.reverse()]
    if isinstance(node, ast.Call):
        fewer = [setting("keywords", [other for other in node.keywords if other is not one]) for one in node.keywords]
        in_order = len(node.args) == 2 and getattr(node.func, "attr", "") not in SYMMETRIC
        return fewer + [node.args.reverse] * in_order
    if isinstance(node, ast.Assign):
        return [lambda: become(node, ast.Pass())]
    return []


def become(node, other):
    """Turn a node into another one, in its place."""
    node.__class__ = type(other)
    node.__dict__.update(other.__dict__)


def statement_of(tree, node):
    """Return the innermost statement that a node is part of."""
    around = [statement for statement in ast.walk(tree)
              if isinstance(statement, ast.stmt) and any(part is node for part in ast.walk(statement))]
    return around[-1]


def first_line(text):
    """Return the first line of a statement."""
    return text.split("\n")[0]


def verdicts(task, some=slice(None)):
    """Check the mutants of a solution, except those that are not mistakes.

    Parameters
    ----------
    task : Task
        The exercise.
    some : slice
        Which of the mutants to try.

    Returns
    -------
    list of (Mutant, Verdict)
    """
    how = exercise(task.number)
    tried = [mutant for mutant in mutants(task)[some] if not any(part in mutant.change for part in how.equivalent)]
    limit, how.seconds = how.seconds, min(how.seconds, 1)
    try:
        return [(mutant, check(task.number, build(mutant.source, task))) for mutant in tried]
    finally:
        how.seconds = limit


def results():
    """Yield for each exercise that is compared with its solution: the task, and the verdicts on its mutants."""
    for task in exercises():
        if exercise(task.number).experiment:
            yield task, verdicts(task)


def table(found):
    """Return the table in docs/teaching.md, from `results`: what is planted, and what mutation finds."""
    rows = {f"{lesson.number} {lesson.title}": Counter() for lesson in lessons()}
    names = {task.number: name for name, lesson in zip(rows, lessons()) for task in lesson.tasks}
    rows["all"] = Counter()
    for task, checked in found:
        kinds = [verdict.kind for _, verdict in checked]
        counts = Counter(planted=len(exercise(task.number).mistakes), tried=len(kinds),
                         named=kinds.count("mistake"), missed=kinds.count("passed"))
        rows[names[task.number]] += counts
        rows["all"] += counts
    lines = ["| lesson | planted, each named | mutations | named as a planted one | caught in other words | missed |",
             "| --- | --- | --- | --- | --- | --- |"]
    for name, counts in rows.items():
        if counts:
            otherwise = counts["tried"] - counts["named"] - counts["missed"]
            numbers = [counts["planted"], counts["tried"], counts["named"], otherwise, counts["missed"]]
            lines.append(f"| {name} | {' | '.join(map(str, numbers))} |")
    return "\n".join(lines)


def main():
    """Print the mutants that a check lets pass, and write the table into docs/teaching.md."""
    found = list(results())
    for task, checked in found:
        for mutant, verdict in checked:
            if verdict.passed:
                print(f"{task.number} passes: {mutant.change}")
    page = FOLDER.parent / "docs" / "teaching.md"
    before, begin, rest = page.read_text(encoding="utf-8").partition("<!-- written by python -m tutorials.mutation -->")
    _, end, after = rest.partition("<!-- end -->")
    page.write_text(f"{before}{begin}\n\n{table(found)}\n\n{end}{after}", encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
