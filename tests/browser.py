"""A real browser without a network, driven by the DevTools protocol over a pipe, with only the standard library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next((found for found in map(shutil.which, NAMES) if found), None)
WITHOUT = "no Chromium here (Debian: apt-get install chromium)"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --hide-scrollbars --remote-debugging-pipe"
)
LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for number, end in zip((3, 4), ends):  # which the browser reads and writes
    os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
PHONE = 390
"""Width of a phone in CSS pixels."""

A4 = 673
"""Width between the margins of a printed page in CSS pixels: 210 mm less twice 16."""

PATIENCE = 60.0
"""Seconds for an answer of the browser."""


@dataclass
class Tab:
    """One page at a time, with all of its requests and complaints."""

    pipe: Pipe
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, page: Path, width: int = 1200, height: int = 900, *, dark: bool = False) -> None:
        """Load a file in a window of this size, and forget the page before it."""
        phone = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **phone)
        features = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": "reduce"}
        wanted = [{"name": name, "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", media="", features=wanted)
        self.requests.clear()
        self.complaints.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, expression: str) -> Any:
        """Evaluates JavaScript in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Waits until JavaScript is true in the page."""
        until = time.monotonic() + PATIENCE
        while not self.value(expression):
            assert time.monotonic() < until, f"never true: {expression}"
            time.sleep(0.02)

    def click(self, element: str) -> None:
        """Scrolls to an element and clicks in the middle of it; whatever lies over it takes the click."""
        x, y = self.value(
            f"(() => {{ const e = {element}; e.scrollIntoView({{behavior: 'instant', block: 'center'}});"
            "const box = e.getClientRects()[0];"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self) -> bytes:
        """Returns the visible part of the page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        """The page in print."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])

    def call(self, method: str, **parameters: Any) -> Any:
        """Sends a command of the protocol, and notes what the page did meanwhile."""
        answer = self.pipe.call(method, parameters, self.session)
        for event in self.pipe.events:
            self._note(event["method"], event["params"])
        self.pipe.events.clear()
        return answer

    def _note(self, method: str, said: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(f"{said['entry']['level']}: {said['entry']['text']}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {said['exceptionDetails']['text']}")
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"{said['type']}: {[each.get('value') for each in said['args']]}")


class Pipe:
    """Messages to and from a browser, each ended by a zero byte."""

    def __init__(self, write: int, read: int) -> None:
        self.write, self.read = write, read
        self.rest = b""
        self.last = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, parameters: dict[str, Any], session: str | None = None) -> Any:
        self.last += 1
        asked: dict[str, Any] = {"id": self.last, "method": method, "params": parameters}
        if session is not None:
            asked["sessionId"] = session
        content = json.dumps(asked).encode() + b"\0"
        while content:
            content = content[os.write(self.write, content) :]
        while True:
            message = self._next()
            if message.get("id") == self.last:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            if "method" in message:
                self.events.append(message)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.read], [], [], PATIENCE)
            assert ready, "the browser does not answer"
            got = os.read(self.read, 2**20)
            assert got, "the browser has gone"
            self.rest += got
        message, _, self.rest = self.rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """A headless browser that finds no host, with an empty tab."""
    (theirs, ours), (our_end, their_end) = os.pipe(), os.pipe()
    command = [
        sys.executable,
        "-c",
        LAUNCH,
        str(theirs),
        str(their_end),
        str(CHROMIUM),
        *FLAGS.split(),
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={profile}",
        "about:blank",
    ]
    with (profile.parent / "browser.log").open("wb") as log:
        process = subprocess.Popen(command, pass_fds=(theirs, their_end), stdout=log, stderr=log)
    os.close(theirs)
    os.close(their_end)
    pipe = Pipe(ours, our_end)
    try:
        targets = pipe.call("Target.getTargets", {})["targetInfos"]
        page = next(each["targetId"] for each in targets if each["type"] == "page")
        session = pipe.call("Target.attachToTarget", {"targetId": page, "flatten": True})["sessionId"]
        tab = Tab(pipe, session)
        for domain in ("Page", "Network", "Log", "Runtime"):
            tab.call(f"{domain}.enable")
        yield tab
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(our_end)


def check_offline_and_quiet(tab: Tab, page: Path) -> None:
    """Checks that the page requests nothing but itself, refuses nothing and draws every picture."""
    tab.open(page)
    assert tab.value(BROKEN) == []
    asked = [url for url in tab.requests if not url.startswith("data:")]
    assert asked == [page.resolve().as_uri()]
    assert tab.complaints == []


def check_phone(tab: Tab, page: Path) -> None:
    """Checks that nothing overflows sideways at the width of a phone, or is cut off beyond scrolling."""
    tab.open(page, PHONE, 844)
    assert tab.value("innerWidth") == PHONE
    assert tab.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert tab.value(OUTSIDE % ".scroll, pre, svg") == []


def check_schemes(tab: Tab, page: Path) -> None:
    """Checks for dark letters on light, and light ones on dark if the reader prefers that."""
    for dark in (False, True):
        tab.open(page, dark=dark)
        paper, ink = (_brightness(tab.value(f"getComputedStyle(document.body).{name}"))
                      for name in ("backgroundColor", "color"))  # fmt: skip
        assert (paper < 60 and ink > 200) if dark else (paper > 200 and ink < 60)


def check_print(tab: Tab, page: Path) -> int:
    """How many pages it prints to; on white paper, wide enough that nothing is cut off."""
    tab.open(page, A4, dark=True)
    content = tab.pdf()
    assert content.startswith(b"%PDF-")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    tab.call("Emulation.setEmulatedMedia", media="print", features=dark)
    assert (
        _brightness(tab.value("getComputedStyle(document.documentElement).getPropertyValue('--paper')")) > 200
    )
    assert tab.value(OUTSIDE % ".none") == []
    return content.count(b"/Type /Page\n") + content.count(b"/Type /Page/")


def check_contents(tab: Tab, page: Path) -> list[str]:
    """Checks that every link of the contents leads to the section it names; returns the names."""
    tab.open(page)
    links: Sequence[Sequence[str]] = tab.value(
        "Array.from(document.querySelectorAll('nav a'), a => [a.textContent, a.getAttribute('href')])"
    )
    headings = tab.value(
        "Array.from(document.querySelectorAll('section > h2'), h => [h.textContent, '#' + h.parentNode.id])"
    )
    assert sorted(map(tuple, links)) == sorted(map(tuple, headings))
    assert len({href for _, href in links}) == len(links)
    for index, (_, href) in enumerate(links):
        tab.click(f"document.querySelectorAll('nav a')[{index}]")
        tab.wait(f"location.hash === '{href}'")
        # at the top of the window, or as near to it as the end of the page allows
        tab.wait(
            f"Math.abs(document.querySelector('{href}').getBoundingClientRect().top) < 60"
            " || innerHeight + scrollY >= document.documentElement.scrollHeight - 2"
        )
    return [name for name, _ in links]


def check_tables(tab: Tab, page: Path) -> int:
    """Checks the order of each column of all sortable tables, clicked once and twice; returns the number of tables."""
    tab.open(page, 1600)
    count = int(tab.value("document.querySelectorAll('table.sortable').length"))
    for table in range(count):
        where = f"document.querySelectorAll('table.sortable')[{table}]"
        before = sorted(tab.value(f"Array.from({where}.tBodies[0].rows, r => r.textContent)"))
        for column in range(tab.value(f"{where}.tHead.rows[0].cells.length")):
            head = f"{where}.tHead.rows[0].cells[{column}]"
            for order in ("ascending", "descending"):
                tab.click(f"{head}.querySelector('button')")
                assert tab.value(f"{head}.getAttribute('aria-sort')") == order
                rows = tab.value(
                    f"Array.from({where}.tBodies[0].rows, r => [r.textContent, r.cells[{column}].dataset.v ?? null,"
                    f"r.cells[{column}].textContent.trim().toLowerCase()])"
                )
                assert sorted(text for text, _, _ in rows) == before
                _check_order([(key, text) for _, key, text in rows], order == "descending")
    return count


def _check_order(cells: Sequence[tuple[str | None, str]], reverse: bool) -> None:
    """Numbers by size, those that are undefined last; else text, as far as its letters tell."""
    keys = [key for key, _ in cells if key is not None]
    if len(keys) == len(cells):
        assert [key == "last" for key in keys] == sorted(key == "last" for key in keys)
        numbers = [float(key) for key in keys if key != "last"]
        assert numbers == sorted(numbers, reverse=reverse)
    elif not keys and all(text.isalpha() for _, text in cells):
        texts = [text for _, text in cells]
        assert texts == sorted(texts, reverse=reverse)


BROKEN = "Array.from(document.images).filter(i => !i.naturalWidth).map(i => i.alt)"
OUTSIDE = """Array.from(document.querySelectorAll("main *")).filter(e => {
  if (e.closest("%s")) return false;
  const box = e.getBoundingClientRect();
  return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
}).map(e => e.outerHTML.slice(0, 80))"""


def _brightness(colour: str) -> float:
    """Of "rgb(…)" or "#rrggbb", the mean, 0 to 255."""
    colour = colour.strip()
    if colour.startswith("#"):
        return sum(bytes.fromhex(colour[1:])) / 3
    return sum(map(int, colour.partition("(")[2].rstrip(")").split(",")[:3])) / 3
