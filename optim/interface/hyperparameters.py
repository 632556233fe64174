"""What a hyperparameter may be: a number or an array of numbers, in the range that its name has throughout the field.

An array gives every element of the parameter a value of its own, so that N runs are one: see `Optimizer`.
"""

import numpy as np

from .words import described

NOT_NEGATIVE = "finite and not negative", lambda x: np.isfinite(x) & (x >= 0)
FINITE = "finite", np.isfinite
POSITIVE = "positive", lambda x: x > 0
AT_LEAST_1 = "finite and at least 1", lambda x: np.isfinite(x) & (x >= 1)
FRACTION = "in [0, 1)", lambda x: (x >= 0) & (x < 1)
RANGES = {
    "lr": NOT_NEGATIVE, "eps": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE, "lr_decay": NOT_NEGATIVE,
    "momentum": NOT_NEGATIVE,
    "initial_accumulator_value": NOT_NEGATIVE, "alpha": NOT_NEGATIVE, "betas": FRACTION, "beta": FRACTION,
    "rho": NOT_NEGATIVE, "momentum_decay": NOT_NEGATIVE, "trust_coefficient": NOT_NEGATIVE, "step_sizes": NOT_NEGATIVE,
    "etas": POSITIVE,
    "dampening": FINITE, "optimism": FINITE, "f_min": FINITE, "ns_coefficients": FINITE,
    "beta2_decay": ("finite and not positive", lambda x: np.isfinite(x) & (x <= 0)),
    "b1": FRACTION, "b2": FRACTION, "decay": ("in [0, 1]", lambda x: (x >= 0) & (x <= 1)),
    "lambd": NOT_NEGATIVE, "t0": NOT_NEGATIVE, "warmup_steps": NOT_NEGATIVE, "r": NOT_NEGATIVE, "k": AT_LEAST_1,
    "weight_lr_power": FINITE, "beta3": FRACTION, "d0": POSITIVE, "d_coef": POSITIVE, "reps_rel": POSITIVE,
    "max_norm": POSITIVE, "max_delta": POSITIVE, "threshold": POSITIVE, "clipping": POSITIVE,
    "tolerance_grad": NOT_NEGATIVE, "tolerance_change": NOT_NEGATIVE, "c1": FRACTION, "shrink": FRACTION,
    "damping": NOT_NEGATIVE, "gamma": NOT_NEGATIVE, "hessian_power": NOT_NEGATIVE, "clip_threshold": POSITIVE,
    "l1": NOT_NEGATIVE, "l2": NOT_NEGATIVE, "max_iter": AT_LEAST_1, "max_eval": AT_LEAST_1,
    "history_size": AT_LEAST_1, "update_interval": AT_LEAST_1,
    "d": AT_LEAST_1, "precondition_frequency": AT_LEAST_1, "max_precond_dim": NOT_NEGATIVE, "ns_steps": NOT_NEGATIVE,
}
MAY_BE_NONE = {"eps", "beta3"}  # where the optimizer then takes a value of its own


def check(name, value):
    """Raise a ValueError or TypeError unless `value` is in the range that the name stands for."""
    short = name.rpartition(".")[2]  # the b1 of a link of a chain is called "scale_by_adam.b1"
    if short not in RANGES:
        return
    if short == "betas" and not (isinstance(value, (tuple, list)) and len(value) == 2):
        raise TypeError(f"{name} is {value!r}; expected two numbers, (beta1, beta2)")
    description, allowed = RANGES[short]
    for number in value if isinstance(value, (tuple, list)) else (value,):
        if number is None and short in MAY_BE_NONE:
            continue
        if isinstance(number, (bool, str)) or np.asarray(number).dtype.kind not in "iuf":
            raise TypeError(f"{name} is {value!r}; expected a number or an array of numbers")
        wrong = np.asarray(number)[~allowed(np.asarray(number))]
        if wrong.size:
            place = f" with the value {wrong[0]}" if np.ndim(number) else ""
            raise ValueError(f"{name} is {described(value)}{place}; it must be {description}")


def check_callable(name, function):
    """Raise a TypeError unless the function that an optimizer is given can be called."""
    if not callable(function):
        raise TypeError(f"{name} is {function!r}; expected a function")


def check_broadcast(name, value, shape):
    """Raise a ValueError unless an array hyperparameter broadcasts against a parameter of this shape."""
    for array in value if isinstance(value, (tuple, list)) else (value,):
        if isinstance(array, np.ndarray):
            try:
                fits = np.broadcast_shapes(array.shape, shape) == shape
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(f"{name} has shape {array.shape}, which does not broadcast against "
                                 f"a parameter of shape {shape}")


def prepared(value, param):
    """Return a hyperparameter as the arithmetic needs it: a Python number, or an array in the parameter's dtype.

    A float64 scalar of NumPy would turn float32 work into float64, and so would a float64 array.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return value.item()
        return value.astype(param.dtype, copy=False) if value.dtype.kind == "f" else value
    if type(value) in (tuple, list):
        return tuple([prepared(item, param) for item in value])
    return value


def active(value):
    """Tell whether a hyperparameter differs from 0, at any element if it is an array."""
    if isinstance(value, np.ndarray):
        # A look at the last one first: of a map of momenta, `any` would take a twentieth of the time.
        return (value.size and value.item(-1) != 0) or value.any()
    return value != 0
