"""Pictures show what was recorded, hide nothing that leaves the frame, and change nobody's settings."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.testing.compare import compare_images

from optim import schedule
from optim.viz import (
    Surface,
    anatomy,
    contour,
    eigen_errors,
    gradient_norms,
    losses,
    overview,
    paths,
    phase,
    race,
    rates,
    record,
    relief,
    state,
    style,
    surfaces,
)
from optim.viz.pictures import drawing

BOX = ((0.0, 4.0), (0.0, 2.0))


@pytest.fixture(scope="module")
def runs():
    return race("himmelblau", ["SGD(lr=0.01)", "Adam(lr=0.3)", "SGD(lr=1)"], steps=40)


class TestPaths:
    def test_lines_are_the_positions(self, runs):
        drawn = paths(runs)
        assert len(drawn["lines"]) == 3
        for line, run in zip(drawn["lines"], runs):
            np.testing.assert_array_equal(line.get_xydata(), run.positions)

    def test_runs_differ_by_colour_and_line_style_and_marker(self):
        with style():
            looks = [drawing.look(i) for i in range(24)]
        for name in ("color", "linestyle", "marker"):
            assert len({str(look[name]) for look in looks[:8]}) == 8
        assert len({str(look) for look in looks}) == 24

    def test_start_and_minima_are_marked(self, runs):
        drawn = paths(runs)
        np.testing.assert_array_equal(drawn["starts"].get_xydata(), [surfaces.himmelblau.start])
        np.testing.assert_array_equal(drawn["minima"][0].get_xydata(), surfaces.himmelblau.minima)

    def test_only_minima_in_the_frame_are_marked(self):
        assert contour("himmelblau", domain=((2, 4), (1, 3)))["minima"][0].get_xydata().tolist() == [[3, 2]]
        assert contour("himmelblau", domain=((0, 1), (0, 1)))["minima"] == []
        assert contour("saddle")["minima"] == []

    def test_the_last_position_has_a_marker(self, runs):
        for line in paths(runs)["lines"]:
            assert line.get_markevery() == [-1]

    def test_the_frame_is_the_domain(self, runs):
        assert (paths(runs).ax.get_xlim(), paths(runs).ax.get_ylim()) == surfaces.himmelblau.domain
        assert paths(runs, domain=BOX).ax.get_xlim() == BOX[0]

    def test_legend_says_who_left_and_who_diverged(self, runs):
        labels = [line.get_label() for line in paths(runs, domain=((-1, 4), (-1, 2.6)))["lines"]]
        assert labels == ["SGD(lr=0.01)", "Adam(lr=0.3), leaves the frame", f"SGD(lr=1), {runs[2].ending}"]

    def test_a_triangle_marks_where_a_path_leaves(self):
        run = record("SGD(lr=0.5)", lambda p: -p[0], (1, 1), 10)
        (triangle,) = paths(run, domain=BOX)["exits"]
        assert triangle.get_offsets().tolist() == [[4, 1]]

    def test_many_runs_are_a_line_each_and_one_entry_in_the_legend(self):
        many = record("SGD(lr=0.1)", "noisy_bowl", steps=5, seed=range(6))
        drawn = paths(many)
        assert len(drawn["lines"]) == 6
        np.testing.assert_array_equal(drawn["lines"][4].get_xydata(), many.positions[:, :, 4])
        texts = [text.get_text() for text in drawn.ax.get_legend().get_texts()]
        assert texts.count("SGD(lr=0.1)") == 1

    def test_a_sweep_is_a_fan_coloured_by_its_values_in_a_frame_for_those_that_stay(self):
        sweep = record("SGD", "rosenbrock", lr=np.geomspace(1e-5, 1e-1, 9), steps=30)
        drawn = losses(sweep)
        assert len(drawn["lines"]) == 9 and len({line.get_color() for line in drawn["lines"]}) == 9
        np.testing.assert_array_equal(drawn["lines"][2].get_ydata(), sweep.losses[:, 2])
        assert drawn["colorbar"].ax.get_ylabel() == "lr"
        bottom, top = drawn.ax.get_ylim()
        staying = sweep.losses[:, ~sweep.diverged]
        assert sweep.diverged.any() and bottom < staying.min() and staying.max() < top < 10 * staying.max()
        np.testing.assert_array_equal(paths(sweep)["lines"][0].get_color(), drawn["lines"][0].get_color())

    def test_a_fan_names_the_optimizer(self):
        sweep = record("SGD(momentum=0.9)", "booth", lr=np.geomspace(1e-4, 1e-2, 4), steps=10)
        assert "momentum=0.9" in losses(sweep).ax.get_title()
        assert "momentum=0.9" not in losses(sweep, legend=False).ax.get_title()

    def test_labels_of_ones_own_state_the_learning_rate_unless_it_changes(self):
        half = {"schedule": lambda optimizer: schedule.StepLR(optimizer, 3)}
        runs = [record("Adam(lr=0.25)", "booth", steps=5, label="mine"),
                record("Adam(lr=0.25)", "booth", steps=5, label="Adam, lr 1/4"),
                record("Adam(lr=0.25)", "booth", steps=5, label="in steps", **half)]
        for draw in (paths, losses):
            assert [line.get_label() for line in draw(runs)["lines"]] == ["mine, lr=0.25", "Adam, lr 1/4", "in steps"]

    def test_names_of_many_curves_hide_none_of_them(self):
        many = losses(race("booth", [f"SGD(lr={lr})" for lr in (0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08)])).ax
        many.figure.canvas.draw()
        assert many.get_legend().get_window_extent().y1 < many.bbox.y0

    def test_curves_have_their_names_at_their_ends_where_there_is_room(self):
        apart = race("booth", ["SGD(lr=0.01)", "Adam(lr=0.1)"], steps=100)
        drawn = losses(apart)
        assert drawn.ax.get_legend() is None
        assert {text.get_text(): tuple(text.xy) for text in drawn.ax.texts} == {
            run.label: (100, run.excess[-1]) for run in apart}
        together = losses(race("booth", ["SGD(lr=0.01)", "SGD(lr=0.0101)"], steps=100)).ax
        handed_in = losses(apart, plt.figure().add_subplot()).ax
        for ax in (together, handed_in):
            assert ax.get_legend() is not None and len(ax.texts) == 0

    def test_steps_on_a_logarithmic_scale_begin_at_0(self, runs):
        ax = losses(runs, xscale="log").ax
        assert (ax.get_xscale(), ax.get_xlim()[0]) == ("symlog", 0)
        with pytest.raises(ValueError, match="xscale is 'cubic'"):
            losses(runs, xscale="cubic")

    def test_the_overview_shows_first_steps_in_which_much_happens(self):
        runs = race("rosenbrock", ["SGD(lr=1.5e-3)"], steps=1000), race("quadratic_bowl", ["SGD(lr=0.01)"], steps=100)
        assert [overview(one).ax[1].get_xscale() for one in runs] == ["symlog", "linear"]

    def test_each_step_has_a_dot_where_dots_do_not_merge(self):
        fast, slow = race("booth", ["SGD(lr=0.1)", "SGD(lr=1e-5)"], (-8, 8), 8)
        dots, few = paths([fast, slow])["dots"]
        np.testing.assert_array_equal(dots.get_xydata()[:3], fast.positions[:3])
        assert len(few.get_xydata()) < 3
        gaps = np.diff(dots.get_xydata(), axis=0)
        assert np.hypot(*gaps.T).min() > 20 / 120  # the domain is 20 wide

    def test_of_a_function_of_one_coordinate_no_run_hides_another(self):
        widths = [line.get_linewidth() for line in paths(race(lambda p: p[0]**2, ["SGD", "Adam"], 2.0))["lines"]]
        assert widths[0] > widths[1] + 2

    def test_scales_are_equal_where_they_can_be(self):
        assert contour("rosenbrock").ax.get_aspect() == 1
        assert contour("rosenbrock", domain=((-2, 2), (-100, 100))).ax.get_aspect() == "auto"

    def test_keywords_reach_every_line(self, runs):
        assert {line.get_linewidth() for line in paths(runs, linewidth=3.5)["lines"]} == {3.5}

    def test_the_note_of_a_race_is_printed(self):
        assert "best of 7" in paths(race("booth", ["SGD"], steps=2, note="best of 7")).ax.get_title()

    def test_surfaces_that_are_no_picture_are_refused(self):
        with pytest.raises(ValueError, match="has 3 coordinates"):
            paths(record("SGD", surfaces.rosenbrock_nd(3), steps=2))
        for wrong in [1, 2], "rosenbrock", Surface, 3:
            with pytest.raises(TypeError, match=r"expected a Race.*as viz.race\("):
                paths(wrong)

    def test_functions_of_one_point_and_flat_functions_can_be_drawn(self):
        contour(lambda p: p @ p)
        contour(lambda p: 0 * p[0] + 3)
        contour(Surface(lambda p: np.log(p[0]) + p[1]**2, domain=((-1, 1), (-1, 1))))  # undefined on one half


class TestLosses:
    def test_lines_are_the_losses(self, runs):
        drawn = losses(runs)
        assert drawn.ax.get_yscale() == "log"
        for line, run in zip(drawn["lines"], runs):
            np.testing.assert_array_equal(line.get_ydata(), run.losses)
            np.testing.assert_array_equal(line.get_xdata(), run.steps)

    def test_a_known_minimum_is_subtracted_and_named(self):
        run = record("Adam(lr=0.1)", "styblinski_tang", steps=30)
        drawn = losses(run)
        np.testing.assert_array_equal(drawn["lines"][0].get_ydata(), run.losses - surfaces.styblinski_tang.minimum)
        assert drawn.ax.get_ylabel() == "loss above the minimum"

    def test_losses_below_zero_are_drawn_on_a_linear_scale(self):
        assert losses(record("SGD(lr=0.1)", "saddle", steps=50)).ax.get_yscale() == "linear"

    def test_positive_losses_of_wide_range_are_drawn_on_a_log_scale_even_without_a_minimum(self):
        own = record("SGD(lr=0.1)", lambda p: p[0]**2 + p[1]**2, (1, 1), 50)
        assert losses(own).ax.get_yscale() == "log"
        assert losses(record("SGD(lr=0.1)", lambda p: 5 + p[0]**2 + p[1]**2, (1, 1), 50)).ax.get_yscale() == "linear"

    def test_the_frame_is_that_of_the_runs_that_hold(self, runs):
        drawn = losses(runs)
        held = np.concatenate([runs[0].losses, runs[1].losses])
        bottom, top = drawn.ax.get_ylim()
        assert bottom < held.min() and held.max() < top < 10 * held.max()
        (triangle,) = drawn["exits"]
        step, height = triangle.get_xydata()[0]
        assert height == top
        assert runs[2].losses[int(step)] <= top < runs[2].losses[int(step) + 1]

    def test_a_curve_that_falls_to_zero_is_marked_at_the_bottom(self):
        drawn = losses(record("SGD(lr=1)", Surface(lambda p: (p[0]**2 + p[1]**2) / 2, minima=(0, 0)), (1, 1), 5))
        (triangle,) = drawn["exits"]
        assert triangle.get_marker() == "v" and triangle.get_xydata().tolist() == [[0, drawn.ax.get_ylim()[0]]]

    @pytest.mark.parametrize("xscale", ["linear", "log"])
    def test_a_triangle_lies_on_the_curve_that_leaves(self, xscale):
        drawn = losses(race("rosenbrock", ["Adam(lr=0.1)", "SGD(lr=3e-3)"], (1.5, -0.5), steps=30), xscale=xscale)
        (triangle,), to_pixels = drawn["exits"], drawn.ax.transData.transform
        before, after = to_pixels(drawn["lines"][1].get_xydata()[:2])
        here = (to_pixels(triangle.get_xydata()[0]) - before) / (after - before)
        assert 0 < here[0] < 1 and here[0] == pytest.approx(here[1])

    def test_the_scale_ends_where_rounding_begins(self):
        run = record("SGD(lr=0.015)", "himmelblau", steps=100)
        assert 0 < run.excess.min() < 1e-25
        assert losses(run).ax.get_ylim()[0] == pytest.approx(run.excess.max() * 1e-16 / 2)

    def test_rounding_below_the_minimum_keeps_the_log_scale(self):
        waves = Surface(lambda p: np.sin(p[0])**2 + np.sin(p[1])**2, minima=(np.pi, np.pi), start=(2, 2))
        run = record("SGD(lr=0.5)", waves, (0.3, 0.3), 60)
        assert run.excess.min() < 0
        assert losses(run).ax.get_yscale() == "log"

    def test_legend_says_who_diverged_and_title_the_note(self, runs):
        assert losses(runs)["lines"][2].get_label() == f"SGD(lr=1), {runs[2].ending}"
        assert "best of 7" in losses(race("booth", ["SGD"], steps=2, note="best of 7")).ax.get_title()

    def test_steps_are_whole_numbers(self):
        drawn = losses(record("SGD(lr=0.01)", "booth", steps=2))
        assert all(tick == int(tick) for tick in drawn.ax.get_xticks())

    @pytest.mark.parametrize("function", [lambda p: np.exp(900 * p[0]**2 + p[1]), lambda p: 1e300 * p[0]**2 + p[1]])
    def test_infinite_and_huge_losses_can_be_drawn(self, function):
        overview(record("Adam(lr=0.1)", function, (1, 1), 5))

    def test_the_title_says_what_bands_are(self):
        many = record("SGD(lr=0.1)", "noisy_bowl", steps=3, seed=range(9))
        assert "median of 9 runs" in losses(many).ax.get_title().replace("\n", " ")

    def test_of_many_runs_the_median_is_drawn_and_a_band_around_it(self):
        many = record("SGD(lr=0.1)", "noisy_bowl", steps=30, seed=range(9))
        drawn = losses(many)
        np.testing.assert_allclose(drawn["lines"][0].get_ydata(), np.median(many.losses, axis=1))
        low = np.percentile(many.losses, 10, axis=1)
        assert np.isin(low, drawn["bands"][0].get_paths()[0].vertices[:, 1]).all()

    def test_runs_that_ended_leave_no_warning(self):
        gone = record("SGD", "quadratic_bowl", steps=60, lr=np.array([3.0, 4.0]))
        assert np.isnan(losses(gone)["lines"][0].get_ydata()[-1])


class TestOverview:
    def test_has_both_plots_and_one_legend(self, runs):
        drawn = overview(runs)
        left, right = drawn.ax
        assert len(left.lines) >= 3 and right.get_yscale() == "log"
        assert left.get_legend() is None and right.get_legend() is None
        texts = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
        assert texts[0] == "SGD(lr=0.01)" and texts[-2:] == ["start", "minimum"]


PLOTS = {"contour": lambda runs, ax: contour("himmelblau", ax), "losses": losses,
         "paths": lambda runs, ax: paths(runs, ax, legend=False)}


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
class TestEveryPlot:
    @pytest.mark.slow
    def test_given_axes_and_a_new_figure_show_the_same(self, plot, runs, tmp_path):
        new = plot(runs, None)
        with style():
            given = plt.figure(figsize=new.figure.get_size_inches()).add_subplot()
        assert plot(runs, given).ax is given
        one, other = tmp_path / "given.png", tmp_path / "new.png"
        with style():
            given.figure.savefig(one, dpi=60)
        new.save(other, dpi=60)
        assert compare_images(str(one), str(other), tol=0) is None

    def test_describes_itself(self, plot, runs):
        described = plot(runs, None)
        assert "himmelblau" in described.description
        assert described.title in described.description

    def test_never_calls_show_and_never_makes_a_second_figure(self, plot, runs, monkeypatch):
        monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("show was called"))
        ax = plt.figure().add_subplot()
        plot(runs, ax)
        assert len(plt.get_fignums()) == 1


LONG = {"Adam with a learning rate that was found by a very long search": "Adam(lr=0.1)",
        "SGD with momentum, dampening and weight decay, by hand": "SGD(lr=0.01, momentum=0.9)"}


class TestWords:
    """Titles and legends are measured in pixels, as they come out."""

    def drawn(self, figure):
        figure.draw_without_rendering()
        return figure.canvas.get_renderer()

    @pytest.mark.slow
    @pytest.mark.parametrize("plot", [paths, losses])
    @pytest.mark.parametrize("shape", [(1, 1), (2, 3)])
    def test_long_labels_stay_in_the_figure(self, plot, shape):
        with style():
            figure, axes = plt.subplots(*shape, figsize=(6 + 5 * (shape[1] > 1), 5), squeeze=False)
        ax = axes[0, -1]
        plot(race("booth", LONG, steps=3), ax)
        renderer = self.drawn(figure)
        if ax.get_legend() is not None:  # it is left out where it would hide the picture
            box = ax.get_legend().get_window_extent(renderer)
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1

    @pytest.mark.slow
    def test_axes_that_were_handed_in_keep_their_size(self, runs):
        sizes = []
        for legend in (True, False):
            with style():
                figure, axes = plt.subplots(2, 2, figsize=(8, 4.5))
            for ax in axes.flat:
                paths(runs, ax, legend=legend)
            self.drawn(figure)
            sizes.append([ax.get_position().bounds for ax in axes.flat])
        np.testing.assert_allclose(*sizes)

    def test_a_title_of_the_users_own_takes_the_place_of_ours(self, runs):
        ax = plt.figure().add_subplot()
        losses(runs, ax)
        ax.set_title("mine")
        assert [ax.get_title(loc=place) for place in ("left", "center", "right")] == ["", "mine", ""]

    def test_a_legend_of_many_runs_leaves_the_axes_as_high_as_one_of_few(self):
        few, many = [paths(race("booth", [f"SGD(lr={k / 1000})" for k in range(1, count)], steps=2))
                     for count in (3, 14)]
        for drawn in (few, many):
            self.drawn(drawn.figure)
        assert many.ax.bbox.height > 0.9 * few.ax.bbox.height

    def test_a_legend_of_paths_hides_none_of_them(self, runs):
        drawn = paths(runs)
        renderer = self.drawn(drawn.figure)
        assert drawn.ax.get_legend().get_window_extent(renderer).y1 < drawn.ax.bbox.y0

    def test_without_a_layout_that_makes_room_a_legend_is_inside(self, runs):
        figure, ax = plt.subplots()
        paths(runs, ax)
        box = ax.get_legend().get_window_extent(self.drawn(figure))
        assert ax.bbox.y0 <= box.y0 and box.y1 <= ax.bbox.y1

    def test_long_titles_are_broken_and_formulas_stay_whole(self):
        with style():
            figure, axes = plt.subplots(2, 3, figsize=(11, 6))
            drawing.titled(axes[0, 1], "A title that is too long for axes as narrow as these are", "$f = x^2 + y^2$")
        title = axes[0, 1].get_title()
        assert title.endswith("\n$f = x^2 + y^2$")
        assert axes[0, 1].title.get_window_extent(self.drawn(figure)).x1 < axes[0, 2].bbox.x0

    def test_fractions_in_a_title_lie_above_the_axes(self):
        drawn = contour("plateau")
        drawn.png()
        assert drawn.ax.title.get_window_extent().y0 > drawn.ax.bbox.y1

    def test_titles_are_not_broken_at_hyphens(self):
        with style():
            ax = plt.subplots(figsize=(3, 3))[1]
            drawing.titled(ax, "Ill-conditioned " * 9)
        assert {*ax.get_title().split()} == {"Ill-conditioned"}

    @pytest.mark.parametrize(("text", "expected"), [
        ("noisy_bowl", "Noisy bowl"), ("f", "f"),
        ("AdamW(weight_decay=0.1) on noisy_bowl", "AdamW(weight_decay=0.1) on noisy bowl")])
    def test_code_in_parentheses_stays_as_it_is(self, text, expected):
        assert drawing.sentence(text) == expected


class TestDrawing:
    def test_a_path_without_an_ending_gets_one(self, runs, tmp_path):
        assert losses(runs).save(tmp_path / "plain") == str(tmp_path / "plain.png")
        assert [path.name for path in tmp_path.iterdir()] == ["plain.png"]

    @pytest.mark.parametrize("ending", ["svg", "pdf"])
    @pytest.mark.slow
    def test_files_carry_title_and_description_and_are_the_same_every_time(self, ending, runs, tmp_path):
        drawn = losses(runs[0])
        first, second = drawn.save(tmp_path / f"a.{ending}"), losses(runs[0]).save(tmp_path / f"b.{ending}")
        assert first.read_bytes() == second.read_bytes()
        assert drawn.title.encode() in first.read_bytes()
        if ending == "svg":
            assert drawn.description in first.read_text(encoding="utf-8")

    @pytest.mark.slow
    def test_every_format_is_written_and_a_format_that_is_named_wins(self, tmp_path):
        drawn, endings = contour("booth"), mpl.figure.Figure().canvas.get_supported_filetypes()
        for ending in endings.keys() - {"pgf"}:  # which needs LaTeX
            assert drawn.save(tmp_path / f"a.{ending}").stat().st_size > 1000
        assert drawn.save(tmp_path / "b.png", format="jpg").read_bytes().startswith(b"\xff\xd8\xff")

    def test_png_carries_the_description(self, runs, tmp_path):
        from PIL import Image  # which Matplotlib brings along
        drawn = losses(runs[0])
        with Image.open(drawn.save(tmp_path / "a.png")) as picture:
            assert picture.text["Description"] == drawn.description

    @pytest.mark.slow
    def test_notebooks_are_shown_a_picture_with_alternative_text_and_no_figure_stays_open(self, runs):
        shown_as = {runs: "Paths on himmelblau", runs[0]: "Paths on himmelblau", surfaces.booth: "Contours of booth"}
        for shown, begins in shown_as.items():
            assert shown._repr_html_().startswith(f'<img alt="{begins}')
            assert not plt.get_fignums()
        assert "<table>" in runs._repr_html_()
        assert record("SGD", surfaces.rosenbrock_nd(3), steps=2)._repr_html_().startswith('<img alt="Loss by step')
        assert surfaces.rosenbrock_nd(3)._repr_html_() is None


def test_show_opens_a_window_with_the_figure(monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf()))
    drawn = contour("booth")
    assert not plt.get_fignums()
    drawn.show()
    drawn.show()
    assert shown == [drawn.figure, drawn.figure]


def test_style_keeps_what_a_notebook_says_of_interactive_figures():
    with plt.rc_context():
        with pytest.raises(KeyError), style():
            plt.ion()
            raise KeyError
        assert plt.isinteractive()


def test_the_style_is_found_by_name_and_differs_from_the_default():
    with plt.style.context("optim.viz.pictures.optim"):
        assert mpl.rcParams["axes.prop_cycle"] == mpl.rc_params_from_file(drawing.STYLE)["axes.prop_cycle"]


def test_contours_tell_whose_they_are():
    assert contour("ackley").ax.get_title() == "Ackley"


@pytest.mark.parametrize("draw", [paths, losses, relief, gradient_norms, state, phase, rates, eigen_errors, anatomy])
def test_titles_begin_with_the_surface(draw):
    ax = draw(record("SGD(lr=0.01)", "illconditioned_bowl", steps=9)).ax
    assert (ax[0] if isinstance(ax, tuple) else ax).get_title().startswith("Ill-conditioned bowl")


@pytest.mark.parametrize("steps", [0, 1])
def test_markers_of_the_first_step_lie_whole_in_the_frame(steps):
    low, high = losses(race("booth", ["SGD(lr=0.01)"], steps=steps)).ax.get_xlim()
    assert low < 0 and steps < high


@pytest.mark.parametrize("draw", [contour, lambda name, domain: paths(race(name, ["SGD"], steps=1), domain=domain)])
def test_a_domain_as_four_numbers_gets_advice_on_how_to_write_it(draw):
    with pytest.raises(ValueError, match=r"write \(\(-2, 2\), \(-1, 3\)\), not"):
        draw("booth", domain=[-2, 2, -1, 3])


class TestOneCoordinate:
    hills = Surface(lambda p: p[0]**4 - 3 * p[0]**2 + p[0], name="hills", domain=(-2, 2), start=(1.9,))

    def test_paths_lie_on_the_graph(self):
        run = record("SGD(lr=0.02)", self.hills, steps=30)
        drawn = paths(run)
        x, y = drawn["graph"].get_data()
        np.testing.assert_allclose(y, x**4 - 3 * x**2 + x)
        np.testing.assert_array_equal(drawn["lines"][0].get_xydata(), np.stack([run.positions[:, 0], run.losses], 1))

    def test_the_overview_and_many_starts_are_drawn_too(self):
        many = record("SGD(lr=0.02)", self.hills, np.array([[-1.9, 0.0, 1.9]]), steps=30)
        assert len(overview(many)["lines"]) == 3
        assert "3 runs" in paths(many).description

    def test_a_step_out_of_the_frame_is_marked(self):
        drawn = paths(record("SGD(lr=0.3)", self.hills, steps=1))
        assert len(drawn["exits"]) == 1 and "leaves the frame" in drawn["lines"][0].get_label()

    def test_contours_are_refused(self):
        with pytest.raises(ValueError, match="hills has 1 coordinate, and"):
            contour(self.hills)
