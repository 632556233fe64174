"""Lessons as text: the cells of a file in percent format, and the exercises among them.

An exercise is a cell that starts with `# %% exercise 11.1`. It holds a class or a function whose solution lies between
`# BEGIN SOLUTION` and `# END SOLUTION`; the Markdown cell above it has the heading `## Exercise 11.1: title`.
"""

import ast
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent
BLANK = "...  # your lines"
SOLUTION = re.compile(r"^( *)# BEGIN SOLUTION\n.*?^ *# END SOLUTION$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson.

    Attributes
    ----------
    title : str
        What its first line says after `# %%`: "", "[markdown]", "exercise 11.1", ...
    source : str
        Its text; in a Markdown cell, without the `# ` before each line.
    """

    title: str
    source: str

    @property
    def is_markdown(self):
        """Whether the cell is text, not code."""
        return self.title == "[markdown]"

    @property
    def exercise(self):
        """The exercise's number, as in "11.1", or None."""
        return self.title.removeprefix("exercise ") if self.title.startswith("exercise ") else None


def read_cells(text):
    """Split a text in percent format into its cells."""
    parts = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)
    cells = []
    for title, source in zip(parts[1::2], parts[2::2]):
        title, source = title.strip(), source.strip("\n")
        if title == "[markdown]":
            source = "\n".join(re.sub("^# ?", "", line) for line in source.split("\n"))
        cells.append(Cell(title, source))
    return cells


@dataclass(frozen=True)
class Task:
    """An exercise as the lesson states it: number, title, the cell of its solution, and the lesson's imports."""

    number: str
    title: str
    source: str
    imports: str

    @cached_property
    def definition(self):
        """The syntax tree of the class or function that holds the solution."""
        first = self.source.index("# BEGIN SOLUTION")
        line = self.source.count("\n", 0, first) + 1
        return next(node for node in ast.parse(self.source).body if node.lineno <= line <= node.end_lineno)

    @property
    def name(self):
        """The name of the class or function that the student writes."""
        return self.definition.name

    @property
    def is_class(self):
        """Whether the student writes a class."""
        return isinstance(self.definition, ast.ClassDef)

    @property
    def expects(self):
        """What `check` expects, as text: "MyAdam, a class: MyAdam(params, lr=0.001)"."""
        node = self.definition
        if self.is_class:
            inits = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
            arguments = ast.unparse(inits[0].args).removeprefix("self, ") if inits else ""
            return f"{self.name}, a class: {self.name}({arguments})"
        return f"{self.name}, a function: {self.name}({ast.unparse(node.args)})"

    @property
    def blank(self):
        """The cell as the student gets it."""
        return blanked(self.source)

    @property
    def solution(self):
        """The cell without the two markers."""
        return re.sub(r"^ *# (BEGIN|END) SOLUTION\n", "", self.source + "\n", flags=re.MULTILINE).rstrip("\n")


def blanked(source):
    """Return code with a line for the student to replace in place of each solution."""
    return SOLUTION.sub(rf"\1{BLANK}", source)


@dataclass(frozen=True)
class Lesson:
    """A lesson: its file, and what it holds."""

    path: Path

    @property
    def number(self):
        """The lesson's number."""
        return int(self.path.name[:2])

    @cached_property
    def cells(self):
        """The cells of the file."""
        return read_cells(self.path.read_text(encoding="utf-8"))

    @property
    def title(self):
        """The first heading, without its number: "Adam dissected"."""
        return re.sub(r"^# (\d+\. )?", "", self.cells[0].source.split("\n")[0])

    @cached_property
    def imports(self):
        """The imports of the lesson, which its exercises may use."""
        code = "\n".join(cell.source for cell in self.cells if not cell.is_markdown)
        nodes = ast.parse(code).body
        return "\n".join(ast.unparse(node) for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)))

    @cached_property
    def tasks(self):
        """The exercises, in their order."""
        found = []
        for before, cell in zip(self.cells, self.cells[1:]):
            if cell.exercise:
                heading = re.search(rf"^## Exercise {re.escape(cell.exercise)}: (.+)", before.source, re.MULTILINE)
                if not heading:
                    raise ValueError(f"{self.path.name}: the cell before exercise {cell.exercise} needs the heading "
                                     f"`## Exercise {cell.exercise}: title`")
                found.append(Task(cell.exercise, heading[1], cell.source, self.imports))
        return found


@lru_cache(maxsize=1)
def lessons():
    """Return all lessons, in the order of their numbers."""
    return [Lesson(path) for path in sorted(FOLDER.glob("[0-9][0-9]_*.py"))]


def task(number):
    """Return an exercise by its number.

    Raises
    ------
    KeyError
        If there is no such exercise; the message lists those there are.
    """
    tasks = {task.number: task for lesson in lessons() for task in lesson.tasks}
    if number not in tasks:
        raise KeyError(f"there is no exercise {number!r}: there are {', '.join(tasks)}")
    return tasks[number]
