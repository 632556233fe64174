"""Each row of the tables in docs/coming_from_pytorch.md is run. Where PyTorch is installed, its side is run, too."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import minigrad
import optim
from minigrad import Tensor, nn
from optim import viz

PAGE = (Path(__file__).parents[2] / "docs" / "coming_from_pytorch.md").read_text(encoding="utf-8")
ROWS = [cell for cell in re.findall(r"^\| ([^|\s].*?) \|", PAGE, re.MULTILINE) if cell not in ("---", "PyTorch")]
CLAIMS = {}


def row(first_cell):
    """Register the test of a row by its first cell."""
    def register(claim):
        CLAIMS[first_cell] = claim
        return claim
    return register


def pytorch():
    """Return PyTorch; end the test here if it is not installed."""
    return pytest.importorskip("torch", reason="PyTorch, with which the page compares, is not installed")


@pytest.mark.parametrize("first_cell", ROWS)
def test_row_is_true(first_cell, request):
    claim = CLAIMS[first_cell]
    claim(*[request.getfixturevalue(name) for name in inspect.signature(claim).parameters])


def test_every_claim_is_a_row():
    assert set(CLAIMS) == set(ROWS)


def slope(function, at):
    return minigrad.grad(lambda x: np.sum(function(x)))(np.array(at)).tolist()


def slope_there(function, at):
    t = pytorch().tensor(at, requires_grad=True)
    function(t).sum().backward()
    return t.grad.tolist()


def a_step(optimizer, parameter):
    parameter.grad = parameter.data * 2
    optimizer.step()
    return parameter


@row("tensors")
def same_members():
    t, seen = Tensor([1.0, 2.0], requires_grad=True), []
    assert t.requires_grad and t.grad is None and not t.detach().requires_grad
    t.register_hook(lambda grad: seen.append(grad))
    loss = (t * t).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert loss.item() == 5.0 and len(seen) == 2
    with minigrad.no_grad():
        assert not (t * t).requires_grad


@row("gradients")
def gradients_add_up_and_are_cleared_to_none():
    t = Tensor(3.0, requires_grad=True)
    for expected in 6.0, 12.0:
        (t * t).backward()
        assert t.grad == expected
    optim.SGD([t], lr=0.1).zero_grad()
    assert t.grad is None


@row("optimizers")
def same_arguments_in_the_same_order():
    torch = pytorch()
    names = {name for name in optim.__all__ if isinstance(getattr(torch.optim, name, None), type)} - {"Optimizer"}
    assert len(names) >= 15
    for name in names:
        theirs = inspect.signature(getattr(torch.optim, name)).parameters.values()
        expected = [(p.name, p.default) for p in theirs
                    if p.name not in ("foreach", "capturable", "differentiable", "fused")]
        ours = inspect.signature(getattr(optim, name)).parameters.values()
        assert [(p.name, p.default) for p in ours][:len(expected)] == expected, name


@row("groups")
def groups_work_as_there():
    p, q, seen = optim.Parameter([1.0]), optim.Parameter([1.0]), []
    optimizer = optim.SGD([{"params": [p], "lr": 0.5}], lr=0.1, maximize=True)
    optimizer.add_param_group({"params": [q]})
    optimizer.register_step_post_hook(lambda *arguments: seen.append(arguments))

    def closure():
        p.grad, q.grad = np.array([1.0]), np.array([1.0])
        return 7.0

    assert optimizer.step(closure) == 7.0 and len(seen) == 1
    assert (p.data[0], q.data[0]) == (1.5, 1.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1] and optimizer.defaults["lr"] == 0.1


@row("checkpoints")
def a_state_is_loaded_there_and_here():
    torch = pytorch()
    here = optim.Adam([p := optim.Parameter([1.0, 2.0])], lr=0.1)
    there = torch.optim.Adam([q := torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)], lr=0.1)
    a_step(here, p)
    state = here.state_dict()
    state["state"][0] = {name: torch.as_tensor(value) for name, value in state["state"][0].items()}
    there.load_state_dict(state)
    with torch.no_grad():
        q.copy_(torch.tensor(p.data))
    a_step(there, q)
    np.testing.assert_allclose(a_step(here, p).data, q.detach().numpy(), rtol=1e-12)
    here.load_state_dict(there.state_dict())
    assert here.state[p]["step"] == 2


@row("schedules")
def same_schedules():
    torch = pytorch()
    theirs = [name for name, thing in vars(torch.optim.lr_scheduler).items()
              if re.fullmatch("[A-Z].*(LR|Plateau|Restarts|Scheduler)", name) and isinstance(thing, type)]
    assert len(theirs) >= 15 and [name for name in theirs if not hasattr(optim.schedule, name)] == []


@row("modules")
def same_modules():
    torch = pytorch()
    ours = [name for name in nn.__all__ if name[0].isupper() and name != "FunctionModule"]  # of a function of one's own
    assert {"Module", "Sequential", "Linear", "CrossEntropyLoss"} <= set(ours)
    assert [name for name in ours if not hasattr(torch.nn, name)] == []
    assert [name for name in nn.functional.__all__ if not hasattr(torch.nn.functional, name)] == []


@row("`torch.exp(t)`, `torch.cat`")
def numpy_takes_tensors():
    t = Tensor([1.0], requires_grad=True)
    assert isinstance(np.exp(t), Tensor) and np.concatenate([t, np.exp(t)]).requires_grad


@row("`torch.tensor([1., 2.], requires_grad=True)`")
def tensor_is_made():
    assert Tensor([1.0, 2.0], requires_grad=True).requires_grad


@row("float32 by default")
def tensors_are_float64_and_layers_float32():
    assert Tensor([1.0]).dtype == optim.Parameter([1.0]).data.dtype == np.float64
    assert nn.Linear(2, 1).weight.dtype == np.float32 and nn.Linear(2, 1, dtype=float).weight.dtype == np.float64
    single, double = np.ones((1, 2), dtype=np.float32), np.ones((1, 2))
    assert [nn.Linear(2, 1)(x).dtype for x in (single, double)] == [np.float32, np.float64]
    torch = pytorch()
    assert torch.tensor([1.0]).dtype == torch.nn.Linear(2, 1).weight.dtype == torch.float32


@row("`t.detach().numpy()`")
def data_is_an_array():
    assert type(Tensor([1.0], requires_grad=True).data) is np.ndarray
    with pytest.raises(RuntimeError, match="detach"):
        pytorch().tensor([1.0], requires_grad=True).numpy()


@row("`p.data = q`")
def data_is_changed_in_place():
    p = Tensor([1.0], requires_grad=True)
    p.data[...] = [2.0]
    assert p.item() == 2.0
    with pytest.raises(AttributeError, match=r"write p.data\[...\] = other"):
        p.data = np.array([3.0])


@row("`t.sum(dim=0, keepdim=True)`")
def numpys_names_of_axes():
    t = Tensor(np.ones((2, 3)))
    assert t.sum(axis=0, keepdims=True).shape == (1, 3)
    with pytest.raises(TypeError, match="axis="):
        t.sum(dim=0)
    assert nn.functional.softmax(t, dim=0).data[0, 0] == 0.5


@row("`t.max(dim=0)` gives the slope of a tie to one number")
def ties_are_shared():
    assert slope(lambda t: np.max(t, axis=0), [2.0, 2.0, 1.0]) == [0.5, 0.5, 0.0]
    assert slope_there(lambda t: t.max(dim=0).values, [2.0, 2.0, 1.0]) == [1.0, 0.0, 0.0]


@row("`t.clamp(0, 1)` has the slope 1 at 0 and at 1")
def clip_is_symmetric():
    assert slope(lambda t: np.clip(t, 0, 1), [0.0, 1.0]) == [0.5, 0.5]
    assert slope(lambda t: np.maximum(t, 0), [0.0]) == [0.5]
    assert slope_there(lambda t: t.clamp(0, 1), [0.0, 1.0]) == [1.0, 1.0]
    assert slope_there(lambda t: pytorch().maximum(t, 0 * t), [0.0]) == [0.5]


@row("`torch.func.grad`, `hessian`, `jvp`, `vjp`")
def transforms_nest():
    assert minigrad.grad(minigrad.grad(lambda x: x**3))(2.0) == minigrad.hessian(lambda x: x**3)(2.0) == 12.0
    assert minigrad.hvp(lambda x: np.sum(x**3))(np.array([2.0]), np.array([1.0])) == [12.0]
    for transform in minigrad.jvp, minigrad.vjp:
        assert 12.0 in np.ravel(transform(lambda x: x**3)(2.0, 1.0))
    assert all(hasattr(pytorch().func, name) for name in ("grad", "hessian", "jvp", "vjp"))


@row("`torch.autograd.Function`")
def a_primitive_is_one_line():
    cube = minigrad.primitive(lambda x: x**3, lambda g, ans, x: g * 3 * x**2)
    assert minigrad.gradcheck(cube, np.array([1.0, -2.0]), order=3)


@row("`torch.autograd.gradcheck`")
def gradients_are_checked_to_second_order():
    def rule(g, ans, x):
        return 3 * g * (x.data if isinstance(x, Tensor) else x) ** 2  # cuts the second derivative off

    right_once = minigrad.primitive(lambda x: x**3, rule)
    assert minigrad.gradcheck(right_once, np.array([1.0, 2.0]), order=1)
    with pytest.raises(minigrad.GradientError):
        minigrad.gradcheck(right_once, np.array([1.0, 2.0]))


@row("`torch.autograd.detect_anomaly`")
def anomalies_are_found():
    with minigrad.detect_anomaly(), np.errstate(invalid="ignore"), pytest.raises(Exception, match="sqrt"):
        np.sqrt(Tensor(-1.0, requires_grad=True))


@row("`torch.nn.utils.clip_grad_norm_`")
def norms_are_clipped():
    p = optim.Parameter([0.0, 0.0])
    p.grad = np.array([3.0, 4.0])
    assert optim.clip_grad_norm_([p], 1.0) == 5.0
    np.testing.assert_allclose(p.grad, [0.6, 0.8], rtol=1e-5)


@row("`torch.save(state, path)`")
def a_file_is_an_npz(tmp_path):
    optim.save(tmp_path / "run.npz", {"w": np.arange(3)})
    with np.load(tmp_path / "run.npz", allow_pickle=False) as file:
        assert file.files
    assert optim.load(tmp_path / "run.npz")["w"].tolist() == [0, 1, 2]


@row("`torch.manual_seed`")
def seeds_repeat():
    def drawn(**keywords):
        return nn.Linear(2, 3, **keywords).weight.data.tolist()

    nn.manual_seed(3)
    first = drawn()
    nn.manual_seed(3)
    assert drawn() == first != drawn()
    assert drawn(generator=np.random.default_rng(1)) == drawn(generator=np.random.default_rng(1))


@row("`lr` is a number")
def rates_may_be_arrays():
    p = optim.Parameter(np.ones((3, 2)))
    a_step(optim.SGD([p], lr=np.array([[0.0], [0.25], [0.5]])), p)
    assert p.data.tolist() == [[1.0, 1.0], [0.5, 0.5], [0.0, 0.0]]


@row("an optimizer is a `step`")
def an_update_is_enough():
    class Halving(optim.Optimizer):
        def __init__(self, params, lr=1.0):
            super().__init__(params, lr=lr)

        def update(self, grad, state, param):
            return param / 2

    assert a_step(Halving([p := optim.Parameter([1.0])]), p).data == 0.5


@row("`.cuda()`, `foreach=`, `fused=`, `torch.compile`")
def one_core():
    with pytest.raises(AttributeError, match="cuda"):
        Tensor([1.0]).cuda()
    for name in "foreach", "fused":
        with pytest.raises(TypeError, match=name):
            optim.Adam([optim.Parameter([1.0])], **{name: True})
    assert not hasattr(minigrad, "compile")


@row("`DataLoader(dataset, batch_size, shuffle=True)`")
def minibatches_go_once_through_the_data(rng):
    x, y = np.arange(10.0), np.arange(10)
    batches = list(nn.minibatches(x, y, size=4, generator=rng))
    assert [len(rows) for rows, _ in batches] == [4, 4, 2]
    labels = np.concatenate([labels for _, labels in batches])
    assert sorted(labels) == list(range(10)) != labels.tolist()
    assert all(np.array_equal(rows, labels) for rows, labels in batches)


@row("`random_split`")
def data_are_split():
    x, y = np.arange(8.0), np.arange(8)
    parts = nn.train_test_split(x, y)
    assert [len(part) for part in parts] == [6, 2, 6, 2]


def test_base_class_calls_the_closure_for_a_step_that_takes_none():
    class Plain(optim.Optimizer):
        def __init__(self, params, lr=0.5):
            super().__init__(params, dict(lr=lr))

        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data -= group["lr"] * p.grad

    p = optim.Parameter([1.0])

    def closure():
        p.grad = np.array([1.0])
        return 7.0

    assert Plain([p]).step(closure) == 7.0 and p.data == 0.5


def test_what_pytorch_does_not_have_is_here():
    p = optim.Parameter([1.0])
    optimizer = optim.Adam([p], lr=0.1)
    a_step(optimizer, p)
    assert "exp_avg" in str(optim.explain(optimizer)) and "exp_avg" in str(optim.worksheet(optimizer))
    assert all(map(callable, [optim.check, viz.race, viz.basin_map, viz.hyperparameter_map]))
