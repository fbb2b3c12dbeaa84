"""The page on adding a loss, followed step by step in a copy of the source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-loss.md"
FUNCTION, IMPORT, LINE, TEST, REGISTERED = re.findall(
    r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S
)


def _python(folder: Path, *arguments: str, source: Path = ROOT / "src") -> None:
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


@pytest.mark.slow
def test_the_page_as_written(tmp_path: Path) -> None:
    source = tmp_path / "src"
    objectives = source / "isthmus" / "objectives"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    (objectives / "signed_distance.py").write_text(FUNCTION, encoding="utf-8")
    table = objectives / "losses.py"
    text = table.read_text(encoding="utf-8")
    before, middle, after = text.partition("from isthmus.objectives.targets import")
    text = before + IMPORT + middle + after
    table.write_text(text.replace("}.items():\n", LINE + "}.items():\n"), encoding="utf-8")
    (tmp_path / "test_signed_distance.py").write_text(TEST, encoding="utf-8")
    shutil.copy(ROOT / "tests" / "objectives" / "test_objective.py", tmp_path)
    tests = ["test_signed_distance.py", "test_objective.py", "-k", "signed_distance or boundary"]
    _python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, source=source)
    _python(tmp_path, "-m", "doctest", str(objectives / "signed_distance.py"), source=source)


def test_a_loss_registered_from_outside(tmp_path: Path) -> None:
    checks = """
from isthmus.objectives import Objective, list_losses
assert "log_cosh_dice" in list_losses()
objective = Objective({"logits": {"log_cosh_dice": 1.0}}, classes=1)
loss = objective(torch.full((1, 1, 2, 2), 100.0), torch.ones(1, 2, 2), {})
assert float(loss) == 0.0
"""
    _python(tmp_path, "-c", REGISTERED + checks)
