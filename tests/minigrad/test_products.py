"""Products: the rules of matmul, of labelled axes, of windows and of convolutions."""

import itertools

import numpy as np
import pytest

import minigrad
from minigrad import Tensor


def on(function, *shapes):
    """Return what draws arrays of these shapes for a function of them."""
    return lambda rng: (function, *[rng.standard_normal(shape) for shape in shapes])


def einsum(subscripts, *shapes, **keywords):
    """Return what draws arrays for an einsum."""
    return on(lambda *arrays: np.einsum(subscripts, *arrays, **keywords), *shapes)


def windows(*args, **keywords):
    """Return a function that takes windows of an array."""
    return lambda x: np.lib.stride_tricks.sliding_window_view(x, *args, **keywords)


MODES = ["full", "same", "valid"]
EXAMPLES = {
    np.matmul: [
        on(np.matmul, *shapes) for shapes in [
            [(3,), (3,)], [(3,), (3, 2)], [(4, 3), (3,)], [(4, 3), (3, 2)], [(2, 4, 3), (3,)], [(3,), (2, 3, 4)],
            [(2, 4, 3), (3, 2)], [(4, 3), (2, 3, 2)], [(2, 4, 3), (2, 3, 2)], [(5, 1, 4, 3), (2, 3, 2)],
            [(1, 4, 3), (2, 3, 2)], [(2, 0), (0, 3)], [(0, 2), (2, 3)], [(3, 0, 2), (2, 2)]]],
    np.linalg.matmul: [on(np.linalg.matmul, (2, 4, 3), (3, 2))],
    np.dot: [on(np.dot, *shapes) for shapes in [
        [(), ()], [(), (3,)], [(2, 2), ()], [(3,), (3,)], [(4, 3), (3,)], [(3,), (3, 2)], [(4, 3), (3, 2)],
        [(2, 4, 3), (3,)], [(2, 4, 3), (3, 2)], [(3,), (2, 3, 2)], [(2, 4, 3), (5, 3, 2)]]],
    np.inner: [on(np.inner, *shapes) for shapes in [[(), (2,)], [(3,), (3,)], [(2, 3), (4, 3)], [(3,), (2, 4, 3)]]],
    np.outer: [on(np.outer, *shapes) for shapes in [[(3,), (2,)], [(2, 2), (3,)], [(), (3,)]]],
    np.linalg.outer: [on(np.linalg.outer, (3,), (2,))],
    np.vdot: [on(np.vdot, *shapes) for shapes in [[(3,), (3,)], [(2, 3), (2, 3)]]],
    np.vecdot: [on(np.vecdot, *shapes) for shapes in [[(3,), (3,)], [(2, 3), (4, 1, 3)]]] + [
        on(lambda x, y: np.vecdot(x, y, axis=0), (3, 2), (3, 2))],
    np.linalg.vecdot: [on(np.linalg.vecdot, (2, 3), (2, 3))],
    np.kron: [on(np.kron, *shapes) for shapes in [
        [(2,), (3,)], [(2, 3), (2, 2)], [(2,), (3, 2)], [(2, 1, 2), (3, 2)], [(), (2,)]]],
    np.cross: [on(np.cross, *shapes) for shapes in [[(3,), (3,)], [(4, 3), (3,)], [(2, 1, 3), (4, 3)]]] + [
        on(lambda a, b: np.cross(a, b, axis=0), (3, 4), (3, 4)),
        on(lambda a, b: np.cross(a, b, axisa=0, axisb=1, axisc=0), (3, 4), (4, 3))],
    np.linalg.cross: [on(lambda a, b: np.linalg.cross(a, b, axis=0), (3, 2), (3, 2))],
    np.tensordot: [on(lambda a, b, axes=axes: np.tensordot(a, b, axes), *shapes) for axes, *shapes in [
        (0, (2,), (3,)), (1, (2, 3), (3, 4)), (2, (2, 3, 4), (3, 4, 2)), ((0, 1), (3, 2), (2, 3)),
        (([0, 2], [1, 0]), (2, 3, 4), (4, 2, 2)), ((-1, -2), (2, 3), (4, 3, 2)), (2, (2, 3), (2, 3))]],
    np.linalg.tensordot: [on(lambda a, b: np.linalg.tensordot(a, b, axes=1), (2, 3), (3, 2))],
    np.einsum: [
        einsum("ij->ji", (2, 3)), einsum("ij", (2, 3)), einsum("ji", (2, 3)), einsum("ij->", (2, 3)),
        einsum("ij->j", (2, 3)),
        einsum("ii", (3, 3)), einsum("ii->i", (3, 3)), einsum("iji->j", (3, 2, 3)), einsum("iii->i", (2, 2, 2)),
        einsum("i->", (0,)),
        einsum("i,i", (3,), (3,)), einsum("i,j", (3,), (2,)), einsum("ij,jk", (2, 3), (3, 4)),
        einsum("ij,jk->ki", (2, 3), (3, 4)),
        einsum("ij, j -> i", (2, 3), (3,)), einsum("ij,ij->", (2, 3), (2, 3)), einsum("ij,ji->ij", (2, 3), (3, 2)),
        einsum(",ij->ij", (), (2, 3)), einsum("ij,k->j", (2, 3), (4,)), einsum("ii,ij->j", (3, 3), (3, 2)),
        einsum("bij,bjk->bik", (4, 2, 3), (4, 3, 2)), einsum("bij,bj->bi", (4, 2, 3), (4, 3)),
        einsum("ib,jb->bij", (2, 4), (3, 4)),
        einsum("...ij,...jk->...ik", (5, 2, 3), (3, 2)), einsum("...ij,...jk", (1, 4, 2, 3), (5, 1, 3, 2)),
        einsum("i...,i...->...", (3, 2), (3,)), einsum("...i->i...", (2, 4, 3)), einsum("b...->...", (2, 3)),
        einsum("ij,ij->ij", (1, 3), (2, 3)), einsum("i,i->", (1,), (3,)), einsum("ij,i,k->jk", (2, 3), (1,), (2,)),
        einsum("i,ij,jk,k->", (2,), (2, 3), (3, 2), (2,)), einsum("ij,ik,il->jkl", (2, 3), (2, 2), (2, 4)),
        einsum("ij,jk,kl->il", (2, 3), (3, 2), (2, 4), optimize=True),
        einsum("ij,jk,kl,lm->im", (2, 3), (3, 2), (2, 4), (4, 2), optimize="optimal"),
        einsum("ij,jk,kl->", (2, 3), (3, 2), (2, 4), optimize=["einsum_path", (1, 2), (0, 1)]),
        einsum("ocij,nchwij->nohw", (2, 3, 2, 2), (2, 3, 3, 3, 2, 2)), einsum("ij,jk->ik", (2, 0), (0, 3)),
        on(lambda x, y: np.einsum(x, [0, 1], y, [1, 2]), (2, 3), (3, 4)),
        on(lambda x, y: np.einsum(x, [Ellipsis, 30], y, [30, 2], [2, Ellipsis]), (2, 3), (3, 4))],
    np.lib.stride_tricks.sliding_window_view: [
        on(windows(2), (5,)), on(windows((2, 3)), (3, 4)), on(windows(2, axis=0), (3, 2)), on(windows(3), (3,)),
        on(windows((2, 2), axis=(-1, -2)), (2, 3, 4)), on(windows((2, 2), axis=(0, 0)), (4, 2))],
    **{function: [on(lambda a, v, f=function, mode=mode: f(a, v, mode), (n,), (m,))
                  for mode, (n, m) in itertools.product(MODES, [(5, 3), (5, 2), (2, 5), (3, 6), (4, 4), (1, 3)])]
       for function in [np.convolve, np.correlate]},
}
if hasattr(np, "matvec"):
    EXAMPLES[np.matvec] = [on(np.matvec, (2, 3), (3,)), on(np.matvec, (4, 2, 3), (4, 3))]
    EXAMPLES[np.vecmat] = [on(np.vecmat, (2,), (2, 3)), on(np.vecmat, (4, 2), (4, 2, 3))]
CASES = [pytest.param(example, id=f"{function.__name__}-{i}")
         for function, examples in EXAMPLES.items() for i, example in enumerate(examples)]


@pytest.mark.parametrize("example", CASES)
def test_value_is_numpys(example, rng):
    function, *arrays = example(rng)
    result = function(*map(Tensor, arrays))
    assert isinstance(result, Tensor)
    assert result.shape == np.shape(function(*arrays))
    np.testing.assert_allclose(result.data, function(*arrays), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("example", CASES)
def test_derivatives_to_second_order(example, rng):
    function, *arrays = example(rng)
    assert minigrad.gradcheck(lambda *tensors: function(*tensors) ** 2, *arrays)


@pytest.mark.parametrize("example", CASES)
def test_float32_is_kept(example, rng):
    function, *arrays = example(rng)
    tensors = [Tensor(x.astype(np.float32), requires_grad=True) for x in arrays]
    result = function(*tensors)
    result.sum().backward()
    assert {x.dtype for x in [result, *tensors]} | {x.grad.dtype for x in tensors} == {np.dtype(np.float32)}


@pytest.mark.parametrize("function", [
    np.dot, np.inner, np.outer, np.vdot, np.vecdot, np.kron, np.cross, np.convolve, np.correlate, np.matmul,
    lambda x, y: np.tensordot(x, y, 1), lambda x, y: np.einsum("i,i->i", x, y)])
def test_lists_can_replace_arrays(function):
    x, y = [1.0, 2.0, 3.0], [3.0, -1.0, 2.0]
    np.testing.assert_allclose(function(Tensor(x), y).data, function(np.array(x), np.array(y)))
    np.testing.assert_allclose(function(x, Tensor(y)).data, function(np.array(x), np.array(y)))


def test_gradient_of_a_matrix_product_is_the_textbooks(rng):
    x, w, g = (rng.standard_normal(shape) for shape in [(4, 3), (3, 2), (4, 2)])
    tensors = Tensor(x, requires_grad=True), Tensor(w, requires_grad=True)
    (tensors[0] @ tensors[1]).backward(g)
    np.testing.assert_allclose(tensors[0].grad, g @ w.T)
    np.testing.assert_allclose(tensors[1].grad, x.T @ g)


def test_the_same_tensor_on_both_sides(rng):
    assert minigrad.gradcheck(lambda x: x @ x, rng.standard_normal((3, 3)))
    assert minigrad.gradcheck(lambda x: np.einsum("ij,kj,kl->il", x, x, x), rng.standard_normal((3, 3)))


@pytest.mark.parametrize("subscripts, shapes, message", [
    ("ij,jk->ik", [(2, 3)], "2 operands; got 1"),
    ("ij->i", [(2,)], "does not fit an operand with 1 dimensions"),
    ("i->i", [(2, 3)], "does not fit an operand with 2 dimensions"),
    ("...ij->ij", [(2,)], "does not fit an operand with 1 dimensions"),
    ("i,i->i", [(2,), (3,)], "'i' has lengths 2 and 3"),
    ("ii->i", [(2, 3)], "'i' has lengths 2 and 3"),
    ("ij->k", [(2, 3)], "each label of the result"),
    ("ij->ii", [(2, 3)], "each label of the result"),
    ("...i->i", [(2, 3)], "ellipsis"),
])
def test_einsum_says_what_is_wrong(subscripts, shapes, message, rng):
    with pytest.raises(ValueError, match=message):
        np.einsum(subscripts, *[Tensor(rng.standard_normal(shape)) for shape in shapes])


def test_tensordot_and_cross_say_which_shapes_do_not_fit():
    with pytest.raises(ValueError, match="must have the same lengths"):
        np.tensordot(Tensor(np.ones((2, 3))), np.ones((2, 3)), 1)
    with pytest.raises(ValueError, match="both must have 3"):
        np.cross(Tensor(np.ones(2)), np.ones(2))
    with pytest.raises(ValueError, match="'full', 'same' or 'valid'"):
        np.convolve(Tensor(np.ones(2)), np.ones(2), "half")


def test_einsum_multiplies_two_arrays_at_a_time(rng):
    """Three chained matrices of 300 x 300 in nested loops would take a minute; two products take a moment."""
    x, y, z = (Tensor(rng.standard_normal((300, 300)), requires_grad=True) for _ in range(3))
    result = np.einsum("ij,jk,kl->il", x, y, z)
    np.testing.assert_allclose(result.data, x.data @ y.data @ z.data, rtol=1e-9, atol=1e-9)
    result.sum().backward()
    np.testing.assert_allclose(y.grad, x.data.T @ np.ones((300, 300)) @ z.data.T, rtol=1e-9, atol=1e-9)


def test_convolution_by_windows_equals_pytorchs(rng):
    torch = pytest.importorskip("torch")
    image, weight = rng.standard_normal((2, 3, 7, 6)), rng.standard_normal((4, 3, 3, 2))
    x, w = Tensor(image, requires_grad=True), Tensor(weight, requires_grad=True)
    result = np.einsum("ocij,nchwij->nohw", w, windows((3, 2), axis=(2, 3))(x))
    np.sum(np.sin(result)).backward()
    peers = [torch.tensor(array, requires_grad=True) for array in (image, weight)]
    expected = torch.nn.functional.conv2d(*peers)
    expected.sin().sum().backward()
    np.testing.assert_allclose(result.data, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    for ours, theirs in zip((x, w), peers):
        np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-12, atol=1e-12)


def test_random_einsums_equal_numpys(rng):
    """Random terms, with labels repeated within and between operands, in and out of the result."""
    lengths = {"a": 2, "b": 3, "c": 4, "d": 1}
    for _ in range(60):
        terms = ["".join(rng.choice(list(lengths), rng.integers(0, 4))) for _ in range(rng.integers(1, 4))]
        present = sorted(set("".join(terms)))
        output = "".join(rng.permutation(present)[:rng.integers(0, len(present) + 1)])
        arrays = [rng.standard_normal([lengths[label] for label in term]) for term in terms]
        subscripts = f"{','.join(terms)}->{output}"
        tensors = [Tensor(array, requires_grad=True) for array in arrays]
        result = np.einsum(subscripts, *tensors, optimize=bool(rng.integers(2)))
        expected = np.einsum(subscripts, *arrays)
        np.testing.assert_allclose(result.data, expected, rtol=1e-12, atol=1e-12, err_msg=subscripts)
        np.sum(result * result).backward()
        for x in tensors:  # the result is linear in each, so that <∂L/∂x, x> = 2L
            np.testing.assert_allclose(np.sum(x.grad * x.data), 2 * np.sum(expected ** 2), err_msg=subscripts)
