"""grad and its relatives: right to any order, nested or not, in the form of their arguments, and without a trace."""

import warnings
import weakref
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

TRANSFORMS = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x),
    "jacobian": lambda f, x: jacobian(f)(x),
    "hessian": lambda f, x: hessian(f)(x),
    "hvp": lambda f, x: hvp(f)(x, np.ones_like(x)),
    "vjp": lambda f, x: vjp(f)(x, 1.0),
    "jvp": lambda f, x: jvp(f)(x, np.ones_like(x)),
}


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def arrays_in(result):
    """Return all arrays in a nested result."""
    if isinstance(result, dict):
        result = list(result.values())
    return [x for item in result for x in arrays_in(item)] if isinstance(result, (list, tuple)) else [result]


# Values

def test_gradient_of_rosenbrock_is_the_known_one():
    value, gradient = value_and_grad(rosenbrock)(np.array([-1.2, 1.0]))
    np.testing.assert_allclose(value, 24.2)
    np.testing.assert_allclose(gradient, [-215.6, -88.0])


def test_hessian_of_rosenbrock_is_the_known_one():
    np.testing.assert_allclose(hessian(rosenbrock)(np.array([-1.2, 1.0])), [[1330.0, 480.0], [480.0, 200.0]])


def test_derivatives_nest_to_any_order():
    f, x = np.sin, 0.7
    for expected in [np.cos(x), -np.sin(x), -np.cos(x), np.sin(x), np.cos(x), -np.sin(x)]:
        f = grad(f)
        np.testing.assert_allclose(f(x), expected, rtol=1e-12)


def test_products_with_vectors_are_those_with_the_jacobian(rng):
    def f(x):
        return np.stack([np.sum(x**2), x[0] * np.exp(x[1]), x[2]])
    x, u, v = rng.normal(size=(3, 3))
    J = jacobian(f)(x)
    np.testing.assert_allclose(J, [2 * x, [np.exp(x[1]), x[0] * np.exp(x[1]), 0], [0, 0, 1]])
    np.testing.assert_allclose(vjp(f)(x, u), u @ J)
    np.testing.assert_allclose(jvp(f)(x, v), J @ v)


def test_jacobian_has_the_shape_of_the_result_and_then_of_the_argument(rng):
    A = rng.normal(size=(2, 3, 4))
    J = jacobian(lambda X: A @ X)(rng.normal(size=(4, 5)))
    np.testing.assert_allclose(J, np.einsum("aij,kl->aikjl", A, np.eye(5)))


def test_hessian_vector_product_is_that_with_the_hessian(rng):
    x, v = rng.normal(size=(2, 6))
    np.testing.assert_allclose(hvp(rosenbrock)(x, v), hessian(rosenbrock)(x) @ v)


def test_third_derivatives_come_from_a_jacobian_of_a_hessian(rng):
    x = rng.normal(size=3)
    third = jacobian(hessian(lambda x: np.prod(x) if isinstance(x, np.ndarray) else x[0] * x[1] * x[2]))(x)
    expected = np.zeros((3, 3, 3))
    for i, j, k in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]:
        expected[i, j, k] = 1
    np.testing.assert_allclose(third, expected)


def test_transforms_nest_in_one_another(rng):
    x, u, v = rng.normal(size=(3, 4))
    third = jacobian(hessian(rosenbrock))(x)
    np.testing.assert_allclose(grad(lambda x: hvp(rosenbrock)(x, v) @ u)(x), np.einsum("ijk,i,j", third, u, v))
    np.testing.assert_allclose(jacobian(lambda x: jvp(grad(rosenbrock))(x, v))(x), np.einsum("ijk,j->ik", third, v))
    np.testing.assert_allclose(jvp(hessian(rosenbrock))(x, u), third @ u)
    np.testing.assert_allclose(hvp(lambda x: vjp(np.sin)(x, x) @ x)(x, v),
                               v * (2 * np.cos(x) - 4 * x * np.sin(x) - x**2 * np.cos(x)))


def test_a_derivative_with_respect_to_the_vector_of_a_product(rng):
    x, v = rng.normal(size=(2, 3))
    J = jacobian(np.sin)(x)
    np.testing.assert_allclose(jacobian(lambda v: jvp(np.sin)(x, v))(v), J, atol=1e-15)
    np.testing.assert_allclose(jacobian(lambda v: vjp(np.sin)(x, v))(v), J.T, atol=1e-15)
    np.testing.assert_allclose(jacobian(lambda v: hvp(rosenbrock)(x, v))(v), hessian(rosenbrock)(x))


# Nesting: each level differentiates by its own variable

def test_nested_variables_are_not_confused():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: grad(lambda z: x * y**2 * z**3)(x))(x))(2.0) == 24 * 2.0**3


def test_an_inner_derivative_at_the_outer_variable_is_differentiated():
    np.testing.assert_allclose(grad(lambda x: grad(np.exp)(x * x))(0.5), np.exp(0.25))
    np.testing.assert_allclose(grad(lambda x: value_and_grad(np.exp)(x)[0])(0.5), np.exp(0.5))


def test_an_inner_value_keeps_its_history_though_it_is_not_the_inner_variable():
    assert grad(lambda x: value_and_grad(lambda y: x)(1.0)[0])(2.0) == 1.0
    assert grad(lambda x: value_and_grad(lambda y: x * x)(1.0)[0])(2.0) == 4.0
    assert grad(lambda x: value_and_grad(lambda y: x * y)(5.0)[0])(2.0) == 5.0


def test_the_inner_minimum_of_a_quadratic_is_differentiated_through():
    def after_a_newton_step(a):
        slope = lambda y: grad(lambda y: (y - a * a) ** 2)(y)
        return 1.0 - slope(1.0) / grad(slope)(1.0)
    np.testing.assert_allclose(grad(after_a_newton_step)(3.0), 6.0)


# Functions that depend on their argument in a trivial way, or not at all

@pytest.mark.parametrize("x", [3.0, np.array(3.0), np.array([3.0])], ids=["float", "0-d", "1-d"])
def test_the_identity_has_slope_one(x):
    np.testing.assert_array_equal(grad(lambda x: x)(x), np.ones_like(x), strict=True)
    np.testing.assert_array_equal(hessian(lambda x: x)(x), np.zeros(2 * np.shape(x)), strict=True)
    np.testing.assert_array_equal(jacobian(lambda x: x)(x), np.ones(2 * np.shape(x)), strict=True)
    np.testing.assert_array_equal(jvp(lambda x: x)(x, np.full_like(x, 2)), 2 * np.ones_like(x), strict=True)
    np.testing.assert_array_equal(hvp(lambda x: x)(x, np.full_like(x, 2)), np.zeros_like(x), strict=True)


@pytest.mark.filterwarnings("ignore:.* returned plain numbers")
@pytest.mark.parametrize("f", [lambda x: 5.0, lambda x: 5, lambda x: np.float64(5), lambda x: Tensor(5.0),
                               lambda x: Tensor(5.0, requires_grad=True), lambda x: np.argmax(x), lambda x: x.data[0]])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_result_that_does_not_depend_on_the_argument_has_zero_derivatives(f, name):
    derivative = TRANSFORMS[name](f, np.array([1.0, 2.0]))
    if name == "value_and_grad":
        derivative = derivative[1]
    shape = {"hessian": (2, 2), "jvp": ()}.get(name, (2,))
    np.testing.assert_array_equal(derivative, np.zeros(shape), strict=True)


def test_an_unused_argument_has_a_zero_gradient():
    gx, gy = grad(lambda x, y: np.sum(x**2), argnums=(0, 1))(np.ones(2), np.ones((3, 1)))
    np.testing.assert_array_equal(gx, [2, 2])
    np.testing.assert_array_equal(gy, np.zeros((3, 1)))


def test_an_empty_array_has_an_empty_gradient():
    assert grad(np.sum)(np.zeros((0, 3))).shape == (0, 3)
    assert jacobian(np.sin)(np.zeros(0)).shape == (0, 0)
    assert hessian(np.sum)(np.zeros(0)).shape == (0, 0)
    assert jvp(np.sin)(np.zeros(0), np.zeros(0)).shape == (0,)


# Arguments and results

def test_argnums_chooses_what_to_differentiate_by():
    f = lambda x, y, scale=1.0: scale * x * y**2
    assert grad(f, argnums=1)(2.0, 3.0) == 12
    assert grad(f, argnums=-1)(2.0, 3.0) == 12
    assert grad(f, argnums=(1, 0))(2.0, 3.0) == (12, 9)
    assert grad(f, argnums=(0,))(2.0, 3.0) == (9,)
    assert grad(f)(2.0, 3.0, scale=10.0) == 90
    assert hessian(f, argnums=(0, 1))(2.0, 3.0) == ((0, 6), (6, 4))
    assert hvp(f, argnums=(0, 1))(2.0, 3.0, (1.0, 10.0)) == (60, 46)
    assert hvp(f, argnums=1)(2.0, 3.0, 10.0, scale=2.0) == 80
    assert jvp(f, argnums=(0, 1))(2.0, 3.0, (1.0, 10.0)) == 129
    assert vjp(f, argnums=1)(2.0, 3.0, 0.5) == 6


def test_other_arguments_are_passed_on_as_they_are():
    received = []

    def f(x, label, table):
        received.append((label, table))
        return x * table[label]
    table = {"a": 3}
    assert grad(f)(1.0, "a", table=table) == 3
    assert received[0][0] == "a"
    assert received[0][1] is table


def test_gradients_have_the_structure_of_the_arguments(rng):
    Layer = namedtuple("Layer", ["w", "b"])
    model = {"layers": [Layer(rng.normal(size=(3, 4)), np.zeros(4)), Layer(rng.normal(size=(4, 1)), np.zeros(1))],
             "scale": (2.0,)}

    def loss(model, x):
        for w, b in model["layers"]:
            x = np.tanh(x @ w + b)
        return np.sum(x * model["scale"][0])
    x = rng.normal(size=(5, 3))
    gradient = grad(loss)(model, x)
    assert list(gradient) == ["layers", "scale"]
    assert type(gradient["layers"]) is list
    assert type(gradient["layers"][1]) is Layer
    assert type(gradient["scale"]) is tuple
    for g, parameter in zip(arrays_in(gradient), arrays_in(model)):
        assert np.shape(g) == np.shape(parameter)
    assert minigrad.gradcheck(loss, model, x)


def test_derivatives_of_structures_agree_with_those_of_one_vector(rng):
    def apart(p, q):
        return {"u": np.sin(p["a"]) * q, "v": np.sum(p["a"]) * p["b"]}

    def whole(z):
        return np.concatenate([np.sin(z[:2]) * z[3:], np.reshape(np.sum(z[:2]) * z[2], 1)])
    z, v = rng.normal(size=(2, 5))
    args = {"a": z[:2], "b": z[2]}, z[3:]
    J = jacobian(apart, argnums=(0, 1))(*args)
    for name, rows in ("u", slice(0, 2)), ("v", 2):
        dp, dq = J[name]
        np.testing.assert_allclose(dp["a"], jacobian(whole)(z)[rows, :2])
        np.testing.assert_allclose(dp["b"], jacobian(whole)(z)[rows, 2])
        np.testing.assert_allclose(dq, jacobian(whole)(z)[rows, 3:])
    tangent = jvp(apart, argnums=(0, 1))(*args, ({"b": v[2], "a": v[:2]}, v[3:]))  # the keys in another order
    np.testing.assert_allclose(np.append(tangent["u"], tangent["v"]), jvp(whole)(z, v))
    dp, dq = vjp(apart, argnums=(0, 1))(*args, {"v": v[2], "u": v[:2]})
    np.testing.assert_allclose(np.concatenate([dp["a"], [dp["b"]], dq]), vjp(whole)(z, v[:3]))
    dp = hvp(lambda p: np.sum(apart(p, 1.0)["u"] ** 2) * p["b"])(args[0], {"b": v[2], "a": v[:2]})
    expected = hvp(lambda z: np.sum(np.sin(z[:2]) ** 2) * z[2])(z[:3], v[:3])
    np.testing.assert_allclose(np.append(dp["a"], dp["b"]), expected)


def test_a_structure_without_arrays_has_an_empty_gradient():
    assert grad(lambda p: 1.0)({}) == {}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_float32_stays_float32(name):
    x = np.array([0.5, 2.0], np.float32)
    for result in arrays_in(TRANSFORMS[name](lambda x: np.sum(np.exp(x) * x**3), x)):
        assert result.dtype == np.float32


@pytest.mark.parametrize("name", TRANSFORMS)
def test_results_are_new_writable_arrays(name):
    x = np.array([1.0, 2.0])
    results = arrays_in(TRANSFORMS[name](lambda x: np.sum(x) + x[0], x))
    for i, result in enumerate(results):
        assert type(result) is np.ndarray
        result += 1
        assert not np.shares_memory(result, x)
        assert not any(np.shares_memory(result, other) for other in results[:i])
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_gradients_of_several_arguments_share_no_memory():
    gx, gy = grad(lambda x, y: np.sum(x + y), argnums=(0, 1))(np.zeros(2), np.zeros(2))
    gx += 1
    np.testing.assert_array_equal(gy, [1, 1])
    v = np.ones(2)
    product = vjp(lambda x: x)(np.zeros(2), v)
    product += 1
    np.testing.assert_array_equal(v, [1, 1])


def test_the_argument_may_change_after_the_call():
    w = Tensor([1.0, 2.0], requires_grad=True)
    x = np.array([3.0, 4.0])
    gradient = grad(lambda x: np.sum(w * x**2))(x)
    x[...] = 0
    np.sum(gradient).backward()
    np.testing.assert_array_equal(w.grad, [6.0, 8.0])


# Tensors around: what requires a gradient takes part, and no `.grad` is touched

@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_grad_is_left_alone(name):
    w = Tensor([1.0, 2.0], requires_grad=True)
    w.grad = np.array([7.0, 7.0])
    x = Tensor([3.0, 4.0], requires_grad=True)
    inside = []

    def f(x):
        inside.append(Tensor([1.0, 1.0], requires_grad=True))
        return np.sum(w * x**2 * inside[-1])
    TRANSFORMS[name](f, x)
    np.testing.assert_array_equal(w.grad, [7.0, 7.0])
    assert all(t.grad is None for t in [*inside, x])


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_result_that_depends_on_a_tensor_outside_goes_on_to_it(name):
    def total(w):
        return sum(np.sum(part) for part in arrays_in(TRANSFORMS[name](lambda x: np.sum(np.exp(w) * x**3), x)))
    x, w = np.array([0.5, 2.0]), Tensor([0.1, 0.2], requires_grad=True)
    total(w).backward()
    np.testing.assert_allclose(w.grad, grad(total)(w.data))
    minigrad.gradcheck(total, w.data)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_result_at_a_tensor_that_requires_a_gradient_goes_on_to_it(name):
    def total(x):
        return sum(np.sum(part) for part in arrays_in(TRANSFORMS[name](lambda x: np.sum(np.exp(x) * x**3), x)))
    x = Tensor([0.5, 2.0], requires_grad=True)
    total(x).backward()
    minigrad.gradcheck(total, x.data)
    np.testing.assert_allclose(x.grad, grad(total)(x.data))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_under_no_grad_derivatives_are_found_and_have_no_history(name):
    w = Tensor([1.0, 2.0], requires_grad=True)
    f = lambda x: np.sum(w * np.exp(x))
    x = np.array([3.0, 4.0])
    expected = TRANSFORMS[name](lambda x: np.sum(w.data * np.exp(x)), x)
    with minigrad.no_grad():
        for at in x, Tensor(x, requires_grad=True):
            result = TRANSFORMS[name](f, at)
            assert all(type(part) is np.ndarray for part in arrays_in(result))
            for part, number in zip(arrays_in(result), arrays_in(expected)):
                np.testing.assert_allclose(part, number)
        assert not (w * 2).requires_grad


def test_no_grad_inside_the_function_is_kept_to():
    def f(x):
        with minigrad.no_grad():
            frozen = x * x
        return frozen * x
    assert grad(f)(3.0) == 9.0


def test_an_exception_in_the_function_changes_nothing():
    w = Tensor([1.0], requires_grad=True)
    with minigrad.no_grad():
        with pytest.raises(ZeroDivisionError):
            grad(lambda x: 1 / 0)(1.0)
        assert not (w * 2).requires_grad
    assert (w * 2).requires_grad


def test_a_failed_derivative_leaves_nothing_behind_on_the_tensors_outside():
    armed = [True]

    def rule(g, ans, x):
        if armed[0]:
            raise ZeroDivisionError
        return 3 * g
    triple = minigrad.primitive(lambda x: 3 * x, rule)
    w = Tensor([2.0], requires_grad=True)
    outside = w * w
    f = lambda x: np.sum(triple(outside * x) + x)
    with pytest.raises(ZeroDivisionError):
        grad(f)(np.ones(1))
    armed[0] = False
    np.testing.assert_array_equal(grad(f)(np.ones(1)).data, [13.0])


def test_threads_may_share_a_tensor_outside():
    w = Tensor(np.arange(4.0), requires_grad=True)
    xs = np.linspace(-1, 1, 40).reshape(10, 4)
    f = lambda x: np.sum(np.exp(w * x))
    with ThreadPoolExecutor(4) as pool:
        hessians = list(pool.map(lambda x: hessian(f)(x).data, xs))
    for x, H in zip(xs, hessians):
        np.testing.assert_allclose(H, np.diag(w.data**2 * np.exp(w.data * x)), atol=1e-15)


# How much work it is

def test_the_function_runs_once_whatever_the_number_of_rows():
    runs = []

    def f(x):
        runs.append(1)
        return np.sum(np.exp(x) * x[0])
    jacobian(lambda x: f(x) * x)(np.ones(7))
    assert len(runs) == 1
    hessian(f)(np.ones(7))
    assert len(runs) == 2
    hvp(f)(np.ones(7), np.ones(7))
    assert len(runs) == 3
    jvp(f)(np.ones(7), np.ones(7))
    assert len(runs) == 4


def test_a_row_of_the_jacobian_costs_one_walk():
    walks = []

    def rule(g, ans, x):
        walks.append(1)
        return g * 2
    double = minigrad.primitive(lambda x: 2 * x, rule)
    jacobian(lambda x: double(x))(np.ones(5))
    assert len(walks) == 5


# Misuse

@pytest.mark.parametrize("x", [3, np.array([1, 2]), True, [1.0, 2], {"a": np.arange(3)}, 1j, "text", None])
def test_what_is_not_floats_is_refused(x):
    with pytest.raises(TypeError, match="argument 0 has dtype .* needs floats"):
        grad(lambda x: 1.0)(x)


@pytest.mark.parametrize("f, returned", [(lambda x: x, r"shape \(2,\)"), (lambda x: (x[0], x[1]), r"\('shape \(\)', "),
                                         (lambda x: None, "None"), (lambda x: "text", "text"),
                                         (lambda x: 1j * x.data[0], "complex")])
@pytest.mark.parametrize("transform", [grad, value_and_grad, hessian, lambda f: lambda x: hvp(f)(x, x)])
def test_a_gradient_asks_for_a_single_real_number(transform, f, returned):
    with pytest.raises(TypeError, match=returned):
        transform(f)(np.array([1.0, 2.0]))


@pytest.mark.parametrize("transform", [hvp, jvp])
@pytest.mark.parametrize("v", [1.0, np.ones(3), np.ones((2, 1)), (np.ones(2),), {"a": np.ones(2)}])
def test_a_vector_of_another_form_is_refused(transform, v):
    with pytest.raises(ValueError, match="v must have the form of the argument"):
        transform(np.sum)(np.ones(2), v)


def test_a_vector_unlike_the_result_is_refused():
    with pytest.raises(ValueError, match=r"expected shape \(2,\), got shape \(3,\)"):
        vjp(np.sin)(np.ones(2), np.ones(3))


@pytest.mark.parametrize("transform", [hvp, jvp, vjp])
def test_a_missing_vector_is_asked_for(transform):
    with pytest.raises(TypeError, match=r"\(f\)\(x, v\)"):
        transform(np.sum)(np.ones(2))


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian, hvp, jvp, vjp])
def test_a_point_instead_of_a_function_or_of_argnums_is_refused_at_once(transform):
    name = transform.__name__
    with pytest.raises(TypeError, match=rf"write {name}\(f\)\(x\); got array\(\[1\., 1\.\]\)"):
        transform(np.ones(2))
    with pytest.raises(TypeError, match=rf"{name}\(f\)\(x\) for the derivative at x"):
        transform(np.sin, np.ones(2))


def test_argnums_that_name_no_argument_or_one_twice_are_refused():
    with pytest.raises(TypeError, match="argnums=1 with 1 positional"):
        grad(np.sum, argnums=1)(np.ones(2))
    with pytest.raises(TypeError, match="argnums=0 with 0 positional"):
        grad(np.sum)(a=np.ones(2))
    with pytest.raises(TypeError, match=r"a tuple of ints.*got \[0\]"):
        grad(np.sum, argnums=[0])
    with pytest.raises(ValueError, match="twice"):
        grad(np.add, argnums=(0, -2))(1.0, 2.0)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("function", [lambda x: np.floor(x[0]), lambda x: float(np.sum(x.data)), lambda x: 3.0,
                                      lambda x: np.sum(x > 0), lambda x: x[0].item() ** 2])
def test_a_derivative_of_plain_numbers_is_zero_with_a_warning_where_it_was_asked_for(function, name):
    line = TRANSFORMS[name].__code__.co_firstlineno
    with pytest.warns(UserWarning, match="returned plain numbers as its result, so the derivative is taken") as found:
        derivative = TRANSFORMS[name](function, np.array([1.5, 2.5]))
    assert not np.any(derivative[1] if name == "value_and_grad" else derivative)
    assert [(one.filename, one.lineno) for one in found] == [(__file__, line)]


def test_the_warning_names_the_results_that_are_plain():
    def f(x):
        return {"square": x * x, "signs": [np.sign(x), 2 * x, np.round(x)]}

    with pytest.warns(UserWarning, match=r"its result\['signs'\]\[0\] and result\['signs'\]\[2\], so"):
        J = jacobian(f)(3.0)
    assert J == {"square": 6, "signs": [0, 2, 0]}


def test_functions_of_other_tensors_alone_have_zero_derivatives_without_a_warning():
    w = Tensor([1.0, 2.0], requires_grad=True)
    for name, derivative in TRANSFORMS.items():
        found = derivative(lambda x: np.sum(w * w), np.array([1.5, 2.5]))
        assert not np.any(found[1].data if name == "value_and_grad" else found.data), name


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "hessian", "hvp"])
def test_plain_arrays_where_a_single_number_is_needed_are_an_error_without_a_warning(name):
    with pytest.raises(TypeError, match="needs a function that returns a single number"):
        TRANSFORMS[name](lambda x: np.sign(x), np.array([1.5, 2.5]))


def test_second_derivatives_of_linear_functions_are_zero_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert grad(grad(lambda x: 3 * x))(2.0) == 0
        assert not minigrad.hessian(lambda x: np.sum(3 * x))(np.ones(2)).any()


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "vjp"])
def test_the_walk_frees_what_it_has_passed(name):
    alive, nodes = [], []

    def f(x):
        for _ in range(4):
            x = np.tanh(x)
            nodes.append(weakref.ref(x))
        nodes[0]().register_hook(lambda g: alive.append(sum(node() is not None for node in nodes)))
        return np.sum(x)

    TRANSFORMS[name](f, np.ones(2))
    assert alive == [1]
