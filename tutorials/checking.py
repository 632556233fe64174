"""The check of an exercise: the student's object is compared with the solution and with every known mistake."""

import importlib
import inspect
import itertools
import linecache
import warnings
from dataclasses import dataclass
from functools import lru_cache
from html import escape

import numpy as np

import optim

from .comparison import difference
from .exercise import file_of, name_of, observe, own_line
from .lessons import BLANK, lessons, task
from .limit import OutOfTime, within

COUNTER = itertools.count(1)


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes
    ----------
    exercise : str
        The number: "11.1".
    passed : bool
        Whether the exercise is solved.
    message : str
        One sentence, or a few.
    kind : str
        "passed", or what was found: "blank", "mistake" (a known one), "contract", "error", "timeout", "difference",
        "property", "wrong object", "missing".
    """

    exercise: str
    passed: bool
    message: str
    kind: str

    def __str__(self):
        return f"{'✓' if self.passed else '✗'} {self.exercise}: {self.message}"

    __repr__ = __str__

    def _repr_html_(self):
        colour = "#2e7d32" if self.passed else "#c62828"  # both are readable on white and on black
        return f'<span style="color: {colour}; font-weight: bold; white-space: pre-wrap">{escape(str(self))}</span>'


class Course(list):
    """The exercises, as a list that prints as a table."""

    def __repr__(self):
        return "\n".join(f"{task.number:5} {task.title:40} {task.expects}" for task in self)


def exercises():
    """Return all exercises of the course, each with `number`, `title`, `name` and `expects`.

    Examples
    --------
    >>> import tutorials
    >>> tutorials.exercises()[0].number
    '1.1'
    """
    return Course(task for lesson in lessons() for task in lesson.tasks)


@lru_cache
def exercise(number):
    """Return how an exercise is checked: the `Exercise` of that number in `tutorials/mistakes/lesson_NN.py`."""
    lesson = importlib.import_module(f"{__package__}.mistakes.lesson_{int(number.split('.')[0]):02}")
    return {exercise.number: exercise for exercise in lesson.EXERCISES}[number]


def check(number, student):
    """Check an exercise.

    Parameters
    ----------
    number : str
        Of the exercise: "11.1".
    student : class or function
        The class or function that the student wrote, not its name.

    Returns
    -------
    Verdict
        With `passed` and `message`. Errors in the student's code are not raised here, and a time limit ends it.

    Raises
    ------
    KeyError
        If there is no such exercise.
    """
    wanted, how = task(number), exercise(number)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind, message = examined(wanted, how, student)
    except OutOfTime:
        kind = "timeout"
        message = (f"{wanted.name} was stopped after {how.seconds:g} seconds: is there a loop that does not end, or "
                   "work that could be done once instead of in every step?")
    return Verdict(number, kind == "passed", message, kind)


def examined(wanted, how, student):
    """Return what was found, as a kind and a sentence."""
    if inspect.isclass(student) != wanted.is_class or not callable(student):
        return "wrong object", wrong_object(wanted, student)
    if wanted.is_class and (base := library_base(student)):
        return "wrong object", (f"{student.__name__} gets its formula from optim.{base.__name__}. Write the formula "
                                "yourself, in a class with the base optim.Optimizer.")
    if line := blank_line(student):
        return "blank", blank_message(wanted, line)
    if how.property:
        return within(how.seconds, lambda: judged(how.property, student))

    seen = within(how.seconds, lambda: observe(how.experiment, student))

    def beside(mistake=None):
        return difference(seen, expected(wanted.number, mistake), how.rtol, how.atol)

    found = beside()
    for i, mistake in enumerate(how.mistakes if found else ()):
        if not beside(i):
            return "mistake", mistake.sentence
    if how.contract and (broken := within(2 * how.seconds, lambda: complaint(how.contract, student))):
        return "contract", broken
    if seen.error:
        return "error", in_words(seen.error, student)
    return ("difference", found) if found else ("passed", "Right: it does what the solution does.")


def wrong_object(wanted, student):
    """Return what to pass to `check` instead."""
    got = f"the class {student.__name__}" if inspect.isclass(student) else f"an object of type {type(student).__name__}"
    hint = f"hand over {wanted.name} itself, without parentheses or quotation marks"
    return f"This exercise is about {wanted.expects}; got {got}: {hint}."


def library_base(student):
    """Return the optimizer of the library that a class is or derives from, other than optim.Optimizer; or None."""
    bases = [base for base in student.__mro__ if not issubclass(optim.Optimizer, base)]
    return next((base for base in bases if base.__module__.startswith("optim.")), None)


def blank_message(wanted, line):
    """Return what to say about an exercise that is still blank."""
    return f"Nothing is written here yet: replace the line `{line}` in {wanted.name}."


def blank_line(student):
    """Return the line to replace, if it is still in the code of a function or of a class's methods."""
    for part in [student, *vars(student).values()] if hasattr(student, "__dict__") else [student]:
        own = {line.strip() for line in source_of(part).split("\n")}
        if found := own & {BLANK, "raise NotImplementedError()"}:  # nbgrader writes the latter
            return found.pop()
    return None


def source_of(function):
    """Return the source of a function, "" if there is none, or none that can be read."""
    try:
        return inspect.getsource(function)
    except Exception:  # among them OSError, TypeError, SyntaxError, and what a strange object raises
        return ""


def judged(holds, student):
    """Return what the property of an open exercise says."""
    with np.errstate(all="ignore"):
        try:
            sentence = holds(student)
        except OutOfTime:
            raise
        except BaseException as error:  # sys.exit() as well
            return "error", in_words(error, student)
    return ("property", sentence) if sentence else ("passed", "Right: it does what the exercise asks for.")


def complaint(contract, student):
    """Return what the contract finds wrong with the student's class, or None."""
    try:
        contract(student)
    except AssertionError as error:
        return str(error)
    except OutOfTime:
        raise
    except BaseException as error:
        return in_words(error, student)
    return None


def in_words(error, student):
    """Return an exception of the student's code as a sentence with its line."""
    where = own_line(error, file_of(student))
    return f"{name_of(student)} raises {type(error).__name__}: {error}" + f"\n   {where}" * bool(where)


@lru_cache
def expected(number, mistake=None):
    """Return what the experiment shows with the solution, or with the mistake at this place of the list."""
    wanted, how = task(number), exercise(number)
    source = wanted.solution if mistake is None else how.mistakes[mistake].applied_to(wanted.solution)
    seen = observe(how.experiment, build(source, wanted))
    if seen.error and mistake is None:
        raise seen.error
    return seen


def build(source, wanted):
    """Return the class or function that the source of an exercise's cell defines, after the imports of its lesson."""
    file = f"<exercise {wanted.number}, {next(COUNTER)}>"
    text = f"{wanted.imports}\n{source}\n"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names = {"__name__": f"exercise_{wanted.number.replace('.', '_')}"}
    exec(compile(text, file, "exec"), names)
    return names[wanted.name]
