"""The programs of the two pages for teachers and for those who know PyTorch run, and print what they say."""

import re
import shlex
from pathlib import Path

import pytest

import tutorials
from tutorials.__main__ import parser
from tutorials.checking import exercise

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["teaching.md", "coming_from_pytorch.md"]


def programs(page):
    return re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_programs_of_a_page_run_one_after_the_other(page, capsys):
    names = {"__name__": "page"}
    for number, program in enumerate(programs(page)):
        exec(compile(program, f"{page}, program {number}", "exec"), names)
    out = capsys.readouterr().out
    if page == "teaching.md":
        verdict, printed = out.split("\n16.0\n")
        assert verdict.startswith("✗ 11.1: ")
        lines = printed.splitlines()
        assert lines[:6] == ["19.0", "22.0", "1.0 [0.1]", "10.0 [0.1]", "1.9 True", "2.1 False"]
        assert "sqrt" in lines[6]
    else:
        assert "\nSigned passes " in out and "\nSignedAsInPyTorch passes " in out


@pytest.mark.parametrize("page", ["docs/teaching.md", "tutorials/README.md"])
def test_commands_of_a_page_are_commands(page):
    commands = re.findall(r"python -m tutorials ([^`#&>|\n]+)", (DOCS.parent / page).read_text(encoding="utf-8"))
    assert len(commands) >= 4
    for command in commands:
        parser().parse_args(shlex.split(command))


def test_table_of_planted_mistakes_is_current():
    """Each row of the table counts what is planted in its lesson today."""
    _, _, text = (DOCS / "teaching.md").read_text(encoding="utf-8").partition("<!-- written by")
    rows = re.findall(r"^\| (\d+) [^|]*\| (\d+) \|", text, re.MULTILINE)
    planted = {}
    for task in tutorials.exercises():
        lesson = task.number.split(".")[0]
        planted[lesson] = planted.get(lesson, 0) + len(exercise(task.number).mistakes)
    table = {lesson: int(count) for lesson, count in rows}
    assert table and table.items() <= planted.items(), "run python -m tutorials.mutation"
