"""`optim.show`: equations and source as they are, what runs and what does not, and what differs between optimizers."""

import inspect
import re

import numpy as np
import pytest
from optimizer_catalogue import EXAMPLES

import optim
from optim.explanation.equations import equations_of
from optim.explanation.listings import columns_of, source_of, summary_of

NAMES = [name for name in EXAMPLES if isinstance(getattr(optim, name), type) and name != "chain"]


def runs_of(listing, text):
    """Return whether the lines with this text run, one for each optimizer that has it."""
    return [line.runs for column in listing.columns for line in column if line.text.strip().startswith(text)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_shows_its_equations_and_each_line_of_its_rule(name):
    cls = getattr(optim, name)
    text = optim.show(cls).text(width=200)
    rules = [vars(cls)[method] for method in ("init_state", "update", "point") if method in vars(cls)]
    for rule in rules:
        for left, right, _ in equations_of(rule):
            assert f"{left} ← {right}" in text
        body = source_of(rule).replace(f'"""{rule.__doc__}"""', "") if "\n" in (rule.__doc__ or "") else source_of(rule)
        for line in inspect.cleandoc(body).splitlines():
            assert line.strip() in text


@pytest.mark.parametrize("width", [40, 80, 150])
def test_no_line_is_wider_than_the_terminal(width):
    for names in (["Adam"], ["Adam", "AdamW"], ["SGD", "Signum", "Lion"]):
        text = optim.show(*[getattr(optim, name) for name in names]).text(width)
        assert max(map(columns_of, text.splitlines())) <= width


def test_lines_that_do_not_run_with_the_given_hyperparameters_are_known():
    usual = optim.show(optim.Adam)
    assert runs_of(usual, "m_hat = ") == [True] and runs_of(usual, "m += ") == [True]
    assert runs_of(usual, "grad = grad + ") == [False] and runs_of(usual, "v = np.maximum") == [False]
    assert runs_of(usual, "g ← g + λ θ") == [False] and runs_of(usual, "m ← ") == [True]
    other = optim.show(optim.Adam([optim.Parameter([1.0])], amsgrad=True, weight_decay=0.1))
    assert runs_of(other, "grad = grad + ") == [True] and runs_of(other, "v = np.maximum") == [True]


def test_showing_an_optimizer_leaves_it_and_its_parameters_alone():
    p = optim.Parameter([1.0, 2.0])
    optimizer = optim.Adam([p])
    optim.show(optimizer)
    assert p.grad is None and not optimizer.state
    np.testing.assert_array_equal(p.data, [1.0, 2.0])


@pytest.mark.slow
def test_functions_that_a_rule_calls_are_shown_too_without_their_long_docstrings():
    text = optim.show(optim.ScheduleFreeSGD).text(120)
    assert "c ← w / Σ w" in text and "def averaging_step(" in text and "def warmed_up(" in text
    assert "def two_loop_recursion(" in optim.show(optim.LBFGS).text(120)
    text = optim.show(optim.Muon).text(120)
    assert "gram = x @ x.T" in text and "Parameters" not in text
    assert "η ← r / √(G + ε)" in optim.show(optim.DoG).text(120)


def test_a_chain_shows_the_rules_of_its_links_and_a_wrapper_the_optimizer_inside():
    p = optim.Parameter([1.0, 2.0])
    listing = optim.show(optim.chain([p], optim.clip(1.0), optim.scale_by_adam(), lr=0.1))
    assert runs_of(listing, "return np.clip(") == [True] and runs_of(listing, "m_hat = ") == [True]
    assert runs_of(listing, "scale_by_adam: ") == [True] and runs_of(listing, "if amsgrad") == [True]
    assert runs_of(listing, "v = np.maximum(") == [False]
    wrapped = optim.show(optim.Lookahead(optim.SGD([p], momentum=0.9)))
    assert runs_of(wrapped, "slow *= ") == [False] and runs_of(wrapped, "b *= momentum") == [True]


def test_of_adam_and_adamw_the_place_of_the_decay_differs_and_their_hyperparameters():
    rows = [row for row, differs in optim.show(optim.Adam, optim.AdamW).rows() if differs]
    code = {line.text.strip() for row in rows for line in row if line is not None and line.kind == "code"}
    assert code == {"phi += weight_decay * param"}
    shown = [line for row in rows for line in row if line is not None]
    assert {line.text.split("   ")[0] for line in shown if line.kind == "equation"} == {"φ ← φ + λ θ"}


def test_two_optimizers_are_side_by_side_where_there_is_room_and_else_below_each_other():
    listing = optim.show(optim.Signum, optim.Lion)
    wide, narrow = listing.text(150), listing.text(80)
    assert any("Signum" in line and "Lion" in line for line in wide.splitlines())
    assert not any("Signum" in line and "Lion" in line for line in narrow.splitlines())


def test_colours_add_nothing_to_the_text():
    listing = optim.show(optim.Adam, optim.AdamW)
    for width in (80, 150):
        coloured = listing.text(width, colour=True)
        assert "\x1b[" in coloured
        plain = "\n".join(line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines())
        assert plain == listing.text(width)


def test_a_notebook_shows_a_table_with_the_differences_marked():
    html = optim.show(optim.Adam, optim.AdamW)._repr_html_()
    assert html.count("<tr") == len(list(optim.show(optim.Adam, optim.AdamW).rows()))
    assert "rgba(255,190,0,.25)" in html and "opacity:0.5" in html
    assert "rgba" not in optim.show(optim.Adam)._repr_html_()


def test_what_is_not_an_optimizer_is_refused():
    for one in ((), (3,), ("Adam",), (optim.explain,)):
        with pytest.raises(TypeError, match="optim"):
            optim.show(*one)


def test_a_class_without_source_is_named_with_its_signature():
    namespace = {"optim": optim}
    exec("class Typed(optim.Optimizer):\n"
         "    def __init__(self, params, lr=0.1):\n"
         "        super().__init__(params, lr=lr)\n"
         "    def update(self, grad, state, param):\n"
         "        return grad\n", namespace)
    assert "def update(self, grad, state, param):  # Python has kept no source" in optim.show(namespace["Typed"]).text()


@pytest.mark.parametrize("name", [name for name in optim.__all__ if isinstance(getattr(optim, name), type)
                                  or inspect.isfunction(getattr(optim, name))])
def test_summaries_have_no_markup(name):
    assert not re.search(r"[\\`]|mathrm|math:", summary_of(getattr(optim, name)))


def test_the_summary_of_a_link_is_plain_text():
    chain = optim.chain([optim.Parameter([1.0])], optim.add_decayed_weights(0.01))
    assert "Add the weights to the update, u + lambda theta, so that" in str(optim.show(chain)).replace("\n    ", " ")
