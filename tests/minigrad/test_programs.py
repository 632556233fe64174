"""Programs written out: their text, their numbers, and what is refused."""

import html
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest

import minigrad
import optim
from minigrad.__main__ import main as shell
from minigrad.programs.colours import for_terminal

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(32, 2)), RNG.normal(size=(32, 1))


def rosenbrock(p):
    x, y = p
    a = 1 - x
    b = y - x**2
    return a**2 + 100 * b**2


def network(W1, b1, W2, b2, x, y):
    h = np.tanh(x @ W1 + b1)
    error = h @ W2 + b2 - y
    return np.mean(error**2)


def parameters(dtype=float):
    shapes = (2, 16), (16,), (16, 1), (1,)
    return [RNG.normal(size=shape).astype(dtype) / 2 for shape in shapes]


def adam_step(params, state, t, x, y):
    """One step of Adam on a network, as a function of everything that changes."""
    loss, gradients = minigrad.value_and_grad(lambda params: network(**params, x=x, y=y))(params)
    rule = optim.Adam([optim.Parameter([0.0])])
    moved = {}
    for name, grad in gradients.items():
        moments = {"step": t, **state[name]}
        phi = rule.update(grad, moments, params[name], betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False,
                          decoupled_weight_decay=False)
        moved[name] = params[name] - 0.01 * phi
    return loss, moved


# The text

def test_rosenbrock_reads_as_written_by_hand():
    program = minigrad.program(minigrad.value_and_grad(rosenbrock), np.array([-1.5, 2.0]))
    assert str(program) == """\
def rosenbrock_value_and_grad(p):
    # forward
    x, y = p
    a = 1 - x
    # b = y - x**2
    b = y - x * x
    # a**2 + 100 * b**2
    value = a * a + 100 * (b * b)
    # backward
    # back through a**2 + 100 * b**2
    db = 200 * b
    # back through a = 1 - x
    dx = -400 * b * x - 2 * a
    # back through x, y = p
    dp = np.array([dx, db])
    return value, dp
"""


def test_simplify_false_shows_every_call():
    raw = minigrad.program(minigrad.grad(rosenbrock), np.array([-1.5, 2.0]), simplify=False)
    assert "np.zeros_like(p2)" in raw.text and "np.copy(p)" in raw.text
    assert raw.check() == 0


# The numbers

@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize("simplify", [True, False])
def test_network_gives_the_numbers_of_the_tape(dtype, simplify):
    x, y = X.astype(dtype), Y.astype(dtype)
    function = minigrad.value_and_grad(network, (0, 1, 2, 3))
    program = minigrad.program(function, *parameters(dtype), x, y, simplify=simplify)
    assert program.check() == 0
    assert all(g.dtype == dtype for g in program(*parameters(dtype), x, y)[1])


def test_training_step_counts_its_steps():
    params = dict(zip(("W1", "b1", "W2", "b2"), parameters()))
    state = {name: {"exp_avg": np.zeros_like(p), "exp_avg_sq": np.zeros_like(p)} for name, p in params.items()}
    program = minigrad.program(adam_step, params, state, 1, X, Y)
    runs = []
    for step in (adam_step, program):
        p = {name: array.copy() for name, array in params.items()}
        s = {name: {key: array.copy() for key, array in entry.items()} for name, entry in state.items()}
        losses = []
        for t in (1, 2, 3):
            loss, p = step(p, s, t, X, Y)
            losses.append(float(loss))
        runs.append((losses, p, s))
    assert runs[0][0] == runs[1][0]
    for name in params:
        np.testing.assert_array_equal(runs[0][1][name], runs[1][1][name])
        np.testing.assert_array_equal(runs[0][2][name]["exp_avg_sq"], runs[1][2][name]["exp_avg_sq"])


def test_results_share_no_memory_with_arguments_or_one_another():
    program = minigrad.program(minigrad.grad(lambda x, y: np.sum(x + y), (0, 1)), np.ones(3), np.ones(3))
    dx, dy = program(np.ones(3), np.ones(3))
    dx += 1
    np.testing.assert_array_equal(dy, np.ones(3))


def test_writing_into_arguments_is_done_by_the_program_too():
    def step(p, state):
        state["m"] *= 0.9
        state["m"] += p
        p[0] = 3
        state["count"] = 2.5
        part = p[1:]
        part -= state["m"][1:]
        return p * 2

    program = minigrad.program(step, np.ones(3), {"m": np.full(3, 5.0)})
    args = [(np.arange(3.0), {"m": np.arange(3.0) + 1}) for _ in range(2)]
    np.testing.assert_array_equal(step(*args[0]), program(*args[1]))
    np.testing.assert_array_equal(args[0][0], args[1][0])
    np.testing.assert_array_equal(args[0][1]["m"], args[1][1]["m"])
    assert args[1][1]["count"] == 2.5


def test_reads_between_writes_see_what_was_written_by_then():
    def f(x):
        buffer = np.zeros_like(x)
        first = buffer[0] + x[0]
        buffer[0] += x[1]
        second = buffer[0] + x[0]
        buffer[1:] = second
        turned = buffer.reshape(2, 2).T
        turned[0, 1] = 7
        return first, second, buffer, turned

    assert minigrad.program(f, np.arange(4.0)).check() == 0


def test_what_is_written_over_is_not_written_first():
    layer = minigrad.nn.Linear(3, 2, bias=False)
    program = minigrad.program(minigrad.value_and_grad(lambda x: np.sum(layer(x)[:, 0] ** 2)), np.ones((5, 3)))
    assert str(program).count("[:, 0] = ") == 1 and program.check() == 0

    def rows(x, places):
        x[:, 1] = 1
        x[:, 0] = x[:, 1]
        x[:, 1] = 2
        x[places] = 3
        x[places[::-1]] = 4
        return x * 2

    assert minigrad.program(rows, np.ones((3, 2)), np.array([0, 1])).check() == 0


def read_before_written(m, g):
    twice = m * 2
    part = m[1:]
    first = part + g[1:]
    m *= 0.9
    m += g
    return twice + 1, first * 3, m


def copied_before_written(p):
    before = p.copy()
    copy = p.copy()
    copy += 1
    p[...] = 7
    return before, copy


def written_after_a_copy(p):
    p += 5
    copy = p.copy()
    copy *= 2
    copy[0] = 1
    return copy, p


def swapped(p, q):
    old = p.copy()
    p[...] = q
    q[...] = old


@pytest.mark.parametrize("function, count", [(read_before_written, 2), (copied_before_written, 1),
                                             (written_after_a_copy, 1), (swapped, 2)])
def test_old_numbers_are_read_before_they_are_overwritten(function, count):
    for simplify in (True, False):
        program = minigrad.program(function, *[np.arange(4.0) + i for i in range(count)], simplify=simplify)
        assert program.check() == 0


def test_a_mask_picks_again_at_every_call():
    program = minigrad.program(lambda x: np.where(x > 0, x, 0.5) + np.sum(x[x > 1]), np.array([-1.0, 2.0, 3.0]))
    x = np.array([5.0, -2.0, 1.5])
    np.testing.assert_array_equal(program(x), np.where(x > 0, x, 0.5) + 6.5)


def test_closed_over_arrays_are_read_at_each_call():
    table = np.array([1.0, 2.0])
    settings = {"scale": np.array(3.0)}

    def f(x):
        return x * (table + 1) * settings["scale"]

    program = minigrad.program(f, np.ones(2))
    table[0] = 10
    np.testing.assert_array_equal(program(np.ones(2)), [33, 9])
    table = np.array([0.0, 0.0])
    settings["scale"] = np.array(1.0)
    np.testing.assert_array_equal(program(np.ones(2)), [1, 1])


def test_parameters_of_a_model_are_read_at_each_call():
    model = minigrad.nn.Linear(2, 1, dtype=float)
    program = minigrad.program(minigrad.value_and_grad(lambda x: np.sum(model(x)**2)), X)
    before = program(X)[0]
    model.weight.data[...] *= 2
    model.bias.data[...] *= 2
    np.testing.assert_allclose(program(X)[0], 4 * before)
    assert program.check() == 0


def test_an_array_in_an_object_that_went_into_a_frozen_number_must_not_change():
    class Scaled:
        factors = None

        def __init__(self):
            self.factors = np.array([2.0, 3.0])

        def __call__(self, x):
            return x * np.sum(self.factors)

    scaled = Scaled()
    program = minigrad.program(scaled, np.ones(3))
    np.testing.assert_array_equal(program(np.ones(3)), [5, 5, 5])
    scaled.factors[0] = 1
    with pytest.raises(RuntimeError, match=r"self\.factors has changed"):
        program(np.ones(3))


def test_recording_leaves_objects_as_they_are():
    model = minigrad.nn.BatchNorm1d(2)
    before = model.state_dict()
    with pytest.raises(TypeError):
        minigrad.program(lambda x: np.sum(model(x).data), X)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(("function", "returned"), [
    (lambda z: np.sum(0.2 * (z * z)), "0.4 * z"), (lambda z: np.sum(z * z), "2 * z"),
    (lambda z: 0.5 * (z @ z), "np.copy(z)"), (lambda z: np.sum(z * z * z), "3 * (z * z)"),
    (lambda z: (z[0] - 1) * (z[0] - 1) + 0.3 * (z[1] * z[1]), "np.array([2 * (z[0] - 1), 0.6 * z[1]])"),
])
def test_a_sum_of_equal_terms_is_written_as_a_multiple(function, returned):
    program = minigrad.program(minigrad.grad(function), np.array([1.7, -0.3]))
    assert f" {returned}\n" in f"{program}\n"
    assert program.check() == 0


@pytest.mark.parametrize("dtype", [float, np.float32, int, bool, complex])
def test_multiples_are_the_sums_bit_for_bit_whatever_the_dtype(dtype):
    special = np.array([0.1, -0.0, 1e308, np.inf, np.nan, 5e-324])
    with np.errstate(all="ignore"):
        x = special.astype(dtype) if dtype is not int else np.array([1, 2**62, -7])
        for function in (lambda x: x + x, lambda x: x + x + x, lambda x: (x + x) * (x + x)):
            program = minigrad.program(function, x)
            found, expected = program(x), function(x)
            assert found.dtype == expected.dtype and found.tobytes() == expected.tobytes()


def test_two_arrays_that_are_one_number_everywhere_make_one():
    program = minigrad.program(lambda x: np.full_like(x, 2.0) + np.full_like(x, 3.0), np.ones(3))
    np.testing.assert_array_equal(program(np.ones(3)), [5.0, 5.0, 5.0], strict=True)


def test_long_statements_are_broken_between_their_brackets():
    coefficients = [np.float64(x) for x in np.random.default_rng(0).normal(size=20)]
    program = minigrad.program(lambda x: np.polyval(coefficients, x) * 2, np.ones(3))
    assert max(map(len, program.text.splitlines())) <= 110
    assert program.check() == 0


def test_a_scalar_is_refused_where_the_program_writes_into_an_array():
    def add_one(x):
        x += 1

    program = minigrad.program(add_one, np.array(1.0))
    with pytest.raises(TypeError):
        program(np.float64(1.0))
    x = np.array(1.0)
    program(x)
    assert x == 2


def test_what_a_function_keeps_of_a_recorded_run_holds_the_true_numbers():
    kept = []

    def f(x, t):
        kept.append(x * 2)
        kept.append(t + 1)
        return x

    minigrad.program(f, np.array([1.0, 2.0]), 3)
    np.testing.assert_array_equal(np.asarray(kept[0]), [2, 4])
    np.testing.assert_array_equal(np.array(kept[0]) + 1, [3, 5])
    assert kept[1] * 2 == 8 and -kept[1] == -4


# Keeping it

def test_saved_program_runs_without_minigrad(tmp_path):
    program = minigrad.program(minigrad.value_and_grad(lambda w: np.sum((X @ w - Y[:, 0])**2)), np.zeros(2))
    program.save(tmp_path / "kept.py")
    code = ("import sys; sys.modules['minigrad'] = None; import numpy as np, kept; "
            "print([float(x) for x in kept.function_value_and_grad(np.array([0.5, -1.0]))[1]])"
            .replace("function_value_and_grad", program.__name__))
    shown = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert eval(shown.stdout) == program(np.array([0.5, -1.0]))[1].tolist()


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """The working directory, with a file mine.py."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    (tmp_path / "mine.py").write_text("import numpy as np\n\ndef bowl(p):\n    x, y = p\n    return x**2 + 3 * y\n\n"
                                      "def halves(x, y):\n    if x > y:\n        return x\n    return y\n")
    yield tmp_path
    sys.modules.pop("mine", None)


def test_shell_prints_and_saves_the_program(own_folder, capsys):
    assert shell([f"{own_folder / 'mine.py'}:bowl", "--at", "-1.5", "2", "--save", "kept.py"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("def bowl_value_and_grad(p):") and shown in (own_folder / "kept.py").read_text()
    assert shell(["mine.py:bowl", "--at", "-1.5", "2", "--javascript"]) == 0
    assert "function bowl" in capsys.readouterr().out
    assert shell(["mine:halves", "--at", "2", "1", "--assume"]) == 0
    assert "assert x > y" in capsys.readouterr().out


@pytest.mark.parametrize("place, numbers, message", [
    ("mine.py", ["1"], "'mine.py' does not name a function: write FILE.py:NAME or MODULE:NAME"),
    ("no.py:f", ["1"], "there is no file no.py"), ("nowhere:f", ["1"], "No module named 'nowhere'"),
    ("mine.py:g", ["1"], "mine.py has no function g; it has bowl, halves"),
    ("mine:bowl", ["1"], "mine.py, line 4: TypeError: iteration over a 0-d Tensor (--at has 1 number)"),
    ("mine.py:bowl", ["1", "2", "3"], "mine.py, line 4: ValueError: too many values to unpack"),
    ("mine.py:bowl", ["1", "2", "3"], "(--at has 3 numbers)"),
    ("mine.py:halves", ["1", "2", "3"], "halves takes 2 arguments, and --at has 3 numbers"),
    ("mine.py:halves", ["1", "2"], "mine.py, line 8, `if x > y:`, branches on a number of the run"),
    ("mine.py:halves", ["1", "2"], "or add --assume to have the program assert")])
def test_shell_says_what_is_wrong(place, numbers, message, own_folder, capsys):
    assert shell([place, "--at", *numbers]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.slow
def test_a_reader_of_the_shell_that_goes_away_is_no_mistake(own_folder):
    root = str(Path(minigrad.__file__).parents[1])
    command = f"{sys.executable} -m minigrad mine.py:bowl --at 1 2 | true"
    done = subprocess.run(command, shell=True, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("name", ["json", "sys"])
def test_shell_refuses_a_file_with_the_name_of_another_module(name, own_folder, capsys):
    (own_folder / f"{name}.py").write_text("def f(x):\n    return x\n")
    assert shell([f"{name}.py:f", "--at", "1"]) == 2
    told = f"{name}.py has the name of the module {name}, which is in use: rename the file"
    assert capsys.readouterr().err == f"python -m minigrad: {told}\n"


def test_colours_leave_the_text_as_it_is():
    program = minigrad.program(minigrad.value_and_grad(rosenbrock), np.array([-1.5, 2.0]))
    assert re.sub("\x1b\\[\\d+m", "", for_terminal(program.text)) == program.text
    assert html.unescape(re.sub("<[^>]*>", "", program._repr_html_())) == program.text


def test_tracebacks_show_the_lines_of_the_program():
    program = minigrad.program(lambda x: np.linalg.inv(x), np.eye(2))
    with pytest.raises(np.linalg.LinAlgError) as caught:
        program(np.zeros((2, 2)))
    assert "np.linalg.inv(x)" in "".join(traceback.format_exception(caught.value))


def test_other_shapes_are_refused_or_written_again():
    program = minigrad.program(np.sin, np.ones(3))
    with pytest.raises(TypeError, match=r"written for x = float64 array of shape \(3,\); got float64 array of shape"):
        program(np.ones(4))
    with pytest.raises(TypeError, match="float32"):
        program(np.ones(3, np.float32))
    assert minigrad.program(np.sin, np.ones(3), retrace=True)(np.ones(4)).shape == (4,)


# What is refused, by the line that is in the way

def branch(x):
    if x[0] > 0:
        return x
    return -x


def loop(x):
    while np.sum(x) < 10:
        x = x * 2
    return x


def number(x):
    return x * float(x[0])


def listed(x):
    return np.array(x.tolist())


def random(x):
    return x + np.random.default_rng().normal()


def lost(x):
    buffer = np.zeros(3)
    buffer[:] = x
    return buffer * x


def looked_up(x):
    return np.arange(10.0)[np.asarray(x).astype(int)] * x


def counted(x):
    return x / len(x[x > 1])


def test_an_error_that_only_decoys_bring_about_is_a_refusal():
    table = np.arange(6.0)
    with pytest.raises(TypeError, match="cannot be recorded"):
        minigrad.program(lambda x: x * (table[np.asarray(x > 1.5)] * np.ones(2)).sum(), np.arange(6.0) / 2.5)


@pytest.mark.parametrize("function, line, reason", [
    (branch, "if x[0] > 0:", "branches"),
    (loop, "while np.sum(x) < 10:", "branches"),
    (number, "return x * float(x[0])", "float"),
    (listed, "return np.array(x.tolist())", "tolist"),
    (random, "return x + np.random.default_rng().normal()", "second run"),
    (lost, "return buffer * x", "np.zeros_like"),
    (looked_up, "return np.arange(10.0)[np.asarray(x).astype(int)] * x", "cannot be recorded"),
    (counted, "return x / len(x[x > 1])", "shape"),
])
def test_what_is_not_a_straight_line_is_refused_by_its_line(function, line, reason):
    with pytest.raises(TypeError) as caught:
        minigrad.program(function, np.array([1.0, 2.0, 3.0]))
    assert f"`{line}`" in str(caught.value) and reason in str(caught.value)
    assert "test_programs.py" in str(caught.value)


def test_the_checks_of_labels_in_a_loss_are_assertions_of_the_program():
    loss = minigrad.value_and_grad(lambda outputs, labels: minigrad.nn.cross_entropy(outputs, labels))
    program = minigrad.program(loss, np.eye(3, 2), np.array([0, 1, 1]))
    assert program.check() == 0 and "assert not (labels.max() >= 2)" in str(program)
    for labels in (np.array([0, 1, 2]), np.array([0, -1, 1])):
        with pytest.raises(AssertionError, match="was written for another branch"):
            program(np.eye(3, 2), labels)


def test_a_module_of_ones_own_is_not_taken_for_a_part_of_nn():
    class Gate(minigrad.nn.Module):
        def forward(self, x):
            return x if np.sum(x) > 0 else -x

    with pytest.raises(TypeError, match="branches on a number of the run: write np.where"):
        minigrad.program(Gate(), np.array([1.0, 2.0]))


def test_an_assumed_branch_is_asserted():
    program = minigrad.program(branch, np.array([1.0, 2.0]), assume=True)
    np.testing.assert_array_equal(program(np.array([2.0, 1.0])), [2, 1])
    with pytest.raises(AssertionError, match="branch was written for another branch: write a program with these"):
        program(np.array([-1.0, 2.0]))


def test_an_assumed_number_is_asserted():
    program = minigrad.program(number, np.array([3.0, 2.0]), assume=True)
    np.testing.assert_array_equal(program(np.array([3.0, 5.0])), [9, 15])
    with pytest.raises(AssertionError):
        program(np.array([2.0, 5.0]))


# Random writes

STATEMENTS = [
    "{new} = {a}.copy()", "{new} = {a} + {b}", "{new} = {a}[::-1]", "{new} = {a}[:]", "{a} += {b}", "{a} *= 1.5",
    "{a}[0] = {b}[1]", "{a}[1:3] = {b}[:2]", "{a}[1:] += 0.5", "{a}[...] = {b} * 2", "{a}[:] = 3", "{a} -= {a}[::-1]",
    "np.maximum({a}, {b}, out={a})", "{new} = np.where({a} > {b}, {a}, 0)", "{a}[{b} > 1] = 0.25",
    "{new} = {a}.reshape(2, 2).T.reshape(-1)", "np.copyto({a}, {b})", "{new} = np.zeros_like({a})"]


def random_writes(seed):
    """Return the text of a function that writes into its arguments, their parts and its own arrays."""
    rng = np.random.default_rng(seed)
    names, lines = ["p", "q"], []
    for _ in range(rng.integers(3, 10)):
        statement, (a, b) = rng.choice(STATEMENTS), rng.choice(names, 2)
        new = f"v{len(names)}"
        lines.append("    " + statement.format(a=a, b=b, new=new))
        names += [new] * ("{new}" in statement)
    return "\n".join(["def function(p, q):", *lines, f"    return {', '.join(rng.choice(names, 3))}"])


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_random_writes_are_written_out_as_they_were_made(block):
    for seed in range(50 * block, 50 * block + 50):
        scope = {"np": np}
        exec(text := random_writes(seed), scope)
        for simplify in (True, False):
            program = minigrad.program(scope["function"], np.arange(4.0), np.cos(np.arange(4.0)), simplify=simplify)
            assert program.check() == 0, f"{text}\n\n{program}"
