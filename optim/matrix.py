"""Matrix methods: they treat a gradient that is a matrix as a matrix, not as a pile of separate numbers.

The adaptive methods scale each number by itself, which works if the axes of the landscape are the coordinate axes.
Here the rows and the columns of a gradient are rotated and scaled as a whole. Shampoo learns how, SOAP runs Adam in the
axes that Shampoo finds, and Muon makes all singular values nearly equal at once.
"""

import numpy as np

from .interface.annotations import Number, Pair, Params
from .interface.hyperparameters import FINITE, NOT_NEGATIVE, active, whole
from .interface.optimizer import Optimizer


def unfolded(tensor, axis):
    """Return a tensor as a matrix whose rows are the slices along one axis."""
    return np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)


def multiplied(tensor, axis, matrix):
    """Return a tensor with a matrix applied to each of its vectors along one axis."""
    return np.moveaxis(np.moveaxis(tensor, axis, -1) @ matrix.T, -1, axis)


class Shampoo(Optimizer):
    """Adagrad with a matrix for the rows and a matrix for the columns.

    Adagrad divides by the root of the diagonal of a huge matrix, the sum of g gᵀ over all gradients flattened to
    vectors. What Shampoo adds: it keeps the off-diagonal part too, approximated by L^(1/2) ⊗ R^(1/2), and so sees
    valleys that run at an angle to the axes. For a matrix G the step is L^(−1/4) G R^(−1/4), with the sums L of G Gᵀ
    and R of Gᵀ G. For a vector it is Adagrad with the full matrix, L^(−1/2) g. A tensor with k axes has k matrices and
    the exponent −1/(2k).

    Parameters
    ----------
    eps : float, default 1e-4
        ε > 0; the matrices start at ε I, and smaller eigenvalues count as ε.
    precondition_frequency : int, default 1
        The number of steps from one computation of the inverse roots to the next; 1 in the paper's algorithm. They
        cost far more than the rest, so use 10 or 100 for large layers.
    max_precond_dim : int, default 1024
        A longer axis gets no matrix (and does not count for k). If all axes are longer, this is gradient descent.

    Notes
    -----
    *When it helps, when it hurts.* Layers whose inputs are correlated. An n × m layer needs of the order of n³ + m³
    operations for the roots, and keeps 2(n² + m²) numbers: the sums and their roots. Roots that are out of date are
    too large in directions not seen before. Like Adagrad's, the sums only grow.

    The roots come from an eigendecomposition, which costs as much as many products of matrices of its size: between
    7 and 17 at n = 512, depending on the dtype and the machine. Coupled Newton iteration needs products alone, but
    many of them, and more digits than float32 has, because sums of gradients are badly conditioned.

    *Where libraries disagree.* Many use moving averages instead of sums, take the exponent −1/2 instead of −1/4, and
    give the step the length of another method's ("grafting"). This is the paper's algorithm.

    References
    ----------
    .. [1] V. Gupta, T. Koren, Y. Singer, "Shampoo: preconditioned stochastic tensor optimization", 2018, Algorithms 1
       and 2.

    Examples
    --------
    Two singular values, 1 and 1000: the first step makes them equal.

    >>> import numpy as np, optim
    >>> w = optim.Parameter(np.zeros((2, 2)))
    >>> turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    >>> w.grad = turn @ np.diag([1.0, 1000.0])
    >>> optim.Shampoo([w], lr=0.1).step()
    >>> np.linalg.svd(w.data, compute_uv=False).round(3)
    array([0.1, 0.1])
    """

    elementwise = False
    overflows = True
    ranges = {"precondition_frequency": whole(1), "max_precond_dim": whole(0)}

    def __init__(self, params: Params, lr: Number = 0.1, eps: Number = 1e-4, precondition_frequency: int = 1,
                 max_precond_dim: int = 1024, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, eps=eps, precondition_frequency=precondition_frequency,
                         max_precond_dim=max_precond_dim, maximize=maximize)

    def init_state(self, param, *, eps, max_precond_dim):
        state = {"step": 0}
        for axis, n in enumerate(param.shape):
            if n <= max_precond_dim:
                state[f"preconditioner_{axis}"] = eps * np.eye(n, dtype=param.dtype)
                state[f"inverse_root_{axis}"] = np.eye(n, dtype=param.dtype)
        return state

    def update(self, grad, state, param, *, eps, precondition_frequency):
        """
        G ← g as a matrix, with one axis as its rows    all four lines for each axis
        L ← L + G Gᵀ
        P ← L^(−1 / (2 k))                              every so many steps, for k axes
        φ ← P φ along the axis                          φ starts as g
        """
        axes = [axis for axis in range(param.ndim) if f"preconditioner_{axis}" in state]
        phi = grad
        for axis in axes:
            matrix, root = state[f"preconditioner_{axis}"], state[f"inverse_root_{axis}"]
            rows = unfolded(grad, axis)
            matrix += rows @ rows.T
            if (state["step"] - 1) % precondition_frequency == 0:
                root[...] = inverse_root(matrix, 2 * len(axes), eps)
            phi = multiplied(phi, axis, root)
        return phi


def inverse_root(matrix, p, smallest):
    """Return matrix^(-1/p) for a symmetric matrix; eigenvalues below `smallest` count as `smallest`."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, smallest) ** (-1 / p)) @ vectors.T


class SOAP(Optimizer):
    """Adam in the axes that Shampoo finds ("ShampoO with Adam in the Preconditioner's eigenbasis").

    What it adds to Shampoo: the eigenvectors of Shampoo's matrices give only the directions, Q for each axis. How far
    to go in each of them is left to Adam, at every step, even while the directions are out of date. Every so many
    steps, Q follows the eigenvectors of L by one step of power iteration: it becomes the Q of the QR decomposition of
    L Q.

    Parameters
    ----------
    betas : pair of floats, default (0.95, 0.95)
        β₁, and β₂ for v as for L.
    weight_decay : float, default 0.01
        λ, as in `AdamW`.
    precondition_frequency : int, default 10
        Steps from one turn of the axes to the next.
    max_precond_dim : int, default 1024
        A longer axis is not turned. If no axis is turned, this is AdamW.
    precondition_1d : bool, default False
        Turn vectors (biases) as well.

    Notes
    -----
    *When it helps, when it hurts.* Language models with large batches, where its authors report fewer steps than with
    AdamW. For a matrix it needs eight matrix products a step more than AdamW (two to turn the gradient, two for the
    momentum, two to turn the step back, two for L and R), and keeps 2(n² + m²) more numbers. For a single vector, such
    as a point on a test surface, use ``precondition_1d=True``: then it sees Rosenbrock's valley along its own
    direction.

    *Where libraries disagree.* The authors' code takes no step the first time and only finds the axes; this class
    does both. It adds ε to √v before the correction, this class after it, as in `Adam`. It sorts the axes by their
    eigenvalues before each turn, and turns axes up to 10,000 long.

    References
    ----------
    .. [1] N. Vyas et al., "SOAP: improving and stabilizing Shampoo using Adam", 2025, Algorithms 3 and 4.

    Examples
    --------
    As with Adam, the first step is γ along each axis, but these are the gradient's own axes.

    >>> import numpy as np, optim
    >>> w = optim.Parameter(np.zeros((2, 2)))
    >>> turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    >>> w.grad = turn @ np.diag([1.0, 1000.0])
    >>> optim.SOAP([w], lr=0.1).step()
    >>> np.linalg.svd(w.data, compute_uv=False)
    array([0.1, 0.1])
    """

    elementwise = False
    overflows = True
    ranges = {"precondition_frequency": whole(1), "max_precond_dim": whole(0)}

    def __init__(self, params: Params, lr: Number = 3e-3, betas: Pair = (0.95, 0.95), eps: Number = 1e-8,
                 weight_decay: Number = 0.01, precondition_frequency: int = 10, max_precond_dim: int = 1024,
                 precondition_1d: bool = False, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
                         precondition_frequency=precondition_frequency, max_precond_dim=max_precond_dim,
                         precondition_1d=precondition_1d, maximize=maximize)

    def init_state(self, param, *, max_precond_dim, precondition_1d):
        state = {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}
        if param.ndim > 1 or precondition_1d:
            for axis, n in enumerate(param.shape):
                if n <= max_precond_dim:
                    state[f"preconditioner_{axis}"] = np.zeros((n, n), param.dtype)
                    state[f"basis_{axis}"] = np.eye(n, dtype=param.dtype)
        return state

    def update(self, grad, state, param, *, betas, eps, weight_decay, precondition_frequency):
        """
        Q ← eigenvectors of L                        at the first step, for each axis
        m ← β₁ m + (1 − β₁) g
        g′ ← Qᵀ g                                    along each axis
        m′ ← Qᵀ m                                    along each axis
        v ← β₂ v + (1 − β₂) g′²
        m̂ ← m′ / (1 − β₁ᵗ)
        v̂ ← v / (1 − β₂ᵗ)
        φ ← Q (m̂ / (√v̂ + ε))                         along each axis
        L ← β₂ L + (1 − β₂) G Gᵀ                     for each axis; G is g as in `Shampoo`
        Q ← Q of the QR decomposition of L Q         every so many steps
        φ ← φ + λ θ
        """
        (beta1, beta2), t = betas, state["step"]
        axes = [axis for axis in range(param.ndim) if f"basis_{axis}" in state]
        bases = {axis: state[f"basis_{axis}"] for axis in axes}
        if t == 1:
            for axis, basis in bases.items():
                basis[...] = np.linalg.eigh(self.averaged(state, axis, grad, beta2))[1]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        turned_grad, turned_m = turned(grad, bases), turned(m, bases)
        v *= beta2
        v += (1 - beta2) * turned_grad * turned_grad
        m_hat = turned_m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        phi = turned_back(m_hat / (np.sqrt(v_hat) + eps), bases)
        if t > 1:
            for axis, basis in bases.items():
                average = self.averaged(state, axis, grad, beta2)
                if t % precondition_frequency == 0:
                    basis[...] = np.linalg.qr(average @ basis)[0]
        if active(weight_decay):
            phi += weight_decay * param
        return phi

    @staticmethod
    def averaged(state, axis, grad, beta2):
        """Return Shampoo's matrix for one axis, a moving average here, with the gradient in it."""
        average, rows = state[f"preconditioner_{axis}"], unfolded(grad, axis)
        average *= beta2
        average += (1 - beta2) * (rows @ rows.T)
        return average


def turned(tensor, bases):
    """Return a tensor in the coordinates of an orthonormal basis for each axis that has one."""
    for axis, basis in bases.items():
        tensor = multiplied(tensor, axis, basis.T)
    return tensor


def turned_back(tensor, bases):
    """Undo `turned`."""
    for axis, basis in bases.items():
        tensor = multiplied(tensor, axis, basis)
    return tensor


class Muon(Optimizer):
    """Momentum, orthogonalized by Newton-Schulz: a step in which all singular values are nearly 1.

    For B = U S Vᵀ, `newton_schulz` returns nearly U Vᵀ. Shampoo with neither sums nor ε would step along
    (G Gᵀ)^(−1/4) G (Gᵀ G)^(−1/4) = U Vᵀ. What Muon adds is a way to compute it with products alone, without a
    decomposition or a second moment. U Vᵀ is to matrices what the sign is to numbers: of all steps of spectral norm γ,
    the steepest.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them, each with two axes.
    weight_decay : float, default 0.1
        λ; takes γλθ off the parameter.
    momentum : float, default 0.95
        μ, the weight of the past in the momentum.
    nesterov : bool, default True
        Orthogonalize the momentum that the next step will have, d, instead of b.
    ns_coefficients : three floats, default (3.4445, -4.775, 2.0315)
        a, b, c of :func:`newton_schulz`.
    eps : float, default 1e-7
        The least Frobenius norm to divide by.
    ns_steps : int, default 5
        Steps of Newton-Schulz, fewer than 100.
    adjust_lr_fn : {None, "original", "match_rms_adamw"}, default None
        How the scale s depends on the n × m shape. "original", which None means too, is √max(1, n/m) [1]_;
        "match_rms_adamw" is 0.2 √max(n, m), with which AdamW's γ and λ can be kept [2]_.
    maximize : bool, default False
        Climb instead. (PyTorch's Muon cannot.)

    Notes
    -----
    *When it helps, when it hurts.* The weight matrices of hidden layers. It learns all directions in which the
    gradient is not close to 0 at nearly the same speed. Embeddings, the last layer, biases and all vectors belong to
    AdamW. The step has the same size however small the gradient is, so γ must fall.

    *Where libraries disagree.* PyTorch runs Newton-Schulz in bfloat16, which has two to three digits. Here it runs in
    the parameter's own dtype, so trajectories agree only to about that precision.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024,
       kellerjordan.github.io/posts/muon.
    .. [2] J. Liu et al., "Muon is scalable for LLM training", 2025, eq. 4.

    Examples
    --------
    >>> import numpy as np, optim
    >>> w = optim.Parameter(np.zeros((2, 2)))
    >>> w.grad = np.array([[0.6, 0.8], [-0.8, 0.6]]) @ np.diag([1.0, 10.0])
    >>> optim.Muon([w], lr=0.1).step()
    >>> np.linalg.svd(w.data, compute_uv=False).round(1)
    array([0.1, 0.1])
    """

    elementwise = False
    scales = {None: lambda n, m: max(1, n / m) ** 0.5, "original": lambda n, m: max(1, n / m) ** 0.5,
              "match_rms_adamw": lambda n, m: 0.2 * max(n, m) ** 0.5}

    ranges = {"momentum": NOT_NEGATIVE, "ns_coefficients": FINITE, "ns_steps": whole(0)}

    def __init__(self, params: Params, lr: Number = 1e-3, weight_decay: Number = 0.1, momentum: Number = 0.95,
                 nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
                 eps: Number = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
                         ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn,
                         maximize=maximize)

    def add_param_group(self, group):
        super().add_param_group(group)
        try:
            self._check_group(self.param_groups[-1])
        except ValueError:
            self.param_groups.pop()
            raise

    def _check_group(self, group):
        for param in group["params"]:
            if param.data.ndim != 2:
                raise ValueError(f"Muon orthogonalizes matrices; a parameter has shape {param.data.shape}. "
                                 "Give vectors and tensors to a separate AdamW")
        if group["adjust_lr_fn"] not in self.scales:
            raise ValueError(f"adjust_lr_fn is {group['adjust_lr_fn']!r}; expected one of {list(self.scales)}")
        if len(group["ns_coefficients"]) != 3 or group["ns_steps"] >= 100:
            raise ValueError("Newton-Schulz needs three ns_coefficients and fewer than 100 ns_steps; "
                             f"got {group['ns_coefficients']!r} and {group['ns_steps']!r}")

    def init_state(self, param):
        return {"momentum_buffer": np.zeros_like(param)}

    def update(self, grad, state, param, *, weight_decay, momentum, nesterov, ns_coefficients, eps,
               ns_steps, adjust_lr_fn):
        """
        b ← μ b + (1 − μ) g
        d ← μ b + (1 − μ) g                     without Nesterov's momentum, d is b
        orthogonal ← newton_schulz(d)
        φ ← s orthogonal                        s depends on the shape
        φ ← φ + λ θ
        """
        b = state["momentum_buffer"]
        b *= momentum
        b += (1 - momentum) * grad
        direction = momentum * b + (1 - momentum) * grad if nesterov else b
        orthogonal = newton_schulz(direction, ns_coefficients, ns_steps, eps)
        phi = self.scales[adjust_lr_fn](*param.shape) * orthogonal
        if active(weight_decay):
            phi += weight_decay * param
        return phi


def newton_schulz(matrix, ns_coefficients=(3.4445, -4.775, 2.0315), ns_steps=5, eps=1e-7):
    """Return nearly U Vᵀ for a matrix B = U S Vᵀ, by matrix products alone.

    It starts with X = B / ‖B‖ (the Frobenius norm) and repeats X ← a X + (b A + c A²) X with A = X Xᵀ. That leaves U
    and V alone and sends each singular value σ to a σ + b σ³ + c σ⁵. With the classical coefficients
    (15/8, −10/8, 3/8) the singular values converge to 1. The default ones grow small σ faster: five steps take every σ
    above 0.002 ‖B‖ to a value between 0.68 and 1.21 (and 0.001 ‖B‖ to 0.47).

    Parameters
    ----------
    matrix : ndarray of shape (n, m)
        B.
    ns_coefficients : three floats
        a, b and c.
    ns_steps : int, default 5
    eps : float, default 1e-7
        The least norm to divide by.

    Returns
    -------
    ndarray of shape (n, m)
        In the dtype of `matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.matrix import newton_schulz
    >>> newton_schulz(np.diag([3.0, -2.0]), (15 / 8, -10 / 8, 3 / 8), ns_steps=10)
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    a, b, c = ns_coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix  # the smaller of the two products with its transpose
    x = x / max(float(np.linalg.norm(x)), eps)
    for _ in range(ns_steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x
