"""Tensor: an array to NumPy and to the reader; a gradient where one is wanted; and a clear error for each misuse."""

import copy
import math
import operator
import pickle
import re
import threading
import warnings

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.hints import OF_TENSOR


@pytest.fixture
def x():
    return Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)


# What a Tensor is made of

@pytest.mark.parametrize("data, dtype", [
    (1.5, np.float64), ([1.0, 2.0], np.float64), (np.ones(3, np.float32), np.float32), (np.float32(2), np.float32),
    ([1, 2], np.int64),
    (True, np.bool_), ([[1j]], np.complex128), (np.zeros((0, 3)), np.float64), (np.ones(2, np.float16), np.float16)])
def test_data_keeps_its_dtype_and_shape(data, dtype):
    t = Tensor(data)
    assert (t.dtype, t.shape, t.ndim, t.size) == (dtype, np.shape(data), np.ndim(data), np.size(data))
    assert isinstance(t.data, np.ndarray)


def test_data_is_copied():
    array = np.ones(3)
    t, u = Tensor(array), Tensor(Tensor(array))
    array[0] = 5
    assert t.data.tolist() == u.data.tolist() == [1, 1, 1]


def test_data_is_an_array_for_results_too(x):
    total = np.sum(x)
    assert isinstance(total.data, np.ndarray)
    assert total.data.shape == ()


@pytest.mark.parametrize("data", ["text", None, object(), [None], np.array(["a"]), np.datetime64("2020-01-01")])
def test_what_is_not_numeric_is_refused(data):
    with pytest.raises(TypeError, match="is not numeric: a Tensor holds numbers"):
        Tensor(data)


@pytest.mark.parametrize("data", [1, [True], np.arange(3), 1j])
def test_only_floats_can_require_a_gradient(data):
    with pytest.raises(TypeError, match=r"cannot require a gradient: give floats, for instance Tensor\(\[1\.0, 2\.0\]"):
        Tensor(data, requires_grad=True)
    with pytest.raises(TypeError, match="cannot require a gradient"):
        Tensor(data).requires_grad_()


def test_requires_grad_can_be_switched_on_a_leaf_and_not_on_a_result(x):
    assert x.requires_grad and x.is_leaf
    result = x * 2
    assert result.requires_grad and not result.is_leaf
    with pytest.raises(RuntimeError, match=r"t\.detach\(\)"):
        result.requires_grad_(False)
    assert not x.requires_grad_(False).requires_grad
    assert not (x * 2).requires_grad


def test_the_array_is_not_replaced(x):
    with pytest.raises(AttributeError, match=r"p\.data\[\.\.\.\] = other"):
        x.data = np.zeros((2, 2))
    x.data[...] = 7
    assert x.tolist() == [[7, 7], [7, 7]]


@pytest.mark.parametrize("p", [Tensor([1.0, 2.0], requires_grad=True), Tensor(3.0, requires_grad=True)])
def test_the_array_is_changed_by_an_augmented_assignment(p):
    array, before = p.data, p.data.copy()
    np.sum(p * p).backward()
    p.data -= 0.1 * p.grad
    assert p.data is array
    np.testing.assert_allclose(array, 0.8 * before)


def test_no_other_attributes_can_be_set(x):
    with pytest.raises(AttributeError):
        x.gard = None


@pytest.mark.parametrize("name", OF_TENSOR)
def test_methods_of_other_libraries_say_what_to_write(x, name):
    assert not hasattr(x, name) and name not in dir(x)
    assert name == "view" or not hasattr(np.ndarray, name)
    with pytest.raises(AttributeError, match=f"and no {name}: write {re.escape(OF_TENSOR[name])}"):
        getattr(x, name)


@pytest.mark.parametrize("name", [name for name in OF_TENSOR if not re.search("[=;_]|detach", OF_TENSOR[name])])
def test_what_is_written_instead_exists(name):
    t = Tensor([[0.5, 0.25], [0.125, 2.0]], requires_grad=True)
    names = {"np": np, "minigrad": minigrad, "t": t, "u": t, "v": t[0], "y": 2, "low": 0.2, "high": 1.0,
             "axis": 0, "axes": (1, 0), "shape": (2, 2), "repetitions": 2, "shift": 1, "sections": 2, "n": 2,
             "indices": np.array([[0, 0]]),
             "mask": np.eye(2) > 0, "value": 1.0, "dtype": np.float32}
    eval(OF_TENSOR[name], names)


@pytest.mark.parametrize("keywords, instead", [
    ({"dim": 0}, "axis= for dim="), ({"keepdim": True}, "keepdims= for keepdim=")])
def test_keywords_of_other_libraries_say_what_to_write(x, keywords, instead):
    for method in (x.sum, x.mean, x.cumsum, x.std):
        with pytest.raises(TypeError, match=f"takes NumPy's keywords: write {instead}"):
            method(**keywords)
        with minigrad.no_grad(), pytest.raises(TypeError, match=f"write {instead}"):
            method(**keywords)


@pytest.mark.parametrize("name, instead", [
    ("randn", r"minigrad\.Tensor\(rng\.normal"), ("exp", r"write np\.exp"), ("cat", r"np\.concatenate")])
def test_names_that_the_package_lacks_say_what_to_write(name, instead):
    with pytest.raises(AttributeError, match=instead):
        getattr(minigrad, name)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'$"):
        minigrad.nonsense  # noqa: B018
    with pytest.raises(TypeError, match=r"write minigrad\.Tensor\(data"):
        minigrad.tensor([1.0])


@pytest.mark.parametrize("dtype", [np.float32, "float64", int])
def test_data_is_converted_to_a_dtype(dtype):
    t = Tensor([1, 2], dtype=dtype)
    assert t.dtype == np.dtype(dtype) and t.tolist() == [1, 2]
    with pytest.raises(TypeError, match="cannot require a gradient"):
        Tensor([1.5], requires_grad=True, dtype=int)


def test_a_result_warns_that_it_has_no_gradient(x):
    for _ in range(2):
        np.sum(x * x).backward()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gradient = x.grad
        x = x - 0.1 * gradient
        with pytest.warns(UserWarning, match=r"a result of operations has no \.grad.*w\.data -= lr \* w\.grad"):
            assert x.grad is None
        x = x.detach().requires_grad_()
        assert x.grad is None


def test_a_loss_is_a_number_once_its_graph_is_freed(x):
    loss = np.mean(x)
    for number in (float, lambda t: "%.3f" % t):  # noqa: UP031
        with pytest.raises(TypeError, match=r"t\.item\(\)"):
            number(loss)
    loss.backward()
    losses, array = [loss, loss], np.zeros(2)
    array[0] = loss
    assert (float(loss), array[0], np.array(losses).tolist()) == (2.5, 2.5, [2.5, 2.5])
    assert "%.3f" % loss == f"{loss:.3f}" == "2.500"  # noqa: UP031
    assert (int(loss), round(loss), round(Tensor(2.345, requires_grad=True), 2)) == (2, 2, 2.35)
    hidden = x * 1
    np.sum(hidden).backward()
    with pytest.raises(TypeError, match="would drop its gradient"):
        np.asarray(hidden)


# An array, to NumPy and to Python

def test_a_single_number_is_read_as_a_python_number():
    t = Tensor([[2.5]])
    assert (t.item(), type(t.item())) == (2.5, float)
    assert (float(Tensor(2.5)), int(Tensor(2.5)), bool(t)) == (2.5, 2, True)
    assert f"{Tensor(1 / 3):.3f} {Tensor([1.0, 2.0])}" == "0.333 Tensor([1., 2.])"
    with pytest.raises(ValueError, match="size 1"):
        Tensor([1.0, 2.0]).item()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(Tensor([1.0, 2.0]))


def test_length_and_iteration_go_over_the_first_axis(x):
    assert len(x) == 2
    first, second = x
    np.sum(first * second).backward()
    assert x.grad.tolist() == [[3, 4], [1, 2]]
    for of_a_number in (len, list):
        with pytest.raises(TypeError):
            of_a_number(Tensor(1.0))


def test_it_says_what_it_is(x):
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    single = Tensor(np.ones(2, np.float32), requires_grad=True)
    assert repr(single) == "Tensor([1., 1.], dtype=float32, requires_grad=True)"
    assert repr(np.exp(x) * 0) == "Tensor([[0., 0.],\n        [0., 0.]], from multiply)"
    assert len(repr(Tensor(np.zeros((1000, 1000))))) < 1000
    assert repr(Tensor(np.zeros((1000, 1000)))).endswith(", shape=(1000, 1000))")
    loss = np.sum(x)
    loss.backward()
    assert repr(loss).endswith(", graph freed)")


def test_an_array_is_made_of_a_tensor_only_where_no_gradient_is_lost(x):
    assert type(np.asarray(x.detach())) is np.ndarray
    assert x.detach().numpy().tolist() == x.tolist()
    for lossy in (np.asarray, np.array, Tensor.numpy, lambda t: np.array([t, t]),
                  lambda t: np.array([t[0, 0], t[1, 1]]),
                  lambda t: np.array([1.0, np.sum(t)]), lambda t: np.ones((2, 2)).__iadd__(1) + np.asarray(t)):
        with pytest.raises(TypeError, match=r"would drop its gradient: use t\.data .* np\.stack"):
            lossy(x)


def test_numbers_are_not_written_into_arrays(x):
    array = np.zeros((2, 2))
    with pytest.raises(TypeError, match="would drop its gradient"):
        array[...] = x
    with pytest.raises(TypeError, match="leave out `out=`"):
        np.add(x, 1, out=array)
    with pytest.raises(TypeError, match="leave out `out=`"):
        array += x
    assert not array.any()


def test_arrays_on_the_left_and_on_the_right_make_tensors(x):
    array = np.array([[1.0, 2.0], [3.0, 5.0]])
    for operation in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul,
                      operator.mod):
        for other in (array, array[0], array.tolist()):
            assert isinstance(operation(x, other), Tensor) and isinstance(operation(other, x), Tensor)
            np.testing.assert_allclose(operation(x, other).data, operation(x.data, np.array(other)))
            np.testing.assert_allclose(operation(other, x).data, operation(np.array(other), x.data))
    for scalar in (2, 0.5, np.float64(2), np.int64(3)):
        for operation in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod):
            np.testing.assert_allclose(operation(scalar, x).data, operation(scalar, x.data))
            np.testing.assert_allclose(operation(x, scalar).data, operation(x.data, scalar))


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow,
                                       operator.mod,
                                       np.hypot, np.arctan2, np.logaddexp, np.maximum, np.fmax, np.copysign,
                                       np.float_power])
@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_lists_and_tuples_replace_arrays(operation, kind):
    values, other = np.array([1.0, 2.0, 3.5]), kind([2.0, 1.5, 1.0])
    t = Tensor(values, requires_grad=True)
    np.testing.assert_allclose(operation(t, other).data, operation(values, np.array(other)))
    np.testing.assert_allclose(operation(other, t).data, operation(np.array(other), values))
    expected = minigrad.grad(lambda x: np.sum(operation(x, np.array(other)) + operation(np.array(other), x)))(values)
    np.sum(operation(t, other) + operation(other, t)).backward()
    np.testing.assert_allclose(t.grad, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_python_numbers_do_not_promote(dtype):
    t = Tensor(np.array([0.5, 0.25], dtype), requires_grad=True)
    for result in (t + 1, 2.0 * t, t / 3, 1 - t, t ** 2, t ** 0.5, 2 ** t, np.maximum(t, 0), np.clip(t, 0.1, 0.3),
                   np.where(t > 0.3, t, 0.0),
                   np.mean(t), np.var(t), t @ t, np.exp(t) - np.log(t) * np.log10(t), minigrad.gelu(t),
                   minigrad.softmax(t)):
        t.zero_grad()
        assert result.dtype == dtype
        np.sum(result).backward()
        assert t.grad.dtype == dtype


def test_comparisons_give_plain_arrays(x):
    for operation in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, operator.floordiv):
        result = operation(x, 2.5)
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, operation(x.data, 2.5))
        assert type(operation(np.full((2, 2), 2.5), x)) is np.ndarray


def test_tensors_are_distinguished_by_identity():
    t, u = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    assert len({t, u, t}) == 2
    assert {t: "weights"}[t] == "weights"


def test_division_with_remainder_differentiates_the_remainder(x):
    quotient, remainder = divmod(x, 1.5)
    assert quotient.tolist() == [[0, 1], [2, 2]] and type(quotient) is np.ndarray
    np.sum(remainder).backward()
    assert x.grad.tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("method, args, keywords", [
    ("sum", (0,), {"keepdims": True}), ("mean", (1,), {}), ("prod", (), {}), ("var", (0,), {"ddof": 1}),
    ("std", (), {}),
    ("max", (1,), {}), ("min", (), {"axis": 0}), ("cumsum", (1,), {}), ("cumprod", (), {}), ("trace", (), {}),
    ("ravel", (), {}),
    ("flatten", ("F",), {}), ("squeeze", (), {}), ("swapaxes", (0, 1), {}), ("copy", (), {}),
    ("take", ([0, 0],), {"axis": 1}), ("compress", ([True, False], 1), {}), ("compress", ([False, True, True],), {}),
    ("repeat", (2, 0), {}), ("diagonal", (1,), {}), ("clip", (1.5, 3.5), {}),
    ("clip", (), {"max": 2.5}), ("conj", (), {}), ("conjugate", (), {}), ("dot", ([1.0, 2.0],), {}),
    ("reshape", (4, 1), {}),
    ("reshape", ((1, 4),), {"order": "F"}), ("transpose", (1, 0), {}), ("transpose", ((1, 0),), {}),
    ("transpose", (), {}),
    ("astype", (np.float32,), {})])
def test_methods_are_ndarrays(x, method, args, keywords):
    result, expected = getattr(x, method)(*args, **keywords), getattr(x.data, method)(*args, **keywords)
    assert isinstance(result, Tensor) and result.requires_grad
    assert (result.dtype, result.shape) == (expected.dtype, np.shape(expected))
    np.testing.assert_array_equal(result.data, expected)


def test_attributes_are_ndarrays(x):
    for name in ("shape", "ndim", "size", "dtype", "strides", "itemsize", "nbytes"):
        assert getattr(x, name) == getattr(x.data, name)
    assert [number.item() for number in x.flat] == list(x.data.flat)
    np.sum(np.stack(list(x.flat)) * [1, 2, 3, 4]).backward()
    assert x.grad.tolist() == [[1, 2], [3, 4]]


def test_choose_picks_by_the_numbers_of_the_tensor(x):
    assert Tensor([1, 0]).choose([x[0], x[1]]).data.tolist() == np.array([1, 0]).choose(x.data).tolist()


@pytest.mark.parametrize("method, args", [
    ("round", (1,)), ("argmax", ()), ("argmin", (1,)), ("argsort", (0,)), ("argpartition", (1,)), ("any", ()),
    ("all", (0,)),
    ("nonzero", ()), ("astype", (int,)), ("tolist", ())])
def test_methods_without_a_derivative_give_what_ndarray_gives(x, method, args):
    result, expected = getattr(x, method)(*args), getattr(x.data, method)(*args)
    assert type(result) is type(expected)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("lossy", [
    lambda t, out: np.sum(t, 0, None, out), lambda t, out: np.max(t, 0, out), lambda t, out: np.cumsum(t, 0, None, out),
    lambda t, out: np.median(t, 0, out), lambda t, out: t.sum(0, None, out)])
def test_numbers_are_not_written_into_arrays_given_by_position(x, lossy):
    out = np.zeros(2)
    with pytest.raises(TypeError, match="leave it out"):
        lossy(x, out)
    assert not out.any()


def test_whole_numbers_are_plain_arrays(x):
    assert type(np.sum(x, dtype=int)) is type(x.sum(dtype=int)) is np.int64
    assert type(x.astype(int)) is np.ndarray


def test_attributes_of_arrays_are_differentiated():
    assert minigrad.gradcheck(lambda x: x.T @ x + x.mT * x.T + x.real - x.imag, np.array([[1.0, 2.0], [0.5, -1.0]]))


# Gradients

def test_gradients_have_the_shape_and_dtype_of_their_tensor():
    a, b = Tensor(np.ones((3, 1), np.float32), requires_grad=True), Tensor(np.ones((2, 1, 4)), requires_grad=True)
    np.sum(a * b).backward()
    assert (a.grad.shape, a.grad.dtype, a.grad.tolist()) == ((3, 1), np.float32, [[8], [8], [8]])
    assert (b.grad.shape, b.grad.dtype) == ((2, 1, 4), np.float64)


def test_gradients_add_up_until_they_are_forgotten(x):
    for _ in range(2):
        np.sum(x * x).backward()
    assert x.grad.tolist() == [[4, 8], [12, 16]]
    x.zero_grad()
    assert x.grad is None
    np.sum(x).backward()
    assert x.grad.tolist() == [[1, 1], [1, 1]]


def test_gradients_that_add_up_stay_in_one_array(x):
    np.sum(x).backward()
    first = x.grad
    np.sum(x).backward()
    assert x.grad is first


@pytest.mark.parametrize("function", [
    lambda x, y: np.sum(x + y), lambda x, y: np.sum(x) + np.sum(y), lambda x,
    y: np.sum(np.where([[True, False]], x, y)),
    lambda x, y: np.sum(x.T) + np.sum(y[0]) + y[1, 1], lambda x, y: np.sum(np.concatenate([x, y])), lambda x,
    y: np.sum(x.reshape(4)) * y[0, 0],
    lambda x, y: (x + y)[0, 0], lambda x, y: np.mean(np.stack([x, y]))])
def test_gradients_are_writable_and_share_no_memory(x, function):
    y = Tensor(np.ones((2, 2)), requires_grad=True)
    seed = np.ones(())
    function(x, y).backward(seed)
    for t in (x, y):
        assert t.grad.flags.writeable
    assert not np.shares_memory(x.grad, y.grad)
    assert not any(np.shares_memory(t.grad, other) for t in (x, y) for other in (x.data, y.data, seed))


def test_a_leaf_that_is_itself_the_loss_has_gradient_1():
    t = Tensor(3.0, requires_grad=True)
    t.backward()
    assert t.grad == 1 and t.grad.shape == ()


def test_backward_takes_what_each_element_counts_for(x):
    (x * x).backward([[1.0, 0.0], [0.0, 10.0]])
    assert x.grad.tolist() == [[2, 0], [0, 80]]
    (2 * x).backward(Tensor(np.ones((2, 2))))
    assert x.grad.tolist() == [[4, 2], [2, 82]]


def test_empty_tensors_have_empty_gradients():
    t = Tensor(np.zeros((0, 3)), requires_grad=True)
    np.sum(np.exp(t) * 2 + np.max(np.concatenate([t, np.ones((1, 3))]), axis=0)).backward()
    assert t.grad.shape == (0, 3)


def test_constants_receive_nothing(x):
    constant = Tensor(np.ones((2, 2)))
    np.sum(x * constant + np.ones((2, 2)) * x.detach()).backward()
    assert constant.grad is None
    assert x.grad.tolist() == [[1, 1], [1, 1]]


def test_what_the_result_does_not_depend_on_has_no_gradient(x):
    other = Tensor(1.0, requires_grad=True)
    np.sum(x).backward()
    assert other.grad is None


def test_a_detached_tensor_shares_its_memory_and_no_gradient(x):
    detached = (x * 1).detach()
    assert not detached.requires_grad and detached.is_leaf
    assert np.shares_memory(x.detach().data, x.data)


def test_casting_is_differentiated(x):
    np.sum(x.astype(np.float32) * 3).backward()
    assert x.grad.dtype == np.float64 and x.grad.tolist() == [[3, 3], [3, 3]]


def test_copies_are_independent_leaves(x):
    x.grad = np.ones((2, 2))
    for duplicate in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert duplicate.requires_grad and duplicate.is_leaf
        duplicate.data[...] = 0
        duplicate.grad[...] = 5
        np.sum(duplicate * 2).backward()
        assert duplicate.grad.tolist() == [[7, 7], [7, 7]]
    assert x.grad.tolist() == [[1, 1], [1, 1]] and x.data.all()


# Hooks

def test_a_hook_sees_the_whole_gradient_and_may_replace_it(x):
    seen, y = [], x * 2
    y.register_hook(seen.append)
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.tolist()))
    np.sum(y * y + y).backward()
    assert seen[0].tolist() == [[5, 9], [13, 17]] and seen[1] == [[50, 90], [130, 170]]
    assert x.grad.tolist() == [[100, 180], [260, 340]]


def test_a_hook_on_a_leaf_changes_what_is_stored(x):
    x.register_hook(lambda g: np.clip(g, -1, 1))
    np.sum(x * x).backward()
    assert x.grad.tolist() == [[1, 1], [1, 1]]


def test_a_hook_is_removed_by_its_handle(x):
    calls = []
    handle = x.register_hook(calls.append)
    np.sum(x).backward()
    handle.remove()
    handle.remove()
    np.sum(x).backward()
    assert len(calls) == 1


def test_a_hook_may_write_to_what_it_sees(x):
    y, z = x + 0, Tensor(np.ones((2, 2)), requires_grad=True)
    seen = []
    y.register_hook(seen.append)
    np.sum(y + z).backward()
    seen[0][...] = 100
    assert z.grad.tolist() == x.grad.tolist() == [[1, 1], [1, 1]]


def test_a_hook_keeps_the_dtype():
    t = Tensor(np.ones(2, np.float32), requires_grad=True)
    t.register_hook(lambda g: [1.0, 2.0])
    np.sum(t).backward()
    assert t.grad.dtype == np.float32 and t.grad.tolist() == [1, 2]


def test_hooks_see_second_derivatives_as_tensors(x):
    seen = []

    def energy(v):
        y = v * v
        y.register_hook(lambda g: seen.append(type(g)))
        return np.sum(y * y)

    minigrad.grad(lambda v: np.sum(minigrad.grad(energy)(v)))(x.data)
    assert seen[0] is Tensor


def test_misused_hooks_say_so(x):
    with pytest.raises(RuntimeError, match="would never be called"):
        x.detach().register_hook(print)
    x.register_hook(lambda g: g[0])
    with pytest.raises(ValueError, match=r"a hook returned a gradient of shape \(2,\) for a Tensor of shape \(2, 2\)"):
        np.sum(x).backward()
    assert x.grad is None


# Recording and not recording

def test_nothing_is_recorded_under_no_grad(x):
    with minigrad.no_grad():
        inside = np.sum(x * x)
        with minigrad.no_grad():
            pass
        assert not (x * x).requires_grad
    assert not inside.requires_grad and (x * x).requires_grad
    assert x.requires_grad


def test_recording_resumes_after_an_exception(x):
    with pytest.raises(ZeroDivisionError), minigrad.no_grad():
        raise ZeroDivisionError
    assert (x * x).requires_grad


def test_no_grad_holds_only_for_its_thread(x):
    recorded, inside, done = [], threading.Event(), threading.Event()

    def work():
        inside.wait()
        recorded.append((x * x).requires_grad)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    with minigrad.no_grad():
        inside.set()
        assert done.wait(10)
        assert not (x * x).requires_grad
    thread.join()
    assert recorded == [True]


def test_leaves_are_changed_in_place_under_no_grad(x):
    data = x.data
    np.sum(x * x).backward()
    with minigrad.no_grad():
        x -= 0.5 * x.grad
        x *= 3
        x += 1
        x /= 2
    assert x.data is data and x.is_leaf and x.requires_grad
    assert x.tolist() == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("assign", [operator.iadd, operator.isub, operator.imul, operator.itruediv])
def test_augmented_assignment_to_a_leaf_is_refused_while_recording(x, assign):
    before = x.tolist()
    with pytest.raises(RuntimeError, match=r"write `w = w \+ \.\.\.`.*under no_grad"):
        assign(x, 1.0)
    assert x.tolist() == before
    y = x * 1
    y = assign(y, 2.0)  # a result is simply followed by another
    assert y.requires_grad and not y.is_leaf


# Misuse of backward

def test_backward_needs_a_single_number(x):
    with pytest.raises(RuntimeError, match=r"shape \(2, 2\) needs a single number.*t\.sum\(\)\.backward\(\), or pass"):
        (x * 2).backward()
    assert x.grad is None
    np.sum(x, keepdims=True).backward()
    assert x.grad.tolist() == [[1, 1], [1, 1]]


def test_backward_checks_the_shape_of_grad(x):
    with pytest.raises(ValueError, match=r"grad has shape \(2,\); the Tensor it belongs to has shape \(2, 2\)"):
        (x * 2).backward([1.0, 2.0])
    assert x.grad is None


def test_backward_needs_a_graph(x):
    with minigrad.no_grad():
        unrecorded = np.sum(x)
    for loss in (Tensor(1.0), Tensor(1.0) * 2, np.sum(x.detach()), unrecorded):
        with pytest.raises(RuntimeError, match="without a graph: nothing .* requires a gradient.*requires_grad=True"):
            loss.backward()


def test_a_graph_is_walked_once_unless_it_is_retained(x):
    loss = np.sum(np.exp(x))
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_allclose(x.grad, 2 * np.exp(x.data))
    gradient = x.grad.copy()
    with pytest.raises(RuntimeError, match="an earlier backward pass has freed: give that pass retain_graph=True"):
        loss.backward()
    np.testing.assert_array_equal(x.grad, gradient)


def test_two_losses_may_share_a_freed_part_only_if_it_is_retained(x):
    shared = x * x
    first, second = np.sum(shared), np.prod(shared)
    first.backward()
    with pytest.raises(RuntimeError, match="freed"):
        second.backward()


def changed_data(t):
    t.data[0, 1] = 5.0


def changed_under_no_grad(t):
    with minigrad.no_grad():
        t += 1


def changed_back_and_forth(t):
    t.data[...] = t.data.T.copy()


@pytest.mark.parametrize("change", [changed_data, changed_under_no_grad, changed_back_and_forth])
@pytest.mark.parametrize("forward", [lambda x: np.sum(x * x), lambda x: np.sum(x @ x), lambda x: np.sum(np.exp(x)),
                                     lambda x: x[0, 0] + x[1, 1],
                                     lambda x: np.sum(2 / x), lambda x: np.sum(np.sort(x)),
                                     lambda x: np.sum(np.linalg.inv(x) * x ** 2)])
def test_parameters_changed_since_the_forward_pass_are_noticed(x, change, forward):
    loss = forward(x)
    change(x)
    with pytest.raises(RuntimeError, match=r"of shape \(2, 2\) was changed after \w+ had used it.*run the forward"):
        loss.backward()
    assert x.grad is None
    forward(x).backward()
    assert x.grad is not None


def test_a_large_parameter_changed_as_a_whole_is_noticed(rng):
    t = Tensor(rng.standard_normal((300, 300)), requires_grad=True)
    loss = np.sum(t * t)
    t.data[...] *= 0.999
    with pytest.raises(RuntimeError, match="was changed after"):
        loss.backward()


def test_assignment_names_the_functional_update(x):
    with pytest.raises(TypeError, match=r"t\.at\[index\]\.set\(value\).*t\.data\[index\] = value"):
        x[0] = 1.0
    updated = x.at[0].set([5.0, 6.0])
    assert updated.tolist() == [[5, 6], [3, 4]] and x.tolist() == [[1, 2], [3, 4]]
    np.sum(updated).backward()
    assert x.grad.tolist() == [[0, 0], [1, 1]]


def test_a_tensor_by_keyword_is_not_dropped(x):
    with pytest.raises(TypeError, match="by position; a Tensor was passed by keyword: where"):
        np.sum(np.ones((2, 2)) * x, where=x)
    np.clip(x.detach(), a_min=0.0, a_max=x * 0.5).sum().backward()
    assert x.grad.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_ordinary_work_gives_no_warnings(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.sum(np.maximum(x - 2.0, 0.0) ** 2 + np.hypot(x - x, 0.0) + np.abs(x - 1)).backward()
    assert np.isfinite(x.grad).all()


def test_the_math_module_is_refused_where_a_gradient_would_be_lost(x):
    with pytest.raises(TypeError, match=r"t\.item\(\)"):
        math.sin(x[0, 0])
    with minigrad.no_grad():
        assert float(x[0, 0]) == x[0, 0].item()
