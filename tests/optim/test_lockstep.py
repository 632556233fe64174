"""The optimizers take the same steps as PyTorch's and optax's, and read and write PyTorch's state dictionaries."""

import inspect
import pathlib

import numpy as np
import pytest
from lockstep_cases import (
    CASES,
    OPTAX_CASES,
    STEPS,
    TORCH,
    TORCH_CASES,
    WATCHED,
    problem,
    run_here,
    run_optax,
    run_torch,
    set_gradients,
    set_torch_gradients,
)

import optim

REFERENCE = pathlib.Path(__file__).parent / "reference" / "trajectories.npz"
DEVICE_FLAGS = {"foreach", "fused", "capturable", "differentiable"}
# Rounding, and no more: errors may grow along a path of twenty steps. A test below shows that variants differ by more.
CLOSE = dict(rtol=1e-9, atol=1e-12)


def identities(cases):
    return [case[0] for case in cases]


@pytest.fixture
def torch(monkeypatch):
    """PyTorch with float64 for its scalars too, and with Muon's Newton-Schulz in the parameter's dtype."""
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    yield torch
    torch.set_default_dtype(before)


@pytest.fixture(scope="module")
def jax():
    """JAX, with optax; importing them draws from NumPy's global random state, so it is done before a test begins."""
    pytest.importorskip("optax")
    return pytest.importorskip("jax")


@pytest.fixture
def float64_in_jax(jax):
    with jax.enable_x64(True):
        yield


def assert_same_path(path, expected):
    for step, (here, there) in enumerate(zip(path, expected), 1):
        for x, y in zip(here, there):
            np.testing.assert_allclose(x, y, **CLOSE, err_msg=f"after step {step}")


@pytest.mark.parametrize(("identity", "name", "hyper"), TORCH_CASES, ids=identities(TORCH_CASES))
def test_goes_where_pytorch_goes(torch, identity, name, hyper):
    assert_same_path(run_here(name, hyper)[0], run_torch(name, hyper)[0])


@pytest.mark.parametrize(("identity", "name", "hyper", "call"), OPTAX_CASES, ids=identities(OPTAX_CASES))
def test_goes_where_optax_goes(float64_in_jax, identity, name, hyper, call):
    assert_same_path(run_here(name, hyper)[0], run_optax(call))


@pytest.mark.parametrize(("identity", "name", "hyper"), CASES, ids=identities(CASES))
def test_goes_where_the_stored_reference_went(identity, name, hyper):
    with np.load(REFERENCE) as reference:
        expected = reference[identity]
    path, _ = run_here(name, hyper)
    found = [np.concatenate([x.ravel() for x in path[t - 1]]) for t in WATCHED]
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_the_stored_reference_has_a_trajectory_for_every_case_and_no_others():
    with np.load(REFERENCE) as reference:
        assert set(reference) == {"made_by", *identities(CASES)}


def test_the_tolerance_distinguishes_all_variants_of_an_optimizer():
    ends = {case: np.concatenate([x.ravel() for x in run_here(name, hyper)[0][-1]]) for case, name, hyper in CASES}
    original = next(case for case, _, hyper in CASES if hyper.get("adjust_lr_fn") == "original")
    equal = {frozenset({"Muon-0", original})}  # the default, under another name
    for i, first in enumerate(ends):
        for second in list(ends)[i + 1:]:
            if first.split("-")[0] == second.split("-")[0] and frozenset({first, second}) not in equal:
                assert not np.allclose(ends[first], ends[second], **CLOSE), (first, second)


@pytest.mark.parametrize("name", TORCH)
def test_arguments_are_pytorchs_in_name_order_and_default(torch, name):
    def arguments(cls):
        parameters = inspect.signature(cls.__init__).parameters.values()
        return {p.name: p.default for p in parameters if p.name not in DEVICE_FLAGS | {"self", "params"}}

    here, there = arguments(getattr(optim, name)), arguments(getattr(torch.optim, name))
    there.setdefault("maximize", False)  # PyTorch's Muon has none
    assert here == there
    keyword_only = {"maximize", "decoupled_weight_decay"}  # after PyTorch's device flags, where position means nothing
    positional = [n for n in here if n not in keyword_only]
    assert positional == [n for n in there if n not in keyword_only]


@pytest.mark.parametrize("name", TORCH)
def test_state_dictionaries_have_pytorchs_keys_and_numbers(torch, name):
    hyper = TORCH[name][-1]
    here, there = (run(name, hyper)[1].state_dict() for run in (run_here, run_torch))
    assert here["state"].keys() == there["state"].keys()
    for i, state in there["state"].items():
        assert here["state"][i].keys() == state.keys()
        for key, value in state.items():
            np.testing.assert_allclose(here["state"][i][key], value, **CLOSE)
    for own, other in zip(here["param_groups"], there["param_groups"]):
        assert {**other, "maximize": own["maximize"]}.keys() - DEVICE_FLAGS == own.keys()
        assert all(own[key] == other[key] for key in own.keys() & other.keys())


@pytest.mark.parametrize(("identity", "name", "hyper"), TORCH_CASES, ids=identities(TORCH_CASES))
def test_a_run_begun_in_pytorch_goes_on_here(torch, identity, name, hyper):
    half = STEPS // 2
    positions, there = run_torch(name, hyper, half)
    params = [optim.Parameter(x) for x in positions[-1]]
    here = getattr(optim, name)(params, **hyper)
    here.load_state_dict(there.state_dict())
    _, gradient = problem()
    for t in range(half, STEPS):
        set_gradients(name, params, gradient, t)
        here.step()
    assert_same_path([[p.data for p in params]], run_torch(name, hyper)[0][-1:])


@pytest.mark.parametrize(("identity", "name", "hyper"), TORCH_CASES, ids=identities(TORCH_CASES))
def test_a_run_begun_here_goes_on_in_pytorch(torch, identity, name, hyper):
    half = STEPS // 2
    positions, here = run_here(name, hyper, half)
    params = [torch.tensor(x, requires_grad=True) for x in positions[-1]]
    there = getattr(torch.optim, name)(params, **hyper)
    there.load_state_dict(as_tensors(torch, here.state_dict()))
    _, gradient = problem()
    for t in range(half, STEPS):
        set_torch_gradients(name, params, gradient, t)
        there.step()
    assert_same_path([[p.detach().numpy() for p in params]], run_here(name, hyper)[0][-1:])


def as_tensors(torch, tree):
    """Return a state dictionary with tensors instead of arrays."""
    if isinstance(tree, np.ndarray):
        return torch.tensor(tree)
    if isinstance(tree, dict):
        return {key: as_tensors(torch, value) for key, value in tree.items()}
    return [as_tensors(torch, value) for value in tree] if isinstance(tree, list) else tree
