"""Chromium without a screen, driven by ChromeDriver's WebDriver protocol with nothing but the standard library."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)

KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Down": "\ue015", "Up": "\ue013"}


def needed():
    """Return the paths of browser and driver; a test ends here, skipped, where they are not installed."""
    found = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(found):
        pytest.skip("chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)")
    return found


@contextmanager
def browser(folder, *, width=1280, height=900):
    """Give a ``Browser`` with a new profile in ``folder``, and end it."""
    chromium, chromedriver = needed()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    driver = subprocess.Popen([chromedriver, f"--port={port}"], **quiet, start_new_session=True)
    try:
        yield Browser(port, chromium, Path(folder, "profile"), width, height)
    finally:
        _end(driver, port)


def _end(driver, port):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/shutdown", timeout=5).close()
        driver.wait(10)
    except (OSError, subprocess.TimeoutExpired):
        driver.kill()
        driver.wait()


class Browser:
    """One window: go to pages, run JavaScript, press keys, and read what the page did."""

    def __init__(self, port, chromium, profile, width, height):
        self.base = f"http://127.0.0.1:{port}"
        arguments = [*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]
        options = {"binary": chromium, "args": arguments, "perfLoggingPrefs": {"enableNetwork": True}}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        self._wait_for_driver()
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{session['sessionId']}"
        self.go("about:blank")  # in place of the browser's own first page
        self.requests()

    def start(self, address):
        """Load a page at 1280 by 900 pixels in light colours, with console and requests of earlier pages dropped."""
        self.size(1280, 900)
        self.scheme("light")
        self.go("about:blank")
        self.console(), self.requests()
        self.go(address)

    def go(self, url):
        self._call("POST", "/url", {"url": url})

    def js(self, script, *arguments):
        """Return what ``script`` returns; it is the body of a function."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, script, *arguments, seconds=30):
        """Wait until ``script`` returns something true and return that."""
        end = time.monotonic() + seconds
        while not (found := self.js(script, *arguments)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.03)
        return found

    def press(self, *keys):
        """Press and release keys one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def size(self, width, height):
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def scheme(self, value):
        """Prefer ``light`` or ``dark``, as a system setting would."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def offline(self):
        self.devtools("Network.enable")
        self.devtools(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0
        )

    def devtools(self, command, **parameters):
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def console(self):
        """Return what went wrong in the page since the last call: errors, warnings, and what its policy refused."""
        return [entry["message"] for entry in self._log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        """Return the addresses that the page asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith(("chrome:", "chrome-untrusted:", "data:"))]

    def picture(self, path):
        Path(path).write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def _log(self, kind):
        return self._call("POST", "/se/log", {"type": kind})

    def _wait_for_driver(self):
        end = time.monotonic() + 20
        while True:
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except OSError:
                assert time.monotonic() < end, "chromedriver does not answer"
            time.sleep(0.05)

    def _call(self, method, path, body=None):
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, content, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{path}: {error.read().decode()[:1000]}") from None
