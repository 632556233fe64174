"""Neural networks under torch.nn's names: modules with parameters, layers and losses, each a few lines over Tensor.

Read `module.py` first, then `functional.py` and `layers.py`, then any of the others that you need.
"""

from typing import TYPE_CHECKING

from .module import FunctionModule, Module, ModuleList, Parameter, Sequential, functional_call
from . import functional, init
from .init import manual_seed
from .layers import (
    ELU,
    GELU,
    GLU,
    SELU,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Bilinear,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Embedding,
    Flatten,
    Hardtanh,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    LogSigmoid,
    LogSoftmax,
    MaxPool2d,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from .attention import MultiheadAttention
from .data import minibatches, train_test_split
from .losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeEmbeddingLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MarginRankingLoss,
    MSELoss,
    MultiMarginLoss,
    NLLLoss,
    SmoothL1Loss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    smooth_l1_loss,
)

__all__ = [
    "Module", "FunctionModule", "Parameter", "Sequential", "ModuleList", "functional_call",
    "functional", "init", "manual_seed", "minibatches", "train_test_split",
    "Identity", "Flatten", "Linear", "Bilinear", "Embedding", "Dropout",
    "ReLU", "LeakyReLU", "ELU", "SELU", "Softplus", "SiLU", "GELU", "GLU", "Sigmoid", "LogSigmoid", "Tanh", "Hardtanh",
    "Softsign", "Softmax", "LogSoftmax",
    "Conv1d", "Conv2d", "ConvTranspose2d", "MaxPool2d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "LayerNorm",
    "RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "GRU", "MultiheadAttention",
    "MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss", "CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss",
    "KLDivLoss", "HingeEmbeddingLoss", "MultiMarginLoss", "MarginRankingLoss",
    "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "cross_entropy", "nll_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div", "hinge_embedding_loss", "multi_margin_loss",
    "margin_ranking_loss",
]

if not TYPE_CHECKING:  # a type checker would take every name for one of this module
    def __getattr__(name):
        from ..hints import OF_NETWORKS, did_you_mean

        instead = f"nn.functional.{name}" if name in functional.__all__ else OF_NETWORKS.get(name)
        hint = f": write {instead}" if instead else did_you_mean(name, __all__, "nn.")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
