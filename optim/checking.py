"""Is my optimizer right? `check` runs a class through the checks that every optimizer of the package passes.

Each check makes the optimizer do the same thing in two ways that must agree. Where they do not, `update` runs once more
under a tracer, to find the line after which something is wrong.
"""

import dis
import inspect
import json
import linecache
import os
import re
import sys
import traceback
from dataclasses import dataclass, field

import numpy as np

from .averaging import HasAverage
from .checkpoint import encoded
from .interface.annotations import Any
from .interface.groups import Parameter
from .interface.lost_state import SEEN
from .interface.optimizer import PIECE, Optimizer
from .interface.signatures import (
    HANDED,
    advise,
    check_phi,
    check_signature,
    check_state,
    hyperparameter_names,
    misspelt,
)

HYPERPARAMETER = r"'(lr|beta\w*|eps|momentum|weight_decay)'"

# Advice on exceptions that often come from a misunderstanding: their type, and words of their message.
ADVICE = [
    (AttributeError, r"ndarray.* '\w+_'", "arrays are NumPy's: write m *= beta for m.mul_(beta)"),
    (AttributeError, "'Parameter' object", "a parameter's array is p.data"),
    (TypeError, "operand.* 'Parameter'", "a parameter's array is p.data: write p.data -= ..."),
    (AttributeError, "ndarray.* 'grad'", "param is the parameter's array, and its gradient is the argument grad"),
    (AttributeError, "'numpy.ndarray' object", "arrays are NumPy's: write np.sqrt(v) for v.sqrt()"),
    (AttributeError, "'dict' object", 'a state is a dictionary: write state["m"] for state.m'),
    (NameError, "'torch'", "arrays are NumPy's: write np.sqrt(v) for torch.sqrt(v)"),
    (AttributeError, "memoryview", "param is the parameter's array itself, without .data"),
    (TypeError, r"Optimizer.__init__\(\) missing", "write super().__init__(params, lr=lr, ...)"),
    (TypeError, r"__init__\(\) missing", "give it a default, or pass check a value, as in check(MyOptimizer, lr=0.1)"),
    (ValueError, "truth value of an array", "an `if` takes one answer, and an array has one for each number: write "
     "np.where(condition, a, b), or np.maximum(a, b) for max(a, b)"),
    (TypeError, "converted to Python scalars", "float, int, and math's functions take one number: write NumPy's, such "
     "as np.sign, np.sqrt or np.copysign, which take arrays"),
    (TypeError, "Cannot cast ufunc", "let init_state make arrays by np.zeros_like(param), which have its dtype"),
]

ADVICE_ON_UPDATE = [
    (KeyError, "^'step'$", 'put "step": 0 into the dictionary that init_state returns, and it is counted for you'),
    (KeyError, "", "state holds what init_state has returned, and nothing else"),
    (TypeError, "unhashable type: 'numpy.ndarray'", 'the argument state is that of the parameter: write state["m"]'),
    (NameError, "'(step|t)'", 'write state["step"], and let init_state return "step": 0, which is counted for you'),
    (NameError, "'group'", "name what you need after the `*`, as in `def update(self, grad, state, param, *, beta)`"),
    (NameError, "'lr'", "step multiplies what update returns by lr: leave lr out"),
    (NameError, HYPERPARAMETER, "name it after the `*`, as in `def update(self, grad, state, param, *, beta)`"),
]
ADVICE_ON_STEP = [
    (KeyError, "has no hyperparameter", "or pass it to super().__init__, too"),
    (KeyError, "", "self.state[p] is empty until step puts something there"),
    (NameError, HYPERPARAMETER, 'write group["lr"], and so on, for each group in self.param_groups'),
]

# Why a check is left out.
NOT_A_RULE = "it is more than a rule phi(gradient, state)"
WANTS_ALL = "it asks for whole arrays"


def check(optimizer: type[Optimizer], *, raises: bool = True, **hyperparameters: Any) -> "Report":
    """Check an optimizer class, for example your own, and say in words what is wrong with it and in which line.

    Parameters
    ----------
    optimizer : type
        A subclass of `Optimizer` that is made from a list of parameters.
    raises : bool, default True
        Raise if anything is wrong. False: return the report with its faults.
    **hyperparameters
        Those that it needs in addition, or that should differ from its defaults.

    Returns
    -------
    Report
        What was checked; `report.json()` is the same for a program.

    Raises
    ------
    AssertionError
        If anything is wrong, unless `raises` is False; the message lists all of it.

    Examples
    --------
    >>> import numpy as np, optim
    >>> class Momentum(optim.Optimizer):
    ...     def __init__(self, params, lr=0.01, beta=0.9):
    ...         super().__init__(params, lr=lr, beta=beta)
    ...     def init_state(self, param):
    ...         return {"m": np.zeros_like(param)}
    ...     def update(self, grad, state, param, *, beta):
    ...         m = state["m"]
    ...         m *= beta
    ...         m += grad
    ...         return m
    >>> optim.check(Momentum)
    Momentum passes 16 checks: it makes a step, keeps float32, leaves the gradient and the parameter to you, ...
    """
    if not (inspect.isclass(optimizer) and issubclass(optimizer, Optimizer)):
        raise TypeError(f"optimizer is {optimizer!r}; expected a subclass of Optimizer, as in check(MyOptimizer)")
    SEEN.add(optimizer)  # a state that is lost is named below
    examination = Examination(optimizer, hyperparameters)
    report = Report(optimizer.__name__)
    skipped = set()
    for name, test in CHECKS.items():
        if name not in skipped and not report.run(name, test, examination):
            skipped.update(FOLLOWS_FROM.get(name, ()))
    if report.faults and raises:
        raise AssertionError(str(report))
    return report


@dataclass
class Report:
    """What `check` has found: the checks that passed, those left out and why, and the faults, as text.

    Examples
    --------
    >>> import json, optim
    >>> report = json.loads(optim.check(optim.SGD, raises=False).json())
    >>> report["optimizer"], report["right"], report["faults"]
    ('SGD', True, [])
    """

    name: str
    passed: list = field(default_factory=list)
    left_out: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)

    def run(self, name, test, examination):
        """Make one check and return whether it passed; an exception in the optimizer's code is a fault too."""
        try:
            found = test(examination)
        except Exception as error:
            found = [examination.fault_of(error, name)]
        if isinstance(found, str):
            self.left_out.setdefault(found, []).append(name)
        elif found:
            self.faults += found
        else:
            self.passed.append(name)
        return not found or isinstance(found, str)

    def json(self) -> str:
        """Return the report as JSON: "optimizer", "right", "faults", "passed" and "left_out", the reasons by check."""
        left_out = {name: reason for reason, names in self.left_out.items() for name in names}
        return json.dumps({"optimizer": self.name, "right": not self.faults, "faults": self.faults,
                           "passed": self.passed, "left_out": left_out}, indent=2)

    def __str__(self):
        if self.faults:
            lines = [f"{i}. {fault}" for i, fault in enumerate(self.faults, 1)]
            return "\n".join([f"{self.name} has {len(lines)} fault{'s' * (len(lines) > 1)}:", *lines])
        passed = f"{self.name} passes {len(self.passed)} checks: it {', '.join(self.passed)}."
        return "\n".join([passed, *(f"Left out, because {reason}: {', '.join(names)}."
                                    for reason, names in self.left_out.items())])

    __repr__ = __str__


class Examination:
    """A class and its hyperparameters, and the runs that the checks make with it."""

    def __init__(self, optimizer, hyperparameters):
        self.optimizer, self.hyperparameters = optimizer, hyperparameters
        is_stepped_as_usual = optimizer.step in (Optimizer.step, HasAverage.step)
        moves_itself = optimizer.move_all is not Optimizer.move_all or optimizer.move is not Optimizer.move
        self.is_rule = is_stepped_as_usual and not moves_itself
        self.is_elementwise = self.is_rule and optimizer.elementwise
        self.steps_itself = optimizer.steps_itself(optimizer.__new__(optimizer))
        self.file = self.code_of("update").co_filename

    def make(self, params, **hyperparameters):
        """Make an optimizer of the class."""
        return self.optimizer(params, **{**self.hyperparameters, **hyperparameters})

    def defaults(self):
        """Return its default hyperparameters."""
        return self.make([Parameter([[1.0]])]).defaults

    def train(self, params, gradients, loss=1.0, **hyperparameters):
        """Make an optimizer and one step for each list of gradients; return the optimizer."""
        optimizer = self.make(params, **hyperparameters)
        walk(optimizer, params, gradients, loss)
        return optimizer

    def fault_of(self, error, doing, advice=None):
        """Return a fault for an exception: what it was, and where in the optimizer's own file."""
        if isinstance(error, AttributeError) and isinstance(error.obj, Optimizer):
            advise(error)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.file]
        where = at(frames[-1].filename, frames[-1].lineno) if frames else self.definition("__init__")
        advice = advice or self.advice_on(error)
        return f"where it {doing}, it raises {type(error).__name__}: {error}{f'; {advice}' * bool(advice)}\n   {where}"

    def advice_on(self, error):
        """Return advice on an exception that often comes from a misunderstanding, "" for others."""
        if isinstance(error, KeyError) and (advice := misspelt(self.optimizer, Optimizer)):
            return advice
        listed = ADVICE + (ADVICE_ON_UPDATE if self.is_rule else ADVICE_ON_STEP)
        return next((advice for kind, words, advice in listed
                     if isinstance(error, kind) and re.search(words, str(error))), "")

    def request(self, name):
        """Return what to write in a step to get a hyperparameter."""
        if self.steps_itself:
            return f'read group["{name}"] for each group in self.param_groups'
        return f"name it after the `*`, as in `def update(self, grad, state, param, *, {name})`"

    def refused(self, method, check, *arguments):
        """Return the faults that a check finds in a method, as a list of one or none."""
        try:
            check(*arguments)
        except (TypeError, ValueError) as error:
            return [f"{error}\n   {self.definition(method)}"]
        return []

    def code_of(self, method):
        """Return the code of a method; if the class inherits it from Optimizer, the code of one of its own."""
        own = [name for name in (method, "update", "__init__", "step")
               if getattr(self.optimizer, name) is not getattr(Optimizer, name)]
        return inspect.unwrap(getattr(self.optimizer, own[0] if own else method)).__code__

    def definition(self, method):
        """Return where a method begins, or where another one does if the class has no such method."""
        code = self.code_of(method)
        return at(code.co_filename, code.co_firstlineno)


class Trial:
    """One parameter, its gradient and its state, and calls of `update` with them."""

    def __init__(self, examination, dtype=np.float64, zero=False, **hyperparameters):
        rng = np.random.default_rng(0)
        self.param = Parameter(rng.normal(size=(2, 3)).astype(dtype))
        self.grad = rng.normal(size=(2, 3)).astype(dtype) * (not zero)
        self.optimizer = examination.make([self.param], **hyperparameters)
        self.group, self.data = self.optimizer.param_groups[0], self.param.data
        init = self.optimizer.init_state
        self.state = init(self.data, **self.optimizer.chosen(init, self.group, self.data))

    def update(self):
        """Count a step, and return what `update` does."""
        if "step" in self.state:
            self.state["step"] += 1
        advance, update = self.optimizer.advance, self.optimizer.update
        advance(self.state, **self.optimizer.chosen(advance, self.group, self.data))
        with np.errstate(all="ignore"):
            return update(self.grad, self.state, self.data, **self.optimizer.chosen(update, self.group, self.data))

    def line_after_which(self, happened):
        """Run `update` and return the first of its lines after which `happened`, given its variables, is true."""
        code, found, last = inspect.unwrap(type(self.optimizer).update).__code__, [], [None]

        def trace(frame, event, argument):
            if frame.f_code is not code:
                return None
            if last[0] is not None and not found and happened(frame.f_locals):
                found.append(last[0])
            last[0] = frame.f_lineno
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            self.update()
        finally:
            sys.settrace(before)
        return at(code.co_filename, found[0] if found else code.co_firstlineno)


def at(file, line):
    """Return a place in the source as text."""
    source = linecache.getline(file, line).strip()
    return f"{os.path.basename(file)}:{line}" + f": {source}" * bool(source)


def walk(optimizer, params, gradients, loss=1.0):
    """Make one step for each list of gradients."""
    for grads in gradients:
        for param, grad in zip(params, grads):
            param.grad = None if grad is None else np.array(grad, param.data.dtype)
        optimizer.step(lambda: loss)


def problem(shapes=((2, 3), (2, 3)), steps=4, dtype=np.float64):
    """Return parameters, copies of them, and gradients for some steps."""
    rng = np.random.default_rng(1)
    starts = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    gradients = [[rng.normal(size=shape) for shape in shapes] for _ in range(steps)]
    return [Parameter(start) for start in starts], [Parameter(start) for start in starts], gradients


def arrays_of(names, state):
    """Return the arrays among local variables and in a state."""
    return [value for value in (*names.values(), *state.values()) if isinstance(value, (np.ndarray, np.floating))]


def differ(first, second, **tolerance):
    """Return whether two lists of parameters differ."""
    return any(not np.allclose(x.data, y.data, equal_nan=True, **tolerance) for x, y in zip(first, second))


# The checks: each takes an examination and returns the faults that it finds

def makes_a_step(examination):
    """A gradient moves the parameters, and each method takes and returns what it should."""
    params, before, gradients = problem(steps=1)
    required = [p for p in inspect.signature(examination.optimizer.step).parameters.values()
                if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if [p.name for p in required] not in (["self"], ["self", "closure"]):
        return ["step takes a closure and nothing else: write `def step(self, closure=None)`, or write no step at all "
                f"but `def update(self, grad, state, param)`\n   {examination.definition('step')}"]
    if not examination.is_rule:
        examination.train(params, gradients)
        return []
    for method in HANDED:
        rule = examination.optimizer
        fault = (examination.refused(method, check_signature, rule, method)
                 or examination.refused(method, hyperparameter_names, getattr(rule, method)))
        if fault:
            return fault
    trial = Trial(examination)
    fault = (examination.refused("init_state", check_state, trial.optimizer, trial.state)
             or examination.refused("update", check_phi, trial.optimizer, trial.update(), trial.data)
             or does_the_work_of_step(examination))
    if fault:
        return fault
    examination.train(params, gradients)
    return [] if differ(params, before, rtol=0, atol=0) else ["a step with a gradient moves nothing"]


def does_the_work_of_step(examination):
    """Return the fault of an update that returns the new parameter, or multiplies by the learning rate."""
    trial, where = Trial(examination, zero=True), examination.definition("update")
    if np.array_equal(trial.update(), trial.data):
        return ["with a gradient of 0, update returns the parameter: but step computes theta - lr * phi, so return phi "
                f"alone, which for gradient descent is the gradient\n   {where}"]
    lr = trial.optimizer.defaults.get("lr")
    if not examination.optimizer.returns_step and "lr" in hyperparameter_names(examination.optimizer.update):
        once, twice = Trial(examination).update(), Trial(examination, lr=2 * lr).update()
        if np.any(once) and np.allclose(twice, 2 * once, rtol=1e-6, atol=0):
            return ["update multiplies by lr, and so does step, which computes theta - lr * phi: return phi without "
                    f"lr, or write returns_step = True on the class\n   {where}"]
    return []


def keeps_float32(examination):
    """From float32 numbers no float64 ones are made."""
    if not examination.is_rule:
        params, _, gradients = problem(dtype=np.float32)
        examination.train(params, gradients)
        return [f"a float32 parameter becomes {param.data.dtype}" for param in params if param.data.dtype != np.float32]
    trial = Trial(examination, np.float32)
    for name, array in trial.state.items():
        if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.dtype != np.float32:
            return [f'init_state makes state["{name}"] {array.dtype} for a float32 parameter: write '
                    f"np.zeros_like(param)\n   {examination.definition('init_state')}"]
    phi = trial.update()
    kept = {name: array for name, array in trial.state.items() if isinstance(array, np.ndarray)}
    if all(array.dtype in (np.float32, bool) or array.dtype.kind in "iu" for array in (phi, *kept.values())):
        return []

    trial = Trial(examination, np.float32)
    where = trial.line_after_which(
        lambda names: any(array.dtype == np.float64 for array in arrays_of(names, trial.state)))
    return ["float32 numbers become float64, which is twice as slow: NumPy's own numbers, such as np.sqrt(0.1), are "
            f"float64, Python's, such as 0.1 ** 0.5, adapt\n   {where}"]


def leaves_inputs_alone(examination):
    """After `update`, the gradient and the parameter are what they were."""
    if not examination.is_rule:
        return NOT_A_RULE
    faults = []
    for name, advice in ("grad", "write grad = grad + ..., not grad += ..."), ("data", "return phi instead"):
        trial = Trial(examination)
        before = getattr(trial, name).copy()

        def happened(names, trial=trial, name=name, before=before):
            return not np.array_equal(getattr(trial, name), before)

        where = trial.line_after_which(happened)
        if happened({}):
            what = {"grad": "the gradient", "data": "the parameter"}[name]
            faults.append(f"update changes {what} in place: {advice}\n   {where}")
    return faults


def remembers_in_its_state(examination):
    """A step sets no attribute of the optimizer."""
    if not examination.is_rule:
        return NOT_A_RULE
    params, _, gradients = problem(steps=1)
    optimizer = examination.make(params)
    before = dict(vars(optimizer))
    walk(optimizer, params, gradients)
    faults = []
    for name, value in vars(optimizer).items():
        if value is not before.get(name, optimizer):
            trial = Trial(examination)
            own, start = vars(trial.optimizer), vars(trial.optimizer).get(name)
            where = trial.line_after_which(lambda names, own=own, name=name, start=start: own.get(name) is not start)
            faults.append(f"a step sets self.{name}, which is one for all parameters and is not saved: put it into the "
                          f'dictionary that init_state returns, as state["{name}"]\n   {where}')
    return faults


def changes_the_state_in_place(examination):
    """The arrays of the state are the same objects after `update`, with other numbers in them."""
    if not examination.is_rule:
        return NOT_A_RULE
    trial, faults = Trial(examination), []
    first = dict(trial.state)
    trial.update()
    for name, entry in trial.state.items():
        is_new = isinstance(entry, np.ndarray) and entry is not first.get(name) and first.get(name, 0) is not None
        if is_new and examination.is_elementwise:
            faults.append(new_in_the_state(Trial(examination), name))
    if faults:
        return faults
    arrays = {name: array for name, array in trial.state.items() if isinstance(array, np.ndarray)}
    before = {name: array.copy() for name, array in arrays.items()}
    for _ in range(12):  # some optimizers do part of their work only every tenth step
        trial.grad = 1.1 * trial.grad  # and some remember how the gradient changes
        trial.update()
    for name, array in arrays.items():
        if np.array_equal(array, before[name]):
            faults += rebound(trial, name, array) or left_at_zero(examination, name, array)
    return faults


def new_in_the_state(trial, name):
    """Return the fault of a line that puts an array into the state."""
    first = trial.state.get(name)
    where = trial.line_after_which(lambda names: trial.state.get(name) is not first)
    if isinstance(first, np.ndarray):
        return (f'update puts a new array into state["{name}"], which is lost for parameters that are moved '
                f'in pieces: change it in place, state["{name}"][...] = ...\n   {where}')
    return (f'update puts an array into state["{name}"], where there was none: let init_state make it, by '
            f"np.zeros_like(param), and change it in place\n   {where}")


def rebound(trial, name, array):
    """Return the fault of a line that gives a state array's name to a new array, if there is one."""
    names_of_it = set()

    taken = []

    def happened(names):
        taken.extend(local for local in names_of_it
                     if isinstance(names.get(local), np.ndarray) and names[local] is not array)
        names_of_it.update(local for local, value in names.items() if value is array)
        return bool(taken)

    where = trial.line_after_which(happened)
    if not taken:
        return []
    m = taken[0]
    return [f'state["{name}"] never changes: a line gives its name, {m}, to a new array, and the state keeps the old '
            f"one. Write {m} *= ... and {m} += ..., not {m} = ... * {m} + ...\n   {where}"]


def left_at_zero(examination, name, array):
    """Return the fault of a state array that update reads, and that no line ever writes to."""
    if np.any(array) or name not in inspect.unwrap(examination.optimizer.update).__code__.co_consts:
        return []
    return [f'state["{name}"] stays at zero, since no line of update writes to it. Change it in place, as in '
            f'm = state["{name}"]; m *= ...; m += ...\n   {examination.definition("update")}']


def counts_once_a_step(examination):
    """The first `update` finds 1 in `state["step"]`, and calls of it for several pieces change no number."""
    if not examination.is_rule:
        return NOT_A_RULE
    trial = Trial(examination)
    start = trial.state.get("step", 0)
    if start != 0:
        return [f'state["step"] starts at {start}, and 1 is added before each update, so the first one finds '
                f'{start + 1}: let init_state return "step": 0\n   {examination.definition("init_state")}']
    trial.update()
    count = trial.state.get("step", 1)
    faults = numbers_that_update_changes(trial) if examination.is_elementwise else []
    if count != 1 and not faults:
        faults = [f'after one step, state["step"] is {count}: it is counted for you, so leave out your own line that '
                  f"counts\n   {examination.definition('advance')}"]
    return faults


def numbers_that_update_changes(trial):
    """Return a fault for each number of the state that one more call of `update` changes."""
    numbers = {name: value for name, value in trial.state.items() if isinstance(value, (int, float))}
    update, faults = trial.optimizer.update, []
    chosen = trial.optimizer.chosen(update, trial.group, trial.data)
    with np.errstate(all="ignore"):
        update(trial.grad, trial.state, trial.data, **chosen)
    for name, value in numbers.items():
        if trial.state[name] != value:
            trial.state.update(numbers)
            counted = numbers[name] + (name == "step")
            where = trial.line_after_which(lambda names, name=name, counted=counted: trial.state[name] != counted)
            faults.append(f'update changes the number state["{name}"], but a large parameter is moved in pieces, with '
                          f'a call of update for each: move that line to advance(self, state). ("step" is counted '
                          f"for you.)\n   {where}")
    return faults


def moves_in_pieces_as_whole(examination):
    """A large parameter moves the same in pieces and whole."""
    if not examination.is_elementwise:
        return WANTS_ALL if examination.is_rule else NOT_A_RULE
    params, twins, gradients = problem(shapes=[(2 * PIECE + 1,)], steps=3)
    whole = examination.make(twins)
    whole.elementwise = False
    examination.train(params, gradients)
    walk(whole, twins, gradients)
    if not differ(params, twins, rtol=1e-9, atol=1e-12):
        return []
    trial = Trial(examination)

    def happened(names):
        return any(np.shape(array) != trial.data.shape for array in arrays_of(names, {}))

    return [f"a parameter of {2 * PIECE + 1} numbers moves differently in pieces and whole: update uses something of "
            "the whole array, such as a norm, a mean or a matrix product. Write elementwise = False on the class\n"
            f"   {trial.line_after_which(happened)}"]


def takes_arrays_of_hyperparameters(examination):
    """Three values in one array move the parameters as three runs do."""
    if not examination.is_elementwise:
        return WANTS_ALL if examination.is_rule else NOT_A_RULE
    faults = []
    for name, values in runs_of(examination).items():
        try:
            faults += runs_together_and_apart(examination, name, values)
        except Exception as error:
            advice = "if the line asks `if x`, write `if optim.hyperparameters.active(x)`, or leave out the test"
            faults.append(examination.fault_of(error, f"is given an array as {name}", advice))
    return faults


def runs_of(examination):
    """Return three values for each hyperparameter that is a number or a pair of numbers."""
    runs = {}
    for name, value in examination.defaults().items():
        pair = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(one, float) or (type(one) is int and one == 0) for one in pair):
            continue
        arrays = [np.array([one, 0.5 * one, 0.9 * one] if one else [0.0, 0.1, 0.2]) for one in pair]
        try:
            for i in range(3):
                examination.make([Parameter([[1.0]])], **{name: one_run(arrays, i, value)})
        except (TypeError, ValueError):
            continue  # one of the values is out of range
        runs[name] = tuple(arrays) if isinstance(value, tuple) else arrays[0]
    return runs


def one_run(arrays, i, like):
    """Return the hyperparameter of run i: a number, or a pair of numbers if `like` is a pair."""
    numbers = tuple([float(array[i]) for array in arrays])
    return numbers if isinstance(like, tuple) else numbers[0]


def runs_together_and_apart(examination, name, values):
    """Return a fault if three runs in one pass differ from three separate runs."""
    params, _, gradients = problem(shapes=[(2, 3)])
    start = params[0].data.copy()
    examination.train(params, gradients, **{name: values})
    for i in range(3):
        alone = Parameter(start[:, i:i + 1])
        value = one_run(values if isinstance(values, tuple) else (values,), i, like=values)
        examination.train([alone], [[grads[0][:, i:i + 1]] for grads in gradients], **{name: value})
        if differ([alone], [Parameter(params[0].data[:, i:i + 1])], rtol=1e-9, atol=1e-12):
            return [f"with an array as {name}, run {i} of three in one pass goes another way than alone: is there a "
                    f"line that needs {name} to be one number?\n   {examination.definition('update')}"]
    return []


def treats_groups_apart(examination):
    """Two groups move as two optimizers do, each with its own value of a hyperparameter."""
    if "lr" not in examination.defaults() or not examination.is_rule:
        return NOT_A_RULE
    for name, value in examination.defaults().items():
        if another(value) is not None and move_apart(examination, name, (value, another(value))):
            return [f"two groups do not move as two optimizers do, each with its own {name}: does update remember "
                    f"something outside its state, or read {name} from something else than its arguments?\n"
                    f"   {examination.definition('update')}"]
    return []


def move_apart(examination, name, values):
    """Return whether two groups, each with one of two values, move otherwise than two optimizers do."""
    params, twins, gradients = problem()
    try:
        alone = [examination.make([twin], **{name: value}) for twin, value in zip(twins, values)]
    except (TypeError, ValueError):  # __init__ has no such argument, or the second value is out of range
        return False
    groups = [{"params": [param], name: value} for param, value in zip(params, values)]
    walk(examination.make(groups), params, gradients)
    for i, optimizer in enumerate(alone):
        walk(optimizer, twins[i:i + 1], [grads[i:i + 1] for grads in gradients])
    return differ(params, twins, rtol=1e-12, atol=0)


def takes_hyperparameters_from_the_groups(examination):
    """A step depends on no setting that is only on `self`, and each hyperparameter is read."""
    return settings_on_self(examination) + idle_hyperparameters(examination)


def settings_on_self(examination):
    """Return a fault for each number or text that `__init__` puts on `self` and that changes what a step does."""
    params, _, gradients = problem()
    optimizer = examination.make(params)
    before = dict(vars(optimizer))
    walk(optimizer, params, gradients)
    faults = []
    for name, value in before.items():
        is_setting = another(value) is not None and vars(optimizer)[name] is value and not hasattr(Optimizer, name)
        if is_setting and not does_nothing(examination, vars, name):
            named = name.lstrip("_")
            faults.append(f"a step depends on self.{name}, which no group, schedule or saved state has: write "
                          f"{named}={named} in the call of super().__init__, and {examination.request(named)}\n"
                          f"   {examination.definition('__init__')}")
    return faults


def idle_hyperparameters(examination):
    """Return a fault for each hyperparameter that no method reads, and that changes nothing."""
    names, faults = names_read(examination), []
    for name, value in examination.defaults().items():
        is_unread = another(value) is not None and name not in names
        if is_unread and does_nothing(examination, lambda optimizer: optimizer.param_groups[0], name):
            faults.append(f"the hyperparameter {name} does nothing, since no line reads it: "
                          f"{examination.request(name)}, and use it there, or leave it out of super().__init__\n"
                          f"   {examination.definition('step' if examination.steps_itself else 'update')}")
    return faults


def does_nothing(examination, place, name):
    """Return whether a run goes the same way with another value of an entry of `place(optimizer)`, a dictionary."""
    params, twins, gradients = problem()
    optimizer, twin = examination.make(params), examination.make(twins)
    try:
        place(twin)[name] = another(place(twin)[name])
        walk(optimizer, params, gradients)
        walk(twin, twins, gradients)
    except Exception:  # a range, or a line of a step, does not take the new value
        return False
    return not differ(params, twins, rtol=0, atol=0)


def another(value):
    """Return another value of the same kind; None for what is no number, text or tuple of these."""
    if isinstance(value, tuple):
        others = tuple(map(another, value))
        return None if None in others else others
    if isinstance(value, (bool, np.bool_)):
        return not value
    if isinstance(value, (int, np.integer)):
        return value + 1
    if isinstance(value, (float, np.floating)):
        return value / 2 or 0.1
    return f"not {value}" if isinstance(value, str) else None


def names_read(examination):
    """Return the names that the methods of a class read: variables, attributes, and texts such as "lr"."""
    bases = examination.optimizer.__mro__
    classes = bases[:bases.index(Optimizer)] if examination.steps_itself else bases
    members = [member for cls in classes for name, member in vars(cls).items() if name != "__init__"]
    functions = [getattr(member, "fget", getattr(member, "__func__", member)) for member in members]
    codes = [inspect.unwrap(function).__code__ for function in functions if inspect.isfunction(function)]
    names = set()
    for code in codes:  # which grows by the functions inside the methods
        codes += [inside for inside in code.co_consts if inspect.iscode(inside)]
        loaded = [line.argval for line in dis.get_instructions(code) if "LOAD" in line.opname]
        names.update(name for value in loaded for name in (value if isinstance(value, tuple) else (value,)))
    return names


def skips_missing_gradients(examination):
    """A parameter whose gradient is None keeps still, and has no state."""
    params, twins, gradients = problem()
    for grads in gradients:
        grads[1] = None
    optimizer = examination.train(params, gradients)
    faults = ["a parameter whose grad is None is moved"] * differ(params[1:], twins[1:], rtol=0, atol=0)
    return faults + ["a parameter whose grad is None gets a state"] * (params[1] in optimizer.state)


def resumes_bit_for_bit(examination):
    """A run that is saved and loaded half-way gives the same result as a run without a break."""
    params, _, gradients = problem(steps=6)
    optimizer = examination.train(params, gradients[:3])
    saved = optimizer.state_dict()
    encoded(saved, "the state dictionary", [], ())  # raises if it cannot be saved
    twins = [Parameter(param.data) for param in params]
    resumed = examination.make(twins)
    resumed.load_state_dict(saved)
    walk(optimizer, params, gradients[3:])
    walk(resumed, twins, gradients[3:])
    if not differ(params, twins, rtol=0, atol=0):
        return []
    return ["a run resumed from its state dictionary goes another way: everything that a step remembers belongs in "
            f"the dictionary that init_state returns\n   {examination.definition('init_state')}"]


def returns_the_loss(examination):
    """`step` returns what the closure returned."""
    params, _, gradients = problem(steps=1)
    optimizer = examination.make(params)

    def closure():
        for param, grad in zip(params, gradients[0]):
            param.grad = grad
        return 0.25

    loss = optimizer.step(closure)
    return [] if loss == 0.25 else [f"step(closure) returns {loss!r}, where the closure returned 0.25"]


def is_finite_at_a_minimum(examination):
    """A gradient of 0 gives finite numbers."""
    if not examination.is_rule:
        return NOT_A_RULE
    trial = Trial(examination, zero=True)
    if np.all(np.isfinite(trial.update())):
        return []

    trial = Trial(examination, zero=True)
    where = trial.line_after_which(
        lambda names: any(not np.all(np.isfinite(array)) for array in arrays_of(names, trial.state)))
    return [f"with a gradient of 0, update returns numbers that are not finite: is an eps missing?\n   {where}"]


def climbs_if_asked_to(examination):
    """`maximize=True` does the same as gradients of the other sign."""
    if "maximize" not in inspect.signature(examination.optimizer.__init__).parameters:
        return []
    params, twins, gradients = problem()
    examination.train(params, gradients)
    examination.train(twins, [[-grad for grad in grads] for grads in gradients], loss=-1.0, maximize=True)
    if not differ(params, twins, rtol=1e-12, atol=0):
        return []
    return ["maximize=True is not the same as a gradient of the other sign: pass maximize on to super().__init__, and "
            "leave the sign to step"]


def descends_a_bowl(examination):
    """On a convex bowl it gets near the minimum, with one of five learning rates."""
    curvatures = np.array([[1.0], [2.0], [5.0]])
    lr = examination.defaults().get("lr")
    factors = [1] if lr is None or isinstance(lr, np.ndarray) else [1, 0.1, 0.01, 10, 100]

    def losses(factor, steps):
        x = Parameter([[1.0], [-1.0], [1.0]])
        optimizer, found = examination.make([x], **({} if lr is None else {"lr": lr * factor})), []

        def closure():
            x.grad = curvatures * x.data
            found.append(float(np.sum(curvatures * x.data**2)) / 2)
            return found[-1]

        with np.errstate(all="ignore"):
            for _ in range(steps):
                optimizer.step(closure)
        return np.array(found)

    if any(losses(factor, 500)[-1] < 0.04 for factor in factors):
        return []
    first = losses(0.01, 10)
    if np.all(np.diff(first) > 0):
        return ["it climbs instead of descending: step computes theta - lr * phi, so phi points uphill, as the "
                f"gradient does\n   {examination.definition('update')}"]
    tried = ", ".join(f"{lr * factor:g}" for factor in factors) if lr is not None else "its own"
    return ["on the bowl (x^2 + 2 y^2 + 5 z^2)/2 from (1, -1, 1), of height 4, it is not below 0.04 after 500 steps, "
            f"with lr = {tried}\n   {examination.definition('update')}"]


CHECKS = {
    "makes a step": makes_a_step,
    "keeps float32": keeps_float32,
    "leaves the gradient and the parameter to you": leaves_inputs_alone,
    "remembers in its state": remembers_in_its_state,
    "changes its state in place": changes_the_state_in_place,
    "counts once a step": counts_once_a_step,
    "moves in pieces as whole": moves_in_pieces_as_whole,
    "takes arrays of hyperparameters": takes_arrays_of_hyperparameters,
    "takes hyperparameters from the groups": takes_hyperparameters_from_the_groups,
    "treats groups apart": treats_groups_apart,
    "skips parameters without a gradient": skips_missing_gradients,
    "resumes bit for bit": resumes_bit_for_bit,
    "returns the closure's loss": returns_the_loss,
    "is finite at a minimum": is_finite_at_a_minimum,
    "climbs if asked to": climbs_if_asked_to,
    "descends a bowl": descends_a_bowl,
}
# Checks to leave out after a fault in another check, because they would find the same fault.
FOLLOWS_FROM = {
    "makes a step": CHECKS.keys(),
    "remembers in its state": {"moves in pieces as whole", "takes arrays of hyperparameters", "treats groups apart",
                               "resumes bit for bit"},
    "changes its state in place": {"moves in pieces as whole", "resumes bit for bit"},
    "counts once a step": {"moves in pieces as whole"},
    "moves in pieces as whole": {"takes arrays of hyperparameters"},
    "takes hyperparameters from the groups": {"treats groups apart", "climbs if asked to"},
}
