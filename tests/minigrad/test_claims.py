"""What docstrings and comments of minigrad claim, run: a claim, a test, named after the sentence."""

import math

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn
from minigrad.rules.linalg import vector_norm

F = nn.functional
EPS = np.finfo(float).eps


# special.py

def test_log_softmax_stays_finite_and_accurate_where_softmax_rounds_to_0():
    assert minigrad.softmax([0.0, -1000.0])[1] == 0
    assert minigrad.log_softmax([0.0, -1000.0]).tolist() == [0, -1000]


def test_log_softmax_is_accurate_to_the_rounding_of_1_where_softmax_is_nearly_1():
    for x in (5.0, 20.0, 30.0, 40.0):
        assert abs(minigrad.log_softmax([0.0, -x])[0] + math.log1p(math.exp(-x))) <= EPS


@pytest.mark.parametrize("name, tail", [
    ("sigmoid", -700.0), ("softplus", -700.0), ("silu", -700.0), ("erfc", 26.0), ("gelu", -36.0)])
def test_what_tends_to_0_keeps_its_digits_and_so_do_its_derivatives(name, tail):
    mpmath = pytest.importorskip("mpmath")
    mpmath.mp.dps = 50
    exact = {"sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
             "silu": lambda x: x / (1 + mpmath.exp(-x)), "erfc": mpmath.erfc,
             "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2}[name]
    function = getattr(minigrad, name)
    slope, curvature = minigrad.grad(function), minigrad.grad(minigrad.grad(function))
    mpmath.mp.dps = 400  # the numbers are as small as 1e-304
    for order, derivative in enumerate((function, slope, curvature)):
        expected = float(mpmath.diff(exact, mpmath.mpf(tail), order))
        assert float(derivative(np.array(tail))) == pytest.approx(expected, rel=2e-12, abs=0)


def test_sigmoid_has_the_derivative_sigmoid_of_x_times_sigmoid_of_minus_x():
    for x in (-30.0, -1.0, 0.0, 2.0, 30.0):
        assert minigrad.grad(minigrad.sigmoid)(x) == minigrad.sigmoid(x) * minigrad.sigmoid(-x)


def test_the_gradient_of_logsumexp_is_the_softmax():
    x = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(minigrad.grad(minigrad.logsumexp)(x), minigrad.softmax(x), rtol=1e-15)


def test_logsumexp_is_minus_infinity_where_there_is_nothing_to_add_up():
    assert minigrad.logsumexp(np.zeros(0)) == -math.inf
    assert minigrad.logsumexp(np.array([-math.inf, -math.inf])) == -math.inf


def test_half_of_1_plus_tanh_u_is_the_sigmoid_of_2_u():
    u = np.linspace(-3, 3, 13)
    np.testing.assert_allclose((1 + np.tanh(u)) / 2, minigrad.sigmoid(2 * u), rtol=1e-14)


# rules/

def test_the_slope_of_arcsin_keeps_its_digits_beside_1():
    x = 1 - 2.0 ** -50
    assert minigrad.grad(np.arcsin)(x) == pytest.approx(1 / math.sqrt(2.0 ** -50 * (2 - 2.0 ** -50)), rel=4 * EPS)


def test_64_points_are_enough_for_the_slope_of_i0_up_to_where_it_overflows():
    special = pytest.importorskip("scipy.special")
    x = np.array([0.1, 1.0, 30.0, 300.0, 700.0])
    np.testing.assert_allclose(minigrad.grad(lambda x: np.sum(np.i0(x)))(x), special.i1(x), rtol=1e-13)


def test_the_gradient_of_x_to_the_power_1_and_0_is_exact_at_0():
    assert minigrad.grad(lambda x: x ** 1)(0.0) == 1 and minigrad.grad(lambda x: x ** 0)(0.0) == 0


def test_infinite_orders_of_a_norm_are_its_largest_and_smallest_entry():
    x = np.array([3.0, -4.0, 0.5])
    assert vector_norm(Tensor(x), ord=math.inf).item() == 4 and vector_norm(Tensor(x), ord=-math.inf).item() == 0.5
    assert vector_norm(Tensor(x), ord=400).item() == pytest.approx(4)
    assert vector_norm(Tensor(x), ord=-400).item() == pytest.approx(0.5)


def test_order_0_of_a_norm_is_the_limit_of_the_sum_without_the_root():
    x = np.array([3.0, -4.0, 0.5, 0.0])
    assert vector_norm(Tensor(x), ord=0) == 3 == pytest.approx(np.sum(np.abs(x) ** 1e-12))
    assert [np.sum(np.abs(x) ** p) ** (1 / p) > 3 ** (1 / p) for p in (0.1, 0.01)] == [True, True]  # that has no limit


@pytest.mark.parametrize("function, gradient", [
    (np.sum, lambda a: np.eye(3)), (np.prod, lambda a: np.linalg.det(a) * np.linalg.inv(a)),
    (lambda w: np.sum(w ** 2), lambda a: 2 * a), (lambda w: np.sum(np.exp(w)), lambda a: np.diag(np.exp(np.diag(a))))])
def test_functions_that_treat_equal_eigenvalues_alike_have_right_first_derivatives(function, gradient):
    a = np.diag([2.0, 2.0, 5.0])
    np.testing.assert_allclose(minigrad.grad(lambda a: function(np.linalg.eigvalsh(a)))(a), gradient(a), atol=1e-14)


def test_second_derivatives_at_equal_eigenvalues_are_nan_rather_than_wrong():
    curvature = minigrad.hessian(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(np.eye(2))
    assert np.isnan(curvature).any()


# finite_differences.py

def test_the_step_of_gradcheck_is_the_cube_root_of_the_machine_epsilon():
    assert np.cbrt(np.finfo(np.float64).eps) == pytest.approx(6e-6, rel=0.02)
    assert np.cbrt(np.finfo(np.float32).eps) == pytest.approx(5e-3, rel=0.02)


# nn/

@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logarithms_below_minus_100_count_as_minus_100_in_binary_cross_entropy(dtype):
    certain, wrong = np.array([0.0, 1.0], dtype), np.array([1.0, 0.0], dtype)
    assert nn.binary_cross_entropy(Tensor(certain), wrong, reduction="none").tolist() == [100, 100]


def test_slopes_of_binary_cross_entropy_stay_finite():
    p = Tensor([0.0, 1.0, 1e-30], requires_grad=True)
    nn.binary_cross_entropy(p, np.array([1.0, 0.0, 1.0])).backward()
    assert np.isfinite(p.grad).all()


@pytest.mark.parametrize("log_q", [-1.0, -math.inf])
def test_kl_div_is_0_where_p_is_0(log_q):
    input, p = Tensor([log_q, -0.5], requires_grad=True), np.array([0.0, 1.0])
    with np.errstate(divide="ignore"):
        log_p = np.log(p)
    for loss in (nn.kl_div(input, p, reduction="none"), nn.kl_div(input, log_p, reduction="none", log_target=True)):
        assert loss.tolist() == [0, 0.5]
        np.sum(loss).backward()
        assert input.grad.tolist() == [0, -1]
        input.zero_grad()


def test_batchmean_of_kl_div_is_the_divergence_that_mathematics_means():
    p, q = np.array([[0.2, 0.8], [0.5, 0.5]]), np.array([[0.6, 0.4], [0.1, 0.9]])
    divergences = np.sum(p * np.log(p / q), axis=1)
    assert nn.kl_div(np.log(q), p, reduction="batchmean").item() == pytest.approx(np.mean(divergences))


def test_the_loss_of_ten_equally_likely_classes_is_log_10():
    assert nn.cross_entropy(np.zeros((3, 10)), np.array([3, 0, 9])).item() == pytest.approx(math.log(10))


def test_the_slope_of_cross_entropy_is_softmax_less_1_at_the_truth(rng):
    x, y = Tensor(rng.normal(size=(4, 3)), requires_grad=True), np.array([0, 2, 1, 1])
    nn.cross_entropy(x, y, reduction="sum").backward()
    np.testing.assert_allclose(x.grad, minigrad.softmax(x.data) - np.eye(3)[y], atol=1e-15)


def test_numbers_of_mean_0_and_variance_1_keep_both_in_selu():
    x = np.linspace(-12, 12, 200001)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * (x[1] - x[0])
    y = F.selu(x)
    assert np.sum(y * density) == pytest.approx(0, abs=1e-8) and np.sum(y * y * density) == pytest.approx(1)


def test_softplus_above_its_threshold_hardly_differs_from_x():
    assert 0 < minigrad.softplus(20.0) - 20 < 3e-9


def test_dropout_keeps_the_mean():
    y = F.dropout(np.ones(100_000), 0.25, generator=np.random.default_rng(0))
    assert np.mean(y.data if isinstance(y, Tensor) else y) == pytest.approx(1, abs=0.01)


def test_hardly_a_number_of_a_normal_distribution_falls_beyond_four_deviations():
    assert minigrad.erfc(4 / math.sqrt(2)) / 2 < 4e-5


@pytest.mark.parametrize("fill", [nn.init.xavier_uniform_, nn.init.xavier_normal_])
def test_xavier_keeps_the_variance_of_a_signal_forward_and_backward(fill, rng):
    weight = fill(Tensor(np.zeros((400, 400))), generator=rng)
    signal = rng.normal(size=(400, 50))
    assert np.var(weight.data @ signal) == pytest.approx(1, rel=0.1)
    assert np.var(weight.data.T @ signal) == pytest.approx(1, rel=0.1)


def test_kaiming_keeps_the_size_of_a_signal_through_layers_of_rectifiers(rng):
    h = rng.normal(size=(400, 50))
    for _ in range(10):
        weight = nn.init.kaiming_normal_(Tensor(np.zeros((400, 400))), nonlinearity="relu", generator=rng)
        h = np.maximum(weight.data @ h, 0)
    assert 0.3 < np.mean(h * h) < 3


def test_rows_or_columns_of_an_orthogonal_matrix_are_orthonormal(rng):
    for shape in ((3, 5), (5, 3)):
        q = nn.init.orthogonal_(Tensor(np.zeros(shape)), generator=rng).data
        np.testing.assert_allclose(q @ q.T if shape[0] < shape[1] else q.T @ q, np.eye(3), atol=1e-14)


def test_elements_equal_in_mean_0_and_variance_1_after_layer_norm(rng):
    y = F.layer_norm(rng.normal(3.0, 5.0, size=(4, 64)), 64)
    y = y.data if isinstance(y, Tensor) else y
    np.testing.assert_allclose(np.mean(y, 1), 0, atol=1e-12)
    np.testing.assert_allclose(np.var(y, 1), 1, rtol=1e-5)


def test_same_padding_keeps_the_size_of_the_image():
    assert nn.Conv2d(1, 2, (3, 5), padding="same")(np.zeros((1, 1, 7, 6), np.float32)).shape == (1, 2, 7, 6)


def test_causal_attention_lets_a_query_see_the_keys_up_to_its_own_alone(rng):
    q, k, v = rng.normal(size=(3, 4, 2))
    later = v + np.array([0.0, 0.0, 9.0, 9.0])[:, None]
    seen = [F.scaled_dot_product_attention(q, k, values, is_causal=True) for values in (v, later)]
    np.testing.assert_array_equal(seen[0][:2], seen[1][:2])
    assert not np.allclose(seen[0][2:], seen[1][2:])
