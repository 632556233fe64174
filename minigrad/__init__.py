"""minigrad: derivatives of anything written in NumPy.

Read `tape.py` first, with `mode.py` beside it; then `registry.py` and `rules/`, `tensor.py` and `transforms.py`; then
what is built on them, in the order of the imports below.
"""

from typing import TYPE_CHECKING

from .tensor import Tensor, no_grad
from .special import erf, erfc, gelu, log_softmax, logsumexp, relu, sigmoid, silu, softmax, softplus
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .own_primitive import primitive

if TYPE_CHECKING:
    from .finite_differences import GradientError, gradcheck
    from .origins import remember_lines
    from .anomaly import detect_anomaly
    from .coverage_table import coverage
    from .explanation import explain
    from .drawing import draw
    from .programs import program
    from . import nn

__all__ = [
    "Tensor", "no_grad",
    "erf", "erfc", "relu", "sigmoid", "softplus", "silu", "gelu", "softmax", "log_softmax", "logsumexp",
    "grad", "value_and_grad", "vjp", "jvp", "jacobian", "hessian", "hvp",
    "primitive", "GradientError", "gradcheck", "remember_lines", "detect_anomaly", "coverage", "nn", "explain", "draw",
    "program",
]

# What differentiation does not need is loaded from these modules when it is first used: `import minigrad` would
# take three times as long.
ON_DEMAND = {
    "GradientError": "finite_differences", "gradcheck": "finite_differences", "remember_lines": "origins",
    "detect_anomaly": "anomaly", "coverage": "coverage_table", "explain": "explanation", "draw": "drawing",
    "program": "programs", "nn": "nn",
}


def __getattr__(name):
    if name == "__version__":
        return _version()
    if name not in ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{_hint(name)}")
    from importlib import import_module

    module = import_module(f".{ON_DEMAND[name]}", __name__)
    return module if name == "nn" else getattr(module, name)


def __dir__():
    return sorted({*globals(), *ON_DEMAND})


def _hint(name):
    """Return what to write for a name that PyTorch or NumPy has, as the end of a message."""
    import numpy as np

    from .hints import OF_PACKAGE, did_you_mean

    if name in OF_PACKAGE:
        return f": write {OF_PACKAGE[name]}"
    if callable(getattr(np, name, None)):
        return f": NumPy's functions take Tensors, write np.{name}"
    return did_you_mean(name, __all__, "minigrad.")


def _version():
    """Return the version of the installed package; "0+checkout" where the code is run without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("minigrad-optim")
    except PackageNotFoundError:
        return "0+checkout"
