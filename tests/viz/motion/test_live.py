"""The live window outside Matplotlib's own canvas: served to Chromium by WebAgg, and in a notebook by ipympl.

Either shows, pixel by pixel or number by number, what the window is tested to draw in `test_window.py`.
"""

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from chromium import Browser
from matplotlib.backend_bases import MouseButton, MouseEvent
from PIL import Image

from optim.viz import play, record

pytestmark = pytest.mark.slow  # a browser is started

ROOT = Path(__file__).parents[3]
STEPS = 40


# A browser

def started():
    """Return the running program `play`, and the address that it prints."""
    pytest.importorskip("tornado", reason="WebAgg needs tornado: install the extra live")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "WebAgg"}
    program = subprocess.Popen([sys.executable, "-m", "optim", "play", "rosenbrock", "--steps", str(STEPS),
                                "--no-browser"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True)
    lines = iter(program.stdout.readline, "")
    address = next(re.search(r"http:\S+", text).group() for text in lines if "http:" in text)
    next(text for text in lines if "Ctrl+C" in text)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=60):
        return program, address  # it has answered: so it also listens to Ctrl-C


def ended(program):
    """Interrupt the program, as Ctrl-C does, and return its exit code and what it had to say."""
    program.send_signal(signal.SIGINT)
    rest, _ = program.communicate(timeout=60)
    return program.returncode, rest


def test_interruption_ends_the_program():
    program, _ = started()
    assert ended(program) == (0, "Server is stopped\n")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    window = Browser(tmp_path_factory.mktemp("chromium"))
    window.send("/window/rect", width=1200, height=900)
    yield window
    window.close()


@pytest.fixture
def browser(chromium):
    """Chromium with the window in it."""
    program, address = started()
    chromium.messages()
    chromium.send("/url", url=address)
    yield chromium
    chromium.send("/url", url="about:blank")
    ended(program)


@pytest.fixture
def twin():
    """The same window here, painted by Agg; what the mouse does there it does here."""
    return play("rosenbrock", steps=STEPS)


def shown(browser):
    """Return the pixels of the canvas, None while there is none."""
    data = browser.run("const canvas = document.querySelector('canvas'); return canvas ? canvas.toDataURL() : null")
    return data and np.asarray(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))))


def assert_comes_to_show(browser, window):
    """Wait until the canvas is what the same window looks like here, for as long as a hundred looks at it take."""
    expected = np.asarray(window.figure.canvas.buffer_rgba())
    assert any(np.array_equal(shown(browser), expected) for _ in range(100))


def drag(browser, window, places):
    """Press the mouse, move it over places, in pixels from the left and the top, and release it: there and here."""
    left, top = browser.run("const box = document.querySelector('canvas').getBoundingClientRect();"
                            "return [box.left, box.top]")
    first, *others = [{"type": "pointerMove", "x": round(left + x), "y": round(top + y), "duration": 0}
                      for x, y in places]
    gesture = [first, {"type": "pointerDown", "button": 0}, *others, {"type": "pointerUp", "button": 0}]
    browser.send("/actions", actions=[{"type": "pointer", "id": "mouse", "actions": gesture}])
    canvas, height = window.figure.canvas, window.figure.bbox.height
    names = ["button_press_event"] + ["motion_notify_event"] * len(others) + ["button_release_event"]
    for name, (x, y) in zip(names, [*places, places[-1]], strict=True):
        canvas.callbacks.process(name, MouseEvent(name, canvas, x, height - y, button=MouseButton.LEFT))


def pixel(window, ax, place):
    """Return a place in axes in whole pixels from the left and the top of the figure."""
    x, y = ax.transData.transform(place)
    return round(x), round(window.figure.bbox.height - y)


def line(start, end, count):
    """Return places on the way from one to another."""
    return np.linspace(start, end, count).round().astype(int).tolist()


class TestInTheBrowser:
    def test_shows_what_the_window_draws_and_nothing_on_the_console(self, browser, twin):
        assert_comes_to_show(browser, twin)
        assert browser.messages() == []

    def test_click_sets_the_start(self, browser, twin):
        assert_comes_to_show(browser, twin)
        drag(browser, twin, [pixel(twin, twin.map, (0.5, 2.0))])
        assert twin.start == pytest.approx((0.5, 2.0), abs=0.01)
        assert_comes_to_show(browser, twin)

    def test_fast_drag_of_the_start_loses_no_part_of_the_picture(self, browser, twin):
        assert_comes_to_show(browser, twin)
        drag(browser, twin, line(pixel(twin, twin.map, (-1.5, 0.0)), pixel(twin, twin.map, (1.5, 2.5)), 150))
        assert twin.start == pytest.approx((1.5, 2.5), abs=0.01)
        assert_comes_to_show(browser, twin)

    def test_choice_and_drag_of_a_slider_change_the_run(self, browser, twin):
        assert_comes_to_show(browser, twin)
        _, *others = twin.choice.labels
        x, y = others[0].get_window_extent().get_points().mean(axis=0)
        drag(browser, twin, [(round(x), round(twin.figure.bbox.height - y))])
        assert twin.chosen == "SGD with momentum"
        assert_comes_to_show(browser, twin)
        ax = twin.sliders["momentum"].ax
        drag(browser, twin, line(pixel(twin, ax, (0.9, 0.5)), pixel(twin, ax, (0.3, 0.5)), 40))
        assert twin.run.hyperparameters["momentum"] == pytest.approx(0.3, abs=0.01)
        assert_comes_to_show(browser, twin)


# A notebook

NOTEBOOK = ["""
%matplotlib widget
from optim import viz
""", f"""
viz.play("rosenbrock", ["Adam(lr=0.3)"], steps={STEPS});
""", """
import gc, json
import matplotlib.pyplot as plt
gc.collect()
figure = plt.gcf()
canvas, window = figure.canvas, figure.window
drawn = [window.path.get_xydata().tolist()]

def mouse(kind, ax, place):
    x, y = ax.transData.transform(place)
    message = {"type": kind, "x": x, "y": figure.bbox.height - y, "button": 0, "buttons": 1, "modifiers": []}
    canvas._handle_message(canvas, message, [])
    canvas._handle_message(canvas, {"type": "draw"}, [])  # as the notebook asks for it, when it hears of a change
    drawn.append(window.path.get_xydata().tolist())

canvas._handle_message(canvas, {"type": "initialized"}, [])
mouse("button_press", window.map, (0.5, 2.0))
mouse("motion_notify", window.map, (1.0, 2.5))
mouse("button_release", window.map, (1.0, 2.5))
mouse("button_press", window.sliders["lr"].ax, (-1.0, 0.5))
mouse("motion_notify", window.sliders["lr"].ax, (-1.5, 0.5))
print(json.dumps({"canvas": type(canvas).__module__, "drawn": drawn}))
"""]


def test_notebook_shows_the_window_and_answers_its_mouse(monkeypatch):
    for name in ("ipympl", "ipykernel", "nbclient"):
        if find_spec(name) is None:  # to import ipympl would change the backend
            pytest.skip(f"the window in a notebook needs {name}: install the extra notebook")
    import nbclient
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text.strip()) for text in NOTEBOOK])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    _, window, report = notebook.cells
    assert "application/vnd.jupyter.widget-view+json" in window.outputs[0]["data"]
    told = json.loads(report.outputs[0]["text"])
    assert told["canvas"] == "ipympl.backend_nbagg"
    runs = [(None, 0.3), ((0.5, 2.0), 0.3), ((1.0, 2.5), 0.3), ((1.0, 2.5), 0.3), ((1.0, 2.5), 0.1),
            ((1.0, 2.5), 10**-1.5)]
    expected = [record("Adam", "rosenbrock", start, STEPS, lr=lr).positions for start, lr in runs]
    np.testing.assert_allclose(told["drawn"], expected, rtol=1e-6)
