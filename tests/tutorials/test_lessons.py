"""Every lesson runs to its end, its assertions hold, and it draws its picture."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tutorials.lessons import lessons

ROOT = Path(__file__).parents[2]
LESSONS = [lesson for lesson in lessons() if lesson.tasks or lesson.number in (0, 20)]
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path.stem)


@pytest.mark.slow
@every_lesson
def test_lesson_runs_and_its_claims_hold(lesson, tmp_path):
    copy = shutil.copy(lesson.path, tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-W", "error::RuntimeWarning", copy], cwd=tmp_path, capture_output=True,
                          text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "figures").glob(f"{lesson.number:02}_*.png"))


@every_lesson
def test_lesson_has_the_form_of_the_course(lesson):
    text = lesson.path.read_text(encoding="utf-8")
    assert lesson.cells[0].source.startswith(f"# {lesson.number}. ") and "**What you will see" in lesson.cells[0].source
    assert re.search(r"^ *assert ", text, re.MULTILINE), "the claim of the picture is not checked"
    assert "tutorials.picture(" in text
    assert [cell.title for cell in lesson.cells].count("setup") == 1


MODULES = sorted((ROOT / "tutorials").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_course_needs_the_two_packages_numpy_and_matplotlib_alone(path):
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}
    allowed = {"minigrad", "optim", "tutorials", "numpy", "matplotlib"} | sys.stdlib_module_names
    assert {name.split(".")[0] for name in names} <= allowed


def test_no_module_hides_one_of_python():
    """A lesson that runs as a script finds the modules beside it first."""
    assert not {path.stem for path in (ROOT / "tutorials").glob("*.py")} & sys.stdlib_module_names
