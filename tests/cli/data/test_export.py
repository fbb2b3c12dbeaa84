"""``isthmus data export``: nnU-Net's layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..calls import call, table


def test_export_to_nnu_net_and_back(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "Dataset007_Phantoms"
    assert call("data", "export", data, out, "--to", "nnunet", "--folds", "3", "--seed", "4") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"{out}: 10 cases, 3 folds"
    assert "mask values 0 → background, 255 → foreground" in said
    folds = json.loads((out / "splits_final.json").read_text())
    assert sorted(name for fold in folds for name in fold["val"]) == [f"phantom-{i:03d}" for i in range(10)]
    assert call("data", "check", out) == 0
    assert ["mask values", "2", "mask values 0 → background, 1 → foreground"] in table(
        capsys.readouterr().out
    )
    again = tmp_path / "again" / "splits_final.json"
    assert call("data", "splits", "nnunet", out, "--out", again) == 0
    assert json.loads(again.read_text()) == [
        {key: sorted(ids) for key, ids in fold.items()} for fold in folds
    ]
    assert [row[:2] for row in table(capsys.readouterr().out)[1:4]] == [["0", "6"], ["1", "7"], ["2", "7"]]
    assert call("data", "splits", "nnunet", data, "--from", again) == 0
    assert call("data", "export", data, out) == 2
    assert "exists already" in capsys.readouterr().err


def test_export_with_the_splits_of_a_run(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"phantom-{i:03d}" for i in range(10)]
    sides = {"train": names[:6], "validation": names[6:8], "test": names[8:]}
    run = tmp_path / "run"
    run.mkdir()
    (run / "splits.json").write_text(json.dumps({side: {n: n for n in ids} for side, ids in sides.items()}))
    assert call("data", "export", data, tmp_path / "phantoms", "--splits", run, "--channels", "CT") == 0
    said = capsys.readouterr().out
    assert "no test set" in said
    assert "rename phantoms for it" in said
    written = json.loads((tmp_path / "phantoms" / "splits_final.json").read_text())
    assert written == [{"train": names[:6], "val": names[6:8]}]
    assert json.loads((tmp_path / "phantoms" / "dataset.json").read_text())["channel_names"] == {"0": "CT"}


def test_export_refuses_leaks_and_leaves_out_the_bad(
    leaky: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "Dataset001_X"
    (leaky / "images" / "phantom-009.png").write_bytes(b"")
    (leaky / "masks" / "phantom-008.png").unlink()
    assert call("data", "export", leaky, out) == 2
    assert call("data", "export", leaky, out, "--skip-bad", "--folds", "9") == 2
    assert "are the same picture" in capsys.readouterr().err
    assert not out.exists()
    assert call("data", "export", leaky, out, "--skip-bad", "--folds", "9", "--allow-leak") == 0
    assert f"{out}: 9 cases, 9 folds" in (said := capsys.readouterr().out)
    assert said.count("note: left out: ") == 2
    assert call("data", "export", leaky, tmp_path / "y", "--to", "nnunt") == 2
    assert "did you mean 'nnunet'" in capsys.readouterr().err
    assert call("data", "splits", "kfold", leaky, "--from", out) == 2
    assert "--from is for the protocol nnunet only" in capsys.readouterr().err
