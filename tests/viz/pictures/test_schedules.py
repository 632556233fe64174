"""The learning rates in the picture are those of a training."""

import numpy as np
import pytest

import optim
from optim.viz import record
from optim.viz.pictures import schedules


class TestSchedule:
    def test_lines_are_the_rates_that_a_training_sees(self):
        make = lambda optimizer: optim.schedule.CosineAnnealingLR(optimizer, 10)
        drawn = schedules.schedule({"cosine": make}, 10, lr=2.0)
        expected = 1 + np.cos(np.pi * np.arange(11) / 10)
        np.testing.assert_allclose(drawn["lines"][0].get_ydata(), expected, atol=1e-15)
        run = record("SGD(lr=2)", lambda p: 0 * p[0], (0, 0), 10, schedule=make)
        np.testing.assert_allclose(drawn["lines"][0].get_ydata(), run.rates, atol=1e-15)

    def test_plateaus_go_by_the_losses_given(self):
        make = lambda optimizer: optim.schedule.ReduceLROnPlateau(optimizer, patience=1)
        drawn = schedules.schedule(make, 4, losses=[1.0, 1.0, 1.0, 1.0])
        np.testing.assert_allclose(drawn["lines"][0].get_ydata(), [1, 1, 1, 0.1, 0.1])
        with pytest.raises(ValueError, match="a sequence of 4 numbers"):
            schedules.schedule(make, 4)

    def test_plateaus_in_a_recorded_run_go_by_its_loss(self):
        run = record("SGD(lr=1)", lambda p: 0 * p[0] + 1, (0, 0), 4,
                     schedule=lambda optimizer: optim.schedule.ReduceLROnPlateau(optimizer, patience=1))
        np.testing.assert_allclose(run.rates, [1, 1, 1, 0.1, 0.1])


def test_a_rate_that_is_held_is_drawn_as_steps():
    drawing = schedules.schedule({"StepLR": lambda one: optim.schedule.StepLR(one, 5),
                                  "cosine": lambda one: optim.schedule.CosineAnnealingLR(one, 20)}, steps=20)
    assert [line.get_drawstyle() for line in drawing["lines"]] == ["steps-post", "default"]
