"""Your own data, as arrays: split off a part for testing, and go through the rest in shuffled batches."""

import math
from collections.abc import Iterator

import numpy as np

from ..arguments import ArrayLike, Flag, Generator, checked, number, shown, whole
from ..rules.products import operand
from .init import chosen


@checked
def minibatches(*arrays: ArrayLike, size: int = 32, drop_last: Flag = False,
                generator: Generator = None) -> Iterator:
    """Go once through all samples, in a new random order, one batch at a time: one epoch.

    Parameters
    ----------
    *arrays : array_like, shape (N, ...)
        The inputs, the targets, and so on: row i of each belongs to sample i.
    size : int, default 32
        How many samples a batch has.
    drop_last : bool, default False
        Whether to leave out a last batch that is smaller than the others.
    generator : np.random.Generator, optional
        Where the order comes from; see `manual_seed`.

    Yields
    ------
    tuple of ndarray, or ndarray
        The rows of each array that belong to the batch; of a single array, these rows alone.

    Raises
    ------
    ValueError
        If the arrays are not all of the same length, or size is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from minigrad import nn
    >>> x, y = np.arange(5.0), np.arange(5) % 2
    >>> for inputs, targets in nn.minibatches(x, y, size=2, generator=np.random.default_rng(0)):
    ...     print(inputs, targets)
    [2. 4.] [0 0]
    [3. 0.] [1 0]
    [1.] [1]
    """
    samples, size = _samples(arrays), whole(size, "size", 1)
    order = chosen(generator).permutation(len(samples[0]))
    starts = range(0, len(order) - len(order) % size if drop_last else len(order), size)
    batches = (tuple([rows[order[start:start + size]] for rows in samples]) for start in starts)
    return batches if len(samples) > 1 else (rows for rows, in batches)


@checked
def train_test_split(*arrays: ArrayLike, test_size: float = 0.25,
                     generator: Generator = None) -> list:
    """Split samples at random into a part to train with and a part to test with.

    Parameters
    ----------
    *arrays : array_like, shape (N, ...)
        The inputs, the targets, and so on: row i of each belongs to sample i.
    test_size : float or int, default 0.25
        The part of the samples to test with, from 0 to 1, rounded up; or their number, as an int.
    generator : np.random.Generator, optional
        Where the choice comes from; see `manual_seed`.

    Returns
    -------
    list of ndarray
        For each array the rows to train with, and then those to test with.

    Raises
    ------
    ValueError
        If the arrays are not all of the same length, or test_size is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from minigrad import nn
    >>> x, y = np.arange(8.0), np.arange(8) % 2
    >>> x_train, x_test, y_train, y_test = nn.train_test_split(x, y, generator=np.random.default_rng(0))
    >>> x_test, y_test
    (array([2., 4.]), array([0, 0]))
    """
    samples = _samples(arrays)
    number(test_size, "test_size", 0, len(samples[0]) if isinstance(test_size, int) else 1)
    held_out = test_size if isinstance(test_size, int) else math.ceil(test_size * len(samples[0]))
    order = chosen(generator).permutation(len(samples[0]))
    return [rows[part] for rows in samples for part in (order[held_out:], order[:held_out])]


def _samples(arrays):
    """Return arrays of the same length."""
    if len(arrays) == 1 and isinstance(arrays[0], (list, tuple)) and len({np.shape(rows) for rows in arrays[0]}) > 1:
        raise TypeError(f"arrays are given in one {type(arrays[0]).__name__} of {len(arrays[0])}; expected each as an "
                        "argument: write x, y and not [x, y]")
    samples = [operand(rows) for rows in arrays]
    if not samples or any(rows.ndim == 0 for rows in samples) or len({len(rows) for rows in samples}) > 1:
        raise ValueError("arrays must have the same number of samples, one in each row; got "
                         f"{', '.join(map(shown, arrays)) or 'none'}")
    return samples
