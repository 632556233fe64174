"""Gradient descent and momentum: a ball that rolls down the surface, without and with a memory of where it was going."""

from .hyperparameters import active
from .optimizer import Optimizer


class SGD(Optimizer):
    r"""Gradient descent, with momentum as an option.

    .. math::
        b_t = \mu b_{t-1} + (1 - \tau) g_t, \qquad b_1 = g_1
        \theta_t = \theta_{t-1} - \gamma \, b_t

    with :math:`\phi = g_t` for :math:`\mu = 0`, and :math:`\phi = g_t + \mu b_t` for Nesterov's form.

    Parameters
    ----------
    params : iterable
        Parameters or groups.
    lr : float or array, default 1e-3
        Learning rate γ.
    momentum : float or array, default 0
        μ, how much of the last step stays. Heavy-ball momentum [1]_.
    dampening : float, default 0
        τ, taken off the new gradient (not off the first).
    weight_decay : float, default 0
        λ; adds λθ to the gradient, the derivative of λ/2 |θ|².
    nesterov : bool, default False
        Look ahead along the momentum [2]_, in the form of [3]_ that PyTorch has.

    References
    ----------
    .. [1] B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    .. [2] Y. Nesterov, "A method for solving the convex programming problem with convergence rate O(1/k^2)", 1983.
    .. [3] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep learning", 2013.
    """

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False):
        if nesterov and (not active(momentum) or active(dampening)):
            raise ValueError(f"nesterov=True needs a momentum and no dampening; got momentum={momentum}, dampening={dampening}")
        super().__init__(params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                         nesterov=nesterov, maximize=maximize)

    def init_state(self, param, *, momentum):
        return {"momentum_buffer": None} if active(momentum) else {}

    def update(self, grad, state, param, *, momentum, dampening, weight_decay, nesterov):
        if active(weight_decay):
            grad = grad + weight_decay * param
        if not active(momentum):
            return grad
        b = state["momentum_buffer"]
        if b is None:
            b = state["momentum_buffer"] = grad.copy()
        else:
            b *= momentum
            b += (1 - dampening) * grad
        return grad + momentum * b if nesterov else b
