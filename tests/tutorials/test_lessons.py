"""Every lesson runs to its end, its assertions hold, and it draws its picture."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tutorials.lessons import lessons

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("lesson", [one for one in lessons() if one.tasks], ids=lambda lesson: lesson.path.stem)
def test_lesson_runs_and_its_claims_hold(lesson, tmp_path):
    copy = shutil.copy(lesson.path, tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-W", "error", copy], cwd=tmp_path, capture_output=True, text=True,
                          env=environment)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "figures").glob(f"{lesson.number:02}_*.png"))
    assert "assert " in lesson.path.read_text(encoding="utf-8")
