"""Averages and wrappers: equal to other libraries, right in limiting cases, and resumed bit for bit."""

import numpy as np
import pytest

import optim


@pytest.fixture(scope="module")  # an import of it draws global random numbers: not within a test
def jax():
    return pytest.importorskip("jax")


@pytest.fixture(scope="module")
def optax():
    return pytest.importorskip("optax")


SHAPES = (3, 4), (4,)


def parameters(rng):
    return [optim.Parameter(rng.normal(size=shape)) for shape in SHAPES]


def copies(params):
    return [optim.Parameter(param.data) for param in params]


def draw(rng, steps):
    return [[rng.normal(size=shape) for shape in SHAPES] for _ in range(steps)]


def walk(optimizer, gradients):
    """Make a step for each list of gradients; return the positions after each, a list of arrays."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    path = []
    for grads in gradients:
        for param, grad in zip(params, grads):
            param.grad = None if grad is None else grad.copy()
        optimizer.step()
        path.append([param.data.copy() for param in params])
    return path


def averages(optimizer):
    with optimizer.averaged():
        return [param.data.copy() for group in optimizer.param_groups for param in group["params"]]


def assert_paths_agree(first, second, **tolerance):
    for xs, ys in zip(first, second):
        for x, y in zip(xs, ys):
            np.testing.assert_allclose(x, y, **tolerance)


# Averages beside the run

def test_swa_of_k_steps_is_the_mean_of_the_k_points(rng):
    params = parameters(rng)
    optimizer = optim.SWA(optim.Adam(params, lr=0.1))
    path = walk(optimizer, draw(rng, 17))
    for i, average in enumerate(averages(optimizer)):
        np.testing.assert_allclose(average, np.mean([points[i] for points in path], axis=0))


def test_swa_takes_the_points_that_it_should(rng):
    optimizer = optim.SWA(optim.SGD(parameters(rng), lr=0.1), swa_start=4, swa_freq=3)
    path = walk(optimizer, draw(rng, 12))
    np.testing.assert_allclose(averages(optimizer)[0], (path[6][0] + path[9][0]) / 2)


def test_before_there_is_an_average_it_is_the_point_itself(rng):
    optimizer = optim.SWA(optim.SGD(parameters(rng), lr=0.1), swa_start=4)
    path = walk(optimizer, draw(rng, 3))
    np.testing.assert_array_equal(averages(optimizer)[0], path[-1][0])


@pytest.mark.parametrize(("wrap", "average"), [
    (lambda o: optim.EMA(o, decay=0.9), lambda u: u.get_ema_multi_avg_fn(0.9)),
    (lambda o: optim.SWA(o), lambda u: u.get_swa_multi_avg_fn())], ids=["EMA", "SWA"])
def test_averages_are_those_of_pytorch(wrap, average, rng):
    torch = pytest.importorskip("torch")
    optimizer = wrap(optim.SGD(parameters(rng), lr=0.1))
    module = torch.nn.ParameterList([torch.zeros(shape, dtype=torch.float64) for shape in SHAPES])
    averaged = torch.optim.swa_utils.AveragedModel(module, multi_avg_fn=average(torch.optim.swa_utils))
    for points in walk(optimizer, draw(rng, 20)):
        with torch.no_grad():
            for parameter, point in zip(module, points):
                parameter.copy_(torch.tensor(point))
        averaged.update_parameters(module)
    for actual, expected in zip(averages(optimizer), averaged.parameters()):
        np.testing.assert_allclose(actual, expected.detach().numpy(), rtol=1e-6)  # its weights are float32 numbers


@pytest.mark.parametrize("arrange", [lambda x: x, lambda x: x.T, lambda x: x[::2]], ids=["plain", "turned", "strided"])
def test_large_parameters_are_averaged_in_pieces_as_small_ones(arrange, rng):
    param = type("P", (), {"data": arrange(np.zeros((4, 50_001))), "grad": None})
    points = [arrange(rng.normal(size=(4, 50_001))) for _ in range(3)]
    optimizer = optim.SWA(optim.SGD([param], lr=0.0))
    for point in points:
        param.data[...] = point
        optimizer.step()
    np.testing.assert_allclose(averages(optimizer)[0], np.mean(points, axis=0), rtol=1e-10)


def test_averaging_beside_the_run_does_not_change_it(rng):
    params, gradients = parameters(rng), draw(rng, 10)
    expected = walk(optim.Adam(copies(params), lr=0.1), gradients)
    for wrap in optim.EMA, optim.SWA:
        assert_paths_agree(walk(wrap(optim.Adam(copies(params), lr=0.1)), gradients), expected, rtol=0)


def test_the_decay_of_an_average_can_be_scheduled_and_differ_by_group(rng):
    a, b = parameters(rng)
    optimizer = optim.EMA(optim.SGD([{"params": [a]}, {"params": [b]}], lr=0.1), decay=0.5)
    optimizer.param_groups[1]["EMA.decay"] = 0.0
    made = optim.schedule.ExponentialLR(optimizer, 0.5, name="EMA.decay")
    assert made.get_last_lr() == [0.5, 0.0]
    path = walk(optimizer, draw(rng, 3))
    np.testing.assert_allclose(averages(optimizer)[0], path[0][0] / 4 + path[1][0] / 4 + path[2][0] / 2)
    np.testing.assert_allclose(averages(optimizer)[1], path[2][1])
    made.step()
    assert made.get_last_lr() == [0.25, 0.0]


def test_the_parameters_are_back_to_the_bit_after_a_look_at_the_averages_even_if_it_fails(rng):
    optimizer = optim.EMA(optim.SGD(parameters(rng), lr=0.1))
    before = walk(optimizer, draw(rng, 5))[-1]
    with pytest.raises(ZeroDivisionError), optimizer.averaged():
        assert not np.array_equal(optimizer.param_groups[0]["params"][0].data, before[0])
        1 / 0  # noqa: B018
    np.testing.assert_array_equal(optimizer.param_groups[0]["params"][0].data, before[0])
    optimizer.step()


def test_a_step_during_a_look_at_the_averages_is_refused(rng):
    optimizer = optim.ScheduleFreeSGD(parameters(rng), lr=0.1)
    walk(optimizer, draw(rng, 2))
    with optimizer.averaged(), pytest.raises(RuntimeError, match="a step inside `with optimizer.averaged"):
        optimizer.step()


@pytest.mark.parametrize("hyper", [
    dict(), dict(lr=0.1, lambd=0.1), dict(lr=0.1, t0=3, alpha=0.5), dict(lr=0.1, t0=0, weight_decay=0.1),
    dict(lr=0.1, maximize=True)])
def test_asgd_is_that_of_pytorch_and_so_is_its_average(hyper, rng):
    torch = pytest.importorskip("torch")
    params, gradients = parameters(rng), draw(rng, 30)
    theirs = [torch.nn.Parameter(torch.tensor(param.data)) for param in params]
    expected = torch.optim.ASGD(theirs, **hyper)
    optimizer = optim.ASGD(params, **hyper)
    walk(optimizer, gradients)
    for grads in gradients:
        for their, grad in zip(theirs, grads):
            their.grad = torch.tensor(grad)
        expected.step()
    for param, their, average in zip(params, theirs, averages(optimizer)):
        np.testing.assert_allclose(param.data, their.detach().numpy(), rtol=1e-5)  # its eta is a float32 number
        np.testing.assert_allclose(average, expected.state[their]["ax"].numpy(), rtol=1e-5)
        for key in "step", "eta", "mu":
            assert optimizer.state[param][key] == pytest.approx(float(expected.state[their][key]), rel=1e-6)


# Averages that take part

def test_lookahead_of_one_step_all_the_way_is_the_inner_optimizer(rng):
    params, gradients = parameters(rng), draw(rng, 10)
    wrapped = walk(optim.Lookahead(optim.Adam(copies(params), lr=0.1), k=1, alpha=1.0), gradients)
    assert_paths_agree(wrapped, walk(optim.Adam(copies(params), lr=0.1), gradients), rtol=0)


def test_lookahead_that_goes_nowhere_stays_where_it_is(rng):
    params = parameters(rng)
    before = params[0].data.copy()
    path = walk(optim.Lookahead(optim.SGD(params, lr=0.1), k=3, alpha=0.0), draw(rng, 6))
    np.testing.assert_array_equal(path[2][0], before)
    np.testing.assert_array_equal(path[5][0], before)
    assert not np.array_equal(path[4][0], before)


def test_lookahead_is_that_of_optax(rng, jax, optax):
    params, gradients = parameters(rng), draw(rng, 20)
    with jax.enable_x64(True):
        theirs = optax.lookahead(optax.adam(0.1), sync_period=4, slow_step_size=0.3)
        expected = optax.LookaheadParams.init_synced([jax.numpy.asarray(param.data) for param in params])
        state = theirs.init(expected)
        for grads in gradients:
            updates, state = theirs.update([jax.numpy.asarray(grad) for grad in grads], state, expected)
            expected = optax.apply_updates(expected, updates)
    optimizer = optim.Lookahead(optim.Adam(params, lr=0.1), k=4, alpha=0.3)
    path = walk(optimizer, gradients)
    assert_paths_agree([path[-1], averages(optimizer)], [expected.fast, expected.slow], rtol=1e-6)


@pytest.mark.parametrize(("ours", "theirs"), [
    (lambda p: optim.ScheduleFreeSGD(p, lr=0.3), lambda c: c.schedule_free_sgd(0.3)),
    (lambda p: optim.ScheduleFreeSGD(p, lr=0.3, momentum=0.6, weight_decay=0.1, weight_lr_power=1.0),
     lambda c: c.schedule_free_sgd(0.3, b1=0.6, weight_decay=0.1, weight_lr_power=1.0)),
    (lambda p: optim.ScheduleFreeAdamW(p, lr=0.1), lambda c: c.schedule_free_adamw(0.1)),
    (lambda p: optim.ScheduleFreeAdamW(p, lr=0.1, betas=(0.7, 0.8), eps=0.1, weight_decay=0.1),
     lambda c: c.schedule_free_adamw(0.1, b1=0.7, b2=0.8, eps=0.1, weight_decay=0.1)),
    (lambda p: optim.Prodigy(p, use_bias_correction=True), lambda c: c.prodigy()),
    (lambda p: optim.Prodigy(p, lr=0.5, betas=(0.8, 0.9), beta3=0.7, eps=0.1, weight_decay=0.1, d0=0.1, d_coef=2.0,
                             use_bias_correction=True, safeguard_warmup=True),
     lambda c: c.prodigy(0.5, (0.8, 0.9), beta3=0.7, eps=0.1, weight_decay=0.1, estim_lr0=0.1, estim_lr_coef=2.0,
                         safeguard_warmup=True)),
    (lambda p: optim.DoG(p), lambda c: c.dog()),
    (lambda p: optim.DoG(p, lr=0.5, reps_rel=0.1, eps=0.1, weight_decay=0.1),
     lambda c: c.dog(0.5, init_step=("heuristic", 0.1), eps=0.1, weight_decay=0.1)),
])
def test_methods_without_schedule_or_rate_are_those_of_optax(ours, theirs, rng, jax, optax):
    params, noise = parameters(rng), draw(rng, 30)
    optimizer = ours(params)
    with jax.enable_x64(True):
        transform = theirs(optax.contrib)
        expected = [jax.numpy.asarray(param.data) for param in params]
        state = transform.init(expected)
        for extra in noise:
            for param, more in zip(params, extra):
                param.grad = param.data + more
            optimizer.step()
            updates, state = transform.update([p + more for p, more in zip(expected, extra)], state, expected)
            expected = optax.apply_updates(expected, updates)
            assert_paths_agree([[param.data for param in params]], [expected], rtol=1e-5)
        if hasattr(state, "z"):
            mean = optax.contrib.schedule_free_eval_params(state, expected)
            assert_paths_agree([averages(optimizer)], [mean], rtol=1e-5)


def test_schedule_free_with_a_mean_of_one_point_is_gradient_descent(rng):
    params, gradients = parameters(rng), draw(rng, 10)
    path = walk(optim.ScheduleFreeSGD(copies(params), lr=0.1, momentum=1e-12), gradients)
    assert_paths_agree(path, walk(optim.SGD(copies(params), lr=0.1), gradients), rtol=1e-9)


def test_schedule_free_points_have_the_stated_weights(rng):
    params, gradients = parameters(rng), draw(rng, 6)
    optimizer = optim.ScheduleFreeSGD(params, lr=0.1, warmup_steps=3, r=1.0)
    points = []
    for grads in gradients:
        walk(optimizer, [grads])
        points.append(optimizer.state[params[0]]["z"].copy())
    lr = 0.1 * np.array([1, 2, 3, 3, 3, 3]) / 3
    np.testing.assert_allclose(averages(optimizer)[0], np.average(points, axis=0, weights=lr**2 * np.arange(1, 7)))


def test_schedule_free_without_a_step_averages_nothing(rng):
    params = parameters(rng)
    before = params[0].data.copy()
    optimizer = optim.ScheduleFreeSGD(params, lr=0.0)
    np.testing.assert_array_equal(walk(optimizer, draw(rng, 2))[-1][0], before)
    with pytest.raises(ValueError, match="momentum is 0; it must be above 0"):
        optim.ScheduleFreeSGD(params, momentum=0)


def test_the_distance_is_measured_over_all_groups(rng):
    params = parameters(rng)
    apart = optim.DoG([{"params": params[:1]}, {"params": params[1:]}])
    together = optim.DoG(copies(params))
    gradients = draw(rng, 5)
    assert_paths_agree(walk(apart, gradients), walk(together, gradients), rtol=0)


# Sharpness

def quadratic(params, curvatures):
    """Return a closure for a bowl, and what it was called at."""
    seen = []

    def closure():
        seen.append([param.data.copy() for param in params])
        for param, curvature in zip(params, curvatures):
            param.grad = curvature * param.data
        return sum(float(np.sum(curvature * param.data**2)) for param, curvature in zip(params, curvatures)) / 2

    return closure, seen


def test_sam_steps_from_where_it_is_by_the_gradient_of_the_worst_point_nearby(rng):
    params, curvatures = parameters(rng), [rng.uniform(1, 5, size=shape) for shape in SHAPES]
    start = [param.data.copy() for param in params]
    closure, seen = quadratic(params, curvatures)
    loss = optim.SAM(optim.SGD(params, lr=0.1), rho=0.3).step(closure)
    assert loss == pytest.approx(sum(np.sum(c * s**2) for c, s in zip(curvatures, start)) / 2)
    norm = np.sqrt(sum(np.sum((c * s) ** 2) for c, s in zip(curvatures, start)))
    worst = [s + 0.3 * c * s / norm for c, s in zip(curvatures, start)]
    assert len(seen) == 2
    assert_paths_agree([seen[1]], [worst], rtol=1e-10)
    stepped = [s - 0.1 * c * w for s, c, w in zip(start, curvatures, worst)]
    assert_paths_agree([[param.data for param in params]], [stepped], rtol=1e-10)


def test_asam_does_not_notice_a_change_of_scale(rng):
    scale, start, curvature = 7.0, rng.normal(size=5), rng.uniform(1, 5, size=5)
    plain, scaled = optim.Parameter(start), optim.Parameter(start * scale)
    for param, c in (plain, curvature), (scaled, curvature / scale**2):
        closure, seen = quadratic([param], [c])
        optim.SAM(optim.SGD([param], lr=0.0), rho=0.5, adaptive=True).step(closure)
        np.testing.assert_allclose(seen[1][0] / param.data, 1 + 0.5 * np.abs(start) * curvature * start * np.sign(start)
                                   / np.linalg.norm(curvature * start**2), rtol=1e-10)


def test_sam_without_a_radius_is_the_inner_optimizer(rng):
    params, curvatures = parameters(rng), [np.full(shape, 2.0) for shape in SHAPES]
    plain = copies(params)
    sam, adam = optim.SAM(optim.Adam(params, lr=0.1), rho=0.0), optim.Adam(plain, lr=0.1)
    for _ in range(5):
        sam.step(quadratic(params, curvatures)[0])
        adam.step(quadratic(plain, curvatures)[0])
    np.testing.assert_array_equal(params[0].data, plain[0].data)


def test_sam_puts_the_parameters_back_if_the_second_closure_fails():
    param, calls = optim.Parameter([1.0]), []

    def closure():
        calls.append(0)
        if len(calls) == 2:
            raise KeyboardInterrupt
        param.grad = param.data.copy()
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        optim.SAM(optim.SGD([param])).step(closure)
    assert param.data[0] == 1.0


def test_sam_needs_a_closure():
    with pytest.raises(TypeError, match="SAM needs the gradient at two points"):
        optim.SAM(optim.SGD([optim.Parameter([1.0])])).step()


# Accumulation and bad gradients

def test_accumulated_steps_are_those_of_the_mean_gradient(rng):
    params, gradients = parameters(rng), draw(rng, 12)
    means = [[np.mean([grads[i] for grads in gradients[n:n + 3]], axis=0) for i in range(2)] for n in range(0, 12, 3)]
    path = walk(optim.GradientAccumulation(optim.Adam(copies(params), lr=0.1), every=3), gradients)
    expected = walk(optim.Adam(copies(params), lr=0.1), means)
    assert_paths_agree(path[2::3], expected, rtol=1e-12)
    np.testing.assert_array_equal(path[1][0], params[0].data)
    np.testing.assert_array_equal(path[4][0], path[2][0])


def test_a_gradient_missing_from_one_batch_counts_as_zero_and_from_all_as_none():
    a, b = optim.Parameter([0.0]), optim.Parameter([1.0])
    optimizer = optim.GradientAccumulation(optim.SGD([a, b], lr=1.0, weight_decay=0.5), every=2)
    walk(optimizer, [[np.array([2.0]), None], [None, None]])
    assert a.data[0] == -1.0 and b.data[0] == 1.0
    assert optimizer.optimizer.state.keys() <= {a}


def test_bad_gradients_leave_everything_as_it_was_and_are_counted(rng):
    params = parameters(rng)
    optimizer = optim.ApplyIfFinite(optim.Adam(params, lr=0.1))
    good = draw(rng, 6)
    bad = [[np.full(SHAPES[0], np.nan), np.zeros(4)], [np.zeros(SHAPES[0]), np.array([0, np.inf, 0, 0])]]
    expected = walk(optim.Adam(copies(params), lr=0.1), good)
    walk(optimizer, good[:3])
    before = optimizer.state_dict()
    for count, grads in enumerate(bad, 1):
        assert_paths_agree(walk(optimizer, [grads]), [expected[2]], rtol=0)
        assert optimizer.counts == {"notfinite_count": count, "total_notfinite": count}
    np.testing.assert_equal(optimizer.optimizer.state_dict()["state"], before["state"])
    assert_paths_agree(walk(optimizer, good[3:]), expected[3:], rtol=0)
    assert optimizer.counts == {"notfinite_count": 0, "total_notfinite": 2}


def test_too_many_bad_gradients_in_a_row_raise():
    param = optim.Parameter([1.0])
    optimizer = optim.ApplyIfFinite(optim.SGD([param]), max_consecutive_errors=2)
    walk(optimizer, [[np.array([np.nan])]] * 2)
    with pytest.raises(FloatingPointError, match="3 steps in a row had gradients that are not finite"):
        walk(optimizer, [[np.array([np.nan])]])


def test_closures_are_called_once_a_step_by_wrappers_that_look_at_the_gradient(rng):
    for wrap in optim.ApplyIfFinite, lambda o: optim.GradientAccumulation(o, 1):
        param = optim.Parameter([2.0])
        closure, seen = quadratic([param], [1.0])
        loss = wrap(optim.PolyakSGD([param])).step(closure)
        assert loss == 2.0 and len(seen) == 1 and param.data[0] == 1.0


def test_an_inner_line_search_gets_its_further_evaluations(rng):
    param = optim.Parameter([2.0, 1.0])
    closure, seen = quadratic([param], [np.array([1.0, 10.0])])
    optim.ApplyIfFinite(optim.LBFGS([param], line_search_fn="strong_wolfe")).step(closure)
    np.testing.assert_allclose(param.data, 0, atol=1e-5)
    np.testing.assert_array_equal(seen[0][0], [2.0, 1.0])
    assert not np.array_equal(seen[1][0], seen[0][0])


# What all wrappers share

WRAPPED = {
    "EMA": lambda p: optim.EMA(optim.Adam(p, lr=0.1), decay=0.9),
    "SWA": lambda p: optim.SWA(optim.Adam(p, lr=0.1), swa_start=2),
    "Lookahead": lambda p: optim.Lookahead(optim.Adam(p, lr=0.1), k=3),
    "GradientAccumulation": lambda p: optim.GradientAccumulation(optim.Adam(p, lr=0.1), every=2),
    "ApplyIfFinite": lambda p: optim.ApplyIfFinite(optim.Adam(p, lr=0.1)),
    "a chain": lambda p: optim.Lookahead(optim.chain(p, optim.add_noise(0.1, 0.5, seed=1), lr=0.1), k=2),
    "three in one": lambda p: optim.EMA(optim.ApplyIfFinite(optim.Lookahead(optim.Adam(p, lr=0.1), k=2))),
    "ASGD": lambda p: optim.ASGD(p, lr=0.1, t0=2),
    "ScheduleFreeSGD": lambda p: optim.ScheduleFreeSGD(p, lr=0.1, warmup_steps=4),
    "ScheduleFreeAdamW": lambda p: optim.ScheduleFreeAdamW(p, lr=0.1),
    "DoG": optim.DoG,
    "Prodigy": optim.Prodigy,
}


@pytest.mark.parametrize("make", WRAPPED.values(), ids=WRAPPED)
def test_a_run_resumed_from_a_file_continues_bit_for_bit_averages_included(make, rng, tmp_path):
    params, gradients = parameters(rng), draw(rng, 10)
    optimizer = make(params)
    walk(optimizer, gradients[:5])
    optim.save(tmp_path / "run.npz", {"params": [param.data for param in params], "optimizer": optimizer.state_dict()})
    expected = walk(optimizer, gradients[5:])
    run = optim.load(tmp_path / "run.npz")
    resumed = make([optim.Parameter(data) for data in run["params"]])
    resumed.load_state_dict(run["optimizer"])
    assert_paths_agree(walk(resumed, gradients[5:]), expected, rtol=0)
    if hasattr(optimizer, "averaged"):
        assert_paths_agree([averages(resumed)], [averages(optimizer)], rtol=0)


def test_groups_are_shared_with_the_inner_optimizer(rng):
    a, b = parameters(rng)
    inner = optim.SGD([a], lr=0.1)
    optimizer = optim.Lookahead(inner, k=1, alpha=0.5)
    optimizer.add_param_group({"params": [b], "lr": 1.0, "Lookahead.alpha": 1.0})
    assert inner.param_groups is optimizer.param_groups and inner.param_groups[1]["Lookahead.k"] == 1
    before = a.data.copy(), b.data.copy()
    path = walk(optimizer, [[np.ones(SHAPES[0]), np.ones(SHAPES[1])]])
    assert_paths_agree(path, [[before[0] - 0.05, before[1] - 1.0]])
    schedule = optim.schedule.StepLR(optimizer, 1)
    walk(optimizer, draw(rng, 1))
    schedule.step()
    assert [group["lr"] for group in inner.param_groups] == pytest.approx([0.01, 0.1])


def test_a_parameter_added_later_has_its_own_average(rng):
    a, b = parameters(rng)
    optimizer = optim.SWA(optim.SGD([a], lr=0.1))
    gradients = draw(rng, 4)
    walk(optimizer, [grads[:1] for grads in gradients[:2]])
    optimizer.add_param_group({"params": [b]})
    path = walk(optimizer, gradients[2:])
    np.testing.assert_allclose(averages(optimizer)[1], (path[0][1] + path[1][1]) / 2)


def test_hooks_of_both_are_called_in_their_order():
    inner, calls = optim.SGD([optim.Parameter([1.0])]), []
    optimizer = optim.EMA(inner)
    for which, name in (optimizer, "outer"), (inner, "inner"):
        which.register_step_pre_hook(lambda *_, name=name: calls.append(f"{name} before"))
        which.register_step_post_hook(lambda *_, name=name: calls.append(f"{name} after"))
    optimizer.step()
    assert calls == ["outer before", "inner before", "inner after", "outer after"]


@pytest.mark.parametrize(("make", "kind", "message"), [
    (lambda o: optim.EMA(optim.EMA(o)), ValueError, "wrapped in EMA already"),
    (lambda o: optim.EMA([optim.Parameter([1.0])]), TypeError, "EMA is wrapped around an Optimizer"),
    (lambda o: optim.EMA(o, decay=1.5), ValueError, r"EMA.decay is 1.5; it must be in \[0, 1\]"),
    (lambda o: optim.Lookahead(o, k=0), ValueError, "Lookahead.k is 0"),
    (lambda o: optim.SAM(o, rho=-1.0), ValueError, "SAM.rho is -1.0"),
    (lambda o: optim.SWA(o, swa_freq=0), ValueError, "swa_freq is 0"),
    (lambda o: optim.GradientAccumulation(o, every=1.5), ValueError, "every is 1.5"),
    (lambda o: optim.Wrapper(o).step(), NotImplementedError, r"needs a method `step_around\(self, closure\)`"),
])
def test_wrong_wrappings_are_reported(make, kind, message):
    optimizer = optim.SGD([optim.Parameter([1.0])])
    with pytest.raises(kind, match=message):
        make(optimizer)


def test_a_wrapping_that_fails_leaves_the_inner_optimizer_as_it_was():
    optimizer = optim.SGD([optim.Parameter([1.0])])
    before = repr(optimizer.param_groups), dict(optimizer.defaults)
    with pytest.raises(ValueError):
        optim.Lookahead(optimizer, k=3, alpha=-1.0)
    assert (repr(optimizer.param_groups), optimizer.defaults) == before


def test_the_state_of_another_wrapper_is_refused_and_changes_nothing(rng):
    def made(wrap, shape=(3,)):
        optimizer = wrap(optim.Adam([optim.Parameter(np.ones(shape))], lr=0.1))
        optimizer.param_groups[0]["params"][0].grad = np.ones(shape)
        optimizer.step()
        return optimizer

    own = made(optim.Lookahead)
    before = own.state_dict()
    inner_bad, own_bad = own.state_dict(), own.state_dict()
    inner_bad["state"][0]["exp_avg"] = np.ones(4)
    own_bad["Lookahead"]["state"][0]["slow"] = np.ones(4)
    stranger = own.state_dict()
    stranger["Lookahead"]["state"][5] = {"slow": np.ones(3)}
    for wrong, message in [
        (made(optim.EMA).state_dict(), "wrapped in Lookahead"), (made(lambda o: o).state_dict(), "no valid entry"),
        (inner_bad, r"shape \(4,\)"), (own_bad, r"Lookahead's state of parameter 0, 'slow' has shape"),
        (stranger, r"has state for parameters \[5\]"), (None, "wrapped in Lookahead"),
    ]:
        with pytest.raises(ValueError, match=message):
            own.load_state_dict(wrong)
        np.testing.assert_equal(own.state_dict(), before)
    for unwrapped in optim.Adam([optim.Parameter(np.ones(3))]), made(optim.SWA):
        with pytest.raises(ValueError):
            unwrapped.load_state_dict(before)
    with pytest.raises(ValueError, match=r"not the state of Adam alone: it also has \['SWA'\]"):
        optim.Adam([optim.Parameter(np.ones(3))]).load_state_dict(made(optim.SWA).state_dict())


def test_a_wrapper_shows_what_is_inside():
    optimizer = optim.EMA(optim.SGD([optim.Parameter([1.0])], lr=0.5))
    assert repr(optimizer).startswith("EMA(SGD(1 parameter, lr=0.5")
