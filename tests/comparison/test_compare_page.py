"""docs/compare.md, followed as it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ..cli.calls import call
from ..masks import save
from .perturbed import shifted, square

PAGE = Path(__file__).parents[2] / "docs" / "compare.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)


def test_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth, moved = shifted(8)
    for name, masks in (
        ("true-masks", truth),
        ("images", truth),
        ("unet-masks", moved),
        ("second-reader", truth),
    ):
        save(tmp_path / name, **masks)
    save(tmp_path / "nnunet-masks", **{case: square(shrink=1) for case in truth})
    (tmp_path / "patients.csv").write_text("case,group\n" + "".join(f"c{i},p{i // 2}\n" for i in range(8)))
    monkeypatch.chdir(tmp_path)
    (command,) = blocks("")[:1]
    words = command.replace("\\\n", " ").split()
    assert words[0] == "isthmus"
    assert call(*words[1:]) == 0
    assert (tmp_path / "comparison" / "report.html").is_file()


def test_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), names)  # our own page
    assert (tmp_path / "comparison" / "tables" / "differences.csv").is_file()
    assert names["row"]["difference"] > 0  # type: ignore[index]
