"""The live window draws what `record` returns, whatever is slid, chosen, clicked or dragged.

`test_live.py` opens it in a browser and in a notebook.
"""

import gc
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backend_bases import MouseButton, MouseEvent
from PIL import Image

from optim.viz import load, play, race, record, surfaces
from optim.viz.motion.window import FractionSlider, LogSlider, round_limits
from optim.viz.pictures import plots
from optim.viz.runs.recording import CLASSICS

pytestmark = pytest.mark.slow
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
    np.testing.assert_array_equal(window.points.get_data(), window.path.get_data())
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


def test_the_button_follows_an_optimizer_that_is_chosen_in_code():
    window = play("booth", ["SGD(lr=0.05)", "Adam(lr=0.5)"], steps=5)
    window.choose("Adam(lr=0.5)")
    assert window.choice.value_selected == window.run.label == "Adam(lr=0.5)"


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


def test_divergence_is_reported_in_words(window):
    window.choice.set_active(1)
    window.sliders["lr"].set_val(-1.0)
    assert window.losses.get_title() == record(MOMENTUM, "rosenbrock", lr=0.1).ending != ""


def test_refused_value_is_reported_in_words_and_leaves_the_picture(window):
    drawn = window.path.get_xydata()
    window.start = (np.inf, 0.0)  # no click gets there
    window.change()
    assert "start must be a point" in window.losses.get_title()
    np.testing.assert_array_equal(window.path.get_xydata(), drawn)


def test_quick_drawing_gives_the_same_picture_as_a_full_one(window):
    window.sliders["lr"].set_val(-1.5)
    mouse(window, "button_press_event", (1.0, 0.0))
    quick = np.array(window.figure.canvas.buffer_rgba())
    for ax in window.figure.axes:
        ax.stale = True
    window.figure.canvas.draw()
    np.testing.assert_array_equal(quick, np.array(window.figure.canvas.buffer_rgba()))


def test_contours_are_drawn_again_only_if_the_map_changes(window):
    def pixels():
        window.figure.canvas.draw()
        return window.map.kept[1]

    drawn = pixels()
    window.sliders["lr"].set_val(-1.5)
    mouse(window, "button_press_event", (1.0, 0.0))
    window.choice.set_active(1)
    assert pixels() is drawn
    window.map.set_xlim(0, 2)
    zoomed = pixels()
    assert zoomed is not drawn
    window.figure.set_size_inches(5, 3)
    assert pixels() is not zoomed


def test_axes_of_the_losses_stay_while_the_curve_changes_a_little(window):
    assert round_limits(0.3, 70.0, logarithmic=True) == (0.1, 100)
    assert round_limits(-1.2, 3.9, logarithmic=False) == (-2, 4)
    before = window.losses.get_ylim()
    window.sliders["lr"].set_val(np.log10(0.32))
    assert window.losses.get_ylim() == before
    mouse(window, "button_press_event", (0.9, 0.8))
    bottom, top = window.losses.get_ylim()
    assert (bottom, top) != before and bottom <= window.run.losses.min() and window.run.losses.max() <= top


def test_mouse_that_is_faster_than_drawing_leaves_no_queue_of_runs(window, monkeypatch):
    runs = []
    monkeypatch.setattr(window, "recorded", lambda hyperparameters: runs.append(window.start) or window.latest)
    monkeypatch.setattr(window.figure.canvas, "draw_idle", lambda: None)  # a backend that has no time to draw
    for x in np.linspace(-1, 1, 30):
        mouse(window, "button_press_event", (x, 0.0))
    assert runs == []
    window.figure.canvas.draw()
    window.figure.canvas.draw()
    assert runs == [window.start]


class Page:
    """Stands for the page in a browser at the other end of WebAgg's wire."""

    def __init__(self):
        self.pictures = []

    def send_json(self, content):
        pass

    def send_binary(self, picture):
        self.pictures.append(np.asarray(Image.open(io.BytesIO(picture))))


@pytest.fixture
def webagg():
    before = plt.rcParams["backend"]
    plt.switch_backend("module://matplotlib.backends.backend_webagg_core")
    yield
    plt.close("all")
    plt.switch_backend(before)


@pytest.mark.usefixtures("webagg")
def test_browser_gets_changes_while_the_mouse_is_pressed_and_the_whole_picture_afterwards():
    window, page = play("rosenbrock", [ADAM], steps=40), Page()
    canvas = window.figure.canvas
    canvas.manager.add_web_socket(page)
    canvas.draw()
    for kind, place in (("button_press", (0.5, 0.5)), ("motion_notify", (1.5, 0.5)), ("button_release", (1.5, 0.5))):
        x, y = window.map.transData.transform(place)
        canvas.handle_event({"type": kind, "x": x, "y": window.figure.bbox.height - y, "button": 0, "buttons": 1,
                             "modifiers": []})
        canvas.handle_event({"type": "draw"})  # as the page asks for it, when it hears of a change
    _, pressed, moved, released = page.pictures
    assert not pressed[..., 3].all() and not moved[..., 3].all()
    np.testing.assert_array_equal(released, np.asarray(canvas.buffer_rgba()))
    assert_draws(window, record(ADAM, "rosenbrock", window.start, 40))
    np.testing.assert_allclose(window.start, (1.5, 0.5))


def test_window_lives_as_long_as_its_figure():
    play("booth", ["SGD(lr=0.05)"], steps=5)
    gc.collect()
    figure = plt.gcf()
    window = figure.window
    x, y = window.map.transData.transform((1.0, 2.0))
    figure.canvas.callbacks.process(
        "button_press_event", MouseEvent("button_press_event", figure.canvas, x, y, button=MouseButton.LEFT))
    np.testing.assert_allclose(window.run.positions[0], (1, 2))


def test_path_that_leaves_the_frame_is_marked(window):
    window.choice.set_active(1)
    window.sliders["lr"].set_val(-2.0)
    still = plots.paths(record(MOMENTUM, "rosenbrock", steps=40, lr=0.01))
    shown = [mark.get_offsets() for mark in window.exits.marks.values() if len(mark.get_offsets())]
    assert shown
    for points, original in zip(shown, still["exits"], strict=True):
        np.testing.assert_array_equal(points, original.get_offsets())
    window.map.set_ylim(-1, 1)  # as the toolbar does
    window.figure.canvas.draw()
    np.testing.assert_array_equal(window.exits.marks["top"].get_offsets()[:, 1], 1)


def test_saved_picture_has_the_path(window, tmp_path):
    def saved():
        window.figure.savefig(tmp_path / "window.png", dpi=50)
        return plt.imread(tmp_path / "window.png")

    with_path = saved()
    window.path.set_visible(False)
    assert (saved() != with_path).any()


def test_window_is_right_again_after_it_was_saved(window, tmp_path):
    window.map.set_title("another")
    window.figure.savefig(tmp_path / "window.svg")
    window.figure.canvas.draw()
    after = np.array(window.figure.canvas.buffer_rgba())
    window.map.stale = True
    window.figure.canvas.draw()
    np.testing.assert_array_equal(after, np.array(window.figure.canvas.buffer_rgba()))


def test_own_function_and_default_optimizers():
    window = play(lambda p: p[0] ** 2 + 3 * p[1] ** 2, start=(1, 1), domain=((-2, 2), (-1, 1)), steps=5)
    assert list(window.optimizers) == list(CLASSICS)
    assert window.map.get_xlim() == (-2, 2)
    np.testing.assert_array_equal(window.run.positions[0], (1, 1))


def test_race_can_be_played_with():
    window = play(race("beale", {"A": ADAM, "M": MOMENTUM}, start=(1, 1), steps=30))
    assert list(window.optimizers) == ["A", "M"]
    assert_draws(window, record(ADAM, "beale", (1, 1), 30))
    window.choice.set_active(1)
    window.sliders["momentum"].set_val(0.5)
    assert_draws(window, record(MOMENTUM, "beale", (1, 1), 30, momentum=0.5))


def test_of_what_a_run_was_made_with_all_can_be_changed():
    run = record("Adam", "beale", start=[[1.0, 2.0], [1.0, -1.0]], steps=30, lr=np.array([0.1, 0.2]))
    assert_draws(play(run), record("Adam(lr=0.1)", "beale", (1, 1), 30))
    window = play(run, [MOMENTUM], steps=7, start=(0, 2), domain=((-3, 3), (-3, 3)))
    assert_draws(window, record(MOMENTUM, "beale", (0, 2), 7))
    assert window.map.get_xlim() == (-3, 3)


def test_what_cannot_be_played_with_is_refused_in_words(tmp_path):
    runs = race("booth", [ADAM], steps=2)
    runs.save(tmp_path / "race.npz")
    with pytest.raises(ValueError, match="comes from a file, which holds no optimizer"):
        play(load(tmp_path / "race.npz"))
    with pytest.raises(TypeError, match="a name, a Surface or a function"):
        play(3)
    with pytest.raises(ValueError, match="steps is -1"):
        play("booth", steps=-1)
    assert not plt.get_fignums()


def test_only_surfaces_of_two_coordinates_have_a_window():
    with pytest.raises(ValueError, match="3 coordinates"):
        play(lambda p: np.sum(p**2, axis=0), start=(1, 1, 1))
    assert not plt.get_fignums()


def test_noise_stays_that_of_the_seed():
    window = play("noisy_bowl", ["SGD(lr=0.1)"], steps=10, seed=4)
    window.sliders["lr"].set_val(-0.5)
    run = record("SGD", surfaces.get("noisy_bowl"), steps=10, seed=4, lr=float(10**-0.5))
    np.testing.assert_array_equal(window.run.positions, run.positions)
