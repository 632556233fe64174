"""The interface that all optimizers share: groups, gradients, hooks, state dictionaries, and your own class."""

import copy
import warnings
from importlib import metadata

import numpy as np
import pytest

import minigrad
import optim
from optim.checkpoint import converted
from optim.interface.optimizer import PIECE


def make(*shapes, kind=optim.SGD, dtype=np.float64, **hyper):
    """Return parameters of ones and their optimizer."""
    params = [optim.Parameter(np.ones(shape, dtype)) for shape in shapes or [(2,)]]
    return params, kind(params, **hyper)


def step(optimizer, *grads):
    params = [param for group in optimizer.param_groups for param in group["params"]]
    for param, grad in zip(params, grads):
        param.grad = grad
    optimizer.step()


# Parameters

@pytest.mark.parametrize(("data", "dtype"), [
    ([1, 2], np.float64), ([True], np.float64), (3.5, np.float64), (np.float32(1), np.float32),
    (np.ones(2, np.float16), np.float16), (np.ones(2, ">f8"), np.dtype(">f8"))])
def test_a_parameter_keeps_floats_as_they_are_and_makes_integers_float64(data, dtype):
    param = optim.Parameter(data)
    assert param.data.dtype == dtype and param.grad is None
    np.testing.assert_array_equal(param.data, data)


@pytest.mark.parametrize("data", ["0.1", 1j, [None], object(), ["a"]])
def test_a_parameter_holds_real_numbers(data):
    with pytest.raises(TypeError, match="data is .*; expected real numbers"):
        optim.Parameter(data)


def test_a_parameter_is_a_copy():
    array = np.ones(2)
    optim.Parameter(array).data[0] = 5
    assert array[0] == 1


def test_anything_with_data_and_grad_is_a_parameter():
    class Mine:
        data, grad = np.array([1.0]), np.array([2.0])

    optim.SGD([Mine], lr=0.1).step()
    assert Mine.data[0] == pytest.approx(0.8)


@pytest.mark.parametrize(("param", "kind", "message"), [
    (np.ones(2), TypeError, "is not a parameter"), ("w", TypeError, "is not a parameter"),
    (type("P", (), {"data": np.ones(2, int), "grad": None}), TypeError, "dtype int64; expected an ndarray of floats"),
    (type("P", (), {"data": [1.0], "grad": None}), TypeError, "data is a list"),
    (type("P", (), {"data": np.ones(2), "grad": None, "requires_grad": False}), ValueError, "requires_grad=True"),
])
def test_what_is_not_a_parameter_is_refused(param, kind, message):
    with pytest.raises(kind, match=message):
        optim.SGD([param])


def result_of_operations():
    return np.sum(minigrad.Tensor([1.0, 2.0], requires_grad=True) ** 2)


@pytest.mark.parametrize("params", [
    lambda: [result_of_operations()], lambda: [{"params": result_of_operations()}],
    lambda: [{"params": [result_of_operations()]}],
])
def test_a_result_of_operations_is_no_parameter_and_its_refusal_is_all_that_is_said(params):
    with pytest.raises(ValueError, match="params holds a result of operations, .* would never move"):
        optim.SGD(params())  # a warning would be an error here


def test_the_array_of_a_parameter_is_changed_in_place_even_if_it_is_a_view():
    table = np.ones((4, 6))
    for view in table[1::2, ::-2], table.T[3:4]:
        param = type("P", (), {"data": view, "grad": np.ones_like(view)})
        optim.SGD([param], lr=0.5).step()
        assert param.data is view
    expected = np.ones((4, 6))
    expected[1::2, ::-2] -= 0.5
    expected.T[3:4] -= 0.5
    np.testing.assert_array_equal(table, expected)


def with_array(array):
    return type("P", (), {"data": array, "grad": None})()


def test_read_only_parameters_are_refused():
    array = np.ones(2)
    array.flags.writeable = False
    with pytest.raises(ValueError, match=r"of shape \(2,\) is read-only .*: make it from a copy"):
        optim.SGD([with_array(array)])


@pytest.mark.parametrize("cut", [
    lambda table: (table, table), lambda table: (table[:3], table[2:]), lambda table: (table, table[1:2, 3]),
    lambda table: (table[:, ::2], table[:, ::3]), lambda table: (table[3:], table[:1], table.T[0])])
def test_parameters_that_share_memory_are_refused(cut):
    params = [with_array(array) for array in cut(np.ones((5, 6)))]
    with pytest.raises(ValueError, match="share memory: each would be moved twice a step"):
        optim.SGD(params)
    optimizer = optim.SGD(params[:-1])
    with pytest.raises(ValueError, match="share memory"):
        optimizer.add_param_group({"params": params[-1:]})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("cut", [
    lambda table: [table[:, i] for i in range(6)], lambda table: (table[::2], table[1::2]),
    lambda table: (table[:2], table[2:2], table[2:]), lambda table: (table[:, :3].T, table[:, 3:][::-1])])
def test_views_that_share_no_element_are_parameters(cut):
    table = np.ones((5, 6))
    params = [with_array(array) for array in cut(table)]
    optimizer = optim.SGD(params, lr=1.0)
    step(optimizer, *[np.ones_like(param.data) for param in params])
    np.testing.assert_array_equal(table, 0)


# Groups

def test_a_group_has_the_defaults_that_it_does_not_set():
    a, b = optim.Parameter([1.0]), optim.Parameter([1.0])
    optimizer = optim.SGD([{"params": [a], "lr": 0.5}, {"params": b}], lr=0.1, momentum=0.9)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]
    assert [group["momentum"] for group in optimizer.param_groups] == [0.9, 0.9]
    assert optimizer.param_groups[1]["params"] == [b]
    assert optimizer.defaults["lr"] == 0.1


def test_a_group_given_as_a_dictionary_is_left_as_it_was():
    given = {"params": (optim.Parameter([1.0]),), "lr": 0.5}
    before = dict(given)
    optimizer = optim.SGD([given])
    optimizer.param_groups[0]["lr"] = 0.1
    assert given == before


def test_a_generator_of_parameters_is_used_once():
    params = [optim.Parameter([1.0]) for _ in range(3)]
    optimizer = optim.SGD(param for param in params)
    assert optimizer.param_groups[0]["params"] == params


@pytest.mark.parametrize(("group", "kind", "message"), [
    ([optim.Parameter([1.0])], TypeError, 'a dictionary with the key "params"'),
    ({"lr": 0.1}, TypeError, 'a dictionary with the key "params"'),
    ({"params": [3]}, TypeError, "params holds 3, which is not a parameter"),
    ({"params": [optim.Parameter([1.0])], "lr": -1}, ValueError, "lr is -1; it must be finite and not negative"),
    ({"params": [optim.Parameter([1.0])], "learning_rate": 1}, ValueError, "does not know the hyperparameter"),
    ({"params": [optim.Parameter([1.0])], "lr": np.ones(3)}, ValueError, r"lr has shape \(3,\), which does not"),
])
def test_a_group_that_is_wrong_is_refused_and_not_added(group, kind, message):
    _, optimizer = make()
    with pytest.raises(kind, match=message):
        optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 1


def test_a_hyperparameter_changed_between_steps_counts_from_the_next_one():
    (param,), optimizer = make((1,), kind=optim.SGD, lr=0.1)
    step(optimizer, np.ones(1))
    optimizer.param_groups[0]["lr"] = 0.5
    step(optimizer, np.ones(1))
    assert param.data[0] == pytest.approx(0.4)
    optimizer.param_groups[0].update(lr=1.0, weight_decay=1.0)
    step(optimizer, np.zeros(1))
    assert param.data[0] == pytest.approx(0.0)


def test_an_array_hyperparameter_changed_in_place_counts_from_the_next_step():
    lrs = np.array([0.1, 0.2])
    (param,), optimizer = make((2,), lr=lrs)
    step(optimizer, np.ones(2))
    optimizer.param_groups[0]["lr"][0] = 0.5
    step(optimizer, np.ones(2))
    np.testing.assert_allclose(param.data, [0.4, 0.6])


def test_a_hyperparameter_cannot_be_removed_from_a_group_and_what_schedules_add_can():
    _, optimizer = make()
    with pytest.raises(ValueError, match="SGD needs 'lr' in each of its groups"):
        del optimizer.param_groups[0]["lr"]
    optim.schedule.StepLR(optimizer, 3)
    del optimizer.param_groups[0]["initial_lr"]


def test_numbers_of_numpy_do_not_promote_float32():
    for lr in np.float64(0.1), np.array(0.1), np.array([0.1, 0.1]):
        (param,), optimizer = make((2,), kind=optim.Adam, dtype=np.float32, lr=lr)
        step(optimizer, np.ones(2, np.float32))
        assert param.data.dtype == np.float32
        assert optimizer.state[param]["exp_avg"].dtype == np.float32


# Steps

def test_a_parameter_without_a_gradient_has_no_state_until_it_gets_one():
    (a, b), optimizer = make((1,), (1,), kind=optim.Adam)
    step(optimizer, np.ones(1), None)
    assert a in optimizer.state and b not in optimizer.state
    step(optimizer, None, np.ones(1))
    assert [optimizer.state[param]["step"] for param in (a, b)] == [1, 1]


@pytest.mark.parametrize("grad", [
    np.ones(3), np.ones((2, 1)), np.ones(2, np.float32), np.ones(2, int), [1.0, 1.0], 1.0])
def test_a_gradient_that_does_not_fit_is_refused_before_any_parameter_moves(grad):
    (a, b), optimizer = make((2,), (2,), kind=optim.Adam)
    with pytest.raises((TypeError, ValueError), match="gradient"):
        step(optimizer, np.ones(2), grad)
    np.testing.assert_array_equal([a.data, b.data], np.ones((2, 2)))
    assert not optimizer.state


def test_closures_compute_gradients_and_step_returns_their_loss():
    (param,), optimizer = make((1,), lr=0.1)

    def closure():
        param.grad = np.array([2.0])
        return "the loss"

    assert optimizer.step(closure) == "the loss"
    assert param.data[0] == 0.8
    assert optimizer.step() is None


def test_zero_grad_forgets_or_fills():
    (a, b), optimizer = make((1,), (1,))
    a.grad = grad = np.ones(1)
    optimizer.zero_grad(set_to_none=False)
    assert a.grad is grad and grad[0] == 0 and b.grad is None
    optimizer.zero_grad()
    assert a.grad is None


def test_empty_parameters_and_single_numbers_move_like_others():
    (empty, number), optimizer = make((0, 3), (), kind=optim.Adam, lr=0.1)
    step(optimizer, np.ones((0, 3)), np.array(2.0))
    assert empty.data.shape == (0, 3) and number.data == pytest.approx(0.9)
    assert isinstance(number.data, np.ndarray)


@pytest.mark.parametrize("arrange", [
    lambda x: x, np.asfortranarray, lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda x: x[::-1]],
    ids=["contiguous", "fortran", "strided", "reversed"])
def test_large_parameters_of_any_layout_move_in_pieces_as_small_ones_do(arrange, rng):
    shape = (3, PIECE)
    start, grads = rng.normal(size=shape), rng.normal(size=(3, *shape))
    large = type("P", (), {"data": arrange(start.copy()), "grad": None})
    rows = [optim.Parameter(row) for row in arrange(start.copy())]
    whole = optim.SGD([large], lr=0.1, momentum=0.9, nesterov=True), optim.Adam([large], lr=0.1)
    by_row = optim.SGD(rows, lr=0.1, momentum=0.9, nesterov=True), optim.Adam(rows, lr=0.1)
    for grad in grads:
        for together, apart in zip(whole, by_row):
            step(together, arrange(grad))
            step(apart, *arrange(grad))
    np.testing.assert_allclose(large.data, [row.data for row in rows], rtol=1e-12)


# Hooks

def test_hooks_are_called_in_order_with_the_optimizer_and_can_be_removed():
    (param,), optimizer = make((1,), lr=0.5)
    calls = []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append(("before", o, args, param.data[0])))
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append(("after", o, kwargs, param.data[0])))
    step(optimizer, np.ones(1))
    assert calls == [("before", optimizer, (None,), 1.0), ("after", optimizer, {}, 0.5)]
    before.remove()
    before.remove()
    step(optimizer, np.ones(1))
    assert [call[0] for call in calls] == ["before", "after", "after"]


def test_a_hook_may_set_gradients_and_remove_itself():
    (param,), optimizer = make((1,), lr=1.0)

    def once(optimizer, args, kwargs):
        param.grad = np.array([0.25])
        handle.remove()

    handle = optimizer.register_step_pre_hook(once)
    step(optimizer, None)
    assert param.data[0] == 0.75
    step(optimizer, None)
    assert param.data[0] == 0.75


# State dictionaries

def test_a_state_dictionary_has_pytorchs_layout():
    params = [optim.Parameter([1.0]) for _ in range(3)]
    optimizer = optim.Adam([{"params": params[:2]}, {"params": params[2:], "lr": 0.5}])
    step(optimizer, None, np.ones(1), np.ones(1))
    saved = optimizer.state_dict()
    assert saved.keys() == {"state", "param_groups"}
    assert saved["state"].keys() == {1, 2} and saved["state"][1].keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert [group["params"] for group in saved["param_groups"]] == [[0, 1], [2]]
    assert saved["param_groups"][1]["lr"] == 0.5 and type(saved["param_groups"][0]) is dict


def trained(kind=optim.Adam, shapes=((2,), (3,)), **hyper):
    params, optimizer = make(*shapes, kind=kind, **hyper)
    step(optimizer, *[np.ones(shape) for shape in shapes])
    return params, optimizer


def spoiled(change):
    saved = trained()[1].state_dict()
    change(saved)
    return saved


@pytest.mark.parametrize(("saved", "message"), [
    (3, 'has the keys "state" and "param_groups"'),
    ({"state": {}}, 'has the keys "state" and "param_groups"'),
    (trained(optim.SGD, momentum=0.9)[1].state_dict(), "this is not the state of Adam: its groups lack"),
    (trained(shapes=((2,),))[1].state_dict(), "has 1 params where this optimizer has 2"),
    (trained(shapes=((2,), (4,)))[1].state_dict(), r"parameter 1, 'exp_avg' has shape \(4,\); expected \(3,\)"),
    (spoiled(lambda saved: saved["param_groups"].append(saved["param_groups"][0])), "has 2 param_groups where"),
    (spoiled(lambda saved: saved["state"].update({7: {}})), r"has state for parameters \[7\], which"),
    (spoiled(lambda saved: saved["state"][0].pop("exp_avg")), "this optimizer keeps"),
    (spoiled(lambda saved: saved["state"][0].update(momentum_buffer=1)), "this optimizer keeps"),
    (spoiled(lambda saved: saved["param_groups"][0].update(lr=-1)), "lr is -1"),
    (spoiled(lambda saved: saved["param_groups"][0].update(speed=1)), "does not know the hyperparameter 'speed'"),
    (spoiled(lambda saved: saved.update(rng=1)), r"not the state of Adam alone: it also has \['rng'\]"),
])
def test_a_state_dictionary_that_does_not_fit_is_refused_and_changes_nothing(saved, message):
    _, optimizer = trained(lr=0.5)
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(saved)
    np.testing.assert_equal(optimizer.state_dict(), before)


def test_what_is_loaded_is_a_copy_and_the_lists_and_dictionaries_stay_the_same_objects():
    (param, _), optimizer = trained()
    groups, state = optimizer.param_groups, optimizer.state
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups is groups and optimizer.state is state
    state[param]["exp_avg"][...] = 7
    groups[0]["lr"] = 0.7
    assert saved["state"][0]["exp_avg"][0] != 7 and saved["param_groups"][0]["lr"] != 0.7


def test_a_state_of_float64_is_loaded_in_the_parameters_dtype():
    saved = trained()[1].state_dict()
    (param, _), optimizer = make((2,), (3,), kind=optim.Adam, dtype=np.float32)
    optimizer.load_state_dict(saved)
    assert optimizer.state[param]["exp_avg"].dtype == np.float32


def test_an_optimizer_can_be_copied_with_its_parameters():
    params, optimizer = trained()
    twins, twin = copy.deepcopy((params, optimizer))
    for one in optimizer, twin:
        step(one, np.ones(2), np.ones(3))
    np.testing.assert_array_equal(twins[0].data, params[0].data)
    assert twins[0].data is not params[0].data and twins[0] in twin.state


# PyTorch's state dictionaries, through a file

@pytest.mark.parametrize(("name", "hyper"), [
    ("SGD", {"momentum": 0.9}), ("Adam", {"amsgrad": True}), ("AdamW", {}), ("Adagrad", {}),
    ("RMSprop", {"centered": True}), ("NAdam", {}), ("Rprop", {}), ("ASGD", {})])
def test_a_run_moves_between_pytorch_and_here_through_a_file(name, hyper, rng, tmp_path):
    torch = pytest.importorskip("torch")
    start, grads = rng.normal(size=(2, 3)), rng.normal(size=(9, 2, 3))
    theirs = torch.nn.Parameter(torch.tensor(start))
    whole = torch.nn.Parameter(torch.tensor(start))
    expected = getattr(torch.optim, name)([whole], lr=0.1, **hyper)
    for grad in grads:
        whole.grad = torch.tensor(grad)
        expected.step()

    first = getattr(torch.optim, name)([theirs], lr=0.1, **hyper)
    for grad in grads[:3]:
        theirs.grad = torch.tensor(grad)
        first.step()

    ours = optim.Parameter(theirs.detach().numpy())
    second = getattr(optim, name)([ours])
    second.load_state_dict(first.state_dict())
    for grad in grads[3:6]:
        step(second, grad)
    optim.save(tmp_path / "run.npz", {"w": ours.data, "optimizer": second.state_dict()})

    run = converted(torch.tensor, optim.load(tmp_path / "run.npz"))
    theirs = torch.nn.Parameter(run["w"])
    third = getattr(torch.optim, name)([theirs])
    third.load_state_dict(run["optimizer"])
    for grad in grads[6:]:
        theirs.grad = torch.tensor(grad)
        third.step()
    np.testing.assert_allclose(theirs.detach().numpy(), whole.detach().numpy(), rtol=1e-6)


# Your own class

def test_a_method_that_asks_for_what_is_not_a_default_is_reported_when_it_is_made():
    class Forgetful(optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, lr=lr)

        def update(self, grad, state, param, *, momentum):
            return momentum * grad

    with pytest.raises(TypeError, match="Forgetful needs the hyperparameter `momentum`, .* only lr: write momen"):
        Forgetful([optim.Parameter([1.0])])


def test_ranges_belong_to_the_class_and_only_those_of_common_names_to_all():
    class Student(optim.Optimizer):
        ranges = {"k": optim.interface.hyperparameters.whole(1)}

        def __init__(self, params, k=1, gamma=-0.5, momentum=-2, eps=0):
            super().__init__(params, lr=1.0, k=k, gamma=gamma, momentum=momentum, eps=eps)

    p = optim.Parameter([1.0])
    Student([p])
    for wrong, words in ({"k": 0.5}, "an integer of at least 1"), ({"eps": -1}, "finite and not negative"):
        with pytest.raises(ValueError, match=f"must be {words}"):
            Student([p], **wrong)
    link = optim.chain([p], optim.rule_of(optim.SGD, momentum=0.9), optim.rule_of(Student, k=2))
    for name, value in ("SGD.momentum", -1), ("Student.k", 0), ("lr", -1):
        with pytest.raises(ValueError, match=f"{name} is {value}; it must be"):
            link.param_groups[0][name] = value


def test_an_optimizer_without_a_rule_says_which_method_it_needs():
    optimizer = optim.Optimizer([optim.Parameter([1.0])], lr=0.1)
    with pytest.raises(NotImplementedError, match=r"Optimizer needs a method `update\(self, grad, state, param"):
        step(optimizer, np.ones(1))


def test_a_rule_may_ask_for_the_learning_rate_and_may_return_the_whole_step():
    class Whole(optim.Optimizer):
        returns_step = True

        def __init__(self, params, lr=0.1):
            super().__init__(params, lr=lr)

        def update(self, grad, state, param, *, lr):
            return 2 * lr * grad

    (param,), optimizer = make((1,), kind=Whole, lr=0.25)
    step(optimizer, np.ones(1))
    assert param.data[0] == 0.5


@pytest.mark.parametrize("size", [5, 2 * PIECE + 5])
def test_scalars_move_on_once_a_step_however_many_pieces(size):
    class Counting(optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, lr=lr)

        def init_state(self, param):
            return {"step": 0, "product": 1.0, "first": None, "nested": {"deep": np.zeros_like(param)}}

        def advance(self, state):
            state["product"] *= 0.5

        def update(self, grad, state, param):
            if state["first"] is None:
                state["first"] = grad.copy()
            state["nested"]["deep"] += grad
            return state["product"] * grad

    (param,), optimizer = make((size,), kind=Counting)
    for n in range(3):
        step(optimizer, np.full(size, n + 1.0))
    state = optimizer.state[param]
    assert state["step"] == 3 and state["product"] == 0.125
    np.testing.assert_array_equal(state["first"], np.ones(size))
    np.testing.assert_array_equal(state["nested"]["deep"], np.full(size, 6.0))


def test_repr_shows_the_class_the_number_of_parameters_and_the_hyperparameters():
    _, optimizer = make((1,), (2,), lr=0.5)
    assert repr(optimizer).startswith("SGD(2 parameters, lr=0.5, momentum=0")
    optimizer.add_param_group({"params": [optim.Parameter([1.0])]})
    assert repr(optimizer).startswith("SGD(3 parameters in 2 groups, lr=0.5")


@pytest.mark.parametrize("name, meant", [
    ("Adamw", "AdamW"), ("lr_scheduler", "schedule"), ("CosineAnnealingLR", "schedule.CosineAnnealingLR")])
def test_names_of_the_package_that_are_almost_right_are_mended(name, meant):
    with pytest.raises(AttributeError, match=rf"did you mean optim\.{meant}\?"):
        getattr(optim, name)


# State that is lost

class Loses(optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr=lr)

    def init_state(self, param):
        return {"m": np.zeros_like(param), "first": param.copy()}

    def update(self, grad, state, param):
        m = state["m"]
        m = 0.9 * m + grad
        return m


class LosesAsALink(optim.Link):
    init_state, update = Loses.init_state, Loses.update


class Keeps(Loses):
    def update(self, grad, state, param):
        m, first = state["m"], state["first"]
        m *= 0.9
        m += grad
        m = m / (1 - 0.9)
        first = first - param
        return m + 0 * first


@pytest.fixture
def unseen():
    """Let classes be looked at as if they had not made a step yet."""
    optim.interface.lost_state.SEEN.clear()


@pytest.mark.parametrize(("make", "name"), [
    (Loses, "Loses"), (lambda params: optim.chain(params, optim.clip(1.0), LosesAsALink()), "LosesAsALink"),
    (lambda params: optim.SWA(Loses(params)), "Loses")], ids=["optimizer", "link", "wrapped"])
def test_a_state_that_is_lost_is_named_once_in_the_first_step(make, name, unseen, recwarn):
    for _ in range(2):
        optimizer = make([optim.Parameter([1.0, 2.0])])
        for _ in range(3):
            step(optimizer, np.ones(2))
    message, = [str(warning.message) for warning in recwarn]
    assert message.startswith(f'{name}.update loses the new state["m"]: line ')
    assert "`m = 0.9 * m + grad`, makes a new array and calls it m" in message


def test_a_state_that_is_kept_or_meant_to_stay_is_not_warned_of(unseen):
    (_,), optimizer = make((2,), kind=Keeps)
    for grad in np.zeros(2), np.ones(2):
        step(optimizer, grad)  # a warning would be an error


def test_looking_for_lost_state_changes_no_random_numbers(unseen):
    class Noisy(Loses):
        def __init__(self, params):
            super().__init__(params)
            self.rng = np.random.default_rng(0)

        def update(self, grad, state, param):
            m = state["m"]
            m = grad + self.rng.normal(size=param.shape)
            return m

    ends = []
    for _ in range(2):
        (p,), optimizer = make((2,), kind=Noisy)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(3):
                step(optimizer, np.ones(2))
        ends.append(p.data.copy())
    np.testing.assert_array_equal(*ends)


# An optimizer written as for PyTorch

class HeavyBall(optim.Optimizer):
    """Momentum, line for line as one writes it for PyTorch."""

    def __init__(self, params, lr=0.01, momentum=0.9):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    def step(self, closure=None):
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["buffer"] = np.zeros_like(p.data)
                state["step"] += 1
                state["buffer"] = group["momentum"] * state["buffer"] + p.grad
                p.data -= group["lr"] * state["buffer"]
        return loss


class WithoutClosure(HeavyBall):
    def step(self):
        super().step()


styles = pytest.mark.parametrize("style", [HeavyBall, WithoutClosure])


def bowl(style, start=(2.0, -3.0), **hyper):
    """Return a parameter on a bowl, its closure, and an optimizer."""
    p = optim.Parameter(start)

    def closure():
        p.grad = np.array([1.0, 4.0]) * p.data
        return float(np.array([1.0, 4.0]) @ p.data**2) / 2

    return p, closure, style([p], **hyper)


@styles
def test_a_step_as_for_pytorch_goes_where_the_rule_goes(style):
    (p, closure, own), (q, theirs, rule) = bowl(style, lr=0.1), bowl(optim.SGD, lr=0.1, momentum=0.9)
    for _ in range(10):
        assert own.step(closure) == rule.step(theirs)
    np.testing.assert_allclose(p.data, q.data, rtol=1e-13)


@styles
def test_hooks_run_once_around_a_step_as_for_pytorch(style):
    p, closure, optimizer = bowl(style)
    calls = []
    optimizer.register_step_pre_hook(lambda *_: calls.append(("before", p.data[0])))
    optimizer.register_step_post_hook(lambda *_: calls.append(("after", p.data[0])))
    optimizer.step(closure)
    assert calls == [("before", 2.0), ("after", p.data[0])] and p.data[0] != 2.0


def test_hooks_run_around_a_step_that_comes_from_a_mixin():
    class Printing:
        def step(self, closure=None):
            return super().step(closure)

    p, closure, optimizer = bowl(type("PrintingSGD", (Printing, optim.SGD), {}))
    calls = []
    optimizer.register_step_post_hook(lambda *_: calls.append(p.data[0]))
    optimizer.step(closure)
    assert calls == [p.data[0]]


@styles
def test_a_run_as_for_pytorch_resumes_bit_for_bit_through_a_file(style, tmp_path):
    p, closure, optimizer = bowl(style)
    for _ in range(3):
        optimizer.step(closure)
    optim.save(tmp_path / "run.npz", {"p": p.data, "optimizer": optimizer.state_dict()})
    run = optim.load(tmp_path / "run.npz")
    q, again, resumed = bowl(style, run["p"], lr=7.0)
    resumed.load_state_dict(run["optimizer"])
    for _ in range(3):
        optimizer.step(closure)
        resumed.step(again)
    np.testing.assert_array_equal(p.data, q.data)
    assert run["optimizer"]["state"][0]["step"] == 3 and resumed.state[q]["step"] == 6


@pytest.mark.parametrize(("other", "message"), [
    (lambda: bowl(HeavyBall, (1.0, 2.0, 3.0))[2], r"for a parameter of shape \(2,\); expected \(3,\)"),
    (lambda: bowl(optim.SGD)[2], r"not the state of SGD alone: it also has \['shapes'\]"),
    (lambda: bowl(type("Other", (HeavyBall,), {"__init__": lambda self, params: optim.Optimizer.__init__(
        self, params, {"speed": 1})}))[2], "its groups lack|does not know the hyperparameter"),
], ids=["another shape", "built in", "other hyperparameters"])
def test_the_state_of_a_step_as_for_pytorch_is_refused_where_it_does_not_fit(other, message):
    p = optim.Parameter([1.0, 2.0])
    optimizer = HeavyBall([p])
    step(optimizer, np.ones(2))
    fits, other = optimizer.state_dict(), other()
    before = other.state_dict()
    with pytest.raises(ValueError, match=message):
        other.load_state_dict(fits)
    np.testing.assert_equal(other.state_dict(), before)


def test_a_state_of_the_same_class_written_for_pytorch_is_loaded():
    torch = pytest.importorskip("torch")

    p, _, optimizer = bowl(HeavyBall)
    optimizer.load_state_dict({"state": {0: {"step": 3, "buffer": torch.tensor([1.0, 2.0])}},
                               "param_groups": [{"lr": 0.5, "momentum": 0.0, "params": [0]}]})
    step(optimizer, np.ones(2))
    np.testing.assert_array_equal(p.data, [1.5, -3.5])
    assert optimizer.state[p]["step"] == 4 and type(optimizer.state[p]["buffer"]) is np.ndarray


@styles
@pytest.mark.parametrize("wrap", [
    lambda o: optim.GradientAccumulation(o, 1), optim.ApplyIfFinite, optim.SWA,
    lambda o: optim.Lookahead(o, k=1, alpha=1.0)], ids=["accumulation", "finite", "swa", "lookahead"])
def test_wrappers_and_schedules_take_a_step_as_for_pytorch(style, wrap):
    (p, closure, own), (q, theirs, rule) = bowl(style, lr=0.1), bowl(optim.SGD, lr=0.1, momentum=0.9)
    own, rule = wrap(own), wrap(rule)
    for optimizer, function in ((own, closure), (rule, theirs)):
        schedule = optim.schedule.StepLR(optimizer, 2)
        for _ in range(5):
            optimizer.step(function)
            schedule.step()
    np.testing.assert_allclose(p.data, q.data, rtol=1e-13)


@styles
def test_a_step_as_for_pytorch_passes_its_check(style):
    assert "passes" in str(optim.check(style))


def test_an_optimizer_that_does_not_call_super_is_answered_at_its_first_use():
    class Forgets(optim.Optimizer):
        def __init__(self, params, lr=0.1):
            self.lr = lr

    for use in Forgets.zero_grad, Forgets.step:
        with pytest.raises(AttributeError, match=r"its __init__ has to call super\(\).__init__\(params, lr=lr, ...\)"):
            use(Forgets([optim.Parameter([1.0])]))


def test_a_step_as_for_pytorch_does_not_take_maximize_unless_it_says_so():
    with pytest.raises(ValueError, match="HeavyBall does not know the hyperparameter 'maximize'"):
        HeavyBall([{"params": [optim.Parameter([1.0])], "maximize": True}])


def test_a_step_that_ignores_its_closure_is_refused_in_words():
    class Ignores(HeavyBall):
        def step(self, closure=None):
            super().step()

    p, closure, optimizer = bowl(Ignores)
    with pytest.raises(TypeError, match=r"Ignores.step\(closure\) does not call its closure.*write `def step\(self\)`"):
        optimizer.step(closure)
    closure()
    optimizer.step()
    assert p.data[0] != 2.0


def test_a_step_as_for_pytorch_is_shown():
    shown = str(optim.show(HeavyBall))
    assert "\n    loss = None if closure is None else closure()\n" in shown and shown.endswith("\n    return loss")


def test_a_group_names_its_hyperparameters_where_one_is_missing():
    group = bowl(HeavyBall)[2].param_groups[0]
    with pytest.raises(KeyError, match="HeavyBall has no hyperparameter 'rate'; choose from lr, momentum"):
        group["rate"]
    assert group.get("rate") is None and "rate" not in group


def test_numpy_takes_a_parameter_for_its_array():
    p = optim.Parameter(np.float32([1, 2]))
    np.testing.assert_array_equal(np.zeros_like(p), np.zeros(2, np.float32), strict=True)
    assert np.asarray(p).dtype == np.float32 and np.array(p, dtype=float).dtype == float
    with pytest.raises(TypeError, match="does not support ufuncs"):
        p -= np.ones(2)


def test_a_model_instead_of_its_parameters_is_refused_in_words():
    class Model:
        def parameters(self):
            return [optim.Parameter([1.0])]

    for given in Model(), Model().parameters:
        with pytest.raises(TypeError, match=r"write model.parameters\(\)"):
            optim.SGD(given)


def test_a_generator_that_is_called_parameters_is_taken():
    def parameters():
        yield optim.Parameter([1.0])

    assert len(optim.SGD(parameters()).param_groups[0]["params"]) == 1


@styles
def test_a_step_as_for_pytorch_is_explained(style):
    _, closure, optimizer = bowl(style)
    assert any("buffer" in row.source for row in optim.explain(optimizer, closure, steps=2).rows)


@pytest.mark.parametrize("make", [
    optim.SGD, optim.Adam, optim.DoG, optim.Prodigy, optim.LBFGS, HeavyBall,
    lambda params: optim.FISTA(params, lambda theta, step: theta), lambda params: optim.SWA(optim.Adam(params)),
    lambda params: optim.chain(params, optim.scale_by_adam())])
def test_a_state_that_is_read_before_the_first_step_changes_nothing(make):
    positions = []
    for read in False, True:
        p, closure, optimizer = bowl(make)
        unused = optim.Parameter([1.0])
        optimizer.add_param_group({"params": [unused]})
        if read:
            assert optimizer.state[p] == optimizer.state[unused] == {}
            assert optimizer.state_dict()["state"] == {}
        for _ in range(3):
            optimizer.step(closure)
        positions.append(p.data.copy())
    np.testing.assert_array_equal(*positions)


@styles
def test_a_step_as_for_pytorch_is_recorded(style):
    from optim import viz

    trajectory = viz.record(style, "rosenbrock", steps=5, lr=1e-4)
    rule = viz.record("SGD(momentum=0.9)", "rosenbrock", steps=5, lr=1e-4)
    np.testing.assert_allclose(trajectory.positions, rule.positions, rtol=1e-12)


@styles
def test_a_step_as_for_pytorch_is_no_link(style):
    with pytest.raises(TypeError, match="is more than a rule phi"):
        optim.rule_of(style)
    with pytest.raises(TypeError, match="expected a Link"):
        optim.chain([optim.Parameter([1.0])], style)


def test_a_step_of_ones_own_needs_no_learning_rate_and_says_where_hyperparameters_are():
    class Shrink(optim.Optimizer):
        def __init__(self, params, factor=0.5):
            super().__init__(params, {"factor": factor})

        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data *= self.factor if group["factor"] == 1 else group["factor"]

    p = optim.Parameter([2.0])
    Shrink([p]).step()
    assert p.data[0] == 1.0
    with pytest.raises(AttributeError, match=r'write group\["factor"\] for each group in self.param_groups'):
        Shrink([p], factor=1).step()


@pytest.mark.parametrize("defaults", [0.1, [("lr", 0.1)], "lr"])
def test_defaults_that_are_no_dictionary_are_refused(defaults):
    class Wrong(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, defaults)

    with pytest.raises(TypeError, match=r"Wrong passes super\(\).__init__ .* write|expected its hyperparameters"):
        Wrong([optim.Parameter([1.0])])


def test_the_version_is_that_of_the_installed_package_or_says_that_there_is_none(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: {"minigrad-optim": "7.8.9"}[name])
    assert optim.__version__ == "7.8.9"

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert optim.__version__ == "0+checkout"
