"""gradcheck: passes what is right, at every precision and shape, and says where and by how much a rule is wrong."""

import re

import numpy as np
import pytest

import minigrad
from minigrad import GradientError, gradcheck


def wrong(factor=1.0, second=1.0, at=slice(None)):
    """Return exp with derivatives that are wrong by these factors, at the index `at` of the argument."""
    def factors(x, number):
        result = np.ones(np.shape(x))
        result[at] = number
        return result
    slope = minigrad.primitive(lambda x: np.exp(x),
                               lambda g, ans, x: g * ans * factors(x, second))
    return minigrad.primitive(lambda x: np.exp(x), lambda g, ans, x: g * slope(x) * factors(x, factor))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("f", [
    np.exp, np.sin, np.sum, lambda x: x[0] * x, lambda x: np.exp(x) @ x, lambda x: np.outer(x, x),
    lambda x: x / (1 + x * x), lambda x: np.tanh(3 * x) * 1e3, lambda x: 1e-3 * np.sum(x**4),
    lambda x: minigrad.Tensor(7.0), lambda x: (x * x, {"sum": np.sum(x)}),
])
def test_right_derivatives_pass_at_every_precision(f, dtype):
    assert gradcheck(f, np.array([0.3, -1.2, 2.0], dtype)) is True


def test_every_order_is_checked(rng):
    assert gradcheck(lambda x, y: np.sin(x) * np.exp(y), rng.normal(size=3), rng.normal(size=(2, 1)), order=5)


@pytest.mark.parametrize("x", [2.0, np.float32(2), np.array(2.0), [1.0, 2.0], (1.0, {"a": np.ones((2, 2))}),
                               np.zeros((0, 2))])
def test_numbers_structures_and_empty_arrays_are_points(x):
    def f(x):
        if isinstance(x, (list, tuple)):
            return sum(np.sum(item["a"] ** 3 if isinstance(item, dict) else item**2) for item in x)
        return x**2
    assert gradcheck(f, x)


def test_arguments_that_are_not_floats_are_passed_on(rng):
    x = rng.normal(size=(2, 3))
    assert gradcheck(lambda x, axis, index, mode: np.sum(x[index], axis=axis), x, 0, np.array([1, 0, 1]), "sum")
    assert gradcheck(np.where, x > 0, x, x**2)


def test_tensors_are_points_and_are_left_alone():
    x = minigrad.Tensor([1.0, 2.0], requires_grad=True)
    assert gradcheck(np.exp, x)
    assert x.grad is None
    np.testing.assert_array_equal(x.data, [1.0, 2.0])


def test_the_largest_error_is_shown_with_its_place_and_both_numbers():
    f = wrong(factor=2.0, at=(1, 0))
    with pytest.raises(GradientError) as caught:
        gradcheck(lambda a, b: np.sum(a * f(b)), 3.0, np.zeros((2, 2)))
    message = str(caught.value)
    assert "derivative 1 is wrong at argument 1, index (1, 0)" in message
    assert "1 of 5 numbers" in message
    numbers = re.search(r"finds (\S+), finite differences (\S+), an error of (\S+)", message).groups()
    found, expected, error = map(float, numbers)
    np.testing.assert_allclose([found, expected, error], [6, 3, 3], rtol=1e-6)


def test_the_largest_of_several_errors_is_the_one_shown():
    f, g = wrong(factor=1.1, at=0), wrong(factor=1.5, at=2)
    with pytest.raises(GradientError, match=r"argument 0, index \(2,\).* 2 of 3 numbers"):
        gradcheck(lambda x: np.sum(f(x) + g(x)), np.zeros(3))


def test_a_place_in_a_structure_is_named():
    f = wrong(factor=2.0)
    with pytest.raises(GradientError, match=r"argument 1\['layer'\]\[1\], index \(0,\)"):
        gradcheck(lambda x, p: np.sum(x * p["layer"][0] * f(p["layer"][1])), 1.0, {"layer": [np.ones(2), np.ones(1)]})


def test_an_error_in_the_second_derivative_alone_is_found():
    f = wrong(second=1.01, at=1)
    assert gradcheck(f, np.zeros(3), order=1)
    with pytest.raises(GradientError, match=r"derivative 2 is wrong at argument 0, index \(1,\)"):
        gradcheck(f, np.zeros(3))


@pytest.mark.parametrize("dtype, factor", [(np.float64, 1 + 1e-4), (np.float32, 1.05)])
def test_small_errors_are_found(dtype, factor):
    with pytest.raises(GradientError):
        gradcheck(wrong(factor), np.array([0.5, 1.0], dtype), order=1)


def test_an_error_in_a_single_number_of_a_large_result_is_found(rng):
    f = wrong(1.001, at=(17, 3))
    with pytest.raises(GradientError, match=r"index \(17, 3\)"):
        gradcheck(f, rng.normal(size=(20, 5)))


def test_tolerances_and_step_may_be_chosen():
    f = wrong(1.01)
    assert gradcheck(f, np.zeros(2), order=1, rtol=0.02)
    assert gradcheck(f, np.zeros(2), order=1, atol=0.02)
    assert gradcheck(np.exp, np.zeros(2), step=1e-4, rtol=1e-7, atol=1e-7)


def test_nan_for_a_derivative_is_an_error():
    f = minigrad.primitive(lambda x: x * 1.0, lambda g, ans, x: g * np.nan)
    with pytest.raises(GradientError, match="finds nan, finite differences 1"):
        gradcheck(f, 1.0)


@pytest.mark.parametrize("f, x, order, slopes", [
    (np.abs, 0.0, 1, ("1 ahead", "-1 behind")),
    (minigrad.relu, 0.0, 1, ("1 ahead", "0 behind")),
    (lambda x: np.maximum(x, 2 * x), 0.0, 1, ("2 ahead", "1 behind")),
    (lambda x: np.maximum(x, 2 * x), 1e-7, 1, ("2 ahead", "behind")),
    (lambda x: minigrad.relu(x) ** 2, 0.0, 2, ("2 ahead", "0 behind")),
])
def test_a_kink_is_named_with_both_slopes(f, x, order, slopes):
    with pytest.raises(GradientError, match=f"derivative {order} does not exist at argument 0: .* a kink") as caught:
        gradcheck(f, x)
    assert all(slope in str(caught.value) for slope in slopes)
    with pytest.raises(GradientError, match="there is a kink"):
        gradcheck(f, np.float32(x))


def test_a_jump_is_named():
    with pytest.raises(GradientError, match="a jump"):
        gradcheck(lambda x: np.floor(x), 1.0)


def test_one_kink_among_smooth_places_is_found():
    with pytest.raises(GradientError, match=r"argument 0, index \(2,\): there is a kink"):
        gradcheck(np.abs, np.array([1.0, -1.0, 0.0, 3.0]))


def test_an_error_elsewhere_is_reported_before_a_kink():
    f = wrong(2.0, at=0)
    with pytest.raises(GradientError, match=r"derivative 1 is wrong at argument 0, index \(0,\)"):
        gradcheck(lambda x: np.abs(x) + f(x), np.array([1.0, 0.0]))


@pytest.mark.parametrize("f, x", [(np.exp, 8.0), (lambda x: np.sin(100 * x), 0.3), (lambda x: 1 / x, 0.01)])
def test_strong_curvature_is_no_kink(f, x):
    assert gradcheck(f, x)
    doubled = minigrad.primitive(lambda x: f(x), lambda g, ans, x: 2 * g * minigrad.grad(f)(x))
    with pytest.raises(GradientError, match="is wrong"):
        gradcheck(doubled, x, order=1)


def test_the_same_check_gives_the_same_message():
    def message():
        with pytest.raises(GradientError) as caught:
            gradcheck(wrong(2.0), np.array([0.1, 0.7]))
        return str(caught.value)
    assert message() == message()


def test_the_error_is_an_assertion_error():
    assert issubclass(GradientError, AssertionError)


@pytest.mark.parametrize("inputs", [(), (1,), (np.arange(3), "text")])
def test_a_point_without_floats_is_refused(inputs):
    with pytest.raises(TypeError, match="inputs must hold floats"):
        gradcheck(lambda *inputs: 1.0, *inputs)
