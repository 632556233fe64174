"""What `start` writes, and what `check` and `progress` say about files."""

import ast
import builtins
import json
import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tutorials.__main__ import main
from tutorials.checking import exercise
from tutorials.handouts import notebook, script
from tutorials.lessons import BLANK, lessons, read_cells, task
from tutorials.student_files import check_file, lessons_in

ROOT = Path(__file__).parents[2]
LESSON_2 = next(lesson for lesson in lessons() if lesson.number == 2)
LESSONS = pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.path.stem)


@pytest.fixture
def folder(tmp_path, capsys):
    """A student's folder, freshly started."""
    assert main(["start", str(tmp_path / "course")]) == 0
    capsys.readouterr()
    return tmp_path / "course"


def fill_in(path, number):
    """Write the solution of an exercise into a student's script."""
    wanted = task(number)
    text = path.read_text(encoding="utf-8")
    assert wanted.blank in text
    path.write_text(text.replace(wanted.blank, wanted.solution), encoding="utf-8")


@LESSONS
def test_script_has_blanks_and_no_markers(lesson):
    code = "\n".join(cell.source for cell in read_cells(script(lesson)) if not cell.is_markdown)
    assert code.count(BLANK) >= len(lesson.tasks) and "SOLUTION" not in code
    assert all(f'print(tutorials.check("{wanted.number}", {wanted.name}))' in code for wanted in lesson.tasks)
    compile(code, lesson.path.name, "exec")


@LESSONS
def test_script_uses_no_name_that_it_does_not_define(lesson):
    nodes = list(ast.walk(ast.parse(script(lesson))))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    defined = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | {"__file__", *dir(builtins)}
    defined |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler))}
    defined |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    defined |= {(node.asname or node.name).split(".")[0] for node in nodes if isinstance(node, ast.alias)}
    assert {node.id for node in names} <= defined


@LESSONS
def test_notebook_is_a_notebook(lesson):
    nbformat = pytest.importorskip("nbformat", reason="nbformat, which validates notebooks, is not installed")
    nbformat.validate(nbformat.reads(notebook(lesson), as_version=4))
    nbformat.validate(nbformat.reads(notebook(lesson, solved=True), as_version=4))


@LESSONS
def test_solutions_are_at_the_end_of_a_notebook_folded(lesson):
    last = json.loads(notebook(lesson))["cells"][-1]
    text = "".join(last["source"])
    assert all(f"<details><summary>{wanted.number}: " in text and wanted.solution in text for wanted in lesson.tasks)


def test_start_without_solutions_writes_the_same_files_and_no_solution(tmp_path, folder):
    assert main(["start", str(tmp_path / "bare"), "--no-solutions"]) == 0
    assert {path.name for path in folder.iterdir()} == {path.name for path in (tmp_path / "bare").iterdir()}
    for lesson in lessons():
        for ending in (".py", ".ipynb"):
            text = (tmp_path / "bare" / (lesson.path.stem + ending)).read_text(encoding="utf-8")
            assert "## Solutions" not in text and "<details>" not in text


def test_start_into_a_file_is_answered_in_words(tmp_path, capsys):
    (tmp_path / "file.py").write_text("mine")
    assert main(["start", str(tmp_path / "file.py")]) == 2
    assert "file.py: it is a file, not a folder" in capsys.readouterr().err
    assert main(["start", str(tmp_path / "file.py" / "below")]) == 2
    assert "below: Not a directory" in capsys.readouterr().err


def test_start_keeps_what_a_student_has_written(folder, capsys):
    path = folder / "01_slope_by_hand.py"
    path.write_text("mine")
    main(["start", str(folder)])
    assert path.read_text() == "mine"
    assert "wrote 0 files" in capsys.readouterr().out


@pytest.mark.slow
def test_script_runs_from_elsewhere_and_checks_itself(folder):
    path = folder / "01_slope_by_hand.py"
    fill_in(path, "1.1")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, path], cwd=folder.parent, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "✓ 1.1: Right" in done.stdout and "✗ 1.2: Nothing is written here yet" in done.stdout
    assert (folder / "figures" / "01_slope_by_hand.png").exists()


@pytest.mark.slow
def test_blanks_are_seen_without_running_the_file(folder, monkeypatch):
    monkeypatch.setattr("tutorials.student_files.checked_apart", lambda path, numbers: pytest.fail("it was run"))
    for lesson in lessons():
        for ending in (".py", ".ipynb"):
            numbers = [wanted.number for wanted in lesson.tasks]
            assert all(verdict.kind == "blank" for verdict in check_file(folder / (lesson.path.stem + ending), numbers))


@pytest.mark.slow
def test_check_of_a_file_says_what_is_solved(folder, capsys):
    path = folder / "01_slope_by_hand.py"
    fill_in(path, "1.1")
    assert main(["check", "1.1", str(path)]) == 0
    assert main(["check", "1", str(path), "--json"]) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "✓ 1.1: Right: it does what the solution does."
    verdicts = [json.loads(line) for line in lines]
    assert [verdict["passed"] for verdict in verdicts] == [True, False, False]
    assert verdicts[1]["kind"] == "blank" and verdicts[1]["file"] == str(path)


@pytest.mark.slow
def test_notebook_is_checked_without_its_magic_commands(folder):
    path = folder / "01_slope_by_hand.ipynb"
    text = path.read_text(encoding="utf-8")
    line = json.dumps(BLANK)[1:-1]
    assert line in text
    book = json.loads(text)
    for source in (["%matplotlib inline\n", "!ls"], "for i in range(3):\n    %time i", ["what is this?"]):
        book["cells"].insert(0, {"cell_type": "code", "source": source})
    for cell in book["cells"]:
        if "".join(cell["source"]) == task("1.1").blank:
            cell["source"] = [task("1.1").solution]
    path.write_text(json.dumps(book), encoding="utf-8")
    assert [verdict.passed for verdict in check_file(path, ["1.1", "1.2"])] == [True, False]


def test_files_that_cannot_be_read_are_a_verdict(tmp_path):
    for name, content in {"a.ipynb": b"{", "b.ipynb": b'{"cells": 3}', "c.py": b"\xff\xfe", "d.py": b"x = 1\0"}.items():
        (tmp_path / name).write_bytes(content)
        [verdict] = check_file(tmp_path / name, ["1.1"])
        assert verdict.kind == "error" and name in verdict.message


def test_cell_that_defines_the_exercise_has_to_be_python(tmp_path):
    cells = [{"cell_type": "code", "source": "def central_difference(f, x, h):\n    return (f(x + h)"}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    [verdict] = check_file(tmp_path / "a.ipynb", ["1.1"])
    assert "is not Python: line 2" in verdict.message


@pytest.mark.slow
@pytest.mark.parametrize("text, kind, words", [
    ("def central_difference(f, x, h:\n", "error", "is not Python: line 1"),
    ("x = 1\n", "missing", "defines no central_difference"),
    ("import sys\nlimit = sys.exit()\ndef central_difference(f, x, h):\n    return limit\n", "error", "SystemExit"),
    ("import os\ndef central_difference(f, x, h):\n    os._exit(3)\n", "error", "without a verdict (exit code 3)"),
    ("def central_difference(f, x, h):\n    print('{\"exercise\": ')\n    return slope(x)\n", "error", "NameError"),
])
def test_whatever_a_file_does_is_a_verdict(tmp_path, text, kind, words):
    path = tmp_path / "student.py"
    path.write_text(text)
    [verdict] = check_file(path, ["1.1"])
    assert verdict.kind == kind and words in verdict.message


@pytest.mark.slow
def test_only_what_an_exercise_needs_is_run(tmp_path):
    path = tmp_path / "student.py"
    path.write_text("raise SystemExit\nhalf = 0.5\n1 / 0\ndef central_difference(f, x, h):\n"
                    "    return half * (f(x + h) - f(x - h)) / h\n")
    [verdict] = check_file(path, ["1.1"])
    assert verdict.passed


@pytest.mark.slow
def test_names_inside_a_function_are_its_own(tmp_path):
    """`left` at the top is another one, and cannot be computed here."""
    path = tmp_path / "student.py"
    path.write_text("left = undefined\n\n\nclass Two:\n    value = 2\n\n\ndef central_difference(f, x, h):\n"
                    "    left = f(x - h)\n    return [(right - left) / (Two.value * h) for right in [f(x + h)]][0]\n")
    [verdict] = check_file(path, ["1.1"])
    assert verdict.passed, verdict


@pytest.mark.slow
@LESSONS
def test_solved_script_passes_as_a_file(lesson, tmp_path):
    path = tmp_path / lesson.path.name
    path.write_text(script(lesson), encoding="utf-8")
    for wanted in lesson.tasks:
        fill_in(path, wanted.number)
    assert all(verdict.passed for verdict in check_file(path, [wanted.number for wanted in lesson.tasks]))


@pytest.mark.slow
def test_modules_beside_the_file_are_found(tmp_path):
    (tmp_path / "formulas.py").write_text("def run(h):\n    return 2 * h\n")
    path = tmp_path / "student.py"
    path.write_text("from formulas import run\ndef central_difference(f, x, h):\n"
                    "    return (f(x + h) - f(x - h)) / run(h)\n")
    [verdict] = check_file(path, ["1.1"])
    assert verdict.passed


@pytest.mark.slow
def test_progress_shows_the_course_in_a_table(folder, capsys):
    fill_in(folder / "01_slope_by_hand.py", "1.2")
    main(["progress", str(folder)])
    out = capsys.readouterr().out
    assert " 1  · ✓ ·    A slope by hand" in out
    assert out.splitlines()[-1].startswith("1 of ")


@pytest.mark.parametrize("lesson", [lesson for lesson in lessons() if lesson.tasks], ids=lambda one: one.path.stem)
def test_lesson_of_a_file_is_known_by_what_is_in_it(lesson, tmp_path):
    for name, text in {"lesson.py": script(lesson), "bare.PY": script(lesson, solutions=False),
                       "Mine (1).ipynb": notebook(lesson), "broken.ipynb": notebook(lesson)[:-20]}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert lessons_in(tmp_path / name) == [lesson]


def test_file_without_an_exercise_belongs_to_the_lesson_it_is_named_after(tmp_path):
    for name in ("02_one_node.py", "00_rosenbrock.ipynb", "other.py"):
        (tmp_path / name).write_text("")
    assert [len(lessons_in(path)) for path in sorted(tmp_path.iterdir())] == [1, 1, 0]


RENAMED = ["02_one_node_carla.py", "carla_02_one_node.py", "02_one_node (1).py", "02_One_Node.py", "lesson2.PY",
           "02_one_node.py.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("name", RENAMED)
def test_progress_counts_a_file_under_any_name(name, tmp_path, capsys):
    path = tmp_path / name
    path.write_text(script(LESSON_2, solutions=False), encoding="utf-8-sig")
    fill_in(path, "2.1")
    assert main(["progress", str(tmp_path), "--json"]) == 0
    captured = capsys.readouterr()
    verdicts = [json.loads(line) for line in captured.out.splitlines()]
    assert [(verdict["exercise"], verdict["kind"]) for verdict in verdicts] == [
        ("2.1", "passed"), ("2.2", "blank"), ("2.3", "blank")]
    assert captured.err == "" and verdicts[0]["file"] == str(path)
    assert main(["progress", str(path)]) == 0
    assert capsys.readouterr().out.endswith("1 of 60 exercises solved\n")


@pytest.mark.slow
def test_best_of_several_files_with_the_same_exercise_counts(tmp_path, capsys):
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(script(LESSON_2), encoding="utf-8")
    fill_in(tmp_path / "b.py", "2.1")
    main(["progress", str(tmp_path), "--json"])
    files = [Path(json.loads(line)["file"]).name for line in capsys.readouterr().out.splitlines()]
    assert files == ["b.py", "a.py", "a.py"]


def test_files_that_progress_skips_are_named(tmp_path, capsys):
    (tmp_path / "02_one_node.py").write_text(script(LESSON_2), encoding="utf-8")
    for name in ("formulas.py", "essay.ipynb", "data.csv", ".hidden.py"):
        (tmp_path / name).write_text("x = 1")
    assert main(["progress", str(tmp_path)]) == 0
    named = [line.split(": ")[0] for line in capsys.readouterr().err.splitlines()]
    assert named == [f"skipped {tmp_path / 'essay.ipynb'}", f"skipped {tmp_path / 'formulas.py'}"]


def test_progress_without_a_lesson_fails_and_names_the_folders_that_have_some(tmp_path, capsys):
    for student in ("alice", "carla maria", "bob", ".ipynb_checkpoints", "tutorials"):
        (tmp_path / student).mkdir()
        (tmp_path / student / "mine.py").write_text("x = 1" if student == "bob" else script(LESSON_2), encoding="utf-8")
    (tmp_path / "tutorials" / "__init__.py").write_text("")
    assert main(["progress", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    alice, carla, last = captured.err.splitlines()
    assert alice.endswith(f"python -m tutorials progress {tmp_path / 'alice'}")
    assert carla.endswith(f"python -m tutorials progress '{tmp_path / 'carla maria'}'")
    assert last == f"{tmp_path}: no script (.py) and no notebook (.ipynb) with an exercise of the course"
    assert captured.out == ""


def test_progress_fails_for_a_lesson_without_exercises(tmp_path, capsys):
    (tmp_path / "00_rosenbrock.py").write_text("x = 1")
    assert main(["progress", str(tmp_path), "--json"]) == 2
    assert "no notebook (.ipynb) with an exercise" in capsys.readouterr().err


def test_figures_of_a_lesson_are_written_beside_it(tmp_path):
    copy = tmp_path / "lesson.py"
    copy.write_text("import matplotlib.pyplot as plt\nimport tutorials\ntutorials.picture(plt.figure(), 'mine')\n")
    runpy.run_path(str(copy))
    assert (tmp_path / "figures" / "mine.png").exists()


@pytest.mark.slow
def test_watch_checks_at_each_save(folder, capsys, monkeypatch):
    path = folder / "01_slope_by_hand.py"

    def save():
        fill_in(path, "1.1")
        os.utime(path, ns=(0, 10**18))

    def press_ctrl_c():
        raise KeyboardInterrupt

    meanwhile = iter([save, lambda: None, press_ctrl_c])  # what happens while the command waits
    monkeypatch.setattr("tutorials.__main__.sleep", lambda seconds: next(meanwhile)())
    assert main(["check", "1.1", str(path), "--watch"]) == 0
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["✗", "✓"]


@pytest.mark.parametrize("arguments, words", [
    (["check", "99", "x.py"], "there is no exercise '99'"),
    (["check", "0", "x.py"], "lesson 0 has no exercises"),
    (["start", "x", "--nbgrader", "--no-solutions"], "not allowed with"),
    (["progress"], "required"),
])
def test_wrong_command_line_is_answered_in_words(arguments, words, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert words in capsys.readouterr().err


def test_file_that_is_not_there_is_answered_in_words(capsys, tmp_path):
    assert main(["check", "1.1", str(tmp_path)]) == 2
    assert f"{tmp_path} is a folder: " in capsys.readouterr().err
    assert main(["check", "1.1", "nowhere.py"]) == 2
    assert main(["progress", "nowhere"]) == 2
    words = capsys.readouterr().err
    assert "there is no file nowhere.py" in words and "python -m tutorials start nowhere" in words


@pytest.mark.slow
def test_notebook_names_a_mistake_in_red(tmp_path):
    for name in ("ipykernel", "nbclient", "matplotlib_inline"):
        if find_spec(name) is None:
            pytest.skip(f"a notebook needs {name}: install the extra notebook")
    import nbclient
    import nbformat

    lesson = next(lesson for lesson in lessons() if lesson.number == 1)
    book, mistake = nbformat.reads(notebook(lesson), as_version=4), exercise("1.1").mistakes[0]
    for cell in book.cells:
        if cell.source == task("1.1").blank:
            cell.source = mistake.applied_to(task("1.1").solution)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND")  # the kernel then chooses the notebook's own
        nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    data = [output.get("data", {}) for cell in book.cells for output in cell.get("outputs", ())]
    assert any("#c62828" in one.get("text/html", "") and mistake.sentence in one["text/html"] for one in data)
    assert any("image/png" in one for one in data)


@pytest.mark.slow
def test_nbgrader_makes_an_assignment_that_fails_until_it_is_solved(tmp_path):
    if find_spec("nbgrader") is None:
        pytest.skip("nbgrader is not installed")
    main(["start", str(tmp_path), "--nbgrader"])

    def nbgrader(*arguments):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it starts alembic from there
        command, environment = [sys.executable, "-m", "nbgrader", *arguments], {**os.environ, "PATH": path}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
        return done.stdout + done.stderr

    nbgrader("generate_assignment", "01_slope_by_hand")
    place = Path("01_slope_by_hand", "01_slope_by_hand.ipynb")
    assert "raise NotImplementedError()" in (tmp_path / "release" / place).read_text(encoding="utf-8")
    assert "passes all the tests" in nbgrader("validate", str("source" / place))
    assert "Nothing is written here yet" in nbgrader("validate", str("release" / place))
