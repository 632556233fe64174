"""Every layer and loss computes what PyTorch's does, gradients included, and passes gradcheck to second order.

CASES lists arguments and inputs by class; a class of `nn` that is missing there fails a test. What modules do besides
computing (finding parameters, saving, loading, refusing) is tested below.
"""

import copy
import inspect
import pickle
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn
from minigrad.nn import functional as F


def normal(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


def integers(high, *shape):
    return np.random.default_rng(high).integers(0, high, shape)


def rows_of_probabilities(*shape):
    return minigrad.softmax(normal(*shape), 1 if len(shape) > 1 else 0)


WEIGHT = np.array([0.5, 2.0, 1.0, 0.0])
SMOOTH = normal(2, 3, 4)
IMAGES = normal(2, 4, 6, 5)
MASK = np.triu(np.ones((5, 5), bool), 1)
PADDED = np.array([[False, False, False, True, True], [False] * 5, [False, True, False, False, False]])
SEQUENCES = normal(3, 5, 4)

# name: [(arguments, keywords, inputs), ...]
CASES = {
    "Identity": [((), {}, [SMOOTH])],
    "Flatten": [((), {}, [IMAGES]), ((0, 2), {}, [IMAGES])],
    "Linear": [((3, 5), {}, [normal(4, 3)]), ((3, 5, False), {}, [normal(2, 4, 3)]), ((3, 1), {}, [normal(3)])],
    "Bilinear": [((3, 4, 2), {}, [normal(5, 3), normal(5, 4)]), ((3, 4, 2), dict(bias=False), [normal(3), normal(4)])],
    "Embedding": [((6, 3), {}, [integers(6, 2, 5)]), ((6, 3, 2), {}, [integers(6, 9)]),
                  ((6, 3), dict(padding_idx=-1), [np.array(5)])],
    "ReLU": [((), {}, [SMOOTH])],
    "LeakyReLU": [((), {}, [SMOOTH]), ((0.2,), {}, [SMOOTH])],
    "ELU": [((), {}, [SMOOTH]), ((), dict(alpha=0.5), [SMOOTH])],
    "SELU": [((), {}, [SMOOTH])],
    "Softplus": [((), {}, [20 * SMOOTH]), ((2.0, 1.0), {}, [SMOOTH])],
    "SiLU": [((), {}, [SMOOTH])],
    "GELU": [((), {}, [SMOOTH]), (("tanh",), {}, [SMOOTH])],
    "GLU": [((), {}, [SMOOTH]), ((0,), {}, [SMOOTH])],
    "Sigmoid": [((), {}, [SMOOTH])],
    "LogSigmoid": [((), {}, [100 * SMOOTH])],
    "Tanh": [((), {}, [SMOOTH])],
    "Hardtanh": [((), {}, [SMOOTH]), ((-0.5, 1.5), {}, [SMOOTH])],
    "Softsign": [((), {}, [SMOOTH])],
    "Softmax": [((1,), {}, [SMOOTH]), ((), dict(dim=-1), [SMOOTH])],
    "LogSoftmax": [((1,), {}, [SMOOTH]), ((), dict(dim=0), [SMOOTH])],
    "Dropout": [((0.0,), {}, [SMOOTH])],
    "Conv1d": [((4, 6, 3), {}, [normal(2, 4, 9)]), ((4, 6, 2, 2, 1, 2, 2, False), {}, [normal(2, 4, 9)]),
               ((4, 2, 3), dict(padding=1), [normal(4, 7)]), ((4, 2, 3, 1, "same", 2), {}, [normal(2, 4, 7)]),
               ((4, 2, 3), dict(padding=2, padding_mode="circular"), [normal(2, 4, 7)]),
               ((4, 6, (3,), (2,), (1,), (2,)), {}, [normal(2, 4, 9)]),
               ((4, 2, 4), dict(padding="same"), [normal(4, 7)]),
               ((4, 2, 2, 1, "same", 3), dict(padding_mode="circular"), [normal(2, 4, 7)])],
    "Conv2d": [((4, 6, 3), {}, [IMAGES]), ((4, 6, (3, 2), (2, 1), (1, 2), (1, 2), 2, False), {}, [IMAGES]),
               ((4, 4, 3), dict(padding="same", groups=4), [IMAGES]), ((4, 2, 2), dict(padding="valid"), [IMAGES[0]]),
               ((4, 2, (2, 4)), dict(padding="same"), [IMAGES]),
               ((4, 2, (2, 3)), dict(padding="same", padding_mode="reflect"), [IMAGES]),
               ((4, 2, 3), dict(padding=(2, 1), padding_mode="reflect"), [IMAGES]),
               ((4, 2, 3), dict(padding=1, padding_mode="replicate"), [IMAGES]),
               ((4, 2, 3), dict(padding=1, padding_mode="circular", stride=2), [IMAGES[1]])],
    "ConvTranspose2d": [((4, 6, 3), {}, [IMAGES]), ((4, 6, 3, 2, 1, 1, 2), {}, [IMAGES]),
                        ((4, 2, (2, 3), (3, 2)), dict(dilation=2, bias=False), [IMAGES[0]]),
                        ((4, 2, 3, 1, 0, 1), dict(dilation=2), [IMAGES]),
                        ((4, 6, 3, 2, 1, 2, 2), dict(dilation=3), [IMAGES]),
                        ((4, 2, 3, 1, 2, (1, 0)), dict(dilation=2), [IMAGES[0]])],
    "MaxPool2d": [((2,), {}, [IMAGES]), ((3, 2, 1), {}, [IMAGES]), (((2, 3), 1), dict(dilation=2), [IMAGES[0]]),
                  ((2,), dict(ceil_mode=True), [IMAGES]), ((3, 2, 1), dict(ceil_mode=True), [IMAGES[0]]),
                  (((3, 2), (4, 3), (1, 0)), dict(ceil_mode=True, dilation=2), [IMAGES])],
    "AvgPool2d": [((2,), {}, [IMAGES]), ((3, 2, 1), {}, [IMAGES]),
                  ((3, (1, 2), 1), dict(count_include_pad=False), [IMAGES[0]]),
                  ((2, None, 0, True), {}, [IMAGES]), ((3, 2, 1, True), {}, [IMAGES]),
                  ((3, (4, 3), 1, True, False), {}, [IMAGES])],
    "BatchNorm1d": [((4,), {}, [normal(5, 4)]), ((4, 1e-3, 0.3), {}, [normal(5, 4, 3)]),
                    ((4,), dict(affine=False, momentum=None), [normal(5, 4)]),
                    ((4,), dict(track_running_stats=False), [normal(5, 4)])],
    "BatchNorm2d": [((4,), {}, [IMAGES])],
    "LayerNorm": [((4,), {}, [SMOOTH]), (((3, 4), 1e-2), {}, [SMOOTH]), ((4,), dict(bias=False), [SMOOTH]),
                  ((4,), dict(elementwise_affine=False), [SMOOTH])],
    "RNNCell": [((4, 3), {}, [normal(5, 4)]), ((4, 3, False, "relu"), {}, [normal(5, 4), normal(5, 3)])],
    "LSTMCell": [((4, 3), {}, [normal(5, 4)]), ((4, 3, False), {}, [normal(4), (normal(3), normal(3) + 1)])],
    "GRUCell": [((4, 3), {}, [normal(5, 4)]), ((4, 3), dict(bias=False), [normal(5, 4), normal(5, 3)])],
    "RNN": [((4, 3), {}, [SEQUENCES]), ((4, 3, 2, "relu"), dict(batch_first=True), [SEQUENCES, normal(2, 3, 3)]),
            ((4, 3, 2), dict(bidirectional=True, bias=False), [SEQUENCES])],
    "LSTM": [((4, 3, 2), dict(bidirectional=True), [SEQUENCES]),
             ((4, 3), dict(batch_first=True), [SEQUENCES, (normal(1, 3, 3), normal(1, 3, 3))]),
             ((4, 3), {}, [normal(5, 4)])],
    "GRU": [((4, 3, 2), dict(bidirectional=True, batch_first=True), [SEQUENCES]),
            ((4, 3), {}, [SEQUENCES, normal(1, 5, 3)])],
    "MultiheadAttention": [
        ((4, 2), dict(batch_first=True), [SEQUENCES] * 3), ((4, 2), {}, [SEQUENCES, normal(2, 5, 4), normal(2, 5, 4)]),
        ((4, 1), dict(bias=False), [normal(5, 4)] * 3),
        ((4, 2), dict(batch_first=True), [SEQUENCES, SEQUENCES, SEQUENCES, PADDED, True, MASK, False]),
        ((4, 2), dict(batch_first=True), [SEQUENCES, SEQUENCES, SEQUENCES, None, True, normal(6, 5, 5)])],
    "MSELoss": [((), {}, [SMOOTH, normal(2, 3, 4) + 1])],
    "L1Loss": [((), dict(reduction="sum"), [SMOOTH, SMOOTH[::-1]])],
    "HuberLoss": [((), {}, [SMOOTH, SMOOTH[::-1]]),
                  (("none", 0.3), {}, [SMOOTH, SMOOTH[::-1]])],
    "SmoothL1Loss": [((), {}, [SMOOTH, SMOOTH[::-1]]), ((), dict(beta=0.3, reduction="sum"), [SMOOTH, SMOOTH[::-1]]),
                     ((), dict(beta=0.0), [SMOOTH, SMOOTH[::-1]])],
    "CrossEntropyLoss": [
        ((), {}, [normal(7, 4), integers(4, 7)]), ((WEIGHT,), {}, [normal(7, 4), integers(4, 7)]),
        ((), dict(reduction="sum"), [normal(4), np.array(2)]),
        ((), dict(reduction="none"), [IMAGES, integers(4, 2, 6, 5)]),
        ((WEIGHT,), dict(label_smoothing=0.3, ignore_index=2), [IMAGES, integers(4, 2, 6, 5)]),
        ((WEIGHT,), dict(label_smoothing=0.3, ignore_index=1, reduction="none"), [normal(7, 4), integers(4, 7)]),
        ((), dict(ignore_index=-1), [normal(7, 4), np.array([0, 3, -1, 2, -1, 1, 0])]),
        ((), dict(label_smoothing=0.1), [normal(7, 4), integers(4, 7)]),
        ((), {}, [normal(7, 4), rows_of_probabilities(7, 4)]),
        ((WEIGHT,), dict(label_smoothing=0.2), [IMAGES, rows_of_probabilities(2, 4, 6, 5)]),
        ((), dict(label_smoothing=0.2, reduction="none"), [normal(4), rows_of_probabilities(4)])],
    "NLLLoss": [((), {}, [normal(7, 4), integers(4, 7)]),
                ((WEIGHT,), dict(ignore_index=1), [IMAGES, integers(4, 2, 6, 5)])],
    "BCELoss": [((), {}, [rows_of_probabilities(7, 4), 1.0 * (normal(7, 4) > 0)]),
                ((WEIGHT,), dict(reduction="sum"), [rows_of_probabilities(7, 4), rows_of_probabilities(7, 4)[::-1]])],
    "BCEWithLogitsLoss": [((), {}, [10 * SMOOTH, 1.0 * (SMOOTH[::-1] > 0)]),
                          ((WEIGHT,), dict(pos_weight=WEIGHT + 1, reduction="sum"), [SMOOTH, np.abs(np.sin(SMOOTH))])],
    "KLDivLoss": [((), {}, [np.log(rows_of_probabilities(7, 4)), rows_of_probabilities(7, 4)[::-1]]),
                  ((), dict(reduction="batchmean"), [normal(7, 4), rows_of_probabilities(7, 4)]),
                  ((), dict(reduction="none", log_target=True), [normal(7, 4), np.log(rows_of_probabilities(7, 4))])],
    "HingeEmbeddingLoss": [((), {}, [SMOOTH, 2 * integers(2, 2, 3, 4) - 1]),
                           ((0.3,), {}, [SMOOTH, 2 * integers(2, 2, 3, 4) - 1])],
    "MultiMarginLoss": [((), {}, [normal(7, 4), integers(4, 7)]), ((2, 0.5), {}, [normal(4), np.array(1)]),
                        ((1, 1.0, WEIGHT), dict(reduction="sum"), [normal(7, 4), integers(4, 7)])],
    "MarginRankingLoss": [((), {}, [SMOOTH, SMOOTH[::-1], 2 * integers(2, 2, 3, 4) - 1]),
                          ((0.5,), dict(reduction="none"), [normal(4), normal(4)[::-1], np.array([1, -1, -1, 1])])],
}
HAVE_NO_OUTPUT = {"Module", "FunctionModule", "Sequential", "ModuleList"}
EACH_CASE = [pytest.param(name, *case, id=f"{name}-{number}")
             for name, cases in CASES.items() for number, case in enumerate(cases)]


def made(name, arguments, keywords):
    """Return a module of float64, with parameters that are not special."""
    if "dtype" in inspect.signature(getattr(nn, name)).parameters:
        keywords = dict(keywords, dtype=np.float64)
    module = getattr(nn, name)(*arguments, **keywords)
    random = np.random.default_rng(3)
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0.2, 0.5, random)
    return module


def flat(outputs):
    """Return the arrays in an output, which may be a tuple of tuples, as a list; None is left out."""
    if isinstance(outputs, tuple):
        return [array for part in outputs for array in flat(part)]
    return [] if outputs is None else [outputs]


def is_differentiated(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def each_array(function, x):
    """Apply a function to the arrays in an input, which may be a tuple; leave None, True and the like as they are."""
    if isinstance(x, tuple):
        return tuple([each_array(function, part) for part in x])
    return function(x) if isinstance(x, np.ndarray) else x


def test_every_module_has_its_cases():
    things = {name: getattr(nn, name) for name in nn.__all__}
    modules = {name for name, thing in things.items() if isinstance(thing, type) and issubclass(thing, nn.Module)}
    assert modules == set(CASES) | HAVE_NO_OUTPUT


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("name, arguments, keywords, inputs", EACH_CASE)
def test_outputs_gradients_and_state_equal_those_of_torch(name, arguments, keywords, inputs):
    torch = pytest.importorskip("torch")
    constant = lambda array: torch.tensor(array.copy())
    leaf = lambda array: torch.tensor(array.copy(), requires_grad=is_differentiated(array))
    our_leaf = lambda array: Tensor(array, requires_grad=True) if is_differentiated(array) else array

    ours = made(name, arguments, keywords)
    theirs = getattr(torch.nn, name)(*each_array(constant, arguments),
                                     **{name: each_array(constant, value) for name, value in keywords.items()}).double()
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    if not name.endswith("Loss"):
        assert set(ours.state_dict()) == set(theirs.state_dict())
        theirs.load_state_dict({n: torch.tensor(array) for n, array in ours.state_dict().items()})
    our_inputs, their_inputs = each_array(our_leaf, tuple(inputs)), each_array(leaf, tuple(inputs))
    our_outputs, their_outputs = flat(ours(*our_inputs)), flat(theirs(*their_inputs))
    for i, (y, expected) in enumerate(zip(our_outputs, their_outputs, strict=True)):
        np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
        weights = np.random.default_rng(i).normal(size=y.shape)
        if y.requires_grad:
            np.sum(y * weights).backward(retain_graph=True)
            (expected * torch.tensor(weights)).sum().backward(retain_graph=True)
    for x, expected in zip(flat(our_inputs), flat(their_inputs), strict=True):
        if isinstance(x, Tensor):
            np.testing.assert_allclose(x.grad, expected.grad, rtol=1e-9, atol=1e-11)
    for p, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, expected.grad, rtol=1e-9, atol=1e-11)
    for b, expected in zip(ours.buffers(), theirs.buffers() if not name.endswith("Loss") else [], strict=True):
        np.testing.assert_allclose(b, expected, rtol=1e-12)


@pytest.mark.parametrize("name, arguments, keywords, inputs", EACH_CASE)
def test_derivatives_agree_with_finite_differences_to_second_order(name, arguments, keywords, inputs):
    module = made(name, arguments, keywords)
    places = [i for i, x in enumerate(inputs) if is_differentiated(x) or isinstance(x, tuple)]
    steps = {path: normal(*parameter.shape) for path, parameter in module.named_parameters()}
    if getattr(module, "padding_idx", None) is not None:
        steps["weight"][module.padding_idx] = 0  # this row receives no gradient although it matters

    def outputs(t, *values):
        """Move all parameters along one direction, by t."""
        parameters = {path: parameter.data + t * steps[path] for path, parameter in module.named_parameters()}
        arguments = list(inputs)
        for place, value in zip(places, values):
            arguments[place] = value
        return flat(nn.functional_call(module, parameters, *arguments))

    some = [np.array(0.0)] if steps else []
    check = outputs if steps else lambda *values: outputs(0.0, *values)
    if some or places:
        assert minigrad.gradcheck(check, *some, *[inputs[i] for i in places], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name, arguments, keywords, inputs", EACH_CASE)
def test_float32_stays_float32(name, arguments, keywords, inputs):
    module = getattr(nn, name)(*arguments, **keywords)
    as_float32 = lambda array: array.astype(np.float32) if is_differentiated(array) else array
    if name.startswith("BCE"):  # the only ones whose weights are arrays of any shape, and so keep their precision
        keywords = {key: each_array(as_float32, value) for key, value in keywords.items()}
        module = getattr(nn, name)(*each_array(as_float32, arguments), **keywords)
    outputs = flat(module(*each_array(as_float32, tuple(inputs))))
    assert [y.dtype for y in outputs] == [np.float32] * len(outputs)


def test_slope_at_the_bounds_is_that_of_torch():
    torch = pytest.importorskip("torch")
    for ours, theirs, points in [(F.hardtanh, torch.nn.functional.hardtanh, [-1.0, 1.0]),
                                 (F.binary_cross_entropy, torch.nn.functional.binary_cross_entropy, [0.0, 1.0])]:
        x, expected = Tensor(points, requires_grad=True), torch.tensor(points, requires_grad=True)
        targets = [] if ours is F.hardtanh else [np.array([1.0, 1.0])]
        np.sum(ours(x, *targets)).backward()
        theirs(expected, *[torch.tensor(target).float() for target in targets]).sum().backward()
        np.testing.assert_allclose(x.grad, expected.grad.numpy(), rtol=1e-6)


# Initial numbers

@pytest.mark.parametrize(("make", "bounds"), [
    (lambda m: m.Linear(100, 50), dict(weight=0.1, bias=0.1)),
    (lambda m: m.Bilinear(100, 10, 50), dict(weight=0.1, bias=0.1)),
    (lambda m: m.Conv2d(4, 30, 5, groups=1), dict(weight=0.1, bias=0.1)),
    (lambda m: m.Conv2d(8, 30, 5, groups=2), dict(weight=0.1, bias=0.1)),
    (lambda m: m.Conv1d(20, 40, 5), dict(weight=0.1, bias=0.1)),
    (lambda m: m.ConvTranspose2d(30, 100, 1), dict(weight=0.1, bias=0.1)),
    (lambda m: m.LSTMCell(20, 100), dict(weight_ih=0.1, weight_hh=0.1, bias_ih=0.1, bias_hh=0.1)),
    (lambda m: m.GRU(20, 100), dict(weight_ih_l0=0.1, weight_hh_l0=0.1, bias_ih_l0=0.1, bias_hh_l0=0.1)),
    (lambda m: m.MultiheadAttention(60, 2), {"in_proj_weight": 6 ** 0.5 / 240 ** 0.5, "in_proj_bias": 0.0,
                                             "out_proj.weight": 60 ** -0.5, "out_proj.bias": 0.0}),
])
def test_initial_numbers_fill_the_interval_of_torch(make, bounds):
    nn.manual_seed(0)
    check_uniform({name: parameter.data for name, parameter in make(nn).named_parameters()}, bounds)
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    check_uniform({name: p.detach().numpy() for name, p in make(torch.nn).named_parameters()}, bounds)


def check_uniform(arrays, bounds):
    assert set(arrays) == set(bounds)
    for name, bound in bounds.items():
        assert np.abs(arrays[name]).max() <= bound * (1 + 1e-6)
        assert np.abs(arrays[name]).max() >= 0.8 * bound
        assert abs(arrays[name].std() - bound / 3 ** 0.5) <= 0.3 * bound
        assert abs(arrays[name].mean()) <= 0.25 * bound


def test_embedding_starts_from_a_standard_normal_with_a_row_of_zeros_for_padding():
    weight = nn.Embedding(1000, 20, padding_idx=3, generator=np.random.default_rng(0)).weight.data
    assert not weight[3].any()
    assert abs(weight.std() - 1) < 0.02
    assert abs(weight.mean()) < 0.02


@pytest.mark.parametrize(("fill", "std", "bound"), [
    (lambda t, g: nn.init.uniform_(t, -1, 3, g), 4 / 12 ** 0.5, None),
    (lambda t, g: nn.init.normal_(t, 1.0, 2.0, g), 2, None),
    (lambda t, g: nn.init.trunc_normal_(t, 0.0, 1.0, -2.0, 2.0, g), 0.8796, 2),
    (lambda t, g: nn.init.xavier_uniform_(t, 2.0, g), 2 * (2 / 700) ** 0.5, 2 * (6 / 700) ** 0.5),
    (lambda t, g: nn.init.xavier_normal_(t, 2.0, g), 2 * (2 / 700) ** 0.5, None),
    (lambda t, g: nn.init.kaiming_uniform_(t, generator=g), (2 / 300) ** 0.5, (6 / 300) ** 0.5),
    (lambda t, g: nn.init.kaiming_normal_(t, mode="fan_out", nonlinearity="tanh", generator=g), 5 / 3 / 20, None),
    (lambda t, g: nn.init.kaiming_uniform_(t, 5 ** 0.5, generator=g), (1 / 900) ** 0.5, 300 ** -0.5),
])
def test_distributions_have_the_spread_that_they_state(fill, std, bound, rng):
    t = Tensor(np.zeros((400, 300)), requires_grad=True)
    assert fill(t, rng) is t
    assert abs(t.data.std() / std - 1) < 0.02
    if bound:
        assert 0.999 * bound < np.abs(t.data).max() <= bound


def test_fills_that_are_not_random():
    t = Tensor(np.empty((2, 3)), requires_grad=True)
    assert (nn.init.ones_(t).data == 1).all()
    assert (nn.init.zeros_(t).data == 0).all()
    assert (nn.init.constant_(t, 4).data == 4).all()
    assert (nn.init.eye_(t).data == np.eye(2, 3)).all()


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 2, 2)])
def test_orthogonal_rows_or_columns(shape, rng):
    q = nn.init.orthogonal_(Tensor(np.empty(shape)), 2.0, rng).data.reshape(shape[0], -1)
    product = q @ q.T if len(q) <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_gains_equal_those_of_torch():
    torch = pytest.importorskip("torch")
    for name in ("linear", "conv1d", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert nn.init.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3))


def test_the_seed_or_the_generator_decides_the_numbers():
    def weight(generator=None):
        return nn.Linear(3, 2, generator=generator).weight.data

    nn.manual_seed(1)
    first, second = weight(), weight()
    nn.manual_seed(1)
    assert (weight() == first).all()
    assert (weight(np.random.default_rng(1)) == first).all()
    assert (weight() == second).all()
    assert not (first == second).all()


def test_dropout_draws_from_its_own_generator():
    x = np.ones(1000)
    y, same = nn.Dropout(0.3, generator=np.random.default_rng(0)), nn.Dropout(0.3, generator=np.random.default_rng(0))
    drawn = y(x)
    assert (drawn == same(x)).all()
    assert (drawn != y(x)).any()
    nn.manual_seed(5)
    first = F.dropout(x, 0.3)
    nn.manual_seed(5)
    assert (F.dropout(x, 0.3) == first).all()


# Train and eval

def test_dropout_keeps_the_mean_in_training_and_everything_in_use(rng):
    layer, x = nn.Dropout(0.25, generator=rng), Tensor(np.ones(100_000), requires_grad=True)
    y = layer(x)
    assert set(np.unique(y.data)) == {0, 1 / 0.75}
    assert np.mean(y.data) == pytest.approx(1, abs=0.01)
    y.sum().backward()
    assert (x.grad == y.data).all()
    assert layer.eval()(x) is x
    assert not nn.Dropout(1.0)(x).data.any()


def test_batch_norm_uses_the_statistics_of_the_batch_in_training_and_the_running_ones_in_use():
    layer, x = nn.BatchNorm1d(4, dtype=np.float64), 3 * normal(50, 4) + 2
    np.testing.assert_allclose(np.mean(layer(x).data, 0), 0, atol=1e-12)
    np.testing.assert_allclose(layer.running_mean, 0.1 * x.mean(0))
    np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * x.var(0, ddof=1))
    layer.eval()
    before = layer.state_dict()
    y = layer(x)
    np.testing.assert_allclose(y.data, (x - layer.running_mean) / np.sqrt(layer.running_var + 1e-5))
    assert all((before[name] == array).all() for name, array in layer.state_dict().items())


def test_batch_norm_in_use_equals_torch_s():
    torch = pytest.importorskip("torch")
    ours, theirs = nn.BatchNorm2d(4, dtype=np.float64), torch.nn.BatchNorm2d(4).double()
    ours(IMAGES), theirs(torch.tensor(IMAGES))
    ours.eval(), theirs.eval()
    x, expected = Tensor(IMAGES + 1, requires_grad=True), torch.tensor(IMAGES + 1, requires_grad=True)
    y, z = ours(x), theirs(expected)
    np.testing.assert_allclose(y.data, z.detach())
    (y * IMAGES).sum().backward(), (z * torch.tensor(IMAGES)).sum().backward()
    np.testing.assert_allclose(x.grad, expected.grad)


def test_batch_norm_without_momentum_keeps_the_mean_of_all_batches():
    layer = nn.BatchNorm1d(2, momentum=None, dtype=np.float64)
    batches = normal(5, 10, 2)
    for batch in batches:
        layer(batch)
    np.testing.assert_allclose(layer.running_mean, batches.mean((0, 1)))
    assert layer.num_batches_tracked == 5


def test_train_and_eval_reach_every_module():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(), nn.ReLU()))
    assert model.training
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert all(module.training for module in model.train().modules())


# Modules

class Block(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(2, 3)
        self.scale = nn.Parameter(np.ones(3))
        self.fixed = Tensor(np.ones(3))
        self.layers = nn.ModuleList([nn.Linear(3, 3), nn.Tanh()])
        self.register_buffer("count", np.zeros(2))

    def forward(self, x):
        x = self.inner(x) * self.scale + self.fixed
        for layer in self.layers:
            x = layer(x)
        return x


def test_parameters_modules_and_buffers_are_found_by_name():
    block = Block()
    assert [name for name, _ in block.named_parameters()] == [
        "scale", "inner.weight", "inner.bias", "layers.0.weight", "layers.0.bias"]
    assert [name for name, _ in block.named_modules()] == ["", "inner", "layers", "layers.0", "layers.1"]
    assert [name for name, _ in block.named_children()] == ["inner", "layers"]
    assert [name for name, _ in block.named_buffers()] == ["count"]
    assert next(block.parameters()) is block.scale
    assert list(block.children()) == [block.inner, block.layers]
    assert len(list(block.buffers())) == 1


def test_names_and_their_order_equal_those_of_torch():
    torch = pytest.importorskip("torch")

    def network(m):
        inner = m.Sequential(m.Linear(8, 4), m.LSTM(4, 2))
        return m.Sequential(m.Conv2d(1, 2, 3), m.BatchNorm2d(2), m.Flatten(), inner)

    ours, theirs = network(nn), network(torch.nn)
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [name for name, _ in ours.named_modules()] == [name for name, _ in theirs.named_modules()]


def test_a_shared_parameter_is_found_once_and_saved_under_both_names():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.bias", "1.weight"]
    assert len(list(nn.Sequential(model, model).modules())) == 4


def test_a_frozen_parameter_stays_a_parameter():
    model = nn.Linear(2, 2)
    model.requires_grad_(False)
    assert len(list(model.parameters())) == 2
    assert not model(np.ones((1, 2))).requires_grad


def test_a_parameter_may_be_replaced_or_removed():
    model = nn.Linear(2, 2)
    model.bias = None
    assert list(model.state_dict()) == ["weight"]
    model.weight = nn.Parameter(np.zeros((2, 2)))
    assert not model(np.ones(2)).data.any()
    del model.weight
    assert not list(model.parameters())


def test_what_is_not_a_parameter_does_not_take_the_place_of_one():
    model = nn.Linear(2, 2)
    for value in (model.weight * 2, np.ones((2, 2)), 3):
        with pytest.raises(TypeError, match="weight is a parameter of this Linear"):
            model.weight = value
    assert len(list(model.parameters())) == 2


def test_zero_grad_apply_and_requires_grad():
    model, seen = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), []
    model(np.ones((1, 2))).backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    assert model.apply(seen.append) is model
    assert seen == [model[0], model[1], model]


def test_containers_behave_like_lists():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU()).append(nn.Linear(3, 1))
    assert len(model) == 3
    assert model[-1] is model[2]
    assert [type(m).__name__ for m in model] == ["Linear", "ReLU", "Linear"]
    x = normal(4, 2)
    np.testing.assert_array_equal(model[1:](model[:1](x)).data, model(x).data)
    assert isinstance(nn.ModuleList([nn.ReLU()])[:1], nn.ModuleList)
    with pytest.raises(TypeError, match=r"self\.layers = nn\.ModuleList"):
        nn.Module().layers = [nn.Linear(2, 2)]
    named = nn.Sequential(dict(first=nn.Linear(2, 2), last=nn.Tanh()))
    assert list(named.state_dict()) == ["first.weight", "first.bias"]
    assert named.first is named[0]


def test_containers_hold_only_modules():
    with pytest.raises(TypeError, match="Sequential holds modules; got <ufunc 'tanh'>"):
        nn.Sequential(nn.Linear(2, 2), np.tanh)


def test_repr_shows_what_is_inside():
    class Net(nn.Module):
        def __init__(self):
            self.body = nn.Sequential(nn.Linear(2, 3, bias=False), nn.LeakyReLU(0.2))
            self.pool = nn.MaxPool2d(2, padding=1)

    assert repr(Net()) == """Net(
  (body): Sequential(
    (0): Linear(in_features=2, out_features=3, bias=False)
    (1): LeakyReLU(negative_slope=0.2)
  )
  (pool): MaxPool2d(kernel_size=2, padding=1)
)"""


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_module_has_a_repr_of_one_line_and_a_docstring(name):
    module = made(name, *CASES[name][0][:2])
    if not list(module.children()):
        assert repr(module).startswith(f"{name}(")
        assert "\n" not in repr(module)
    assert getattr(nn, name).__doc__


def test_modules_are_copied_and_pickled_with_their_parameters():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert list(twin.state_dict()) == list(model.state_dict())
        twin[0].weight.data[...] = 0
        assert model[0].weight.data.any()


def test_arguments_that_a_function_module_does_not_take_are_refused_at_once():
    with pytest.raises(TypeError, match="unexpected keyword argument 'slope'"):
        nn.LeakyReLU(slope=0.1)
    assert list(inspect.signature(nn.MaxPool2d).parameters) == [
        "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"]


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        nn.Module()(3)


# Saving and loading

def test_state_survives_a_round_trip_and_is_a_copy():
    first, second = Block(), Block()
    state = first.state_dict()
    assert second.load_state_dict(state) == ([], [])
    x = normal(4, 2)
    assert (first(x) == second(x)).all()
    state["scale"][:] = 7
    assert (first.scale == 1).all()
    assert (second.scale == 1).all()


def test_loading_keeps_the_arrays_that_optimizers_hold():
    model = nn.Linear(2, 2)
    array = model.weight.data
    model.load_state_dict(dict(weight=np.ones((2, 2)), bias=np.zeros(2)))
    assert model.weight.data is array
    assert (array == 1).all()
    assert array.dtype == np.float32


def test_state_of_torch_is_loaded():
    torch = pytest.importorskip("torch")
    theirs, ours = torch.nn.Linear(3, 2), nn.Linear(3, 2)
    ours.load_state_dict(theirs.state_dict())
    np.testing.assert_array_equal(ours.weight.data, theirs.weight.detach())


@pytest.mark.parametrize(("change", "error", "words"), [
    (lambda s: s.pop("0.weight"), KeyError, r"missing are \['0.weight'\], unexpected are none"),
    (lambda s: s.update(extra=1), KeyError, r"missing are none, unexpected are \['extra'\]"),
    (lambda s: s.update({"1.running_var": np.ones(4)}), ValueError, r"_var'\] has shape \(4,\); expected \(3,\)"),
    (lambda s: s.update({"1.weight": np.ones(3) * 1j}), TypeError, r"weight'\] has dtype complex128; expected float32"),
    (lambda s: s.update({"1.weight": np.array(["a", "b", "c"])}), TypeError, "has dtype <U1"),
])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change, error, words):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = {name: array + 1 for name, array in model.state_dict().items()}
    before = model.state_dict()
    change(state)
    with pytest.raises(error, match=words):
        model.load_state_dict(state)
    assert all((before[name] == array).all() for name, array in model.state_dict().items())


def test_what_both_sides_have_is_loaded_if_not_strict():
    model = nn.Linear(2, 1)
    assert model.load_state_dict(dict(bias=[3.0], other=1), strict=False) == (["weight"], ["other"])
    assert model.bias.item() == 3


# functional_call

def test_functional_call_differentiates_by_parameters_and_puts_them_back():
    model, x, y = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), normal(5, 3), normal(5, 2)
    parameters = {name: p.data.astype(float) for name, p in model.named_parameters()}
    before = list(model.parameters())

    def loss(parameters):
        return nn.mse_loss(nn.functional_call(model, parameters, x), y)

    gradient = minigrad.grad(loss)(parameters)
    nn.mse_loss(model(x), y).backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(gradient[name], p.grad, rtol=1e-4, atol=1e-6)
    assert all(p is q for p, q in zip(model.parameters(), before, strict=True))
    with pytest.raises(KeyError, match=r"Sequential has no parameters named \['3.weight'\]"):
        nn.functional_call(model, {"3.weight": 0}, x)


# Pooling and convolutions as functions

@pytest.mark.parametrize("arguments, keywords", [
    ((2,), {}), ((3, 2, 1), {}), (((2, 3), 1), dict(dilation=2)), ((3, 2, 1), dict(ceil_mode=True))])
@pytest.mark.parametrize("images", [IMAGES, IMAGES[0]])
def test_indices_of_max_pool_are_those_of_torch(images, arguments, keywords):
    torch = pytest.importorskip("torch")
    largest, indices = F.max_pool2d(images, *arguments, return_indices=True, **keywords)
    expected = torch.nn.functional.max_pool2d(torch.tensor(images), *arguments, return_indices=True, **keywords)
    np.testing.assert_array_equal(largest, expected[0])
    np.testing.assert_array_equal(indices, expected[1])


@pytest.mark.parametrize("padding", ["same", "valid", (2,), 2])
def test_functional_conv1d_takes_torchs_forms_of_padding_and_stride(padding):
    torch = pytest.importorskip("torch")
    x, w, b = normal(2, 4, 9), normal(6, 2, 3), normal(6)
    stride = 1 if padding == "same" else (2,)
    expected = torch.nn.functional.conv1d(*map(torch.tensor, (x, w, b)), stride, padding, groups=2)
    np.testing.assert_allclose(F.conv1d(x, w, b, stride, padding, groups=2), expected, rtol=1e-12)


# Numbers at the edge

def test_max_pool_sends_the_gradient_to_the_first_of_equal_numbers():
    x = Tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
    nn.MaxPool2d(2)(x).sum().backward()
    assert x.grad.ravel().tolist() == [1, 0, 0, 0]


def test_cross_entropy_survives_outputs_of_any_size():
    x = Tensor([[1e4, -1e4, -np.inf], [3e38, 0.0, 0.0]], requires_grad=True)
    loss = nn.cross_entropy(x, np.array([1, 0]), reduction="sum")
    loss.backward()
    assert loss.item() == 2e4
    np.testing.assert_array_equal(x.grad, [[1, -1, 0], [0, 0, 0]])


def test_kl_div_counts_nothing_where_the_probability_is_0():
    losses = F.kl_div(np.log([0.5, 0.25, 0.25]), np.array([0.0, 0.25, 0.75]), reduction="none")
    np.testing.assert_allclose(losses, [0, 0, 0.75 * np.log(3)])


def test_losses_of_yes_and_no_are_accurate_in_both_tails():
    x = Tensor([-800.0, -50.0, 50.0, 800.0], requires_grad=True)
    losses = F.binary_cross_entropy_with_logits(x, np.array([0.0, 0.0, 1.0, 1.0]), reduction="none")
    np.testing.assert_allclose(losses.data, [0, np.exp(-50), np.exp(-50), 0], rtol=1e-12)


def test_padding_rows_receive_no_gradient():
    table = nn.Embedding(4, 2, padding_idx=-3)
    table(np.array([1, 1, 2])).sum().backward()
    assert table.weight.grad.tolist() == [[0, 0], [0, 0], [1, 1], [0, 0]]


def test_attention_is_causal_when_asked():
    q, k, v = normal(2, 3, 4), normal(2, 3, 4), normal(2, 3, 4)
    torch = pytest.importorskip("torch")
    theirs = torch.nn.functional.scaled_dot_product_attention
    for keywords in (dict(is_causal=True), dict(attn_mask=np.tri(3, dtype=bool)), dict(scale=0.3)):
        given = {name: each_array(torch.tensor, value) for name, value in keywords.items()}
        np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v, **keywords),
                                   theirs(torch.tensor(q), torch.tensor(k), torch.tensor(v), **given))


def test_lists_and_integers_are_taken_as_inputs():
    assert nn.Linear(2, 3)([[1, 2], [3, 4]]).shape == (2, 3)
    assert nn.mse_loss([1.0, 2.0], [1.0, 4.0]) == 2
    assert nn.Conv2d(1, 2, 2)(np.zeros((1, 3, 3), np.uint8)).shape == (2, 2, 2)


# Memory

def step_by_hand(weights, biases, x, y):
    """Return loss and gradients of a perceptron with rectifiers and cross-entropy, written out in NumPy."""
    activations = [x]
    for w, b in zip(weights, biases):
        z = activations[-1] @ w.T + b
        activations.append(np.maximum(z, 0))
    z -= z.max(1, keepdims=True)
    g = np.exp(z)
    g /= g.sum(1, keepdims=True)
    loss = -np.mean(np.log(g[np.arange(len(y)), y]))
    g[np.arange(len(y)), y] -= 1
    g /= len(y)
    gradients = []
    for w, a in zip(weights[::-1], activations[-2::-1]):
        gradients += [g.sum(0), g.T @ a]
        g = g @ w * (a > 0) if a is not x else None
    return loss, gradients


def peak_memory(work):
    """Return the most memory in use during a call of `work`, after a first one, and what the second returned."""
    tracemalloc.start()
    try:
        result = work()
        del result
        tracemalloc.reset_peak()
        result = work()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


def test_a_training_step_needs_hardly_more_memory_than_one_by_hand(rng):
    sizes = (784, 512, 256, 10)
    x, y = rng.normal(size=(256, 784)).astype(np.float32), rng.integers(0, 10, 256)
    layers = [nn.Linear(n, m, generator=rng) for n, m in pairwise(sizes)]
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])

    def step():
        model.zero_grad()
        loss = nn.cross_entropy(model(x), y)
        loss.backward()
        return loss.item(), [p.grad for layer in layers[::-1] for p in (layer.bias, layer.weight)]

    ours, (loss, gradients) = peak_memory(step)
    weights, biases = [layer.weight.data for layer in layers], [layer.bias.data for layer in layers]
    by_hand, (expected, expected_gradients) = peak_memory(lambda: step_by_hand(weights, biases, x, y))
    assert loss == pytest.approx(expected, rel=1e-5)
    for g, h in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(g, h, rtol=1e-3, atol=1e-6)
    assert ours <= 1.2 * by_hand


# Misuse, told in words

@pytest.mark.parametrize(("misuse", "error", "words"), [
    (lambda: nn.Linear(3, 2)(np.ones((4, 5))), ValueError, r"input of shape \(4, 5\).*last axis must have length 3"),
    (lambda: nn.Conv2d(3, 2, 3)(np.ones((1, 1, 8, 8))), ValueError, "has 1 channels; .* expects 3"),
    (lambda: nn.Conv2d(1, 2, 3)(np.ones((8, 8))), ValueError, r"input must have shape \(N, C, H, W\) or \(C, H, W\)"),
    (lambda: nn.Conv2d(1, 2, 5)(np.ones((1, 1, 4, 4))), ValueError, r"no window fits into images of shape \(4, 4\)"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "groups must divide in_channels, 3"),
    (lambda: nn.Conv2d(1, 4, 0), ValueError, "kernel_size must be a whole number of at least 1.*got 0"),
    (lambda: nn.Conv2d(1, 4, 3, stride=(1, 2, 3))(np.ones((1, 4, 4))), ValueError, r"stride must be .*\(1, 2, 3\)"),
    (lambda: nn.Conv2d(1, 4, 2, 2, padding="same"), ValueError, "'same' needs stride 1; got stride 2"),
    (lambda: nn.Conv2d(1, 4, 3, padding_mode="mirror"), ValueError, "padding_mode must be one of 'zeros'.*'mirror'"),
    (lambda: nn.ConvTranspose2d(1, 1, 2, output_padding=1)(np.ones((1, 2, 2))), ValueError, "smaller than stride"),
    (lambda: nn.MaxPool2d(2, padding=2)(np.ones((1, 4, 4))), ValueError, "padding must be at most half of kernel_size"),
    (lambda: nn.BatchNorm2d(3)(np.ones((4, 3))), ValueError, r"shape \(N, C, H, W\) with C = 3; got \(4, 3\)"),
    (lambda: nn.BatchNorm1d(3)(np.ones((1, 3))), ValueError, "one number per channel has no variance"),
    (lambda: nn.LayerNorm(3)(np.ones((3, 4))), ValueError, r"does not end in normalized_shape, \(3,\)"),
    (lambda: nn.Dropout(1.5), ValueError, "p must be a number of at least 0 and at most 1; got 1.5"),
    (lambda: F.dropout(np.ones(3), -1), ValueError, "p must be a number of at least 0"),
    (lambda: nn.Embedding(3, 2)(np.array([0.5])), TypeError, "must hold integers"),
    (lambda: nn.Embedding(3, 2)([0, 3]), IndexError, "holds 0 to 3; the weight has rows 0 to 2"),
    (lambda: nn.Embedding(3, 2)([-1]), IndexError, "holds -1 to -1"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "padding_idx must be a row, from 0 to 2; got 3"),
    (lambda: nn.MultiheadAttention(5, 2), ValueError, "num_heads must divide embed_dim, 5; got 2"),
    (lambda: nn.MultiheadAttention(4, 2)(SMOOTH, SMOOTH[0], SMOOTH), ValueError, "must all have two axes or all three"),
    (lambda: nn.RNN(2, 3)(np.ones((4, 5, 3))), ValueError, r"input must have shape \(L, 2\), or \(L, N, 2\)"),
    (lambda: nn.LSTMCell(2, 3)(np.ones(2), (np.ones(3), np.ones(2))), ValueError, r"two arrays, h and c, of shape"),
    (lambda: nn.RNNCell(2, 3, nonlinearity="sin"), ValueError, "nonlinearity must be one of 'tanh', 'relu'; got 'sin'"),
    (lambda: nn.mse_loss(np.ones((3, 1)), np.ones(3)), ValueError, r"target has shape \(3,\); expected .* \(3, 1\)"),
    (lambda: nn.mse_loss(np.ones(3), np.ones(3), reduction="avg"), ValueError, "reduction must be one of.*'avg'"),
    (lambda: nn.cross_entropy(np.ones((3, 4)), np.array([0, 1, 4])), IndexError, "classes 0 to 4; .* classes 0 to 3"),
    (lambda: nn.cross_entropy(np.ones((3, 4)), np.array([0, 1, -1])), IndexError, "classes -1 to 1"),
    (lambda: nn.cross_entropy(np.ones((3, 4)), np.array([0.0, 1.0, 2.0])), TypeError, "expected integers, the classes"),
    (lambda: nn.cross_entropy(np.ones((3, 4)), np.zeros((3, 1), int)), ValueError, r"of shape \(3, 4\) expects \(3,\)"),
    (lambda: nn.cross_entropy(np.ones((1, 4)), np.array([0]), label_smoothing=2), ValueError, "label_smoothing must"),
    (lambda: nn.cross_entropy(np.ones((1, 4)), np.array([0]), np.ones(3)), ValueError, "weight must have shape"),
    (lambda: nn.huber_loss(np.ones(3), np.ones(3), delta=0), ValueError, "delta must be a number above 0; got 0"),
    (lambda: nn.hinge_embedding_loss(np.ones(3), np.array([0, 1, 1])), ValueError, "must hold 1 and -1"),
    (lambda: nn.multi_margin_loss(np.ones((1, 3)), np.array([0]), p=3), ValueError, "p must be 1 or 2; got 3"),
    (lambda: nn.Linear(2, 2, generator=0), TypeError, r"generator must be a np.random.Generator.*got 0"),
    (lambda: nn.init.xavier_uniform_(Tensor(np.ones(3))), ValueError, "no fan in and fan out"),
    (lambda: nn.init.kaiming_normal_(Tensor(np.ones((3, 2))), mode="in"), ValueError, "'fan_out'; got 'in'"),
    (lambda: nn.init.calculate_gain("relu6"), ValueError, "nonlinearity must be one of 'linear'.*got 'relu6'"),
    (lambda: nn.init.eye_(Tensor(np.ones(3))), ValueError, "eye_ fills a matrix"),
    (lambda: nn.init.orthogonal_(Tensor(np.ones(3))), ValueError, "at least two axes"),
    (lambda: nn.init.trunc_normal_(Tensor(np.ones(3)), a=5.0, b=6.0), ValueError, "cannot draw"),
])
def test_misuse_is_reported_in_words(misuse, error, words):
    with pytest.raises(error, match=words):
        misuse()
