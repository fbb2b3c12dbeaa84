"""The page on adding a metric, followed step by step in a copy of the source."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ..plugin_pages import DOCS, blocks, copy_source, python

FUNCTION, IMPORT, ROW, TEST, REGISTERED = blocks("add-a-metric.md")


@pytest.mark.slow
def test_the_page_as_written(tmp_path: Path) -> None:
    source = copy_source(tmp_path)
    package = source / "isthmus"
    (tmp_path / "docs").mkdir()
    for page in ("metrics.md", "choosing-metrics.md"):
        shutil.copy(DOCS / page, tmp_path / "docs")
    (package / "metrics" / "precision_recall.py").write_text(FUNCTION, encoding="utf-8")
    table = package / "metrics" / "table.py"
    text = table.read_text(encoding="utf-8")
    before, middle, after = text.partition("from isthmus.plugins import")
    text = before + IMPORT + middle + after
    table.write_text(text.replace("OF_MASKS = (\n", "OF_MASKS = (\n" + ROW), encoding="utf-8")
    (tmp_path / "test_precision_recall.py").write_text(TEST, encoding="utf-8")
    python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_precision_recall.py", path=source)
    python(tmp_path, "-m", "doctest", str(package / "metrics" / "precision_recall.py"), path=source)
    python(tmp_path, "-m", "isthmus.metrics.page", "docs", path=source)
    page = (tmp_path / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert "| `recall_at_90` | Recall at 90 % precision | share | higher |" in page


def test_a_metric_registered_from_outside(tmp_path: Path) -> None:
    checks = """
from isthmus.metrics import list_metrics, score_case
assert "bias" in list_metrics()
assert score_case([[True, True, False]], [[True, False, False]])["bias"] == 1.0
"""
    python(tmp_path, "-c", REGISTERED + checks)
