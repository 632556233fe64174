"""A browser for tests: headless Chromium, driven through chromedriver's W3C WebDriver protocol, JSON over HTTP."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key under which the protocol hands out elements
KEYS = {"Tab": "\ue004", "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Home": "\ue011", "End": "\ue010", " ": " ",
        "Escape": "\ue00c", "+": "+", "-": "-"}


class Browser:
    """One window, to be closed with `close`."""

    def __init__(self, profile):
        missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
        if missing:
            pytest.skip(f"{' and '.join(missing)} not installed (Debian: chromium, chromium-driver)")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        started = next(line for line in self.driver.stdout if "started successfully on port" in line)
        port = started.rpartition("port ")[2].strip(".\n")
        self.address = f"http://127.0.0.1:{port}/session"
        options = {"binary": shutil.which("chromium"), "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.address += "/" + self.send("", capabilities={"alwaysMatch": wanted})["sessionId"]

    def send(self, command, method="POST", **content):
        """Send a command of the protocol and return its value."""
        body = json.dumps(content).encode() if method == "POST" else None
        request = urllib.request.Request(self.address + command, body, {"Content-Type": "application/json"},
                                         method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # past any proxy: it is this machine
        try:
            with direct.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None

    def open(self, path):
        """Open a file, and wait until it says what it shows."""
        self.send("/url", url=path.as_uri())
        self.wait_for("document.getElementById('status').textContent")

    def run(self, script, *values):
        """Return what a script returns; it finds the values in `arguments`."""
        return self.send("/execute/sync", script=script, args=list(values))

    def wait_for(self, condition):
        """Return when an expression is true; fail after ten seconds."""
        script = f"""const done = arguments[0], until = Date.now() + 10000;
            (function look() {{
                const met = Boolean({condition});
                if (met || Date.now() > until) done(met); else setTimeout(look, 20);
            }})();"""
        assert self.send("/execute/async", script=script, args=[]), f"{condition} did not come true"

    def find(self, selector):
        """Return the path of an element in the protocol."""
        return f"/element/{self.send('/element', using='css selector', value=selector)[ELEMENT]}"

    def click(self, selector):
        self.send(f"{self.find(selector)}/click")

    def press(self, *keys):
        """Press keys, as if on the keyboard, one after the other."""
        strokes = [{"type": kind, "value": KEYS[key]} for key in keys for kind in ("keyDown", "keyUp")]
        self.send("/actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def point_at(self, x, y):
        """Move the mouse to a place in the window."""
        move = {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}
        self.send("/actions", actions=[{"type": "pointer", "id": "mouse", "actions": [move]}])

    def slide(self, selector, value):
        """Move a slider as a user does: the page hears of it."""
        self.run("""const slider = document.querySelector(arguments[0]);
            slider.value = arguments[1]; slider.dispatchEvent(new Event('input', {bubbles: true}));""", selector, value)

    def chrome(self, command, **parameters):
        """Send a command of Chrome's own DevTools protocol."""
        return self.send("/goog/cdp/execute", cmd=command, params=parameters)

    def messages(self):
        """Return what the console has shown since the last call."""
        return [entry["message"] for entry in self.send("/se/log", type="browser")]

    def requests(self):
        """Return the addresses that the page has asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.send("/se/log", type="performance")]
        return [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"]

    def close(self):
        self.send("", method="DELETE")
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()
