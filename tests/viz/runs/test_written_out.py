"""Runs on surfaces that are written out equal those of the tape, bit for bit."""

import numpy as np
import pytest

from optim import viz

SURFACES = viz.surfaces.names()


@pytest.mark.slow
@pytest.mark.parametrize("name", SURFACES)
def test_runs_written_out_are_those_of_the_tape(name):
    runs = [viz.record("Adam(lr=0.05)", name, steps=120, written_out=wanted) for wanted in (None, False)]
    assert [run.objective for run in runs] == ["written out", "tape"]
    for entry in ("positions", "losses", "gradients"):
        np.testing.assert_array_equal(getattr(runs[0], entry), getattr(runs[1], entry))


def test_many_starts_written_out_are_those_of_the_tape():
    starts = np.random.default_rng(0).uniform(-2, 2, (2, 50))
    runs = [viz.record("SGD(lr=0.01, momentum=0.9)", "himmelblau", starts, steps=150, written_out=wanted)
            for wanted in (None, False)]
    np.testing.assert_array_equal(runs[0].positions, runs[1].positions)
    assert runs[0].objective == "written out"


def test_few_steps_and_functions_of_ones_own_stay_on_the_tape():
    assert viz.record("Adam", "booth", steps=10).objective == "tape"
    assert viz.record("Adam", lambda p: np.sum(p**2, axis=0), (1, 2), steps=200).objective == "tape"


def test_your_own_function_is_written_out_if_asked_for():
    bowl = lambda p: np.sum(p**2, axis=0)
    runs = [viz.record("Adam", bowl, (1, 2), steps=20, written_out=wanted) for wanted in (True, False)]
    assert runs[0].objective == "written out"
    np.testing.assert_array_equal(runs[0].positions, runs[1].positions)
    with pytest.raises(TypeError, match="branches"):
        viz.record("Adam", lambda p: p[0]**2 if p[0] > 0 else -p[0], (1, 2), written_out=True)
