"""Portraits show each optimizer's own map, under its name and learning rate, with one legend and one shading."""

import numpy as np
import pytest

from optim import viz
from optim.viz.maps.basins import basin_colors, shading

pytestmark = pytest.mark.slow
PAIR = {"plain": "SGD(lr=0.01)", "heavy": "SGD(lr=0.01, momentum=0.9)"}


def test_each_panel_is_the_map_of_its_optimizer():
    drawing = viz.portraits("himmelblau", PAIR, steps=60, size=24)
    for ax, image, shown, text in zip(drawing.ax, drawing["images"], drawing["maps"], PAIR.values(), strict=True):
        alone = viz.basin_map("himmelblau", text, steps=60, size=24)
        np.testing.assert_array_equal(shown["minimum"], alone["minimum"])
        np.testing.assert_array_equal(image.get_array(), basin_colors(alone, shading(drawing["maps"])))
        assert ax.get_xlim() == alone.facts["domain"][0]


def test_titles_state_names_and_learning_rates():
    drawing = viz.portraits("himmelblau", PAIR, steps=5, size=8)
    assert [ax.get_title() for ax in drawing.ax] == ["plain, lr 0.01", "heavy, lr 0.01"]
    unnamed = viz.portraits("himmelblau", ["Adam(lr=0.2)"], steps=5, size=8)
    assert unnamed.ax[0].get_title() == "Adam, lr 0.2"


def test_steps_are_shaded_on_one_scale():
    maps = viz.portraits("himmelblau", PAIR, steps=100, size=24)["maps"]
    low, high = shading(maps)
    assert low <= min(shading([result])[0] for result in maps) + 1
    assert high >= min(shading([result])[1] for result in maps)


def test_legend_distinguishes_divergence_from_runs_that_are_not_there_yet():
    drawing = viz.portraits("himmelblau", ["SGD(lr=0.5)", "SGD(lr=1e-5)"], steps=20, size=16)
    words = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
    assert {"diverged", "not there yet"} <= set(words)


def test_legend_says_where_colours_repeat():
    drawing = viz.portraits("rastrigin", ["SGD(lr=0.001)"], steps=3, size=8)
    words = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
    assert words[:2] == ["(0, 0)", "and 120 more minima\n(colours repeat)"]


@pytest.mark.parametrize("surface", ["himmelblau", "six_hump_camel"])
def test_panels_fill_the_figure_whatever_the_shape_of_the_domain(surface):
    drawing = viz.portraits(surface, PAIR, steps=3, size=8)
    drawing.png()
    panels, whole = [ax.get_window_extent() for ax in drawing.ax], drawing.figure.bbox
    assert sum(panel.width for panel in panels) > 0.93 * whole.width
    assert whole.height - panels[0].height < 1.3 * drawing.figure.dpi  # inches, for words above and below


def test_nothing_is_drawn_of_no_optimizer():
    with pytest.raises(ValueError, match="optimizers is empty"):
        viz.portraits("himmelblau", [])


@pytest.mark.parametrize("optimizers", [None, ["Adam(lr=0.2)"], ["Adam(lr=0.2)", "SGD(lr=0.5)"], ["Adam(lr=0.2)"] * 4])
def test_words_stay_inside_the_figure_at_the_default_size(optimizers):
    drawing = viz.portraits("himmelblau", optimizers, steps=3, size=8)
    figure = drawing.figure
    drawing.png()
    frame = figure.bbox
    for ax in drawing.ax:
        box = ax.title.get_window_extent()
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1
        assert box.width <= ax.get_window_extent().width
    title = figure._suptitle.get_window_extent()
    assert frame.x0 <= title.x0 and title.x1 <= frame.x1
    legend = figure.legends[0].get_window_extent()
    assert frame.x0 <= legend.x0 and legend.x1 <= frame.x1 and frame.y0 <= legend.y0
