"""The data that the tutorials train on is the published data set."""

from pathlib import Path

import numpy as np

PUBLISHED_COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # optdigits.names, "testing set", 0 to 9


def read_digits():
    with np.load(Path(__file__).parents[1] / "tutorials" / "data" / "digits.npz") as digits:
        return digits["images"], digits["labels"]


def test_every_digit_occurs_as_often_as_published():
    _, labels = read_digits()
    assert np.bincount(labels).tolist() == PUBLISHED_COUNTS


def test_images_are_8x8_counts_of_0_to_16():
    images, labels = read_digits()
    assert images.shape == (1797, 8, 8)
    assert labels.shape == (1797,)
    assert images.dtype == labels.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 16)


def test_images_are_beside_their_own_labels():
    """A nearest-mean classifier could not tell the digits if images and labels were shifted or shuffled."""
    images, labels = read_digits()
    pixels = images.reshape(-1, 64).astype(float)
    means = np.stack([pixels[labels == digit].mean(axis=0) for digit in range(10)])
    nearest = np.argmin(((pixels[:, None] - means) ** 2).sum(axis=2), axis=1)
    assert np.mean(nearest == labels) > 0.88
