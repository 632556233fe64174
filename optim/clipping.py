"""Clipping gradients in place, between the backward pass and the step.

The links `clip` and `clip_by_global_norm` of a chain (`transform.py`) do the same on the way to the update, and do
not change `param.grad`.
"""

import numpy as np

from .interface.annotations import Iterable, Params
from .interface.groups import as_list, is_parameter
from .interface.hyperparameters import POSITIVE, SIZE, check
from .interface.words import described


def global_norm(arrays: Iterable, norm_type: float | str = 2.0) -> float:
    r"""Return the norm of several arrays taken as one long vector.

    Parameters
    ----------
    arrays : iterable of ndarray
    norm_type : float or "inf", default 2
        p of the p-norm.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from optim.clipping import global_norm
    >>> global_norm([np.array([3.0]), np.array([[0.0, 4.0]])])
    5.0
    """
    norm_type = np.inf if norm_type == "inf" else norm_type
    check("norm_type", norm_type, POSITIVE)
    return float(np.linalg.norm([np.linalg.norm(array.ravel(), norm_type) for array in arrays], norm_type))


def shrink_factor(norm, max_norm):
    """Return min(1, max_norm / (norm + 1e-6)), PyTorch's factor; NaN if the norm is NaN."""
    factor = max_norm / (norm + 1e-6)
    return np.where(factor > 1, 1.0, factor)


def clip_grad_norm_(parameters: Params, max_norm: float, norm_type: float | str = 2.0,
                    error_if_nonfinite: bool = False) -> float:
    r"""Shrink all gradients by one factor, so that the norm of all, as one long vector, is at most `max_norm`.

    .. math::
        g \leftarrow g \cdot \min\left(1, \frac{c}{|g| + 10^{-6}}\right)

    A step in a cliff of the surface becomes shorter and keeps its direction [1]_. The gradients are changed in place.
    The arithmetic, with the :math:`10^{-6}`, is that of ``torch.nn.utils.clip_grad_norm_``; optax has no
    :math:`10^{-6}`.

    Parameters
    ----------
    parameters : iterable of parameters, or one
        Parameters whose `grad` is None are skipped.
    max_norm : float
        c.
    norm_type : float or "inf", default 2
        p of the p-norm.
    error_if_nonfinite : bool, default False
        Raise an error, and change nothing, if the norm is infinite or NaN.

    Returns
    -------
    float
        The norm before clipping.

    Raises
    ------
    RuntimeError
        If the norm is not finite and `error_if_nonfinite` is set.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", 2013,
       Algorithm 1.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.0, 0.0])
    >>> p.grad = np.array([3.0, 4.0])
    >>> optim.clip_grad_norm_([p], max_norm=1.0)
    5.0
    >>> p.grad
    array([0.6, 0.8])
    """
    check("max_norm", max_norm, SIZE)
    grads = gradients(parameters)
    norm = global_norm(grads, norm_type)
    if error_if_nonfinite and not np.isfinite(norm):
        raise RuntimeError(f"the {norm_type}-norm of the gradients is {norm}, and no factor makes it {max_norm}: find "
                           "the first step with a gradient that is not finite, or pass error_if_nonfinite=False")
    factor = float(shrink_factor(norm, max_norm))
    for grad in grads:
        grad *= factor
    return norm


def clip_grad_value_(parameters: Params, clip_value: float) -> None:
    r"""Clip every component of every gradient to [-clip_value, clip_value], in place.

    Unlike :func:`clip_grad_norm_` this turns the step's direction, towards a diagonal.

    Parameters
    ----------
    parameters : iterable of parameters, or one
        Parameters whose `grad` is None are skipped.
    clip_value : float

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.0, 0.0])
    >>> p.grad = np.array([3.0, -0.5])
    >>> optim.clip_grad_value_([p], 1.0)
    >>> p.grad
    array([ 1. , -0.5])
    """
    check("clip_value", clip_value, SIZE)
    for grad in gradients(parameters):
        np.clip(grad, -float(clip_value), float(clip_value), out=grad)


def gradients(parameters):
    """Return the gradients that exist, as arrays to change in place; for gradients by rows, their values."""
    arrays = []
    for param in as_list(parameters, "parameters"):
        if not is_parameter(param):
            raise TypeError(f"parameters holds {described(param)}, which has no .grad; expected parameters")
        grad = param.grad
        if hasattr(grad, "coalesced"):  # optim.RowGradient: a row that is listed twice counts once, with its sum
            param.grad = grad = grad.coalesced()
            arrays.append(grad.values)
        elif grad is not None:
            arrays.append(grad)
    return arrays
