"""The public interface has annotations, rules have none, and type checkers accept your own optimizers."""

import inspect
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import optim
from optim import schedule

ROOT = Path(optim.__file__).parents[1]


def public():
    """Yield (name, function) of all public functions and constructors."""
    everything = [(name, getattr(optim, name)) for name in optim.__all__ if name not in optim.ON_DEMAND]
    everything += [(name, getattr(optim, name)) for name in ("explain", "show", "worksheet")]
    everything += [(f"{one.__name__}.{method}", getattr(one, method))
                   for one in (optim.Explanation, optim.Listing, optim.Worksheet)
                   for method in ("text", "show", "markdown", "latex") if hasattr(one, method)]
    everything += [(name, value) for name, value in vars(schedule).items()
                   if inspect.isclass(value) and issubclass(value, schedule.LRScheduler)]
    for name, value in everything:
        if inspect.isclass(value):
            if "__init__" in vars(value):
                yield name, value.__init__
        elif inspect.isfunction(value):
            yield name, value


def rules():
    return [(f"{name}.{method}", vars(cls)[method]) for name, cls in vars(optim).items()
            if inspect.isclass(cls) and issubclass(cls, optim.UpdateRule)
            for method in ("init_state", "advance", "update") if method in vars(cls)]


@pytest.mark.parametrize(("name", "function"), [*public()], ids=lambda value: value if isinstance(value, str) else "")
def test_every_public_function_is_annotated(name, function):
    signature = inspect.signature(function)
    without = [p.name for p in signature.parameters.values() if p.annotation is p.empty and p.name != "self"]
    assert not without
    assert signature.return_annotation is not signature.empty


@pytest.mark.parametrize(("name", "method"), rules(), ids=lambda value: value if isinstance(value, str) else "")
def test_rules_are_mathematics_without_annotations(name, method):
    assert not method.__annotations__


PROGRAM = '''
from typing import Any

import numpy as np

import optim


class SignedMomentum(optim.Optimizer):
    def __init__(self, params, lr=0.01, beta=0.9):
        super().__init__(params, lr=lr, beta=beta)

    def init_state(self, param):
        return {"average": np.zeros_like(param)}

    def update(self, grad, state, param, *, beta):
        m = state["average"]
        m += (1 - beta) * (grad - m)
        return np.sign(m)


class WithAnnotations(optim.Optimizer):
    def __init__(self, params: list, lr: float = 0.01, beta: float = 0.9) -> None:
        super().__init__(params, lr=lr, beta=beta)

    def update(self, grad: np.ndarray, state: dict, param: np.ndarray, *, beta: float) -> np.ndarray:
        return beta * grad


class AsForPyTorch(optim.Optimizer):
    def __init__(self, params: list, lr: float = 0.01) -> None:
        super().__init__(params, dict(lr=lr))

    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if len(state) == 0:
                    state["m"] = np.zeros_like(p.data)
                p.data -= group["lr"] * p.grad


class Soft(optim.Link):
    def __init__(self, width: float = 1.0) -> None:
        super().__init__(width=width)

    def update(self, grad: np.ndarray, state: dict, param: np.ndarray, *, width: float) -> np.ndarray:
        return grad / (width + np.abs(grad))


p = optim.Parameter([1.0, 2.0])
for optimizer in SignedMomentum([p]), WithAnnotations([p]), AsForPyTorch([p]):
    optimizer.zero_grad()
    loss: Any = optimizer.step()
print(optim.check(SignedMomentum))
adamw = optim.chain([p], Soft(), optim.scale_by_adam(), optim.add_decayed_weights(0.01), lr=0.05)
many = optim.SGD([p], lr=np.geomspace(1e-4, 1, 2))
schedule = optim.schedule.StepLR(adamw, 3)
schedule.step()
optim.save("run.npz", {"optimizer": adamw.state_dict(), "schedule": schedule.state_dict()})
adamw.load_state_dict(optim.load("run.npz")["optimizer"])
with optim.EMA(optim.Adam([p]), decay=0.9).averaged():
    print(p.data, optim.clip_grad_norm_([p], 1.0), optim.project_simplex([1.0, 2.0]))
'''


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed")
def test_a_type_checker_accepts_optimizers_of_ones_own(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "-m", "mypy", "--follow-imports=silent", "--cache-dir", str(tmp_path),
                           str(tmp_path / "program.py")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
