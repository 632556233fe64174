"""Adaptive methods: every coordinate has a step size of its own, learnt from the gradients it has seen."""

import numpy as np

from .hyperparameters import active
from .optimizer import Optimizer


class Adam(Optimizer):
    r"""Adaptive moment estimation.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2
        \hat m_t = m_t / (1 - \beta_1^t), \qquad \hat v_t = v_t / (1 - \beta_2^t)
        \theta_t = \theta_{t-1} - \gamma \, \hat m_t / (\sqrt{\hat v_t} + \epsilon)
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, maximize=False):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize)

    def init_state(self, param, *, amsgrad):
        state = {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}
        return {**state, "max_exp_avg_sq": np.zeros_like(param)} if amsgrad else state

    def update(self, grad, state, param, *, betas, eps, weight_decay, amsgrad):
        if active(weight_decay):
            grad = grad + weight_decay * param
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        c2 = (1 - beta2**t) ** 0.5
        return (c2 / (1 - beta1**t)) * m / (np.sqrt(v) + eps * c2)
