"""Fourier transforms: a function may be complex inside if its arguments and its result are real.

The gradient of a complex z = x + iy is kept as g = ∂L/∂x - i ∂L/∂y, so that dL = Re(g dz), and a linear map w = Mz
passes back Mᵀg, without a conjugate. The matrix of a discrete Fourier transform is symmetric: its rule is the transform
itself, with the same scale (`norm`). The tape takes the real part of what comes back to a real argument.
"""

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..registry import constant, implements
from ..tape import Primitive


def resized(x, n, axis):
    """Return x cut to length n along an axis, or filled up with zeros."""
    missing = n - x.shape[axis]
    if missing <= 0:
        return x if missing == 0 else x[(slice(None),) * axis + (slice(n),)]
    shape = [missing if i == axis else length for i, length in enumerate(x.shape)]
    return np.concatenate([x, np.zeros_like(x, shape=shape)], axis)


def sizes(x, s, axes):
    """Return the axes to transform, counted from the front, and the length of each."""
    if axes is None:
        axes = range(x.ndim) if s is None else range(-len(s), 0)
    axes = normalize_axis_tuple(axes, x.ndim, allow_duplicate=True)
    if len(set(axes)) < len(axes):
        raise ValueError(f"axes of a Fourier transform must differ from one another on Tensors; got {axes} "
                         "(transform a second time instead)")
    lengths = [-1] * len(axes) if s is None else s
    if len(lengths) != len(axes):
        raise ValueError(f"s and axes must be of the same length; got s={s!r} for {len(axes)} axes")
    return axes, [x.shape[axis] if n == -1 else n for axis, n in zip(axes, lengths)]


def fitted(x, axes, lengths):
    """Return x cut or filled up to the given lengths along the axes."""
    for axis, n in zip(axes, lengths):
        x = resized(x, n, axis)
    return x


# From complex to complex.

_fftn = Primitive(lambda x, axes, norm: np.fft.fftn(x, axes=axes, norm=norm),
                  (lambda g, ans, x, axes, norm: _fftn(g, axes, norm),), "fft")
_ifftn = Primitive(lambda x, axes, norm: np.fft.ifftn(x, axes=axes, norm=norm),
                   (lambda g, ans, x, axes, norm: _ifftn(g, axes, norm),), "ifft")


@implements(np.fft.fftn)
def fftn(a, s=None, axes=None, norm=None):
    """Transform several axes, cut or filled up to the lengths s."""
    axes, lengths = sizes(a, s, axes)
    return _fftn(fitted(a, axes, lengths), axes, norm)


@implements(np.fft.ifftn)
def ifftn(a, s=None, axes=None, norm=None):
    """Transform several axes back."""
    axes, lengths = sizes(a, s, axes)
    return _ifftn(fitted(a, axes, lengths), axes, norm)


@implements(np.fft.fft)
def fft(a, n=None, axis=-1, norm=None):
    """Transform one axis."""
    return fftn(a, None if n is None else (n,), (axis,), norm)


@implements(np.fft.ifft)
def ifft(a, n=None, axis=-1, norm=None):
    """Transform one axis back."""
    return ifftn(a, None if n is None else (n,), (axis,), norm)


@implements(np.fft.fft2)
def fft2(a, s=None, axes=(-2, -1), norm=None):
    """Transform two axes."""
    return fftn(a, s, axes, norm)


@implements(np.fft.ifft2)
def ifft2(a, s=None, axes=(-2, -1), norm=None):
    """Transform two axes back."""
    return ifftn(a, s, axes, norm)


# From real to the half of a spectrum whose other half is its mirror image, and back. With sums over k of the half,
#
#     rfft:  Xₖ = Σⱼ xⱼ exp(-2πi jk/n)        irfft, up to its scale:  xⱼ = Re Σₖ mₖ Xₖ exp(2πi jk/n),
#
# where mₖ is 2 for a frequency that has a mirror image, and otherwise 1. Transposed, each is the other up to mₖ and a
# conjugate. A scale of 1/n that belongs to one direction of `norm` belongs to the other direction of the opposite norm.

OPPOSITE = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def occurrences(n, axis, ndim):
    """Return mₖ, how often each frequency of the half spectrum occurs in the whole one of length n."""
    k = np.arange(n // 2 + 1)
    twice = np.where((k == 0) | (2 * k == n), 1, 2).astype(np.int8)  # the narrowest type, so that float32 stays
    return twice.reshape([-1 if i == axis else 1 for i in range(ndim)])


def _rfft_rule(g, ans, x, n, axis, norm):
    return _irfft(np.conj(g) / occurrences(n, axis, x.ndim), n, axis, OPPOSITE[norm])


def _irfft_rule(g, ans, x, n, axis, norm):
    return np.conj(_rfft(g, n, axis, OPPOSITE[norm])) * occurrences(n, axis, x.ndim)


_rfft = Primitive(lambda x, n, axis, norm: np.fft.rfft(x, n, axis, norm), (_rfft_rule,), "rfft")
_irfft = Primitive(lambda x, n, axis, norm: np.fft.irfft(x, n, axis, norm), (_irfft_rule,), "irfft")


@implements(np.fft.rfftn)
def rfftn(a, s=None, axes=None, norm=None):
    """Transform the last of the axes from real to half a spectrum, and then the others."""
    axes, lengths = sizes(a, s, axes)
    half = _rfft(fitted(a, axes, lengths), lengths[-1], axes[-1], norm)
    return _fftn(half, axes[:-1], norm) if axes[:-1] else half


@implements(np.fft.irfftn)
def irfftn(a, s=None, axes=None, norm=None):
    """Transform the others back, and then the last of the axes from half a spectrum to real."""
    axes, lengths = sizes(a, s, axes)
    n = 2 * (lengths[-1] - 1) if s is None else lengths[-1]
    half = fitted(a, axes, [*lengths[:-1], n // 2 + 1])
    return _irfft(_ifftn(half, axes[:-1], norm) if axes[:-1] else half, n, axes[-1], norm)


@implements(np.fft.rfft)
def rfft(a, n=None, axis=-1, norm=None):
    """Transform one axis from real to half a spectrum."""
    return rfftn(a, None if n is None else (n,), (axis,), norm)


@implements(np.fft.irfft)
def irfft(a, n=None, axis=-1, norm=None):
    """Transform one axis from half a spectrum to real."""
    return irfftn(a, None if n is None else (n,), (axis,), norm)


@implements(np.fft.rfft2)
def rfft2(a, s=None, axes=(-2, -1), norm=None):
    """Transform two axes, the last from real to half a spectrum."""
    return rfftn(a, s, axes, norm)


@implements(np.fft.irfft2)
def irfft2(a, s=None, axes=(-2, -1), norm=None):
    """Transform two axes back, the last from half a spectrum to real."""
    return irfftn(a, s, axes, norm)


@implements(np.fft.hfft)
def hfft(a, n=None, axis=-1, norm=None):
    """Transform half of a symmetric signal into its spectrum, which is real."""
    return irfft(np.conj(a), n, axis, OPPOSITE[norm])


@implements(np.fft.ihfft)
def ihfft(a, n=None, axis=-1, norm=None):
    """Transform a real spectrum back into half of a symmetric signal."""
    return np.conj(rfft(a, n, axis, OPPOSITE[norm]))


# Moving frequency 0 to the middle and back.

@implements(np.fft.fftshift)
def fftshift(x, axes=None):
    """Move frequency 0 from the front to the middle."""
    axes = normalize_axis_tuple(range(x.ndim) if axes is None else axes, x.ndim, allow_duplicate=True)
    return np.roll(x, [x.shape[axis] // 2 for axis in axes], axes)


@implements(np.fft.ifftshift)
def ifftshift(x, axes=None):
    """Move frequency 0 from the middle back to the front."""
    axes = normalize_axis_tuple(range(x.ndim) if axes is None else axes, x.ndim, allow_duplicate=True)
    return np.roll(x, [-(x.shape[axis] // 2) for axis in axes], axes)


constant(np.fft.fftfreq, np.fft.rfftfreq)  # called with a Tensor for d, they use its operators, and record them
