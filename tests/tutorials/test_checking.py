"""What `tutorials.check` says about unexpected code; nothing in it raises or hangs."""

import contextlib
import functools
import itertools
import re
import threading

import numpy as np
import pytest

import optim
import tutorials
from tutorials.checking import build
from tutorials.comparison import unlike
from tutorials.lessons import task
from tutorials.limit import OutOfTime, within


def check(function):
    return tutorials.check("1.1", function)


def test_result_of_another_formula_for_the_same_thing_passes():
    assert check(lambda f, x, h: (f(x + h) / h - f(x - h) / h) / 2).passed


def test_difference_says_where_and_by_how_much():
    verdict = check(lambda f, x, h: 3 * (f(x + h) - f(x - h)) / (2 * h))
    assert verdict.kind == "difference"
    assert verdict.message == "<lambda>(exp, 1.0, 0.5) is 8.4989, expected 2.83297"


def test_exception_is_reported_with_its_line():
    def divides_by_nothing(f, x, h):
        return f(x) / 0

    verdict = check(divides_by_nothing)
    assert verdict.kind in ("error", "difference") and not verdict.passed

    def misses_a_name(f, x, h):
        return f(x) + undefined  # noqa: F821

    verdict = check(misses_a_name)
    assert verdict.kind == "error"
    assert "NameError" in verdict.message and "return f(x) + undefined" in verdict.message


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, RecursionError, MemoryError])
def test_any_exception_is_a_verdict(error):
    def raises(f, x, h):
        raise error("by the student")

    assert check(raises).kind == "error"


@pytest.mark.parametrize("value", ["text", None, [1, 2], {"a": 1}, np.ones((2, 3)), np.nan, True, object(), 1 + 2j,
                                   np.array(["a"]), [np.ones(3)], {"x": np.ones(3)}])
def test_any_value_is_a_verdict(value):
    verdict = check(lambda f, x, h: value)
    assert not verdict.passed and verdict.message


@pytest.mark.parametrize("thing", ["central_difference", 3.0, None, int, np.exp, {}])
def test_any_object_is_a_verdict(thing):
    assert not tutorials.check("1.1", thing).passed


@pytest.mark.slow
def test_endless_loop_ends_with_a_sentence(monkeypatch):
    from tutorials.checking import exercise

    monkeypatch.setattr(exercise("1.1"), "seconds", 0.2)

    def loops(f, x, h):
        while True:
            with contextlib.suppress(Exception):
                sum(range(10))

    verdict = check(loops)
    assert verdict.kind == "timeout" and "a loop that does not end" in verdict.message


def test_time_limit_hands_on_what_the_function_returns_or_raises():
    assert within(5, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)


@pytest.mark.slow
def test_time_limit_ends_a_function_that_catches_everything_once():
    def stubborn():
        try:
            while True:
                pass
        except BaseException:
            while True:
                pass

    with pytest.raises(OutOfTime):
        within(0.1, stubborn)


def test_unknown_exercise_is_an_error_that_lists_those_there_are():
    with pytest.raises(KeyError, match=r"no exercise '99.1': there are 1.1"):
        tutorials.check("99.1", len)


def test_verdict_shows_itself_in_colour():
    html = check(lambda f, x, h: None)._repr_html_()
    assert "#c62828" in html and "✗ 1.1: " in html


def test_arguments_that_are_changed_are_found():
    def shifts(f, x, h):
        if isinstance(x, np.ndarray):
            x += h
            slope = (f(x) - f(x - 2 * h)) / (2 * h)
            return slope
        return (f(x + h) - f(x - h)) / (2 * h)

    assert "left in its arguments" in check(shifts).message


@pytest.mark.parametrize("got, expected, words", [
    (np.ones(3), np.ones(2), "has the shape (3,), expected (2,)"),
    (-np.ones(2), np.ones(2), "every number is -1 times"),
    (np.array(np.inf), np.array(1.0), "is not finite"),
    (None, np.ones(2), "is None"),
    ([np.ones(2), np.zeros(1)], [np.ones(2), np.ones(1)], "(its part [1]) is 0 at [0], expected 1"),
    ({"a": np.ones(1)}, {"a": np.zeros(1)}, "(its part ['a']) is 1 at [0], expected 0"),
    (np.ones(2), np.array([1.0, -1.8e-15]), "is 1 at [1], expected 0"),
    ("left", "right", "is 'left', expected 'right'"),
    ([np.ones(2)], [np.ones(2), np.ones(2)], "is a tuple or list of 1 part, expected a tuple or list of 2 parts"),
    (np.array(-6.999999999999998), [np.ones(1), np.ones(1)], "is -7, expected a tuple or list of 2 parts"),
    (np.array([0.6, 0.8 + 1e-9]), np.array([0.6, 0.8]), "is 0.800000001 at [1], expected 0.8"),
    (np.ones(3), "right", "expected 'right'"),
    (np.array([]), "right", "expected 'right'"),
    ({"a": np.ones(2)}, {"b": np.ones(2)}, "expected"),
])
def test_difference_of_values_in_words(got, expected, words):
    assert words in unlike(got, expected, 1e-9, 1e-12)


@pytest.mark.parametrize("error", [1e-14, 1e-11, 1e-8, 1e-4])
@pytest.mark.parametrize("value", [1.0, -0.56, 1e-9, 123456789.0, 1 / 3])
def test_numbers_that_differ_are_printed_differently(value, error):
    wanted = np.array([value, 2 * value])
    words = unlike(wanted * (1 + error), wanted, 1e-15, 0)
    found, expected = re.search(r"is (\S+) at \[\d\], expected (\S+)", words.replace(";", "")).groups()
    assert found != expected
    assert "every number is 1 times" not in words


def test_equal_values_do_not_differ():
    for value in ("text", None, np.array([1.0, np.nan]), [np.ones(2), "x"], {"a": np.array(True)}):
        assert unlike(value, value, 1e-9, 1e-12) is None


def has_strange_source():
    function = lambda f, x, h: None
    function.__wrapped__ = function
    return function


class Strange:
    """A class that is no optimizer, and does not want to be looked at."""

    def __init__(self, params, **hyperparameters):
        raise SystemExit("no")


@pytest.mark.parametrize("number, student", [
    ("1.1", has_strange_source()),
    ("1.1", functools.partial(max, 3)),
    ("11.1", Strange),
    ("11.1", type("Empty", (), {})),
    ("11.1", type("Half", (optim.Optimizer,), {})),
    ("11.1", optim.SGD),
    ("11.1", optim.LBFGS),
])
def test_strange_objects_are_a_verdict(number, student):
    verdict = tutorials.check(number, student)
    assert not verdict.passed and len(verdict.message) > 10


def test_worse_things_than_a_wrong_result_are_found_by_optim_check():
    """Right numbers with a broken contract: the state is kept outside of init_state's dictionary."""
    right = build(task("11.1").solution, task("11.1"))

    class Forgetful(right):
        def init_state(self, param):
            return {**super().init_state(param), "extra": np.zeros(3)}

        def update(self, grad, state, param, *, betas, eps):
            param *= 1.0 + 1e-16 if param.size > 6 else 1.0
            grad *= 1.0 if param.size == 6 else 2.0
            return super().update(grad, state, param, betas=betas, eps=eps)

    verdict = tutorials.check("11.1", Forgetful)
    assert verdict.kind in ("contract", "difference", "mistake") and not verdict.passed


def test_ctrl_c_ends_the_check_and_what_it_runs(monkeypatch):
    threads = []

    class Interrupted(threading.Thread):
        def join(self, timeout=None):
            if not threads:
                threads.append(self)
                raise KeyboardInterrupt
            super().join(timeout)

    monkeypatch.setattr("tutorials.limit.threading.Thread", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        within(60, lambda: sum(0 for _ in itertools.count()))
    assert not threads[0].is_alive()
