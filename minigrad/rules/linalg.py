"""Linear algebra, for matrices and stacks of them; each rule cites where it comes from.

With g for ∂L/∂C, most rules follow from the differential dL = tr(gᵀdC), written in terms of dA: what A receives can
then be read off. Eigenvectors and singular vectors are functions of the matrix where their values are distinct. Where
some are equal, the vectors can be chosen in many ways, and the gradient leaves out what depends on the choice.
First derivatives of functions that treat equal values alike (their sum, their product, the sum of their squares) are
right there. Other functions, such as the first of two equal values, have no derivative. Second derivatives would be
limits of 0/0 that no rule can see, and are NaN rather than wrong. Matrices that must be symmetric receive a symmetric
gradient.

References
----------
.. [1] M. B. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
   differentiation", Oxford University Computing Laboratory report 08/01, 2008.
.. [2] G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
   variables separate", SIAM Journal on Numerical Analysis 10, 1973.
.. [3] I. Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527, 2016, equations 9 and 10.
.. [4] S. F. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
   experimental design", arXiv:1001.1654, 2010; for wide matrices: D. Roberts and L. Roberts, "QR and LQ decomposition
   matrix backpropagation algorithms for square, wide, and deep - real or complex - matrices and their software
   implementation", arXiv:2009.10071, 2020.
.. [5] J. Townsend, "Differentiating the singular value decomposition", technical report, 2016, section 2.
.. [6] C. Boeddeker, P. Hanebrink, L. Drude, J. Heymann and R. Haeb-Umbach, "On the computation of complex-valued
   gradients with application to statistically optimum beamforming", arXiv:1701.00392, 2017, equation 4.77.
"""

from functools import cache
from math import prod

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..registry import constant, implements, rule, value_of
from ..tape import Node, Primitive
from .elementwise import nonzero
from .products import operand
from .reductions import kept


def reciprocal_or_zero(x):
    """Return 1 / x, and 0 where x is 0."""
    return np.where(x == 0, 0, 1 / nonzero(x))


def differences(x):
    """Return the matrix of x_j - x_i."""
    return x[..., None, :] - x[..., :, None]


# The gradient that a rule returns, unchanged. Differentiated again, it is NaN where `equal` is true.
_differentiable_once = Primitive(
    lambda gradient, equal: gradient,
    (lambda g, ans, gradient, equal: np.where(equal[..., None, None], np.nan, g), None), "derivative at equal values")


def with_equal(values, or_zero=False):
    """Return for each row whether two of its numbers are equal or, with `or_zero`, one of them is 0."""
    ordered = np.sort(value_of(values), -1)
    return np.any(ordered[..., 1:] == ordered[..., :-1], -1) | (or_zero & np.any(ordered == 0, -1))


def triangle(matrix, diagonal):
    """Return the lower triangle of a matrix, its diagonal multiplied by a number."""
    n = matrix.shape[-1]
    return matrix * (np.tri(n, k=-1, dtype=matrix.dtype) + diagonal * np.eye(n, dtype=matrix.dtype))


def symmetric(matrix):
    """Return the symmetric part of a matrix."""
    return (matrix + matrix.mT) / 2


def real(matrix):
    """Return the argument. Complex numbers are refused: the rules of the decompositions below are for real ones."""
    matrix = operand(matrix)
    if matrix.dtype.kind == "c":
        raise TypeError("minigrad differentiates this decomposition for real matrices only; got one of dtype "
                        f"{matrix.dtype}. Split it into its real and imaginary parts")
    return matrix


# Inverses and systems of equations: [1] 2.2.3 and 2.3.1, [2].

def _solve_left(g, ans, a, b):
    """With x = A⁻¹b, b receives A⁻ᵀg and A receives -(A⁻ᵀg)xᵀ."""
    g_b = _solve_right(g, ans, a, b)
    return -(g_b[..., :, None] * ans[..., None, :] if b.ndim == 1 else g_b @ ans.mT)


def _solve_right(g, ans, a, b):
    # NumPy 2 takes b for a vector only if it has one dimension, also where `a` is a stack and g thus has more.
    return np.linalg.solve(a.mT, g[..., None])[..., 0] if b.ndim == 1 else np.linalg.solve(a.mT, g)


def _pinv_rule(g, ans, a, **keywords):
    """With P = A⁺, A receives -PᵀgPᵀ + (I - AP)gᵀPPᵀ + PᵀPgᵀ(I - PA)."""
    outside_rows, outside_columns = g.mT - a @ (ans @ g.mT), g.mT - (g.mT @ ans) @ a
    return -(ans.mT @ g @ ans.mT) + outside_rows @ ans @ ans.mT + ans.mT @ ans @ outside_columns


rule(np.linalg.inv, lambda g, ans, a: -(ans.mT @ g @ ans.mT))
_pinv = Primitive(np.linalg.pinv, (_pinv_rule,), "pinv")
_solve = Primitive(np.linalg.solve, (_solve_left, _solve_right), "solve")


@implements(np.linalg.pinv)
def pinv(a, rcond=None, hermitian=False, **tolerance):
    """Return the pseudo-inverse; its rank must not change nearby for it to have a derivative."""
    return _pinv(real(a), rcond=rcond, hermitian=hermitian, **tolerance)


@implements(np.linalg.solve)
def solve(a, b):
    """Return A⁻¹b without forming the inverse."""
    return _solve(operand(a), operand(b))


def _lstsq_of_arrays(a, b, rcond=None):
    solution, residuals, rank, singular_values = np.linalg.lstsq(a, b, rcond)
    return solution, residuals, int(rank), singular_values


@implements(np.linalg.lstsq, run=_lstsq_of_arrays)
def lstsq(a, b, rcond=None):
    """Return A⁺b, the sums of the squares that are left, the rank of A and its singular values."""
    a, b = operand(a), operand(b)
    rows, columns = a.shape
    singular_values = np.linalg.svdvals(a)
    eps = np.finfo(singular_values.dtype).eps
    rcond = {None: eps * max(rows, columns), -1: eps}.get(rcond, rcond)
    solution = np.linalg.pinv(a, rcond) @ b
    rank = int(np.count_nonzero(singular_values > rcond * np.max(singular_values, initial=0)))
    residuals = np.sum((b - a @ solution) ** 2, axis=0, keepdims=b.ndim == 1)
    return solution, residuals if rank == columns < rows else residuals[:0], rank, singular_values


@implements(np.linalg.tensorsolve)
def tensorsolve(a, b, axes=None):
    """Join axes so that a becomes a square matrix, and solve."""
    if axes is not None:
        a = np.moveaxis(operand(a), axes, range(-len(axes), 0))
    a, b = operand(a), operand(b)
    shape = a.shape[b.ndim - a.ndim:]
    return np.reshape(np.linalg.solve(np.reshape(a, (prod(shape), prod(shape))), np.reshape(b, -1)), shape)


@implements(np.linalg.tensorinv)
def tensorinv(a, ind=2):
    """Join axes so that a becomes a square matrix, and invert."""
    rows = prod(a.shape[:ind])
    return np.reshape(np.linalg.inv(np.reshape(a, (rows, rows))), a.shape[ind:] + a.shape[:ind])


# Determinants: [1] 2.2.4.

def cofactors(a):
    """Return (-1)ⁱ⁺ʲ times the determinant of A without row i and column j: det(A)A⁻ᵀ, for singular matrices too."""
    n = a.shape[-1]
    others = np.array([[k for k in range(n) if k != i] for i in range(n)], dtype=int)
    minors = a[..., others[:, None, :, None], others[None, :, None, :]]
    return np.linalg.det(minors) * np.array([[(-1) ** (i + j) for j in range(n)] for i in range(n)], np.int8)


def _det(g, ans, a):
    # Second derivatives subtract products of A⁻¹ and A⁻¹, and lose all digits where A is nearly singular.
    singular = np.any(ans == 0) or (isinstance(a, Node) and np.any(np.linalg.matrix_rank(a, rtol=1e-7) < a.shape[-1]))
    return g[..., None, None] * (cofactors(a) if singular else ans[..., None, None] * np.linalg.inv(a).mT)


rule(np.linalg.det, _det)
_slogdet = Primitive(np.linalg.slogdet, (lambda g, ans, a: g[1][..., None, None] * np.linalg.inv(a).mT,), "slogdet")


@implements(np.linalg.slogdet)
def slogdet(a):
    """Return the sign of the determinant, and the logarithm of its size."""
    return _slogdet(real(a))


# Factorisations: [3], [4].

def _cholesky_rule(g, ans, a):
    """A receives the symmetric part of L⁻ᵀΦ(Lᵀg)L⁻¹, where Φ takes the lower triangle and halves the diagonal."""
    inverse = np.linalg.inv(ans)
    return symmetric(inverse.mT @ triangle(ans.mT @ g, diagonal=0.5) @ inverse)


def _qr_rule(g, ans, a):
    """With M = R g_Rᵀ - g_QᵀQ, its lower triangle mirrored into the upper, A receives (g_Q + QM)R⁻ᵀ."""
    (g_q, g_r), (q, r) = g, ans
    m = r @ g_r.mT - g_q.mT @ q
    mirrored = triangle(m, diagonal=1) + triangle(m, diagonal=0).mT
    return np.linalg.solve(r, (g_q + q @ mirrored).mT).mT


_cholesky = Primitive(np.linalg.cholesky, (_cholesky_rule,), "cholesky")
_qr = Primitive(np.linalg.qr, (_qr_rule,), "qr")


@implements(np.linalg.cholesky)
def cholesky(a, upper=False):
    """Return the lower triangle L of A = LLᵀ, or the upper one, Lᵀ."""
    factor = _cholesky(real(a))
    return factor.mT if upper else factor


@implements(np.linalg.qr)
def qr(a, mode="reduced"):
    """Return A = QR. For a wide matrix, the first columns are decomposed, and the others multiplied by Qᵀ."""
    rows, columns = real(a).shape[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and rows <= columns):
        raise ValueError(f"mode must be 'reduced' or 'r'; got {mode!r} for matrices of {rows} x {columns}, "
                         "where only the factors of the reduced decomposition are functions of the matrix")
    factors = _qr(a[..., :rows] if rows < columns else a)
    if rows < columns:
        factors = factors._replace(R=np.concatenate([factors.R, factors.Q.mT @ a[..., rows:]], axis=-1))
    return factors.R if mode == "r" else factors


# Eigenvalues: [1] 3.1, normalised as in [6].

def _eigh_rule(g, ans, a, **keywords):
    """A receives V(diag(g_w) + F ∘ Vᵀg_V)Vᵀ with Fᵢⱼ = 1/(wⱼ - wᵢ), and 0 on the diagonal."""
    (g_w, g_v), (w, v) = g, ans
    inner = reciprocal_or_zero(differences(w)) * (v.mT @ g_v)
    return _differentiable_once(symmetric((v * g_w[..., None, :] + v @ inner) @ v.mT), with_equal(w))


def _eig_rule(g, ans, a):
    """A receives V⁻ᵀ(diag(g_w) + F ∘ Vᵀg_V)Vᵀ, where g_V first loses the part that would change the vectors' lengths.

    The phase of complex eigenvectors, which is arbitrary, is taken to have no influence on the loss.
    """
    (g_w, g_v), (w, v) = g, ans
    g_v = g_v - np.conj(v) * np.real(np.sum(g_v * v, axis=-2, keepdims=True))
    inner = np.eye(w.shape[-1], dtype=w.dtype) * g_w[..., None, :] + reciprocal_or_zero(differences(w)) * (v.mT @ g_v)
    return _differentiable_once(np.linalg.solve(v.mT, inner @ v.mT), with_equal(w))


_eigh = Primitive(np.linalg.eigh, (_eigh_rule,), "eigh")
rule(np.linalg.eig, _eig_rule)


@implements(np.linalg.eigh)
def eigh(a, UPLO="L"):
    """Return the eigenvalues and eigenvectors of a symmetric matrix."""
    return _eigh(real(a), UPLO=UPLO)


@implements(np.linalg.eigvalsh)
def eigvalsh(a, UPLO="L"):
    """Return the eigenvalues of a symmetric matrix."""
    return eigh(a, UPLO)[0]


@implements(np.linalg.eigvals)
def eigvals(a):
    """Return the eigenvalues, complex if any of them is."""
    return np.linalg.eig(a)[0]


# Singular values: [5].

def _svd_rule(g, ans, a):
    """A receives U((F ∘ (Uᵀg_U - g_UᵀU))S + S(F ∘ (Vᵀg_V - g_VᵀV)) + diag(g_S))Vᵀ with Fᵢⱼ = 1/(sⱼ² - sᵢ²).

    Where U is not square, (I - UUᵀ)g_U S⁻¹Vᵀ is added, and where V is not square, US⁻¹g_Vᵀ(I - VVᵀ).
    """
    (g_u, g_s, g_vh), (u, s, vh) = g, ans
    f, inverse_s = reciprocal_or_zero(differences(s * s)), reciprocal_or_zero(s)[..., None, :]
    on_u, on_v = u.mT @ g_u, vh @ g_vh.mT
    inner = (f * (on_u - on_u.mT)) * s[..., None, :] + s[..., :, None] * (f * (on_v - on_v.mT))
    gradient = (u @ inner + u * g_s[..., None, :]) @ vh
    if u.shape[-2] > u.shape[-1]:
        gradient = gradient + ((g_u - u @ on_u) * inverse_s) @ vh
    if vh.shape[-1] > vh.shape[-2]:
        gradient = gradient + (u * inverse_s) @ (g_vh - on_v.mT @ vh)
    return _differentiable_once(gradient, with_equal(s, or_zero=u.shape[-2] != vh.shape[-1]))


_svd = Primitive(lambda a: np.linalg.svd(a, full_matrices=False), (_svd_rule,), "svd")


@implements(np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """Return A = U diag(S) Vᵀ, or the singular values S alone."""
    rows, columns = real(a).shape[-2:]
    if compute_uv and full_matrices and rows != columns:
        raise ValueError(f"svd of matrices of {rows} x {columns} needs full_matrices=False: "
                         "the further singular vectors are not functions of the matrix")
    factors = _svd(a)
    return factors if compute_uv else factors.S


@implements(np.linalg.svdvals)
def svdvals(x):
    """Return the singular values."""
    return np.linalg.svd(x, compute_uv=False)


# Norms. The rule for vectors holds for every order but 0 and infinity, and gives slope 0 at 0.

def _vector_norm_rule(g, ans, x, order, axis, keepdims):
    g, ans = kept(g, x, axis, keepdims), kept(ans, x, axis, keepdims)
    if order == 2:
        return g * reciprocal_or_zero(ans) * x
    size = np.abs(x)
    return g * np.sign(x) * (nonzero(size) / nonzero(ans)) ** (order - 1)


_vector_norm = Primitive(
    lambda x, order, axis, keepdims: np.linalg.vector_norm(x, ord=order, axis=axis, keepdims=keepdims),
    (_vector_norm_rule,), "norm")


@implements(np.linalg.vector_norm)
def vector_norm(x, axis=None, keepdims=False, ord=2):
    """Return (Σ|xᵢ|ᵖ)^(1/p) for the order p, which for p = ∞ and -∞ is the largest and the smallest |xᵢ|.

    Order 0, as in NumPy, is the number of entries that are not 0: the limit of Σ|xᵢ|ᵖ, without the root.
    """
    if ord == 0:
        return np.sum(x.data != 0, axis, dtype=x.dtype, keepdims=keepdims)
    size = np.abs(x) if ord in (1, np.inf, -np.inf) or x.dtype.kind == "c" else x
    if ord == 1:
        return np.sum(size, axis, keepdims=keepdims)
    if ord == np.inf:
        return np.max(size, axis, keepdims=keepdims, initial=0)
    if ord == -np.inf:
        return np.min(size, axis, keepdims=keepdims)
    return _vector_norm(size, ord, axis, keepdims)


def _matrix_norm(x, ord, axes, keepdims):
    """Return a norm of the matrices whose rows and columns lie along two axes."""
    if ord in (None, "fro", "f"):
        return vector_norm(x, axes, keepdims)
    matrices = np.moveaxis(x, axes, (-2, -1))
    if ord in ("nuc", 2, -2):
        values = np.linalg.svdvals(matrices)
    elif ord in (1, -1, np.inf, -np.inf):
        values = np.sum(np.abs(matrices), axis=-2 if abs(ord) == 1 else -1)
    else:
        raise ValueError(f"ord of a matrix norm must be None, 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; got {ord!r}")
    if ord == "nuc":
        norms = np.sum(values, axis=-1)
    else:
        norms = np.max(values, axis=-1, initial=0) if ord > 0 else np.min(values, axis=-1)
    return kept(norms, x, axes, keepdims=False) if keepdims else norms


@implements(np.linalg.matrix_norm)
def matrix_norm(x, keepdims=False, ord="fro"):
    """Return a norm of each matrix in a stack."""
    return _matrix_norm(x, ord, (x.ndim - 2, x.ndim - 1), keepdims)


@implements(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    """Return a norm of vectors along one axis, or of matrices along two; of all entries if no axis is given."""
    if axis is None and ord is None:
        return vector_norm(x, None, keepdims)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    if len(axes) == 1:
        return vector_norm(x, axes, keepdims, 2 if ord is None else ord)
    if len(axes) == 2:
        return _matrix_norm(x, "fro" if ord is None else ord, axes, keepdims)
    raise ValueError(f"norm over {len(axes)} axes: axis must name one, for vectors, or two, for matrices; "
                     "or leave out axis and ord for the root of the sum of all squares")


@implements(np.linalg.cond)
def cond(x, p=None):
    """Return the norm of a matrix times that of its inverse: how much it magnifies errors."""
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    axes = (x.ndim - 2, x.ndim - 1)
    return _matrix_norm(x, p, axes, False) * _matrix_norm(np.linalg.inv(x), p, axes, False)


# Products of many.

@implements(np.linalg.matrix_power)
def matrix_power(a, n):
    """Square the half power, so that A^n takes about log2(n) products."""
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n == 0:
        return 0 * a + np.eye(a.shape[-1], dtype=a.dtype)
    if n == 1:
        return a
    half = matrix_power(a, n // 2)
    return half @ half @ a if n % 2 else half @ half


@implements(np.linalg.multi_dot)
def multi_dot(arrays):
    """Multiply in the order that costs the fewest operations, the classic example of dynamic programming."""
    arrays = [operand(x) for x in arrays]
    lengths = [1 if arrays[0].ndim == 1 else len(arrays[0]), *[len(x) for x in arrays[1:]]]
    lengths += [1 if arrays[-1].ndim == 1 else arrays[-1].shape[1]]

    @cache
    def cheapest(first, last):
        """Return the cost of the product of arrays first, ..., last, and the array after which it is best split."""
        ends = lengths[first] * lengths[last + 1]
        return min([(cheapest(first, i)[0] + cheapest(i + 1, last)[0] + ends * lengths[i + 1], i)
                    for i in range(first, last)], default=(0, first))

    def product(first, last):
        split = cheapest(first, last)[1]
        return arrays[first] if first == last else product(first, split) @ product(split + 1, last)

    return product(0, len(arrays) - 1)


constant(np.linalg.matrix_rank)
