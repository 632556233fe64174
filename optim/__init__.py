"""optim: from gradients to updates. Read `optimizer.py` first, then the chapters in the order below."""

from .groups import Parameter
from .optimizer import Optimizer, UpdateRule
from .gradient_descent import SGD
from .adaptive import Adam
from .clipping import clip_grad_norm_, clip_grad_value_
from .transform import Link, chain, masked, rule_of
from .links import (
    zero_nans, clip, clip_by_block_rms, clip_by_global_norm, adaptive_grad_clip, centralize, normalize_by_update_norm,
    add_noise, trace, ema, scale, scale_by_schedule, scale_by_sign, scale_by_trust_ratio, scale_by_adam,
    add_decayed_weights, project, keep_params_nonnegative,
)
from .checkpoint import load, save
from .line_search import BacktrackingGradientDescent
from .second_order import Newton, NewtonCG, GaussNewton, LevenbergMarquardt, AdaHessian, Sophia
from .quasi_newton import NonlinearCG, BFGS, LBFGS

__all__ = ["Optimizer", "Parameter", "UpdateRule", "SGD", "Adam",
    "load", "save", "clip_grad_norm_", "clip_grad_value_", "Link", "chain", "masked", "rule_of",
    "zero_nans", "clip", "clip_by_block_rms", "clip_by_global_norm", "adaptive_grad_clip", "centralize",
    "normalize_by_update_norm", "add_noise", "trace", "ema", "scale", "scale_by_schedule", "scale_by_sign",
    "scale_by_trust_ratio", "scale_by_adam", "add_decayed_weights", "project", "keep_params_nonnegative",
    "BacktrackingGradientDescent", "Newton", "NewtonCG", "GaussNewton", "LevenbergMarquardt", "AdaHessian", "Sophia",
    "NonlinearCG", "BFGS", "LBFGS",
]
