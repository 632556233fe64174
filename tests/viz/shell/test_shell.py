"""`python -m optim` does the main job, and every mistake ends in one line and exit code 2."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import optim
from optim.viz import load, surfaces
from optim.viz.runs import contestants
from optim.viz.shell.shell import main

ROOT = Path(__file__).parents[3]
OWN_MODULES = "own", "valley", "rules_of_mine"  # that tests write


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in OWN_MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in OWN_MODULES:
        sys.modules.pop(name, None)


def exit_code(*arguments):
    try:
        return main(list(arguments))
    except SystemExit as exit:
        return exit.code


def run_program(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "optim", *arguments], cwd=folder, env=environment, capture_output=True,
                          text=True)


@pytest.mark.slow
def test_alone_it_races_the_classics_over_rosenbrock(folder, capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[2:6]] == ["SGD", "SGD with momentum", "RMSprop", "Adam"]
    assert lines[-1] == "figure: rosenbrock_race.png"
    assert (folder / "rosenbrock_race.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_as_a_program(folder):
    done = run_program(folder, "--out", "race.svg")
    assert (done.returncode, done.stderr) == (0, "")
    assert "figure: race.svg" in done.stdout
    assert (folder / "race.svg").read_text().startswith("<?xml")


@pytest.mark.slow
def test_a_mistake_as_a_program(folder):
    done = run_program(folder, "race", "rosenbrok")
    assert done.returncode == 2
    assert done.stderr == "python -m optim: no surface is named 'rosenbrok'; did you mean 'rosenbrock'?\n"


FUNCTIONS = """
def divides(p):
    nothing = 0
    return p[0] * (1 / nothing)

def misspelt(p):
    return p[0]**2 + q[1]**2

def rooted(p):
    import numpy as np
    return np.sqrt(p[0] - 100) + p[1]**2

rooted.__name__ = "../../rooted"

import optim

class Own(optim.Optimizer):
    def __init__(self, params, lr=0.01, scale=0.5):
        super().__init__(params, lr=lr, scale=scale)
    def update(self, grad, state, param, *, scale):
        Own.ran = True
        return scale * grad

class Broken(Own):
    def update(self, grad, state, param, *, scale):
        return grdd
"""


@pytest.mark.parametrize(("arguments", "told"), [
    (["race", ""], "name either a SURFACE"),
    (["map", "booth", "--size", "-4"], "--size is -4; expected a whole number from 2 to 16384"),
    (["basins", "booth", "--size", "1000000000"], "--size is 1000000000"),
    (["race", "--function", "broken:f"], "broken.py, line 1: expected ':'"),
    (["race", "--function", "failing:f"], "failing.py, line 2: ZeroDivisionError: division by zero"),
    (["race", "--function", "own:divides"], "own.py, line 4: ZeroDivisionError: division by zero"),
    (["race", "--function", "own:misspelt"], "own.py, line 7: NameError: name 'q' is not defined"),
    (["race", "--function", "own:rooted"], "f is nan at the start (-1.2, 1.2): choose another with --start"),
    (["map", "--function", "own:rooted"], "f is nan at the start"),
    (["race", "own:rooted"], "write --function own:rooted"),
    (["race", "--function", os.path.abspath("/there/own.py") + ":f"], "there is no file "),
    (["race", "booth", "--optimizer", "own:Broken"], "own.py, line 26: NameError: name 'grdd' is not defined"),
    (["race", "booth", "--optimizer", "own.py:Broken(lr=1)"], "own.py, line 26: NameError: name 'grdd' is not defined"),
    (["race", "booth", "--optimizer", "own:Missing"], "own has no class Missing; it has Own, Broken"),
    (["race", "booth", "--optimizer", "own:Own(lrr=1)"], "Own has no hyperparameter 'lrr'; did you mean lr?"),
    (["race", "booth", "--optimizer", "own:Own(1)"], "in 'Own(1)', 1 has no name"),
    (["race", "booth", "--optimizer", "own:Own(lr="], "the optimizer 'Own(lr=' is not of the form"),
    (["race", "booth", "--optimizer", "own:"], "'own:' does not name a class: write FILE.py:NAME or MODULE:NAME"),
    (["basins", "booth", "--optimizer", "SGD(lr=0.1)", "--optimizer", "Adam"], "--optimizer is given twice"),
    *[([command, "booth", "--out", f"nowhere/it.{ending}"], "there is no folder 'nowhere'") for command, ending in
      [("race", "png"), ("map", "png"), ("basins", "png"), ("page", "html"), ("animate", "gif")]],
])
def test_what_goes_wrong_is_reported_in_one_line_before_any_work(arguments, told, folder, capsys, monkeypatch):
    (folder / "broken.py").write_text("def f(p)\n    return p\n")
    (folder / "failing.py").write_text("\n1 / 0\n")
    (folder / "own.py").write_text(FUNCTIONS)
    assert exit_code(*arguments) == 2
    out, err = capsys.readouterr()
    assert told in err and err.count("\n") == 1 and out == ""


def test_the_name_of_a_function_leads_to_no_other_folder(folder, monkeypatch, capsys):
    (folder / "own.py").write_text(FUNCTIONS)
    assert main(["race", "--function", "own:rooted", "--optimizer", "SGD", "--start", "101", "0", "--steps", "1"]) == 0
    assert capsys.readouterr().out.endswith("figure: rooted_race.png\n")


def test_version_is_printed(capsys):
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"optim {optim.__version__}\n"


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_mistake(folder):
    program = f"{sys.executable} -m optim list | head -1"
    done = subprocess.run(program, shell=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Surfaces\n", "")


@pytest.mark.slow
def test_a_terminal_without_a_dash_is_shown_a_question_mark(folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "optim", "race", "booth", "--optimizer", "SGD(lr=5)", "--steps", "9"],
                          cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "SGD(lr=5)" in done.stdout and "?" in done.stdout


@pytest.mark.slow
def test_race_with_named_optimizers(folder, capsys):
    assert main(["race", "beale", "--optimizer", "Adam(lr=0.05)", "--optimizer", "SGD(lr=1e-3, momentum=0.9)",
                 "--start", "-1", "2", "--steps", "30", "--out", "beale.png", "--table", "csv"]) == 0
    table = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["optimizer"] for row in table] == ["Adam(lr=0.05)", "SGD(lr=0.001, momentum=0.9)"]
    assert {row["steps"] for row in table} == {"30"}
    assert (folder / "beale.png").exists()


@pytest.mark.parametrize(("kind", "last"), [("csv", "Adam"), ("markdown", "| Adam")])
def test_a_table_for_other_programs_is_alone_on_the_standard_output(kind, last, capsys):
    assert main(["race", "beale", "--steps", "5", "--table", kind]) == 0
    out, err = capsys.readouterr()
    lines = out.split("\n")
    assert len(lines) == {"csv": 6, "markdown": 7}[kind] and lines[-2].strip('"').startswith(last) and not lines[-1]
    assert err.startswith("best of 31 learning rates") and err.endswith("figure: beale_race.png\n")


@pytest.mark.slow
def test_every_ending_that_out_takes_is_written_or_refused_before_the_run(folder, capsys):
    assert exit_code("race", "booth", "--out", "race.xyz") == 2
    endings = capsys.readouterr().err.partition("one of ")[2].strip().split(", ")
    assert {"png", "jpg", "tiff", "webp", "raw"} <= set(endings)
    for ending in endings:
        code = exit_code("race", "booth", "--optimizer", "SGD", "--steps", "2", "--out", f"race.{ending}")
        out, err = capsys.readouterr()
        if (folder / f"race.{ending}").exists():
            assert code == 0
        else:
            assert ending == "pgf" and code == 2 and not out and "cannot be drawn here: " in err


@pytest.mark.slow
def test_race_without_optimizers_is_tuned_and_states_the_budget(folder, capsys):
    assert main(["race", "booth", "--steps", "20"]) == 0
    out = capsys.readouterr().out
    assert "best of 31 learning rates from 1e-05 to 10, judged by the last tenth of the run" in out
    assert (folder / "booth_race.png").exists()


def test_race_over_your_own_function(folder, capsys):
    (folder / "valley.py").write_text("def narrow(p):\n    x, y = p\n    return x**2 + 50 * y**2\n")
    assert main(["race", "--function", "valley:narrow", "--optimizer", "Adam(lr=0.1)", "--start", "3", "1",
                 "--domain", "-4", "4", "-2", "2", "--steps", "5"]) == 0
    assert capsys.readouterr().out.endswith("figure: narrow_race.png\n")


@pytest.mark.slow
@pytest.mark.parametrize("command", [
    ["race"], ["map", "--y", "scale", "0.1", "1", "--size", "4"], ["basins", "--size", "4"],
    ["portraits", "--size", "4"], ["page"], ["animate"],
], ids=lambda command: command[0])
@pytest.mark.parametrize("name", ["own:Own", "own.py:Own(lr=0.02)"])
def test_an_optimizer_of_ones_own_is_given_by_its_module_or_its_file(command, name, folder):
    (folder / "own.py").write_text(FUNCTIONS)
    assert main([command[0], "booth", "--optimizer", name, "--steps", "3", *command[1:]]) == 0
    assert sys.modules["own"].Own.ran


def test_hyperparameters_of_ones_own_class_are_those_of_the_run(folder, capsys):
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "own.py").write_text(FUNCTIONS)
    assert main(["race", "booth", "--optimizer", "elsewhere/own.py:Own(lr=0.02, scale=0.25)", "--steps", "3"]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("Own(lr=0.02, scale=0.25)  0.02      3")


@pytest.mark.slow
def test_map_writes_a_picture_and_keeps_the_numbers(folder, capsys):
    arguments = ["map", "quadratic_bowl", "--x", "lr", "0.01", "1", "--y", "momentum", "0", "0.9", "--size", "16",
                 "--steps", "20", "--keep", "map.npz"]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert "SGD on quadratic_bowl" in first and first.endswith("figure: quadratic_bowl_map.png\n")
    kept = load(folder / "map.npz")
    np.testing.assert_allclose(kept.x, np.geomspace(0.01, 1, 16))
    np.testing.assert_allclose(kept.y, np.linspace(0, 0.9, 16))
    assert main(arguments) == 0
    assert capsys.readouterr().out == first


@pytest.mark.slow
def test_basins_names_every_minimum(folder, capsys):
    assert main(["basins", "himmelblau", "--size", "8", "--steps", "100"]) == 0
    out = capsys.readouterr().out
    assert "(3, 2)" in out and "(-2.805, 3.131)" in out
    assert (folder / "himmelblau_basins.png").exists()


@pytest.mark.slow
def test_page_and_animation_are_written(folder, capsys):
    assert main(["page", "booth", "--optimizer", "Adam(lr=0.5)", "--steps", "10"]) == 0
    assert main(["animate", "booth", "--optimizer", "Adam(lr=0.5)", "--steps", "4", "--frames", "3"]) == 0
    assert capsys.readouterr().out == "page: booth_race.html\nanimation: booth_race.gif\n"
    assert (folder / "booth_race.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert (folder / "booth_race.gif").read_bytes().startswith(b"GIF89a")


def test_list_names_every_surface_and_optimizer(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for name in [*surfaces.names(), *contestants.known()]:
        assert f"  {name} " in out
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(("arguments", "told"), [
    ("race", "name either a SURFACE"),
    ("race booth --function json:loads", "name either a SURFACE"),
    ("race rosenbrok", "did you mean 'rosenbrock'?"),
    ("race booth --optimizer Adma", "no optimizer is named 'Adma'; did you mean"),
    ("race booth --optimizer Adam(lrr=1)", "Adam has no hyperparameter 'lrr'; did you mean lr?"),
    ("race booth --optimizer Adam(lr=-1)", "in 'Adam(lr=-1)', lr is -1"),
    ("race booth --optimizer Adam(lr=1e999)", "lr is inf"),
    ("race booth --optimizer Adam(lr=", "is not of the form"),
    ("race booth --optimizer Adam --optimizer Adam", "two optimizers have the same text"),
    ("race booth --steps many", "argument --steps: invalid int value: 'many'"),
    ("race booth --steps -1", "steps is -1"),
    ("race booth --steps 0", "steps is 0; it must be at least 1"),
    ("race booth --start 1", "argument --start: expected 2 arguments"),
    ("race booth --start nan 1", "start must be a point of 2 finite numbers"),
    ("race booth --domain 1 0 0 1", "low < high"),
    ("race booth --seed -1", "seed is -1"),
    ("race booth --out nowhere/race.png", "there is no folder 'nowhere'"),
    ("race booth --out race", "its ending must be one of"),
    ("race booth --out race.xyz", "its ending must be one of"),
    ("race booth --out folder.png", "which cannot be written"),
    ("race --function nowhere:f", "No module named 'nowhere'"),
    ("race --function json", "write FILE.py:NAME or MODULE:NAME"),
    ("race --function mine.py:g", "there is no file mine.py"),
    ("race --function json:nothing", "json has no function nothing; it has dump, dumps"),
    ("race booth more", "unrecognized arguments: more"),
    ("race booth --optimizer Adam SGD", "unrecognized arguments: SGD; write --optimizer before each optimizer"),
    ("race booth --optimizer MyLion", "in a shell, as FILE.py:CLASS"),
    ("race booth --optimizer SAM", "or in a shell the FILE.py:NAME of such a function"),
    ("map booth --x lr 1 0.1", "the first below the second"),
    ("map booth --x lr a b", "expected a name and two numbers"),
    ("map booth --x lrr 0.1 1", "SGD does not know the hyperparameter 'lrr'"),
    ("map booth --optimizer Adam --x lr 1e-4 1", "--y is needed, because Adam has no momentum"),
    ("map booth --workers 0", "--workers is 0"),
    ("map booth --keep nowhere/map.npz", "--keep is 'nowhere/map.npz', but there is no folder"),
    ("basins booth --size 0", "size is 0"),
    ("basins booth --optimizer LBFGS", "LBFGS"),
    ("animate booth --frames 1", "frames is 1"),
    ("animate booth --out race.png", "its ending must be one of gif, html, mp4"),
    ("page rosenbrok", "did you mean 'rosenbrock'?"),
    ("play booth", "there is no window to open with Matplotlib's backend"),
    ("rase", "invalid choice: 'rase'"),
    ("--outt", "unrecognized arguments"),
])
def test_mistakes_end_in_one_line_and_exit_code_2(arguments, told, folder, capsys):
    (folder / "folder.png").mkdir()
    assert exit_code(*arguments.split()) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("python -m optim: ") and error.count("\n") == 1
    assert told in error
    assert [path.name for path in folder.iterdir()] == ["folder.png"]


def test_a_picture_that_cannot_be_written_is_reported_in_one_line(folder, capsys, monkeypatch):
    def full(drawing, file, **kwargs):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr("optim.viz.pictures.drawing.Drawing.write", full)
    assert main(["race", "booth", "--optimizer", "Adam", "--steps", "2"]) == 2
    assert capsys.readouterr().err == "python -m optim: [Errno 28] No space left on device: 'booth_race.png'\n"


@pytest.mark.parametrize(("words", "told"), [([], "interrupted"), (["4 tiles are kept"], "4 tiles are kept")])
def test_an_interruption_is_reported_in_one_line(words, told, folder, capsys, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt(*words)
    monkeypatch.setattr("optim.viz.shell.commands.race", interrupted)
    assert main(["race", "booth", "--optimizer", "Adam"]) == 130
    assert capsys.readouterr().err == f"python -m optim: {told}\n"


# Optimizers as they are written

def test_show_prints_the_equations_and_the_source_of_optimizers(capsys):
    assert main(["show", "adam", "Lion(betas=(0.5, 0.5))"]) == 0
    text = capsys.readouterr().out
    assert "m ← β₁ m + (1 − β₁) g" in text and "m_hat = m / (1 - beta1**t)" in text
    assert "betas=(0.5, 0.5)" in text and "▌" in text


def test_show_takes_a_class_of_ones_own(folder, capsys):
    (folder / "rules_of_mine.py").write_text("import numpy as np\nimport optim\n\n\n"
                                             "class Mine(optim.Optimizer):\n"
                                             "    def __init__(self, params, lr=0.1):\n"
                                             "        super().__init__(params, lr=lr)\n\n"
                                             "    def update(self, grad, state, param):\n"
                                             "        return np.sign(grad)\n")
    for name, lr in ("rules_of_mine:Mine", 0.1), ("rules_of_mine.py:Mine(lr=0.5)", 0.5):
        assert main(["show", name]) == 0
        shown = capsys.readouterr().out
        assert "return np.sign(grad)" in shown and f"lr={lr}" in shown


@pytest.mark.parametrize("name", ["Adamm", "rules_of_nobody:Mine", "numpy:array", "Adam(lr=-1)"])
def test_show_refuses_in_one_line_what_is_no_optimizer(name, capsys):
    assert exit_code("show", name) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
