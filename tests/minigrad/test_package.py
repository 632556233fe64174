"""The package: what it exports, what it loads at once, and its version."""

import importlib.metadata
import subprocess
import sys

import pytest

import minigrad


@pytest.mark.parametrize("name", minigrad.__all__)
def test_every_exported_name_is_there_and_listed(name):
    assert getattr(minigrad, name).__name__.rpartition(".")[2] == name
    assert name in dir(minigrad)


def test_differentiating_loads_nothing_else():
    program = ("import sys, minigrad, numpy as np; minigrad.grad(np.sin)(1.0);"
               "print(sys.modules.keys() & {'minigrad.nn', 'minigrad.origins', 'minigrad.explanation', "
               "'minigrad.programs', 'minigrad.finite_differences', 'numpy.random', 'matplotlib', 'json'})")
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True).stdout == "set()\n"


def test_the_version_is_that_of_the_installed_package(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: {"minigrad-optim": "1.2.3"}[name])
    assert minigrad.__version__ == "1.2.3"


def test_a_checkout_has_a_version_too(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert minigrad.__version__ == "0+checkout"
