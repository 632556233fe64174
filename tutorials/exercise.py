"""What an exercise is: an experiment with the student's object, and the mistakes that people make.

An *experiment* is a generator function: it takes the student's class or function and yields pairs of a label and a
value, `("central_difference(sin, 1.0, h=0.1)", 0.539)`. The same experiment runs with the solution and with every
mistake, and the values are compared pair by pair. `calls` and `steps` make experiments of the two usual kinds.
"""

import copy
import traceback
from dataclasses import dataclass, field

import numpy as np

import optim

from .limit import OutOfTime


class Mistake:
    """An edit of a solution that people make, and the sentence that says what is wrong.

    Parameters
    ----------
    sentence : str
        It points at the idea, not at the answer.
    *edits : (str, str)
        What to replace in the exercise's cell, and by what. Each `old` text occurs exactly once.
    """

    def __init__(self, sentence, *edits):
        self.sentence, self.edits = sentence, edits

    def applied_to(self, source):
        """Return the source with the mistake in it.

        Raises
        ------
        ValueError
            If a text to be replaced does not occur exactly once.
        """
        for old, new in self.edits:
            if source.count(old) != 1:
                raise ValueError(f"{old!r} occurs {source.count(old)} times in the solution, not once: {self.sentence}")
            source = source.replace(old, new)
        return source


@dataclass
class Exercise:
    """How to check an exercise.

    Attributes
    ----------
    number : str
        As in the lesson: "11.1".
    experiment : generator function, optional
        Yields labels and values, to be compared with those of the solution.
    mistakes : list of Mistake
        The experiment distinguishes each from the solution and from every other mistake.
    property : callable, optional
        For open exercises, instead of an experiment. Takes the student's object; returns None if it does what the
        exercise asks, otherwise a sentence that says what does not hold.
    contract : callable, optional
        A check of the rules for such objects, which raises AssertionError: `optim.check` for optimizers.
    rtol, atol : float
        Values agree if they differ by at most `atol + rtol * abs(expected)`.
    seconds : float
        The time limit.
    equivalent : tuple of str
        Parts of the changes by `tutorials.mutation` that do not make the solution wrong.
    """

    number: str
    experiment: object = None
    mistakes: list = field(default_factory=list)
    property: object = None
    contract: object = None
    rtol: float = 1e-9
    atol: float = 1e-12
    seconds: float = 10
    equivalent: tuple = ()

    def __post_init__(self):
        if (self.experiment is None) == (self.property is None):
            raise TypeError(f"exercise {self.number} needs either an experiment or a property")


@dataclass
class Outcome:
    """What an experiment showed: pairs of a label and a value, and the exception that ended it, or None."""

    results: list
    error: Exception = None


def observe(experiment, student):
    """Run an experiment and return its `Outcome`; the student's exceptions are part of it."""
    outcome = Outcome([])
    with np.errstate(all="ignore"):
        try:
            for label, value in experiment(student):
                outcome.results.append((label, frozen(value)))
        except OutOfTime:
            raise
        except BaseException as error:  # sys.exit() as well
            outcome.error = error
    return outcome


def frozen(value):
    """Return a copy of a value that nobody changes later: Tensors become arrays, tuples become lists."""
    if isinstance(value, (list, tuple)):
        return [frozen(item) for item in value]
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    if isinstance(getattr(value, "data", None), np.ndarray):  # a Tensor
        return value.data.copy()
    return np.array(value) if isinstance(value, (np.ndarray, np.generic, bool, int, float, complex)) else value


def calls(*cases):
    """Return an experiment that calls the student's function with the arguments of each case.

    A case is a tuple of arguments; a dictionary at its end holds those given by name. Each call gets new copies, and
    its changes to them are compared too.
    """

    def experiment(function):
        for case in cases:
            *arguments, named = case if isinstance(case[-1], dict) else (*case, {})
            label = f"{name_of(function)}({', '.join(described(arguments, named))})"
            given = copy.deepcopy((arguments, named))
            yield label, function(*given[0], **given[1])
            yield f"what {label} left in its arguments", arrays_in(given)

    return experiment


def described(arguments, named):
    """Return arguments as they would be typed, arrays of more than eight numbers by their shape."""
    def text(value):
        if callable(value):
            return getattr(value, "__name__", type(value).__name__)
        if isinstance(value, np.ndarray) and value.size > 8:
            return f"an array of shape {value.shape}"
        if isinstance(value, np.ndarray):
            return np.array2string(value, separator=", ", precision=4).replace("\n", "")
        return repr(value)

    return [*map(text, arguments), *(f"{name}={text(value)}" for name, value in named.items())]


def arrays_in(values):
    """Return the arrays among nested lists, tuples and dictionaries, as a list."""
    if isinstance(values, np.ndarray):
        return [values]
    items = values.values() if isinstance(values, dict) else values if isinstance(values, (list, tuple)) else ()
    return [array for item in items for array in arrays_in(item)]


def steps(*settings, count=12):
    """Return an experiment that takes steps with the student's optimizer, once for each dictionary of hyperparameters.

    The gradients are random, and their sizes differ by powers of ten from one number to the next, so that no term of a
    formula is negligible everywhere. Choose hyperparameters far from the defaults: large eps, small betas.
    """

    def experiment(optimizer_class):
        for hyperparameters in settings:
            rng = np.random.default_rng(0)
            parameter = optim.Parameter(rng.normal(size=(2, 3)))
            optimizer = optimizer_class([parameter], **hyperparameters)
            given = ", ".join(f"{name}={value}" for name, value in hyperparameters.items())
            for step in range(1, count + 1):
                parameter.grad = rng.normal(size=(2, 3)) * 10.0 ** rng.integers(-3, 2, size=(2, 3))
                optimizer.step()
                yield f"the parameter after step {step} with {given}", parameter.data

    return experiment


def name_of(student):
    """Return the name of a class or function."""
    return getattr(student, "__name__", type(student).__name__)


def own_line(error, student_file):
    """Return the line of the student's code that raised an exception: "line 12: return x / 0", or ""."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == student_file]
    return f"line {own[-1].lineno}: {own[-1].line}" if own else ""


def file_of(student):
    """Return the file of the code of a function, or of a class by one of its methods; "" if there is none."""
    codes = [getattr(item, "__code__", None) for item in (student, *vars(student).values())] \
        if hasattr(student, "__dict__") else []
    return next((code.co_filename for code in codes if code), "")
