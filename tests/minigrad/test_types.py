"""What a type checker says about programs that use minigrad: nothing, if they are right."""

import os
import sys
from pathlib import Path

import pytest

PROGRAM = """
import numpy as np
import minigrad
from minigrad import Tensor, grad, hessian, hvp, jacobian, value_and_grad

p = Tensor([-1.5, 2.0], requires_grad=True)
for step in range(10):
    p.zero_grad()
    loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
    loss.backward()
    assert p.grad is not None
    p.data -= 0.1 * p.grad
    with minigrad.no_grad():
        p -= 0.1 * p.grad
    print(loss.item(), p.data, float(loss), f"{loss:.3f}", round(loss, 2))
total = np.sum(np.exp(p) * p) + p.sum() - p.mean(axis=0) + (-p).T.sum() + 2 / p.max() - np.pi * p.std()
total.backward()
first, second = p


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


@minigrad.no_grad()
def untracked(x: float) -> float:
    return 2 * x


x = np.array([-1.5, 2.0])
print(grad(rosenbrock)(x), hessian(rosenbrock)(x), hvp(rosenbrock)(x, np.array([1.0, 0.0])), untracked(1.0))
print(grad(grad(np.tanh))(0.5), jacobian(np.sort)(x))
value, gradient = value_and_grad(rosenbrock)(x)
softplus = minigrad.primitive(lambda x: np.logaddexp(0, x), lambda g, ans, x: g / (1 + np.exp(-x)))
minigrad.gradcheck(lambda x: np.sum(softplus(x) ** 2), x, order=2)
handle = p.register_hook(lambda g: g * 2)
handle.remove()
with minigrad.detect_anomaly(), minigrad.remember_lines():
    y = Tensor([1, 2], dtype=np.float32).reshape(2, 1) + p
print(minigrad.explain(rosenbrock, x))
minigrad.draw(minigrad.explain(rosenbrock, x)).save("rosenbrock.png")
"""


NETWORK = """
from minigrad import nn
from minigrad.nn import functional as F


class Network(nn.Module):
    def __init__(self, width: int) -> None:
        self.first, self.norm = nn.Linear(2, width), nn.BatchNorm1d(width)
        self.last = nn.Linear(width, 3)

    def forward(self, x: np.ndarray) -> Tensor:
        h = np.tanh(self.norm(self.first(x)))
        return self.last(F.dropout(h, 0.2) if self.training else h)


network = Network(8)
for xs, ys in nn.minibatches(np.ones((4, 2)), np.array([0, 1, 2, 1]), size=2):
    F.cross_entropy(network(xs), ys).backward()
print(network.eval().training, network.norm.running_mean.sum(), network.norm.running_var, network.first.weight.data)
print(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())[0].weight, F.mse_loss([1.0], [2.0]), F.softmax(x, dim=0))
print(nn.LSTM(2, 3).weight_hh_l0.shape, nn.init.zeros_(nn.Parameter(np.ones(2))))
"""


MISTAKES = {  # each on a line of its own
    "p.grad + 1": 'Unsupported operand types for + ("None" and "int")',
    "p.clamp(0, 1)": '"Tensor" has no attribute "clamp"',
    "network.trainning": '"Network" has no attribute "trainning"',
    "Tensor(1.0, requires_gradient=True)": 'Unexpected keyword argument "requires_gradient"',
}


def test_mypy_finds_mistakes_and_nothing_else(tmp_path, monkeypatch):
    api = pytest.importorskip("mypy.api", reason="mypy is not installed")
    path = tmp_path / "program.py"
    path.write_text("\n".join([PROGRAM, NETWORK, "p = Tensor(1.0)", *MISTAKES]))
    monkeypatch.setenv("MYPYPATH", str(Path(__file__).parents[2]))
    report, _, _ = api.run(["--cache-dir", os.devnull, "--python-executable", sys.executable, str(path)])
    found = [line for line in report.splitlines() if "program.py" in line and "error:" in line]
    assert len(found) == len(MISTAKES), found
    for line, mistake in zip(found, MISTAKES.values()):
        assert mistake in line
