"""The live window draws what `record` returns, whatever is slid, chosen, clicked or dragged."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backend_bases import MouseButton, MouseEvent

from optim.viz import play, record, surfaces
from optim.viz.recording import CLASSICS
from optim.viz.window import FractionSlider, LogSlider

ADAM, MOMENTUM = "Adam(lr=0.3)", "SGD(lr=0.001, momentum=0.9)"


@pytest.fixture
def window():
    return play("rosenbrock", [ADAM, MOMENTUM], steps=40)


def mouse(window, name, place, button=MouseButton.LEFT, axes=None):
    """Let the mouse do something at a place in the map."""
    x, y = (axes or window.map).transData.transform(place)
    canvas = window.figure.canvas
    event = MouseEvent(name, canvas, x, y, button=button)
    canvas.callbacks.process(name, event)


def assert_draws(window, run):
    np.testing.assert_array_equal(np.transpose(window.path.get_data()), run.positions)
    np.testing.assert_array_equal(np.transpose(window.ring.get_data()), run.positions[:1])
    np.testing.assert_array_equal(window.curve.get_data(), [run.steps, run.losses])


def test_begins_with_the_first_optimizer_as_it_was_given(window):
    assert_draws(window, record(ADAM, "rosenbrock", steps=40))


def test_every_slider_changes_its_hyperparameter(window):
    assert list(window.sliders) == ["lr", "betas.0", "betas.1", "eps", "weight_decay"]
    for name, place in {"lr": -2.0, "betas.0": 0.5, "betas.1": 0.9, "eps": -7.0, "weight_decay": 0.25}.items():
        window.sliders[name].set_val(place)
    assert_draws(window, record("Adam(lr=0.01, betas=(0.5, 0.9), eps=1e-7, weight_decay=0.25)", "rosenbrock", steps=40))


def test_learning_rates_are_on_a_scale_of_powers_of_ten(window):
    slider = window.sliders["lr"]
    assert isinstance(slider, LogSlider) and isinstance(window.sliders["betas.0"], FractionSlider)
    np.testing.assert_allclose(10 ** np.array([slider.valmin, slider.val, slider.valmax]), [0.003, 0.3, 30])
    assert slider.valtext.get_text() == "0.3"


def test_choosing_an_optimizer_gives_its_sliders(window):
    window.choice.set_active(1)
    assert list(window.sliders) == ["lr", "momentum", "dampening", "weight_decay"]
    assert_draws(window, record(MOMENTUM, "rosenbrock", steps=40))
    window.sliders["momentum"].set_val(0.5)
    assert_draws(window, record(MOMENTUM, "rosenbrock", steps=40, momentum=0.5))


def test_click_and_drag_set_the_start(window):
    mouse(window, "button_press_event", (1.5, -0.5))
    assert_draws(window, record(ADAM, "rosenbrock", window.start, steps=40))
    np.testing.assert_allclose(window.start, (1.5, -0.5))
    mouse(window, "motion_notify_event", (0.5, 2.0))
    np.testing.assert_allclose(window.start, (0.5, 2.0))
    assert_draws(window, record(ADAM, "rosenbrock", window.start, steps=40))


def test_mouse_does_nothing_elsewhere_or_without_its_left_button_or_while_the_toolbar_has_it(window):
    mouse(window, "button_press_event", (5, 1.0), axes=window.losses)
    mouse(window, "button_press_event", (0, 0), button=MouseButton.RIGHT)
    mouse(window, "motion_notify_event", (0, 0), button=None)
    window.figure.canvas.widgetlock(window)
    mouse(window, "button_press_event", (0, 0))
    assert_draws(window, record(ADAM, "rosenbrock", steps=40))


def test_reset_brings_the_sliders_back(window):
    window.sliders["lr"].set_val(1.0)
    mouse(window, "button_press_event", (0.5, 0.5), axes=window.reset.ax)
    mouse(window, "button_release_event", (0.5, 0.5), axes=window.reset.ax)
    assert window.sliders["lr"].number == pytest.approx(0.3)
    assert_draws(window, record(ADAM, "rosenbrock", steps=40))


def test_divergence_is_told_in_words(window):
    window.choice.set_active(1)
    window.sliders["lr"].set_val(-1.0)
    assert window.losses.get_title(loc="left") == record(MOMENTUM, "rosenbrock", lr=0.1).ending != ""


def test_refused_value_is_told_in_words_and_leaves_the_picture(window):
    drawn = window.path.get_xydata()
    window.start = (np.inf, 0.0)  # no click gets there
    window.update()
    assert "start must be a point" in window.losses.get_title(loc="left")
    np.testing.assert_array_equal(window.path.get_xydata(), drawn)


def test_quick_drawing_gives_the_same_picture_as_a_full_one(window):
    window.sliders["lr"].set_val(-1.5)
    mouse(window, "button_press_event", (1.0, 0.0))
    quick = np.array(window.figure.canvas.buffer_rgba())
    window.figure.canvas.draw()
    np.testing.assert_array_equal(quick, np.array(window.figure.canvas.buffer_rgba()))


def test_saved_picture_has_the_path(window, tmp_path):
    def saved():
        window.figure.savefig(tmp_path / "window.png", dpi=50)
        return plt.imread(tmp_path / "window.png")

    with_path = saved()
    window.path.set_visible(False)
    assert (saved() != with_path).any()


def test_own_function_and_default_optimizers():
    window = play(lambda p: p[0] ** 2 + 3 * p[1] ** 2, start=(1, 1), domain=((-2, 2), (-1, 1)), steps=5)
    assert list(window.optimizers) == list(CLASSICS)
    assert window.map.get_xlim() == (-2, 2)
    np.testing.assert_array_equal(window.run.positions[0], (1, 1))


def test_only_surfaces_of_two_coordinates_have_a_window():
    with pytest.raises(ValueError, match="3 coordinates"):
        play(lambda p: np.sum(p**2, axis=0), start=(1, 1, 1))
    assert not plt.get_fignums()


def test_noise_stays_that_of_the_seed():
    window = play("noisy_bowl", ["SGD(lr=0.1)"], steps=10, seed=4)
    window.sliders["lr"].set_val(-0.5)
    run = record("SGD", surfaces.get("noisy_bowl"), steps=10, seed=4, lr=float(10**-0.5))
    np.testing.assert_array_equal(window.run.positions, run.positions)
