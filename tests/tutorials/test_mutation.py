"""The checks catch mistakes that nobody planted: every operator, constant and statement of a solution, changed."""

from pathlib import Path

import pytest

import tutorials
from tutorials.checking import exercise
from tutorials.lessons import task
from tutorials.mutation import mutants, results, table, verdicts

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
COMPARED = [task for task in tutorials.exercises() if exercise(task.number).experiment]


@pytest.mark.parametrize("task", COMPARED, ids=lambda task: task.number)
def test_check_catches_a_sample_of_mutants(task):
    assert [mutant.change for mutant, verdict in verdicts(task, slice(None, None, 5)) if verdict.passed] == []


def test_checks_catch_95_of_100_mutants_and_the_page_for_teachers_says_how_many():
    found = list(results())
    passed = [verdict.passed for _, checked in found for _, verdict in checked]
    assert sum(passed) <= 0.05 * len(passed)
    assert table(found) in (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")


def test_course_plants_at_least_150_mistakes():
    assert sum(len(exercise(task.number).mistakes) for task in COMPARED) >= 150


def test_mutants_of_a_line():
    changed = {mutant.change for mutant in mutants(task("1.1"))}
    line = "return (f(x + h) - f(x - h)) / (2 * h)"
    assert f"{line} -> return (f(x - h) - f(x - h)) / (2 * h)" in changed
    assert f"{line} -> return (f(x + h) - f(x - h)) * (2 * h)" in changed
    assert f"{line} -> return (f(x + h) - f(x - h)) / (4 * h)" in changed


@pytest.mark.parametrize("task", COMPARED, ids=lambda task: task.number)
def test_every_part_that_is_called_equivalent_exists(task):
    changed = [mutant.change for mutant in mutants(task)]
    assert all(any(part in change for change in changed) for part in exercise(task.number).equivalent)


def test_survivor_is_found(monkeypatch):
    """A check that compares nothing lets every mutant pass."""
    monkeypatch.setattr(exercise("1.1"), "rtol", 1e300)
    assert [verdict.passed for _, verdict in verdicts(task("1.1"), slice(2))] == [True, True]
