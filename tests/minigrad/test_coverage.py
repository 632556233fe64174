"""The table of the NumPy functions that are covered, and a reader's own primitives, which extend it."""

import math

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, gradcheck, nn, primitive
from minigrad.registry import TABLE, name_of


@pytest.fixture
def table():
    """Let a test add rules, and take them away again."""
    before = dict(TABLE)
    yield TABLE
    TABLE.clear()
    TABLE.update(before)


# Coverage

def test_every_public_function_that_takes_arrays_is_listed_once():
    names = [row.name for row in minigrad.coverage()]
    assert len(set(names)) == len(names)
    assert {"np.exp", "np.linalg.solve", "np.fft.rfft", "np.lib.stride_tricks.sliding_window_view"} <= set(names)
    ufuncs = {f"np.{name}" for name in np.__all__ if isinstance(getattr(np, name), np.ufunc)}
    assert ufuncs <= set(names)


def test_kinds_are_those_of_the_registry():
    kinds = dict(minigrad.coverage())
    assert kinds["np.exp"] == kinds["np.matmul"] == "rule"
    assert kinds["np.concatenate"] == "composition"
    assert kinds["np.argmax"] == kinds["np.floor"] == "constant"
    assert kinds["np.copyto"] == kinds["np.fill_diagonal"] == "in place"


def test_a_function_listed_without_a_rule_says_so_when_it_meets_a_tensor(table):
    del table[np.i0]
    assert dict(minigrad.coverage())["np.i0"] == "no rule"
    with pytest.raises(TypeError, match="np.i0 has no derivative rule.*t.data.*minigrad.primitive"):
        np.i0(Tensor([1.0, 2.0], requires_grad=True))
    del table[np.linalg.norm]
    with pytest.raises(TypeError, match="^np.linalg.norm has no derivative rule"):
        np.linalg.norm(Tensor([1.0, 2.0], requires_grad=True))


def test_messages_call_every_function_by_a_name_that_finds_it():
    for row in minigrad.coverage():
        function = eval(row.name)
        assert eval(name_of(function)) is function
    assert name_of(np.multiply.outer) == "np.multiply.outer"
    assert name_of(math.exp) == "math.exp"


def test_no_function_of_numpy_is_without_a_rule():
    gone = {"np.in1d"}  # which NumPy 2.0 deprecated
    assert [name for name, kind in minigrad.coverage() if kind == "no rule" and name not in gone] == []


# What other libraries differentiate

def test_every_function_that_autograd_differentiates_is_covered():
    pytest.importorskip("autograd.numpy")  # which fills autograd's own table
    from autograd.core import primitive_vjps
    kinds = dict(minigrad.coverage())
    theirs = {function.__name__ for function in primitive_vjps}
    names = {f"{place}.{name}" for place in ("np", "np.linalg", "np.fft") for name in theirs} & kinds.keys()
    assert len(names) > 130
    assert {name: kinds[name] for name in names if kinds[name] not in ("rule", "composition")} == {}


# MyGrad's functions that bear no name of NumPy's, and a line for each that does the same.
IN_A_LINE = {
    "sec": lambda x: 1 / np.cos(x), "csc": lambda x: 1 / np.sin(x), "cot": lambda x: 1 / np.tan(x),
    "sech": lambda x: 1 / np.cosh(x), "csch": lambda x: 1 / np.sinh(x), "coth": lambda x: 1 / np.tanh(x),
    "arcsec": lambda x: np.arccos(1 / x), "arccsc": lambda x: np.arcsin(1 / x), "arccot": lambda x: np.arctan(1 / x),
    "arccsch": lambda x: np.arcsinh(1 / x), "arccoth": lambda x: np.arctanh(1 / x),
    "add_sequence": lambda x: x + x + x, "multiply_sequence": lambda x: x * x * x,
    "multi_matmul": lambda x: np.linalg.multi_dot([x, x, x]),
    "relu": minigrad.relu, "sigmoid": minigrad.sigmoid, "softmax": minigrad.softmax,
    "logsoftmax": minigrad.log_softmax, "elu": lambda x: nn.functional.elu(x, 0.5), "selu": nn.functional.selu,
    "leaky_relu": lambda x: nn.functional.leaky_relu(x, 0.5), "hard_tanh": nn.functional.hardtanh,
    "soft_sign": nn.functional.softsign, "glu": nn.functional.glu,
    "softmax_crossentropy": lambda x: nn.cross_entropy(x, CLASSES),
    "negative_log_likelihood": lambda x: nn.nll_loss(x, CLASSES),
    "multiclass_hinge": lambda x: nn.multi_margin_loss(x, CLASSES) * x.shape[1],
    "margin_ranking_loss": lambda x: nn.margin_ranking_loss(x, 2.0 - x, np.array([[1.0], [-1.0], [1.0], [1.0]]), 0.5),
    "softmax_focal_loss": lambda x: IN_A_LINE["focal_loss"](minigrad.softmax(x)),
    "focal_loss": lambda x: -(1 - x[np.arange(4), CLASSES]) ** 2 * np.log(x[np.arange(4), CLASSES]),
    "conv_nd": lambda x: nn.functional.conv2d(x.reshape(1, 1, 4, 4), np.ones((1, 1, 2, 2))),
    "max_pool": lambda x: nn.functional.max_pool2d(x.reshape(1, 1, 4, 4), 2),
    "batchnorm": lambda x: nn.functional.batch_norm(x, None, None, training=True, eps=0.5),
}
CLASSES = np.array([0, 3, 1, 2])
THEIR_ARGUMENTS = {
    "add_sequence": lambda x: (x, x, x), "multiply_sequence": lambda x: (x, x, x),
    "multi_matmul": lambda x: ([x, x, x],), "elu": lambda x: (x, 0.5), "leaky_relu": lambda x: (x, 0.5),
    **dict.fromkeys(["softmax_crossentropy", "negative_log_likelihood", "multiclass_hinge", "softmax_focal_loss",
                     "focal_loss"], lambda x: (x, CLASSES)),
    "margin_ranking_loss": lambda x: (x, 2.0 - x, np.array([1, -1, 1, 1]), 0.5),
    "conv_nd": lambda x: (x.reshape(1, 1, 4, 4), np.ones((1, 1, 2, 2))),
    "max_pool": lambda x: (x.reshape(1, 1, 4, 4), (2, 2), 2),
}
THEIR_KEYWORDS = {"softmax_focal_loss": {"gamma": 2}, "focal_loss": {"gamma": 2}, "conv_nd": {"stride": 1},
                  "batchnorm": {"gamma": None, "beta": None, "eps": 0.5}}
NO_FUNCTIONS = {"ufunc", "tensor", "astensor", "execute_op", "no_autodiff", "load", "save", "sliding_window_view"}


def mygrads_functions():
    """Return what MyGrad differentiates, by name."""
    mygrad = pytest.importorskip("mygrad")
    from mygrad.nnet import activations, layers, losses
    places = mygrad, mygrad.linalg, activations, layers, losses
    return {name: thing for place in places for name, thing in vars(place).items()
            if callable(thing) and type(thing) is not type and not name.startswith("_") and name not in NO_FUNCTIONS
            and "mem_guard" not in name and "memory_guarding" not in name}


def test_every_function_that_mygrad_differentiates_is_covered():
    theirs, covered = mygrads_functions(), {name for name, kind in minigrad.coverage() if kind != "no rule"}
    assert {"arctan2", "cumprod", "einsum", "norm", "softmax"} <= theirs.keys()
    makers_of_arrays = {"arange", "asarray", "empty", "eye", "full", "identity", "ones", "zeros"}
    assert [name for name in theirs if not {f"np.{name}", f"np.linalg.{name}"} & covered and name not in IN_A_LINE
            and name not in makers_of_arrays] == []


@pytest.mark.parametrize("name", IN_A_LINE)
def test_a_line_does_what_mygrad_has_another_name_for(name, rng):
    theirs, mygrad = mygrads_functions()[name], pytest.importorskip("mygrad")
    x = rng.uniform(1.1, 2, (4, 4)) if name.startswith("arc") else rng.uniform(0.1, 0.9, (4, 4))
    t, m = Tensor(x, requires_grad=True), mygrad.tensor(x)
    arguments, keywords = THEIR_ARGUMENTS.get(name, lambda x: (x,))(m), THEIR_KEYWORDS.get(name, {})
    ours, expected = IN_A_LINE[name](t), theirs(*arguments, **keywords)
    np.testing.assert_allclose(ours.data, expected.data, rtol=1e-12)
    np.sum(np.sin(ours)).backward()
    mygrad.sum(mygrad.sin(expected)).backward()
    np.testing.assert_allclose(t.grad, m.grad, rtol=1e-10, atol=1e-12)


def test_the_table_prints_a_line_for_each_function_and_a_count_of_each_kind():
    rows = minigrad.coverage()
    lines = str(rows).splitlines()
    assert len(lines) == len(rows) + 1 + len({row.kind for row in rows})
    assert lines[0].split(maxsplit=1) == list(rows[0])
    counts = [int(line.split()[0]) for line in lines[len(rows) + 1:]]
    assert sum(counts) == len(rows)


# Your own primitives

def sine(x):
    """Return the sine."""
    return np.sin(x)


def test_a_primitive_works_on_arrays_tensors_and_at_every_order():
    f = primitive(sine, lambda g, ans, x: g * np.cos(x))
    assert type(f(np.array([1.0]))) is np.ndarray
    assert f(1.0) == np.sin(1.0)
    x = Tensor([0.1, 0.2], requires_grad=True)
    np.sum(f(x)).backward()
    np.testing.assert_allclose(x.grad, np.cos(x.data))
    assert gradcheck(f, np.array([0.3, 2.0]), order=4)
    np.testing.assert_allclose(minigrad.hessian(lambda x: np.sum(f(x)))(x.data), -np.diag(np.sin(x.data)))


def test_a_decorated_function_keeps_its_name_and_words():
    f = primitive(vjps=[lambda g, ans, x: g * np.cos(x)])(sine)
    assert (f.__name__, f.__doc__) == ("sine", "Return the sine.")
    assert gradcheck(f, 0.5)


def test_a_primitive_has_a_rule_or_none_for_each_argument_and_hands_keywords_on():
    def scaled_power(x, n, scale=1.0):
        return scale * x**n
    f = primitive(scaled_power, lambda g, ans, x, n, scale=1.0: g * n * f(x, n - 1, scale=scale), None)
    assert gradcheck(lambda x: f(x, 3, scale=2.0), np.array([0.5, 2.0]), order=3)


def test_rules_of_broadcast_arguments_are_summed():
    product = primitive(lambda x, y: x * y, lambda g, ans, x, y: g * y, lambda g, ans, x, y: g * x)
    assert gradcheck(product, np.ones((2, 1)), np.arange(3.0))


def test_a_primitive_may_have_several_results_and_return_python_numbers():
    def sum_and_product(x, y):
        return math.fsum([x, y]), x * y
    f = primitive(sum_and_product, lambda g, ans, x, y: g[0] + g[1] * y, lambda g, ans, x, y: g[0] + g[1] * x)
    assert gradcheck(lambda x, y: f(x, y)[0] * f(x, y)[1], 2.0, 3.0)


def test_a_numpy_function_takes_tensors_once_it_has_a_rule(table):
    def bessel_i1(x):
        angle = np.linspace(0, np.pi, 65)
        return np.trapezoid(np.exp(np.multiply.outer(x, np.cos(angle))) * np.cos(angle), angle) / np.pi
    i1 = primitive(bessel_i1, lambda g, ans, x: g * (np.i0(x) - ans / x))
    assert primitive(np.i0, lambda g, ans, x: g * i1(x)) is table[np.i0]
    assert gradcheck(lambda x: np.i0(x), np.array([0.5, 1.0, 3.0]), order=3)
    assert dict(minigrad.coverage())["np.i0"] == "rule"


def test_a_ufunc_of_another_package_takes_tensors_once_it_has_a_rule(table):
    special = pytest.importorskip("scipy.special")
    x = Tensor([0.5, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match="gammaln"):
        special.gammaln(x)
    primitive(special.gammaln, lambda g, ans, x: g * special.digamma(x))
    primitive(special.digamma, lambda g, ans, x: g * special.polygamma(1, np.asarray(x)))
    assert gradcheck(special.gammaln, x.data)


def test_a_function_that_is_not_numpys_is_not_kept_in_the_table(table):
    before = len(table)
    primitive(sine, lambda g, ans, x: g)
    assert len(table) == before


def test_a_rule_that_returns_another_shape_is_named():
    f = primitive(sine, lambda g, ans, x: np.sum(g))
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"rule 0 of sine returned shape \(\) for an argument of shape \(2,\)"):
        np.sum(f(x)).backward()
    assert x.grad is None
    g = primitive(sine, lambda g, ans, x: np.ones(3))
    with pytest.raises(ValueError, match=r"rule 0 of sine returned shape \(3,\)"):
        minigrad.grad(lambda x: np.sum(g(x)))(np.ones(2))


def test_a_rule_or_function_that_returns_no_numbers_is_named():
    f = primitive(sine, lambda g, ans, x: None)
    with pytest.raises(TypeError, match="rule 0 of sine must return numbers; it returned None"):
        minigrad.grad(f)(1.0)
    with pytest.raises(TypeError, match="shout must return numbers; it returned"):
        primitive(vjps=[lambda g, ans, x: g])(lambda_named("shout", lambda x: "sine"))(1.0)


def lambda_named(name, function):
    function.__name__ = name
    return function


def test_a_tensor_without_a_rule_is_refused_when_the_function_is_called():
    f = primitive(lambda_named("product", lambda x, y: x * y), lambda g, ans, x, y: g * y)
    assert minigrad.grad(lambda x: f(x, 2.0))(3.0) == 2
    with pytest.raises(TypeError, match="product has 1 derivative rules, and argument 1 is a Tensor"):
        minigrad.grad(lambda y: f(2.0, y))(3.0)


@pytest.mark.parametrize("args, keywords", [((sine,), {}), ((sine, 3), {}), ((3, sine), {}), ((sine,), {"vjps": []})])
def test_a_primitive_without_rules_is_refused(args, keywords):
    with pytest.raises(TypeError, match="a rule .* for each of its arguments"):
        primitive(*args, **keywords)


def test_a_wrong_rule_is_found_by_gradcheck():
    f = primitive(sine, lambda g, ans, x: g * np.sin(x))
    with pytest.raises(minigrad.GradientError, match="derivative 1 is wrong"):
        gradcheck(f, 0.5)


def test_a_rule_that_cannot_be_differentiated_again_is_found_by_gradcheck():
    f = primitive(sine, lambda g, ans, x: g * math.cos(x))
    assert gradcheck(f, 0.5, order=1)
    with pytest.raises((minigrad.GradientError, TypeError)):
        gradcheck(f, 0.5)
