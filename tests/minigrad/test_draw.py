"""Drawn graphs: each edge once, no boxes that overlap, text inside its box, folds where large, a true wavefront."""

import gc
import subprocess
import sys
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.path import Path

from minigrad import Tensor, draw, explain, nn, remember_lines
from minigrad.drawing.layout import FAR, Columns, crossings, fitted, layers_of, order


def rosenbrock(x):
    a = 1 - x[0]
    b = x[1] - x[0] ** 2
    return a ** 2 + 100 * b ** 2


def network():
    """Return the loss of a small network, with its lines remembered."""
    nn.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Sequential(nn.Linear(8, 4), nn.ReLU()), nn.Linear(4, 2))
    data = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    with remember_lines():
        return nn.cross_entropy(model(data), np.array([0, 1, 0, 1, 1]))


def recurrence(steps):
    """Return the loss of a recurrent network, written out: nine operations a step."""
    rng = np.random.default_rng(0)
    W, U = (Tensor(rng.normal(size=(4, 4)) / 2, requires_grad=True) for _ in range(2))
    b, h, loss = Tensor(np.zeros(4), requires_grad=True), np.zeros(4), 0
    for x in rng.normal(size=(steps, 4)):
        h = np.tanh(W @ h + U @ x + b)
        loss = loss + np.sum((h - x) ** 2)
    return loss


def gated():
    """Return the mean of what a GRU layer returns for five steps."""
    nn.manual_seed(0)
    return np.mean(nn.GRU(3, 4)(np.ones((5, 2, 3), np.float32))[0])


def residual():
    """Return the mean output of 20 layers with skip connections, remembered with their modules."""
    nn.manual_seed(0)
    layers, h = nn.ModuleList([nn.Linear(4, 4) for _ in range(20)]), np.ones((5, 4), np.float32)
    with remember_lines():
        for layer in layers:
            h = h + np.tanh(layer(h))
        return np.mean(h)


def tangle():
    """Return a result of operations on arguments picked at random, some of them with long names."""
    rng = np.random.default_rng(3)
    a_parameter_with_a_name_that_is_too_long_for_any_box = Tensor(np.linspace(-1, 1, 6), requires_grad=True)
    values = [a_parameter_with_a_name_that_is_too_long_for_any_box[i] for i in range(6)]
    for k in range(100):
        i, j = rng.integers(max(0, len(values) - 14), len(values), 2)
        values.append((np.multiply, np.add, np.subtract)[k % 3](values[i], values[j]) if k % 4 else np.tanh(values[i]))
    return explain(sum(values[-8:]))


PICTURES = {
    "rosenbrock": lambda: draw(explain(rosenbrock, np.array([-1.2, 1.0]))),
    "a step": lambda: draw(explain(rosenbrock, np.array([-1.2, 1.0])), step=5),
    "network": lambda: draw(network()),
    "layers of a network": lambda: draw(network(), depth=2),
    "short recurrence": lambda: draw(recurrence(4)),
    "recurrence": lambda: draw(recurrence(14)),
    "folded recurrence": lambda: draw(recurrence(40)),
    "gated": lambda: draw(gated()),
    "residual": lambda: draw(residual()),
    "layers with skips": lambda: draw(residual(), depth=1),
    "tangle": lambda: draw(tangle()),
    "a leaf alone": lambda: draw(Tensor(2.0, requires_grad=True)),
    "the same argument twice": lambda: draw(explain(lambda x: x * x, 3.0)),
    "several results": lambda: draw(explain(lambda x: np.linalg.eigh(x)[0][0], np.eye(2))),
    "on small axes": lambda: draw(network(), plt.subplots(1, 2, layout="constrained")[1][1]),
    "on large axes": lambda: draw(explain(rosenbrock, np.ones(2)), plt.figure(figsize=(30, 20)).gca()),
}


LARGE = {"recurrence", "folded recurrence", "gated", "residual", "tangle", "on large axes"}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in PICTURES],
                scope="module")
def picture(request):
    return PICTURES[request.param]()


def extents(picture, artists):
    """Return what artists cover on the screen."""
    figure = picture.ax.figure
    canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
    return [artist.get_window_extent(canvas.get_renderer()) for artist in artists]


def visible_texts(texts):
    return [text for text in (texts["title"], texts["turn"], *texts["facts"], texts["gradient"]) if text.get_text()]


def boxes_by_title(picture):
    return {box.title: i for i, box in enumerate(picture.graph.boxes)}


def items(picture):
    """Return the boxes and then the references: for each, the box of the graph that it shows, and its patch."""
    boxes = picture.graph.boxes
    return [*zip(boxes, picture.boxes),
            *((boxes[number], patch) for number, patch in zip(picture.layout.referred, picture.references))]


def start_of(picture, edge):
    """Return where an edge starts: the patch of its source, or of a reference."""
    return items(picture)[picture.layout.starts[picture.graph.edges.index(edge)]]


def test_no_two_boxes_overlap(picture):
    for one, other in combinations(extents(picture, [*picture.boxes, *picture.references]), 2):
        apart = one.x1 <= other.x0 or other.x1 <= one.x0 or one.y1 <= other.y0 or other.y1 <= one.y0
        assert apart, (one, other)


def test_text_fits_its_box_and_no_other_text(picture):
    picture.ax.figure.draw_without_rendering()
    for box, texts in zip(extents(picture, picture.boxes), picture.texts):
        inside = extents(picture, visible_texts(texts))
        for text in inside:
            assert box.x0 <= text.x0 and text.x1 <= box.x1 and box.y0 <= text.y0 and text.y1 <= box.y1
        title, turn = extents(picture, [texts["title"], texts["turn"]])
        assert title.x1 < turn.x0 or not texts["turn"].get_text()


def test_everything_is_within_the_axes(picture):
    frame = picture.ax.get_window_extent()
    for extent in extents(picture, [*picture.boxes, *picture.edges, picture.heading]):
        assert frame.x0 - 1 <= extent.x0 and extent.x1 <= frame.x1 + 1
        assert frame.y0 - 1 <= extent.y0 and extent.y1 <= frame.y1 + 1


def test_every_edge_is_drawn_once_from_its_source_or_a_reference_to_it(picture):
    assert len(picture.edges) == len(picture.graph.edges) == len({id(edge) for edge in picture.edges})
    assert set(picture.edges) <= set(picture.ax.patches)
    place = {box: patch.get_bbox() for box, patch in zip(picture.graph.boxes, picture.boxes)}
    for edge, patch in zip(picture.graph.edges, picture.edges):
        (x0, y0), (x1, y1) = patch.get_path().vertices[[0, -1]]
        source, start = start_of(picture, edge)
        start, target = start.get_bbox(), place[edge.target]
        assert source is edge.source
        assert x0 == pytest.approx(start.x1) and start.y0 < y0 < start.y1
        assert x1 == pytest.approx(target.x0) and target.y0 < y1 < target.y1


def test_no_edge_runs_through_a_box_or_a_reference(picture):
    for edge, patch in zip(picture.graph.edges, picture.edges):
        x, y = Path(patch.get_path().to_polygons(closed_only=False)[0]).interpolated(8).vertices.T
        start = start_of(picture, edge)[1]
        for box, other in items(picture):
            if other is not start and (box is not edge.target or other in picture.references):
                (x0, y0), (x1, y1) = other.get_bbox().get_points()
                assert not np.any((x0 < x) & (x < x1) & (y0 < y) & (y < y1)), (edge.source.title, edge.target.title)


def test_no_edge_runs_back_or_leaves_its_row(picture):
    columns = picture.layout.columns
    row_of_column = {column: number for number, row in enumerate(columns.rows) for column in row}
    rows = [row_of_column[column] for column in columns.of]
    tops = [min(patch.get_bbox().y0 for (_, patch), of in zip(items(picture), rows) if of == row)
            for row in range(len(columns.rows))]
    numbers = {box: number for number, box in enumerate(picture.graph.boxes)}
    for edge, start, patch in zip(picture.graph.edges, picture.layout.starts, picture.edges):
        x, y = patch.get_path().vertices.T
        row = rows[numbers[edge.target]]
        assert rows[start] == row
        assert np.all(np.diff(x) > -1e-6)
        assert row + 1 == len(tops) or np.all(y < tops[row + 1])


def test_a_reference_says_the_name_and_the_number_of_its_box(picture):
    picture.ax.figure.draw_without_rendering()
    drawn = [(text, extent) for text, extent in zip(picture.ax.texts, extents(picture, picture.ax.texts))
             if text.get_text()]
    for number, reference in zip(picture.layout.referred, extents(picture, picture.references)):
        said = [text.get_text() for text, extent in drawn if reference.x0 <= extent.x0 and extent.x1 <= reference.x1
                and reference.y0 <= extent.y0 and extent.y1 <= reference.y1]
        box = [picture.texts[number][part].get_text() for part in ("title", "turn")]
        assert said == list(filter(None, [box[0].split(" = ")[0], box[1]]))
        others = [texts["title"].get_text().split(" = ")[0] + texts["turn"].get_text() for texts in picture.texts]
        assert others.count("".join(said)) == 1


def test_a_box_with_references_has_a_circle(picture):
    circles = [(x, y) for line in picture.ax.lines if line.get_marker() == "o" for x, y in line.get_xydata()]
    ends = [picture.boxes[number].get_bbox() for number in sorted(set(picture.layout.referred))]
    np.testing.assert_allclose(circles, [(end.x1, (end.y0 + end.y1) / 2) for end in ends])


def test_a_shared_parameter_is_drawn_once_and_referred_to_once_in_each_further_row():
    picture = draw(recurrence(6))
    rows = len(picture.layout.columns.rows)
    referred = [picture.graph.boxes[number].title for number in picture.layout.referred]
    parameters = [box.title for box in picture.graph.boxes if box.kind == "parameter"]
    assert rows > 1 and len(parameters) == 3
    for title in parameters:
        assert referred.count(title) == rows - 1


def test_an_edge_that_would_skip_many_layers_starts_at_a_reference():
    def f(x):
        y = np.tanh(x)
        for _ in range(FAR):
            y = np.exp(-y)
        return x + y

    picture = draw(explain(f, 0.1), plt.figure(figsize=(80, 4)).gca())
    assert len(picture.layout.columns.rows) == 1
    assert [picture.graph.boxes[number].title for number in picture.layout.referred] == ["x"]


@pytest.mark.slow
def test_edges_are_the_arguments_of_the_operations():
    picture = draw(tangle())
    arguments = sum(len(row.arguments) for row in picture.explanation.rows)
    assert len(picture.graph.edges) == arguments
    contributions = [give for edge in picture.graph.edges for give in edge.contributions]
    assert len(contributions) == sum(len(row.contributions) for row in picture.explanation.rows)


def test_values_and_gradients_are_those_of_the_explanation():
    picture = draw(explain(rosenbrock, np.array([-1.2, 1.0])))
    texts = picture.texts[boxes_by_title(picture)["x"]]
    assert [fact.get_text() for fact in texts["facts"]] == ["shape (2,)", "value [-1.2, 1]"]
    assert texts["gradient"].get_text() == "grad [-215.6, -88]"


def test_a_sum_of_contributions_is_written_out():
    picture = draw(explain(lambda x: 3 * x + 4 * x, 1.0))
    assert picture.texts[boxes_by_title(picture)["x"]]["gradient"].get_text() == "grad 4 + 3 = 7"


def test_of_large_arrays_the_shape_and_the_norm_of_the_gradient_are_written():
    picture = draw(explain(lambda x: np.sum(x * 2), np.ones((4, 4))))
    texts = picture.texts[boxes_by_title(picture)["x"]]
    assert [fact.get_text() for fact in texts["facts"]] == ["shape (4, 4)"]
    assert texts["gradient"].get_text() == "‖grad‖ 8"


def test_kinds_of_boxes_differ_in_shape_or_line_and_not_by_colour_alone():
    picture = draw(network(), depth=2)
    looks = {box.kind: (type(patch.get_boxstyle()), patch.get_linewidth(), patch.get_linestyle())
             for box, patch in zip(picture.graph.boxes, picture.boxes)}
    assert set(looks) == {"operation", "constant", "folded"}
    picture = draw(network())
    looks.update({box.kind: (type(patch.get_boxstyle()), patch.get_linewidth(), patch.get_linestyle())
                  for box, patch in zip(picture.graph.boxes, picture.boxes)})
    assert len(set(map(str, looks.values()))) == len(looks) == 4


@pytest.mark.slow
def test_long_names_are_cut():
    picture = draw(tangle())
    titles = [texts["title"].get_text() for texts in picture.texts]
    assert "a_parameter_w…_for_any_box" in titles
    assert max(map(len, titles)) <= 26


def test_long_names_keep_their_ends():
    def f(the_temperature_of_the_room_before, the_temperature_of_the_room_after):
        the_difference_of_both_temperatures = the_temperature_of_the_room_before - the_temperature_of_the_room_after
        return the_difference_of_both_temperatures * 2

    titles = [texts["title"].get_text() for texts in draw(explain(f, 1.0, 2.0)).texts]
    assert {"the_temperatu…_room_before", "the_temperatu…e_room_after", "the_dif…ratures = subtract"} <= set(titles)


def test_a_constant_is_in_the_row_where_it_is_used():
    def f(w):
        h = 0.1
        for _ in range(8):
            h = np.tanh(w * h + 0.3)
        return h

    picture = draw(explain(f, 0.5))
    assert len(picture.layout.columns.rows) > 1
    assert {picture.graph.boxes[number].kind for number in picture.layout.referred} == {"parameter", "operation"}


def test_depth_without_known_modules_is_refused():
    x = Tensor([1.0, 2.0], requires_grad=True)
    model = nn.Sequential(nn.Linear(2, 1))
    for loss in np.sum(x * x), np.sum(model(x.astype(np.float32))), explain(rosenbrock, np.ones(2)):
        with pytest.raises(ValueError, match=r"depth=1 folds .* has no record of them.*remember_lines\(\)"):
            draw(loss, depth=1)


def test_long_settings_are_cut_between_words():
    from minigrad.nn.functional import conv2d

    image, kernel = np.ones((1, 1, 4, 4)), Tensor(np.ones((1, 1, 3, 3)), requires_grad=True)
    titles = [texts["title"].get_text() for texts in draw(np.sum(conv2d(image, kernel))).texts]
    assert "conv2d …" in titles


def test_a_path_without_an_ending_gets_one(tmp_path):
    picture = draw(Tensor(1.0, requires_grad=True) * 2)
    assert picture.save(tmp_path / "plain") == str(tmp_path / "plain.png")
    assert [path.name for path in tmp_path.iterdir()] == ["plain.png"]


@pytest.mark.slow
def test_every_format_is_written_and_a_format_that_is_named_wins(tmp_path):
    picture = draw(Tensor(1.0, requires_grad=True) * 2)
    for ending in picture.ax.figure.canvas.get_supported_filetypes().keys() - {"pgf"}:  # which needs LaTeX
        assert picture.save(tmp_path / f"a.{ending}").stat().st_size > 500
    assert picture.save(tmp_path / "b.png", format="jpg").read_bytes().startswith(b"\xff\xd8\xff")


# Folding

@pytest.mark.slow
def test_up_to_200_boxes_nothing_is_folded():
    picture = draw(recurrence(14))
    assert 150 < len(picture.graph.boxes) <= 200
    assert {box.kind for box in picture.graph.boxes} == {"operation", "parameter", "constant"}


@pytest.mark.slow
def test_a_larger_graph_is_folded_by_what_repeats():
    picture = draw(recurrence(30))
    folded = [box for box in picture.graph.boxes if box.kind == "folded"]
    assert len(folded) == 30
    assert all(box.title == "9 operations" for box in folded)


@pytest.mark.slow
def test_a_long_row_of_repetitions_is_one_box_between_the_first_and_the_last():
    titles = [box.title for box in draw(recurrence(300)).graph.boxes if box.kind == "folded"]
    assert titles == ["9 operations", "298 × 9 operations", "9 operations"]


def test_modules_are_folded_to_any_depth():
    titles = {depth: [box.title for box in draw(network(), depth=depth).graph.boxes if box.kind == "folded"]
              for depth in (1, 2, 3)}
    assert titles == {1: ["Sequential"], 2: ["Linear 0", "Sequential 2", "Linear 3"], 3: ["Linear 2.0"]}


def test_modules_are_folded_before_anything_else():
    kinds = {box.title.split()[0] for box in draw(network(), limit=16).graph.boxes if box.kind == "folded"}
    assert kinds == {"Linear"}


@pytest.mark.slow
def test_folding_keeps_every_operation_and_parameter_once():
    for picture in (draw(recurrence(40)), draw(network(), depth=1), draw(tangle(), limit=20), draw(tangle(), limit=2)):
        steps = [row.step for box in picture.graph.boxes for row in box.rows]
        assert sorted(steps) == [row.step for row in picture.explanation.rows]


@pytest.mark.slow
def test_folding_reaches_the_limit():
    for limit in 2, 10, 50:
        assert len(draw(tangle(), limit=limit).graph.boxes) <= limit


@pytest.mark.slow
def test_every_contribution_between_boxes_runs_along_an_edge():
    picture = draw(recurrence(40))
    home = {row.step: box for box in picture.graph.boxes for row in box.rows}
    drawn = [give for edge in picture.graph.edges for give in edge.contributions]
    between = [give for row in picture.explanation.rows for give in row.contributions
               if home[give.giver] is not home[give.receiver]]
    assert len(drawn) == len({id(give) for give in drawn})
    assert {id(give) for give in drawn} >= {id(give) for give in between}
    assert all(home[give.giver] is edge.target and home[give.receiver] is edge.source
               for edge in picture.graph.edges for give in edge.contributions)


# The wavefront

def test_a_step_shows_what_has_arrived_and_what_is_handed_on():
    explanation = explain(lambda x: 3 * x + 4 * x, 1.0)
    gradients = {step: draw(explanation, step=step).texts[0]["gradient"].get_text() for step in range(4)}
    assert gradients == {0: "", 1: "", 2: "grad 4", 3: "grad 4 + 3 = 7"}
    picture = draw(explanation, step=2)
    thick = [edge for edge, patch in zip(picture.graph.edges, picture.edges) if patch.get_linewidth() > 2.5]
    assert [edge.source.title for edge in thick] == ["x"]
    assert len(picture.arrows.get_xdata()) == 1
    assert picture.heading.get_text() == "step 2 of 3: multiply(4, x) passes on to x: g * x = 1 * 4 = 4"


def test_a_reference_has_the_colour_of_its_box():
    picture = draw(recurrence(6))
    colours = set()
    for step in 0, 20, picture.count:
        picture.at(step)
        for number, reference in zip(picture.layout.referred, picture.references):
            assert reference.get_facecolor() == picture.boxes[number].get_facecolor()
            colours.add(reference.get_facecolor())
    assert len(colours) > 1


@pytest.mark.slow
def test_all_steps_have_the_same_layout():
    explanation = explain(rosenbrock, np.array([-1.2, 1.0]))
    for step in None, 0, 5, 10:
        picture = draw(explanation, step=step)
        if step is None:
            places = picture.layout.centres
        assert picture.layout.centres == places


def test_an_animation_runs_through_every_step(tmp_path):
    picture = draw(explain(lambda x: 3 * x + 4 * x, 1.0), animate=True)
    seen, at = [], picture.at
    picture.animation._func = lambda step: (seen.append(step), at(step))[1]
    picture.animation.save(tmp_path / "walk.gif", writer="pillow", dpi=30)
    assert seen[-4:] == [0, 1, 2, 3]
    assert (tmp_path / "walk.gif").stat().st_size > 0


# The contract of pictures

def test_text_stays_text_in_svg_and_the_description_is_kept(tmp_path):
    picture = draw(explain(lambda x_1: x_1 * 2, 3.0))
    drawn = picture.save(tmp_path / "graph.svg").read_text()
    assert ">x_1<" in drawn and "multiply" in drawn
    assert picture.description in drawn
    assert plt.rcParams["svg.fonttype"] == plt.rcParamsDefault["svg.fonttype"]
    picture.save(tmp_path / "graph.png")
    picture.save(tmp_path / "graph.pdf")


def test_text_is_never_read_as_mathematics():
    weights = {"$x^2$": Tensor(2.0, requires_grad=True)}
    picture = draw(weights["$x^2$"] * 3)
    assert picture.texts[0]["title"].get_text() == "weights['$x^2$']"
    assert not picture.texts[0]["title"].get_parse_math()


def test_axes_that_are_given_are_used_and_others_left_alone():
    figure, (left, right) = plt.subplots(1, 2)
    picture = draw(network(), right)
    assert picture.ax is right
    assert plt.get_fignums() == [figure.number]
    assert not left.patches and left.axison


def test_notebooks_show_the_picture_once_and_no_figure_stays_open():
    picture = draw(network())
    image, metadata = picture._repr_png_()
    assert image.startswith(b"\x89PNG")
    assert metadata == {"alt": picture.description}
    assert picture._repr_html_() is None
    assert not plt.get_fignums()
    assert draw(network(), plt.figure().gca())._repr_png_() is None


def test_notebooks_show_an_animation_as_a_player():
    picture = draw(explain(lambda x: x * x, 3.0), animate=True)
    assert picture._repr_html_().count("data:image/png;base64") == picture.count + 1


def test_show_opens_a_window_with_the_figure(monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf()))
    picture = draw(explain(lambda x: x * x, 3.0), animate=True)
    at_first = picture.animation
    picture.show()
    picture.show()
    assert shown == [picture.ax.figure, picture.ax.figure]
    assert picture.animation is not at_first


def test_an_animation_can_be_dropped(recwarn):
    draw(explain(lambda x: x * x, 3.0), animate=True)
    gc.collect()
    assert not recwarn.list


def test_axes_of_any_size_are_filled():
    for size in (0.3, 0.3), (10, 1), (1, 10):
        picture = draw(explain(rosenbrock, np.ones(2)), plt.figure(figsize=size).add_axes([0, 0, 1, 1]))
        assert min(picture.ax.get_window_extent().size * 0.72 / (picture.width, picture.height)) == pytest.approx(
            picture.scale)


def test_drawing_leaves_gradients_and_graph_alone():
    x = Tensor([1.0, 2.0], requires_grad=True)
    loss = np.sum(x * x)
    draw(loss)
    assert x.grad is None
    loss.backward()
    np.testing.assert_array_equal(x.grad, [2, 4])


def test_names_are_those_at_the_place_of_the_drawing():
    slope = Tensor(2.0, requires_grad=True)
    assert draw(slope * 3).graph.boxes[0].title == "slope"


def test_matplotlib_is_imported_by_the_first_drawing_alone():
    program = ("import sys, minigrad; assert 'matplotlib' not in sys.modules; "
               "minigrad.draw(minigrad.Tensor(1.0, requires_grad=True) * 2); assert 'matplotlib' in sys.modules")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_misuse_is_reported():
    loss = Tensor(1.0, requires_grad=True) * 2
    with pytest.raises(TypeError, match="minigrad.draw.minigrad.explain.function"):
        draw(rosenbrock)
    with pytest.raises(ValueError, match="step=2 is out of range: this backward pass has 1 operation"):
        draw(loss, step=2)
    for options in {"depth": 0}, {"limit": 1}:
        with pytest.raises(ValueError, match="depth must be at least 1, and limit at least 2"):
            draw(loss, **options)
    assert not plt.get_fignums()


# The layout

def test_layers_follow_the_longest_way_and_lie_near_to_their_targets():
    edges = [(0, 2), (2, 3), (1, 4), (3, 4)]
    assert layers_of(5, edges) == [0, 2, 1, 2, 3]


def test_a_part_of_an_array_is_taken_where_it_is_used():
    edges = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 5), (4, 5)]  # 2 and 3 are parts of 1
    assert layers_of(6, edges) == [0, 1, 2, 3, 3, 4]


def test_what_needs_only_a_parameter_is_computed_where_it_is_used():
    edges = [(0, 1), (1, 2), (3, 4), (4, 5), (5, 6), (2, 7), (6, 7)]  # 0 and 3 are parameters
    assert layers_of(8, edges) == [1, 2, 3, 0, 1, 2, 3, 4]


def test_a_drawing_that_needs_no_crossing_has_none():
    rng = np.random.default_rng(0)
    for _ in range(20):  # trees, with their boxes in an order at random
        count = 30
        edges = [(i, int(rng.integers(i + 1, count))) for i in range(count - 1)]
        columns = Columns([(10, 10)] * count, edges, [(0, layer) for layer in layers_of(count, edges)])
        order(columns)
        assert crossings(columns) == 0


def test_a_long_graph_is_broken_into_rows():
    chain = [(i, i + 1) for i in range(99)]
    layout = fitted([(80, 40)] * 100, [(40, 20)] * 100, chain, (1000, 600))
    assert len(layout.columns.rows) > 3
    assert layout.width < 4 * layout.height
    assert len({y for _, y in layout.centres}) == len(layout.columns.rows)


def test_a_graph_that_fits_the_page_is_not_broken():
    chain = [(i, i + 1) for i in range(5)]
    assert len(fitted([(80, 40)] * 6, [(40, 20)] * 6, chain, (1000, 600)).columns.rows) == 1
