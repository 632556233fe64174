"""optim: from gradients to updates. Read `optimizer.py` first, then the chapters in the order below."""

from .groups import Parameter
from .optimizer import Optimizer, UpdateRule
from .gradient_descent import SGD
from .adaptive import Adam

__all__ = ["Optimizer", "Parameter", "UpdateRule", "SGD", "Adam"]
