"""minigrad: derivatives of whatever is written in NumPy. Read `tape.py` first, then `rules/`, `tensor.py` and `transforms.py`."""

from .tensor import Tensor, no_grad

__all__ = ["Tensor", "no_grad"]
