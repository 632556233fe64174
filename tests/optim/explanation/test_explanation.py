"""`explain`: it shows what ran, and leaves no trace."""

import copy
import html.parser
import linecache
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from optimizer_catalogue import EXAMPLES, Bowl

import optim

every = pytest.mark.parametrize("name", EXAMPLES)


def started(name, steps=1):
    """Return an optimizer and its problem, on the way."""
    problem = Bowl(rows=EXAMPLES[name].rows)
    optimizer = EXAMPLES[name].optimizer(name, problem)
    for _ in range(steps):
        optimizer.step(problem.closure)
    return optimizer, problem


def parameter(value=3.0, grad=2.0):
    p = optim.Parameter(np.atleast_1d(value))
    p.grad = np.full_like(p.data, grad)
    return p


def everything(optimizer):
    """Return all that a step may change, as nested copies."""
    params = [p for group in optimizer.param_groups for p in group["params"]]
    generators = [one.bit_generator.state for one in vars(optimizer).values() if isinstance(one, np.random.Generator)]
    grads = [(id(p.grad), copy.deepcopy(getattr(p.grad, "values", p.grad))) for p in params]
    return [optimizer.state_dict(), [p.data.copy() for p in params], grads, generators,
            {key: value for key, value in vars(optimizer).items() if isinstance(value, (bool, int, float, str))}]


def assert_same(x, y):
    np.testing.assert_equal(x, y)


# What is shown is what ran

@pytest.mark.slow
@every
@pytest.mark.parametrize("steps", [0, 2])
def test_the_explained_step_ends_where_the_ordinary_step_does_bit_for_bit(name, steps):
    optimizer, problem = started(name, steps)
    ordinary, same_problem = started(name, steps)
    ordinary.step(same_problem.closure)
    explanation = optim.explain(optimizer, problem.closure, keep=True)
    assert_same([p.data for p in problem.params], [p.data for p in same_problem.params])
    assert_same(optimizer.state_dict(), ordinary.state_dict())
    theta = {f"θ[{i}]": p.data for i, p in enumerate(same_problem.params)}
    assert_same({name: explanation.states[-1][name] for name in theta}, theta)


@every
def test_the_last_row_of_each_parameter_holds_its_new_value(name):
    optimizer, problem = started(name)
    explanation = optim.explain(optimizer, problem.closure, keep=True)
    last = {(row.parameter, key): value for row in explanation.rows for key, value in row.values.items()}
    if (None, "θ") in last:
        assert_same(last[None, "θ"], np.concatenate([p.data.ravel() for p in problem.params]))
    else:
        moved = "theta", "data", "param.data"
        ends = [[value for (i, key), value in last.items() if i == number and key in moved][-1]
                for number in range(len(problem.params))]
        assert_same(ends, [p.data for p in problem.params])


@every
def test_a_step_that_moves_a_parameter_shows_the_line_that_does(name):
    optimizer, problem = started(name)
    explanation = optim.explain(optimizer, problem.closure, steps=2)
    for step in (1, 2):
        before, after = explanation.states[step - 1:step + 1]
        for number in range(len(problem.params)):
            moved = not np.array_equal(before[f"θ[{number}]"], after[f"θ[{number}]"])
            shown = [row for row in explanation.rows if row.step == step and row.moved and row.source]
            ends = [value for row in shown for value in row.values.values() if isinstance(value, np.ndarray)]
            flat = after[f"θ[{number}]"].ravel()
            assert not moved or any(contains(end, flat) for end in ends)


def contains(array, part):
    """Return whether the numbers of a vector are next to each other in an array."""
    flat = array.ravel()
    return any(np.array_equal(flat[i:i + part.size], part) for i in range(flat.size - part.size + 1))


def test_renamed_variables_of_the_machinery_are_found_by_what_they_change(monkeypatch):
    class Renamed(optim.SGD):
        machinery = ()

        def move_all(self, work):
            for group, weights, slope in work:
                weights.data[...] = weights.data - group["lr"] * slope

    p = optim.Parameter([1.0, 2.0])
    p.grad = np.ones(2)
    rows = optim.explain(Renamed([p], lr=0.5)).rows
    assert [row.source.strip() for row in rows] == ['weights.data[...] = weights.data - group["lr"] * slope']
    assert rows[0].moved


@pytest.mark.slow
@every
def test_every_line_shown_is_a_line_of_the_file_that_ran(name):
    optimizer, problem = started(name)
    rows = optim.explain(optimizer, problem.closure, steps=2).rows
    assert rows
    for row in rows:
        for number, source in enumerate(row.source.split("\n"), row.line):
            assert linecache.getline(row.file, number).rstrip().endswith(source)


@every
def test_the_rule_is_shown(name):
    optimizer, problem = started(name)
    told = {(row.method, key) for row in optim.explain(optimizer, problem.closure).rows for key in row.values}
    assert told & {("update", "φ"), ("point", "result"), ("iterate", "phi")}


@pytest.mark.slow
@every
def test_without_keep_the_optimizer_and_the_parameters_are_as_before(name):
    optimizer, problem = started(name)
    problem.closure()
    before = everything(optimizer)
    optim.explain(optimizer, problem.closure, steps=2)
    assert_same(everything(optimizer), before)


def test_without_keep_a_random_link_draws_what_it_would_have_drawn():
    optimizer, twin = (optim.chain([parameter()], optim.add_noise(eta=1.0, gamma=0.0, seed=3)) for _ in range(2))
    optim.explain(optimizer, steps=3)
    optimizer.step()
    twin.step()
    assert_same(optimizer.param_groups[0]["params"][0].data, twin.param_groups[0]["params"][0].data)


def test_arrays_of_more_than_a_piece_are_shown_whole_and_move_as_ever():
    rng = np.random.default_rng(0)
    start, grad = rng.normal(size=(2, 200_000)).astype(np.float32)
    first, second = (parameter(start), parameter(start))
    first.grad = second.grad = grad
    explanation = optim.explain(optim.Adam([first]), keep=True)
    optim.Adam([second]).step()
    np.testing.assert_array_equal(first.data, second.data)
    phi, = (row.values["φ"] for row in explanation.rows if "φ" in row.values)
    assert phi.shape == start.shape
    assert "φ = array of shape (200000,): min" in explanation.text(200)


# Formulas

def test_a_step_of_gradient_descent_is_shown_in_numbers():
    assert optim.explain(optim.SGD([parameter()], lr=0.1)).rows[-1].formula == "theta = 3 - 0.1 * 2 = 2.8"


def test_adam_is_shown_line_by_line():
    formulas = [row.formula for row in optim.explain(optim.Adam([parameter()], lr=0.5)).rows]
    expected = ["m = 0 * 0.9 = 0", "m = 0 + (1 - 0.9) * 2 = 0.2", "v = 0 * 0.999 = 0",
                "v = 0 + (1 - 0.999) * 2 * 2 = 0.004", "theta = 3 - 0.5 * 1 = 2.5"]
    assert [text for text in formulas if text in expected] == expected


def test_negative_numbers_are_in_parentheses():
    assert optim.explain(optim.SGD([parameter(grad=-2.0)], lr=0.1)).rows[-1].formula == "theta = 3 - 0.1 * (-2) = 3.2"


def test_one_element_is_shown_in_plain_numbers():
    p = parameter(np.arange(12.0).reshape(3, 4))
    explanation = optim.explain(optim.SGD([p], lr=0.1), element=(2, 1))
    assert explanation.rows[-1].formula == "theta = 9 - 0.1 * 2 = 8.8"
    np.testing.assert_array_equal(explanation.rows[-1].values["theta"], p.data - 0.1 * p.grad)


def test_one_parameter_is_shown_alone():
    optimizer = optim.SGD([parameter(1.0), parameter(3.0)], lr=0.1)
    rows = optim.explain(optimizer, parameter=1).rows
    assert {row.parameter for row in rows} == {1}
    assert rows[-1].formula == "theta = 3 - 0.1 * 2 = 2.8"


class Halfway(optim.Optimizer):
    """A student's own."""

    def __init__(self, params, lr=1.0):
        super().__init__(params, lr=lr)

    def init_state(self, param):
        return {"step": 0}

    def update(self, grad, state, param):
        # a comment
        direction = (
            half(grad)
            + 0 * param
        )
        if state["step"] > 1:
            direction = -direction
        try:
            raise_it()
        except KeyError:
            grad = None
        return direction


def half(x):
    return x / 2


def raise_it():
    raise KeyError("caught")


def test_your_own_optimizer_is_shown_with_the_functions_beside_it():
    rows = optim.explain(Halfway([parameter()])).rows
    assert [(row.method, row.formula) for row in rows if row.formula] == [
        ("init_state", "state['step'] = 0"), ("half", "result = 2 / 2 = 1"),
        ("update", "direction = half(2) + 0 * 3 = 1"), ("update", "1 > 1 → no"),
        ("update", "grad = None"), ("update", "φ = 1"), ("descend", "theta = 3 - 1 * 1 = 2")]
    several, = [row.source for row in rows if row.source.startswith("direction")]
    assert several == "direction = (\n    half(grad)\n    + 0 * param\n)"


class Lines(optim.Optimizer):
    """Statements of every kind that set an array."""

    def __init__(self, params, lr=1.0, betas=(0.5, 0.25)):
        super().__init__(params, lr=lr, betas=betas)

    def init_state(self, param):
        return {"m": np.ones_like(param)}

    def update(self, grad, state, param, *, betas):
        b1, b2 = betas
        state["m"][...] = b1 * state["m"] + grad
        m = state["m"]
        m[:] = b2 * m[:]
        m[...] += grad
        m[m > 0] = 8
        np.maximum(m, grad, out=m)
        np.copyto(m, 2 * m)
        np.sqrt(m, m)
        a = b = m / 2
        c = a + 1; d = c * b  # noqa: E702
        c *= 2; c += 1  # noqa: E702
        if b1 > 1: d = d + 1  # noqa: E701
        unknown = np.empty_like(m)
        unknown.fill(0)
        return d + unknown


def test_whatever_way_an_array_is_set_the_line_has_its_formula():
    rows = optim.explain(Lines([parameter()])).rows
    assert [row.formula for row in rows if row.method == "update" and row.formula] == [
        "b1 = 0.5, b2 = 0.25", "state['m'] = 0.5 * 1 + 2 = 2.5", "m = 2.5", "m = 0.25 * 2.5 = 0.625",
        "m = 0.625 + 2 = 2.625", "m = 8", "m = np.maximum(8, 2) = 8", "m = 2 * 8 = 16", "m = 4",
        "a = 4 / 2 = 2, b = 4 / 2 = 2", "c = 2 + 1 = 3, d = 3 * 2 = 6",
        "c = 7", "d = 6",  # how far such a line has come is not known
        "unknown = 0", "φ = 6 + 0 = 6"]


def test_a_line_of_two_statements_is_shown_once_and_whole():
    row, = [row for row in optim.explain(Lines([parameter()])).rows if row.source.startswith("c = ")]
    assert row.source.startswith("c = a + 1; d = c * b") and set(row.values) == {"c", "d"}


@pytest.mark.parametrize("tell", [optim.explain, optim.worksheet, lambda optimizer: optimizer.step()])
@pytest.mark.parametrize("method", [optim.LBFGS, partial(optim.FISTA, prox=optim.prox_l1)])
def test_a_method_that_needs_a_closure_says_what_to_write(tell, method):
    with pytest.raises(TypeError, match=r"returns the loss: write optimizer.step\(closure\); got None"):
        tell(method([parameter()], lr=0.1))


def test_a_chain_is_shown_link_by_link_by_the_links_names():
    optimizer = optim.chain([parameter(grad=9.0)], optim.clip(5.0), optim.scale_by_adam(), optim.clip(0.5), lr=1.0)
    told = [(row.rule, row.formula) for row in optim.explain(optimizer).rows if "φ" in row.values]
    assert told == [("clip", "φ = np.clip(9, -5, 5) = 5"), ("scale_by_adam, Adam", "φ = 1"),
                    ("clip_2", "φ = np.clip(1, -0.5, 0.5) = 0.5")]


def test_a_wrapper_is_shown_with_the_step_inside():
    p = parameter()
    rows = optim.explain(optim.EMA(optim.SGD([p], lr=0.1), decay=0.5), steps=2).rows
    assert "theta = 3 - 0.1 * 2 = 2.8" in [row.formula for row in rows]
    averages = [float(row.values["average"][0]) for row in rows if "average" in row.values and "+=" in row.source]
    assert averages == pytest.approx([2.8, 2.7])


def test_a_hook_that_moves_parameters_is_shown():
    optimizer = optim.SGD([parameter(np.array([1.0, 0.0]))], lr=0.1)
    optim.project_after(optimizer, optim.project_simplex)
    rows = optim.explain(optimizer, keep=True).rows
    assert rows[-1].method == "hook"
    np.testing.assert_array_equal(rows[-1].values["param.data"], optimizer.param_groups[0]["params"][0].data)


# The learning rate and the state

def test_the_learning_rate_is_traced_to_its_schedule_and_its_initial_value():
    optimizer = optim.SGD([parameter()], lr=0.8)
    schedule = optim.schedule.StepLR(optimizer, step_size=1, gamma=0.5)
    optimizer.step()
    schedule.step()
    line, = optim.explain(optimizer).settings
    assert "lr = 0.4" in line and "StepLR" in line and "at its step 1" in line and "initial value 0.8" in line


def test_a_schedule_does_not_take_an_explained_step_for_a_step():
    optimizer = optim.SGD([parameter()], lr=0.8)
    schedule = optim.schedule.StepLR(optimizer, step_size=1)
    optim.explain(optimizer)
    with pytest.warns(UserWarning):
        schedule.step()


def test_several_steps_show_how_the_state_moves():
    p = parameter()

    def closure():
        p.grad = 2 * p.data

    explanation = optim.explain(optim.SGD([p], lr=0.1, momentum=0.5), closure, steps=3)
    head, rows = explanation.moves()
    assert head == ["", "before", "after step 1", "after step 2", "after step 3"]
    assert ["momentum_buffer[0]", "", "6", "7.8", "7.14"] in rows
    assert "how the state moves" in explanation.text()


# Showing

@pytest.mark.parametrize("width", [40, 79, 200])
def test_text_keeps_to_the_width(width):
    optimizer, problem = started("Adam")
    assert max(map(len, optim.explain(optimizer, problem.closure, steps=2).text(width).splitlines())) <= width


class Terminal:
    """A file that is a terminal."""

    def __init__(self, terminal):
        self.terminal, self.text = terminal, ""

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text


def test_colour_is_for_terminals_only(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    explanation = optim.explain(optim.SGD([parameter()]))
    screen, file = Terminal(True), Terminal(False)
    explanation.show(screen)
    explanation.show(file)
    assert "\x1b[" in screen.text and "\x1b[" not in file.text
    assert "\x1b[" not in repr(explanation)


class Tags(html.parser.HTMLParser):
    """Checks that tags are closed in the order in which they were opened."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_well_formed_and_escaped():
    optimizer, problem = started("LBFGS")
    tags, text = Tags(), optim.explain(optimizer, problem.closure, steps=2)._repr_html_()
    tags.feed(text)
    assert not tags.open and text.count("<table>") == 2
    assert "&gt;" in text


def test_markdown_tables_have_as_many_cells_in_every_line():
    optimizer, problem = started("Muon")
    for table in optim.explain(optimizer, problem.closure, steps=2).markdown().split("\n\n"):
        if table.startswith("| "):
            assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1


def test_empty_and_broken_arrays_can_be_shown():
    p = parameter(np.zeros((0, 3)))
    assert "empty array of shape (0, 3)" in optim.explain(optim.SGD([p])).text()
    assert "nan" in optim.explain(optim.SGD([parameter(grad=np.nan)])).text()


# Leaving no trace

def test_whatever_traces_already_gets_its_place_back():
    def debugger(frame, event, arg):
        return None

    earlier = sys.gettrace()
    try:
        sys.settrace(debugger)
        optim.explain(optim.SGD([parameter()]))
        found = sys.gettrace()
    finally:
        sys.settrace(earlier)
    assert found is debugger


def test_after_an_error_in_the_step_all_is_as_before():
    class Broken(optim.SGD):
        def update(self, grad, state, param):
            param += 1
            raise RuntimeError("broken")

    optimizer = Broken([parameter()])
    before, earlier = everything(optimizer), sys.gettrace()
    with pytest.raises(RuntimeError, match="broken"):
        optim.explain(optimizer)
    assert sys.gettrace() is earlier
    assert_same(everything(optimizer), before)


def test_other_threads_are_not_traced():
    seen = []

    class Peeking(optim.SGD):
        def update(self, grad, state, param):
            thread = threading.Thread(target=lambda: seen.append(sys.gettrace()))
            thread.start()
            thread.join()
            return grad

    optim.explain(Peeking([parameter()]))
    assert seen == [threading.gettrace()]


TYPED = """class Typed(optim.Optimizer):
    def __init__(self, params, lr=1.0):
        super().__init__(params, lr=lr)
    def init_state(self, param):
        return {"m": np.ones_like(param)}
    def update(self, grad, state, param):
        m = state["m"]
        m *= 0.5
        m += grad
        return m
"""


def test_of_a_method_without_source_the_values_are_shown_by_line():
    space = {"optim": optim, "np": np}
    exec(TYPED, space)
    explanation = optim.explain(space["Typed"]([parameter()]))
    assert "no source of Typed.init_state, Typed.update" in explanation.settings[-1]
    told = [(row.line, row.formula) for row in explanation.rows if not row.source]
    assert told == [(7, "m = 1"), (8, "state['m'] = 0.5, m = 0.5"), (9, "state['m'] = 2.5, m = 2.5"), (10, "φ = 2.5")]
    assert explanation.rows[-1].formula == "theta = 3 - 1 * 2.5 = 0.5"
    assert "\n    8  state['m'] = 0.5, m = 0.5\n" in explanation.text(width=80)


def test_a_worksheet_without_source_says_so():
    space = {"optim": optim, "np": np}
    exec(TYPED, space)
    with pytest.raises(ValueError, match="no source of Typed.init_state, Typed.update"):
        optim.worksheet(space["Typed"]([parameter()]))


# Misuse

@pytest.mark.parametrize("arguments, error, words", [
    ({"optimizer": "Adam"}, TypeError, "expected an optimizer that has parameters"),
    ({"steps": 0}, ValueError, "steps is 0"),
    ({"parameter": 1}, IndexError, "from 0 to 0"),
    ({"element": 1}, IndexError, "does not pick a single number"),
    ({"element": slice(None)}, IndexError, "does not pick a single number"),
    ({"closure": 3}, TypeError, "closure is 3"),
])
def test_misuse_is_named(arguments, error, words):
    optimizer = arguments.pop("optimizer", optim.SGD([parameter()]))
    with pytest.raises(error, match=words):
        optim.explain(optimizer, **arguments)


def test_without_a_gradient_the_message_says_what_to_do():
    with pytest.raises(ValueError, match="call backward first, or pass a closure"):
        optim.explain(optim.SGD([optim.Parameter([1.0])]))


# In a notebook

CELLS = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
shell.run_cell("import numpy as np, optim, minigrad", store_history=True)
shell.run_cell("class Mine(optim.Optimizer):\\n"
               "    def __init__(self, params, lr=0.1):\\n"
               "        super().__init__(params, lr=lr)\\n"
               "    def update(self, grad, state, param):\\n"
               "        return np.sign(grad)\\n", store_history=True)
shell.run_cell("p = optim.Parameter([1.0]); p.grad = p.data.copy()\\n"
               "explanation = optim.explain(Mine([p]))\\n"
               "def f(x):\\n    return np.sum(x * x)\\n"
               "walk = minigrad.explain(f, np.ones(2))", store_history=True)
for one in (shell.user_ns["explanation"], shell.user_ns["walk"]):
    print(one.text(width=200), one._repr_html_())
"""


def test_in_a_notebook_lines_are_named_by_their_cell_and_empty_cells_hold_no_code(tmp_path):
    pytest.importorskip("IPython")
    environment = {**os.environ, "PYTHONPATH": str(Path(optim.__file__).parents[1]), "IPYTHONDIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", CELLS], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "in cell 2" in run.stdout and "cell 3, line 4" in run.stdout
    assert "ipython-input" not in run.stdout and "ipykernel" not in run.stdout
    assert "<code" in run.stdout and "></code>" not in run.stdout


def test_files_are_named_from_the_package_or_the_working_directory():
    text = explain_one().text(width=200)
    assert "\noptim/adaptive.py\n" in text


def explain_one():
    p = optim.Parameter([1.0])
    p.grad = np.ones(1)
    return optim.explain(optim.Adam([p]))
