"""Neural networks: modules with parameters, layers, losses, each a few lines over Tensor under torch.nn's names."""

from . import functional, init
from .init import manual_seed
from .module import Module, ModuleList, Parameter, Sequential
from .layers import Linear, ReLU, Tanh
from .losses import CrossEntropyLoss, MSELoss, cross_entropy, mse_loss

__all__ = [
    "functional", "init", "manual_seed",
    "Module", "Parameter", "Sequential", "ModuleList",
    "Linear", "ReLU", "Tanh",
    "CrossEntropyLoss", "MSELoss", "cross_entropy", "mse_loss",
]
