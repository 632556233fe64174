"""Pictures for dark pages: paper and ink change places, values keep their colours, and the figure stays as it was."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from PIL import Image

from optim import viz

sys.path.append(str(Path(__file__).parents[2] / "docs"))

import themes

WHITE, BLACK, BLUE = (1, 1, 1), (0, 0, 0), (0, 0.447, 0.698)


def pixels(figure, paint=lambda figure, save, *args, **kwargs: save(*args, **kwargs)):
    """Return the pixels of a figure."""
    file = io.BytesIO()
    paint(figure, figure.savefig, file, format="png", dpi=100)
    return np.asarray(Image.open(file).convert("RGB")) / 255


def figure_with(draw):
    """Return a figure that is one square of axes without a frame, and in it whatever a function draws."""
    figure = Figure(figsize=(1, 1))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    draw(ax)
    return figure


def test_white_becomes_the_dark_page_and_black_becomes_light():
    assert themes.dark_ink(WHITE) == pytest.approx(themes.PAPER)
    assert themes.dark_ink(BLACK) == pytest.approx(np.full(3, themes.INK))


def test_ink_keeps_its_hue_and_opacity_and_is_light_enough():
    r, g, b, opacity = themes.dark_ink((*BLUE, 0.3))
    assert r < g < b and opacity == 0.3
    assert themes.light(np.array([r, g, b])) >= themes.LIGHT_ENOUGH - 1e-9
    assert themes.dark_ink((0.9, 0.9, 0.1)) == pytest.approx((0.9, 0.9, 0.1))  # light already


@pytest.mark.parametrize("draw", [
    lambda ax: ax.plot([0, 1], [0, 1], color="black"),
    lambda ax: ax.plot([0.5], [0.5], "o", color="black"),
    lambda ax: ax.scatter([0.5, 0.2], [0.5, 0.2], color="black"),
    lambda ax: ax.text(0.1, 0.1, "words $x^2$"),
    lambda ax: ax.text(0.1, 0.1, "words", path_effects=[withStroke(linewidth=3, foreground="white")], size=20),
    lambda ax: ax.fill([0, 0.5, 0], [0, 0.5, 1], color="black"),
    lambda ax: ax.quiver([0.5], [0.5], [0.2], [0.2], color="black"),
])
def test_black_ink_is_light_on_a_dark_page(draw):
    light = themes.light(pixels(figure_with(draw), themes.in_the_dark))
    assert abs(light.min() - themes.light(themes.PAPER)) < 0.01 and light.max() > 0.8


@pytest.mark.parametrize("draw", [
    lambda ax, values: ax.imshow(values, extent=(0, 1, 0, 1), cmap="magma"),
    lambda ax, values: ax.pcolormesh(np.linspace(0, 1, 21), np.linspace(0, 1, 21), values, cmap="viridis"),
    lambda ax, values: ax.contourf(np.linspace(0, 1, 20), np.linspace(0, 1, 20), values, 20, cmap="viridis"),
], ids=["imshow", "pcolormesh", "contourf"])
def test_map_keeps_its_colours(draw):
    figure = figure_with(lambda ax: draw(ax, np.add.outer(np.arange(20), np.arange(20))))
    inside = slice(5, -5), slice(5, -5)
    np.testing.assert_array_equal(pixels(figure, themes.in_the_dark)[inside], pixels(figure)[inside])


def test_white_to_grey_contours_become_dark_to_grey():
    figure, inside = viz.contour("booth").figure, slice(100, -100)
    assert np.median(themes.light(pixels(figure)[inside, inside])) > 0.6
    assert np.median(themes.light(pixels(figure, themes.in_the_dark)[inside, inside])) < 0.4


def test_coloured_letters_with_a_halo_are_light_enough():
    halo = [withStroke(linewidth=3, foreground="white")]
    figure = figure_with(lambda ax: ax.text(0, 0.3, "M", size=60, weight="bold", color=BLUE, path_effects=halo))
    assert (np.abs(pixels(figure, themes.in_the_dark) - themes.dark_ink(BLUE)).max(axis=-1) < 0.01).any()


def test_words_on_a_light_part_of_a_map_stay_black():
    figure = figure_with(lambda ax: (ax.imshow([[0, 9]], extent=(0, 1, 0, 1), cmap="viridis", vmin=0, vmax=9),
                                     ax.text(0.6, 0.5, "here", color="black")))
    np.testing.assert_array_equal(pixels(figure, themes.in_the_dark), pixels(figure))


def test_words_outside_the_figure_are_painted_without_a_warning():
    figure = figure_with(lambda ax: (ax.text(-3, -3, "left"), ax.text(3, 3, "right")))
    assert np.ptp(pixels(figure, themes.in_the_dark)) < 0.02


def test_figure_is_the_same_after_it_was_painted_for_dark_pages():
    figure = figure_with(lambda ax: ax.plot([0, 1], [0, 1]))
    before, canvas = pixels(figure), figure.canvas
    pixels(figure, themes.in_the_dark)
    assert figure.canvas is canvas
    np.testing.assert_array_equal(pixels(figure), before)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["png", "gif", "svg"])
def test_recolored_file_has_the_size_and_frames_of_the_first_and_other_colours(tmp_path, ending):
    path = tmp_path / f"race.{ending}"
    race = viz.race("booth", ["SGD(lr=0.1)"], steps=3)
    viz.animate(race, path, frames=3) if ending == "gif" else viz.paths(race).save(path)
    html = themes.shown(path, "pictures", "a < b")
    assert 'href="pictures/race.' + ending in html and f'src="pictures/race-dark.{ending}"' in html
    assert 'alt="a &lt; b"' in html
    dark = tmp_path / f"race-dark.{ending}"
    assert themes.size_of(dark) == pytest.approx(themes.size_of(path))
    if ending == "svg":
        assert "#ffffff" in path.read_text() and "#ffffff" not in dark.read_text()
        return
    with Image.open(path) as first, Image.open(dark) as second:
        assert getattr(first, "n_frames", 1) == getattr(second, "n_frames", 1)
        for number in range(getattr(first, "n_frames", 1)):
            first.seek(number), second.seek(number)
            assert first.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
            assert max(second.convert("RGB").getpixel((0, 0))) < 30


def test_drawing_saved_twice_has_a_picture_for_each_theme(tmp_path, monkeypatch):
    monkeypatch.setattr(themes.Drawing, "save", themes.twice(themes.Drawing.save))
    viz.contour("booth").save(tmp_path / "booth.png")
    corners = [Image.open(tmp_path / name).convert("L").getpixel((0, 0)) for name in ("booth.png", "booth-dark.png")]
    assert corners[0] == 255 and corners[1] < 30
