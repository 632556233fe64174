"""A student's files: which lesson each belongs to, and their checks.

The part of a file that an exercise needs runs in its own process, which is ended if it takes too long.
"""

import ast
import contextlib
import io
import json
import linecache
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from symtable import symtable

from .checking import Verdict, blank_message, check, exercise
from .lessons import BLANK, FOLDER, lessons, task

STARTING = 20  # seconds to start Python and import what the lesson imports


def endings(path):
    """Return all endings of a file's name, in small letters: {".py", ".txt"} of "lesson.PY.txt"."""
    return {ending.lower() for ending in Path(path).suffixes}


def files_in(place):
    """Return the scripts and notebooks of a folder, or of a path that is a file, without hidden ones."""
    paths = place.iterdir() if place.is_dir() else [place]
    return sorted(path for path in paths
                  if path.is_file() and endings(path) & {".py", ".ipynb"} and not path.name.startswith("."))


def folders_with_lessons(place):
    """Return the folders below a folder in which files of lessons are, except hidden folders and packages."""
    folders = [path for path in sorted(place.rglob("*")) if path.is_dir() and not (path / "__init__.py").exists()]
    shown = [folder for folder in folders if not any(part[0] == "." for part in folder.relative_to(place).parts)]
    return [folder for folder in shown if any(lessons_in(path) for path in files_in(folder))]


def lessons_in(path):
    """Return the lessons that a file belongs to: those of which it defines an exercise, whatever its name is.

    The text is searched as it is, because a file that is not Python, or a broken notebook, is to be found as well. A
    file without an exercise belongs to the lesson that it is named after.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    defined = set(re.findall(r"\b(?:def|class) +(\w+)", text))
    found = [lesson for lesson in lessons() if defined & {task.name for task in lesson.tasks}]
    return found or [lesson for lesson in lessons() if lesson.path.stem == Path(path).stem]


def code_of(path, name):
    """Return the Python text of a script, or of a notebook's code cells, in which to find a name.

    IPython's magic commands become `pass`. A cell of a notebook that is not Python is left out, unless it is the one
    that defines the name: students try things.
    """
    text = Path(path).read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    if ".ipynb" not in endings(path):
        return text
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    cells = [re.sub(r"^( *)[%!?].*", r"\1pass", cell, flags=re.MULTILINE) for cell in cells]
    return "\n\n".join(cell for cell in cells if is_python(cell) or re.search(rf"(def|class) {name}\b", cell))


def is_python(text):
    """Return whether a text can be parsed."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def needed(text, name):
    """Return the top-level statements that the definition of a name needs, itself included, in their order.

    So an exercise is checked without running the rest of the lesson.
    """
    statements = ast.parse(text).body
    binding = {}  # which statements bind a name
    for statement in statements:
        for bound in bound_names(statement):
            binding.setdefault(bound, []).append(statement)
    wanted, waiting = set(), [name]
    while waiting:
        for statement in binding.pop(waiting.pop(), ()):
            wanted.add(statement)
            waiting += used_names(symtable(ast.unparse(statement), "student", "exec"))
    return [statement for statement in statements if statement in wanted]


def used_names(scope):
    """Return the global names that a piece of code uses, those inside its functions and classes included."""
    is_top = scope.get_type() == "module"
    names = [symbol.get_name() for symbol in scope.get_symbols()
             if symbol.is_referenced() and (is_top or symbol.is_global())]
    return names + [name for inner in scope.get_children() for name in used_names(inner)]


def bound_names(statement):
    """Return the names that a top-level statement binds."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.split(".")[0] for alias in statement.names]
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        return [node.id for node in names if isinstance(node.ctx, ast.Store)]
    return []


def at_sight(path, number):
    """Return a verdict that needs no run of the file: not Python, nothing there, or still blank. None otherwise."""
    wanted, file = task(number), Path(path).name
    try:
        text = code_of(path, wanted.name)
        statements = needed(text, wanted.name)
    except SyntaxError as error:
        line = (error.text or "").strip()
        return Verdict(number, False, f"{file} is not Python: line {error.lineno}, {error.msg}: {line}", "error")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return Verdict(number, False, f"{file} cannot be read: {type(error).__name__}: {error}", "error")
    found = [statement for statement in statements if wanted.name in bound_names(statement)]
    if not found:
        return Verdict(number, False, f"{file} defines no {wanted.name}.", "missing")
    lines = text.split("\n")[found[-1].lineno - 1:found[-1].end_lineno]  # with the comment at the end of the last
    if any(line.strip() == BLANK for line in lines):
        return Verdict(number, False, blank_message(wanted, BLANK), "blank")
    return None


def check_here(path, number):
    """Run the part of a file that an exercise needs in this process; return the verdict."""
    path, wanted = str(path), task(number)
    text = code_of(path, wanted.name)
    linecache.cache[path] = (len(text), None, text.splitlines(True), path)
    names = {"__name__": "student", "__file__": path}
    try:
        exec(compile(ast.Module(needed(text, wanted.name), []), path, "exec"), names)
    except BaseException as error:
        return Verdict(number, False, f"{Path(path).name} raises {type(error).__name__}: {error}", "error")
    return check(number, names[wanted.name])


def check_file(path, numbers):
    """Check exercises of a file, without running it in this process.

    Parameters
    ----------
    path : str or path
        A script or a notebook.
    numbers : list of str
        The exercises.

    Returns
    -------
    list of Verdict
        One for each exercise.
    """
    path = Path(path).resolve()
    verdicts = {number: at_sight(path, number) for number in numbers}
    waiting = [number for number in numbers if not verdicts[number]]
    while waiting:
        verdicts.update((verdict.exercise, verdict) for verdict in checked_apart(path, waiting))
        waiting = [number for number in numbers if not verdicts[number]]
    return [verdicts[number] for number in numbers]


def checked_apart(path, numbers):
    """Check exercises in a separate process; return the verdicts up to the first one that ends the process."""
    limit = STARTING + sum(3 * exercise(number).seconds for number in numbers)
    command = [sys.executable, "-m", "tutorials.student_files", str(path), *numbers]
    try:
        done = subprocess.run(command, cwd=FOLDER.parent, timeout=limit, capture_output=True, stdin=subprocess.DEVNULL)
        printed, kind = done.stdout, "error"
        words = f"The check ended without a verdict (exit code {done.returncode}): does the file end Python itself?"
    except subprocess.TimeoutExpired as ended:
        printed, kind = ended.stdout or b"", "timeout"
        words = f"The check was ended after {limit:g} seconds: is there a loop that does not end?"
    lines = printed.decode("utf-8", "replace").split("\n")
    verdicts = [Verdict(**json.loads(line)) for line in lines if line.startswith('{"exercise": ')]
    if len(verdicts) < len(numbers):
        verdicts.append(Verdict(numbers[len(verdicts)], False, words, kind))
    return verdicts


def main(path, *numbers):
    """Print the verdicts as lines of JSON; what the student's code prints is dropped."""
    sys.path.append(str(Path(path).parent))  # for modules that the student has written beside the file
    for number in numbers:
        with contextlib.redirect_stdout(io.StringIO()):
            verdict = check_here(path, number)
        print("\n" + json.dumps(asdict(verdict)), flush=True)
    os._exit(0)  # threads that were left behind do not keep the process


if __name__ == "__main__":
    main(*sys.argv[1:])
