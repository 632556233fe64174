"""The frames of an animation show what has happened so far; every format is written, or raises a clear error."""

import base64
import gc
import io
import re
import subprocess

import matplotlib.animation
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backend_bases import FigureCanvasBase
from PIL import Image, ImageSequence

from optim.viz import animate, overview, race, record, surfaces
from optim.viz.motion.animation import ICONS, LONGEST, Stage, frame_steps
from optim.viz.runs.recording import CLASSICS

pytestmark = pytest.mark.slow
BOX = ((-2.0, 2.0), (-1.0, 3.0))


@pytest.fixture(scope="module")
def rosenbrock_race():
    return race("rosenbrock", CLASSICS, steps=300)


def test_a_frame_shows_each_run_up_to_its_step(rosenbrock_race):
    stage = Stage(rosenbrock_race, None, 10, 50)
    for step in (0, 17, 300):
        stage.show(step)
        paths, curves = stage.lines[:4], stage.lines[4:]
        for path, curve, run in zip(paths, curves, rosenbrock_race):
            np.testing.assert_array_equal(path.get_xydata(), run.positions[:step + 1])
            np.testing.assert_array_equal(curve.get_xdata(), np.arange(step + 1))
            np.testing.assert_array_equal(curve.get_ydata(), run.excess[:step + 1])


def test_what_is_saved_later_is_written_by_its_ending_too(rosenbrock_race, tmp_path):
    animation = animate(rosenbrock_race, frames=2)
    animation.save(tmp_path / "a.html")
    assert "data:image/png;base64" in (tmp_path / "a.html").read_text(encoding="utf-8")
    animation.save(str(tmp_path / "a.gif"))
    assert (tmp_path / "a.gif").read_bytes()[:6] == b"GIF89a"
    with pytest.raises(ValueError, match="its ending must be one of .gif, .mp4, .html"):
        animation.save(tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
    plt.close("all")


def test_an_animation_says_what_it_shows_and_can_be_dropped(recwarn):
    animation = animate(race("booth", ["SGD(lr=0.1)"], steps=2))
    assert repr(animation).startswith("<Motion: Paths on booth: SGD(lr=0.1)")
    del animation
    gc.collect()
    assert not [warning for warning in recwarn if "nimation" in str(warning.message)]  # Matplotlib's of a lost one


def test_in_a_window_it_moves_by_the_clock_of_the_window(monkeypatch):
    clocks, shown = [], []
    original = FigureCanvasBase.new_timer
    monkeypatch.setattr(FigureCanvasBase, "new_timer", lambda self, **k: clocks.append(self) or original(self, **k))
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf().canvas))
    animation = animate(race("booth", ["SGD(lr=0.1)"], steps=2))
    animation.show()
    assert clocks[-1] is shown[0] is animation.stage.figure.canvas
    assert shown[0].manager is not None and shown[0].figure.dpi == animation.stage.figure.dpi


def test_lines_lie_where_the_overview_has_them(rosenbrock_race):
    """The paths are drawn over a picture of the surface: the same point has to be the same pixel."""
    drawing = overview(rosenbrock_race)
    drawing.figure.set_dpi(50)
    drawing.figure.canvas.draw()
    stage = Stage(rosenbrock_race, None, 20, 50)
    for line, original in zip(stage.lines, (*drawing["lines"], *drawing["losses"]["lines"])):
        np.testing.assert_allclose(line.axes.transData.transform((1.0, 0.5)),
                                   original.axes.transData.transform((1.0, 0.5)), atol=0.5)
        assert line.get_color() == original.get_color()
        assert line.get_marker() == original.get_marker()


def test_a_run_that_ended_early_stands_still():
    runs = race("beale", ["SGD(lr=0.3)", "Adam(lr=0.3)"], steps=30)
    stage = Stage(runs, None, 10, 50)
    stage.show(30)
    assert len(stage.lines[0].get_xdata()) == runs[0].last_steps + 1 < 31


def test_triangles_stand_where_paths_and_curves_have_left_the_frame_so_far():
    run = record("SGD(lr=0.05)", "himmelblau", start=(4.5, 4.5), steps=20)
    assert run.last_steps == 2  # and comes through the frame again before that
    stage = Stage(run, None, 10, 50)
    triangle = stage.lines[-1]
    for step, left, beyond in ((0, [], 0), (1, ["bottom"], 1), (2, ["bottom", "top"], 1)):
        stage.show(step)
        shown = [side for side, mark in stage.exits.marks.items() if len(mark.get_offsets())]
        assert (shown, len(triangle.get_xdata())) == (left, beyond)


def test_at_the_end_the_triangles_are_those_of_the_overview():
    runs = race("himmelblau", ["SGD(lr=0.02, momentum=0.95)", "Adam(lr=2.5)", "SGD(lr=0.05)"], (4.5, 4.5), 40)
    stage = Stage(runs, None, 10, 50)
    stage.show(40)
    still = overview(runs)
    marks = [mark for mark in stage.exits.marks.values() if len(mark.get_offsets())]
    assert len(marks) == len(still["exits"]) > 1
    for mark, original in zip(marks, still["exits"]):
        np.testing.assert_array_equal(mark.get_offsets(), original.get_offsets())
        np.testing.assert_array_equal(mark.get_facecolors(), original.get_facecolors())
    for dots, original in zip(stage.dots, still["dots"], strict=True):
        np.testing.assert_array_equal(dots.get_xydata(), original.get_xydata())
    curves = still["losses"]["exits"]
    for triangle, original in zip(stage.lines[-len(curves):], curves, strict=True):
        np.testing.assert_array_equal(triangle.get_xydata(), original.get_xydata())


def test_many_starts_move_together():
    run = record("Adam(lr=0.1)", "himmelblau", start=[[0.0, 1.0, 2.0], [0.0, 1.0, -1.0]], steps=20)
    stage = Stage(run, None, 10, 50)
    stage.show(7)
    for i in range(3):
        np.testing.assert_array_equal(stage.lines[i].get_xydata(), run.positions[:8, :, i])


def test_curves_of_a_sweep_grow_together():
    sweep = record("SGD", "rosenbrock", lr=np.geomspace(1e-5, 1e-1, 9), steps=30)
    stage = Stage(sweep, None, 10, 50)
    stage.show(12)
    for i, curve in enumerate(stage.lines[9:18]):
        np.testing.assert_array_equal(curve.get_ydata(), sweep.losses[:13, i])


def test_bands_of_many_runs_grow_with_their_medians():
    runs = record("SGD(lr=0.1)", "noisy_bowl", steps=40, seed=range(5))
    stage = Stage(runs, None, 10, 50)
    (band,) = stage.bands
    for step in (0, 13, 40):
        stage.show(step)
        place = band.axes.transData.inverted().transform(band.get_clip_box())
        np.testing.assert_allclose(place[:, 0], [0, step], atol=1e-9)


class TestFrameSteps:
    def test_short_runs_show_every_step(self, rosenbrock_race):
        assert frame_steps(list(rosenbrock_race), 400, BOX) == list(range(301))

    @pytest.mark.parametrize("count", [2, 40, 150])
    def test_long_runs_are_cut_down_to_the_count_with_both_ends(self, rosenbrock_race, count):
        steps = frame_steps(list(rosenbrock_race), count, BOX)
        assert len(steps) <= count and steps[0] == 0 and steps[-1] == 300
        assert np.all(np.diff(steps) > 0)

    def test_frames_are_dense_where_much_happens(self):
        steps = frame_steps([record("SGD(lr=0.05)", "booth", steps=2000)], 60, ((-10, 10), (-10, 10)))
        assert sum(step < 100 for step in steps) > 20

    def test_only_kept_steps_are_frames(self):
        run = record("Adam(lr=0.1)", "booth", steps=1000, every=3)
        assert set(frame_steps([run], 50, ((-10, 10), (-10, 10)))) <= set(run.steps.tolist())


class TestFormats:
    def test_default_gif_is_small_short_and_true_in_colour(self, rosenbrock_race, tmp_path):
        animate(rosenbrock_race, tmp_path / "race.gif")
        assert (tmp_path / "race.gif").stat().st_size < 1_500_000
        with Image.open(tmp_path / "race.gif") as image:
            assert 30 < image.n_frames <= LONGEST
            assert image.size == (880, 440)
            image.seek(image.n_frames - 1)
            colors = {color for _, color in image.convert("RGB").getcolors(1 << 20)}
        assert {(0x00, 0x72, 0xB2), (0xF0, 0xE4, 0x42), (255, 255, 255)} <= colors  # SGD, the star, the paper
        assert plt.get_fignums() == []

    def test_html_holds_all_frames_and_asks_nobody_for_anything(self, tmp_path):
        animate(race("booth", ["SGD(lr=0.1)"], steps=4), tmp_path / "race.html", dpi=40)
        page = (tmp_path / "race.html").read_text(encoding="utf-8")
        frames = re.findall(r'data:image/png;base64,([^"]*)"', page)
        assert len(frames) == 5
        with Image.open(io.BytesIO(base64.b64decode(frames[0]))) as image:
            assert (image.size, image.mode) == ((320, 160), "P")
        assert "https:" not in page and "fa-" not in page
        assert page.count("<button") == len(ICONS)
        assert all(f"{icon}</button>" in page for icon in ICONS.values())

    @pytest.mark.skipif(not matplotlib.animation.FFMpegWriter.isAvailable(), reason="the program ffmpeg is not here")
    def test_mp4_shows_every_frame(self, rosenbrock_race, tmp_path):
        animate(rosenbrock_race, tmp_path / "race.mp4", frames=10, fps=5)
        animate(rosenbrock_race, tmp_path / "race.gif", frames=10)
        film = subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "race.mp4", "-f", "rawvideo", "-pix_fmt",
                               "rgb24", "-"], capture_output=True, check=True).stdout
        film = np.frombuffer(film, np.uint8).reshape(-1, 440, 880, 3)
        with Image.open(tmp_path / "race.gif") as image:
            frames = [np.asarray(frame.convert("RGB"), dtype=int) for frame in ImageSequence.Iterator(image)]
        differences = [[np.abs(frame - shown).mean() for frame in frames] for shown in film]
        np.testing.assert_array_equal(np.argmin(differences, axis=1), np.arange(len(frames)))  # each is like its own

    def test_mp4_without_ffmpeg_is_refused_in_words(self, tmp_path, monkeypatch):
        monkeypatch.setattr(matplotlib.animation.FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
        with pytest.raises(RuntimeError, match="needs the program ffmpeg"):
            animate(race("booth", ["SGD(lr=0.1)"], steps=4), tmp_path / "race.mp4")

    def test_without_a_path_a_notebook_shows_a_player(self):
        animation = animate(race("booth", ["SGD(lr=0.1)"], steps=2), dpi=40)
        assert animation._repr_html_().count("data:image/png;base64") == 3
        assert plt.get_fignums() == []  # or the notebook would show a still picture besides

    def test_a_player_is_small(self):
        animation = animate(race("rosenbrock", CLASSICS, steps=6))
        assert len(animation.to_jshtml()) / 7 < 50_000

    @pytest.mark.parametrize(("arguments", "message"), [
        ({"path": "race.avi"}, "its ending must be one of .gif, .mp4, .html"),
        ({"frames": 151}, "from 2 to 150"),
    ])
    def test_what_cannot_be_made_is_refused_in_words(self, rosenbrock_race, arguments, message):
        with pytest.raises(ValueError, match=message):
            animate(rosenbrock_race, **arguments)
        assert plt.get_fignums() == []

    def test_surfaces_of_many_coordinates_are_refused(self):
        with pytest.raises(ValueError, match="coordinates"):
            animate(record("SGD(lr=1e-3)", surfaces.rosenbrock_nd(3), steps=2))
