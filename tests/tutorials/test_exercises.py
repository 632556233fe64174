"""The exercises of every lesson: solutions pass, blanks and known mistakes are answered in words."""

import doctest

import numpy as np
import pytest

import minigrad
import optim
import tutorials
from minigrad import nn
from minigrad.registry import TABLE
from tutorials import checking
from tutorials.checking import build, exercise
from tutorials.lessons import SOLUTION, lessons

TASKS = list(tutorials.exercises())
MISTAKES = [(task, mistake) for task in TASKS for mistake in exercise(task.number).mistakes]


def named(value):
    return value.number if hasattr(value, "number") else value.sentence[:40]


@pytest.mark.parametrize("task", TASKS, ids=named)
def test_solution_passes(task):
    verdict = tutorials.check(task.number, build(task.solution, task))
    assert verdict.passed, verdict


@pytest.mark.parametrize("task", TASKS, ids=named)
def test_blank_fails_with_a_sentence(task):
    verdict = tutorials.check(task.number, build(task.blank, task))
    assert verdict.kind == "blank" and task.name in verdict.message
    without_the_line = build(task.blank.replace("...  # your lines", "pass"), task)
    verdict = tutorials.check(task.number, without_the_line)
    assert not verdict.passed and len(verdict.message) > 20


CONSTANTS = [None, 0, 1.0, -1.0, True, False, "", (), [], {}, np.nan, np.zeros(3), (0.0, 0.0)]
FUNCTIONS = [function for function in vars(np).values() if isinstance(function, np.ufunc)]
FUNCTIONS += [getattr(nn.functional, name) for name in nn.functional.__all__]
FUNCTIONS += [getattr(minigrad, name) for name in ("erf", "relu", "sigmoid", "softplus", "silu", "gelu", "softmax")]
DIRECTIONS = [np.copy, np.zeros_like, np.sign, np.negative]
OPTIMIZERS = [thing for name in optim.__all__ if isinstance(thing := getattr(optim, name), type)]


def trivial_functions(task):
    """Yield functions that return a constant, an argument, a function, or what a function makes of the arguments."""
    for value in CONSTANTS + FUNCTIONS:
        yield repr(value), lambda *args, value=value: value
    for place in range(len(task.definition.args.args)):
        yield f"argument {place}", lambda *args, place=place: args[place]
    for function in FUNCTIONS:
        yield f"calls {function.__name__}", lambda *args, function=function: function(*args)


def trivial_classes(task):
    """Yield optimizers that step along the gradient, its sign or nothing, and the library's own."""
    def build_as(direction):
        class Trivial(build(task.blank, task)):
            def init_state(self, param):
                return {}

            def update(self, grad, state, param, **hyperparameters):
                return direction(grad)
        return Trivial

    for direction in DIRECTIONS:
        yield direction.__name__, build_as(direction)
    for optimizer in OPTIMIZERS:
        yield optimizer.__name__, optimizer
        yield f"derived from {optimizer.__name__}", type(task.name, (optimizer,), {})


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=named)
def test_no_trivial_answer_passes(task):
    answers = trivial_classes(task) if task.is_class else trivial_functions(task)
    assert [name for name, answer in answers if tutorials.check(task.number, answer).passed] == []


@pytest.mark.parametrize("function", [np.sin, lambda x: np.sin(x)], ids=["np.sin", "np.sin in another dress"])
def test_function_of_your_own_is_not_one_that_numpy_has(function, monkeypatch):
    monkeypatch.setitem(TABLE, np.sin, TABLE[np.sin])  # minigrad.primitive replaces the rule of np.sin
    verdict = tutorials.check("2.3", lambda: minigrad.primitive(function, lambda g, ans, x: g * np.cos(x)))
    assert verdict.message == "NumPy has your function already: it is np.sin. Choose one that is new."


def test_function_of_your_own_has_a_rule_of_your_own():
    verdict = tutorials.check("2.3", lambda: lambda x: x * np.tanh(x))
    assert "has no rule of yours" in verdict.message


def test_chain_is_asked_for_where_the_library_has_the_optimizer():
    verdict = tutorials.check("12.1", lambda params, lr, betas, eps, weight_decay: optim.AdamW(
        params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))
    assert verdict.kind == "contract" and "returns AdamW, not a chain" in verdict.message


@pytest.mark.slow
@pytest.mark.parametrize("task, mistake", MISTAKES, ids=named)
def test_mistake_is_named_by_its_own_sentence(task, mistake):
    verdict = tutorials.check(task.number, build(mistake.applied_to(task.solution), task))
    assert verdict.message == mistake.sentence


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.path.stem)
def test_numbers_run_from_one_to_three(lesson):
    numbers = [task.number for task in lesson.tasks]
    assert numbers in ([], [f"{lesson.number}.{i}" for i in (1, 2, 3)])
    assert all(SOLUTION.search(task.source) for task in lesson.tasks)


@pytest.mark.parametrize("task", [task for task in TASKS if not task.number.endswith(".3")], ids=named)
def test_exercise_names_at_least_three_mistakes(task):
    assert len(exercise(task.number).mistakes) >= 3


def test_list_of_exercises_prints_what_check_expects():
    assert "central_difference, a function: central_difference(f, x, h)" in repr(tutorials.exercises())


def test_examples_of_docstrings_are_right():
    assert doctest.testmod(checking) == (0, 2)
