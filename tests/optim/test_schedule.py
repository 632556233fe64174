"""Schedules have the values of torch.optim.lr_scheduler, can move any hyperparameter, and can be resumed."""

import gc
import math
import warnings
import weakref

import numpy as np
import pytest

import optim
from optim import schedule
from optim.schedule import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
    inverse_sqrt,
    warmup_cosine,
    warmup_stable_decay,
)


def make_optimizer(kind=optim.SGD, lr=0.1, **hyperparameters):
    return kind([optim.Parameter([1.0])], lr=lr, **hyperparameters)


def in_groups(optimizer, name):
    """Return a hyperparameter's value in each group."""
    return [schedule.read(group, name) for group in optimizer.param_groups]


def run(made, steps, name="lr"):
    """Return the values that training meets: before each of the steps."""
    found = []
    for _ in range(steps):
        found.append(in_groups(made.optimizer, name))
        made.optimizer.step()
        made.step()
    return np.array(found)


# For each: how to make it given a module of schedules and an optimizer, and how many steps it can be followed
CASES = {
    "LambdaLR": (lambda m, o: m.LambdaLR(o, lambda t: 1 / (1 + t)), 300),
    "LambdaLR, one for each group": (lambda m, o: m.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (1 + t)]), 300),
    "MultiplicativeLR": (lambda m, o: m.MultiplicativeLR(o, lambda t: 1 - 1 / (t + 10)), 300),
    "StepLR": (lambda m, o: m.StepLR(o, 7, gamma=0.9), 300),
    "MultiStepLR": (lambda m, o: m.MultiStepLR(o, [30, 4, 80, 80], gamma=0.5), 300),
    "MultiStepLR from the start": (lambda m, o: m.MultiStepLR(o, [0, 3], gamma=0.5), 10),
    "ConstantLR": (lambda m, o: m.ConstantLR(o, factor=0.3, total_iters=11), 50),
    "LinearLR": (lambda m, o: m.LinearLR(o, start_factor=0.1, total_iters=40), 300),
    "LinearLR down to 0": (lambda m, o: m.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=40), 60),
    "ExponentialLR": (lambda m, o: m.ExponentialLR(o, 0.97), 300),
    "PolynomialLR": (lambda m, o: m.PolynomialLR(o, total_iters=100, power=2.0), 120),
    "PolynomialLR, root": (lambda m, o: m.PolynomialLR(o, total_iters=50, power=0.5), 80),
    "CosineAnnealingLR": (lambda m, o: m.CosineAnnealingLR(o, T_max=60, eta_min=0.001), 300),
    "CosineAnnealingLR in one step": (lambda m, o: m.CosineAnnealingLR(o, T_max=1), 20),
    "CosineAnnealingWarmRestarts": (lambda m, o: m.CosineAnnealingWarmRestarts(o, T_0=17, eta_min=0.01), 300),
    "CosineAnnealingWarmRestarts, longer": (lambda m, o: m.CosineAnnealingWarmRestarts(o, T_0=10, T_mult=2), 400),
    "CosineAnnealingWarmRestarts, thrice": (lambda m, o: m.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=3), 400),
    "CyclicLR": (lambda m, o: m.CyclicLR(o, 0.01, 0.2, step_size_up=20), 300),
    "CyclicLR, uneven": (lambda m, o: m.CyclicLR(o, [0.01, 0.02], [0.2, 0.3], step_size_up=20, step_size_down=7), 300),
    "CyclicLR, triangular2": (lambda m, o: m.CyclicLR(o, 0.01, 0.2, step_size_up=9, mode="triangular2"), 300),
    "CyclicLR, exp_range": (lambda m, o: m.CyclicLR(o, 0.01, 0.2, step_size_up=9, mode="exp_range", gamma=0.99), 300),
    "CyclicLR, scale_fn by cycle": (lambda m, o: m.CyclicLR(o, 0.01, 0.2, 9, scale_fn=lambda c: 1 / c), 300),
    "CyclicLR, scale_fn by step": (
        lambda m, o: m.CyclicLR(o, 0.01, 0.2, 9, scale_fn=lambda t: 0.99**t, scale_mode="iterations"), 300),
    "OneCycleLR": (lambda m, o: m.OneCycleLR(o, 0.5, total_steps=200), 199),
    "OneCycleLR, linear": (lambda m, o: m.OneCycleLR(o, [0.5, 0.1], 150, anneal_strategy="linear", pct_start=0.4), 149),
    "OneCycleLR, three phases": (
        lambda m, o: m.OneCycleLR(o, 0.5, epochs=4, steps_per_epoch=30, three_phase=True, div_factor=10.0,
                                  final_div_factor=100.0, base_momentum=0.7, max_momentum=0.9), 119),
    "two on one optimizer, chained": (
        lambda m, o: m.ChainedScheduler([m.ConstantLR(o, 0.1, total_iters=20), m.ExponentialLR(o, 0.98)]), 300),
    "three chained": (
        lambda m, o: m.ChainedScheduler([m.LinearLR(o, 0.2), m.CosineAnnealingLR(o, 300), m.StepLR(o, 50)]), 290),
    "a sequence": (
        lambda m, o: m.SequentialLR(o, [m.LinearLR(o, 0.1, total_iters=20), m.CosineAnnealingLR(o, 100)], [20]), 200),
    "a sequence of many": (
        lambda m, o: m.SequentialLR(
            o, [m.ConstantLR(o, 0.1, 5), m.ExponentialLR(o, 0.9), m.StepLR(o, 3), m.PolynomialLR(o, 30),
                m.LambdaLR(o, lambda t: 0.5**t), m.MultiplicativeLR(o, lambda t: 0.9)], [5, 20, 40, 80, 90]), 100),
    "a sequence that begins with its second part": (
        lambda m, o: m.SequentialLR(o, [m.LinearLR(o, 0.5), m.ExponentialLR(o, 0.9)], [0]), 20),
}


def both_optimizers(kind):
    """Return PyTorch's module of schedules with an optimizer of two groups, and ours with the same."""
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.optim, kind)([{"params": [torch.nn.Parameter(torch.ones(1))]},
                                         {"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.3}], lr=0.1)
    ours = getattr(optim, kind)([{"params": [optim.Parameter([1.0])]},
                                 {"params": [optim.Parameter([1.0])], "lr": 0.3}], lr=0.1)
    return (torch.optim.lr_scheduler, theirs), (schedule, ours)


@pytest.mark.parametrize(("make", "steps"), CASES.values(), ids=CASES)
@pytest.mark.parametrize(("kind", "momentum"), [("SGD", "momentum"), ("Adam", "betas[0]")])
def test_values_are_those_of_pytorch(kind, momentum, make, steps):
    (module, theirs), (_, ours) = both_optimizers(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that step is deprecated within a chain of theirs
        expected, ours_made = make(module, theirs), make(schedule, ours)
        for _ in range(steps):
            for name in ("lr", momentum):
                np.testing.assert_allclose(in_groups(ours, name), in_groups(theirs, name), rtol=1e-9, atol=1e-15)
            theirs.step()
            ours.step()
            expected.step()
            ours_made.step()
    np.testing.assert_allclose(ours_made.get_last_lr(), expected.get_last_lr(), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("arguments", [
    dict(), dict(mode="max"), dict(threshold_mode="abs", threshold=0.1), dict(mode="max", threshold_mode="abs"),
    dict(patience=2, cooldown=3), dict(factor=0.5, min_lr=[0.01, 0.2]), dict(patience=0, eps=0.01)])
def test_plateaus_are_those_of_pytorch(arguments, rng):
    (module, theirs), (_, ours) = both_optimizers("SGD")
    expected, actual = module.ReduceLROnPlateau(theirs, **arguments), ReduceLROnPlateau(ours, **arguments)
    for metric in np.round(rng.normal(size=300), 1):
        expected.step(float(metric))
        actual.step(metric)
        np.testing.assert_allclose(in_groups(ours, "lr"), in_groups(theirs, "lr"), rtol=1e-12)


def test_annealing_to_the_rate_of_averaging_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    cases = dict(swa_lr=0.05), dict(swa_lr=[0.5, 0.02], anneal_strategy="linear"), dict(swa_lr=0.05, anneal_epochs=0)
    for arguments in cases:
        (_, theirs), (_, ours) = both_optimizers("SGD")
        expected, actual = torch.optim.swa_utils.SWALR(theirs, **arguments), schedule.SWALR(ours, **arguments)
        for _ in range(20):
            np.testing.assert_allclose(actual.get_last_lr(), expected.get_last_lr(), rtol=1e-12)
            for one in theirs, ours, expected, actual:
                one.step()


def test_warm_restarts_take_fractions_of_an_epoch():
    (module, theirs), (_, ours) = both_optimizers("SGD")
    expected = module.CosineAnnealingWarmRestarts(theirs, T_0=3, T_mult=2)
    actual = CosineAnnealingWarmRestarts(ours, T_0=3, T_mult=2)
    theirs.step()
    ours.step()
    for epoch in [0.25, 2.75, 3.0, 3.5, 8.75, 9.0, 20.5, 1.5, None, None, None]:
        expected.step(epoch)
        actual.step(epoch)
        np.testing.assert_allclose(actual.get_last_lr(), expected.get_last_lr(), rtol=1e-12)


# Looking at a schedule

@pytest.mark.parametrize(("make", "steps"), CASES.values(), ids=CASES)
def test_values_can_be_seen_without_moving_anything(make, steps):
    groups = [{"params": [optim.Parameter([1.0])]}, {"params": [optim.Parameter([1.0])], "lr": 0.3}]
    optimizer = optim.SGD(groups, lr=0.1)
    made = make(schedule, optimizer)
    before = optimizer.state_dict(), made.state_dict()
    seen = [made.values(steps, group=group) for group in range(2)]
    assert (optimizer.state_dict(), made.state_dict()) == before
    np.testing.assert_allclose(np.transpose(seen), run(made, steps), rtol=1e-12)


def test_of_two_hyperparameters_either_can_be_seen():
    made = CyclicLR(make_optimizer(momentum=0.5), 0.0, 1.0, step_size_up=2, base_momentum=0.8, max_momentum=0.9)
    np.testing.assert_allclose(made.values(5), [0, 0.5, 1, 0.5, 0])
    np.testing.assert_allclose(made.values(5, name="momentum"), [0.9, 0.85, 0.8, 0.85, 0.9])


def test_a_plateau_can_be_seen_from_the_numbers_to_come():
    made = ReduceLROnPlateau(make_optimizer(lr=1.0), patience=1)
    np.testing.assert_allclose(made.values([5, 4, 4, 4, 3]), [1, 1, 1, 0.1, 0.1])
    assert made.best == math.inf and made.get_last_lr() == [1.0]


def test_warmup_and_cosine_meet_at_the_top():
    values = warmup_cosine(make_optimizer(lr=2.0), warmup_steps=10, total_steps=50, eta_min=0.1).values(60)
    assert values.argmax() == 10 and values[10] == pytest.approx(2.0)
    assert np.all(np.diff(values[:11]) > 0) and np.all(np.diff(values[10:51]) < 0)
    np.testing.assert_allclose(values[:10], 2.0 * np.arange(1, 11) / 11)
    np.testing.assert_allclose(values[10:51], 0.1 + 1.9 * (1 + np.cos(np.pi * np.arange(41) / 40)) / 2)


def test_warmup_stable_decay_is_level_between():
    values = warmup_stable_decay(make_optimizer(lr=1.0), 4, 10, 5, final_factor=0.1).values(25)
    np.testing.assert_allclose(values[:4], np.arange(1, 5) / 5)
    np.testing.assert_allclose(values[4:15], 1.0)
    np.testing.assert_allclose(values[14:20], np.linspace(1, 0.1, 6))
    np.testing.assert_allclose(values[19:], 0.1)


def test_the_inverse_root_halves_when_time_is_quadrupled():
    values = inverse_sqrt(make_optimizer(lr=1.0), warmup_steps=16).values(300)
    np.testing.assert_allclose(values[[16, 64, 256]], [1, 0.5, 0.25])
    np.testing.assert_allclose(values[:16], np.arange(1, 17) / 17)


# Any hyperparameter

def test_momentum_can_be_scheduled():
    optimizer = make_optimizer(momentum=0.8)
    found = run(StepLR(optimizer, 2, gamma=0.5, name="momentum"), 5, name="momentum")
    np.testing.assert_allclose(found[:, 0], [0.8, 0.8, 0.4, 0.4, 0.2])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_one_of_the_betas_can_be_scheduled_or_both():
    optimizer = make_optimizer(optim.Adam, betas=(0.8, 0.9))
    run(ExponentialLR(optimizer, 0.5, name="betas[1]"), 1)
    assert optimizer.param_groups[0]["betas"] == (0.8, 0.45)
    optimizer = make_optimizer(optim.Adam, betas=(0.8, 0.9))
    both = LinearLR(optimizer, 0.5, total_iters=1, name="betas")
    assert optimizer.param_groups[0]["betas"] == (0.4, 0.45)
    np.testing.assert_allclose(both.values(2), [[0.4, 0.45], [0.8, 0.9]])


def test_a_hyperparameter_of_a_link_can_be_scheduled():
    optimizer = optim.chain([optim.Parameter([1.0])], optim.trace(0.9), optim.add_decayed_weights(0.1), lr=0.1)
    run(ExponentialLR(optimizer, 0.5, name="add_decayed_weights.weight_decay"), 2)
    assert optimizer.param_groups[0]["add_decayed_weights.weight_decay"] == pytest.approx(0.025)


def test_learning_rate_and_momentum_can_be_scheduled_at_once():
    optimizer = make_optimizer(momentum=0.8)
    made = ChainedScheduler([ExponentialLR(optimizer, 0.5), ExponentialLR(optimizer, 0.25, name="momentum")])
    run(made, 2)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.025)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.05)
    np.testing.assert_allclose(made.values(3, name="momentum"), [0.8, 0.2, 0.05])


def test_arrays_of_learning_rates_are_scheduled_all_at_once():
    lrs = np.array([0.1, 0.2, 0.4])
    optimizer = optim.SGD([optim.Parameter(np.ones((2, 3)))], lr=lrs)
    for made in (warmup_cosine(optimizer, 3, 10), SequentialLR(optimizer, [CosineAnnealingLR(optimizer, 5)], [])):
        values = made.values(8)
        assert values.shape == (8, 3)
        np.testing.assert_allclose(values / lrs, (values / lrs)[:, :1] * np.ones(3))
    np.testing.assert_array_equal(lrs, [0.1, 0.2, 0.4])


@pytest.mark.parametrize("name", ["nesterov", "speed", "params", "momentum[0]", "lr["])
def test_what_is_no_number_cannot_be_scheduled(name):
    with pytest.raises(ValueError, match=r"cannot be scheduled; the numbers .* are \['lr', 'momentum', 'dampening', "):
        StepLR(make_optimizer(), 3, name=name)


# Groups that come later, orders of construction, resuming

def test_a_group_added_later_joins_where_the_schedule_is():
    optimizer = make_optimizer(lr=0.1)
    made = warmup_cosine(optimizer, 5, 20)
    run(made, 8)
    optimizer.add_param_group({"params": [optim.Parameter([1.0])], "lr": 0.4})
    found = run(made, 6)
    np.testing.assert_allclose(found[1:, 1], 4 * found[1:, 0])
    np.testing.assert_allclose(found[1:, 1], made.values(14, group=1)[9:])


@pytest.mark.parametrize("make", [
    lambda o: CyclicLR(o, 0.01, 0.2, step_size_up=4), lambda o: OneCycleLR(o, 0.5, 20),
    lambda o: ChainedScheduler([LinearLR(o, 0.2), ExponentialLR(o, 0.9)]),
    lambda o: LambdaLR(o, lambda t: 1 / (1 + t))])
def test_a_group_added_later_is_scheduled_like_the_first(make):
    optimizer = make_optimizer(optim.Adam, lr=0.1)
    made = make(optimizer)
    run(made, 3)
    optimizer.add_param_group({"params": [optim.Parameter([1.0])], "lr": made.base(0, "lr")})
    found = run(made, 6)[1:]
    np.testing.assert_allclose(found[:, 1], found[:, 0])


def test_a_list_too_short_for_a_group_added_later_is_reported():
    optimizer = make_optimizer()
    made = LambdaLR(optimizer, [lambda t: 0.5**t])
    optimizer.add_param_group({"params": [optim.Parameter([1.0])]})
    optimizer.step()
    with pytest.raises(ValueError, match="lr_lambda has values for 1 groups; the optimizer has more"):
        made.step()


def test_stepping_the_schedule_before_the_optimizer_is_reported():
    optimizer = make_optimizer()
    made = StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"the first value, lr = 0.1. Call optimizer.step\(\) first"):
        made.step()
    made.step()  # warns only once


def test_the_right_order_raises_no_warning():
    run(StepLR(make_optimizer(), 1), 3)  # warnings are errors here


def test_a_second_schedule_starts_from_the_initial_value():
    optimizer = make_optimizer(lr=1.0, momentum=0.8)
    for name in "lr", "momentum":
        ConstantLR(optimizer, 0.5, name=name)
        assert LambdaLR(optimizer, lambda t: 1.0, name=name).get_last_lr() == [{"lr": 1.0, "momentum": 0.8}[name]]


RESUMED = {
    "StepLR": lambda o: StepLR(o, 3),
    "MultiplicativeLR": lambda o: MultiplicativeLR(o, lambda t: 0.9),
    "LinearLR of the momentum": lambda o: LinearLR(o, 0.5, total_iters=9, name="betas[0]"),
    "CosineAnnealingWarmRestarts": lambda o: CosineAnnealingWarmRestarts(o, 4),
    "CyclicLR": lambda o: CyclicLR(o, 0.01, 0.2, step_size_up=4, mode="exp_range", gamma=0.9),
    "OneCycleLR": lambda o: OneCycleLR(o, 0.5, 20),
    "SequentialLR": lambda o: warmup_cosine(o, 4, 20),
    "ChainedScheduler": lambda o: ChainedScheduler([LinearLR(o, 0.2), StepLR(o, 2)]),
}


@pytest.mark.parametrize("make", RESUMED.values(), ids=RESUMED)
@pytest.mark.parametrize("order", ["optimizer first", "schedule first", "optimizer before the schedule is made"])
def test_a_resumed_schedule_continues_bit_for_bit(make, order, tmp_path):
    optimizer = make_optimizer(optim.Adam)
    made = make(optimizer)
    run(made, 6)
    optim.save(tmp_path / "run.npz", {"optimizer": optimizer.state_dict(), "schedule": made.state_dict()})
    saved = optim.load(tmp_path / "run.npz")
    expected = run(made, 8)

    optimizer = make_optimizer(optim.Adam)
    if order == "optimizer before the schedule is made":
        optimizer.load_state_dict(saved["optimizer"])
    resumed = make(optimizer)
    if order == "optimizer first":
        optimizer.load_state_dict(saved["optimizer"])
    resumed.load_state_dict(saved["schedule"])
    if order == "schedule first":
        optimizer.load_state_dict(saved["optimizer"])
    np.testing.assert_array_equal(run(resumed, 8), expected)


class Decay:
    """A callable object, which has something to remember."""

    def __init__(self, rate):
        self.rate, self.table = rate, np.array([1.0, 0.5])

    def __call__(self, t):
        return self.table[t % 2] * self.rate**t


FORGETFUL = [lambda o: LambdaLR(o, lambda t: 0.9**t), lambda o: LambdaLR(o, [math.exp]),
             lambda o: CyclicLR(o, 0.1, 0.2, cycle_momentum=False), lambda o: CyclicLR(
                 o, 0.1, 0.2, scale_fn=lambda c: 1 / c, cycle_momentum=False)]


@pytest.mark.parametrize("make", FORGETFUL)
def test_of_functions_nothing_is_saved(make):
    made = make(make_optimizer())
    name, = made.functions
    saved = made.state_dict()
    assert saved.get(name, saved.get("lr_lambdas")) in (None, [None])
    made.load_state_dict(made.state_dict())


@pytest.mark.parametrize("kind, make, argument", [
    (LambdaLR, lambda rate: [Decay(rate)], "lr_lambda"), (MultiplicativeLR, Decay, "lr_lambda"),
    (lambda o, scale_fn: CyclicLR(o, 0.1, 0.2, scale_fn=scale_fn, cycle_momentum=False), Decay, "scale_fn")])
def test_of_callable_objects_the_attributes_are_saved(kind, make, argument, tmp_path):
    made = kind(make_optimizer(), make(0.9))
    run(made, 3)
    optim.save(tmp_path / "run.npz", made.state_dict())
    resumed = kind(make_optimizer(), make(0.1))
    resumed.load_state_dict(optim.load(tmp_path / "run.npz"))
    np.testing.assert_array_equal(run(resumed, 5), run(made, 5))


def test_attributes_of_callable_objects_are_saved_as_pytorch_does():
    torch = pytest.importorskip("torch")
    functions = [Decay(0.9), lambda t: 0.5]
    made = LambdaLR(optim.SGD([{"params": [optim.Parameter([1.0])]} for _ in functions]), functions)
    groups = [{"params": [torch.zeros(1, requires_grad=True)]} for _ in functions]
    theirs = torch.optim.lr_scheduler.LambdaLR(torch.optim.SGD(groups), functions)
    np.testing.assert_equal(made.state_dict()["lr_lambdas"], theirs.state_dict()["lr_lambdas"])


@pytest.mark.parametrize("other", [lambda t: 1.0, [Decay(0.1), Decay(0.2)]])
def test_the_state_of_a_callable_object_asks_for_one(other):
    saved = LambdaLR(make_optimizer(), Decay(0.9)).state_dict()
    made = LambdaLR(make_optimizer(), other)
    with pytest.raises(ValueError, match="saved with another lr_lambda: give the schedule the functions"):
        made.load_state_dict(saved)


def test_a_schedule_is_written_with_the_names_of_its_functions():
    assert repr(LambdaLR(make_optimizer(), [math.exp])) == "LambdaLR(lr_lambda=[exp], last_epoch=0)"


def test_a_resumed_plateau_remembers_its_best():
    made = ReduceLROnPlateau(make_optimizer(), patience=1)
    for metric in [3.0, 1.0, 2.0]:
        made.step(metric)
    resumed = ReduceLROnPlateau(make_optimizer(), patience=1)
    resumed.load_state_dict(made.state_dict())
    made.step(2.0)
    resumed.step(2.0)
    assert resumed.get_last_lr() == made.get_last_lr() == [pytest.approx(0.01)]


def test_last_epoch_goes_on_from_the_initial_value():
    optimizer = make_optimizer()
    made = CosineAnnealingLR(optimizer, 10)
    run(made, 4)
    again = CosineAnnealingLR(optimizer, 10, last_epoch=3)
    np.testing.assert_allclose(again.get_last_lr(), made.values(5)[4])
    with pytest.raises(KeyError, match="have no 'initial_lr': load the optimizer's state first"):
        StepLR(make_optimizer(), 3, last_epoch=5)


def test_the_state_of_another_schedule_is_refused_and_changes_nothing():
    optimizer = make_optimizer()
    made = warmup_cosine(optimizer, 4, 20)
    run(made, 2)
    before = made.state_dict()
    other = make_optimizer()
    two_groups = optim.SGD([{"params": [optim.Parameter([1.0])]}, {"params": [optim.Parameter([1.0])]}])
    momentum = make_optimizer(momentum=0.9)
    for wrong, message in [
        (StepLR(other, 3).state_dict(), "not the state of a SequentialLR, but of 'StepLR'"),
        ({"last_epoch": 3}, "but of None"),
        (warmup_cosine(two_groups, 4, 20).state_dict(), "the state holds 2 groups; this optimizer has 1"),
        (warmup_cosine(momentum, 4, 20, name="momentum").state_dict(), r"for \['lr'\]; got .* for \['momentum'\]"),
        (warmup_stable_decay(other, 4, 20, 3).state_dict(), "the state holds 3 schedules; expected 2"),
        (inverse_sqrt(make_optimizer(), 4).state_dict(), "not the state of a CosineAnnealingLR, but of 'LambdaLR'"),
    ]:
        with pytest.raises(ValueError, match=message):
            made.load_state_dict(wrong)
        assert made.state_dict() == before


# Arguments

@pytest.mark.parametrize(("make", "kind", "message"), [
    (lambda o: StepLR("adam", 3), TypeError, "optimizer is 'adam'; expected an Optimizer"),
    (lambda o: StepLR(o, 0), ValueError, "step_size is 0; it must be an integer of at least 1"),
    (lambda o: CosineAnnealingLR(o, 0), ValueError, "T_max is 0"),
    (lambda o: CosineAnnealingWarmRestarts(o, 2.5), ValueError, "T_0 is 2.5"),
    (lambda o: ConstantLR(o, 1.5), ValueError, "factor is 1.5; it must be in \\[0, 1\\]"),
    (lambda o: LinearLR(o, 0), ValueError, "start_factor is 0; it must be positive"),
    (lambda o: LinearLR(o, 1.0, -1), ValueError, "end_factor is -1"),
    (lambda o: LambdaLR(o, 0.9), TypeError, "lr_lambda is 0.9; expected a function"),
    (lambda o: CyclicLR(o, 0.1, 1.0, mode="square"), ValueError, "mode is 'square'"),
    (lambda o: CyclicLR(optim.Adagrad([optim.Parameter([1.0])]), 0.1, 1.0), ValueError, "cycle_momentum=False"),
    (lambda o: OneCycleLR(o, 1.0), ValueError, "give total_steps, or epochs and steps_per_epoch"),
    (lambda o: OneCycleLR(o, 1.0, 10, pct_start=2), ValueError, "pct_start is 2"),
    (lambda o: OneCycleLR(o, 1.0, 10, anneal_strategy="sin"), ValueError, "anneal_strategy is 'sin'"),
    (lambda o: OneCycleLR(o, 2.5, 10, cycle_momentum=False).values(12), ValueError, "step 11 is after the end of"),
    (lambda o: ReduceLROnPlateau(o, mode="low"), ValueError, "mode is 'low'"),
    (lambda o: ReduceLROnPlateau(o, factor=1.0), ValueError, "factor is 1.0"),
    (lambda o: ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold_mode is 'x'"),
    (lambda o: SequentialLR(o, [StepLR(o, 1)], [3]), ValueError, "1 schedules take turns at 0 milestones"),
    (lambda o: SequentialLR(o, [], []), ValueError, "at least one schedule"),
    (lambda o: ChainedScheduler([3]), TypeError, "3 is not a schedule"),
    (lambda o: ChainedScheduler([ReduceLROnPlateau(o)]), ValueError, "cannot hold ReduceLROnPlateau"),
    (lambda o: ChainedScheduler([StepLR(o, 1), StepLR(make_optimizer(), 1)]), ValueError, "belongs to another"),
    (lambda o: warmup_cosine(o, 0, 10), ValueError, "warmup_steps is 0"),
    (lambda o: CosineAnnealingWarmRestarts(o, 3).step(-1), ValueError, "epoch is -1"),
])
def test_wrong_arguments_are_reported_and_the_optimizer_stays_as_it_was(make, kind, message):
    optimizer = make_optimizer()
    optimizer.step()
    with pytest.raises(kind, match=message):
        make(optimizer)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_an_unfinished_schedule_says_which_method_it_needs():
    with pytest.raises(NotImplementedError, match=r"LRScheduler needs a method `value\(self, t, last, base\)`"):
        LRScheduler(make_optimizer())


def test_a_schedule_that_nobody_uses_is_freed_at_once():
    optimizer = optim.SGD([optim.Parameter([1.0])], lr=0.1)
    gc.disable()
    try:
        dropped = weakref.ref(StepLR(optimizer, 2))
        assert dropped() is None
    finally:
        gc.enable()
    optimizer.step()


# PyTorch's layout of the state

SHARED = {
    "StepLR": lambda o, s: s.StepLR(o, 2), "MultiStepLR": lambda o, s: s.MultiStepLR(o, [2, 4, 4], gamma=0.5),
    "ConstantLR": lambda o, s: s.ConstantLR(o, total_iters=4), "LinearLR": lambda o, s: s.LinearLR(o, total_iters=6),
    "ExponentialLR": lambda o, s: s.ExponentialLR(o, 0.9), "PolynomialLR": lambda o, s: s.PolynomialLR(o, 9, 2.0),
    "CosineAnnealingLR": lambda o, s: s.CosineAnnealingLR(o, 4, 0.1),
    "CosineAnnealingWarmRestarts": lambda o, s: s.CosineAnnealingWarmRestarts(o, 2, 2),
    "LambdaLR": lambda o, s: s.LambdaLR(o, lambda t: 0.9**t),
    "MultiplicativeLR": lambda o, s: s.MultiplicativeLR(o, lambda t: 0.9),
    "ReduceLROnPlateau": lambda o, s: s.ReduceLROnPlateau(o, patience=1, factor=0.5, min_lr=0.1),
}


def here():
    return optim.SGD([{"params": [optim.Parameter([1.0])]}, {"params": [optim.Parameter([1.0])], "lr": 0.5}], lr=1.0)


def walked(optimizer, made, steps):
    """Return the learning rates of both groups after each step."""
    rates = []
    for _ in range(steps):
        optimizer.step()
        made.step(*[1.0] * (type(made).__name__ == "ReduceLROnPlateau"))
        rates.append([group["lr"] for group in optimizer.param_groups])
    return rates


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("from_pytorch", [True, False])
def test_a_schedule_goes_on_in_the_other_library(name, from_pytorch):
    torch = pytest.importorskip("torch")
    schedules = torch.optim.lr_scheduler

    def there():
        params = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
        return torch.optim.SGD([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}], lr=1.0)

    begun, resumed = (there(), here()) if from_pytorch else (here(), there())
    modules = (schedules, schedule) if from_pytorch else (schedule, schedules)
    first = SHARED[name](begun, modules[0])
    walked(begun, first, 3)
    second = SHARED[name](resumed, modules[1])
    second.load_state_dict(first.state_dict())
    for own, other in zip(resumed.param_groups, begun.param_groups):
        own["lr"] = other["lr"]  # as the optimizer's state dictionary would
    np.testing.assert_allclose(walked(resumed, second, 6), walked(begun, first, 6), rtol=1e-12)


def test_the_state_of_a_schedule_of_pytorch_that_is_kept_otherwise_is_refused():
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], momentum=0.9)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, 9)
    made = OneCycleLR(optim.SGD([optim.Parameter([1.0])], momentum=0.9), 1.0, 9)
    with pytest.raises(ValueError, match="the state of PyTorch's schedules cannot be loaded into this OneCycleLR"):
        made.load_state_dict(theirs.state_dict())
