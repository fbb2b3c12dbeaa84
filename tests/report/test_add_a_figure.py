"""The page on adding a figure, followed step by step in a copy of the source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import MakeRun, one_class

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-figure.md"
FUNCTION, LINE, TEST, OF_STUDY, REGISTERED = re.findall(
    r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S
)


def _python(folder: Path, *arguments: str, source: Path = ROOT / "src") -> str:
    """Run in a process of its own, so that no other test finds these figures registered."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(source)}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_page_as_written(tmp_path: Path, make_run: MakeRun) -> None:
    source = tmp_path / "src"
    package = source / "isthmus"
    shutil.copytree(ROOT / "src" / "isthmus", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "report" / "figures" / "size.py").write_text(FUNCTION, encoding="utf-8")
    with (package / "report" / "figures" / "registry.py").open("a", encoding="utf-8") as registry:
        registry.write(LINE)
    (tmp_path / "test_size.py").write_text(TEST, encoding="utf-8")
    _python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_size.py", source=source)
    run = make_run(rows=one_class({"c": 0.8, "d": 0.9}))
    _python(tmp_path, "-m", "isthmus", "report", str(run), source=source)
    page = (run / "report.html").read_text(encoding="utf-8")
    names = re.findall(r'<section id="figure-([\w-]+)">', page)
    assert names == ["training", "case-scores", "size"]


def test_a_figure_of_a_study_from_outside(tmp_path: Path) -> None:
    checks = """
from isthmus.studies import make_study
values = {"name": "a", "data": {"b": "isbi-2012"}, "networks": {"U-Net": "unet"}, "figures": ["coverage"]}
assert make_study(values).figures == ["coverage"]
class Results:
    networks = ["U-Net", "FCN"]
    study = make_study(values)
    def places(self):
        yield "b", "all classes", "b"
    def sample(self, data, name, label, measure):
        from isthmus.studies.results import Sample, Value
        return Sample((Value("c", 0, 0, 0.5),) * (1 + (name == "FCN")))
class Source:
    results = Results()
(section,) = coverage(Source())
assert (section.layout, section.title, len(section.charts)) == ("charts", "Coverage", 1)
"""
    _python(tmp_path, "-c", OF_STUDY + REGISTERED + checks)
