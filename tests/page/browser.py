"""Chromium without a window, spoken to over a pipe: pages are opened, asked, pressed, measured and photographed.

The DevTools protocol with the standard library alone: JSON messages, each ended by a zero byte, on descriptors 3 and 4.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
LATE_S = 60.0


def chromium() -> str:
    """Return the browser, or skip the test with the reason."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium), so no page can be looked at")
    return found


class Page:
    """One open page, and what it has said on its console and asked of the network."""

    def __init__(self, send, receive):
        self._send, self._receive = send, receive
        self._number, self.session = 0, None
        self.console: list[str] = []
        self.requests: list[str] = []

    def call(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self._send(message)
        late = time.monotonic() + LATE_S
        while time.monotonic() < late:
            found = self._receive(late)
            if found.get("id") == self._number:
                assert "error" not in found, (method, found["error"])
                return found["result"]
            self._note(found)
        raise TimeoutError(method)

    def _note(self, event):
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(a.get("value", a.get("description", ""))) for a in params["args"]))
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.console.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded":
            self.console.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def ask(self, script):
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key, *, code=0, text=""):
        """Press a key and let it go."""
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    def mouse(self, kind, x, y, clicks=1):
        """Move, press or let go of the left button."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=clicks)

    def size(self, width, height=900):
        """Give the window a size in CSS pixels."""
        mobile = width < 500
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def theme(self, name):
        """Prefer a light or a dark theme."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, path: Path):
        """Open a file and wait until its script is done."""
        self.console.clear()
        self.requests.clear()
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("location.protocol === 'file:' && document.documentElement?.dataset.ready === 'true'")

    def wait(self, condition):
        late = time.monotonic() + LATE_S
        while not self.ask(condition):
            assert time.monotonic() < late, condition
            time.sleep(0.05)

    def photograph(self, path: Path, *, whole=True):
        """Save a picture of the page."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def print(self, path: Path):
        """Save the page as it is printed."""
        found = self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def opened(folder: Path, *, width=1280, theme="light"):
    """Start a browser with a profile of its own in ``folder``, yield a page, end the browser."""
    words = [
        chromium(),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-pipe",
        "--hide-scrollbars",
    ]
    words += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    words += [f"--user-data-dir={folder / 'profile'}", "about:blank"]
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()

    def descriptors():
        os.dup2(to_read, 3)
        os.dup2(from_write, 4)
        os.set_inheritable(3, True)
        os.set_inheritable(4, True)

    # the pipe's own ends may be 3 and 4 already; high numbers keep dup2 from closing what it copies
    to_read, from_write = _high(to_read), _high(from_write)
    process = subprocess.Popen(
        words, preexec_fn=descriptors, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(to_read)
    os.close(from_write)
    try:
        page = _attached(to_write, from_read)
        page.size(width)
        page.theme(theme)
        yield page
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to_write)
        os.close(from_read)


def _high(descriptor):
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 64)
    os.close(descriptor)
    os.set_inheritable(moved, True)
    return moved


def _attached(to_write, from_read):
    held = bytearray()

    def send(message):
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(to_write, data) :]

    def receive(late):
        while b"\0" not in held:
            ready, _, _ = select.select([from_read], [], [], max(0.0, late - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser is silent")
            piece = os.read(from_read, 1 << 20)
            if not piece:
                raise ConnectionError("the browser has ended")
            held.extend(piece)
        end = held.index(0)
        found = json.loads(held[:end])
        del held[: end + 1]
        return found

    page = Page(send, receive)
    target = page.call("Target.createTarget", url="about:blank")["targetId"]
    page.session = page.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        page.call(f"{domain}.enable")
    return page
