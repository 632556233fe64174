"""Chains: links do what optax's do, work in any order, see all gradients where they must, and resume bit for bit."""

import re

import numpy as np
import pytest

import optim


def train(optimizer, gradients):
    """Make one step for each list of gradients, one gradient (or None) a parameter."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    for grads in gradients:
        for param, grad in zip(params, grads):
            param.grad = None if grad is None else np.array(grad, param.data.dtype)
        optimizer.step()
    return [param.data for param in params]


def parameters(rng, shapes=((3, 4), (4,)), dtype=np.float64):
    return [optim.Parameter(rng.normal(size=shape).astype(dtype)) for shape in shapes]


def gradients_for(params, rng, steps=20):
    return [[rng.normal(size=param.data.shape) for param in params] for _ in range(steps)]


def copies(params):
    return [optim.Parameter(param.data) for param in params]


@pytest.fixture(scope="module")  # an import of it draws global random numbers: not within a test
def jax():
    return pytest.importorskip("jax")


@pytest.fixture(scope="module")
def optax():
    return pytest.importorskip("optax")


def walk(kind):
    """Yield all subclasses of a class that the package has."""
    for one in kind.__subclasses__():
        if one.__module__.startswith("optim"):
            yield one
        yield from walk(one)


# Named optimizers as chains

AS_CHAIN = {one.__name__: (one, re.search(r"\*As a chain\.\*[^`]*``(.*?)``", one.__doc__, re.DOTALL).group(1))
            for one in walk(optim.Optimizer) if "*As a chain.*" in (one.__doc__ or "")}
OPTIONS = [{}, {"weight_decay": 0.1}, {"momentum": 0.9}, {"betas": (0.7, 0.8)},
           {"weight_decay": 0.1, "momentum": 0.9, "nesterov": True, "betas": (0.7, 0.8)}]


def test_the_compositions_of_the_courses_are_written_down():
    assert AS_CHAIN.keys() >= {"SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "Adamax", "RAdam", "SignSGD",
                               "Signum", "Lion", "LARS", "LAMB"}


@pytest.mark.parametrize(("kind", "expression"), AS_CHAIN.values(), ids=AS_CHAIN)
def test_a_named_optimizer_is_the_chain_that_its_docstring_says(kind, expression, rng):
    known = kind(parameters(rng)).defaults.keys()
    for wanted in OPTIONS:
        options = {name: value for name, value in wanted.items() if name in known}
        params = parameters(rng)
        gradients = gradients_for(params, rng)
        optimizer = kind(copies(params), lr=0.1, **options)
        chained = eval(expression, vars(optim) | optimizer.defaults | {"params": params})
        np.testing.assert_allclose(train(chained, gradients)[0], train(optimizer, gradients)[0], rtol=1e-11)


def test_the_order_of_two_links_distinguishes_adam_with_l2_from_adamw(rng):
    params = parameters(rng)
    gradients = gradients_for(params, rng)
    links = optim.add_decayed_weights(0.1), optim.scale_by_adam()
    before = train(optim.chain(copies(params), *links, lr=0.1), gradients)
    after = train(optim.chain(copies(params), *links[::-1], lr=0.1), gradients)
    np.testing.assert_allclose(before[0], train(optim.Adam(copies(params), lr=0.1, weight_decay=0.1), gradients)[0])
    np.testing.assert_allclose(after[0], train(optim.AdamW(copies(params), lr=0.1, weight_decay=0.1), gradients)[0])
    assert not np.allclose(before[0], after[0])


# The links, one by one

LINKS = {
    "zero_nans": optim.zero_nans,
    "clip": lambda: optim.clip(0.5),
    "clip_by_block_rms": lambda: optim.clip_by_block_rms(0.5),
    "clip_by_global_norm": lambda: optim.clip_by_global_norm(0.5),
    "adaptive_grad_clip": lambda: optim.adaptive_grad_clip(0.1),
    "centralize": optim.centralize,
    "normalize_by_update_norm": lambda: optim.normalize_by_update_norm(2.0),
    "add_noise": lambda: optim.add_noise(0.1, 0.55, seed=3),
    "trace": lambda: optim.trace(0.9),
    "ema": lambda: optim.ema(0.9),
    "scale": lambda: optim.scale(-2.0),
    "scale_by_schedule": lambda: optim.scale_by_schedule(lambda t: 1 / (1 + t)),
    "scale_by_sign": optim.scale_by_sign,
    "scale_by_trust_ratio": optim.scale_by_trust_ratio,
    "scale_by_adam": lambda: optim.scale_by_adam(nesterov=True),
    "scale_by_amsgrad": optim.scale_by_amsgrad,
    "scale_by_adamax": optim.scale_by_adamax,
    "scale_by_radam": lambda: optim.scale_by_radam(b2=0.9),
    "scale_by_belief": optim.scale_by_belief,
    "scale_by_yogi": optim.scale_by_yogi,
    "scale_by_lion": optim.scale_by_lion,
    "scale_by_rms": optim.scale_by_rms,
    "scale_by_stddev": optim.scale_by_stddev,
    "scale_by_rss": optim.scale_by_rss,
    "scale_by_adadelta": optim.scale_by_adadelta,
    "add_decayed_weights": lambda: optim.add_decayed_weights(0.1),
    "project": lambda: optim.project(lambda x: np.clip(x, -1, 1)),
    "keep_params_nonnegative": optim.keep_params_nonnegative,
    "rule_of": lambda: optim.rule_of(optim.NAdam),
}
every_link = pytest.mark.parametrize("make", LINKS.values(), ids=LINKS)


def test_no_link_is_without_a_test():
    assert {one.__name__ for one in walk(optim.Link) if hasattr(optim, one.__name__)} == LINKS.keys()


@every_link
def test_a_link_keeps_the_dtype_and_leaves_the_gradient_alone(make, rng):
    params = parameters(rng, dtype=np.float32)
    optimizer = optim.chain(params, make(), lr=0.1)
    gradients = gradients_for(params, rng, steps=3)
    train(optimizer, gradients)
    for param, grad in zip(params, gradients[-1]):
        assert param.data.dtype == np.float32
        np.testing.assert_array_equal(param.grad, grad.astype(np.float32))
        for state in optimizer.state[param].values():
            assert all(entry.dtype == np.float32 for entry in state.values() if isinstance(entry, np.ndarray))
    optimizer._survey(optimizer.links, [(None, param, param.grad) for param in params])
    phi = optimizer.update(params[0].grad, optimizer.state[params[0]], params[0].data,
                           **optimizer.chosen(optimizer.update, optimizer.param_groups[0], params[0].data))
    assert phi.dtype == np.float32


@every_link
def test_a_link_in_pieces_is_the_link_whole(make, rng):
    params = [optim.Parameter(rng.normal(size=150_001))]
    gradients = gradients_for(params, rng, steps=3)
    in_pieces, whole = (optim.chain(copies(params), make(), lr=0.1) for _ in range(2))
    whole.elementwise = False
    np.testing.assert_allclose(train(in_pieces, gradients)[0], train(whole, gradients)[0], rtol=1e-13, atol=1e-15)


@every_link
def test_a_chain_resumes_bit_for_bit(make, rng, tmp_path):
    params = parameters(rng)
    gradients = gradients_for(params, rng, steps=6)
    optimizer = optim.chain(params, make(), optim.trace(0.5), lr=0.1)
    train(optimizer, gradients[:3])
    optim.save(tmp_path / "run.npz", {"params": [param.data for param in params], "optimizer": optimizer.state_dict()})
    expected = train(optimizer, gradients[3:])

    run = optim.load(tmp_path / "run.npz")
    resumed = optim.chain([optim.Parameter(data) for data in run["params"]], make(), optim.trace(0.1), lr=0.3)
    resumed.load_state_dict(run["optimizer"])
    for actual, wanted in zip(train(resumed, gradients[3:]), expected):
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize("make", [
    lambda o: o.clip(0.5), lambda o: o.clip_by_block_rms(0.5), lambda o: o.adaptive_grad_clip(0.1, axis=0),
    lambda o: o.centralize(), lambda o: o.normalize_by_update_norm(2.0), lambda o: o.zero_nans(),
    lambda o: o.trace(0.9), lambda o: o.trace(0.9, nesterov=True), lambda o: o.ema(0.9),
    lambda o: o.ema(0.9, debias=False),
    lambda o: o.scale(3.0), lambda o: o.scale_by_sign(), lambda o: o.scale_by_trust_ratio(),
    lambda o: o.scale_by_trust_ratio(min_norm=2.0, trust_coefficient=0.1, eps=0.5),
    lambda o: o.scale_by_schedule(lambda t: 1 / (1 + t)), lambda o: o.add_decayed_weights(0.1),
    lambda o: o.scale_by_adam(0.8, 0.9, 1e-3), lambda o: o.scale_by_adamax(0.8, 0.9),
    lambda o: o.scale_by_radam(b2=0.9), lambda o: o.scale_by_yogi(), lambda o: o.scale_by_lion(),
    lambda o: o.scale_by_adadelta(),
    lambda o: o.scale_by_rms(0.8, eps=0), lambda o: o.scale_by_stddev(0.8, eps=0), lambda o: o.scale_by_rss(0.3, eps=0),
    lambda o: o.scale_by_rms(0.8, eps=0.1, **({"eps_in_sqrt": False} if o is not optim else {})),
    lambda o: o.clip_by_global_norm(1e5),
    lambda o: o.scale_by_adam(0.8, 0.9, nesterov=True), lambda o: o.scale_by_radam(b2=0.9, nesterov=True),
    lambda o: o.scale_by_radam(b2=0.9, threshold=4.2), lambda o: o.scale_by_belief(0.8, 0.9),
    lambda o: o.scale_by_belief(0.8, 0.9, nesterov=True), lambda o: o.scale_by_lion(mode="smooth", smooth_beta=2.0),
    lambda o: o.scale_by_lion(mode="refined"),
    *[lambda o, link=link, more=more: getattr(o, link)(0.8, 0.1, **more)
      for link in ("scale_by_rms", "scale_by_stddev")
      for more in (dict(eps_in_sqrt=True), dict(eps_in_sqrt=False, initial_scale=0.5),
                   dict(eps_in_sqrt=True, bias_correction=True, initial_scale=0.25))],
    lambda o: o.scale_by_rms(0.8, 0.1, eps_in_sqrt=False, bias_correction=True),
])
def test_links_are_those_of_optax(make, rng, jax, optax):
    params = parameters(rng)
    gradients = gradients_for(params, rng)
    with jax.enable_x64(True):
        theirs = optax.chain(make(optax), optax.scale(-0.1))
        expected = [jax.numpy.asarray(param.data) for param in params]
        state = theirs.init(expected)
        for grads in gradients:
            updates, state = theirs.update([jax.numpy.asarray(grad) for grad in grads], state, expected)
            expected = optax.apply_updates(expected, updates)
    for actual, wanted in zip(train(optim.chain(params, make(optim), lr=0.1), gradients), expected):
        np.testing.assert_allclose(actual, wanted, rtol=1e-6)  # some of optax's factors are float32


# optax's optimizers that are chains here, and need no class: the order of the links is the method.
SHORTER = 1 / np.sqrt(1 + 0.1**2)  # for the learning rate 0.1
ALIASES = {
    "fromage": lambda: (optim.scale_by_trust_ratio(1e-6), optim.scale(SHORTER),
                        optim.add_decayed_weights((1 - SHORTER) / 0.1)),
    "adamaxw": lambda: (optim.scale_by_adamax(), optim.add_decayed_weights(1e-4)),
    "optimistic_adam_v2": lambda: (optim.scale_by_adam(nesterov=True), optim.rule_of(optim.OptimisticGradient)),
    "nadamw": lambda: (optim.scale_by_adam(nesterov=True), optim.add_decayed_weights(1e-4)),
}


@pytest.mark.parametrize("name", ALIASES)
def test_optimizers_of_optax_are_chains_here(name, rng, jax, optax):
    params = parameters(rng)
    gradients = gradients_for(params, rng)
    with jax.enable_x64(True):
        theirs = getattr(optax, name)(0.1)
        expected = [jax.numpy.asarray(param.data) for param in params]
        state = theirs.init(expected)
        for grads in gradients:
            updates, state = theirs.update([jax.numpy.asarray(grad) for grad in grads], state, expected)
            expected = optax.apply_updates(expected, updates)
    for actual, wanted in zip(train(optim.chain(params, *ALIASES[name](), lr=0.1), gradients), expected):
        np.testing.assert_allclose(actual, wanted, rtol=1e-6)


def test_noise_has_the_variance_it_is_said_to_have():
    param = optim.Parameter(np.zeros(20_000))
    optimizer = optim.chain([param], optim.add_noise(eta=4.0, gamma=2.0, seed=1), lr=1.0)
    for t in (1, 2, 3):
        before = param.data.copy()
        train(optimizer, [[np.zeros(20_000)]])
        assert np.std(param.data - before) == pytest.approx(2.0 / t, rel=0.02)


def test_units_are_rows_to_centralize_and_adaptive_clip():
    weight = optim.Parameter(np.array([[3.0, 4.0], [0.0, 0.0]]))
    train(optim.chain([weight], optim.adaptive_grad_clip(0.1, eps=1.0), lr=1.0), [[[[0.0, 50.0], [0.0, 50.0]]]])
    np.testing.assert_allclose(weight.data, [[3.0, 3.5], [0.0, -0.1]])
    weight = optim.Parameter(np.zeros((2, 2)))
    train(optim.chain([weight], optim.centralize(), lr=1.0), [[[[1.0, 3.0], [5.0, 5.0]]]])
    np.testing.assert_allclose(weight.data, [[1.0, -1.0], [0.0, 0.0]])


def test_a_chain_without_links_is_gradient_descent(rng):
    params = parameters(rng)
    gradients = gradients_for(params, rng)
    expected = train(optim.SGD(copies(params), lr=0.1), gradients)
    np.testing.assert_array_equal(train(optim.chain(params, lr=0.1), gradients)[1], expected[1])


def test_maximize_climbs(rng):
    params = parameters(rng)
    gradients = gradients_for(params, rng)
    expected = train(optim.Adam(copies(params), lr=0.1, maximize=True), gradients)
    actual = train(optim.chain(params, optim.scale_by_adam(), lr=0.1, maximize=True), gradients)
    np.testing.assert_allclose(actual[0], expected[0])


# All gradients at once

def test_the_global_norm_is_taken_over_all_groups_before_any_parameter_moves(rng):
    a, b, still = optim.Parameter([3.0]), optim.Parameter([4.0]), optim.Parameter([100.0])
    groups = [{"params": [a, still]}, {"params": [b], "clip_by_global_norm.max_norm": 2.0}]
    optimizer = optim.chain(groups, optim.add_decayed_weights(1.0), optim.clip_by_global_norm(1.0), lr=1.0)
    train(optimizer, [[[0.0], None, [0.0]]])
    np.testing.assert_allclose([a.data[0], b.data[0], still.data[0]], [3 - 3 / 5, 4 - 2 * 4 / 5, 100], rtol=1e-6)


@pytest.mark.parametrize("place", range(3))
def test_a_survey_can_be_anywhere(place, rng):
    params = parameters(rng)
    gradients = gradients_for(params, rng)
    links = [optim.scale_by_adam(), optim.trace(0.5)]
    links.insert(place, optim.clip_by_global_norm(0.7))
    actual = train(optim.chain(copies(params), *links, lr=0.1), gradients)

    adam, trace = optim.scale_by_adam(), optim.trace(0.5)
    states = [[link.init_state(param.data, **link.hyperparameters) for link in (adam, trace)] for param in params]
    for grads in gradients:
        updates = list(grads)
        for i in range(3):
            if i == place:
                norm = np.sqrt(sum(np.sum(update**2) for update in updates))
                updates = [update * min(1, 0.7 / (norm + 1e-6)) for update in updates]
            else:
                link, n = (adam, 0) if i == (place == 0) else (trace, 1)
                for state in states:
                    if n == 0:
                        state[0]["step"] += 1
                updates = [link.update(update, state[n], param.data, **link.hyperparameters)
                           for update, state, param in zip(updates, states, params)]
        for param, update in zip(params, updates):
            param.data -= 0.1 * update
    for ours, param in zip(actual, params):
        np.testing.assert_allclose(ours, param.data, rtol=1e-12)


def test_a_norm_that_is_not_finite_makes_the_update_so_as_in_pytorch():
    param = optim.Parameter([1.0, 1.0])
    train(optim.chain([param], optim.clip_by_global_norm(1.0), lr=1.0), [[[np.nan, 1.0]]])
    assert np.all(np.isnan(param.data))


# Hyperparameters

def test_hyperparameters_live_in_the_groups(rng):
    params = parameters(rng)
    groups = [{"params": params[:1]}, {"params": params[1:], "add_decayed_weights.weight_decay": 0.0, "lr": 0.5}]
    optimizer = optim.chain(groups, optim.add_decayed_weights(0.1), lr=1.0)
    before = [param.data.copy() for param in params]
    zeros = [[np.zeros((3, 4)), np.zeros(4)]]
    train(optimizer, zeros)
    np.testing.assert_allclose(params[0].data, 0.9 * before[0])
    np.testing.assert_array_equal(params[1].data, before[1])
    optimizer.param_groups[1]["add_decayed_weights.weight_decay"] = 0.2
    train(optimizer, zeros)
    np.testing.assert_allclose(params[1].data, 0.9 * before[1])


def test_hyperparameters_may_be_arrays_and_are_then_separate_runs(rng):
    start, runs = rng.normal(size=(2, 1)), 5
    lr, b1, decay = rng.uniform(0.01, 0.1, runs), rng.uniform(0.1, 0.9, runs), rng.uniform(0, 0.5, runs)
    gradients = [[rng.normal(size=(2, runs))] for _ in range(10)]

    def made(param, lr, b1, decay):
        return optim.chain([param], optim.scale_by_adam(b1=b1), optim.add_decayed_weights(decay), lr=lr)

    together = train(made(optim.Parameter(np.repeat(start, runs, axis=1)), lr, b1, decay), gradients)[0]
    for i in range(runs):
        alone = made(optim.Parameter(start), float(lr[i]), float(b1[i]), float(decay[i]))
        single = train(alone, [[grad[:, i:i + 1]] for grad, in gradients])[0]
        np.testing.assert_allclose(single, together[:, i:i + 1], rtol=1e-12)


def test_of_two_links_with_one_name_the_second_is_numbered():
    links = optim.clip(1.0), optim.trace(0.9), optim.clip(2.0), optim.clip(3.0)
    optimizer = optim.chain([optim.Parameter([1.0])], *links)
    assert list(optimizer.links) == ["clip", "trace", "clip_2", "clip_3"]
    assert optimizer.param_groups[0]["clip_3.max_delta"] == 3.0


@pytest.mark.parametrize(("make", "kind", "message"), [
    (lambda p: optim.chain([p], optim.scale_by_adam), TypeError, "write it with parentheses"),
    (lambda p: optim.chain([p], optim.Adam), TypeError, r"becomes a link by rule_of\(Optimizer"),
    (lambda p: optim.chain([p], np.sign), TypeError, "expected a Link such as"),
    (lambda p: optim.chain([p], optim.scale_by_adam(b1=1.0)), ValueError, r"1\.0"),
    (lambda p: optim.chain([p], optim.clip(-1.0)), ValueError, "max_delta is -1.0; it must be positive"),
    (lambda p: optim.chain([p], lr=-1.0), ValueError, "lr is -1.0"),
    (lambda p: optim.chain([{"params": [p], "clip.max_norm": 1}], optim.clip(1.0)), ValueError,
     "chain does not know the hyperparameter 'clip.max_norm'"),
    (lambda p: optim.rule_of(optim.Rprop), TypeError, "Rprop is more than a rule"),
    (lambda p: optim.rule_of(optim.PolyakSGD), TypeError, "PolyakSGD is more than a rule"),
    (lambda p: optim.rule_of(optim.SGD, speed=3), TypeError, "speed"),
    (lambda p: optim.masked(optim.clip(1.0), [True]), TypeError, "mask is"),
])
def test_wrong_links_are_reported(make, kind, message):
    with pytest.raises(kind, match=message):
        make(optim.Parameter([1.0]))


class WithoutState(optim.Link):
    def update(self, grad, param):
        return grad


class AsksForMore(optim.Link):
    def __init__(self, width=1.0):
        super().__init__()

    def update(self, grad, state, param, *, width):
        return width * grad


class ReturnsNothing(optim.Link):
    def update(self, grad, state, param):
        state["last"] = grad


@pytest.mark.parametrize(("link", "message"), [
    (WithoutState, r"WithoutState.update\(self, grad, param\): write `def update\(self, grad, state, param\)`"),
    (AsksForMore, "AsksForMore needs the hyperparameter `width`.*: write width=width in the call of super"),
    (ReturnsNothing, "ReturnsNothing.update returned None; expected phi"),
])
def test_your_own_link_that_cannot_work_is_reported(link, message):
    p = optim.Parameter([1.0])
    p.grad = p.data.copy()
    with pytest.raises(TypeError, match=message):
        optim.chain([p], link()).step()


# Masks and projections

def test_a_masked_link_leaves_other_parameters_alone(rng):
    weight, bias = parameters(rng)
    before = weight.data.copy(), bias.data.copy()
    decay = optim.masked(optim.add_decayed_weights(0.1), lambda array: array.ndim > 1)
    trace = optim.masked(optim.trace(0.9), lambda array: array.ndim == 1)
    optimizer = optim.chain([weight, bias], decay, trace, lr=1.0)
    train(optimizer, [[np.zeros((3, 4)), np.ones(4)]] * 2)
    np.testing.assert_allclose(weight.data, 0.81 * before[0])
    np.testing.assert_allclose(bias.data, before[1] - 1 - 1.9)
    assert optimizer.state[weight].keys() == {"add_decayed_weights"} and optimizer.state[bias].keys() == {"trace"}


def test_masks_add_up_and_leave_the_link_as_it_was(rng):
    link = optim.add_decayed_weights(1.0, mask=lambda array: array.ndim > 1)
    small = optim.masked(link, lambda array: array.size < 10)
    assert link.wants(np.zeros((3, 4))) and not small.wants(np.zeros((3, 4))) and small.wants(np.zeros((2, 2)))
    assert not small.wants(np.zeros(2))


def test_a_masked_norm_is_that_of_its_own_parameters():
    a, b = optim.Parameter([0.0]), optim.Parameter([[0.0]])
    clip = optim.masked(optim.clip_by_global_norm(1.0), lambda array: array.ndim == 1)
    train(optim.chain([a, b], clip, lr=1.0), [[[3.0], [[4.0]]]])
    np.testing.assert_allclose([a.data[0], b.data[0, 0]], [-1.0, -4.0], rtol=1e-6)


@pytest.mark.parametrize("first", [True, False])
def test_a_projection_holds_after_every_move_wherever_it_is(first, rng):
    params = parameters(rng)
    links = [optim.project(optim.project_l2_ball), optim.scale_by_adam()]
    optimizer = optim.chain(params, *(links if first else links[::-1]), lr=0.5)
    expected = copies(params)
    adam = optim.Adam(expected, lr=0.5)
    for grads in gradients_for(params, rng):
        train(optimizer, [grads])
        train(adam, [grads])
        for param in expected:
            param.data[...] = optim.project_l2_ball(param.data)
        np.testing.assert_allclose(params[0].data, expected[0].data, rtol=1e-10)


def test_parameters_are_kept_nonnegative(rng):
    params = [optim.Parameter(np.abs(rng.normal(size=100)))]
    optimizer = optim.chain(params, optim.keep_params_nonnegative(), lr=1.0)
    train(optimizer, gradients_for(params, rng))
    assert params[0].data.min() == 0 and params[0].data.max() > 0


def test_a_projection_is_for_parameters_that_moved():
    moved, still = optim.Parameter([-1.0]), optim.Parameter([-1.0])
    train(optim.chain([moved, still], optim.keep_params_nonnegative(), lr=1.0), [[[0.0], None]])
    assert moved.data[0] == 0.0 and still.data[0] == -1.0


# State dictionaries

def test_the_state_is_nested_under_the_names_of_the_links(rng):
    params = parameters(rng)
    optimizer = optim.chain(params, optim.clip(1.0), optim.scale_by_adam(), lr=0.1)
    train(optimizer, gradients_for(params, rng, steps=2))
    saved = optimizer.state_dict()
    assert saved["state"][0]["scale_by_adam"]["step"] == 2
    assert saved["state"][0]["clip"] == {}
    assert saved["param_groups"][0]["scale_by_adam.b1"] == 0.9
    assert list(saved["links"]) == ["clip", "scale_by_adam"]


def test_the_state_of_another_chain_is_refused_and_changes_nothing(rng):
    def made(*links):
        params = [optim.Parameter(np.ones(3))]
        optimizer = optim.chain(params, *links, lr=0.1)
        train(optimizer, gradients_for(params, np.random.default_rng(1), steps=2))
        return optimizer

    noise = optim.add_noise(1.0, 0.5, seed=0)
    own = made(optim.scale_by_adam(), optim.add_decayed_weights(0.1), noise)
    other_generator = own.state_dict()
    other_generator["links"]["add_noise"]["generator"]["bit_generator"] = "MT19937"
    other_shape = own.state_dict()
    other_shape["state"][0]["scale_by_adam"]["exp_avg"] = np.ones(4)
    other_shape["links"]["add_noise"]["generator"]["state"]["state"] += 1
    for wrong, message in [
        (made(optim.add_decayed_weights(0.1), optim.scale_by_adam(), noise).state_dict(), "not that of the chain"),
        (optim.Adam([optim.Parameter(np.ones(3))]).state_dict(), "but of none"),
        (other_generator, "PCG64"), (other_shape, r"has shape \(4,\); expected \(3,\)"),
        (3, "but of none"),
    ]:
        before = own.state_dict()
        with pytest.raises(ValueError, match=message):
            own.load_state_dict(wrong)
        np.testing.assert_equal(own.state_dict(), before)


# Clipping gradients in place

@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, "inf", np.inf])
@pytest.mark.parametrize("max_norm", [0.1, 100.0])
def test_clipping_by_norm_is_that_of_pytorch(norm_type, max_norm, rng):
    torch = pytest.importorskip("torch")
    params = parameters(rng)
    theirs = [torch.nn.Parameter(torch.tensor(param.data)) for param in params]
    for param, their in zip(params, theirs):
        param.grad = rng.normal(size=param.data.shape)
        their.grad = torch.tensor(param.grad)
    norm = optim.clip_grad_norm_([*params, optim.Parameter([1.0])], max_norm, norm_type=norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type=norm_type)
    assert norm == pytest.approx(float(expected), rel=1e-12)
    for param, their in zip(params, theirs):
        np.testing.assert_allclose(param.grad, their.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_norm_that_is_not_finite_raises_on_demand_and_changes_nothing(bad):
    param = optim.Parameter([1.0, 1.0])
    param.grad = np.array([3.0, bad])
    with pytest.raises(RuntimeError, match=r"the 2\.0-norm of the gradients is (nan|inf), and no factor makes it 1\.0"):
        optim.clip_grad_norm_([param], 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(param.grad, [3.0, bad])
    with np.errstate(invalid="ignore"):
        optim.clip_grad_norm_([param], 1.0)
    assert np.isnan(param.grad[1])


def test_clipping_nothing_is_no_error():
    assert optim.clip_grad_norm_([], 1.0) == 0.0
    assert optim.clip_grad_norm_(optim.Parameter([1.0]), 1.0) == 0.0


def test_clipping_by_value_is_in_place_for_one_parameter_or_many():
    param = optim.Parameter([1.0, 1.0, 1.0])
    grad = param.grad = np.array([3.0, -0.5, -9.0])
    optim.clip_grad_value_(param, 1)
    np.testing.assert_array_equal(grad, [1.0, -0.5, -1.0])
    assert param.grad is grad


def test_gradients_by_rows_are_clipped_with_each_row_counted_once():
    table = optim.Parameter(np.zeros((5, 1)))
    table.grad = optim.RowGradient([1, 3, 1], [[1.0], [4.0], [2.0]])
    assert optim.clip_grad_norm_([table], 1.0) == pytest.approx(5.0)
    np.testing.assert_allclose(table.grad.values, [[0.6], [0.8]], rtol=1e-6)
