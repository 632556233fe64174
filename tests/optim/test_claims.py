"""Sentences of the docstrings that state a number, a bound or an order, each run as a test: one claim, one test.

Identities between methods are in `test_chapters.py`, the theory of second-order and constrained methods in the files
of these chapters.
"""

import numpy as np
import pytest

import optim
import optim.matrix
from optim import viz
from optim.matrix import SOAP, newton_schulz
from optim.viz import surfaces


def steps_along(make, grads):
    """Return the steps, in units of lr, that an optimizer with lr=1 makes on given gradients."""
    p = optim.Parameter(np.zeros(np.shape(grads[0])))
    optimizer, steps = make([p]), []
    for g in grads:
        before = p.data.copy()
        p.grad = np.array(g, float)
        optimizer.step()
        steps.append(before - p.data)
    return np.array(steps)


def path_on(make, gradient, start, steps):
    """Return the positions of an optimizer on a function with this gradient."""
    p = optim.Parameter(np.array(start, float))
    optimizer, path = make([p]), [p.data.copy()]
    for _ in range(steps):
        p.grad = np.asarray(gradient(p.data), float)
        optimizer.step()
        path.append(p.data.copy())
    return np.array(path)


def run_with_loss(make, loss_and_grad, start, steps):
    """Return the positions and losses of an optimizer that needs a closure."""
    p = optim.Parameter(np.array(start, float))

    def closure():
        loss, p.grad = loss_and_grad(p.data)
        return float(loss)

    optimizer, path, losses = make(p), [p.data.copy()], []
    for _ in range(steps):
        losses.append(float(optimizer.step(closure)))
        path.append(p.data.copy())
    return np.array(path), losses


# Gradient descent

def test_momentum_makes_steps_up_to_1_over_1_minus_mu_times_as_long_where_gradients_agree():
    steps = steps_along(lambda p: optim.SGD(p, lr=1.0, momentum=0.9), np.ones(300))
    assert np.all(np.diff(steps) >= 0) and steps[-1] == pytest.approx(10, rel=1e-9) and steps.max() <= 10


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9])
def test_above_2_times_1_plus_mu_over_L_the_steps_grow(mu):
    edge, L = 2 * (1 + mu) / 10.0, 10.0
    ends = [abs(path_on(lambda p: optim.SGD(p, lr=lr, momentum=mu), lambda x: L * x, [1.0], 2000)[-1, 0])  # noqa: B023
            for lr in (0.99 * edge, 1.01 * edge)]
    assert ends[0] < 1e-2 and ends[1] > 1e2


def test_dampening_leaves_the_first_gradient_whole():
    steps = steps_along(lambda p: optim.SGD(p, lr=1.0, momentum=0.5, dampening=0.25), np.ones(2))
    np.testing.assert_allclose(steps, [1.0, 0.5 + 0.75])


def test_optimistic_descent_spirals_into_the_equilibrium_below_1_over_root_3_and_out_above():
    def end(lr):
        path = path_on(lambda p: optim.OptimisticGradient(p, lr=lr), lambda z: [z[1], -z[0]], [1.0, 1.0], 3000)
        return np.linalg.norm(path[-1])

    assert end(0.99 / np.sqrt(3)) < 1e-3 and end(1.01 / np.sqrt(3)) > 1e3


def test_the_noise_of_an_optimistic_step_has_root_5_times_the_standard_deviation():
    noise = np.random.default_rng(0).normal(size=100_000)
    steps = steps_along(lambda p: optim.OptimisticGradient(p, lr=1.0), noise[:, None].reshape(100, 1000))
    assert np.std(steps[1:]) == pytest.approx(np.sqrt(5), rel=0.01)


@pytest.fixture(scope="module")
def optax():
    """optax, imported before a test begins, because JAX draws from NumPy's global random state."""
    return pytest.importorskip("optax")


def test_optaxs_optimistic_descent_is_this_one_with_lr_alpha_gamma_and_omega_beta_over_alpha(optax):
    import jax.numpy as jnp

    grads, alpha, beta = [1.0, -2.0, 0.5, 3.0], 0.8, 0.4
    theirs = optax.optimistic_gradient_descent(0.1, alpha, beta)
    state, there = theirs.init(jnp.zeros(())), []
    for i, g in enumerate(grads):
        update, state = theirs.update(jnp.asarray(g), state)
        there += [float(update)] * (i > 0)  # the first step differs: optax starts with a gradient of 0
    here = steps_along(lambda p: optim.OptimisticGradient(p, lr=0.1 * alpha, optimism=beta / alpha), grads)[1:]
    np.testing.assert_allclose(-here, there, rtol=1e-5)


def test_polyaks_step_hovers_above_the_minimum_if_f_min_is_too_low_and_stops_at_f_min_if_it_is_too_high():
    def loss_and_grad(x):
        return abs(x[0]) + 1, np.sign(x)

    path, losses = run_with_loss(lambda p: optim.PolyakSGD([p], lr=10, f_min=0.5), loss_and_grad, [3.0], 50)
    assert min(losses) > 1.2
    path, losses = run_with_loss(lambda p: optim.PolyakSGD([p], lr=10, f_min=2.0), loss_and_grad, [3.0], 50)
    assert losses[-1] == 2.0 and path[-1, 0] == 1.0


# Adaptive methods

def test_adagrads_steps_shrink_like_1_over_root_t_while_gradients_keep_their_size():
    steps = steps_along(lambda p: optim.Adagrad(p, lr=1.0), np.ones(100))
    np.testing.assert_allclose(steps, np.arange(1, 101) ** -0.5, rtol=1e-8)


def test_adagrad_on_a_quadratic_ends_up_as_gradient_descent_with_a_constant_step_size():
    p = optim.Parameter([1.0])
    optimizer = optim.Adagrad([p], lr=0.5)
    ratios = []
    for _ in range(300):
        before = p.data.copy()
        p.grad = p.data.copy()
        optimizer.step()
        ratios.append(float(p.data[0] / before[0]))
    assert ratios[-1] == pytest.approx(ratios[-100], rel=1e-9) and abs(p.data[0]) < 1e-30


def test_rmsprops_first_step_is_gamma_over_root_1_minus_alpha_and_ten_times_gamma_by_default():
    assert steps_along(lambda p: optim.RMSprop(p, lr=1.0), [5.0])[0] == pytest.approx(10, rel=1e-6)
    assert steps_along(lambda p: optim.RMSprop(p, lr=1.0, alpha=0.75), [5.0])[0] == pytest.approx(2, rel=1e-6)


def test_rmsprop_hops_over_a_minimum_in_steps_that_do_not_shrink():
    path = path_on(lambda p: optim.RMSprop(p, lr=0.01), lambda x: 2 * x, [1.0], 3000)
    hops = np.abs(np.diff(path[-100:, 0]))
    np.testing.assert_allclose(hops, 0.01, rtol=0.01)


def test_a_gradient_after_a_long_silence_moves_adam_by_3_point_2_gamma():
    steps = steps_along(lambda p: optim.Adam(p, lr=1.0), [1.0] + [0.0] * 20_000 + [1.0])
    assert (1 - 0.9) / np.sqrt(1 - 0.999) == pytest.approx(3.2, abs=0.05)
    assert steps[-1] == pytest.approx((1 - 0.9) / np.sqrt(1 - 0.999), rel=1e-3)


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.5, 0.9), (0.9, 0.95)])
def test_no_step_of_adam_is_longer_than_its_bound_and_the_worst_gradients_come_close(beta1, beta2):
    bound = (1 - beta1) / np.sqrt((1 - beta2) * (1 - beta1**2 / beta2))
    rng = np.random.default_rng(0)
    worst = np.maximum((beta1 / beta2) ** np.arange(6000)[::-1], 1e-100)
    for grads in (worst, rng.normal(size=500), rng.normal(size=500) ** 5, np.ones(50)):
        steps = steps_along(lambda p: optim.Adam(p, lr=1.0, betas=(beta1, beta2), eps=0), grads)
        assert np.all(np.abs(steps) <= bound * (1 + 1e-9))
        if grads is worst:
            assert steps[-1] > 0.99 * bound


def test_adams_bound_is_7_point_3_gamma_by_default():
    assert (1 - 0.9) / np.sqrt((1 - 0.999) * (1 - 0.9**2 / 0.999)) == pytest.approx(7.3, abs=0.05)


def test_adam_with_gradients_far_below_epsilon_is_gradient_descent_with_momentum_and_lr_gamma_over_epsilon():
    grads = 1e-12 * np.random.default_rng(0).normal(size=50)
    m, expected = 0.0, []
    for t, g in enumerate(grads, 1):
        m = 0.9 * m + 0.1 * g
        expected.append(m / (1 - 0.9**t) / 1e-2)
    np.testing.assert_allclose(steps_along(lambda p: optim.Adam(p, lr=1.0, eps=1e-2), grads), expected, rtol=1e-6)


def test_amsgrads_divisor_can_shrink_with_pytorchs_correction():
    p = optim.Parameter([0.0])
    optimizer, divisors = optim.Adam([p], amsgrad=True), []
    for t, g in enumerate([1.0, 0.0, 0.0, 0.0, 0.0], 1):
        p.grad = np.array([g])
        optimizer.step()
        divisors.append(float(np.sqrt(optimizer.state[p]["max_exp_avg_sq"][0] / (1 - 0.999**t))))
    np.testing.assert_allclose(divisors, [1.0, 0.707, 0.578, 0.5, 0.447], atol=1e-3)


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.9, 0.95), (0.5, 0.9)])
def test_no_step_of_adamax_is_longer_than_its_bound_and_the_worst_gradients_come_close(beta1, beta2):
    bound = (1 - beta1) / (1 - beta1 / beta2)
    rng = np.random.default_rng(0)
    worst = beta2 ** np.arange(2000)
    for grads in (worst, rng.normal(size=500), rng.normal(size=500) ** 5, np.ones(50)):
        steps = steps_along(lambda p: optim.Adamax(p, lr=1.0, betas=(beta1, beta2), eps=0), grads)
        assert np.all(np.abs(steps) <= bound * (1 + 1e-9))
        if grads is worst:
            assert steps[-1] > 0.99 * bound


def test_adamaxs_bound_is_1_point_01_gamma_by_default():
    assert round((1 - 0.9) / (1 - 0.9 / 0.999), 2) == 1.01


def test_adamax_takes_a_gradient_in_whole_and_adam_only_a_part_of_its_square():
    grads = [0.0, 100.0]
    sizes = {}
    for cls, entry in ((optim.Adamax, "exp_inf"), (optim.Adam, "exp_avg_sq")):
        p = optim.Parameter([0.0])
        optimizer = cls([p], eps=0 if cls is optim.Adam else 1e-8)
        for g in grads[1:]:
            p.grad = np.array([g])
            optimizer.step()
        sizes[entry] = float(optimizer.state[p][entry][0])
    assert sizes["exp_inf"] == pytest.approx(100)
    assert np.sqrt(sizes["exp_avg_sq"]) == pytest.approx(100 * np.sqrt(1 - 0.999))


def test_one_outlier_shortens_adamaxs_steps_for_about_1_over_1_minus_beta2_steps():
    steps = steps_along(lambda p: optim.Adamax(p, lr=1.0), [1000.0] + [1.0] * 6900)
    assert steps[1000] == pytest.approx(np.e / 1000, rel=0.05)  # after 1/(1 - 0.999) steps, u has fallen to a part 1/e


def test_nadams_momentum_rises_from_half_of_beta1_and_is_halfway_after_4200_steps():
    assert optim.NAdam.momentum_at(0, 0.9, 4e-3) == 0.45
    assert optim.NAdam.momentum_at(10**6, 0.9, 4e-3) == pytest.approx(0.9)
    assert optim.NAdam.momentum_at(0.69 / (0.041 * 4e-3), 0.9, 4e-3) == pytest.approx(0.675, abs=2e-3)
    assert round(0.69 / (0.041 * 4e-3), -2) == 4200


def test_radams_rectification_starts_near_0_and_grows():
    rule = optim.RAdam([optim.Parameter([1.0])])
    r = [rule.rectification(t, 0.999) for t in range(6, 5000)]
    assert r[0] < 0.03 and np.all(np.diff(r) > 0)


def test_adabeliefs_surprise_is_beta1_to_the_t_if_gradients_never_change():
    p = optim.Parameter([0.0])
    optimizer = optim.AdaBelief([p], betas=(0.9, 0.0), eps=0)  # with beta2 = 0, s is the last surprise squared
    for t in range(1, 20):
        p.grad = np.ones(1)
        optimizer.step()
        assert np.sqrt(optimizer.state[p]["exp_avg_var"][0]) == pytest.approx(0.9**t)


def test_optaxs_adan_weighs_the_change_of_the_gradient_by_1_minus_beta_2(optax):
    import jax.numpy as jnp

    grads, theirs = [1.0, -2.0], optax.adan(1.0, eps=0, eps_root=0)
    state = theirs.init(jnp.zeros(()))
    for g in grads:
        update, state = theirs.update(jnp.asarray(g), state, jnp.zeros(()))

    def second_step(weight):
        m, v = (0.98 * 0.02 * 1 + 0.02 * -2) / (1 - 0.98**2), 0.08 * -3 / (1 - 0.92**2)
        n = (0.99 * 0.01 * 1 + 0.01 * (-2 + weight * -3) ** 2) / (1 - 0.99**2)
        return (m + weight * v) / np.sqrt(n)

    here = steps_along(lambda p: optim.Adan(p, lr=1.0, eps=0), grads)
    assert here[1] == pytest.approx(second_step(0.92)) and -update == pytest.approx(second_step(0.08), rel=1e-4)


def test_perpendicular_steps_lengthen_the_weights_by_root_1_plus_gamma_squared_but_not_fromages():
    lr = 0.3
    c, theta = 1 / np.sqrt(1 + lr**2), np.array([3.0, 4.0])
    for links, length in ((), 5 / c), ((optim.scale(c), optim.add_decayed_weights((1 - c) / lr)), 5.0):
        p = optim.Parameter(theta.copy())
        p.grad = np.array([-40.0, 30.0])
        optim.chain([p], optim.scale_by_trust_ratio(), *links, lr=lr).step()
        assert np.linalg.norm(p.data) == pytest.approx(length)



def test_yogis_second_moment_falls_more_slowly_than_adams_when_gradients_become_small():
    sizes = {}
    for cls in (optim.Adam, optim.Yogi):
        p = optim.Parameter([0.0])
        optimizer = cls([p])
        for g in [10.0] * 100 + [0.01] * 3000:
            p.grad = np.array([g])
            optimizer.step()
        sizes[cls.__name__] = float(optimizer.state[p]["exp_avg_sq"][0])
    assert sizes["Adam"] < 1 < 9 < sizes["Yogi"]


def test_adafactors_product_has_the_right_row_and_column_means():
    w = optim.Parameter(np.ones((3, 4)))
    squared = np.random.default_rng(0).normal(size=(3, 4)) ** 2
    estimate = optim.Adafactor.variance(squared, optim.Adafactor([w]).init_state(w.data), 1.0, 0.0)
    np.testing.assert_allclose(estimate.mean(axis=0), squared.mean(axis=0))
    np.testing.assert_allclose(estimate.mean(axis=1), squared.mean(axis=1))


# Rows, signs, layers

@pytest.mark.slow
def test_a_row_that_comes_late_makes_a_first_step_of_3_point_2_gamma_with_sparse_adam():
    table = optim.Parameter(np.zeros((2, 1)))
    optimizer = optim.SparseAdam([table], lr=1.0)
    for row in [0] * 10_000 + [1]:
        table.grad = optim.RowGradient([row], [[1.0]])
        optimizer.step()
    assert -table.data[1, 0] == pytest.approx(0.1 / np.sqrt(0.001), rel=1e-3)


def test_of_all_steps_whose_largest_coordinate_is_gamma_sign_descent_descends_most():
    rng = np.random.default_rng(0)
    g = rng.normal(size=5)
    own = steps_along(lambda p: optim.SignSGD(p, lr=1.0), [g])[0]
    others = rng.normal(size=(1000, 5))
    others /= np.abs(others).max(axis=1, keepdims=True)
    assert np.all(others @ g < own @ g)


def test_sign_descent_goes_the_wrong_way_where_the_mean_and_most_signs_disagree():
    grads = np.tile([-1.0, -1.0, 5.0], 30)  # the mean is 1, but two of three signs are negative
    assert steps_along(lambda p: optim.SignSGD(p, lr=1.0), grads).sum() < 0 < grads.mean()


def test_signum_turns_7_steps_after_a_minimum():
    steps = steps_along(lambda p: optim.Signum(p, lr=1.0), [1.0] * 500 + [-1.0] * 20)[500:]
    assert np.argmax(steps < 0) + 1 == 7 == np.ceil(np.log(2) / np.log(1 / 0.9))


def test_lion_keeps_half_of_adams_memory():
    sizes = []
    for cls in (optim.Lion, optim.Adam):
        p = optim.Parameter(np.zeros(50))
        optimizer = cls([p])
        p.grad = np.ones(50)
        optimizer.step()
        sizes.append(sum(np.size(entry) for name, entry in optimizer.state[p].items() if name != "step"))
    assert sizes == [50, 100]


def test_lars_first_changes_a_layer_by_a_thousandth_and_with_momentum_by_up_to_a_hundredth():
    p = optim.Parameter(np.full(4, 3.0))
    optimizer, parts = optim.LARS([p]), []
    for _ in range(200):
        before = p.data.copy()
        p.grad = np.ones(4)
        optimizer.step()
        parts.append(np.linalg.norm(p.data - before) / np.linalg.norm(before))
    assert parts[0] == pytest.approx(1e-3) and 0.009 < max(parts) < 0.0112


def test_novograd_first_steps_by_gamma_and_with_momentum_up_to_1_over_1_minus_beta1_times_as_far():
    steps = steps_along(lambda p: optim.NovoGrad(p, lr=1.0), np.tile([3.0, 4.0], (200, 1)))
    lengths = np.linalg.norm(steps, axis=1)
    assert lengths[0] == pytest.approx(1, rel=1e-4) and lengths[-1] == pytest.approx(10, rel=1e-3)


def test_no_gradient_adds_more_than_1_point_15_to_the_length_of_novograds_momentum():
    rng = np.random.default_rng(0)
    p = optim.Parameter(np.zeros(3))
    optimizer, before = optim.NovoGrad([p]), np.zeros(3)
    for size in 10.0 ** rng.uniform(-3, 6, size=200):
        p.grad = size * rng.normal(size=3)
        optimizer.step()
        m = optimizer.state[p]["exp_avg"].copy()
        assert np.linalg.norm(m - 0.9 * before) <= 1 / np.sqrt(1 - 0.25)
        before = m
    assert round(1 / np.sqrt(1 - 0.25), 2) == 1.15


# Matrices

def test_shampoo_keeps_2_times_n_squared_plus_m_squared_numbers():
    w = optim.Parameter(np.ones((5, 7)))
    state = optim.Shampoo([w]).init_state(w.data, eps=1e-4, max_precond_dim=1024)
    assert sum(np.size(entry) for name, entry in state.items() if name != "step") == 2 * (5**2 + 7**2)


def test_soap_makes_eight_products_a_step_and_keeps_2_times_n_squared_plus_m_squared_more_numbers(monkeypatch):
    w = optim.Parameter(np.ones((5, 7)))
    optimizer, products = optim.SOAP([w]), []
    w.grad = np.random.default_rng(0).normal(size=(5, 7))
    optimizer.step()
    for owner, name in ((optim.matrix, "multiplied"), (SOAP, "averaged")):
        function = getattr(owner, name)

        def counted(*arguments, function=function):
            products.append(1)
            return function(*arguments)

        monkeypatch.setattr(owner, name, counted if owner is optim.matrix else staticmethod(counted))
    optimizer.step()
    assert len(products) == 8
    kept = sum(np.size(entry) for name, entry in optimizer.state[w].items() if name != "step")
    assert kept == 2 * 5 * 7 + 2 * (5**2 + 7**2)


def test_five_steps_of_newton_schulz_take_singular_values_above_a_fivehundredth_near_1():
    values = np.concatenate([np.geomspace(0.002, 1, 400), [0.001]])
    ends = [newton_schulz(np.diag([sigma, np.sqrt(1 - sigma**2)]))[0, 0] for sigma in values]
    assert min(ends[:-1]) > 0.68 and max(ends[:-1]) < 1.21
    assert ends[-1] == pytest.approx(0.47, abs=0.005)


def test_newton_schulz_with_the_classical_coefficients_converges_to_1():
    x = newton_schulz(np.diag([3.0, 0.1]), (15 / 8, -10 / 8, 3 / 8), 40)
    np.testing.assert_allclose(x, np.eye(2), atol=1e-12)


# Without a learning rate

def noisy(x, rng):
    return 2 * x + rng.normal(scale=100, size=x.shape)


@pytest.mark.slow
def test_dogs_distance_is_no_lower_bound_with_noisy_gradients():
    beyond = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        p = optim.Parameter([100.0])
        optimizer = optim.DoG([p])
        for _ in range(3000):
            p.grad = noisy(p.data, rng)
            optimizer.step()
        beyond.append(optimizer.state[p]["max_distance"] > 100)
    assert any(beyond)


@pytest.mark.slow
def test_dogs_step_size_falls_like_1_over_root_t_with_noise():
    rng, eta = np.random.default_rng(0), []
    p = optim.Parameter([1.0])
    optimizer = optim.DoG([p])
    for _ in range(16_000):
        p.grad = 2 * p.data + rng.normal(size=1)
        optimizer.step()
        eta.append(optimizer.state[p]["eta"])
    assert eta[-1] / eta[3999] == pytest.approx(0.5, rel=0.05)


def test_prodigys_quotient_is_never_more_than_the_largest_coordinate_of_the_way_to_the_minimum():
    target = np.array([3.0, -1.0, 0.2])
    p = optim.Parameter(np.zeros(3))
    optimizer = optim.Prodigy([p], d0=1e-3)
    for _ in range(500):
        p.grad = np.array([1.0, 10.0, 0.1]) * (p.data - target)
        optimizer.step()
        state = optimizer.state[p]
        assert state["r"] / np.abs(state["s"]).sum() <= 3.0
        assert state["d"] <= 3.0
    assert state["d"] > 0.1


# Averages

def test_asgds_average_is_the_last_point_until_averaging_begins():
    p = optim.Parameter([1.0])
    optimizer = optim.ASGD([p], lr=0.1, t0=5)
    for t in range(1, 10):
        p.grad = p.data.copy()
        optimizer.step()
        assert (optimizer.state[p]["ax"][0] == p.data[0]) == (t <= 7)


def test_schedule_frees_x_is_the_weighted_mean_of_z():
    p = optim.Parameter([1.0])
    optimizer, points = optim.ScheduleFreeSGD([p], lr=0.1, r=1.0), []
    for _ in range(20):
        p.grad = 3 * p.data
        optimizer.step()
        points.append(optimizer.state[p]["z"][0])
    with optimizer.averaged():
        assert p.data[0] == pytest.approx(np.average(points, weights=np.arange(1, 21)))


# Second order


def newton_path(scale, loss_and_grad, hessian, start):
    p = optim.Parameter(np.array(start) / scale)

    def closure():
        loss, p.grad = loss_and_grad(p.data)
        return float(loss)

    optimizer, path = optim.Newton([p], lambda: hessian(p.data)), []
    for _ in range(4):
        optimizer.step(closure)
        path.append(p.data * scale)
    return np.array(path)


def test_scaling_changes_newtons_path_where_it_is_damped():
    def saddle(scale):
        def loss_and_grad(x):
            u, v = x * scale
            return u**2 - v**2 + v**4, np.array([2 * u, -2 * v + 4 * v**3]) * scale

        return loss_and_grad, lambda x: np.diag([2.0, -2 + 12 * (x[1] * scale[1]) ** 2]) * np.outer(scale, scale)

    paths = [newton_path(np.array(scale), *saddle(np.array(scale)), [1.0, 0.1]) for scale in ([1, 1], [10, 0.1])]
    assert not np.allclose(*paths, rtol=1e-3)


def test_near_a_minimum_newton_cg_converges_with_order_one_and_a_half():
    curvatures = np.geomspace(1, 100, 30)
    p = optim.Parameter(0.1 * np.ones(30))

    def closure():
        p.grad = curvatures * p.data + 3 * p.data**2
        return float(np.sum(curvatures * p.data**2 / 2 + p.data**3))

    optimizer = optim.NewtonCG([p], lambda v: (curvatures + 6 * p.data) * v)
    lengths = []
    for _ in range(12):
        optimizer.step(closure)
        closure()
        lengths.append(np.log(np.linalg.norm(p.grad)))
        if lengths[-1] < np.log(1e-12):
            break
    near = [length for length in lengths if length < np.log(1e-2)]
    orders = np.array(near[1:]) / np.array(near[:-1])
    assert len(orders) >= 2 and np.all((orders > 1.4) & (orders < 1.75)), orders


@pytest.mark.slow
def test_adahessian_averages_the_squared_norms_of_the_rows_of_the_hessian():
    H = np.array([[2.0, 1.0], [1.0, -3.0]])
    p = optim.Parameter(np.zeros(2))
    optimizer = optim.AdaHessian([p], lambda v: H @ v, betas=(0.9, 0.9999))
    for _ in range(20_000):
        p.grad = np.zeros(2)
        optimizer.step()
    v_hat = optimizer.state[p]["exp_hessian_diag_sq"] / (1 - 0.9999**20_000)
    np.testing.assert_allclose(v_hat, np.sum(H**2, axis=1), rtol=0.03)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_scaling_a_variable_does_not_change_adahessians_path_on_a_diagonal_hessian(scale):
    curvature = scale**2
    path = path_on(lambda p: optim.AdaHessian(p, lambda v: curvature * v, lr=0.1, eps=0), lambda x: curvature * x,
                   [1 / scale], 20)
    one = path_on(lambda p: optim.AdaHessian(p, lambda v: v, lr=0.1, eps=0), lambda x: x, [1.0], 20)
    np.testing.assert_allclose(path * scale, one, rtol=1e-9)


@pytest.mark.parametrize("threshold", [0.5, 1.0, 2.0])
def test_no_coordinate_of_sophias_step_is_longer_than_gamma_c_apart_from_the_decay(threshold):
    rng = np.random.default_rng(0)
    p = optim.Parameter(np.full(5, 10.0))
    optimizer = optim.Sophia([p], lambda v: 1e-3 * v, lr=0.1, weight_decay=0.5, clip_threshold=threshold)
    for _ in range(20):
        before = p.data.copy()
        p.grad = rng.normal(size=5)
        optimizer.step()
        moved = before - p.data
        assert np.all(np.abs(moved - 0.1 * 0.5 * before) <= 0.1 * threshold + 1e-12)


# Along lines

def rosenbrock(z):
    x, y = z
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2, np.array([-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)])


def test_the_loss_never_rises_with_backtracking():
    _, losses = run_with_loss(lambda p: optim.BacktrackingGradientDescent([p]), rosenbrock, [-1.2, 1.0], 100)
    assert np.all(np.diff(losses) < 0)


def test_the_three_formulas_of_conjugate_gradients_are_equal_on_a_quadratic_and_end_in_n_steps():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(6, 6))
    A = A @ A.T + np.eye(6)
    paths = [run_with_loss(lambda p: optim.NonlinearCG([p], formula=name, line_search_fn="exact"),  # noqa: B023
                           lambda x: (x @ A @ x / 2, A @ x), np.ones(6), 6)[0] for name in optim.NonlinearCG.formulas]
    for path in paths:
        np.testing.assert_allclose(path, paths[0], atol=1e-8)
        assert np.linalg.norm(path[-1]) < 1e-9 < np.linalg.norm(path[-2])


def test_conjugate_gradients_keep_three_vectors():
    p = optim.Parameter([-1.2, 1.0])
    optimizer = optim.NonlinearCG([p])

    def closure():
        loss, p.grad = rosenbrock(p.data)
        return float(loss)

    optimizer.step(closure)
    assert sum(np.size(entry) == 2 for entry in optimizer.state[p].values()) == 3


# Constraints


def test_exponentiated_gradient_on_log_likelihoods_is_bayes_rule():
    prior, likelihood = np.array([0.2, 0.3, 0.5]), np.array([0.9, 0.5, 0.1])
    p = optim.Parameter(prior.copy())
    p.grad = -np.log(likelihood)
    optim.ExponentiatedGradient([p], lr=1.0).step()
    np.testing.assert_allclose(p.data, prior * likelihood / (prior @ likelihood))


# Surfaces

def test_momentums_path_turns_with_the_axes_and_adams_does_not():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    H = np.diag([1.0, 50.0])
    for cls, hyper, turns in ((optim.SGD, {"lr": 0.01, "momentum": 0.9}, True), (optim.Adam, {"lr": 0.1}, False)):
        def make(p, cls=cls, hyper=hyper):
            return cls(p, **hyper)

        straight = path_on(make, lambda x: H @ x, [1.0, 1.0], 30)
        turned = path_on(make, lambda x: turn @ H @ turn.T @ x, turn @ [1.0, 1.0], 30)
        assert np.allclose(straight @ turn.T, turned) == turns


def condition(surface):
    p = np.array(surface.minima[0], float)
    h = 1e-3
    offsets = h * np.eye(2)
    H = [[(surface(p + a + b) - surface(p + a - b) - surface(p - a + b) + surface(p - a - b)) / (4 * h * h)
          for a in offsets] for b in offsets]
    values = np.linalg.eigvalsh(np.array(H))
    return values[-1] / values[0]


@pytest.mark.parametrize(("name", "number"), [("booth", 9), ("matyas", 25), ("illconditioned_bowl", 100),
                                              ("narrow_valley", 1000)])
def test_quadratics_have_the_condition_number_that_is_stated(name, number):
    assert condition(surfaces.get(name)) == pytest.approx(number, rel=1e-4)


def test_styblinski_tang_has_minima_of_three_depths_and_two_of_them_are_equal():
    surface = surfaces.get("styblinski_tang")
    depths = sorted(float(surface(x)) for x in [*surface.minima, *surface.local_minima])
    assert depths[0] < depths[1] - 1 and depths[1] == pytest.approx(depths[2]) and depths[2] < depths[3] - 1


def test_goldstein_prices_values_go_from_3_to_3_point_5_million_on_its_domain():
    surface = surfaces.get("goldstein_price")
    grid = np.meshgrid(*[np.linspace(*side, 801) for side in surface.domain])
    values = surface(np.array(grid))
    assert float(surface((0, -1))) == 3 and values.max() == pytest.approx(3.5e6, rel=0.02)


def test_rastrigin_has_121_dents_of_which_one_is_the_minimum():
    surface = surfaces.get("rastrigin")
    axis = np.linspace(*surface.domain[0], 2001)
    values = 10 + axis**2 - 10 * np.cos(2 * np.pi * axis)
    dents = np.sum((values[1:-1] < values[:-2]) & (values[1:-1] < values[2:]))  # the function is a sum over its axes
    assert dents**2 == 121 and len(surface.minima) == 1


def test_plateaus_gradient_fades_like_1_over_r_cubed():
    surface = surfaces.get("plateau")
    slopes = [(float(surface((r + 1e-3, 0))) - float(surface((r - 1e-3, 0)))) / 2e-3 for r in (50, 100)]
    assert slopes[0] / slopes[1] == pytest.approx(8, rel=0.01)


@pytest.mark.parametrize("kappa", [100.0, 400.0])
def test_descent_needs_some_kappa_steps_for_each_factor_e_and_momentum_some_root_kappa(kappa):
    def steps_for_a_factor_e(lr, momentum):
        path = path_on(lambda p: optim.SGD(p, lr=lr, momentum=momentum), lambda x: [1.0, kappa] * x, [1.0, 1.0], 4000)
        lengths = np.log(np.maximum(np.linalg.norm(path, axis=1), 1e-300))
        enough = np.flatnonzero(lengths > -20)[-1]
        return enough / (lengths[0] - lengths[enough])

    root = np.sqrt(kappa)
    plain = steps_for_a_factor_e(1 / kappa, 0.0)
    momentum = steps_for_a_factor_e(4 / (root + 1) ** 2, ((root - 1) / (root + 1)) ** 2)
    assert plain == pytest.approx(kappa, rel=0.05) and 0.4 * root < momentum < root


def runs(name, optimizer, steps, starts=None):
    """Return the last points of an optimizer on a surface, from its start or from others."""
    surface = surfaces.get(name)
    ends = [viz.record(optimizer, surface, steps=steps, start=start).positions[-1]
            for start in starts or [surface.start]]
    return surface, np.array(ends)


def test_gradient_descent_on_the_quadratic_bowl_converges_below_lr_2_over_4_and_diverges_beyond():
    (_, [inside]), (_, [outside]) = (runs("quadratic_bowl", f"SGD(lr={lr})", 300) for lr in (0.499, 0.501))
    assert np.linalg.norm(inside) < 1 and np.abs(inside[1]) < np.abs(surfaces.get("quadratic_bowl").start[1])
    assert np.abs(outside[1]) > np.abs(surfaces.get("quadratic_bowl").start[1])


def test_booths_gradient_seldom_points_to_the_minimum():
    surface = surfaces.get("booth")
    rng = np.random.default_rng(0)
    points = rng.uniform(-10, 10, size=(500, 2))
    cosines = []
    for p in points:
        grad = numerical_gradient(surface, p)
        way = np.array(surface.minima[0]) - p
        cosines.append(-grad @ way / np.linalg.norm(grad) / np.linalg.norm(way))
    assert np.mean(np.array(cosines) > 0.99) < 0.35


def numerical_gradient(surface, p, h=1e-5):
    return np.array([(float(surface(p + h * e)) - float(surface(p - h * e))) / (2 * h) for e in np.eye(2)])


def test_on_a_noisy_bowl_a_constant_rate_hovers_at_a_distance_that_grows_with_it_and_the_average_arrives():
    rng = np.random.default_rng(0)

    def distances(lr):
        p, total = np.ones(2), np.zeros(2)
        late = []
        for _ in range(20_000):
            p = p - lr * (p + 0.5 * rng.normal(size=2))
            late.append(np.linalg.norm(p))
            total += p
        return np.mean(late[5000:]), np.linalg.norm(total / 20_000)

    (small, _), (large, mean) = distances(0.01), distances(0.1)
    assert 2.5 < large / small < 4 and mean < 0.1 * large  # it grows like the root of lr


def test_descent_leaves_a_saddle_exponentially_and_later_the_closer_it_starts_to_the_ridge():
    def steps_until_gone(offset):
        path = path_on(lambda p: optim.SGD(p, lr=0.1), lambda x: np.array([2.0, -2.0]) * x, [-1.8, offset], 300)
        return np.argmax(np.abs(path[:, 1]) > 1)

    counts = [steps_until_gone(offset) for offset in (1e-2, 1e-4, 1e-6)]
    assert abs((counts[2] - counts[1]) - (counts[1] - counts[0])) <= 1 and counts[1] > counts[0] + 20


def test_the_hessian_of_the_monkey_saddle_vanishes():
    surface = surfaces.get("monkey_saddle")
    values = [float(surface(h)) for h in ((1e-3, 0), (0, 1e-3), (1e-3, 1e-3))]
    assert max(map(abs, values)) < 1e-8  # third order


@pytest.mark.parametrize(("name", "heights"), [("himmelblau", [4]), ("six_hump_camel", [2, 2, 2]), ("branin", [3]),
                                               ("dixon_price", [2]), ("styblinski_tang", [1, 2, 1]),
                                               ("three_hump_camel", [1, 2])])
def test_surfaces_have_as_many_minima_at_as_many_heights_as_their_lessons_say(name, heights):
    surface = surfaces.get(name)
    values = np.sort([float(surface(x)) for x in [*surface.minima, *surface.local_minima]])
    groups = np.split(values, np.flatnonzero(np.diff(values) > 1e-3) + 1)
    assert [len(group) for group in groups] == heights


def test_on_rosenbrock_finding_the_valley_takes_a_few_steps_and_following_it_thousands():
    def gradient(z):
        return rosenbrock(z)[1]

    path = path_on(lambda p: optim.SGD(p, lr=1e-3), gradient, [-0.5, 2.5], 20_000)
    off = np.abs(path[:, 1] - path[:, 0] ** 2)
    near = np.linalg.norm(path - 1, axis=1) < 0.05
    assert np.argmax(off < 0.05) < 30 and np.argmax(near) > 2000


def test_with_enough_momentum_a_run_rolls_out_of_a_trap_of_the_three_hump_camel_and_with_too_much_through_all():
    ends = []
    for momentum in (0, 0.9, 0.95):
        surface, [end] = runs("three_hump_camel", f"SGD(lr=0.01, momentum={momentum})", 2000)
        ends.append((float(surface(end)) < 1e-6, end[0] > 1))
    assert ends == [(False, False), (True, False), (False, True)]


def test_the_slope_of_ackley_does_not_fade_towards_its_tip():
    surface = surfaces.get("ackley")
    slopes = [float(surface((r, 0.0))) / r for r in (1e-3, 1e-5)]
    assert slopes[0] == pytest.approx(slopes[1], rel=0.02) and slopes[1] > 2


def test_beyond_the_edge_of_eggholder_the_land_falls_lower_still():
    surface = surfaces.get("eggholder")
    x, y = surface.minima[0]
    assert x == 512 and float(surface((x + 0.5, y))) < float(surface((x, y)))


# Where libraries disagree

def updates_in_optax(transformation, grads, params=0.0):
    """Return the updates of a transformation of optax, with their signs as in theta <- theta - update."""
    import jax.numpy as jnp

    state, updates = transformation.init(jnp.asarray(params)), []
    for g in grads:
        update, state = transformation.update(jnp.asarray(float(g)), state, jnp.asarray(params))
        updates.append(float(update))
    return np.array(updates)


def test_sparse_adam_refuses_an_array_by_a_type_error_and_pytorch_by_a_runtime_error():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Parameter(torch.ones(2, 1))
    theirs.grad = torch.ones(2, 1)
    with pytest.raises(RuntimeError):
        torch.optim.SparseAdam([theirs]).step()
    table = optim.Parameter(np.ones((2, 1)))
    table.grad = np.ones((2, 1))
    with pytest.raises(TypeError, match="RowGradient"):
        optim.SparseAdam([table]).step()


def test_radams_epsilon_is_added_before_the_correction_here_and_after_it_in_optax(optax):
    grads, eps = np.ones(8), 0.5
    here = steps_along(lambda p: optim.RAdam(p, lr=1.0, eps=eps), grads)[-1]
    there = updates_in_optax(optax.scale_by_radam(eps=eps), grads)[-1]
    r = optim.RAdam([optim.Parameter([1.0])]).rectification(8, 0.999)
    weight = np.sqrt(1 - 0.999**8)  # v is 1 times its square, and the corrected v is 1
    assert here == pytest.approx(r * weight / (weight + eps), rel=1e-6)
    assert there == pytest.approx(r / (1 + eps), rel=0.02)  # optax works in float32


def test_optaxs_amsgrad_has_a_divisor_that_never_shrinks(optax):
    grads = [1.0] + [0.0] * 8
    ours = steps_along(lambda p: optim.Adam(p, lr=1.0, amsgrad=True), grads)
    theirs = updates_in_optax(optax.scale_by_amsgrad(), grads)
    m_hat = 0.1 * 0.9 ** np.arange(9) / (1 - 0.9 ** np.arange(1, 10))
    np.testing.assert_allclose(m_hat / theirs, 1.0, rtol=1e-4)
    assert np.all(np.diff(m_hat / ours) < 0)


def test_optaxs_adafactor_factors_only_axes_of_128_or_more_and_has_no_falling_step_size(optax):
    import jax.numpy as jnp

    for n, factored in ((127, False), (128, True)):
        state = optax.scale_by_factored_rms().init(jnp.ones((n, n)))
        assert (state.v.size < n * n) == factored
    wide = optax.adafactor(learning_rate=0.1, multiply_by_parameter_scale=False, clipping_threshold=None)
    steps = -updates_in_optax(wide, np.ones(400))
    assert steps[-1] == pytest.approx(0.1, rel=0.01) and 400**-0.5 < 0.1


def test_optaxs_polyak_step_goes_uphill_where_the_loss_is_below_f_min(optax):
    import jax.numpy as jnp

    polyak = optax.polyak_sgd(max_learning_rate=1.0, f_min=5.0)
    update, _ = polyak.update(jnp.asarray(2.0), polyak.init(jnp.asarray(1.0)), jnp.asarray(1.0), value=jnp.asarray(1.0))
    assert float(update) > 0
