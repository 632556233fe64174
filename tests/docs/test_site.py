"""The site works from disk: every link leads somewhere, nothing comes from the network, and no page reports an error.

It is tested where it has been built (`python docs/build.py`); so is the lab (`python docs/build.py lab`).
"""

import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from chromium import Browser

BUILT = Path(__file__).parents[2] / "docs" / "_build"
HTML, LAB = BUILT / "html", BUILT / "lab" / "lab.html"
PAGES = sorted(path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html"))
LESSONS = [page for page in PAGES if page.startswith(("lessons/0", "lessons/1", "lessons/2"))]
pytestmark = pytest.mark.slow
needs_site = pytest.mark.skipif(not PAGES, reason="the site is not built: python docs/build.py")
needs_outputs = pytest.mark.skipif(not any('class="output' in (HTML / page).read_text() for page in LESSONS),
                                   reason="the site is not built with the lessons' outputs: python docs/build.py")
needs_lab = pytest.mark.skipif(not LAB.exists(), reason="the lab is not built: python docs/build.py lab")


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.update(filter(None, (attributes.get("id"), attributes.get("name") if tag == "a" else None)))
        if attributes.get("role") != "doc-backlink":  # numpydoc refers to references for LaTeX alone
            self.links += filter(None, (attributes.get(name) for name in ("href", "src")))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    window = Browser(tmp_path_factory.mktemp("chromium"))
    yield window
    window.close()


def go(browser, page):
    """Open a page of the site, its logs empty before."""
    browser.send("/url", url="about:blank")
    browser.messages(), browser.requests()
    path, _, rest = page.partition("?")
    browser.send("/url", url=(HTML / path).as_uri() + (f"?{rest}" if rest else ""))


@needs_site
def test_every_link_within_the_site_leads_to_a_page_and_to_an_anchor():
    pages = {HTML / page: Page(HTML / page) for page in PAGES}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchored = target.parent.name == "live" or target not in pages  # the live page reads settings there
            if not target.exists() or not (anchored or unquote(parts.fragment) in pages[target].anchors):
                broken.append(f"{path.relative_to(HTML)}: {link}")
    assert not broken


@needs_site
def test_site_is_small_enough_for_a_stick():
    assert sum(file.stat().st_size for file in HTML.rglob("*") if file.is_file()) < 60e6


@needs_site
@pytest.mark.parametrize("page", PAGES)
def test_page_opens_without_messages_and_without_the_network(browser, page):
    go(browser, page)
    assert browser.messages() == []
    assert [address for address in browser.requests() if not address.startswith(("file:", "data:", "blob:"))] == []


@needs_outputs
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_are_those_of_the_theme(browser, theme):
    for page in ("gallery/index.html", "benchmarks.html", "optimizers/Adam.html", "lessons/08_momentum.html"):
        go(browser, page)
        browser.run("document.body.dataset.theme = arguments[0]", theme)
        seen = browser.run("""return [...document.querySelectorAll('.content img')]
            .filter(image => image.checkVisibility()).map(image => image.getAttribute('src'))""")
        assert seen and all((theme == "dark") == ("-dark." in address) for address in seen), page


@needs_outputs
@pytest.mark.parametrize("page", LESSONS)
def test_lesson_shows_its_picture(page):
    assert 'class="picture' in (HTML / page).read_text(encoding="utf-8")


@needs_site
def test_search_finds_adam(browser):
    go(browser, "search.html?q=Adam")
    browser.wait_for("document.querySelectorAll('ul.search li').length > 3")
    assert "optimizers/Adam.html" in browser.run("return document.querySelector('ul.search').innerHTML")


@needs_site
def test_mathematics_is_drawn(browser):
    page = next(page for page in LESSONS if 'class="math' in (HTML / page).read_text())
    go(browser, page)
    browser.wait_for("document.querySelector('mjx-container svg path')")


@needs_site
@pytest.mark.parametrize("page", ["index.html", "optimizers/Adam.html", "source/minigrad_tape.html", "numpy.html",
                                  "gallery/index.html", "lessons/00_rosenbrock.html"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_page_does_not_scroll_sideways(browser, page, width):
    browser.chrome("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    go(browser, page)
    wide = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    browser.chrome("Emulation.clearDeviceMetricsOverride")
    assert wide <= 0


@pytest.fixture(scope="module")
def lab(browser):
    browser.send("/url", url="about:blank")
    browser.messages(), browser.requests()
    browser.send("/url", url=LAB.as_uri())
    until(browser, "Ready")
    yield browser
    assert browser.messages() == []
    assert [address for address in browser.requests() if not address.startswith(("file:", "data:", "blob:"))] == []


@needs_lab
class TestTheLab:
    def test_runs_a_program_and_shows_its_figure(self, lab):
        choose(lab, "first")
        lab.click("#run")
        until(lab, "Done")
        assert "[0.99" in output(lab)
        assert lab.run("return document.querySelectorAll('#output img').length") == 1

    def test_checks_an_exercise_in_words(self, lab):
        choose(lab, "1.1")
        lab.click("#run")
        until(lab, "Done")
        assert "1.1" in output(lab) and "Nothing is written here yet" in output(lab)

    def test_shows_a_traceback_that_begins_in_the_program(self, lab):
        write(lab, "x = 1\nx / 0\n")
        lab.click("#run")
        until(lab, "Done")
        assert "line 2" in output(lab) and "ZeroDivisionError" in output(lab) and "session.py" not in output(lab)

    def test_stop_ends_an_endless_loop(self, lab):
        write(lab, "while True: pass\n")
        lab.click("#run")
        until(lab, "Running")
        lab.click("#stop")
        until(lab, "Ready")
        assert "Stopped" in output(lab)


def choose(lab, program):
    """Choose a program of the menu, as it was written."""
    lab.run("""document.getElementById('program').value = arguments[0];
        document.getElementById('program').onchange(); document.getElementById('reset').click()""", program)


def write(lab, text):
    """Put a program into the editor."""
    lab.run("window.labEditor(arguments[0])", text)


def output(lab):
    return lab.run("return document.getElementById('output').innerText")


def until(lab, word, seconds=180):
    """Wait until the status begins with a word."""
    end = time.monotonic() + seconds
    while not (status := lab.run("return document.getElementById('status').textContent")).startswith(word):
        assert time.monotonic() < end and "not be started" not in status, f"the lab says {status!r}"
        time.sleep(0.1)
