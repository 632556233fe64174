"""explain shows the backward pass that runs: its gradients, its rules' own lines, the reader's lines, and the sums."""

import gc
import io
import linecache
import sys

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, detect_anomaly, explain, nn, no_grad, remember_lines
from minigrad.origins import ORIGINS


def leaf(numbers):
    return Tensor(np.array(numbers, float), requires_grad=True)


def rosenbrock(x):
    a = 1 - x[0]
    b = x[1] - x[0] ** 2
    return a ** 2 + 100 * b ** 2


def shared(x):
    return np.sum(x * 3 + x * 4)


def network():
    nn.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def programs():
    """Return functions with arguments that use each kind of rule: a table's line, a function, an addition in place."""
    data = np.random.default_rng(0).normal(size=(4, 3))
    square = data[:3] @ data[:3].T + np.eye(3)
    return {
        "rosenbrock": (rosenbrock, np.array([-1.2, 1.0])),
        "a value used twice": (shared, np.array([1.0, 2.0])),
        "broadcasting": (lambda x, b: np.sum(np.tanh(x + b) * b), data, data[0]),
        "repeated index": (lambda x: np.sum(x[np.array([0, 0, 2])] ** 3), data),
        "several results": (lambda a: np.sum(np.linalg.eigh(a)[0] ** 2) + np.sum(np.linalg.svd(a)[1]), square),
        "concatenation": (lambda x, y: np.prod(np.concatenate([x, y, x]) / 2), data[0], data[1]),
        "no derivative on the way": (lambda x: np.sum(np.where(x > 0, x, 0.1 * x)), data),
        "float32": (lambda x: np.mean(np.exp(x) @ data.astype(np.float32)), data.T.astype(np.float32)),
        "linear algebra": (lambda a: np.linalg.slogdet(a)[1] + np.trace(np.linalg.inv(a)), square),
        "convolution": (lambda x, w: np.sum(nn.functional.conv2d(x, w) ** 2), data[None, None], data[None, None, :2]),
        "your own primitive": (minigrad.primitive(lambda x: x * x, lambda g, ans, x: 2 * g * x), np.float64(3.0)),
    }


@pytest.fixture(params=programs())
def program(request):
    function, *args = programs()[request.param]
    return function, args


def test_gradients_shown_are_those_that_backward_stores(program):
    function, args = program
    variables = [leaf(arg).astype(arg.dtype).detach().requires_grad_() for arg in args]
    function(*variables).backward()
    told = [row for row in explain(function, *args).rows if not row.operation]
    assert len(told) == len(args)
    for row, variable in zip(told, variables):
        assert row.gradient.dtype == variable.grad.dtype
        np.testing.assert_array_equal(row.gradient, variable.grad)


def test_contributions_add_up_to_the_gradient_shown(program):
    function, args = program
    for row in explain(function, *args).rows:
        parts = [give.value for give in row.received]
        if parts and not isinstance(row.gradient, list):
            rtol = 1e-5 if row.gradient.dtype == np.float32 else 1e-12
            np.testing.assert_allclose(sum(parts), row.gradient, rtol=rtol)


def test_every_rules_line_is_a_line_of_a_file_that_ran(program):
    function, args = program
    ran = set()

    def listen(frame, event, arg):
        if event == "call":
            return listen
        ran.add((frame.f_code.co_filename, frame.f_lineno))
        return listen

    earlier = sys.gettrace()
    sys.settrace(listen)
    try:
        explanation = explain(function, *args)
    finally:
        sys.settrace(earlier)
    rules = [give.rule for row in explanation.rows for give in row.contributions]
    assert rules
    for rule in rules:
        in_file = " ".join("".join(linecache.getlines(rule.file)[rule.line - 1:rule.line + 8]).split())
        assert rule.text in in_file
        if not rule.text.startswith("def "):
            assert (rule.file, rule.line) in ran


def test_the_lines_of_a_function_are_those_that_made_the_results():
    told = [row for row in explain(rosenbrock, np.array([-1.2, 1.0])).rows if row.operation]
    sources = [row.source for row in told]
    assert {row.file for row in told} == {__file__}
    assert sources[:4] == ["return a ** 2 + 100 * b ** 2"] * 4
    assert sources[4:8] == ["b = x[1] - x[0] ** 2"] * 4
    assert sources[8:] == ["a = 1 - x[0]"] * 2


def test_the_rule_is_picked_among_several_on_a_line():
    x, y = explain(lambda x, y: x * y, 3.0, 5.0).rows[0].contributions
    assert (x.rule.text, x.formula) == ("lambda g, ans, x, y: g * y", "g * y = 1 * 5")
    assert (y.rule.text, y.formula) == ("lambda g, ans, x, y: g * x", "g * x = 1 * 3")


def test_of_a_rule_with_several_ways_to_return_the_one_it_took_is_shown_in_numbers():
    x, w = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    mean, product = explain(lambda x, w: np.mean(x @ w), x, w).rows[:2]
    assert mean.contributions[0].formula == "spread(g / n, x) = spread(1 / 1, [[11]])"
    left, right = product.contributions
    assert (left.rule.text, left.formula) == ("return g @ y.T", "g @ y.T = [[1]] @ [[3, 4]]")
    assert (right.rule.text, right.formula) == ("return x.T @ g", "x.T @ g = [[1], [2]] @ [[1]]")
    vector, = explain(lambda w: np.sum(x[0] @ w), w[:, 0]).rows[1].contributions
    assert vector.formula == "x * g = [1, 2] * 1"
    assert vector.rule.line != right.rule.line


def test_assignments_that_led_to_the_return_are_shown_before_it():
    explanation = explain(lambda x: np.var(x), np.array([1.0, 3.0]))
    rule = explanation.rows[0].contributions[0].rule
    assert [source.split(" = ")[0] for _, source in rule.leading] == ["n", "degrees_of_freedom", "deviation"]
    for number, source in rule.leading:
        assert linecache.getline(rule.file, number).strip() == source
        assert source in explanation.text(300) and source in explanation.markdown()
    assert "kept(2 * g / degrees_of_freedom, x, axis, keepdims) * deviation = " in explanation.text(1000)
    assert "* [-1, 1] = [-1, 1]" in explanation.text(1000)


def test_a_value_used_twice_shows_the_sum():
    explanation = explain(lambda x: 3 * x + 4 * x, 1.0)
    row = explanation.rows[-1]
    assert [float(give.value) for give in row.received] == [4, 3]
    assert [give.before for give in row.received] == [None, 4]
    assert "gradient 4 + 3 = 7, the sum of what came from multiply#2 and multiply#3" in explanation.text(width=200)


def test_both_places_of_the_same_argument_are_distinguished():
    first, second = explain(lambda x: x / x, 2.0).rows[0].contributions
    assert (first.argument, second.argument) == (0, 1)
    assert (float(first.value), float(second.value)) == (0.5, -0.5)


def test_a_contribution_is_shown_before_and_after_broadcasting_is_undone():
    explanation = explain(lambda x, b: np.sum(x * b), np.ones((3, 2)), np.array([1.0, 2.0]))
    give = explanation.rows[1].contributions[1]
    assert give.returned.shape == (3, 2)
    np.testing.assert_array_equal(give.value, [3, 3])
    assert "summed where broadcasting stretched: [3, 3]" in explanation.text(width=300)


def test_names_are_those_of_the_readers_program():
    weights = {"slope": leaf(2.0)}
    model = nn.Linear(1, 1, dtype=np.float64)
    ages = np.array([[1.0]])
    hidden = model(ages) * weights["slope"]
    loss = np.sum(hidden)
    titles = [title for title, _ in explain(loss).sections()]
    assert titles == ["step 1: loss = sum(hidden)", "step 2: hidden = multiply(linear#3, weights['slope'])",
                      "step 3: linear(ages, model.weight, model.bias)", "leaf weights['slope']", "leaf model.weight",
                      "leaf model.bias"]


def test_names_inside_a_function_and_of_its_parameters_are_known():
    explanation = explain(rosenbrock, np.array([-1.2, 1.0]))
    names = [explanation.label(row.step) for row in explanation.rows]
    assert {"rosenbrock(x)", "a", "b", "x[0]", "x[1]"} <= set(names)
    structured = explain(lambda weights: np.sum(weights["w"] * weights["b"]), {"w": np.ones(2), "b": 3.0})
    assert [structured.label(row.step) for row in structured.rows[-2:]] == ["weights['w']", "weights['b']"]


def test_modules_are_shown_where_lines_were_remembered():
    model = network()
    with remember_lines():
        loss = np.sum(model(np.ones((5, 3))))
    assert [row.module for row in explain(loss).rows if row.operation] == ["", "Linear 2", "Tanh 1", "Linear 0"]


def test_calls_of_a_module_are_distinguished():
    cell = nn.Tanh()
    with remember_lines():
        loss = np.sum(cell(cell(leaf([1.0]))))
    _, second, first, _ = explain(loss).rows
    assert first.origin.calls[0].number != second.origin.calls[0].number


def test_without_remembering_the_lines_are_unknown_and_the_explanation_says_how_to_know_them():
    x = leaf([1.0])
    loss = np.sum(x * x)
    explanation = explain(loss)
    assert explanation.rows[0].source == "" and explanation.rows[0].file is None
    assert "minigrad.remember_lines()" in explanation.text(width=500)
    assert "remember_lines" not in explain(shared, np.ones(1)).text(width=500)


def test_nothing_is_remembered_outside_and_what_is_gone_is_forgotten():
    earlier = set(ORIGINS)
    x = leaf([1.0])
    outside = x * x
    with remember_lines():
        inside = x * x
    assert ORIGINS.keys() - earlier == {inside.counter}
    del inside
    assert not ORIGINS.keys() - earlier
    assert outside.requires_grad


def test_remembering_inside_no_grad_or_detect_anomaly_leaves_those_in_force():
    x = leaf([0.0])
    with no_grad(), remember_lines():
        assert not (x * x).requires_grad
    with detect_anomaly(), remember_lines(), pytest.raises(FloatingPointError):
        np.log(x)
    with remember_lines(), detect_anomaly():
        loss = np.sum(x * x)
    assert explain(loss).rows[0].source == "loss = np.sum(x * x)"


def test_the_gradients_and_the_graph_are_left_alone():
    x, y = leaf([1.0, 2.0]), leaf(3.0)
    x.grad = kept = np.array([5.0, 5.0])
    loss = np.sum(x * x * y)
    explain(loss)
    assert x.grad is kept and y.grad is None
    np.testing.assert_array_equal(kept, [5, 5])
    loss.backward()
    np.testing.assert_array_equal(x.grad, [11, 17])


def test_kept_gradients_are_added_like_those_of_backward():
    x, y = leaf([1.0, 2.0]), leaf(3.0)
    x.grad = kept = np.array([5.0, 5.0])
    explain(np.sum(x * x * y), keep=True)
    assert x.grad is kept
    np.testing.assert_array_equal(kept, [11, 17])
    np.testing.assert_array_equal(y.grad, 5)


def test_a_pass_that_fails_leaves_the_gradients_alone():
    bad = minigrad.primitive(lambda x: x * 1, lambda g, ans, x: 1 / 0)
    x = leaf([1.0])
    x.grad = kept = np.array([5.0])
    loss = np.sum(bad(x))
    for keep in False, True:
        with pytest.raises(ZeroDivisionError):
            explain(loss, keep=keep)
        assert x.grad is kept
    assert minigrad.tape.mode.get() is None


def test_values_shown_do_not_change_with_the_parameters():
    x = leaf([1.0, 2.0])
    explanation = explain(np.sum(x[0] * x[1]))
    x.data[...] = 0
    assert [row.value.tolist() for row in explanation.rows if not row.operation] == [[1, 2]]
    assert sorted(float(row.value) for row in explanation.rows if row.operation == "getitem") == [1, 2]


def test_a_gradient_to_start_with_is_handed_on():
    x = leaf([1.0, 2.0])
    explanation = explain(x * 2, grad=[1.0, 10.0])
    np.testing.assert_array_equal(explanation.rows[0].gradient, [1, 10])
    np.testing.assert_array_equal(explanation.rows[-1].gradient, [2, 20])


def test_a_hook_is_shown():
    x = leaf(1.0)
    y = x * 3
    y.register_hook(lambda g: g * 10)
    explanation = explain(y * 2)
    assert "gradient 2, from multiply#1; a hook made it 20" in explanation.text(width=200)
    assert explanation.rows[-1].gradient == 60


def test_where_no_derivative_leads_is_said():
    ignored = minigrad.primitive(lambda x, y: x * 1, lambda g, ans, x, y: g, None)
    x, y = leaf(1.0), leaf(2.0)
    explanation = explain(ignored(x, np.exp(y)))
    assert [row.gradient is None for row in explanation.rows] == [False, True, False, True]
    assert "gradient none: no derivative leads here" in explanation.text(width=200)


def test_large_arrays_are_summarised():
    text = explain(np.sum, np.arange(10.0)).text(width=200)
    assert "value array of shape (10,): min 0, mean 4.5, max 9, norm 16.88" in text


def test_text_fits_the_width_and_is_coloured_only_on_a_terminal():
    explanation = explain(shared, np.arange(10.0))
    assert max(map(len, explanation.text(width=60).splitlines())) <= 60
    assert "\x1b[1m" in explanation.text(colour=True)
    written = io.StringIO()
    explanation.show(written)
    assert "\x1b" not in written.getvalue()
    assert written.getvalue().rstrip("\n") == repr(explanation)


def test_every_step_and_contribution_is_in_every_form():
    explanation = explain(rosenbrock, np.array([-1.2, 1.0]))
    count = sum(len(row.contributions) for row in explanation.rows)
    assert explanation.text(width=500).count("      to ") == count == 12
    assert explanation.markdown().count("`to ") == count
    html = explanation._repr_html_()
    assert html.count(">to ") == count
    assert html.count("<th ") == len(explanation.rows)
    assert html.count("<tr>") == html.count("</tr>") == sum(1 + len(lines) for _, lines in explanation.sections())


def test_markup_in_the_readers_lines_is_escaped():
    explanation = explain(lambda x: np.where(x > 0, x, 2 * x) + (1 if 1 | 2 else 0), 1.0)
    assert "x > 0" not in explanation._repr_html_() and "x &gt; 0" in explanation._repr_html_()
    assert "1 \\| 2" in explanation.markdown()


def test_a_module_is_explained_like_a_function():
    model = network()
    explanation = explain(lambda: np.sum(model(np.ones((5, 3)))))
    assert [explanation.label(row.step) for row in explanation.rows if not row.operation] == [
        "model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias"]
    assert explain(nn.Linear(1, 1), np.ones((1, 1))).rows[0].operation == "linear"


def test_a_profiler_at_work_gets_its_place_back():
    heard = []

    def profiler(frame, event, arg):
        heard.append(event)

    earlier = sys.getprofile()
    sys.setprofile(profiler)
    try:
        explain(shared, np.ones(1))
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(earlier)


def test_misuse_is_reported():
    with pytest.raises(TypeError, match="explain takes a Tensor, or a function that returns one, not 3.0"):
        explain(3.0)
    with pytest.raises(TypeError, match="not array"):
        explain(lambda: np.ones(1))
    with pytest.raises(TypeError, match="explain takes arguments only for a function"):
        explain(leaf(1.0) * 2, 3.0)
    with pytest.raises(RuntimeError, match="without a graph"):
        explain(Tensor(1.0))
    loss = leaf(1.0) * 2
    loss.backward()
    with pytest.raises(RuntimeError, match="freed"):
        explain(loss)
    with pytest.raises(RuntimeError, match="needs a single number"):
        explain(leaf([1.0, 2.0]) * 2)


def test_numbers_in_lists_are_leaves_of_their_own():
    explanation = explain(rosenbrock, [-1.2, 1.0])
    assert [explanation.label(row.step) for row in explanation.rows[-2:]] == ["x[0]", "x[1]"]
    np.testing.assert_allclose([float(row.gradient) for row in explanation.rows[-2:]], [-215.6, -88])


@pytest.mark.slow
def test_an_explanation_leaves_no_cycles():
    f = lambda x: np.sum(np.exp(x[0] * x) + x)
    minigrad.explain(f, np.ones(2))  # what is cached stays
    gc.collect()
    gc.disable()
    try:
        str(minigrad.explain(f, np.ones(2)))
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("look", [minigrad.explain, minigrad.draw])
def test_a_freed_graph_says_what_to_do(look):
    loss = np.sum(leaf([1.0, 2.0]) ** 2)
    loss.backward()
    with pytest.raises(RuntimeError, match=r"before loss\.backward\(\), or call loss\.backward\(retain_graph=True\)"):
        look(loss)
