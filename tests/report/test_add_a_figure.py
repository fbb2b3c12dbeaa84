"""The page on adding a figure, followed step by step in a copy of the source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ..plugin_pages import blocks, copy_source, python
from .conftest import MakeRun, one_class

FUNCTION, LINE, TEST, OF_STUDY, REGISTERED = blocks("add-a-figure.md")


@pytest.mark.slow
def test_the_page_as_written(tmp_path: Path, make_run: MakeRun) -> None:
    source = copy_source(tmp_path)
    package = source / "isthmus"
    (package / "report" / "figures" / "size.py").write_text(FUNCTION, encoding="utf-8")
    with (package / "report" / "figures" / "registry.py").open("a", encoding="utf-8") as registry:
        registry.write(LINE)
    (tmp_path / "test_size.py").write_text(TEST, encoding="utf-8")
    python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_size.py", path=source)
    run = make_run(rows=one_class({"c": 0.8, "d": 0.9}))
    python(tmp_path, "-m", "isthmus", "report", str(run), path=source)
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
    python(tmp_path, "-c", OF_STUDY + REGISTERED + checks)
