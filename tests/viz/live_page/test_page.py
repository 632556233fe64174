"""The page is small, needs no network, and its runs are Python's, whatever is dragged, slid or pressed."""

import dataclasses
import itertools
import os
import re
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from chromium import Browser

import minigrad
import optim
from optim.viz import load, losses, page, race, record, surfaces
from optim.viz.live_page.page import TEMPLATE
from optim.viz.pictures.drawing import STYLE
from optim.viz.runs.recording import CLASSICS

pytestmark = pytest.mark.slow  # a browser is started

STEPS = 60
RATES = {"SGD with momentum": 1e-3, "Adam": 0.3, "RMSprop": 0.02}
CSS = TEMPLATE.with_name("page.css")


@pytest.fixture(scope="module")
def classics():
    return race("rosenbrock", {label: CLASSICS[label] for label in RATES}, steps=STEPS)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    window = Browser(tmp_path_factory.mktemp("chromium"))
    yield window
    window.close()


@pytest.fixture(scope="module")
def written(classics, tmp_path_factory):
    return page(classics, tmp_path_factory.mktemp("page") / "race.html")


@pytest.fixture
def opened(browser, written):
    """The browser with the page of the classics, its logs empty before it was opened."""
    browser.send("/url", url="about:blank")
    browser.messages(), browser.requests()
    show(browser, written)
    return browser


def show(browser, path, fragment=""):
    """Open a page, and wait until it says what it shows."""
    browser.send("/url", url="about:blank")
    browser.send("/url", url=path.as_uri() + fragment)
    browser.wait_for("document.getElementById('status').textContent")


def tenth(x, parts):
    share = x / parts
    return share / 10


def halved(x):
    double = 2 * x
    return double / 4


class Unnamed(optim.Adam):
    """An optimizer that no text can name."""


def cielab(color):
    """Return a colour as L*, a*, b* of CIE 1976, in which equal distances look about equal."""
    rgb = np.array(mpl.colors.to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ linear / to_xyz.sum(axis=1))  # black is a little off, which does not matter here
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def card(i):
    return f".runner:nth-child({i + 1})"


def numbers(browser, selector):
    """Return a table of the page as a dictionary from names to lists of numbers; NaN for a dash."""
    rows = browser.run("""return Array.from(document.querySelectorAll(arguments[0] + ' table tr'),
        row => Array.from(row.cells, cell => cell.textContent))""", selector)
    return {name: [number(cell) for cell in cells] for name, *cells in rows}


def number(text):
    return float(text.replace("−", "-").replace("–", "nan").replace("true", "1").replace("false", "0"))


def shown(values):
    """Return numbers as the page shows them, to four digits."""
    return [float(f"{x:.4g}") for x in np.ravel(values)]


def assert_shows(browser, selector, run, t):
    """Assert that a table shows step t of a run; states before the first step are those that it begins with."""
    expected = {"position": run.positions[t], "loss": run.losses[t], "gradient": run.gradients[t],
                **{name: entry[t] for name, entry in run.states.items() if name != "step"}}
    found = numbers(browser, selector)
    assert found.keys() == expected.keys()
    for name in list(expected)[:3] if t == 0 else expected:
        np.testing.assert_array_equal(found[name], shown(expected[name]), err_msg=name)


def picture(browser, chart="map"):
    """Return the outlines of all paths that are visible in one of the pictures."""
    return browser.run(f"""return Array.from(document.querySelectorAll('#{chart} .trace[visibility=visible] .line'),
        line => line.getAttribute('d'))""")


def vertices(outline):
    return np.array([pair.split() for pair in outline[1:].split("L")], dtype=float)


def listen(browser):
    """Keep in the page's list `heard` whatever a screen reader speaks unasked."""
    browser.run("""window.heard = [];
        for (const region of document.querySelectorAll('[role=status], [role=alert], [role=log], [aria-live], output'))
            new MutationObserver(() => heard.push(region.textContent)).observe(region, {childList: true});
        """)


def slider(browser, i, name):
    """Return how JavaScript finds a slider of a card by its name."""
    return browser.run("""return [...document.querySelectorAll(arguments[0] + ' .sliders label')]
        .findIndex(label => label.textContent.startsWith(arguments[1] + ' '))""", card(i), name)


def set_slider(browser, i, name, value):
    """Slide a hyperparameter to a value, and return the value that it then has."""
    return browser.run("""const runner = runners[arguments[0]];
        const place = runner.optimizer.sliders.findIndex(one => one.name === arguments[1]);
        const input = runner.card.querySelectorAll('.sliders input')[place];
        input.value = 1000 * partOn(runner.optimizer.sliders[place], arguments[2]);
        input.dispatchEvent(new Event('input', {bubbles: true}));
        return valueAt(runner.h, runner.optimizer.sliders[place].path)""", i, name, value)


def drag(browser, start, end):
    """Press the mouse at a place, move it to another, and let it go."""
    moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0} for x, y in (start, end)]
    actions = [moves[0], {"type": "pointerDown", "button": 0}, moves[1], {"type": "pointerUp", "button": 0}]
    browser.send("/actions", actions=[{"type": "pointer", "id": "mouse", "actions": actions}])


def place_of(browser, point):
    """Return where a point of the surface is in the window."""
    return browser.run("""const edges = document.getElementById('map').getBoundingClientRect();
        const [x, y] = pixel(map, toPlace(arguments[0])); return [edges.left + x, edges.top + y]""", point)


class TestInTheBrowser:
    def test_loads_without_messages_and_without_requests(self, opened):
        assert opened.messages() == []
        found = [address for address in opened.requests() if not address.startswith(("data:", "about:"))]
        assert len(found) == 1 and re.fullmatch(r"file:///.*race\.html", found[0])

    def test_begins_with_the_whole_race(self, opened, classics):
        assert opened.run("return document.title").startswith("Rosenbrock")
        for i, trajectory in enumerate(classics):
            assert_shows(opened, card(i), trajectory, STEPS)

    def test_says_that_it_agrees_with_python(self, opened):
        assert opened.run("return document.getElementById('proof').textContent") == \
            "Checked against Python: 3 of 3 runs agree to 1e-12."

    @pytest.mark.parametrize("t", [0, 1, 37])
    def test_slider_through_time_shows_the_numbers_of_the_step(self, opened, classics, t):
        before = picture(opened)
        opened.slide("#time", t)
        for i, trajectory in enumerate(classics):
            assert_shows(opened, card(i), trajectory, t)
        assert opened.run("return document.getElementById('step').textContent") == f"{t} of {STEPS}"
        assert all(new != old for new, old in zip(picture(opened), before))

    @pytest.mark.parametrize(("i", "name", "value"), [
        (0, "lr", 5e-4), (0, "momentum", 0.5), (1, "lr", 0.1), (1, "beta1", 0.5), (1, "beta2", 0.9), (1, "eps", 0.1),
        (1, "weight_decay", 0.2), (2, "lr", 0.1), (2, "alpha", 0.9), (2, "momentum", 0.6)])
    def test_sliders_of_hyperparameters_show_the_run_that_python_makes(self, opened, classics, i, name, value):
        value = set_slider(opened, i, name, value)
        kept = {key: entry for key, entry in classics[i].hyperparameters.items() if key in ("lr", "momentum", "betas")}
        if name in ("beta1", "beta2"):
            betas = [*kept["betas"]]
            betas[int(name[-1]) - 1] = value
            name, value = "betas", tuple(betas)
        run = record(classics[i].optimizer.partition("(")[0], "rosenbrock", steps=STEPS, **{**kept, name: value})
        assert numbers(opened, card(i))["position"] == shown(run.positions[-1])

    def test_dragging_the_start_runs_every_optimizer_from_there(self, opened, classics):
        drag(opened, place_of(opened, list(classics.surface.start)), place_of(opened, [1.0, 1.5]))
        start = opened.run("return start")
        assert np.allclose(start, [1.0, 1.5], atol=0.02)
        for i, label in enumerate(RATES):
            run = record(CLASSICS[label], "rosenbrock", start, STEPS)
            assert numbers(opened, card(i))["position"] == shown(run.positions[-1])

    def test_a_screen_reader_gets_the_new_numbers_after_the_start_was_dragged(self, opened, classics):
        listen(opened)
        drag(opened, place_of(opened, list(classics.surface.start)), place_of(opened, [1.0, 1.5]))
        opened.wait_for("heard.length")
        x, y = opened.run("return runners[0].run.columns.position.map(values => values.at(-1))")
        assert f"position ({x:.4g}, {y:.4g})".replace("-", "−") in opened.run("return heard[0]")

    def test_where_all_runs_are_stored_the_start_stays(self, browser, tmp_path):
        stored = race("booth", ["LBFGS"], steps=5)
        show(browser, page(stored, tmp_path / "stored.html"))
        before = browser.run("return start")
        drag(browser, place_of(browser, before), place_of(browser, [3, 3]))
        browser.run("map.start[0].focus()")
        browser.press("ArrowRight")
        assert browser.run("return start") == before
        assert "Drag the circle" not in browser.run("return find('hint').innerText")
        assert "arrow keys" not in browser.run("return map.start[0].getAttribute('aria-label')")

    def test_arrow_keys_move_the_start(self, opened, classics):
        opened.run("map.start[0].focus()")
        opened.press("ArrowRight", "ArrowRight")
        start = opened.run("return start")
        x, y = classics.surface.start
        assert start[0] > x and start[1] == pytest.approx(y)
        assert "arrow keys move it" in opened.run("return map.start[0].getAttribute('aria-label')")

    def test_paths_are_the_positions_and_curves_the_losses(self, opened, classics):
        frame = opened.run("return ['x', 'y', 'width', 'height'].map(name =>"
                           "Number(document.querySelector('#map .frame').getAttribute(name)))")
        low, high = np.transpose(classics.surface.domain)
        for outline, trajectory in zip(picture(opened), classics):
            u, v = ((trajectory.positions - low) / (high - low)).T
            places = np.transpose([frame[0] + u * frame[2], frame[1] + (1 - v) * frame[3]])
            distances = np.abs(vertices(outline) - places[:, np.newaxis]).max(axis=-1)  # of places, along, and vertices
            assert distances.min(axis=0).max() < 0.1  # every vertex is a position
            assert distances.min(axis=1).max() < 0.8  # no position is a pixel from all of them
        for outline, trajectory in zip(picture(opened, "curves"), classics):
            heights = vertices(outline)[:, 1]
            slope, offset = np.polyfit(np.log(trajectory.losses), heights, 1)
            np.testing.assert_allclose(heights, slope * np.log(trajectory.losses) + offset, atol=0.11)

    def test_steps_may_be_on_a_logarithmic_axis(self, opened):
        before = vertices(picture(opened, "curves")[0])[:, 0]
        opened.click("#log-steps")
        places = vertices(picture(opened, "curves")[0])[:, 0]
        slope, offset = np.polyfit(np.log1p(np.arange(STEPS + 1)), places, 1)
        np.testing.assert_allclose(places, slope * np.log1p(np.arange(STEPS + 1)) + offset, atol=0.11)
        opened.click("#log-steps")
        assert np.allclose(np.diff(before), before[1] - before[0], atol=0.11)

    def test_zoom_keeps_the_place_under_the_mouse_and_whole_frame_undoes_it(self, opened):
        x, y = place_of(opened, [0.5, 0.5])
        wheel = {"type": "scroll", "x": round(x), "y": round(y), "deltaX": 0, "deltaY": -600, "duration": 0}
        opened.send("/actions", actions=[{"type": "wheel", "id": "wheel", "actions": [wheel]}])
        opened.wait_for("map.view.size < 0.5")
        assert place_of(opened, [0.5, 0.5]) == pytest.approx([x, y], abs=2)
        opened.click("#whole")
        assert opened.run("return map.view.size") == 1

    def test_the_ground_can_be_moved_beyond_the_first_frame_and_back(self, opened):
        x, y = place_of(opened, [0.5, 0.5])
        drag(opened, (x, y), (x + 60, y - 40))
        assert place_of(opened, [0.5, 0.5]) == pytest.approx([x + 60, y - 40], abs=2)
        left, bottom, size = opened.run("return [map.view.u, map.view.v, map.view.size]")
        assert left < 0 and bottom < 0 and size == 1
        opened.click("#whole")
        assert opened.run("return map.view") == {"u": 0, "v": 0, "size": 1}
        assert not opened.run("return find('whole').checkVisibility()")

    def test_a_valley_outside_the_first_frame_is_drawn_and_reached(self, browser, tmp_path):
        def valleys(p):
            return (p[0]**2 - 4)**2 / 8 + p[1]**2 / 2 + 0.3 * p[0]

        own = race(valleys, ["SGD(lr=0.05)", "Adam(lr=0.1)"], (2.6, 1), 60)
        assert own.surface.domain[0][0] > -1  # the other valley is at -2
        show(browser, page(own, tmp_path / "valleys.html"))
        within = browser.run("return levelsFor(map, surface, evaluate())")
        browser.run("zoom(9)")
        (left, right), (bottom, top) = browser.run("return [[0, 0], [1, 1]].map(([u, v]) => toPoint("
                                                   "[map.view.u + u * map.view.size, map.view.v + v * map.view.size]))"
                                                   ".reduce(([x, y], [u, v]) => [[x, u], [y, v]])")
        levels = browser.run("return levelsFor(map, surface, evaluate())")
        np.testing.assert_allclose(within, own.surface.levels(16)[1:-1])
        wide = dataclasses.replace(own.surface, domain=((left, right), (bottom, top)))
        np.testing.assert_allclose(levels, wide.levels(16)[1:-1], atol=5e-3 * np.ptp(levels))
        assert valleys(np.array([-2, 0])) < levels[0] < own.surface.levels(16)[0]
        drag(browser, place_of(browser, [2.6, 1]), place_of(browser, [-3, 1]))
        start = browser.run("return start")
        assert start == pytest.approx([-3, 1], abs=0.1)
        for i, run in enumerate(own):
            assert numbers(browser, card(i))["position"] == pytest.approx(
                record(run.make, valleys, start, 60).positions[-1], rel=1e-3)
        assert browser.run("return runners.every(({run}) => run.columns.position[0].at(-1) < -1.5)")

    def test_plays_the_first_steps_as_slowly_as_the_last_ones_are_many(self, opened):
        parts = opened.run("return [0, 1, 2, 30, 60].map(partAt)")
        assert parts[0] == 0 and parts[-1] == 1 and parts[1] > 5 / STEPS
        assert opened.run("return [0, 0.5, 1].map(stepAt)") == [0, round(np.expm1(np.log1p(STEPS) / 2)), STEPS]

    def test_plays_and_pauses(self, opened):
        assert opened.run("return document.getElementById('play').textContent") == "Play"
        opened.click("#play")
        opened.wait_for("document.getElementById('time').value > 3")
        assert opened.run("return document.getElementById('play').textContent") == "Pause"
        opened.click("#play")
        paused = opened.run("return document.getElementById('time').value")
        opened.wait_for(f"document.getElementById('status').textContent.startsWith('Step {paused}.')")
        assert opened.run("return document.getElementById('time').value") == paused

    def test_keys_move_and_play(self, opened):
        opened.press("ArrowLeft", "ArrowLeft", "ArrowRight")
        assert opened.run("return document.getElementById('time').value") == str(STEPS - 1)
        opened.press(" ")
        opened.wait_for("document.getElementById('play').textContent === 'Pause'")

    def test_a_screen_reader_gets_nothing_while_it_plays(self, opened):
        listen(opened)
        opened.run("time = 55")
        opened.press(" ")
        opened.wait_for("time === content.steps && heard.length")
        assert opened.run("return heard.map(text => text.split('.')[0])") == [f"Step {STEPS}"]

    def test_several_steps_in_a_row_are_reported_once(self, opened):
        listen(opened)
        opened.run("for (const step of [5, 6, 7]) goTo(step)")
        opened.wait_for("heard.length")
        assert opened.run("return heard.map(text => text.split('.')[0])") == ["Step 7"]

    def test_nothing_that_is_no_number_is_ever_shown(self, opened):
        opened.run("for (const part of document.querySelectorAll('details')) part.open = true")
        for t in (0, 1, STEPS):
            opened.slide("#time", t)
            for i in range(len(RATES)):
                for value in (1e-5, 10):
                    set_slider(opened, i, "lr", value)
                    seen = opened.run("return document.body.innerText + document.querySelector('main').outerHTML")
                    assert not re.search(r"NaN|Infinity|undefined|null", seen.partition("<script")[0])

    def test_a_run_that_diverges_is_shown_in_words_and_marked_where_it_left(self, opened):
        lr = set_slider(opened, 0, "lr", 0.03)
        run = record(CLASSICS["SGD with momentum"], "rosenbrock", steps=STEPS, lr=lr)
        assert opened.run(f"return document.querySelector('{card(0)} .ending').textContent") == run.ending != ""
        assert opened.run("return [map, curves].every(chart => runners[0].traces.get(chart).exits.getAttribute('d')"
                          ".includes('M'))")
        assert opened.run("return getComputedStyle(runners[0].traces.get(map).marker).opacity") == "0"

    def test_a_dot_stands_for_each_step_unless_dots_would_merge(self, opened, classics):
        dots = opened.run("return runners.map(({traces}) => traces.get(map).dots.getAttribute('d').match(/M/g).length)")
        assert all(2 <= count <= STEPS + 1 for count in dots)
        spots = opened.run("return runners[0].traces.get(map).dots.getAttribute('d')")
        places = np.array([spot.split("h")[0].split() for spot in spots.split("M")[1:]], dtype=float)
        assert np.hypot(*np.diff(places, axis=0).T).min() >= 3.9 * opened.run("return map.size")

    def test_one_unit_is_as_long_along_x_as_along_y(self, opened):
        for width, height in ((390, 844), (1280, 800), (1920, 1080)):
            opened.chrome("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                          mobile=False)
            box = opened.run("return new Promise(done => requestAnimationFrame(() => setTimeout(() => done(map.box))))")
            assert box["width"] == pytest.approx(box["height"], rel=0.01)  # the domain is a square

    def test_hides_and_shows_an_optimizer(self, opened):
        everyone = picture(opened)
        opened.click(f"{card(1)} .shown")
        assert len(picture(opened)) == 2
        opened.wait_for("!document.getElementById('status').textContent.includes('Adam')")
        opened.click(f"{card(1)} .shown")
        assert picture(opened) == everyone

    def test_pointing_at_a_path_shows_the_numbers_of_that_step(self, opened, classics):
        edges = opened.run("return document.getElementById('map').getBoundingClientRect().toJSON()")
        x, y = vertices(picture(opened)[1])[4]
        assert opened.run("return document.getElementById('tip').hidden")
        opened.point_at(edges["x"] + x, edges["y"] + y)
        assert opened.run("return document.querySelector('#tip b').textContent") == "Adam, step 4"
        assert_shows(opened, "#tip", classics["Adam"], 4)

    def test_focus_on_a_path_shows_the_numbers_of_the_present_step_and_escape_puts_them_away(self, opened, classics):
        opened.slide("#time", 9)
        opened.run("runners[0].traces.get(map).marker.focus({focusVisible: true})")
        assert opened.run("return document.querySelector('#tip b').textContent") == "SGD with momentum, step 9"
        opened.press("ArrowRight")
        assert_shows(opened, "#tip", classics[0], 10)
        opened.press("Escape")
        assert opened.run("return document.getElementById('tip').hidden")

    def test_the_step_is_explained_by_the_lines_of_the_rule_and_the_numbers_of_the_run(self, opened, classics):
        opened.run("find('explanation').open = true; find('explanation').querySelector('.of').value = 'Adam'")
        opened.slide("#time", 5)
        opened.wait_for("document.querySelectorAll('#lines code + code').length > 5")
        told = opened.run("return document.getElementById('lines').innerText").replace("−", "-")
        run = classics["Adam"]
        assert "m_hat = m / (1 - beta1**t)" in told and "(1 - 0.9 ** 5)" in told and "theta -= lr * phi" in told
        assert float(re.search(r"theta = .* = (\S+)\s*$", told)[1]) == pytest.approx(run.positions[5, 0], rel=1e-4)
        m = re.findall(r"\bm = .* = (\S+)", told)[-1]
        assert float(m) == pytest.approx(run.states["exp_avg"][5, 0], rel=1e-4)

    def test_every_pixel_of_the_map_of_hyperparameters_is_a_run(self, opened, classics):
        opened.run("find('landscape').querySelector('.of').value = 'Adam'; fillAxes(); find('landscape').open = true")
        opened.wait_for("landscape.size === 128")
        lr, beta1 = opened.run("return [landscape.x, landscape.y].map(axis => valueOn(axis, 64.5 / 128))")
        found = opened.run("return landscape.losses[64 * 128 + 64]")
        run = record("Adam", "rosenbrock", steps=STEPS, lr=lr, betas=(beta1, 0.999))
        assert found == pytest.approx(run.losses[-1], rel=1e-6)

    def test_touching_the_map_draws_the_run_and_leaving_it_brings_the_old_one_back(self, opened):
        opened.run("find('landscape').open = true; find('pixels').scrollIntoView()")
        opened.wait_for("landscape.losses")
        before = picture(opened)
        edges = opened.run("return find('pixels').getBoundingClientRect().toJSON()")
        opened.point_at(edges["x"] + edges["width"] / 3, edges["y"] + edges["height"] / 3)
        assert picture(opened) != before
        opened.point_at(2, 2)
        assert picture(opened) == before

    def test_the_last_place_that_is_pressed_on_the_map_of_hyperparameters_stays(self, opened):
        opened.run("find('landscape').open = true; find('pixels').scrollIntoView()")
        opened.wait_for("landscape.losses")
        edges = opened.run("return find('pixels').getBoundingClientRect().toJSON()")
        places = [(edges["x"] + part * edges["width"], edges["y"] + edges["height"] / 2) for part in (0.25, 0.5)]
        drag(opened, *places)
        opened.point_at(2, 2)
        assert opened.run("return runners[0].h.lr") == pytest.approx(1e-2, rel=0.05)  # halfway from 1e-5 to 10

    def test_keys_zoom_in_on_the_start(self, opened):
        opened.run("map.start[0].focus()")
        before = opened.run("return pixel(map, toPlace(start))")
        opened.press("+", "+")
        assert opened.run("return map.view.size") == pytest.approx(0.49)
        assert opened.run("return pixel(map, toPlace(start))") == pytest.approx(before)
        left = opened.run("return map.view.u")
        opened.press(*["ArrowLeft"] * 40)
        assert opened.run("return map.view.u") < left  # the view follows
        assert opened.run("return inView(map, toPlace(start))")
        opened.press("-", "-")
        assert opened.run("return map.view.size") == 1

    def test_the_loss_axis_has_room_for_the_runs_and_not_much_more(self, opened):
        axis = "return lossAxis(arguments[0]).limits"
        assert opened.run(axis, [[900, 500, 400], [900, 700]]) == [90, 2700]
        assert opened.run(axis, [[1, 1e-4]]) == pytest.approx([1e-4 / 3, 3])
        assert opened.run(axis, [[1, 1e9]]) == pytest.approx([0.1, 30])

    def test_every_control_and_picture_has_a_name(self, opened):
        tree = opened.chrome("Accessibility.getFullAXTree")["nodes"]
        named = {"slider", "button", "checkbox", "image", "img", "combobox"}
        found = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]]
        roles = [role for role, _ in found if role in named]
        assert roles.count("slider") == 1 + 4 + 5 + 5 and roles.count("checkbox") == 1 + len(RATES)
        assert [pair for pair in found if pair[0] in named and not pair[1]] == []
        assert any("Contours of rosenbrock" in name for _, name in found)

    @pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844), (1280, 800), (1920, 1080)])
    def test_nothing_is_wider_than_the_screen(self, opened, width, height):
        opened.chrome("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=False)
        opened.run("for (const part of document.querySelectorAll('details')) part.open = true")
        assert opened.run("return document.documentElement.scrollWidth") <= width
        wide = opened.run("return Array.from(document.querySelectorAll('.runner, .runner td'))"
                          ".filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)")
        assert wide == []

    @pytest.mark.parametrize(("width", "height"), [(640, 400), (390, 844), (320, 640)])  # the first is 200 % zoom
    def test_map_and_sliders_are_seen_together(self, opened, width, height):
        opened.chrome("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=False)
        for which in ("first", "last"):
            seen = opened.run(f"""const sliders = [...document.querySelectorAll('.sliders input')];
                const slider = {{first: sliders[0], last: sliders.at(-1)}}['{which}'];
                slider.scrollIntoView({{block: 'end'}});
                return [find('map'), find('time'), slider].map(one => one.getBoundingClientRect().toJSON())""")
            assert all(one["top"] >= -1 and one["bottom"] <= height + 1 for one in seen)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_no_violation(self, opened, scheme):
        axe = os.environ.get("AXE_CORE")
        if axe is None:
            pytest.skip("axe-core is not installed (npm install axe-core; AXE_CORE=.../axe.min.js)")
        opened.chrome("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        opened.run("for (const part of document.querySelectorAll('details')) part.open = true;"
                   "find('runners').querySelector('.shown').click()")
        opened.wait_for("landscape.size === 128")
        opened.run(Path(axe).read_text(encoding="utf-8"))
        violations = opened.send("/execute/async", args=[], script="""const done = arguments[0];
            axe.run({resultTypes: ['violations']}).then(({violations}) =>
                done(violations.map(({id, nodes}) => [id, nodes.map(({target}) => target)])))""")
        opened.chrome("Emulation.setEmulatedMedia", features=[])
        assert violations == []

    @pytest.mark.parametrize(("limits", "logarithmic", "expected"), [
        ((0, 200), False, ["0", "50", "100", "150", "200"]), ((-0.3, 0.4), False, ["−0.2", "0", "0.2", "0.4"]),
        ((90, 2700), True, ["100", "200", "500", "1000", "2000"]),
        ((1e-15, 10), True, ["1e−12", "1e−8", "0.0001", "1"])])
    def test_ticks_are_round(self, opened, limits, logarithmic, expected):
        found = opened.run("return ticks({limits: arguments[0], logarithmic: arguments[1], shown: [0, 1]}, 5)",
                           limits, logarithmic)
        assert [text for _, text in found] == expected

    def test_a_contour_is_a_thin_line_where_the_ground_has_its_height(self, opened):
        row = opened.send("/execute/async", args=[], script="""const done = arguments[0], image = new Image();
            image.onload = () => {
                const brush = document.createElement('canvas').getContext('2d');
                brush.drawImage(image, 0, 0);
                done(Array.from(brush.getImageData(0, 1, 100, 1).data));
            };
            image.src = hills({view: {u: 0, v: 0, size: 1}}, [[0, 1], [0, 1]], x => [x, 1, 0], [0.25, 0.5], 100, 4,
                              [[255, 255, 255], [0, 0, 0], [255, 0, 0]]);""")
        red, green, _, _ = np.reshape(row, (100, 4)).T.astype(int)
        assert np.flatnonzero(red - green > 60).tolist() == [24, 25, 49, 50]
        assert (red[:49] > 200).all() and (red[51:] == red[51]).all() and red[51] < red[40]

    def test_the_sliders_of_a_card_are_a_group_with_the_name_of_the_optimizer(self, opened):
        tree = opened.chrome("Accessibility.getFullAXTree")["nodes"]
        groups = [node["name"]["value"] for node in tree if node.get("role", {}).get("value") == "group"]
        assert [name for name in groups if name in RATES] == list(RATES)

    def test_the_loss_chart_keeps_its_place_while_a_slider_is_dragged(self, opened):
        where = "return document.getElementById('curves').getBoundingClientRect().toJSON()"
        before = opened.run(where)
        for lr in (1e-5, 1e-3, 10):
            set_slider(opened, 0, "lr", lr)
            assert opened.run(where) == before


def explained_in_python(name, h, t):
    """Return the equations of x in step t on booth, as (name, value), with a repeated φ left out."""
    surface = surfaces.get("booth")
    param = optim.Parameter(np.array(surface.start))
    optimizer = getattr(optim, name)([param], **{key: tuple(x) if isinstance(x, list) else x for key, x in h.items()})
    for step in range(1, t + 1):
        param.grad = minigrad.grad(surface.function)(param.data)
        if step < t:
            optimizer.step()
    rows = [row for row in optim.explain(optimizer).rows if row.method not in ("init_state", "advance")]
    lines = {row.method: {other.line for other in rows if other.method == row.method} for row in rows}
    called = [method for method in lines if len(lines[method]) > 1 and method != "update"]  # with lines to be seen
    found = []
    for row in rows:
        for one, expression, _ in row.equations if row.method in ("update", "descend", *called) else []:
            pair = (one.replace("φ", "phi"), np.ravel(row.values[one])[0])
            if expression and any(f"{method}(" in expression for method in called):
                found[-1] = (pair[0] if found[-1][0] == "result" else found[-1][0], found[-1][1])
            elif (expression or one == "φ") and (pair[0] != "phi" or one == "phi" or pair not in found):
                found.append(pair)
    return found


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return page(None, tmp_path_factory.mktemp("page") / "all.html")


class TestThePageOfAllSurfaces:
    def test_agrees_with_python_on_every_surface_with_every_rule(self, browser, everything):
        show(browser, everything)
        agreed, distrusted, checks, rules, grounds = browser.run(
            "return [document.documentElement.dataset.agreed, document.documentElement.dataset.distrusted,"
            "content.checks.length, content.optimizers.length, content.surfaces.length]")
        assert int(distrusted) == 0 and int(agreed) == checks > 0.9 * rules * grounds
        assert rules >= 20 and grounds == len(surfaces.names())

    def test_is_below_600_kilobytes(self, everything):
        assert everything.stat().st_size < 600_000

    def test_opens_with_what_the_address_asks_for(self, browser, everything):
        show(browser, everything, "#surface=beale&optimizer=Lion")
        assert browser.run("return [surface.name, runners.map(({optimizer}) => optimizer.name)]") == ["beale", ["Lion"]]

    def test_menu_changes_the_surface_and_optimizers_can_be_added(self, browser, everything):
        show(browser, everything)
        browser.run("""find('surface').value = content.surfaces.findIndex(({name}) => name === 'booth');
            find('surface').dispatchEvent(new Event('change'));
            find('add').value = content.optimizers.findIndex(({name}) => name === 'Rprop');
            find('add').dispatchEvent(new Event('change'))""")
        runs = browser.run("return runners.map(({optimizer, h, run}) => [optimizer.name, h.lr, run.columns.position"
                           ".map(values => values.at(-1))])")
        assert runs[-1][0] == "Rprop"
        for name, lr, position in runs:
            run = record(name, "booth", steps=200, lr=lr)
            np.testing.assert_allclose(position, run.positions[-1], rtol=1e-9, atol=1e-9)

    def test_explains_a_step_of_every_rule_as_python_does(self, browser, everything):
        show(browser, everything, "#surface=booth")
        found = browser.run("""time = 3; return content.optimizers.map(optimizer => {
            const runner = runners.find(one => one.optimizer === optimizer) ?? addRunner(optimizer);
            rerun(runner);
            return [optimizer.name, runner.h, explained(runner, 0).flatMap(item =>
                [...item.querySelectorAll('code + code')].map(({textContent}) => textContent))] })""")
        for name, h, lines in found:
            equations = [(line.split(" = ")[0], number(line.rsplit(" = ")[-1])) for line in lines]
            expected = explained_in_python(name, h, 3)
            assert [one for one, _ in equations] == [one for one, _ in expected], name
            np.testing.assert_allclose([x for _, x in equations], [x for _, x in expected], rtol=1e-4, err_msg=name)

    def test_draws_the_edge_of_stability_of_a_quadratic(self, browser, everything):
        show(browser, everything, "#surface=illconditioned_bowl&optimizer=SGD")
        browser.run("find('landscape').open = true")
        browser.wait_for("landscape.size === 128")
        losses, edge = browser.run("""const losses = Array.from(landscape.losses);
            return [losses, losses.map((_, n) => {
            const [lr, momentum] = [landscape.x, landscape.y].map((axis, k) =>
                valueOn(axis, ((k ? Math.floor(n / 128) : n % 128) + 0.5) / 128));
            return lr * surface.curvature / (2 * (1 + momentum)); })]""")
        edge = np.array(edge)
        losses = np.array([np.nan if x is None else x for x in losses], dtype=float)
        diverged = np.isnan(losses)
        assert browser.run("return Boolean(hasEdge(runners[0]))")
        assert (edge[diverged] > 1).all() and diverged[edge > 1.5].mean() > 0.95

    def test_the_edge_of_stability_knows_decay_and_dampening_and_is_not_drawn_for_nesterov(self, browser, tmp_path):
        ball = "SGD(lr=0.01, momentum=0.5, dampening=0.5, weight_decay=25)"
        nesterov = "SGD(lr=0.01, momentum=0.5, nesterov=True)"
        both = race("illconditioned_bowl", {"ball": ball, "nesterov": nesterov}, steps=20)
        show(browser, page(both, tmp_path / "edge.html"))
        browser.run("find('landscape').open = true")
        browser.wait_for("landscape.losses")
        assert browser.run("return runners.map(runner => Boolean(hasEdge(runner)))") == [True, False]
        lr, momentum = browser.run("""const [u, v] = edgePoints(runners[0])[20];
            return [valueOn(landscape.x, u), valueOn(landscape.y, v)]""")
        assert lr == pytest.approx(2 * (1 + momentum) / (0.5 * (100 + 25)))


class TestTheFile:
    @pytest.mark.parametrize("name", ["rastrigin", "eggholder", "griewank", "goldstein_price"])  # the busiest
    def test_is_below_600_kilobytes_and_names_no_address(self, name, tmp_path):
        path = page(name, tmp_path / "page.html", ["SGD(lr=0.001)", "Adam(lr=0.01)"], steps=50)
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) < 600_000
        assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, not an address

    def test_runs_of_optimizers_that_cannot_be_printed_are_stored_with_the_reason(self, browser, tmp_path):
        both = race("himmelblau", ["LBFGS", "Adam(lr=0.1)"], steps=40)
        show(browser, page(both, tmp_path / "stored.html"))
        assert numbers(browser, card(0))["position"] == shown(both[0].positions[-1])
        assert "a step of its own" in browser.run(f"return document.querySelector('{card(0)} .fixed').textContent")
        assert browser.run(f"return document.querySelector('{card(0)} .name').textContent") == "LBFGS"
        assert browser.run(f"return document.querySelector('{card(1)} .fixed').textContent") == ""

    def test_stored_runs_have_21_learning_rates(self, browser, tmp_path):
        linked = lambda params: optim.chain(params, optim.clip_by_global_norm(1.0), optim.scale_by_adam(), lr=0.1)
        own = race("booth", {"linked": linked}, steps=20)
        show(browser, page(own, tmp_path / "own.html"))
        assert numbers(browser, card(0))["position"] == shown(own[0].positions[-1])
        browser.run("const input = document.querySelector('.sliders input'); input.value = 12;"
                    "input.dispatchEvent(new Event('input'))")
        run = record(linked, "booth", steps=20, lr=0.2)
        assert numbers(browser, card(0))["position"] == shown(run.positions[-1])

    def test_long_stored_runs_keep_every_odd_step_and_stay_small(self, browser, tmp_path):
        long = race("himmelblau", {f"run {k}": "PolyakSGD" for k in range(3)} | {"Adam": "Adam(lr=0.01)"}, steps=4001)
        path = page(long, tmp_path / "long.html")
        assert path.stat().st_size < 600_000
        show(browser, path)
        assert_shows(browser, card(0), long[0], -1)
        assert numbers(browser, card(3))["position"] == shown(long["Adam"].positions[-1])

    def test_a_run_with_a_schedule_is_stored(self, browser, tmp_path):
        halved = lambda optimizer: optim.schedule.StepLR(optimizer, 5, 0.5)
        both = race("booth", ["SGD(lr=0.01)"], steps=20)
        both.trajectories += (record("Adam(lr=0.5)", "booth", steps=20, schedule=halved),)
        show(browser, page(both, tmp_path / "fixed.html"))
        assert_shows(browser, card(1), both[1], 20)
        assert "schedule" in browser.run(f"return document.querySelector('{card(1)} .fixed').textContent")

    def test_an_optimizer_typed_at_a_prompt_runs_in_the_page_and_is_not_explained(self, browser, tmp_path):
        typed = {"optim": optim, "np": np}
        exec("class Typed(optim.Optimizer):\n"
             "    def __init__(self, params, lr=0.25):\n"
             "        super().__init__(params, lr=lr)\n"
             "    def update(self, grad, state, param):\n"
             "        return np.sign(grad)\n", typed)
        own = race("booth", {"own": typed["Typed"]}, steps=20)
        show(browser, page(own, tmp_path / "own.html"))
        assert_shows(browser, card(0), own[0], 20)
        browser.run("find('explanation').open = true")
        browser.wait_for("document.getElementById('lines').textContent")
        told = browser.run("return document.getElementById('lines').innerText")
        assert "Python has kept no source of this rule" in told and "theta" not in told

    def test_your_own_optimizer_runs_in_the_page(self, browser, tmp_path):
        class SignDescent(optim.Optimizer):
            def __init__(self, params, lr=0.25, slope=0.1):
                super().__init__(params, lr=lr, slope=slope)

            def update(self, grad, state, param, *, slope):
                return np.sign(grad) + slope * grad

        own = race("booth", {"own": SignDescent}, steps=20)
        show(browser, page(own, tmp_path / "own.html"))
        assert_shows(browser, card(0), own[0], 20)
        proof = browser.run("return document.getElementById('proof').textContent")
        assert proof == "Checked against Python: 1 of 1 run agrees to 1e-12."
        slope = set_slider(browser, 0, "slope", 0.05)
        run = record(SignDescent, "booth", steps=20, slope=slope)
        assert numbers(browser, card(0))["position"] == shown(run.positions[-1])

    def test_functions_that_a_rule_calls_are_explained_by_their_lines_or_by_their_result(self, browser, tmp_path):
        class Called(optim.Optimizer):
            def __init__(self, params, lr=0.5):
                super().__init__(params, lr=lr)

            def update(self, grad, state, param, *, lr):
                small, large = tenth(grad, 10), tenth(grad, 1)
                half = halved(small)
                return half + large

        show(browser, page(race("booth", {"own": Called}, steps=3), tmp_path / "own.html"))
        lines = browser.run("time = 1; return explained(runners[0], 0).flatMap(item => "
                            "[...item.querySelectorAll('code')].map(({textContent}) => textContent))")
        grad = minigrad.grad(surfaces.get("booth").function)(np.array(surfaces.get("booth").start))[0]
        assert "double = 2 * x" in lines and "return double / 4" in lines and "share = x / parts" not in lines
        values = {line.split(" = ")[0]: number(line.rsplit(" = ")[-1]) for line in lines if line.count(" = ") == 2}
        assert values["double"] == pytest.approx(2 * grad / 100, rel=1e-3)
        assert values["half"] == pytest.approx(grad / 200, rel=1e-3)
        assert values["phi"] == pytest.approx(grad / 200 + grad / 10, rel=1e-3)

    def test_a_loaded_run_runs_again_if_its_optimizer_has_a_name(self, browser, tmp_path):
        race("booth", {"Adam": "Adam(lr=0.5)", "own": Unnamed}, steps=5).save(tmp_path / "race.npz")
        show(browser, page(load(tmp_path / "race.npz"), tmp_path / "loaded.html"))
        assert browser.run("return content.optimizers.map(({code}) => code !== null)") == [True, False]
        assert "from a file" in browser.run(f"return document.querySelector('{card(1)}').textContent")

    def test_noise_is_that_of_the_race(self, browser, tmp_path):
        noisy = race("noisy_bowl", ["SGD(lr=0.1)"], steps=20, seed=3)
        show(browser, page(noisy, tmp_path / "noisy.html", seed=3))
        assert_shows(browser, card(0), noisy[0], 20)

    @pytest.mark.parametrize(("facts", "shift", "scale"), [
        ({}, 0, "log"), ({"minima": [(0, 0)]}, 0, "log"), ({}, 1, "linear"), ({"minima": [(0, 0)]}, 1, "log")])
    def test_losses_have_the_scale_that_the_picture_has(self, facts, shift, scale, browser, tmp_path):
        bowl = race(lambda p: p[0]**2 + 10 * p[1]**2 + shift, ["SGD(lr=0.04)", "Adam(lr=0.1)"], (1.5, 1), **facts)
        picture = losses(bowl)
        show(browser, page(bowl, tmp_path / "bowl.html"))
        assert browser.run("return curves.axes[1].logarithmic") == (scale == "log")
        assert picture.ax.get_yscale() == scale
        title = browser.run("return find('curves-title').textContent")
        assert title.lower() == f"{picture.ax.get_ylabel()} by step"

    def test_numbers_fit_into_their_cells(self, opened):
        powers = [sign * value * 10.0**power for power in (-300, -124, -12, -5, -4, -1, 0, 3, 6, 124)
                  for value in (1.00445, 9.99996) for sign in (1, -1)]
        for digits in (4, 7):
            texts = opened.run("return arguments[0].map(value => told(value, arguments[1]))", powers, digits)
            assert max(map(len, texts)) <= 10
            np.testing.assert_allclose([number(text) for text in texts], powers, rtol=5e-3)

    def test_a_loss_below_the_stated_minimum_is_drawn_on_a_linear_scale(self, browser, tmp_path):
        bowl = race(lambda p: p[0]**2 + p[1]**2 - 1, ["SGD(lr=0.1)"], (1, 1), 200, minima=(1e-6, 0))
        assert bowl[0].excess.min() < 0
        show(browser, page(bowl, tmp_path / "below.html"))
        assert "NaN" not in browser.run("return find('curves').outerHTML")

    def test_a_notebook_shows_the_page_in_a_frame(self):
        made = page("booth", optimizers=["Adam(lr=0.5)"], steps=5)
        assert made._repr_html_().startswith("<iframe srcdoc=") and "Booth" in repr(made)

    def test_a_page_that_disagrees_with_python_shows_the_run_that_was_made_there(self, browser, tmp_path):
        both = race("booth", ["SGD(lr=0.01)", "Adam(lr=0.5)"], steps=20)
        path = page(both, tmp_path / "wrong.html")
        text = path.read_text(encoding="utf-8")
        assert "Math.sqrt(" in text
        path.write_text(text.replace("Math.sqrt(", "1.001 * Math.sqrt("), encoding="utf-8")
        show(browser, path)
        assert "not Adam on Booth" in browser.run("return document.getElementById('proof').textContent")
        assert_shows(browser, card(1), both[1], 20)

    def test_a_function_without_formula_and_lesson_leaves_no_gap(self, browser, tmp_path):
        show(browser, page(lambda p: p[0]**2 + p[1]**2, tmp_path / "own.html", ["Adam(lr=0.1)"], steps=5))
        height, line = browser.run("return [document.querySelector('header'), document.querySelector('h1')]"
                                   ".map(one => one.getBoundingClientRect().height)")
        assert height == line
        assert not browser.run("return find('note').checkVisibility()")

    def test_a_narrow_frame_far_from_the_origin_gets_the_digits_it_needs(self, browser, tmp_path):
        far = race(lambda p: (p[0] - 1000)**2 + p[1]**2, ["SGD(lr=0.1)"], (999.5, 0.5), 20,
                   domain=((999, 1001), (-1, 1)))
        show(browser, page(far, tmp_path / "far.html"))
        x, y = numbers(browser, card(0))["position"]
        assert x == float(f"{far[0].positions[-1, 0]:.7g}") and abs(x - far[0].positions[-1, 0]) < 1e-4
        assert y == pytest.approx(far[0].positions[-1, 1], rel=1e-5)

    def test_style_has_the_colours_of_the_plots_in_their_order(self):
        sheet = mpl.rc_params_from_file(STYLE, use_default_template=False)
        colours = [f"#{look['color'].lower().lstrip('#')}" for look in sheet["axes.prop_cycle"]]
        light = CSS.read_text(encoding="utf-8").partition("@media")[0]
        assert re.findall(r"--run\d: (#\w+)", light) == colours

    def test_no_two_runs_are_of_nearly_one_colour_in_the_light_or_in_the_dark(self):
        light, _, dark = CSS.read_text(encoding="utf-8").partition("@media (prefers-color-scheme: dark)")
        colours = dict(re.findall(r"--run(\d): (#\w+)", light))
        in_the_dark = colours | dict(re.findall(r"--run(\d): (#\w+)", dark))
        for theme in (colours, in_the_dark):
            for one, other in itertools.combinations(theme.values(), 2):
                assert np.linalg.norm(cielab(one) - cielab(other)) > 25, (one, other)

    def test_many_runs_in_one_and_surfaces_of_other_sizes_are_refused(self, tmp_path):
        path = tmp_path / "none.html"
        with pytest.raises(ValueError, match="is 3 runs in one"):
            page(race("booth", ["SGD(lr=0.1)"], start=np.ones((2, 3))), path)
        with pytest.raises(ValueError, match="5 coordinates"):
            page(lambda p: np.sum(p**2, axis=0), path, ["SGD(lr=0.1)"], start=np.ones(5))
        with pytest.raises(ValueError, match="brings its own"):
            page(race("booth", ["SGD(lr=0.1)"]), path, steps=3)
        assert not path.exists()


@pytest.mark.parametrize(("which", "optimizers", "message"), [
    (None, ["Adma"], "no optimizer is named 'Adma'; did you mean"),
    (["booth"], ["LBFGS"], "cannot run LBFGS, whose rules"),
    (["booth", surfaces.rosenbrock_nd(3)], ["Adam"], "has 3 coordinates, and this picture shows two")])
def test_a_page_of_surfaces_that_would_be_empty_is_refused(which, optimizers, message):
    with pytest.raises(ValueError, match=message):
        page(which, optimizers=optimizers)


def test_optimizers_on_a_page_of_surfaces_are_called_as_in_a_race(browser, tmp_path):
    chosen = [partial(Unnamed, lr=0.3), "SGD", "Adam(betas=(0.8, 0.9))", "LBFGS"]
    show(browser, page(["booth", "beale"], tmp_path / "two.html", chosen, 20))
    assert browser.run("return runners.map(({optimizer}) => optimizer.label)") == \
        ["Unnamed", "SGD", "Adam(betas=(0.8, 0.9))"]
    assert browser.run("return runners[0].h.lr") == 0.3


def test_a_page_is_not_written_into_a_picture(classics, tmp_path):
    with pytest.raises(ValueError, match=r"x.png'; a page is HTML, so its ending must be .html or .htm"):
        page(classics, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())
