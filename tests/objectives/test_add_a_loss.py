"""The page on adding a loss, followed step by step in a copy of the source."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ..plugin_pages import blocks, copy_source, python

FUNCTION, IMPORT, LINE, TEST, REGISTERED = blocks("add-a-loss.md")


@pytest.mark.slow
def test_the_page_as_written(tmp_path: Path) -> None:
    source = copy_source(tmp_path)
    objectives = source / "isthmus" / "objectives"
    (objectives / "signed_distance.py").write_text(FUNCTION, encoding="utf-8")
    table = objectives / "losses.py"
    text = table.read_text(encoding="utf-8")
    before, middle, after = text.partition("from isthmus.objectives.targets import")
    text = before + IMPORT + middle + after
    table.write_text(text.replace("}.items():\n", LINE + "}.items():\n"), encoding="utf-8")
    (tmp_path / "test_signed_distance.py").write_text(TEST, encoding="utf-8")
    shutil.copy(Path(__file__).with_name("test_objective.py"), tmp_path)
    tests = ["test_signed_distance.py", "test_objective.py", "-k", "signed_distance or boundary"]
    python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, path=source)
    python(tmp_path, "-m", "doctest", str(objectives / "signed_distance.py"), path=source)


def test_a_loss_registered_from_outside(tmp_path: Path) -> None:
    checks = """
from isthmus.objectives import Objective, list_losses
assert "log_cosh_dice" in list_losses()
objective = Objective({"logits": {"log_cosh_dice": 1.0}}, classes=1)
loss = objective(torch.full((1, 1, 2, 2), 100.0), torch.ones(1, 2, 2), {})
assert float(loss) == 0.0
"""
    python(tmp_path, "-c", REGISTERED + checks)
