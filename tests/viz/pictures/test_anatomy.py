"""The parts of a step, found by running the optimizer's own code, add up to the real step."""

import inspect

import numpy as np
import pytest
from matplotlib.patches import Ellipse

import optim
from optim.viz import anatomy, record
from optim.viz.pictures.anatomy import directions, dissect
from optim.viz.runs import contestants

ELEMENTWISE = [name for name, kind in contestants.known().items()
               if kind.elementwise and name not in ("SparseAdam", "ExponentiatedGradient")]  # rows; the simplex only


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("step", [0, 1, 6])
def test_parts_add_up_to_the_real_step(name, step):
    decay = "weight_decay=0.1" if "weight_decay" in inspect.signature(contestants.known()[name]).parameters else ""
    run = record(f"{name}({decay})", "plateau", (1.0, 1.5), steps=8)
    found = dissect(run, step)
    largest = max(np.abs(part).max() for part in found.parts.values())
    rounding = np.finfo(float).eps * np.abs(run.positions[step]).max()  # of the difference of two positions
    np.testing.assert_allclose(sum(found.parts.values()), run.positions[step + 1] - run.positions[step],
                               rtol=0, atol=1e-12 * largest + rounding)
    np.testing.assert_array_equal(found.step, run.positions[step + 1] - run.positions[step])


def test_gradient_descent_has_one_part():
    found = dissect(record("SGD(lr=0.1)", "beale", steps=3), 1)
    assert list(found.parts) == ["gradient"]
    np.testing.assert_allclose(found.preconditioner, 0.1)


def test_the_memory_of_momentum_is_the_last_velocity():
    run = record("SGD(lr=0.01, momentum=0.9)", "beale", steps=5)
    parts = dissect(run, 3).parts
    np.testing.assert_allclose(parts["memory"], 0.9 * run.effective_steps[2])
    np.testing.assert_allclose(parts["gradient"], -0.01 * run.gradients[3])


def test_adams_parts_are_those_of_the_paper():
    run = record("Adam(lr=0.1)", "beale", steps=6)
    found, t = dissect(run, 4), 5
    m_before, m, v = run.states["exp_avg"][4], run.states["exp_avg"][5], run.states["exp_avg_sq"][5]
    v_hat = v / (1 - 0.999**t)
    preconditioner = 0.1 / (1 - 0.9**t) / (np.sqrt(v_hat) + 1e-8)
    np.testing.assert_allclose(found.parts["memory"], -preconditioner * 0.9 * m_before)
    np.testing.assert_allclose(found.parts["gradient"] + found.parts["preconditioning"],
                               -preconditioner * 0.1 * run.gradients[4])
    np.testing.assert_allclose(found.preconditioner, preconditioner * 0.1)
    np.testing.assert_allclose(found.uncorrected, -0.1 * m / (np.sqrt(v) + 1e-8))


def test_weight_decay_is_a_part_of_its_own():
    run = record("AdamW(lr=0.1, weight_decay=0.3)", "beale", steps=2)
    np.testing.assert_allclose(dissect(run, 1).parts["decay"], -0.1 * 0.3 * run.positions[1])


def test_a_chain_is_dissected_too():
    run = record(lambda params: optim.chain(params, optim.scale_by_adam(), optim.add_decayed_weights(0.1), lr=0.1),
                 "beale", steps=5)
    found = dissect(run, 3)
    assert list(found.parts) == ["gradient", "preconditioning", "memory", "decay"]
    np.testing.assert_allclose(sum(found.parts.values()), found.step, rtol=1e-12)


def test_a_schedule_and_noise_are_replayed():
    run = record("SGD(lr=0.1, momentum=0.9)", "noisy_bowl", steps=6, seed=4,
                 schedule=lambda optimizer: optim.schedule.StepLR(optimizer, 2))
    found = dissect(run, 5)
    np.testing.assert_allclose(sum(found.parts.values()), found.step, rtol=1e-12)
    np.testing.assert_allclose(found.preconditioner, 0.001)


def test_memory_is_what_changes_sign_with_the_gradients():
    assert directions(record("Adam", "beale", steps=1)) == {"exp_avg"}
    assert directions(record("RMSprop(momentum=0.9)", "beale", steps=1)) == {"momentum_buffer"}
    assert directions(record("Adagrad", "beale", steps=1)) == set()


def test_arrows_are_tip_to_tail_and_end_where_the_step_ends():
    run = record("AdamW(lr=0.1, weight_decay=0.3)", "beale", steps=9)
    drawn = anatomy(run, 7)
    tip = run.positions[7]
    for arrow in drawn["parts"].values():
        np.testing.assert_allclose(arrow.XY[0], tip)
        tip = tip + np.array([arrow.U[0], arrow.V[0]])
    np.testing.assert_allclose(tip, run.positions[8], rtol=1e-12)
    np.testing.assert_array_equal(drawn["step"].XY[0], run.positions[7])
    np.testing.assert_array_equal([drawn["step"].U[0], drawn["step"].V[0]], run.effective_steps[7])


def test_the_ellipse_has_the_shape_of_the_preconditioner_and_touches_where_the_gradient_leads():
    run = record("RMSprop(lr=0.1)", "beale", steps=4)
    found, ellipse = dissect(run, 2), anatomy(run, 2)["ellipse"]
    stretch = found.preconditioner[0] / found.preconditioner[1]
    assert ellipse.get_width() / ellipse.get_height() == pytest.approx(stretch)
    x, y = 2 * found.step / (ellipse.get_width(), ellipse.get_height())
    assert x**2 + y**2 == pytest.approx(1)


def test_the_frame_holds_arrows_and_ellipse_and_a_triangle_shows_what_leaves_it():
    drawn = anatomy(record("Adam(lr=0.1)", "rosenbrock", steps=3), 0)
    ellipse, (left, right) = drawn["ellipse"], drawn.ax.get_xlim()
    assert left < ellipse.center[0] - ellipse.width / 2 and ellipse.center[0] + ellipse.width / 2 < right
    assert drawn.ax.get_aspect() == 1
    assert drawn["uncorrected"].get_label().endswith("3.2 times as long")  # 0.1 / sqrt(0.001)
    assert len(drawn["exits"]) == 1


class StepsItself(optim.Optimizer):
    """Gradient descent written as for PyTorch."""

    def __init__(self, params, lr=0.01):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        closure()
        for group in self.param_groups:
            for p in group["params"]:
                p.data -= group["lr"] * p.grad


@pytest.mark.parametrize(("make", "step", "message"), [
    (lambda: record("LBFGS", "beale", steps=3), 0, "LBFGS does not move each coordinate by itself"),
    (lambda: record(lambda p: optim.EMA(optim.SGD(p, lr=0.01)), "beale", steps=3), 0, "EMA is wrapped around"),
    (lambda: record(StepsItself, "beale", steps=3), 0, "StepsItself has its own step and no update"),
    (lambda: record("Adam", "beale", steps=3), 3, "expected one from 0 to 2"),
    (lambda: record("Adam", "beale", steps=9, every=3), 1, "in a run that kept every step"),
    (lambda: record("Adam", "beale", np.ones((2, 4)), 3), 0, r"choose one, as in run\[0\]"),
])
def test_what_has_no_parts_is_refused(make, step, message):
    with pytest.raises(ValueError, match=message):
        dissect(make(), step)


def test_a_step_with_more_in_it_than_the_update_is_refused():
    class Pushed(optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            for param in self.param_groups[0]["params"]:
                param.data[...] += 0.1

    with pytest.raises(ValueError, match="did more in step 0 than its update says"):
        dissect(record(Pushed, "beale", steps=2), 0)


def test_arrows_that_can_be_seen_are_named_at_their_tips():
    run = record("Adam(lr=0.3)", "rosenbrock", steps=20)
    drawn = anatomy(run, 11)
    assert [label.get_text() for label in drawn["labels"]] == ["gradient", "preconditioning", "memory"]
    np.testing.assert_allclose(drawn["labels"][-1].xy, run.positions[12])
    assert [label.get_text() for label in anatomy(run, 0)["labels"]] == ["gradient"]


def test_names_of_arrows_lie_on_the_side_away_from_the_other_arrows():
    drawn = anatomy(record("AdamW(lr=0.1, betas=(0.6, 0.99), weight_decay=0.2)", "beale", steps=12), 11)
    drawn.figure.canvas.draw()
    center = np.mean([drawn["path"].get_xydata()[-1], *(label.xy for label in drawn["labels"])], axis=0)
    for label in drawn["labels"]:
        outward = np.subtract(label.xy, center)
        assert np.dot(label.xyann, outward) > 0


def test_the_ellipse_is_one_in_the_legend():
    legend = anatomy(record("Adam(lr=0.3)", "rosenbrock", steps=20), 11).ax.get_legend()
    samples = dict(zip([text.get_text() for text in legend.get_texts()], legend.legend_handles))
    assert isinstance(samples["preconditioner"], Ellipse)
