"""minigrad: derivatives of whatever is written in NumPy.

Read `tape.py` first, then `registry.py` and `rules/`, `tensor.py` and `transforms.py`; then what is built on them, in
the order of the imports below.
"""

from .tensor import Tensor, no_grad
from .special import erf, erfc, gelu, log_softmax, logsumexp, relu, sigmoid, silu, softmax, softplus
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .own_primitive import primitive
from .finite_differences import GradientError, gradcheck
from .origins import remember_lines
from .anomaly import detect_anomaly
from .coverage_table import coverage
from . import nn

__all__ = [
    "Tensor", "no_grad",
    "erf", "erfc", "relu", "sigmoid", "softplus", "silu", "gelu", "softmax", "log_softmax", "logsumexp",
    "grad", "value_and_grad", "vjp", "jvp", "jacobian", "hessian", "hvp",
    "primitive", "GradientError", "gradcheck", "remember_lines", "detect_anomaly", "coverage", "nn", "explain", "draw",
    "program",
]

# What explains, draws and writes programs is loaded when it is first asked for: it would add a third to the time of
# `import minigrad`.
ON_DEMAND = {"explain": "explanation", "draw": "drawing", "program": "programs"}


def __getattr__(name):
    if name not in ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{ON_DEMAND[name]}", __name__), name)
