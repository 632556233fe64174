"""optim: from gradients to updates. Read `interface/optimizer.py` first, then the chapters in the order below."""

from typing import TYPE_CHECKING, Any

from .interface.groups import Parameter
from .interface.optimizer import Optimizer, UpdateRule
from .gradient_descent import SGD, OptimisticGradient, PolyakSGD
from .adaptive import (
    Adagrad, Adadelta, RMSprop, Adam, AdamW, Adamax, NAdam, Adan, RAdam, AdaBelief, Yogi, Adafactor, SM3,
)
from .sparse import RowGradient, LazyRows, SparseAdam
from .sign import SignSGD, Signum, Lion, Rprop
from .layerwise import LARS, LAMB, NovoGrad
from .matrix import Shampoo, SOAP, Muon
from .clipping import clip_grad_norm_, clip_grad_value_
from .transform import Link, chain, masked, rule_of
from .links import (
    zero_nans, clip, clip_by_block_rms, clip_by_global_norm, adaptive_grad_clip, centralize, normalize_by_update_norm,
    add_noise, trace, ema, scale, scale_by_schedule, scale_by_sign, scale_by_trust_ratio, scale_by_adam,
    scale_by_amsgrad, scale_by_adamax, scale_by_radam, scale_by_belief, scale_by_yogi, scale_by_lion, scale_by_rms,
    scale_by_stddev, scale_by_rss, scale_by_adadelta,
    add_decayed_weights, project, keep_params_nonnegative,
)
from .wrappers import Wrapper, GradientAccumulation, ApplyIfFinite, SAM
from .averaging import ASGD, EMA, SWA, Lookahead, ScheduleFreeSGD, ScheduleFreeAdamW
from .parameter_free import DoG, Prodigy
from .checkpoint import load, save
from . import schedule
from .interface import hyperparameters
from .line_search import backtracking, exact_on_quadratics, strong_wolfe
from .whole_vector import WholeVectorOptimizer
from .quasi_newton import BacktrackingGradientDescent, NonlinearCG, BFGS, LBFGS
from .second_order import Newton, NewtonCG, GaussNewton, LevenbergMarquardt, AdaHessian, Sophia
from .constrained import (
    project_box, project_non_negative, project_linf_ball, project_simplex, project_l1_ball, project_l2_ball,
    project_sphere, project_hyperplane, project_halfspace, project_after, ProjectedGradient, prox_l1, prox_group_lasso,
    prox_box, ISTA, FISTA, lmo_simplex, lmo_l1_ball, lmo_l2_ball, lmo_box, FrankWolfe, MirrorDescent,
    ExponentiatedGradient, FTRLProximal,
)

__all__ = ["Optimizer", "Parameter", "UpdateRule",
    "SGD", "OptimisticGradient", "PolyakSGD",
    "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam", "Adan", "RAdam", "AdaBelief", "Yogi",
    "Adafactor", "SM3", "RowGradient", "LazyRows", "SparseAdam", "SignSGD", "Signum", "Lion", "Rprop", "LARS", "LAMB",
    "NovoGrad", "Shampoo", "SOAP", "Muon",
    "Explanation", "explain", "Listing", "show", "Worksheet", "worksheet",
    "Wrapper", "GradientAccumulation", "ApplyIfFinite", "SAM",
    "ASGD", "EMA", "SWA", "Lookahead", "ScheduleFreeSGD", "ScheduleFreeAdamW", "DoG", "Prodigy",
    "load", "save", "check", "hyperparameters", "schedule", "clip_grad_norm_", "clip_grad_value_",
    "Link", "chain", "masked", "rule_of",
    "zero_nans", "clip", "clip_by_block_rms", "clip_by_global_norm", "adaptive_grad_clip", "centralize",
    "normalize_by_update_norm", "add_noise", "trace", "ema", "scale", "scale_by_schedule", "scale_by_sign",
    "scale_by_trust_ratio", "scale_by_adam", "scale_by_amsgrad", "scale_by_adamax", "scale_by_radam",
    "scale_by_belief", "scale_by_yogi", "scale_by_lion", "scale_by_rms", "scale_by_stddev", "scale_by_rss",
    "scale_by_adadelta", "add_decayed_weights", "project", "keep_params_nonnegative",
    "backtracking", "exact_on_quadratics", "strong_wolfe", "WholeVectorOptimizer",
    "BacktrackingGradientDescent", "NonlinearCG", "BFGS", "LBFGS",
    "Newton", "NewtonCG", "GaussNewton", "LevenbergMarquardt", "AdaHessian", "Sophia",
    "project_box", "project_non_negative", "project_linf_ball", "project_simplex", "project_l1_ball", "project_l2_ball",
    "project_sphere", "project_hyperplane", "project_halfspace", "project_after", "ProjectedGradient", "prox_l1",
    "prox_group_lasso", "prox_box", "ISTA", "FISTA", "lmo_simplex", "lmo_l1_ball", "lmo_l2_ball", "lmo_box",
    "FrankWolfe",
    "MirrorDescent", "ExponentiatedGradient", "FTRLProximal",
]

if TYPE_CHECKING:
    from .checking import check
    from .explanation import Explanation, Listing, Worksheet, explain, show, worksheet

# What explains and checks is not loaded before it is asked for: it would add a fifth to the time of `import optim`.
ON_DEMAND = {"check": "checking", "Explanation": "explanation", "explain": "explanation",
             "Listing": "explanation", "show": "explanation", "Worksheet": "explanation", "worksheet": "explanation"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        return _version()
    if name not in ON_DEMAND:
        from difflib import get_close_matches

        found = f"schedule.{name}" if hasattr(schedule, name) else "schedule" if name == "lr_scheduler" else ""
        names = {known.lower(): known for known in __all__}
        close = [found] if found else [names[known] for known in get_close_matches(name.lower(), names, n=1)]
        hint = f": did you mean optim.{close[0]}?" if close else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
    return getattr(import_module(f".{ON_DEMAND[name]}", __name__), name)


def _version():
    """Return the version of the installed package; "0+checkout" where the code runs without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("minigrad-optim")
    except PackageNotFoundError:
        return "0+checkout"
