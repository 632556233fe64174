"""What each chapter teaches, as tests: identities between the methods, and the claims that their docstrings make."""

import numpy as np
import pytest

import optim
import optim.interface.optimizer
from optim.matrix import newton_schulz


def gradients(steps, *shape, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(steps, *shape))


def follow(make, grads, start=None):
    """Return where an optimizer goes on fixed gradients: the positions after each step."""
    p = optim.Parameter(np.zeros(grads.shape[1:]) if start is None else start)
    optimizer, path = make([p]), []
    for g in grads:
        p.grad = g.copy()
        optimizer.step()
        path.append(p.data.copy())
    return np.array(path)


def descend(make, gradient, start, steps):
    """Return where an optimizer goes on a function with this gradient, the start included."""
    p = optim.Parameter(start)
    optimizer, path = make([p]), [p.data.copy()]
    for _ in range(steps):
        p.grad = np.asarray(gradient(p.data))
        optimizer.step()
        path.append(p.data.copy())
    return np.array(path)


# Gradient descent

def test_polyaks_tuning_of_momentum_has_the_rate_of_the_root_of_the_condition_number():
    curvatures = np.array([1.0, 100.0])
    root = 10.0  # of the condition number
    tuned = dict(lr=4 / (np.sqrt(100.0) + 1) ** 2, momentum=((root - 1) / (root + 1)) ** 2)
    plain = dict(lr=2 / 101)
    rates = []
    for hyper in (tuned, plain):
        path = descend(lambda p: optim.SGD(p, **hyper), lambda x: curvatures * x, [1.0, 1.0], 400)  # noqa: B023
        lengths = np.linalg.norm(path, axis=1)
        rates.append((lengths[400] / lengths[200]) ** (1 / 200))
    assert rates[0] == pytest.approx((root - 1) / (root + 1), rel=0.02)
    assert rates[1] == pytest.approx((root**2 - 1) / (root**2 + 1), rel=1e-6)


def test_nesterovs_form_is_the_look_ahead_in_other_coordinates():
    lr, mu, curvatures = 0.05, 0.9, np.array([1.0, 10.0])
    here = descend(lambda p: optim.SGD(p, lr=lr, momentum=mu, nesterov=True), lambda x: curvatures * x, [1.0, 1.0], 20)
    theta, v = np.ones(2), np.zeros(2)
    for t in range(1, 21):
        v = mu * v - lr * curvatures * (theta + mu * v)
        theta = theta + v
        np.testing.assert_allclose(here[t], theta + mu * v, rtol=1e-12)


def test_nesterov_without_momentum_is_refused():
    for hyper in ({}, {"momentum": 0.9, "dampening": 0.1}):
        with pytest.raises(ValueError, match="nesterov=True"):
            optim.SGD([optim.Parameter([1.0])], nesterov=True, **hyper)


@pytest.mark.parametrize("piece", [3, 10**9])
def test_momentum_can_be_switched_on_during_a_run(piece, monkeypatch):
    monkeypatch.setattr(optim.interface.optimizer, "PIECE", piece)
    p = optim.Parameter(np.zeros(10))
    optimizer = optim.SGD([p], lr=1.0)
    for momentum, total in ((0, 1.0), (0.5, 2.0), (0.5, 3.5)):
        optimizer.param_groups[0]["momentum"] = momentum
        p.grad = np.ones(10)
        optimizer.step()
        np.testing.assert_array_equal(p.data, -total)


def test_optimism_of_zero_is_gradient_descent():
    grads = gradients(5, 3)
    np.testing.assert_array_equal(follow(lambda p: optim.OptimisticGradient(p, lr=0.1, optimism=0.0), grads),
                                  follow(lambda p: optim.SGD(p, lr=0.1), grads))


def test_optimism_ends_the_rotation_in_which_gradient_descent_spirals_outwards():
    def game(z):
        return [z[1], -z[0]]  # min over x, max over y of xy

    plain = descend(lambda p: optim.SGD(p, lr=0.3), game, [1.0, 1.0], 200)
    optimistic = descend(lambda p: optim.OptimisticGradient(p, lr=0.3), game, [1.0, 1.0], 200)
    assert np.linalg.norm(plain[-1]) > 1e3
    assert np.linalg.norm(optimistic[-1]) < 1e-3


def test_polyaks_step_never_leads_away_from_the_minimum_of_a_convex_function():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(6, 4))
    minimum = rng.normal(size=4)
    p = optim.Parameter(np.zeros(4))
    optimizer = optim.PolyakSGD([p], lr=1e3)

    def closure():
        r = A @ (p.data - minimum)
        p.grad = A.T @ np.sign(r)
        return np.abs(r).sum()

    distances = []
    for _ in range(100):
        distances.append(np.linalg.norm(p.data - minimum))
        optimizer.step(closure)
    assert np.all(np.diff(distances) < 1e-12)
    assert distances[-1] < 1e-2 * distances[0]


def test_polyaks_step_needs_a_loss_and_stands_still_below_f_min_and_where_there_is_no_slope():
    p = optim.Parameter([1.0])
    p.grad = np.array([2.0])
    with pytest.raises(TypeError, match="closure"):
        optim.PolyakSGD([p]).step()
    optim.PolyakSGD([p], f_min=5.0).step(lambda: 1.0)
    p.grad = np.zeros(1)
    optim.PolyakSGD([p]).step(lambda: 1.0)
    assert p.data == 1.0


# Adaptive

SCALE_FREE = {
    "Adagrad": dict(lr=0.1, eps=0), "RMSprop": dict(eps=0, momentum=0.9), "Adam": dict(eps=0, amsgrad=True),
    "NAdam": dict(eps=0), "Adan": dict(eps=0), "Adamax": dict(eps=0), "AdaBelief": dict(eps=0), "SignSGD": {},
    "Signum": {}, "Lion": {}, "Rprop": {}, "SM3": dict(eps=0),
}


@pytest.mark.parametrize("name", SCALE_FREE)
def test_the_units_of_a_coordinate_do_not_matter(name):
    grads = gradients(10, 3)
    units = np.array([1e-3, 1.0, 1e4])
    def make(p):
        return getattr(optim, name)(p, **SCALE_FREE[name])
    np.testing.assert_allclose(follow(make, grads), follow(make, grads * units), rtol=1e-9)


def test_amsgrad_is_adam_while_squares_grow():
    grads = gradients(20, 3) * np.arange(1, 21)[:, None] ** 4
    grads = np.sign(grads) * np.maximum.accumulate(np.abs(grads))
    np.testing.assert_array_equal(follow(lambda p: optim.Adam(p, amsgrad=True), grads), follow(optim.Adam, grads))
    calm = grads[::-1]
    assert not np.allclose(follow(lambda p: optim.Adam(p, amsgrad=True), calm), follow(optim.Adam, calm))


def test_rmsprop_is_adam_without_first_moment_and_correction():
    grads = gradients(20, 3)
    adam = follow(lambda p: optim.Adam(p, lr=0.1, betas=(0.0, 0.9), eps=0), grads)
    steps = np.diff(adam, axis=0, prepend=0) / np.sqrt(1 - 0.9 ** np.arange(1, 21))[:, None]
    rmsprop = follow(lambda p: optim.RMSprop(p, lr=0.1, alpha=0.9, eps=0), grads)
    np.testing.assert_allclose(np.cumsum(steps, axis=0), rmsprop, rtol=1e-9)


def test_adam_without_memory_is_sign_descent():
    grads = gradients(5, 3)
    np.testing.assert_allclose(follow(lambda p: optim.Adam(p, lr=0.1, betas=(0.0, 0.0), eps=0), grads),
                               follow(lambda p: optim.SignSGD(p, lr=0.1), grads), rtol=1e-12)


def test_adams_lines_are_the_papers():
    grads, lr, beta1, beta2, eps = gradients(10, 4), 0.1, 0.8, 0.95, 0.3
    theta = m = v = np.zeros(4)
    here = follow(lambda p: optim.Adam(p, lr=lr, betas=(beta1, beta2), eps=eps), grads)
    for t, g in enumerate(grads, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
        np.testing.assert_allclose(here[t - 1], theta, rtol=1e-12)


def test_adan_is_the_papers_step_with_adams_corrections():
    grads, lr, eps, decay = gradients(10, 4), 0.1, 0.3, 0.2
    beta1, beta2, beta3 = 0.02, 0.08, 0.01  # as the paper writes them; the class takes 1 - beta
    theta = m = v = n = np.zeros(4)
    here = follow(lambda p: optim.Adan(p, lr=lr, eps=eps, weight_decay=decay), grads)
    for t, g in enumerate(grads, 1):
        change = g - grads[max(t - 2, 0)]
        m, v = (1 - beta1) * m + beta1 * g, (1 - beta2) * v + beta2 * change
        n = (1 - beta3) * n + beta3 * (g + (1 - beta2) * change) ** 2
        m_hat, v_hat, n_hat = [x / (1 - (1 - beta) ** t) for x, beta in ((m, beta1), (v, beta2), (n, beta3))]
        theta = (theta - lr / (np.sqrt(n_hat) + eps) * (m_hat + (1 - beta2) * v_hat)) / (1 + decay * lr)
        np.testing.assert_allclose(here[t - 1], theta, rtol=1e-12)


def test_adamw_without_decay_is_adam_and_with_it_shrinks_all_weights_alike():
    grads = gradients(5, 3)
    np.testing.assert_array_equal(follow(lambda p: optim.AdamW(p, weight_decay=0), grads), follow(optim.Adam, grads))
    start = np.array([1.0, 10.0, 100.0])
    decayed = follow(lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.5), np.zeros((3, 3)), start)
    np.testing.assert_allclose(decayed[-1], start * 0.95**3, rtol=1e-12)


def test_adam_and_adamw_refuse_each_others_state():
    p = optim.Parameter([1.0])
    adam, adamw = optim.Adam([p]), optim.AdamW([p])
    for one, other in ((adam, adamw), (adamw, adam)):
        with pytest.raises(ValueError, match="decoupled_weight_decay"):
            one.load_state_dict(other.state_dict())
    optim.Adam([p], decoupled_weight_decay=True).load_state_dict(adamw.state_dict())


def test_centered_rmsprop_survives_gradients_that_never_change():
    path = follow(lambda p: optim.RMSprop(p, centered=True, alpha=0.5), np.full((200, 1), 0.1))
    assert np.all(np.isfinite(path))


def test_adadeltas_first_step_has_a_length_of_its_own_whatever_the_gradient():
    first = [follow(lambda p: optim.Adadelta(p, rho=0.9, eps=1e-6), np.full((1, 1), g))[0] for g in (1e3, 1e6)]
    np.testing.assert_allclose(first, -np.sqrt(1e-6) / np.sqrt(0.1), rtol=1e-6)


def test_rectification_waits_five_steps_and_ends_at_one():
    rule = optim.RAdam([optim.Parameter([1.0])])
    assert [bool(rule.rectification(t, 0.999)) for t in range(1, 8)] == [False] * 5 + [True] * 2
    assert rule.rectification(10**6, 0.999) == pytest.approx(1, abs=1e-6)
    assert not any(rule.rectification(t, beta2) for t in range(1, 1000, 37) for beta2 in (0.0, 0.5, 0.6))


def test_yogis_second_moment_moves_by_no_more_than_the_gradient_says():
    p = optim.Parameter(np.zeros(3))
    optimizer = optim.Yogi([p])
    previous = np.full(3, 1e-6)
    for g in gradients(20, 3) * np.r_[np.full(10, 10.0), np.full(10, 0.1)][:, None]:
        p.grad = g
        optimizer.step()
        change = optimizer.state[p]["exp_avg_sq"] - previous
        np.testing.assert_allclose(np.abs(change), 1e-3 * g * g, rtol=1e-6, atol=1e-14)
        previous = optimizer.state[p]["exp_avg_sq"].copy()


def test_adabelief_takes_longer_steps_where_gradients_are_as_expected():
    steady, erratic = np.ones((50, 1)), np.where(np.arange(50)[:, None] % 2, 3.0, -1.0)
    step_of = {name: np.abs(np.diff(follow(optim.AdaBelief, grads)[:, 0])[-1])
               for name, grads in (("steady", steady), ("erratic", erratic))}
    assert step_of["steady"] > 5 * step_of["erratic"]


def test_adafactors_product_of_row_and_column_is_exact_for_squares_of_rank_one():
    grad = np.outer([1.0, -2.0, 3.0], [1.0, 10.0, -100.0, 0.1])
    end = follow(lambda p: optim.Adafactor(p, lr=0.1, eps=(None, 1.0)), grad[None])[-1]
    np.testing.assert_allclose(end, -0.1 * np.sign(grad), rtol=1e-12)


def test_sm3_is_adagrad_on_vectors_and_never_below_it_on_matrices():
    grads = gradients(10, 5)
    np.testing.assert_allclose(follow(lambda p: optim.SM3(p, momentum=0, eps=0), grads),
                               follow(lambda p: optim.Adagrad(p, lr=0.1, eps=0), grads), rtol=1e-12)
    p = optim.Parameter(np.zeros((3, 4, 2)))
    optimizer, total = optim.SM3([p]), 0
    for g in gradients(10, 3, 4, 2):
        p.grad, total = g, total + g * g
        optimizer.step()
        state = optimizer.state[p]
        bound = np.minimum(np.minimum(state["accumulator_0"], state["accumulator_1"]), state["accumulator_2"])
        assert np.all(bound >= total * (1 - 1e-12))


# Sparse

def rows_and_dense(rng, shape, k):
    rows = rng.integers(shape[0], size=k)
    values = rng.normal(size=(k, *shape[1:]))
    dense = np.zeros(shape)
    np.add.at(dense, rows, values)
    return optim.RowGradient(rows, values), dense


@pytest.mark.parametrize(("base", "hyper"), [(optim.SGD, dict(lr=0.1)), (optim.Adagrad, dict(lr=0.1, lr_decay=0.1))])
def test_lazy_rows_are_the_rule_itself_where_a_gradient_of_zero_changes_nothing(base, hyper):
    lazy_class = type("Lazy", (optim.LazyRows, base), {})
    lazy, dense = optim.Parameter(np.ones((7, 2, 3))), optim.Parameter(np.ones((7, 2, 3)))
    by_rows, whole = lazy_class([lazy], **hyper), base([dense], **hyper)
    rng = np.random.default_rng(0)
    for _ in range(10):
        lazy.grad, dense.grad = rows_and_dense(rng, (7, 2, 3), 4)
        by_rows.step()
        whole.step()
    np.testing.assert_allclose(lazy.data, dense.data, rtol=1e-12)


def test_lazy_rows_of_any_elementwise_optimizer_that_names_all_rows_are_that_optimizer():
    for base in (optim.SGD, optim.RMSprop, optim.Adam, optim.NAdam, optim.Lion):
        hyper = dict(lr=0.1, momentum=0.9) if base is optim.SGD else {}
        lazy_class = type("Lazy", (optim.LazyRows, base), {})
        lazy, dense = optim.Parameter(np.ones((4, 3))), optim.Parameter(np.ones((4, 3)))
        by_rows, whole = lazy_class([lazy], **hyper), base([dense], **hyper)
        for g in gradients(5, 4, 3):
            lazy.grad, dense.grad = optim.RowGradient([3, 1, 0, 2], g[[3, 1, 0, 2]]), g
            by_rows.step()
            whole.step()
        np.testing.assert_allclose(lazy.data, dense.data, rtol=1e-12)


def test_rows_without_a_gradient_keep_still_and_are_never_handed_to_the_rule():
    shapes = []

    class Watched(optim.SparseAdam):
        def update(self, grad, state, param, *, betas, eps):
            shapes.extend(array.shape for array in (grad, param, state["exp_avg"], state["exp_avg_sq"]))
            return super().update(grad, state, param, betas=betas, eps=eps)

    table = optim.Parameter(np.ones((1000, 2)))
    optimizer = Watched([table])
    for rows in ([5, 900, 5], [5]):
        table.grad = optim.RowGradient(rows, np.ones((len(rows), 2)))
        optimizer.step()
    assert shapes == [(2, 2)] * 4 + [(1, 2)] * 4
    untouched = np.setdiff1d(np.arange(1000), [5, 900])
    assert np.all(table.data[untouched] == 1) and not optimizer.state[table]["exp_avg"][untouched].any()


def test_a_row_named_twice_has_the_sum_of_its_gradients():
    ends = []
    for rows, values in (([2, 0, 2], [[1.0], [5.0], [3.0]]), ([0, 2], [[5.0], [4.0]])):
        table = optim.Parameter(np.zeros((3, 1)))
        optimizer = optim.SparseAdam([table])
        for _ in range(3):
            table.grad = optim.RowGradient(rows, values)
            optimizer.step()
        ends.append(table.data)
    np.testing.assert_array_equal(*ends)


def test_rows_may_have_learning_rates_of_their_own():
    table = optim.Parameter(np.zeros((3, 2)))
    table.grad = optim.RowGradient([2, 1], np.ones((2, 2)))
    optim.SparseAdam([table], lr=np.array([[1.0], [2.0], [3.0]])).step()
    np.testing.assert_allclose(table.data, [[0, 0], [-2, -2], [-3, -3]], rtol=1e-6)


def test_a_gradient_without_rows_moves_nothing_and_counts_as_a_step():
    table = optim.Parameter(np.ones((3, 2)))
    optimizer = optim.SparseAdam([table])
    table.grad = optim.RowGradient([], np.ones((0, 2)))
    optimizer.step()
    assert np.all(table.data == 1) and optimizer.state[table]["step"] == 1


@pytest.mark.parametrize(("grad", "error", "words"), [
    (np.ones((3, 2)), TypeError, "RowGradient"),
    (lambda: optim.RowGradient([3], np.ones((1, 2))), ValueError, "rows 3 to 3"),
    (lambda: optim.RowGradient([-1], np.ones((1, 2))), ValueError, "rows -1"),
    (lambda: optim.RowGradient([0], np.ones((1, 3))), ValueError, "shape"),
    (lambda: optim.RowGradient([0], np.ones((1, 2), np.float32)), ValueError, "dtype"),
    (lambda: optim.RowGradient([0.5], np.ones((1, 2))), TypeError, "integers"),
    (lambda: optim.RowGradient([[0]], np.ones((1, 2))), TypeError, "vector"),
    (lambda: optim.RowGradient([0, 1], np.ones((1, 2))), ValueError, "2 entries"),
])
def test_gradients_by_rows_that_do_not_fit_are_reported_in_words(grad, error, words):
    table = optim.Parameter(np.ones((3, 2)))
    with pytest.raises(error, match=words):
        table.grad = grad() if callable(grad) else grad
        optim.SparseAdam([table]).step()
    assert np.all(table.data == 1)


def test_rules_that_need_whole_arrays_cannot_be_lazy():
    with pytest.raises(TypeError, match="whole arrays"):
        type("LazyLAMB", (optim.LazyRows, optim.LAMB), {})


# Signs

def test_lion_with_one_rate_of_forgetting_is_signum():
    grads = gradients(20, 3)
    np.testing.assert_array_equal(follow(lambda p: optim.Lion(p, lr=0.1, betas=(0.7, 0.7)), grads),
                                  follow(lambda p: optim.Signum(p, lr=0.1, momentum=0.7), grads))


def test_signum_without_memory_is_sign_descent():
    grads = gradients(5, 3)
    np.testing.assert_array_equal(follow(lambda p: optim.Signum(p, momentum=0), grads), follow(optim.SignSGD, grads))


def test_rprop_has_no_use_for_the_size_of_a_gradient_and_shrinks_its_steps_at_a_minimum():
    path = descend(lambda p: optim.Rprop(p, lr=0.1), lambda x: 1e-6 * np.sign(x) * np.abs(x) ** 3, [1.0, -0.3], 300)
    assert np.all(np.abs(path[-1]) < 1e-4)


def test_rprop_refuses_etas_that_do_not_shrink_and_grow():
    for etas in ((0.5, 0.9), (1.1, 1.2), (0.0, 1.2)):
        with pytest.raises(ValueError, match="etas"):
            optim.Rprop([optim.Parameter([1.0])], etas=etas)


# Layers

def test_layers_move_by_the_same_part_of_themselves_whatever_the_length_of_the_gradient():
    for optimizer_class, hyper in ((optim.LARS, dict(lr=1.0, trust_coefficient=0.01)), (optim.LAMB, dict(lr=0.01))):
        rng = np.random.default_rng(0)
        layers = [optim.Parameter(size * rng.normal(size=(3, 4))) for size in (1e-3, 1.0, 1e3)]
        before = [p.data.copy() for p in layers]
        for p, size in zip(layers, (1e5, 1.0, 1e-2)):
            p.grad = size * rng.normal(size=(3, 4))
        optimizer_class(layers, **hyper).step()
        moved = [np.linalg.norm(p.data - x) / np.linalg.norm(x) for p, x in zip(layers, before)]
        np.testing.assert_allclose(moved, 0.01, rtol=1e-9)


def test_a_layer_of_zeros_can_leave_zero():
    for optimizer_class in (optim.LARS, optim.LAMB):
        assert np.all(follow(optimizer_class, np.ones((1, 2, 2)))[-1] < 0)


def test_lamb_goes_in_adamws_direction():
    start, grads = np.random.default_rng(1).normal(size=(3, 4)), gradients(1, 3, 4)
    lamb = follow(lambda p: optim.LAMB(p, weight_decay=0.1), grads, start)[0] - start
    adamw = follow(lambda p: optim.AdamW(p, eps=1e-6, weight_decay=0.1), grads, start)[0] - start
    np.testing.assert_allclose(lamb / np.linalg.norm(lamb), adamw / np.linalg.norm(adamw), rtol=1e-9)


# Matrices

def power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**exponent) @ vectors.T


def test_shampoo_is_its_two_line_algorithm():
    L, R, theta = 1e-2 * np.eye(3), 1e-2 * np.eye(4), np.zeros((3, 4))
    grads = gradients(6, 3, 4)
    here = follow(lambda p: optim.Shampoo(p, lr=0.1, eps=1e-2), grads)
    for G, position in zip(grads, here):
        L, R = L + G @ G.T, R + G.T @ G
        theta = theta - 0.1 * power(L, -0.25) @ G @ power(R, -0.25)
        np.testing.assert_allclose(position, theta, rtol=1e-9, atol=1e-12)


def test_shampoo_is_full_matrix_adagrad_on_vectors():
    total, theta = 1e-2 * np.eye(4), np.zeros(4)
    grads = gradients(6, 4)
    here = follow(lambda p: optim.Shampoo(p, lr=0.1, eps=1e-2), grads)
    for g, position in zip(grads, here):
        total = total + np.outer(g, g)
        theta = theta - 0.1 * power(total, -0.5) @ g
        np.testing.assert_allclose(position, theta, rtol=1e-9, atol=1e-12)


def test_shampoo_has_a_matrix_for_each_of_three_axes():
    G = gradients(1, 2, 3, 4)
    roots = [power(1e-2 * np.eye(n) + np.tensordot(G[0], G[0], axes=(others, others)), -1 / 6)
             for n, others in ((2, (1, 2)), (3, (0, 2)), (4, (0, 1)))]
    here = follow(lambda p: optim.Shampoo(p, lr=1.0, eps=1e-2), G)[-1]
    np.testing.assert_allclose(here, -np.einsum("ai,bj,ck,ijk->abc", *roots, G[0]), rtol=1e-9, atol=1e-12)


def test_shampoos_and_soaps_paths_turn_with_the_landscape_and_adams_does_not():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    grads = gradients(8, 3, 3)

    def turns(make):
        return np.allclose(turn @ follow(make, grads)[-1], follow(make, turn @ grads)[-1], rtol=1e-6, atol=1e-9)

    assert turns(optim.Shampoo)
    assert turns(lambda p: optim.SOAP(p, precondition_frequency=2))
    assert turns(optim.Muon)
    assert not turns(optim.Adam)


def test_without_a_preconditioner_shampoo_is_gradient_descent_and_soap_adamw():
    grads, start = gradients(6, 3, 4), np.ones((3, 4))
    np.testing.assert_array_equal(follow(lambda p: optim.Shampoo(p, max_precond_dim=0), grads),
                                  follow(lambda p: optim.SGD(p, lr=0.1), grads))
    adamw = follow(lambda p: optim.AdamW(p, lr=3e-3, betas=(0.95, 0.95)), grads, start)
    np.testing.assert_allclose(follow(lambda p: optim.SOAP(p, max_precond_dim=0), grads, start), adamw, rtol=1e-12)


def test_soap_is_its_algorithm():
    lr, beta1, beta2, eps, decay, frequency = 0.1, 0.9, 0.8, 1e-8, 0.1, 3
    grads, theta = gradients(10, 3, 4), np.ones((3, 4))
    here = follow(lambda p: optim.SOAP(p, lr, (beta1, beta2), eps, decay, frequency), grads, theta)
    L, R, M, V = np.zeros((3, 3)), np.zeros((4, 4)), 0, 0
    for t, (G, position) in enumerate(zip(grads, here), 1):
        if t == 1:
            QL, QR = np.linalg.eigh(G @ G.T)[1], np.linalg.eigh(G.T @ G)[1]
        M, V = beta1 * M + (1 - beta1) * G, beta2 * V + (1 - beta2) * (QL.T @ G @ QR) ** 2
        N = (QL.T @ M @ QR) / (1 - beta1**t) / (np.sqrt(V / (1 - beta2**t)) + eps)
        theta = theta - lr * (QL @ N @ QR.T + decay * theta)
        L, R = beta2 * L + (1 - beta2) * G @ G.T, beta2 * R + (1 - beta2) * G.T @ G
        if t % frequency == 0:
            QL, QR = np.linalg.qr(L @ QL)[0], np.linalg.qr(R @ QR)[0]
        np.testing.assert_allclose(position, theta, rtol=1e-6, atol=1e-9)


def test_newton_schulz_makes_singular_values_nearly_one_and_keeps_the_axes():
    rng = np.random.default_rng(0)
    for shape in ((5, 5), (3, 8), (8, 3)):
        B = rng.normal(size=shape)
        U, _, Vt = np.linalg.svd(B, full_matrices=False)
        values = np.linalg.svd(newton_schulz(B), compute_uv=False)
        assert np.all((values > 0.6) & (values < 1.3))
        np.testing.assert_allclose(newton_schulz(B, (15 / 8, -10 / 8, 3 / 8), 40), U @ Vt, atol=1e-9)
        np.testing.assert_allclose(newton_schulz(B.T), newton_schulz(B).T, rtol=1e-12)


def test_muon_steps_do_not_depend_on_the_size_of_the_gradient():
    grads = gradients(5, 3, 4)
    np.testing.assert_allclose(follow(optim.Muon, grads), follow(optim.Muon, 1e3 * grads), rtol=1e-9)


@pytest.mark.parametrize(("shape", "hyper", "words"), [
    ((3,), {}, "matrices"), ((2, 2, 2), {}, "matrices"), ((2, 2), {"adjust_lr_fn": "other"}, "adjust_lr_fn"),
    ((2, 2), {"ns_coefficients": (1.0, 2.0)}, "three"), ((2, 2), {"ns_steps": 100}, "100")])
def test_muon_takes_matrices_and_known_settings_alone(shape, hyper, words):
    with pytest.raises(ValueError, match=words):
        optim.Muon([optim.Parameter(np.ones(shape))], **hyper)
    optimizer = optim.Muon([optim.Parameter(np.ones((2, 2)))])
    with pytest.raises(ValueError, match=words):
        optimizer.add_param_group({"params": [optim.Parameter(np.ones(shape))], **hyper})
    assert len(optimizer.param_groups) == 1
