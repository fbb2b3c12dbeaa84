"""The page on adding a metric, followed step by step in a copy of the source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-metric.md"
FUNCTION, IMPORT, ROW, TEST, REGISTERED = re.findall(
    r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S
)


def _python(folder: Path, *arguments: str, source: Path = ROOT / "src") -> str:
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
def test_the_page_as_written(tmp_path: Path) -> None:
    source = tmp_path / "src"
    package = source / "isthmus"
    shutil.copytree(ROOT / "src" / "isthmus", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("images", "results"))
    (package / "metrics" / "precision_recall.py").write_text(FUNCTION, encoding="utf-8")
    table = package / "metrics" / "table.py"
    text = table.read_text(encoding="utf-8")
    before, middle, after = text.partition("from isthmus.plugins import")
    text = before + IMPORT + middle + after
    table.write_text(text.replace("OF_MASKS = (\n", "OF_MASKS = (\n" + ROW), encoding="utf-8")
    (tmp_path / "test_precision_recall.py").write_text(TEST, encoding="utf-8")
    _python(
        tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_precision_recall.py", source=source
    )
    _python(tmp_path, "-m", "doctest", str(package / "metrics" / "precision_recall.py"), source=source)
    _python(tmp_path, "-m", "isthmus.metrics.page", "docs", source=source)
    page = (tmp_path / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert "| `recall_at_90` | Recall at 90 % precision | share | higher |" in page


def test_a_metric_registered_from_outside(tmp_path: Path) -> None:
    checks = """
from isthmus.metrics import list_metrics, score_case
assert "bias" in list_metrics()
assert score_case([[True, True, False]], [[True, False, False]])["bias"] == 1.0
"""
    _python(tmp_path, "-c", REGISTERED + checks)
