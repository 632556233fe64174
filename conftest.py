"""Fixtures for every test and doctest of the project.

Pictures are drawn without a display, random numbers come from a seeded generator, and a test that changes what all
tests share (Matplotlib's rcParams, NumPy's global random state) fails where it happens, not three tests later.
"""

import gc
import os

os.environ["MPLBACKEND"] = "Agg"  # before Matplotlib is imported, and for the programs that tests start

import matplotlib.pyplot as plt
import numpy as np
import pytest

collect_ignore = ["tests/optim/make_reference.py"]  # a script, which needs PyTorch and optax


def pytest_collection_finish():
    """Keep the garbage collector from searching the thousands of collected tests, again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def rng():
    """A random generator, freshly seeded for each test."""
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def shared_state_is_left_alone():
    """Fail a test that changes rcParams or the global random state; close the figures it opened."""
    settings = dict(dict.items(plt.rcParams))  # dict's own items: rcParams would look up each of its 300 settings
    random_state = np.random.get_state(legacy=False)  # noqa: NPY002 - read, to see that nobody uses it
    yield
    changed = [name for name, value in dict.items(plt.rcParams) if value != settings.get(name)]
    dict.update(plt.rcParams, settings)
    used = not same_random_state(random_state, np.random.get_state(legacy=False))  # noqa: NPY002
    np.random.set_state(random_state)  # noqa: NPY002
    plt.close("all")
    assert not changed, f"the test changed rcParams {changed}: draw inside plt.style.context or plt.rc_context"
    assert not used, "the test used NumPy's global random state: draw from a seeded np.random.default_rng instead"


def same_random_state(first, second):
    """Return whether two states of NumPy's global generator would draw the same numbers."""
    return (
        first["state"]["pos"] == second["state"]["pos"]
        and first["has_gauss"] == second["has_gauss"]
        and np.array_equal(first["state"]["key"], second["state"]["key"])
    )
