"""The page in a real browser: nothing refused, nothing wider than a phone, tables that sort."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.report import write_report

from .conftest import MakeRun, one_class, pictures

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --hide-scrollbars --enable-logging=stderr --virtual-time-budget=3000"
)
# A page around the report that measures and clicks it; both are files.
PROBE = """<body style="margin:0">
<iframe src="report.html" style="width:390px;height:3000px;border:0"></iframe>
<pre id="found"></pre><script>
document.querySelector("iframe").onload = function () {
  var page = this.contentDocument, rows = function () {
    var found = page.querySelectorAll("table.sortable tbody tr");
    return Array.from(found, row => row.cells[1].textContent.trim()).join(" ");
  };
  var buttons = page.querySelectorAll("table.sortable th button"), found = [];
  found.push("width " + page.documentElement.scrollWidth);
  buttons[4].click(); found.push("up " + rows());
  buttons[4].click(); found.push("down " + rows());
  var broken = Array.from(page.images).filter(image => !image.naturalWidth);
  found.push("broken " + broken.length + " of " + page.images.length);
  document.getElementById("found").textContent = found.join("\\n");
};
</script></body>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]


def browse(tmp_path: Path, page: Path, *options: str) -> tuple[str, str]:
    command = [
        str(CHROMIUM),
        *FLAGS.split(),
        f"--user-data-dir={tmp_path / 'profile'}",
        *options,
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def make_page(make_run: MakeRun) -> Path:
    dice = {"a": 0.5, "b": 0.9, "c": 0.7}
    rows = one_class(dice)
    rows[1] = (*rows[1][:7], "nan")  # Hausdorff distance of b is undefined: a 5, c 3
    return write_report(make_run(rows=rows), images=pictures(list(dice)))


def test_page_works_on_a_phone(make_run: MakeRun, tmp_path: Path) -> None:
    page = make_page(make_run)
    probe = page.with_name("probe.html")
    probe.write_text(PROBE, encoding="utf-8")
    seen, log = browse(tmp_path, probe, "--allow-file-access-from-files", "--dump-dom")
    found = seen.partition('<pre id="found">')[2].partition("</pre>")[0].splitlines()
    assert found[:4] == ["width 390", "up c a b", "down a c b", "broken 0 of 9"]
    assert "Content Security Policy" not in log


@pytest.mark.parametrize(("dark", "low", "high"), [(False, 200, 256), (True, 0, 80)])
def test_page_is_drawn_in_both_schemes(
    make_run: MakeRun, tmp_path: Path, dark: bool, low: int, high: int
) -> None:
    shot = tmp_path / "shot.png"
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    browse(tmp_path, make_page(make_run), f"--screenshot={shot}", "--window-size=1200,1600", *scheme)
    pixels = np.asarray(Image.open(shot).convert("L"))
    assert pixels.shape == (1600, 1200)
    assert low <= np.median(pixels) < high
    assert pixels.std() > 10
