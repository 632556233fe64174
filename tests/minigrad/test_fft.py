"""Fourier transforms: real functions that pass through complex numbers, to second order."""

import numpy as np
import pytest

import minigrad
from minigrad import Tensor


def on(function, *shapes):
    """Return what draws arrays of these shapes for a function of them."""
    return lambda rng: (function, *[rng.standard_normal(shape) for shape in shapes])


def of_complex(transform, *args, **keywords):
    """Return the real and imaginary parts of a transform of a complex array, given by its real and imaginary parts."""
    def function(real, imaginary):
        z = transform(real + 1j * imaginary, *args, **keywords)
        return [np.real(z), np.imag(z)]
    return function


def of_real(transform, *args, **keywords):
    """Return the real and imaginary parts of a transform of a real array."""
    def function(x):
        z = transform(x, *args, **keywords)
        return [np.real(z), np.imag(z)]
    return function


def real_result(transform, *args, **keywords):
    """Return a transform, with a real result, of a complex array, given by its real and imaginary parts."""
    return lambda real, imaginary: transform(real + 1j * imaginary, *args, **keywords)


NORMS = [None, "backward", "ortho", "forward"]


def examples_of_one(transform, wrap, arrays):
    """Return examples for a transform along one axis: odd and even lengths, cut and filled up, every axis and scale."""
    return [*[on(wrap(transform, n), *[(length,)] * arrays) for n in (None, 2, 3, 6, 7) for length in (4, 5)],
            *[on(wrap(transform, axis=axis), *[(3, 4)] * arrays) for axis in (0, -1)],
            *[on(wrap(transform, n=5, axis=0, norm=norm), *[(4, 2)] * arrays) for norm in NORMS]]


def examples_of_several(transform, wrap, arrays):
    """Return the same for a transform along several axes."""
    return [on(wrap(transform), *[(3, 4)] * arrays), on(wrap(transform), *[(2, 3, 5)] * arrays),
            *[on(wrap(transform, s=(3, 4), axes=(2, 0), norm=norm), *[(4, 2, 3)] * arrays) for norm in NORMS],
            on(wrap(transform, s=(-1, 5), axes=(0, 1)), *[(3, 4)] * arrays)]


EXAMPLES = {
    **{transform: [*examples_of_one(transform, of_complex, 2), on(of_real(transform), (5,))]
       for transform in [np.fft.fft, np.fft.ifft]},
    **{transform: [*examples_of_several(transform, of_complex, 2), on(of_real(transform), (2, 3))]
       for transform in [np.fft.fft2, np.fft.ifft2, np.fft.fftn, np.fft.ifftn]},
    np.fft.rfft: [*examples_of_one(np.fft.rfft, of_real, 1), on(of_real(np.fft.rfft), (1,))],
    np.fft.ihfft: examples_of_one(np.fft.ihfft, of_real, 1),
    np.fft.irfft: [*examples_of_one(np.fft.irfft, real_result, 2), on(np.fft.irfft, (4,))],
    np.fft.hfft: [*examples_of_one(np.fft.hfft, real_result, 2), on(np.fft.hfft, (4,))],
    np.fft.rfft2: examples_of_several(np.fft.rfft2, of_real, 1),
    np.fft.rfftn: examples_of_several(np.fft.rfftn, of_real, 1),
    np.fft.irfft2: examples_of_several(np.fft.irfft2, real_result, 2),
    np.fft.irfftn: examples_of_several(np.fft.irfftn, real_result, 2),
    **{shift: [on(shift, (4,)), on(shift, (5,)), on(shift, (3, 4)),
               *[on(lambda x, shift=shift, axes=axes: shift(x, axes), (3, 5)) for axes in (1, (0,))]]
       for shift in [np.fft.fftshift, np.fft.ifftshift]},
}
CASES = [pytest.param(example, id=f"{function.__name__}-{i}")
         for function, examples in EXAMPLES.items() for i, example in enumerate(examples)]


def several(results):
    return results if isinstance(results, list) else [results]


@pytest.mark.parametrize("example", CASES)
def test_value_is_numpys(example, rng):
    function, *arrays = example(rng)
    for result, expected in zip(several(function(*map(Tensor, arrays))), several(function(*arrays))):
        assert isinstance(result, Tensor)
        assert result.shape == np.shape(expected)
        np.testing.assert_allclose(result.data, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("example", CASES)
def test_derivatives_to_second_order(example, rng):
    function, *arrays = example(rng)
    assert minigrad.gradcheck(lambda *tensors: [result ** 2 for result in several(function(*tensors))], *arrays)


@pytest.mark.parametrize("example", CASES)
def test_float32_is_kept(example, rng):
    function, *arrays = example(rng)
    tensors = [Tensor(x.astype(np.float32), requires_grad=True) for x in arrays]
    results = several(function(*tensors))
    sum(result.sum() for result in results).backward()
    assert {x.dtype for x in results} | {x.grad.dtype for x in tensors} == {np.dtype(np.float32)}


def test_frequencies_depend_on_the_distance_of_the_samples():
    for frequencies in (np.fft.fftfreq, np.fft.rfftfreq):
        assert minigrad.gradcheck(lambda d: frequencies(5, d), 1.5)  # noqa: B023


def test_energy_of_the_spectrum_is_that_of_the_signal(rng):
    """Parseval: sum |F x|^2 = n sum x^2, so that the gradient is 2 n x and the Hessian 2 n."""
    x = rng.standard_normal(6)
    energy = lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2)
    np.testing.assert_allclose(minigrad.grad(energy)(x), 12 * x)
    np.testing.assert_allclose(minigrad.hessian(energy)(x), 12 * np.eye(6), atol=1e-10)


def test_circular_convolution_by_spectra_has_the_gradient_of_the_sums(rng):
    x, y, g = rng.standard_normal((3, 8))
    signal, kernel = Tensor(x, requires_grad=True), Tensor(y, requires_grad=True)
    np.fft.irfft(np.fft.rfft(signal) * np.fft.rfft(kernel), 8).backward(g)
    shifted = np.stack([np.roll(y, i) for i in range(8)], axis=1)
    np.testing.assert_allclose(signal.grad, shifted.T @ g)


def test_transforms_there_and_back_are_the_identity(rng):
    x = rng.standard_normal((3, 4, 5))
    for there, back in [(np.fft.fftn, np.fft.ifftn), (np.fft.fft2, np.fft.ifft2), (np.fft.fftshift, np.fft.ifftshift)]:
        t = Tensor(x, requires_grad=True)
        np.real(back(there(t))).backward(x)
        np.testing.assert_allclose(t.grad, x)


def test_lengths_and_axes_must_agree():
    with pytest.raises(ValueError, match="same length"):
        np.fft.fftn(Tensor(np.ones((2, 3))), s=(2, 3), axes=(0,))


@pytest.mark.parametrize("transform", ["fft", "ifft", "rfft", "hfft", "fft2", "rfft2", "fftn", "rfftn", "ifftn"])
def test_gradients_equal_pytorchs(transform, rng):
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((3, 4, 5))
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    np.sum(np.abs(getattr(np.fft, transform)(ours)) ** 3).backward()
    (getattr(torch.fft, transform)(theirs).abs() ** 3).sum().backward()
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-10)
