"""`worksheet`: exercise and solution are one sheet, with the numbers of the step."""

import re
import shutil
import subprocess

import matplotlib.mathtext
import numpy as np
import pytest
from optimizer_catalogue import EXAMPLES, Bowl

import optim
from optim.explanation.typesetting import typeset


def bowl(start=3.0):
    p = optim.Parameter(np.atleast_1d(start))

    def closure():
        p.grad = 2 * p.data

    return p, closure


def test_the_solution_holds_the_numbers_of_the_run():
    p, closure = bowl()
    text = optim.worksheet(optim.SGD([p], lr=0.1, momentum=0.5), closure, steps=3).markdown(solution=True)
    positions = []
    optimizer = optim.SGD([p], lr=0.1, momentum=0.5)
    for _ in range(3):
        closure()
        optimizer.step()
        positions.append(f"{p.data[0]:.6g}`")
    results = [line.split(" = ")[-1].removesuffix(" |") for line in text.splitlines() if "`theta =" in line]
    assert results == positions


def test_exercise_and_solution_have_the_same_layout_and_the_exercise_gives_no_result_away():
    p, closure = bowl()
    sheet = optim.worksheet(optim.Adam([p], lr=0.5), closure, steps=2)
    exercise, solution = sheet.markdown().splitlines(), sheet.markdown(solution=True).splitlines()
    assert len(exercise) == len(solution)
    asked = [(blank, filled) for blank, filled in zip(exercise, solution) if blank.endswith(r"\_ |")]
    assert len(asked) == sum(line.asked for _, lines in sheet.steps for line in lines) == 20
    for blank, filled in asked:
        assert filled.split("|")[1] == blank.split("|")[1]
        assert filled.split("=")[-1].strip(" |`") not in blank.split("|")[2]


def test_what_the_state_starts_with_and_the_gradients_are_given():
    p, closure = bowl()
    text = optim.worksheet(optim.Adam([p], lr=0.5), closure, steps=2).markdown()
    assert "`m = 0`" in text and "`t = 1`" in text and "`grad = 6`" in text and "`grad = 5`" in text


class Ways(optim.Optimizer):
    """An optimizer that changes its state in many ways."""

    def __init__(self, params, lr=0.1, betas=(0.5, 0.25)):
        super().__init__(params, lr=lr, betas=betas)

    def init_state(self, param):
        return {"m": np.zeros_like(param), "n": np.full_like(param, 0.125)}

    def update(self, grad, state, param, *, betas):
        b1, b2 = betas
        state["m"][...] = b1 * state["m"] + grad
        n = state["n"]
        n[:] = b2 * n
        np.maximum(n, grad / 4, out=n)
        np.copyto(n, n + 1)
        n[n > 0] /= 3
        np.negative(n, n)
        out = np.empty_like(n)
        np.add(n, state["m"], out=out)
        return out


def test_every_line_that_changes_the_state_is_asked_and_what_it_starts_from_is_given():
    p, closure = bowl()
    (_, first), (_, second) = optim.worksheet(Ways([p]), closure, steps=2).steps
    given = {line.name: line.result for line in first if not line.asked}
    assert given == {"b1": "0.5", "b2": "0.25", "n": "0.125"}
    assert optim.worksheet(Ways([p]), closure).start == [("θ[0]", "3"), ("state['m']", "0"), ("state['n']", "0.125")]
    calculated = ["state['m']", "n", "n", "n", "n", "n", "out", "φ", "theta"]
    assert [line.name for line in first if line.asked] == calculated
    assert [line.name for line in second if line.asked] == ["state['m']", "n", *calculated[1:]]


def test_a_sheet_of_one_step_says_step():
    p, closure = bowl()
    one, two = (optim.worksheet(optim.SGD([p], lr=0.1), closure, steps=steps) for steps in (1, 2))
    assert "Exercise: 1 step by hand\n" in one.markdown() and "{Solution: 1 step by hand}" in one.latex(solution=True)
    assert "Exercise: 2 steps by hand\n" in two.markdown()


def test_one_element_of_a_large_parameter_can_be_calculated():
    p, closure = bowl(np.arange(10.0))
    sheet = optim.worksheet(optim.SGD([p], lr=0.5), closure, steps=1, element=4)
    assert "theta = 4 - 0.5 * 8 = 0" in sheet.markdown(solution=True)
    with pytest.raises(ValueError, match="choose an `element`"):
        optim.worksheet(optim.SGD([p], lr=0.5), closure)


def test_the_optimizer_is_left_alone():
    p, closure = bowl()
    optimizer = optim.Adam([p])
    optim.worksheet(optimizer, closure)
    assert p.data == 3 and not optimizer.state


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if example.arrays and not example.rows])
def test_every_formula_of_a_solution_is_mathematics(name):
    problem = Bowl()
    optimizer = EXAMPLES[name].optimizer(name, problem)
    text = optim.worksheet(optimizer, problem.closure, steps=2, element=(0, 1)).latex(solution=True)
    parser = matplotlib.mathtext.MathTextParser("path")
    formulas = re.findall(r"\$[^$]+\$", text)
    assert len(formulas) > 5
    for formula in formulas:
        parser.parse(formula.replace(r"\allowbreak ", "").replace(r"\displaystyle ", ""))
    assert text.count("{") == text.count("}")


def test_a_line_is_shown_without_the_branch_that_does_not_run():
    p, closure = bowl(np.ones((2, 2)))
    with_momentum, without = (optim.worksheet(optim.Muon([p], nesterov=nesterov), closure, steps=1, element=(0, 0))
                              for nesterov in (True, False))
    lines = [[line.source for _, lines in sheet.steps for line in lines] for sheet in (with_momentum, without)]
    assert "direction = momentum * b + (1 - momentum) * grad" in lines[0] and "direction = b" in lines[1]
    p, closure = bowl()
    lines.append([line.source for _, lines in optim.worksheet(optim.SGD([p], momentum=0.9), closure).steps
                  for line in lines])
    assert "b += grad" in lines[2]
    assert not any(" if " in line for line in [*lines[0], *lines[1], *lines[2]])


def test_a_line_with_several_results_is_written_once():
    p, closure = bowl()
    text = optim.worksheet(optim.Adam([p]), closure, steps=1).markdown()
    assert text.count("(beta1, beta2), t = betas") == 1 and "| `beta2 = 0.999` |" in text


@pytest.mark.slow
def test_latex_compiles_to_pages_on_which_every_line_fits(tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-base)")
    p, closure = bowl(np.array([1.5, -0.75]))

    def with_loss():
        closure()
        return float(p.data @ p.data)

    made = [optim.SGD([p], lr=0.1, momentum=0.9), optim.Adam([p], lr=0.1), optim.LBFGS([p], lr=0.1, max_iter=3),
            optim.Rprop([p]), optim.NAdam([p], weight_decay=0.1)]
    sheets = [optim.worksheet(optimizer, with_loss, steps=2, element=element).latex(solution)
              for optimizer in made for solution in (False, True)
              for element in ([None] if isinstance(optimizer, optim.LBFGS) else [None, 0])]
    (tmp_path / "sheets.tex").write_text("\n".join([
        r"\documentclass{article}", r"\usepackage[utf8]{inputenc}", r"\begin{document}",
        "\n\\clearpage\n".join(sheets), r"\end{document}"]), encoding="utf-8")
    run = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "sheets.tex"], cwd=tmp_path,
                         capture_output=True, text=True, encoding="utf-8", errors="replace")
    assert run.returncode == 0, run.stdout[-2000:]
    wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", run.stdout)]
    assert max(wide, default=0) < 1, run.stdout
    assert "Overfull \\vbox" not in run.stdout


@pytest.mark.parametrize("python, latex", [
    ("a / b / c", r"\frac{\frac{a}{b}}{c}"),
    ("a - (b - c)", r"a - (b - c)"),
    ("(a + b) * c", r"(a + b) \cdot c"),
    ("(a + b / c) * d", r"\left(a + \frac{b}{c}\right) \cdot d"),
    ("(-2) ** 2", r"(-2)^{2}"),
    ("(a * b) ** 2", r"(a \cdot b)^{2}"),
    ("1e-08 ** 2", r"\left(1 \cdot 10^{-8}\right)^{2}"),
    ("v_hat + beta2", r"\hat{v} + \beta_{2}"),
    ("np.sign([1, -2])", r"\mathrm{sign}([1,\allowbreak -2])"),
    ("array of shape (3,)", r"\mathrm{array of shape (3,)}"),
])
def test_expressions_are_typeset_with_their_precedence(python, latex):
    assert typeset(python) == latex
