"""What commands write stays where it should: names from files lead nowhere else, and nothing of others is replaced."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .test_main import SMALL, call, error_of


def of_nnunet(root: Path, names: list[str]) -> Path:
    """A data set whose `dataset.json` calls its cases so."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    listed = {}
    for index, name in enumerate(names):
        mask = (rows - 10 - index) ** 2 + (columns - 16) ** 2 < 36
        image = (mask * 120 + random.integers(0, 60, mask.shape)).astype(np.uint8)
        Image.fromarray(image).save(root / f"imagesTr/{index}_0000.png")
        Image.fromarray(mask.astype(np.uint8)).save(root / f"labelsTr/{index}.png")
        listed[name] = {"images": [f"imagesTr/{index}_0000.png"], "label": f"labelsTr/{index}.png"}
    about = {"labels": {"background": 0, "x": 1}, "file_ending": ".png", "dataset": listed}
    (root / "dataset.json").write_text(json.dumps(about))
    return root


@pytest.mark.parametrize(
    "bad", ["../../../victim/photo", "ABSOLUTE", "..", "C:x", "aux", "x" * 300, "\udce4"]
)
def test_names_of_a_data_set_never_write_outside_the_run(
    bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim" / "photo.png"
    victim.parent.mkdir()
    victim.write_text("mine")
    bad = str(victim.with_suffix("")) if bad == "ABSOLUTE" else bad
    data = of_nnunet(tmp_path / "nn", [bad, "b", "c", "d"])
    out = tmp_path / "w" / "r" / "run"
    held = f"protocol.validation={json.dumps([bad])}"
    assert call("train", data, *SMALL, "epochs=1", held, "--out", out) == 2
    assert "rename it" in error_of(capsys)
    assert not out.exists()
    assert victim.read_text() == "mine"


def test_a_case_without_a_name_for_its_files_is_left_out_where_that_is_asked(tmp_path: Path) -> None:
    data, out = of_nnunet(tmp_path / "nn", ["../a", "b", "c", "d"]), tmp_path / "run"
    assert call("train", data, *SMALL, "epochs=1", "--skip-bad", "--validation", "b", "--out", out) == 0
    assert [path.name for path in (out / "predictions").iterdir()] == ["b.png"]


def test_two_names_for_one_file_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = of_nnunet(tmp_path / "nn", ["a", "A", "c", "d"])
    assert call("train", data, *SMALL, "epochs=1", "--out", tmp_path / "run") in (0, 2)
    assert "do not tell capitals" in capsys.readouterr().err
