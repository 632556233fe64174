"""Linear algebra: NumPy's values, the derivatives of finite differences, and degenerate cases as documented."""

import numpy as np
import pytest

import minigrad
from minigrad import Tensor

T = lambda matrix: np.swapaxes(matrix, -1, -2)


def on(function, *shapes):
    """Return what draws arrays of these shapes for a function of them."""
    return lambda rng: (function, *[rng.standard_normal(shape) for shape in shapes])


def on_positive(function, *shapes):
    """Return the same for a function of symmetric positive definite matrices, made of any."""
    return on(lambda *arrays: function(*[x @ T(x) + np.eye(x.shape[-1], dtype=x.dtype) for x in arrays]), *shapes)


def on_symmetric(function, *shapes):
    """Return the same for a function of symmetric matrices."""
    return on(lambda *arrays: function(*[x + T(x) for x in arrays]), *shapes)


def up_to_sign(vectors):
    """Return what does not depend on the sign of the columns: the projections onto each."""
    return vectors[..., :, None, :] * vectors[..., None, :, :]


def eigh(matrix, **keywords):
    w, v = np.linalg.eigh(matrix, **keywords)
    return [w, up_to_sign(v)]


def svd(matrix):
    u, s, vh = np.linalg.svd(matrix, full_matrices=False)
    return [s, up_to_sign(u), up_to_sign(T(vh)), (u * s[..., None, :]) @ vh]


def with_real_eigenvalues(function, *shape):
    """Return the same for a function of matrices near a triangular one, whose eigenvalues 1, 2, 3 are well apart."""
    return on(lambda x: function(np.array([[1, 2, -1], [0, 2, 1], [0, 0, 3]], x.dtype) + x / 20), shape)


def norm(**keywords):
    return lambda x: np.linalg.norm(x, **keywords)


def each(function, *shapes):
    """Return an example for each shape of the only argument."""
    return [on(function, shape) for shape in shapes]


SQUARE = [(1, 1), (3, 3), (2, 3, 3)]
ORDERS = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]
linalg = np.linalg
EXAMPLES = {
    linalg.inv: each(linalg.inv, *SQUARE, (0, 2, 2)),
    linalg.pinv: [*each(linalg.pinv, (3, 3), (4, 2), (2, 4), (2, 4, 3)),
                  on(lambda x, y: linalg.pinv(x @ y, rcond=1e-6), (4, 2), (2, 3)),
                  on(lambda x, y: linalg.pinv(x @ y, rtol=1e-6), (4, 2), (2, 3))],
    linalg.solve: [on(linalg.solve, *shapes) for shapes in [
        [(3, 3), (3,)], [(3, 3), (3, 2)], [(2, 3, 3), (3,)], [(2, 3, 3), (3, 1)], [(2, 3, 3), (2, 3, 2)],
        [(3, 3), (2, 3, 1)], [(2, 1, 3, 3), (4, 3, 2)], [(3, 3), (3, 0)]]],
    linalg.lstsq: [*[on(lambda a, b: linalg.lstsq(a, b)[0], *shapes) for shapes in [
                       [(5, 3), (5,)], [(5, 3), (5, 2)], [(3, 3), (3,)], [(2, 4), (2,)]]],
                   on(lambda x, y, b: linalg.lstsq(x @ y, b)[0], (4, 2), (2, 3), (4,)),
                   *[on(lambda a, b: linalg.lstsq(a, b)[1], (5, 3), shape) for shape in [(5,), (5, 2)]]],
    linalg.tensorsolve: [on(linalg.tensorsolve, (2, 3, 6), (2, 3)),
                         on(lambda a, b: linalg.tensorsolve(a, b, axes=(0,)), (6, 2, 3), (2, 3))],
    linalg.tensorinv: [*each(linalg.tensorinv, (2, 3, 6)), *each(lambda a: linalg.tensorinv(a, ind=1), (4, 2, 2))],
    linalg.det: [*each(linalg.det, *SQUARE, (0, 2, 2)), on(lambda x, y: linalg.det(x @ y), (3, 2), (2, 3)),
                 lambda rng: (linalg.det, np.zeros((2, 2))), lambda rng: (linalg.det, np.ones((3, 3))),
                 lambda rng: (linalg.det, np.stack([np.eye(3), np.diag([0.0, 1.0, 1.0])]))],
    linalg.slogdet: each(lambda a: linalg.slogdet(a).logabsdet, *SQUARE),
    linalg.cholesky: [*[on_positive(linalg.cholesky, shape) for shape in SQUARE],
                      on_positive(lambda a: linalg.cholesky(a, upper=True), (2, 3, 3))],
    linalg.qr: [*each(lambda a: list(linalg.qr(a)), (1, 1), (3, 3), (5, 3), (2, 4), (2, 4, 3), (2, 2, 3)),
                *each(lambda a: linalg.qr(a, mode="r"), (4, 3), (2, 3)),
                *each(lambda a: list(linalg.qr(a, mode="complete")), (2, 3))],
    linalg.eigh: [*[on_symmetric(eigh, shape) for shape in SQUARE], on_symmetric(lambda a: eigh(a, UPLO="U"), (3, 3))],
    linalg.eigvalsh: [on_symmetric(linalg.eigvalsh, shape) for shape in SQUARE],
    linalg.eig: [with_real_eigenvalues(lambda a: linalg.eig(a)[0], 3, 3),
                 with_real_eigenvalues(lambda a: up_to_sign(linalg.eig(a)[1]), 3, 3),
                 with_real_eigenvalues(lambda a: up_to_sign(linalg.eig(a)[1]), 2, 3, 3)],
    linalg.eigvals: [with_real_eigenvalues(linalg.eigvals, 3, 3), *each(lambda a: np.abs(linalg.eigvals(a)), (3, 3))],
    linalg.svd: [*each(svd, (1, 1), (3, 3), (4, 2), (2, 4), (2, 4, 3), (2, 3, 4)),
                 *each(lambda a: up_to_sign(linalg.svd(a)[0]), (3, 3)),
                 *each(lambda a: linalg.svd(a, compute_uv=False), (4, 3))],
    linalg.svdvals: each(linalg.svdvals, (2, 4, 3)),
    linalg.norm: [*[on(norm(ord=order), (4,)) for order in [None, 1, 2, 3, 2.5, 0.5, -1, np.inf, -np.inf]],
                  *[on(norm(ord=order), (3, 4)) for order in ORDERS],
                  *[on(norm(ord=order, axis=(0, 2), keepdims=kept), (3, 2, 4))
                    for order in ORDERS for kept in (False, True)],
                  *[on(norm(ord=order, axis=-1, keepdims=kept), (2, 3))
                    for order in [None, 1, 3, np.inf] for kept in (False, True)],
                  *each(norm(), (), (2, 3, 4)), *each(norm(keepdims=True), (2, 3)),
                  *each(norm(axis=(2, 0), ord=1), (3, 2, 4))],
    linalg.vector_norm: [*each(linalg.vector_norm, (2, 3)),
                         *each(lambda x: linalg.vector_norm(x, axis=(0, 2), ord=3), (2, 3, 2)),
                         *each(lambda x: linalg.vector_norm(x, keepdims=True, ord=1), (2, 3))],
    linalg.matrix_norm: [*each(linalg.matrix_norm, (2, 3, 4)),
                         *each(lambda x: linalg.matrix_norm(x, ord=2, keepdims=True), (2, 3, 4))],
    linalg.cond: [on(lambda x, p=p: linalg.cond(x, p), shape)
                  for p in (None, -2, 1, np.inf, "fro") for shape in [(3, 3), (2, 3, 3)]],
    linalg.matrix_power: [on(lambda a, n=n: linalg.matrix_power(a, n), shape)
                          for n in (0, 1, 2, 3, 6, 7, -1, -3) for shape in [(3, 3), (2, 2, 2)]],
    linalg.multi_dot: [on(lambda *arrays: linalg.multi_dot(arrays), *shapes) for shapes in [
        [(2, 3), (3, 4)], [(2, 3), (3, 4), (4, 2)], [(3,), (3, 4), (4, 2), (2,)], [(3,), (3, 2)],
        [(5, 2), (2, 5), (5, 2), (2, 1), (1, 3)]]],
}
CASES = [pytest.param(example, id=f"{function.__name__}-{i}")
         for function, examples in EXAMPLES.items() for i, example in enumerate(examples)]


def several(results):
    return results if isinstance(results, list) else [results]


@pytest.mark.parametrize("example", CASES)
def test_value_is_numpys(example, rng):
    function, *arrays = example(rng)
    for result, expected in zip(several(function(*map(Tensor, arrays))), several(function(*arrays))):
        assert isinstance(result, Tensor)
        assert result.shape == np.shape(expected)
        np.testing.assert_allclose(result.data, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("example", CASES)
def test_derivatives_to_second_order(example, rng):
    assert minigrad.gradcheck(*example(rng))


@pytest.mark.parametrize("example", CASES)
def test_float32_is_kept(example, rng):
    function, *arrays = example(rng)
    tensors = [Tensor(x.astype(np.float32), requires_grad=True) for x in arrays]
    results = several(function(*tensors))
    sum(result.sum() for result in results).backward()
    assert {x.dtype for x in results} | {x.grad.dtype for x in tensors} == {np.dtype(np.float32)}


# Conventions and degenerate cases

def gradient(function, *arrays):
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    function(*tensors).backward()
    return tensors[0].grad if len(tensors) == 1 else [tensor.grad for tensor in tensors]


@pytest.mark.parametrize("order", [None, 2, 3, 1, 1.5, 0.5])
def test_norm_has_slope_0_at_0(order):
    np.testing.assert_array_equal(gradient(lambda x: np.linalg.norm(x, order), np.zeros(3)), np.zeros(3))
    np.testing.assert_array_equal(minigrad.hessian(lambda x: np.linalg.norm(x, order))(np.zeros(3)), np.zeros((3, 3)))


def test_norm_with_some_zeros_is_smooth_for_orders_above_2():
    assert minigrad.gradcheck(lambda x: np.linalg.norm(x, 3), np.array([1.0, 0.0, -2.0]))


def test_norm_of_order_0_counts_and_is_constant():
    assert np.linalg.norm(Tensor([1.0, 0.0, 3.0]), 0) == 2


def test_largest_entries_that_tie_share_the_gradient_of_the_maximum_norm():
    slope = gradient(lambda x: np.linalg.norm(x, np.inf), np.array([2.0, -2.0, 1.0]))
    np.testing.assert_array_equal(slope, [0.5, -0.5, 0.0])


@pytest.mark.parametrize("function", [
    lambda a: np.sum(np.linalg.cholesky(a)), lambda a: np.sum(np.linalg.eigvalsh(a) ** 3),
    lambda a: np.linalg.eigh(a).eigenvectors[0, 1]])
def test_symmetric_matrices_receive_a_symmetric_gradient(function, rng):
    x = rng.standard_normal((4, 4))
    g = gradient(function, x @ x.T + np.eye(4))
    assert np.abs(g).max() > 1e-3
    np.testing.assert_array_equal(g, g.T)


def test_equal_eigenvalues_and_singular_values_have_gradients():
    """The squares of the eigenvalues, or singular values, add up to the squares of the entries: the gradient is 2A."""
    points = [(np.linalg.eigvalsh, np.eye(3)), (np.linalg.svdvals, np.eye(3)), (np.linalg.svdvals, np.zeros((3, 2)))]
    for values, a in points:
        np.testing.assert_allclose(gradient(lambda a, values=values: np.sum(values(a) ** 2), a), 2 * a)
    assert np.all(np.isfinite(gradient(lambda a: np.linalg.eigh(a).eigenvectors[0, 1], np.eye(3))))


def test_second_derivatives_at_equal_values_are_nan_rather_than_wrong():
    squares = [lambda a: np.sum(np.linalg.eigvalsh(a) ** 2), lambda a: np.sum(np.linalg.svdvals(a) ** 2),
               lambda a: np.sum(np.real(np.linalg.eigvals(a)) ** 2), lambda a: np.linalg.norm(a, 2)]
    for function in squares:
        assert np.isnan(minigrad.hessian(function)(np.diag([3.0, 1.0, 1.0]))).all()
        assert np.isfinite(minigrad.hessian(function)(np.diag([3.0, 2.0, 1.0]))).all()
    both = np.stack([np.eye(2), np.diag([1.0, 2.0])])
    product = minigrad.hvp(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(both, np.ones((2, 2, 2)))
    assert np.isnan(product[0]).all() and np.isfinite(product[1]).all()
    assert np.isnan(minigrad.hessian(lambda a: np.linalg.norm(a, 2))(np.zeros((2, 1)))).all()


def test_results_bear_numpys_names():
    a = Tensor(np.diag([1.0, 2.0]), requires_grad=True)
    assert type(np.linalg.eigh(a)).__name__ == "EighResult"
    assert type(np.linalg.eig(a)).__name__ == "EigResult"
    assert type(np.linalg.svd(a)).__name__ == "SVDResult"
    assert type(np.linalg.slogdet(a)).__name__ == "SlogdetResult"
    assert type(np.linalg.qr(a[:1])).__name__ == "QRResult"
    assert isinstance(np.linalg.qr(a).R, Tensor)


def test_lstsq_returns_rank_and_singular_values_as_numpy_does(rng):
    for rows, columns, b_shape in [(5, 3, (5,)), (5, 3, (5, 2)), (3, 5, (3,)), (3, 3, (3, 2))]:
        a, b = rng.standard_normal((rows, columns)), rng.standard_normal(b_shape)
        a[:, 1] = a[:, 0] if rows == 3 else a[:, 1]
        for ours, theirs in zip(np.linalg.lstsq(Tensor(a), b), np.linalg.lstsq(a, b), strict=True):
            ours = ours.data if isinstance(ours, Tensor) else ours
            assert np.shape(ours) == np.shape(theirs)
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_rank_is_a_plain_number():
    assert np.linalg.matrix_rank(Tensor(np.ones((3, 3)), requires_grad=True)) == 1


def test_multi_dot_multiplies_in_the_cheapest_order(rng):
    """From the right that takes two small products, from the left a matrix of a million numbers."""
    arrays = [Tensor(rng.standard_normal(shape), requires_grad=True) for shape in [(1000, 2), (2, 1000), (1000, 1)]]
    product = np.linalg.multi_dot(arrays)
    assert product.recipe[1][1].shape == (2, 1)


def test_matrix_power_takes_a_logarithmic_number_of_products():
    a, calls = Tensor(np.eye(2), requires_grad=True), 0
    power = np.linalg.matrix_power(a, 1000)
    while power.recipe:
        power, calls = power.recipe[3][0][1], calls + 1
    assert calls < 20


@pytest.mark.parametrize("call, error, message", [
    (lambda a: np.linalg.svd(a), ValueError, "full_matrices=False"),
    (lambda a: np.linalg.qr(a, mode="complete"), ValueError, "'reduced' or 'r'; got 'complete' for matrices of 3 x 2"),
    (lambda a: np.linalg.qr(a, mode="raw"), ValueError, "got 'raw'"),
    (lambda a: np.linalg.norm(a, 5), ValueError, "got 5"),
    (lambda a: np.linalg.norm(np.reshape(a, (1, 3, 2)), 1), ValueError, "3 axes"),
    (lambda a: np.linalg.svd(a * 1j, full_matrices=False), TypeError, "real matrices only"),
    (lambda a: np.linalg.eigh(a[:2] * 1j), TypeError, "real matrices only"),
    (lambda a: np.linalg.inv(a), np.linalg.LinAlgError, "square"),
    (lambda a: np.linalg.solve(np.zeros((2, 2)), a[:2]), np.linalg.LinAlgError, "Singular"),
])
def test_errors_say_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call(Tensor(np.ones((3, 2)), requires_grad=True))


def test_lists_can_replace_arrays():
    a, b = [[2.0, 1.0], [1.0, 3.0]], [1.0, 2.0]
    np.testing.assert_allclose(np.linalg.solve(a, Tensor(b)).data, np.linalg.solve(a, b))
    np.testing.assert_allclose(np.linalg.lstsq(Tensor(a), b)[0].data, np.linalg.solve(a, b))
    np.testing.assert_allclose(np.linalg.multi_dot([Tensor(a), b]).data, np.dot(a, b))


TORCHS = {
    "inv": lambda np, a, b: np.linalg.inv(a),
    "pinv": lambda np, a, b: np.linalg.pinv(b),
    "solve": lambda np, a, b: np.linalg.solve(a, b),
    "det": lambda np, a, b: np.linalg.det(a),
    "slogdet": lambda np, a, b: np.linalg.slogdet(a)[1],
    "cholesky": lambda np, a, b: np.linalg.cholesky(a @ a.mT),
    "qr": lambda np, a, b: np.linalg.qr(b)[0] + np.linalg.qr(b)[1].sum(),
    "wide qr": lambda np, a, b: np.linalg.qr(b.mT)[1],
    "eigvals": lambda np, a, b: abs(np.linalg.eigvals(a)),
    "eigvalsh": lambda np, a, b: np.linalg.eigvalsh(a + a.mT),
    "svd": lambda np, a, b: np.linalg.svd(b, full_matrices=False)[0] ** 2,
    "svdvals": lambda np, a, b: np.linalg.svdvals(b),
    "norm": lambda np, a, b: np.linalg.vector_norm(b),
    "nuclear norm": lambda np, a, b: np.linalg.matrix_norm(b, ord="nuc"),
    "spectral norm": lambda np, a, b: np.linalg.matrix_norm(b, ord=2),
    "power": lambda np, a, b: np.linalg.matrix_power(a, 5),
}


@pytest.mark.parametrize("name", TORCHS)
def test_gradients_equal_pytorchs(name, rng):
    torch = pytest.importorskip("torch")
    arrays = rng.standard_normal((2, 4, 4)), rng.standard_normal((2, 4, 3))
    ours = [Tensor(x, requires_grad=True) for x in arrays]
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    np.sum(TORCHS[name](np, *ours) ** 3).backward()
    (TORCHS[name](torch, *theirs) ** 3).sum().backward()
    for x, y in zip(ours, theirs):
        assert (x.grad is None) == (y.grad is None)
        if y.grad is not None:
            np.testing.assert_allclose(x.grad, y.grad.numpy(), rtol=1e-8, atol=1e-9)
