r"""Sparse gradients: an embedding table has a million rows, and a sentence touches ten of them.

A gradient that is 0 in all other rows is given as `RowGradient`: which rows, and their values. `LazyRows` makes any
elementwise optimizer move only these rows, so that a step costs as much as the rows in it. `SparseAdam` is Adam made in
this way.
"""


import numpy as np

from .interface.annotations import ArrayLike, Number, Pair, Params
from .interface.optimizer import Optimizer
from .interface.pieces import broadcast_piece, pieces_of


class RowGradient:
    """A gradient that is 0 outside of some rows.

    Parameters
    ----------
    rows : array_like of ints, shape (k,)
        Indices along the parameter's first axis. A row can be listed more than once: its values add up, as gradients
        do.
    values : array_like, shape (k, ...)
        The gradient of each of these rows.

    Raises
    ------
    TypeError, ValueError
        If `rows` is not a vector of integers, or `values` does not have one entry for each.

    Examples
    --------
    >>> import optim
    >>> optim.RowGradient([7, 2, 7], [[1.0], [2.0], [3.0]]).coalesced()
    RowGradient(rows=[2, 7], values=[[2.], [4.]])
    """

    __slots__ = ("rows", "values")

    def __init__(self, rows: ArrayLike, values: ArrayLike) -> None:
        self.rows, self.values = np.asarray(rows), np.asarray(values)
        if self.rows.size == 0:
            self.rows = self.rows.astype(int)
        if self.rows.ndim != 1 or self.rows.dtype.kind not in "iu":
            raise TypeError(f"rows has shape {self.rows.shape} and dtype {self.rows.dtype}; "
                            "expected a vector of integers")
        if self.values.ndim == 0 or len(self.values) != len(self.rows):
            raise ValueError(f"values has shape {self.values.shape}; "
                             f"expected {len(self.rows)} entries, one for each row")

    def __repr__(self):
        arrays = [np.array2string(array, separator=", ", threshold=20) for array in (self.rows, self.values)]
        return "RowGradient(rows={}, values={})".format(*arrays)

    def __neg__(self):
        return RowGradient(self.rows, -self.values)

    def coalesced(self) -> "RowGradient":
        """Return the same gradient with every row listed once, in ascending order."""
        rows, place = np.unique(self.rows, return_inverse=True)
        values = np.zeros((len(rows), *self.values.shape[1:]), self.values.dtype)
        np.add.at(values, place, self.values)
        return RowGradient(rows, values)


class LazyRows:
    """Makes an elementwise optimizer take gradients by rows, and move only those rows.

    Write it before the optimizer: ``class LazyAdagrad(LazyRows, Adagrad): pass``. The rule is applied to the listed
    rows and their rows of the state, as if they were the parameter; other rows do not move. For rules in which a
    gradient of 0 changes nothing (SGD without momentum or decay, Adagrad), this is the same as the rule itself, only
    faster. For other rules it is a different, lazy method: until its next gradient, the momentum of a row neither
    moves it nor fades, and its weight does not decay.

    Examples
    --------
    >>> import numpy as np, optim
    >>> class LazyAdagrad(optim.LazyRows, optim.Adagrad):
    ...     pass
    >>> table = optim.Parameter(np.zeros((1000, 2)))
    >>> optimizer = LazyAdagrad([table], lr=0.1)
    >>> table.grad = optim.RowGradient([3], [[1.0, -5.0]])
    >>> optimizer.step()
    >>> table.data[2:5]
    array([[ 0. ,  0. ],
           [-0.1,  0.1],
           [ 0. ,  0. ]])
    """

    machinery = ()

    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        if not getattr(cls, "elementwise", True):
            raise TypeError(f"{cls.__name__} cannot be lazy: its rule needs whole arrays (elementwise = False)")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear all gradients. A gradient that is 0 in all rows is None, so `set_to_none` makes no difference."""
        super().zero_grad()

    def checked_gradient(self, param, group):
        grad, data = param.grad, param.data
        if not isinstance(grad, RowGradient):
            raise TypeError(f"{type(self).__name__} takes gradients by rows; got {type(grad).__name__}. Write "
                            "optim.RowGradient(rows, values), or use the optimizer that is not lazy")
        if grad.values.shape[1:] != data.shape[1:] or grad.values.dtype != data.dtype or data.ndim == 0:
            raise ValueError(f"a gradient by rows has values of shape {grad.values.shape} and dtype "
                             f"{grad.values.dtype}; its parameter has shape {data.shape} and dtype {data.dtype}")
        if grad.rows.size and (grad.rows.min() < 0 or grad.rows.max() >= len(data)):
            raise ValueError(f"a gradient names rows {grad.rows.min()} to {grad.rows.max()}; "
                             f"its parameter has {len(data)}")
        grad = grad.coalesced()
        return -grad if group["maximize"] else grad

    def move(self, group, param, grad):
        """Advance the state of one parameter and move the rows that the gradient names."""
        data, rows = param.data, grad.rows
        lr, hyper, advancing = group.ready.get(data.dtype) or self._prepare(group, data)
        state = self.advanced_state(group, param, advancing)
        lr, hyper = next(pieces_of((lr, hyper), lambda array: [broadcast_piece(array, (rows,), data.ndim)]))
        part = next(pieces_of(state, lambda array: [array[rows] if array.shape == data.shape else array]))
        theta = data[rows]
        self.descend(theta, lr, self.update(grad.values, part, theta, **hyper))
        data[rows] = theta
        for name, entry in part.items():
            if isinstance(entry, np.ndarray) and entry.shape == theta.shape:
                if state[name] is None:
                    state[name] = np.zeros_like(data)
                state[name][rows] = entry


class SparseAdam(LazyRows, Optimizer):
    """Adam on the rows that have a gradient.

    Only the rows that the gradient names change; all others keep θ, m and v. What it changes in `Adam`: a rare row is
    not moved by its old momentum during the steps in which it does not occur, and a step costs as much as the rows in
    it.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them, whose gradients are `RowGradient`.
    eps : float or array, default 1e-8
        ε, added to √v before the correction, as in PyTorch; in `Adam` it is added after it.

    Raises
    ------
    TypeError
        In a step, if a gradient is an array. PyTorch raises a RuntimeError.

    Notes
    -----
    *When it helps, when it hurts.* Embedding tables, if the gradient comes by rows. t counts the steps of the table,
    not of the row, so late in a run the first gradient of a row is hardly corrected: that row's first step is
    (1 − β₁)/√(1 − β₂) γ, which is 3.2 γ by default.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015, Algorithm 1.

    Examples
    --------
    >>> import numpy as np, optim
    >>> table = optim.Parameter(np.zeros((4, 2)))
    >>> optimizer = optim.SparseAdam([table], lr=0.1)
    >>> table.grad = optim.RowGradient([1, 3], [[1.0, 2.0], [-1.0, -2.0]])
    >>> optimizer.step()
    >>> table.data
    array([[ 0. ,  0. ],
           [-0.1, -0.1],
           [ 0. ,  0. ],
           [ 0.1,  0.1]])
    """

    def __init__(self, params: Params, lr: Number = 1e-3, betas: Pair = (0.9, 0.999), eps: Number = 1e-8,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps):
        """
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        m̂ ← m / (1 − β₁ᵗ)
        φ ← √(1 − β₂ᵗ) m̂ / (√v + ε)
        """
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        m_hat = m / (1 - beta1**t)
        return (1 - beta2**t) ** 0.5 * m_hat / (np.sqrt(v) + eps)
