"""The page is small, asks nobody for anything, and shows the numbers of the runs, whatever is slid or pressed."""

import base64
import itertools
import json
import re
import zlib

import matplotlib as mpl
import numpy as np
import pytest
from chromium import Browser

import optim
from optim.viz import load, page, race, record, tuned_race
from optim.viz.live_page.page import FACTORS, TEMPLATE, document
from optim.viz.pictures.drawing import STYLE
from optim.viz.runs.recording import CLASSICS

STEPS, LAST = 60, len(FACTORS) - 1
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
    browser.open(written)
    return browser


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
    return float(text.replace("−", "-").replace("–", "nan"))


def shown(values):
    """Return numbers as the page shows them, to four digits."""
    return [float(f"{x:.4g}") for x in np.ravel(values)]


def assert_shows(browser, selector, run, t):
    expected = {"position": run.positions[t], "loss": run.losses[t], "gradient": run.gradients[t],
                **{name: entry[t] for name, entry in run.states.items() if name != "step"}}
    found = numbers(browser, selector)
    assert found.keys() == expected.keys()
    for name in expected:
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


class TestInTheBrowser:
    def test_loads_without_messages_and_without_requests(self, opened):
        assert opened.messages() == []
        (address,) = [address for address in opened.requests() if not address.startswith("data:,")]
        assert re.fullmatch(r"file:///.*race\.html", address)

    def test_begins_with_the_whole_race(self, opened, classics):
        assert opened.run("return document.title").startswith("Rosenbrock")
        for i, trajectory in enumerate(classics):
            assert_shows(opened, card(i), trajectory, STEPS)

    @pytest.mark.parametrize("t", [0, 1, 37])
    def test_slider_through_time_shows_the_numbers_of_the_step(self, opened, classics, t):
        before = picture(opened)
        opened.slide("#time", t)
        for i, trajectory in enumerate(classics):
            assert_shows(opened, card(i), trajectory, t)
        assert opened.run("return document.getElementById('step').textContent") == f"{t} of {STEPS}"
        assert all(new != old for new, old in zip(picture(opened), before))

    @pytest.mark.parametrize("k", [0, 7, 12, LAST])
    def test_slider_through_learning_rates_shows_the_run_with_that_rate(self, opened, k):
        opened.slide("#time", 25)
        before = picture(opened)
        for i, (label, lr) in enumerate(RATES.items()):
            opened.slide(f"{card(i)} .rates", k)
            lr = float(f"{lr * FACTORS[k]:.3g}")
            assert number(opened.run(f"return document.querySelector('{card(i)} .rate b').textContent")) == lr
            run = record(CLASSICS[label], "rosenbrock", steps=STEPS, lr=lr)
            assert_shows(opened, card(i), run, min(25, len(run.steps) - 1))
            assert opened.run(f"return document.querySelector('{card(i)} .ending').textContent.includes('diverged')") \
                == (run.diverged and run.last_steps <= 25)
        assert all(new != old for new, old in zip(picture(opened), before))

    def test_paths_are_the_positions_and_curves_the_losses(self, opened, classics):
        frame = opened.run("return ['x', 'y', 'width', 'height'].map(name =>"
                           "Number(document.querySelector('#map .frame').getAttribute(name)))")
        low, high = np.transpose(classics.surface.domain)
        for outline, trajectory in zip(picture(opened), classics):
            u, v = ((trajectory.positions - low) / (high - low)).T
            places = np.transpose([frame[0] + u * frame[2], frame[1] + (1 - v) * frame[3]])
            np.testing.assert_allclose(vertices(outline), places, atol=0.1)
        for outline, trajectory in zip(picture(opened, "curves"), classics):
            heights = vertices(outline)[:, 1]
            slope, offset = np.polyfit(np.log(trajectory.losses), heights, 1)
            np.testing.assert_allclose(heights, slope * np.log(trajectory.losses) + offset, atol=0.11)

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

    def test_a_screen_reader_is_told_nothing_while_it_plays(self, opened):
        listen(opened)
        opened.run("time = 40")
        opened.press(" ")
        opened.wait_for("time === content.steps.length - 1 && heard.length")
        assert opened.run("return heard.map(text => text.split('.')[0])") == [f"Step {STEPS}"]

    def test_several_steps_in_a_row_are_told_once(self, opened):
        listen(opened)
        opened.run("for (const place of [5, 6, 7]) goTo(place)")
        opened.wait_for("heard.length")
        assert opened.run("return heard.map(text => text.split('.')[0])") == ["Step 7"]

    def test_nothing_that_is_no_number_is_ever_shown(self, opened):
        for t in (1, STEPS):
            opened.slide("#time", t)
            for k in range(LAST + 1):
                for i in range(len(RATES)):
                    opened.slide(f"{card(i)} .rates", k)
                seen = opened.run("return document.body.innerText + document.querySelector('main').outerHTML")
                assert not re.search(r"NaN|Infinity|undefined|null", seen.partition("<script")[0])

    def test_a_run_that_diverges_is_told_in_words_and_marked_where_it_left(self, opened):
        opened.slide(f"{card(0)} .rates", LAST)
        run = record(CLASSICS["SGD with momentum"], "rosenbrock", steps=STEPS, lr=1e-3 * FACTORS[-1])
        assert opened.run(f"return document.querySelector('{card(0)} .ending').textContent") == run.ending != ""
        assert opened.run("return charts.every(({traces}) => traces[0].exits.getAttribute('d').includes('M'))")
        assert opened.run("return getComputedStyle(charts[0].traces[0].marker).opacity") == "0"

    def test_markers_lie_above_the_lines_of_all(self, opened):
        assert opened.run("""return charts.every(({lines, markers}) => lines.nextSibling === markers
            && markers.children.length === content.optimizers.length && !lines.querySelector('.marker'))""")

    def test_one_unit_is_as_long_along_x_as_along_y(self, opened):
        for width, height in ((390, 844), (1280, 800), (1920, 1080)):
            opened.chrome("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                          mobile=False)
            box = opened.run("return new Promise(done => requestAnimationFrame(() => setTimeout(() =>"
                             "done(charts[0].box))))")
            assert box["width"] == pytest.approx(box["height"], rel=0.01)  # the domain is a square

    def test_hides_and_shows_an_optimizer(self, opened):
        everyone = picture(opened)
        opened.click(f"{card(1)} .shown")
        assert picture(opened) == [everyone[0], everyone[2]]
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

    def test_escape_puts_the_numbers_away(self, opened):
        opened.press("Tab")
        assert not opened.run("return document.getElementById('tip').hidden")
        opened.press("Escape")
        assert opened.run("return document.getElementById('tip').hidden")

    def test_focus_shows_the_numbers_of_the_present_step(self, opened, classics):
        opened.slide("#time", 9)
        opened.press("Tab")
        assert opened.run("return document.querySelector('#tip b').textContent") == "SGD with momentum, step 9"
        opened.press("ArrowRight")
        assert_shows(opened, "#tip", classics[0], 10)

    def test_every_control_and_picture_has_a_name(self, opened):
        tree = opened.chrome("Accessibility.getFullAXTree")["nodes"]
        named = {"slider", "button", "checkbox", "image", "img"}
        found = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]]
        roles = [role for role, _ in found if role in named]
        assert roles.count("slider") == 1 + len(RATES) and roles.count("checkbox") == len(RATES) and "button" in roles
        assert [pair for pair in found if pair[0] in named and not pair[1]] == []
        assert any("Contours of rosenbrock" in name for _, name in found)

    @pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800), (1920, 1080)])
    def test_nothing_is_wider_than_the_screen(self, opened, width, height):
        opened.chrome("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=False)
        assert opened.run("return document.documentElement.scrollWidth") <= width
        wide = opened.run("return Array.from(document.querySelectorAll('.runner, .runner td'))"
                          ".filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)")
        assert wide == []


class TestTheFile:
    @pytest.mark.parametrize("name", ["rastrigin", "eggholder", "griewank", "goldstein_price"])  # the busiest
    def test_is_below_600_kilobytes_and_names_no_address(self, name, tmp_path):
        path = page(name, tmp_path / "page.html", ["SGD(lr=0.001)", "Adam(lr=0.01)"], steps=50)
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) < 600_000
        assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, not an address

    def test_long_runs_keep_every_odd_step_and_stay_small(self, browser, tmp_path):
        long = race("himmelblau", CLASSICS, steps=1501)
        path = page(long, tmp_path / "long.html")
        assert path.stat().st_size < 600_000
        browser.open(path)
        steps = browser.run("return content.steps")
        assert steps[1] % 2 == 1 and set(np.diff(steps[:-1])) == {steps[1]} and steps[-1] == 1501
        assert_shows(browser, card(3), long["Adam"], -1)

    def test_a_run_that_ends_between_two_kept_steps_is_shown_to_its_end(self, browser, tmp_path):
        long = race("rosenbrock", {**CLASSICS, "too fast": "SGD(lr=0.0045)"}, steps=3000)
        browser.open(page(long, tmp_path / "long.html"))
        run, stride = long["too fast"], browser.run("return content.steps[1]")
        assert run.last_steps % stride and run.diverged
        assert_shows(browser, card(4), run, -1)
        assert browser.run("return charts.every(({traces}) => traces[4].exits.getAttribute('d').includes('M'))")
        browser.run("pointAt({chart: charts[0], i: 4})")
        assert browser.run("return find('tip').querySelector('b').textContent") == f"too fast, step {run.last_steps}"

    def test_a_loss_below_the_minimum_that_is_told_lies_on_the_lower_edge(self, browser, tmp_path):
        bowl = race(lambda p: p[0]**2 + p[1]**2 - 1, ["SGD(lr=0.1)"], (1, 1), 200, minima=(1e-6, 0))
        assert bowl[0].excess.min() < 0
        browser.open(page(bowl, tmp_path / "below.html"))
        assert "NaN" not in browser.run("return find('curves').outerHTML")

    def test_run_that_cannot_be_repeated_stays_as_it_is(self, browser, tmp_path):
        halved = lambda optimizer: optim.schedule.StepLR(optimizer, 5, 0.5)
        run = record("Adam(lr=0.5)", "booth", steps=20, schedule=halved)
        both = race("booth", ["SGD(lr=0.01)"], steps=20)
        both.trajectories += (run,)
        browser.open(page(both, tmp_path / "fixed.html"))
        assert_shows(browser, card(1), run, 20)
        assert browser.run("return Array.from(document.querySelectorAll('.rates'), one => one.checkVisibility())") \
            == [True, False]
        assert "cannot be repeated" in browser.run(f"return document.querySelector('{card(1)} .fixed').textContent")
        assert browser.run("return Array.from(document.querySelectorAll('.name'), one => one.textContent)") \
            == ["SGD", "Adam(lr=0.5), StepLR"]

    def test_optimizers_of_ones_own_and_chains_have_sliders_too(self, browser, tmp_path):
        class SignDescent(optim.Optimizer):
            def __init__(self, params, lr=0.25):
                super().__init__(params, lr=lr)

            def update(self, grad, state, param):
                return np.sign(grad)

        linked = lambda params: optim.chain(params, optim.clip_by_global_norm(1.0), optim.scale_by_adam(), lr=0.1)
        own = race("booth", {"own": SignDescent, "linked": linked}, steps=20)
        browser.open(page(own, tmp_path / "own.html"))
        assert_shows(browser, card(0), own[0], 20)
        assert {"scale_by_adam.exp_avg", "scale_by_adam.exp_avg_sq"} < numbers(browser, card(1)).keys()
        for i, which in enumerate((SignDescent, linked)):
            browser.slide(f"{card(i)} .rates", 12)
            run = record(which, "booth", steps=20, lr=own[i].hyperparameters["lr"] * 2)
            assert numbers(browser, card(i))["position"] == shown(run.positions[-1])

    def test_a_loaded_run_has_a_slider_if_its_optimizer_has_a_name(self, browser, tmp_path):
        race("booth", {"Adam": "Adam(lr=0.5)", "own": Unnamed}, steps=5).save(tmp_path / "race.npz")
        browser.open(page(load(tmp_path / "race.npz"), tmp_path / "loaded.html"))
        assert browser.run("return content.optimizers.map(({runs}) => runs.length)") == [LAST + 1, 1]
        assert "from a file" in browser.run(f"return document.querySelector('{card(1)}').textContent")

    def test_noise_is_that_of_the_race(self, browser, tmp_path):
        noisy = race("noisy_bowl", ["SGD(lr=0.1)"], steps=20, seed=3)
        browser.open(page(noisy, tmp_path / "noisy.html", seed=3))
        assert browser.run("return content.optimizers[0].runs.length") == LAST + 1
        assert_shows(browser, card(0), noisy[0], 20)

    def test_a_function_without_formula_and_lesson_leaves_no_gap(self, browser, tmp_path):
        browser.open(page(lambda p: p[0]**2 + p[1]**2, tmp_path / "own.html", ["Adam(lr=0.1)"], steps=5))
        height, line = browser.run("return [document.querySelector('header'), document.querySelector('h1')]"
                                   ".map(one => one.getBoundingClientRect().height)")
        assert height == line
        assert not browser.run("return find('note').checkVisibility()")

    def test_a_narrow_frame_far_from_the_origin_gets_the_digits_it_needs(self, browser, tmp_path):
        far = race(lambda p: (p[0] - 1000)**2 + p[1]**2, ["SGD(lr=0.1)"], (999.5, 0.5), 20,
                   domain=((999, 1001), (-1, 1)))
        browser.open(page(far, tmp_path / "far.html"))
        x, y = numbers(browser, card(0))["position"]
        assert (x, y) == tuple(float(f"{value:.7g}") for value in far[0].positions[-1])
        assert abs(x - far[0].positions[-1, 0]) < 1e-4

    def test_eight_optimizers_keep_every_step(self, tmp_path):
        who = ["SGD", "SGD(momentum=0.9)", "RMSprop", "Adam", "Adagrad", "NAdam", "Lion", "Rprop"]
        eight = tuned_race("rosenbrock", who)
        text = document(eight)
        assert len(text.encode()) < 600_000
        packed = re.search(r'id="content">([^<]*)<', text)[1]
        assert json.loads(zlib.decompress(base64.b64decode(packed)))["steps"] == list(range(201))

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


def test_a_page_is_not_written_into_a_picture(classics, tmp_path):
    with pytest.raises(ValueError, match=r"x.png'; a page is HTML, so its ending must be .html or .htm"):
        page(classics, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())
