"""What the README shows from Python runs as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from isthmus.data.phantoms.cells import write_phantoms

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)


def test_the_main_job_and_the_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_phantoms(tmp_path / "my-data", 4, 64, seed=0)
    write_phantoms(tmp_path / "new", 2, 64, seed=1)
    (tmp_path / "new" / "images").rename(tmp_path / "new-images")
    (tmp_path / "new" / "masks").rename(tmp_path / "true-masks")
    monkeypatch.chdir(tmp_path)
    code = "".join(BLOCKS)
    small = code.replace(
        '{"epochs": 30}', '{"epochs": 1, "samples": 2}, network={"options": {"widths": [4, 8]}}'
    )
    small = small.replace("in_channels=3)", "in_channels=3, widths=(2, 4))")
    small = small.replace("spatial_dims=3)", "spatial_dims=3, widths=(2, 4))")
    assert small.count("widths") == 3
    names: dict[str, object] = {}
    exec(compile(small, str(README), "exec"), names)  # our own page
    assert len(list((tmp_path / "masks").glob("*.png"))) == 2
    assert names["network"].spatial_dims == 3  # type: ignore[attr-defined]
