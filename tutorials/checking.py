"""The check of an exercise: the student's object beside the solution and beside every known mistake."""

import importlib
import inspect
import itertools
import linecache
import warnings
from dataclasses import dataclass
from functools import lru_cache
from html import escape

import numpy as np

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
        What the student wrote, itself, not its name.

    Returns
    -------
    Verdict
        With `passed` and `message`. Nothing that the student's code does raises here, and a time limit ends it.

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
    if line := blank_line(student):
        return "blank", blank_message(wanted, line)
    if how.property:
        return within(how.seconds, lambda: judged(how.property, student))
    seen = within(how.seconds, lambda: observe(how.experiment, student))
    found = difference(seen, expected(wanted.number), how.rtol, how.atol)
    named = next((mistake.sentence for i, mistake in enumerate(how.mistakes)
                  if found and not difference(seen, expected(wanted.number, i), how.rtol, how.atol)), None)
    if named:
        return "mistake", named
    if how.contract:
        broken = within(2 * how.seconds, lambda: complaint(how.contract, student))
        if broken:
            return "contract", broken
    if seen.error:
        return "error", in_words(seen.error, student)
    return ("difference", found) if found else ("passed", "Right: it does what the solution does.")


def wrong_object(wanted, student):
    """Return what to hand to `check` instead."""
    got = f"the class {student.__name__}" if inspect.isclass(student) else f"an object of type {type(student).__name__}"
    hint = f"hand over {wanted.name} itself, without parentheses or quotation marks"
    return f"This exercise is about {wanted.expects}; got {got}: {hint}."


def blank_message(wanted, line):
    """Return what to say about an exercise that is still blank."""
    return f"Nothing is written here yet: replace the line `{line}` in {wanted.name}."


def blank_line(student):
    """Return the line to be replaced, if it is still in the code of a function or of a class's methods."""
    for part in [student, *vars(student).values()] if hasattr(student, "__dict__") else [student]:
        own = {line.strip() for line in source_of(part).split("\n")}
        if found := own & {BLANK, "raise NotImplementedError()"}:  # nbgrader writes the latter
            return found.pop()
    return None


def source_of(function):
    """Return the source of a function, "" where there is none, or none that can be read."""
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
    """Return what a contract has against the student's class, or None."""
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


def difference(seen, wanted, rtol, atol):
    """Return in words where one outcome first differs from another; None if they agree."""
    for (label, got), (_, value) in zip(seen.results, wanted.results):
        words = unlike(got, value, rtol, atol)
        if words:
            return f"{label} {words}"
    if seen.error and wanted.error:
        same = type(seen.error) is type(wanted.error) and str(seen.error) == str(wanted.error)
        return None if same else f"it raises {seen.error!r}"
    if seen.error or wanted.error or len(seen.results) != len(wanted.results):
        return f"it ends after {len(seen.results)} results, not {len(wanted.results)}"
    return None


def unlike(got, value, rtol, atol):
    """Return in words how a value differs from the expected one; None if it does not."""
    if isinstance(value, dict) and isinstance(got, dict) and got.keys() == value.keys():
        return first_of({f"[{key!r}]": unlike(got[key], value[key], rtol, atol) for key in value})
    if isinstance(value, list) and isinstance(got, list) and len(got) == len(value):
        return first_of({f"[{i}]": unlike(one, other, rtol, atol) for i, (one, other) in enumerate(zip(got, value))})
    if got is None and value is not None:
        return "is None: does every way through it end with a return?"
    if not isinstance(value, np.ndarray) or not isinstance(got, np.ndarray):
        alike = isinstance(value, (str, type(None))) and got == value
        return None if alike else f"is {shown(got)}, expected {shown(value)}"
    if got.shape != value.shape:
        return f"has the shape {got.shape}, expected {value.shape}"
    return unlike_numbers(got, value, rtol, atol)


def unlike_numbers(got, value, rtol, atol):
    """Return in words how an array of numbers differs from the expected one; None if it does not."""
    if got.dtype.kind not in "biufc":
        return f"holds {got.dtype}, not numbers"
    got, value = got * 1.0, value * 1.0  # numbers also from True and False
    close = np.isclose(got, value, rtol=rtol, atol=atol, equal_nan=True)
    if np.all(close):
        return None
    if not np.all(np.isfinite(got)) and np.all(np.isfinite(value)):
        return "is not finite (inf or nan)"
    worst = np.unravel_index(np.argmax(np.where(close, 0, np.abs(got - value))), got.shape)
    where = f" at [{', '.join(map(str, worst))}]" if got.ndim else ""
    words = f"is {got[worst]:.6g}{where}, expected {value[worst]:.6g}"
    factor = got[worst] / value[worst] if value[worst] else np.nan
    if got.size > 1 and np.allclose(got, factor * value, rtol=1e-6, atol=atol):
        words += f"; every number is {factor:.4g} times what it should be"
    return words


def first_of(words):
    """Return the first words that are not empty, with their place in a list or dictionary before them, or None."""
    return next((f"(its part {place}) {found}" for place, found in words.items() if found), None)


def shown(value):
    """Return a value in few letters."""
    if isinstance(value, list) and any(isinstance(item, (np.ndarray, list, dict)) for item in value):
        return f"a list of {len(value)} parts"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}" if value.ndim else f"{value.item()!r:.60}"
    return f"{value!r:.60}"
