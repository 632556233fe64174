"""detect_anomaly names the operation and the reader's line that made the first NaN or infinity, forward or backward."""

import inspect
import re
import warnings

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, detect_anomaly, no_grad
from minigrad.origins import ORIGINS


def leaf(*numbers):
    return Tensor(numbers, requires_grad=True)


def message_of(function, *args):
    """Return what detect_anomaly says of the function."""
    with detect_anomaly(), pytest.raises(FloatingPointError) as caught:
        function(*args)
    return str(caught.value)


def assert_names(message, function, text):
    """Check that the message names the line of the function's source that holds this text."""
    lines, first = inspect.getsourcelines(function)
    offset, = [i for i, line in enumerate(lines) if text in line]
    file, number, source = re.search(r"\n  (.*?):(\d+): (.*)$", message).groups()
    assert file == __file__
    assert int(number) == first + offset
    assert source == lines[offset].strip()


def test_the_line_of_the_first_infinity_in_the_forward_pass_is_named():
    def loss(x):
        y = x * 2
        z = np.log(y)
        return np.sum(z - z)
    message = message_of(loss, leaf(1.0, 0.0))
    assert message.startswith("log made -inf at index (1,), from finite arguments")
    assert_names(message, loss, "np.log(y)")


def test_nan_is_named_as_well_as_infinity():
    def loss(x):
        return x.sum() ** 0.5
    message = message_of(loss, leaf(-1.0))
    assert message.startswith("power made nan, from finite arguments")
    assert_names(message, loss, "** 0.5")


def test_the_forward_line_of_a_gradient_that_is_not_finite_is_named():
    def loss(x):
        root = np.sqrt(x)
        return np.sum(root * 3)
    message = message_of(lambda: loss(leaf(4.0, 0.0)).backward())
    assert message.startswith("the derivative of sqrt made inf at index (1,), from a finite gradient")
    assert_names(message, loss, "np.sqrt(x)")


def test_a_gradient_under_the_transforms_is_named_too():
    def loss(x):
        return np.sum(
            np.sqrt(x))
    for transform in minigrad.grad, minigrad.hessian:
        message = message_of(transform(loss), np.array([4.0, 0.0]))
        assert message.startswith("the derivative of sqrt made inf at index (1,)")
        assert_names(message, loss, "np.sqrt(x))")


def test_a_gradient_that_is_handed_in_or_adds_up_to_infinity_is_distinguished():
    def loss(x):
        return x * 1.0
    message = message_of(lambda: loss(leaf(1.0)).backward(np.array([np.inf])))
    assert "from a gradient that held one already" in message
    x = leaf(1e-300)
    message = message_of(lambda: loss(x * 1.0 + 1e308 * (x * 1.0)).backward(np.array([1.5e308])))
    assert "inf" in message


def test_an_index_hands_on_what_is_not_finite():
    def loss(x):
        return x[0] * 1.0
    message = message_of(lambda: loss(leaf(1.0, 2.0)).backward(np.nan))
    assert "made nan" in message


def test_an_argument_that_was_not_finite_from_the_start_is_named():
    def loss(x, data):
        return np.sum(x * data)
    message = message_of(loss, leaf(1.0, 2.0), np.array([1.0, np.nan]))
    assert message.startswith("multiply made nan at index (1,), with nan at index (1,) in its argument 1")
    assert_names(message, loss, "x * data")


def test_an_infinity_that_is_passed_in_is_reported_when_it_makes_nan():
    def loss(x):
        scores = np.where([True, False], x, -np.inf)
        weights = np.exp(scores - np.max(scores))
        return np.sum(weights) + np.sum(scores - scores)
    message = message_of(loss, leaf(1.0, 2.0))
    assert message.startswith("subtract made nan at index (1,), with -inf at index (1,) in its argument 0")
    assert_names(message, loss, "scores - scores)")


def test_tensors_that_require_no_gradient_are_watched_too():
    def loss(x):
        return np.log(x)
    assert_names(message_of(loss, Tensor([0.0])), loss, "np.log(x)")


def test_a_backward_pass_whose_forward_pass_was_not_watched_names_the_operation():
    y = np.sum(np.sqrt(leaf(0.0)))
    message = message_of(y.backward)
    assert message.startswith("the derivative of sqrt made inf")
    assert "the forward pass ran outside detect_anomaly" in message


def test_after_an_anomaly_nothing_is_left_behind():
    x = leaf(4.0, 0.0)
    y = np.sum(np.sqrt(x))
    message_of(y.backward)
    assert x.grad is None
    with np.errstate(divide="ignore"):
        y.backward()
    np.testing.assert_array_equal(x.grad, [0.25, np.inf])


def test_what_is_finite_passes_with_the_same_numbers():
    def f(x):
        return np.sum(np.exp(x[::-1]) @ np.stack([x, x * x]) + np.linalg.norm(x))
    x = np.array([1.0, 2.0])
    plain = minigrad.value_and_grad(f)(x), minigrad.hessian(f)(x)
    with detect_anomaly():
        watched = minigrad.value_and_grad(f)(x), minigrad.hessian(f)(x)
    np.testing.assert_array_equal(watched[0][1], plain[0][1])
    np.testing.assert_array_equal(watched[1], plain[1])


def test_an_intermediate_infinity_inside_a_rule_is_no_anomaly():
    half = minigrad.primitive(lambda x: x / 2, lambda g, ans, x: g / (2 + 1 / (1 / (x * 0.0))))
    w = Tensor(1.0, requires_grad=True)
    with detect_anomaly():
        assert minigrad.grad(lambda x: half(x))(1.0) == 0.5
        assert minigrad.grad(lambda x: half(x) * w)(1.0).data == 0.5  # the rule is recorded


def test_numpys_own_warnings_are_silent_inside_and_heard_again_outside():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with detect_anomaly():
            np.log(np.zeros(1))
        with pytest.raises(RuntimeWarning):
            np.log(np.zeros(1))


def test_no_grad_inside_is_not_watched():
    x = leaf(0.0)
    with detect_anomaly():
        with no_grad():
            y = np.log(x)
            assert not y.requires_grad
        assert (x * 1.0).requires_grad
        with pytest.raises(FloatingPointError):
            np.log(x)


def test_no_grad_outside_stays_in_force():
    x = leaf(0.0)
    with no_grad():
        with detect_anomaly():
            assert not np.log(x).requires_grad
        assert not (x * 1.0).requires_grad
    assert (x * 1.0).requires_grad


def test_nested_contexts_share_what_they_know():
    def loss(x):
        return np.sum(np.sqrt(x))
    with detect_anomaly():
        y = loss(leaf(0.0))
        with detect_anomaly(), pytest.raises(FloatingPointError) as caught:
            y.backward()
        assert_names(str(caught.value), loss, "np.sqrt(x)")
        with pytest.raises(FloatingPointError):
            y.backward()


def test_nothing_is_watched_after_the_context():
    with pytest.raises(ZeroDivisionError), detect_anomaly():
        raise ZeroDivisionError
    with np.errstate(divide="ignore"):
        assert np.log(leaf(0.0)).data == -np.inf


def test_the_lines_of_nodes_that_are_gone_are_forgotten():
    with detect_anomaly():
        earlier = set(ORIGINS)
        x = leaf(1.0)
        for _ in range(10):
            y = np.exp(x) * 2
        assert len(ORIGINS.keys() - earlier) == 2
        del y
        assert not ORIGINS.keys() - earlier


def test_the_line_is_the_callers_where_a_layer_made_the_number():
    layer = minigrad.nn.Linear(2, 1)
    layer.weight.data[...] = np.finfo(layer.weight.dtype).max

    def loss(x):
        return layer(x)
    assert_names(message_of(loss, np.array([[1.0, 2.0]], np.float32)), loss, "layer(x)")
