"""The exercises of every lesson: solutions pass, blanks and known mistakes are answered in words."""

import doctest

import pytest

import tutorials
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
