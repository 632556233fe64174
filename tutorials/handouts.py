"""What students get: each lesson as a script and as a notebook, with blanks instead of solutions.

Both are generated from the lesson, never written by hand. The solutions are at the end, or left out. The notebooks
carry nbgrader's metadata, so that `nbgrader generate_assignment` and `nbgrader autograde` know the cells.
"""

import json
import re
from pathlib import Path

from .lessons import FOLDER, Cell, lessons

SETUP = "setup"  # the title of the cell that makes the folder `tutorials` known; it differs from one place to another
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
          "language_info": {"name": "python"}}


def write(folder, for_nbgrader=False, solutions=True):
    """Write all lessons as scripts and notebooks into a folder; do not change files that are there already.

    Parameters
    ----------
    folder : str or path
        It is made if it does not exist.
    for_nbgrader : bool
        Write the notebooks from which nbgrader makes its assignments instead: with solutions between their markers,
        each in its own folder in `source`.
    solutions : bool
        Append the solutions to the student's scripts and notebooks.

    Returns
    -------
    (list of Path, list of Path)
        The files that were written, and those that were there and kept: a student's work is never overwritten.
    """
    written, kept = [], []
    for lesson in lessons():
        name = lesson.path.stem
        if for_nbgrader:
            texts = {Path("source", name, f"{name}.ipynb"): notebook(lesson, solved=True)}
        else:
            texts = {Path(f"{name}.py"): script(lesson, solutions),
                     Path(f"{name}.ipynb"): notebook(lesson, solutions=solutions)}
        for place, text in texts.items():
            path = Path(folder) / place
            if path.exists():
                kept.append(path)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written, kept


def student_cells(lesson, solved=False, solutions=True):
    """Return the cells of the student's copy: blanks, a check after each exercise, and perhaps the solutions."""
    cells = []
    for cell in lesson.cells:
        if cell.title == SETUP:
            cells.append(Cell(SETUP, setup(FOLDER.parent)))
        elif cell.exercise:
            task = next(task for task in lesson.tasks if task.number == cell.exercise)
            cells.append(Cell(cell.title, cell.source if solved else task.blank))
            cells.append(Cell(f"check {task.number}", f'tutorials.check("{task.number}", {task.name})'))
        else:
            cells.append(cell)
    if lesson.tasks and solutions and not solved:
        cells.append(Cell("[markdown]", all_solutions(lesson)))
    return cells


def setup(root):
    """Return the first code cell: where the folder `tutorials` is."""
    return f'import sys\n\nsys.path.append({str(root)!r})  # where the folder "tutorials" is'


def all_solutions(lesson):
    """Return the Markdown of the solutions, which a notebook folds."""
    parts = ["## Solutions\n\nTry first. In a notebook each solution opens with a click; in a script it is in plain "
             "sight below."]
    for task in lesson.tasks:
        code = f"```python\n{task.solution}\n```"
        parts.append(f"<details><summary>{task.number}: {task.title}</summary>\n\n{code}\n\n</details>")
    return "\n\n".join(parts)


def script(lesson, solutions=True):
    """Return a lesson's student copy in percent format."""
    parts = []
    for cell in student_cells(lesson, solutions=solutions):
        source = cell.source
        if cell.is_markdown:
            source = "\n".join(f"# {line}".rstrip() for line in source.split("\n"))
        elif cell.title.startswith("check "):
            source = f"print({source})"
        parts.append(f"# %% {cell.title}".rstrip() + f"\n{source}\n")
    return "\n".join(parts)


def notebook(lesson, solved=False, solutions=True):
    """Return a lesson's student copy as the JSON of a Jupyter notebook."""
    cells = [notebook_cell(cell, i, solved) for i, cell in enumerate(student_cells(lesson, solved, solutions))]
    document = {"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def notebook_cell(cell, i, graded=False):
    """Return a cell as nbformat 4.5 writes it, with nbgrader's metadata if it is part of an exercise.

    In a graded notebook a check that fails raises, from which nbgrader takes the points.
    """
    source, metadata = cell.source, {}
    if cell.exercise:
        metadata = {"nbgrader": grading(f"exercise-{cell.exercise}", solution=True)}
    elif cell.title.startswith("check "):
        number = cell.title.removeprefix("check ")
        metadata = {"nbgrader": grading(f"check-{number}", grade=True, locked=True, points=1)}
        if graded:
            source = f"verdict = {source}\nassert verdict.passed, verdict.message"
    found = {"cell_type": "markdown" if cell.is_markdown else "code", "id": f"cell-{i}", "metadata": metadata,
             "source": source.splitlines(keepends=True)}
    return found if cell.is_markdown else {**found, "execution_count": None, "outputs": []}


def grading(name, grade=False, solution=False, locked=False, **more):
    """Return nbgrader's metadata of a cell."""
    return {"grade": grade, "grade_id": re.sub(r"\W", "-", name), "locked": locked, "schema_version": 3,
            "solution": solution, "task": False, **more}
