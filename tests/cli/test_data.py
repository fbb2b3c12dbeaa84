"""`isthmus data` as a user meets it: tables, exit codes, the page."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.cli import main as cli
from isthmus.data.phantoms.cells import write_phantoms


def call(*words: str | Path) -> int:
    """Run the command in this process; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["isthmus", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
    return int(end.value.code or 0)


def table(text: str) -> list[list[str]]:
    """The cells of what was printed, row by row; two blanks at least stand between them."""
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Ten phantoms in a folder whose name holds a blank and an umlaut."""
    write_phantoms(tmp_path / "my däta", 10, 64, seed=2)
    return tmp_path / "my däta"


@pytest.fixture
def leaky(data: Path) -> Path:
    for kind in ("images", "masks"):
        shutil.copy(data / kind / "phantom-003.png", data / kind / "other.png")
    return data


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "list") == 0
    assert any(
        row[0] == "isbi-2012" and "train-volume.tif" in row[-1] for row in table(capsys.readouterr().out)
    )


def test_check_of_good_data_is_0(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "check", data) == 0
    rows = table(capsys.readouterr().out)
    assert ["cases", "10", "each a group of its own"] in rows
    assert ["sizes", "1", "64 x 64, 1 channel (10)"] in rows


def test_warnings_are_0_too(leaky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(leaky / "masks" / "phantom-005.png")
    assert call("data", "check", leaky) == 0
    rows = table(capsys.readouterr().out)
    assert ["!", "duplicates", "1", "other = phantom-003"] in rows
    assert ["!", "empty masks", "1", "phantom-005"] in rows


def test_bad_files_are_2_and_all_listed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(3):
        (data / "images" / f"phantom-00{i}.png").write_bytes(b"no picture")
    (data / "masks" / "phantom-004.png").unlink()
    assert call("data", "check", data) == 2
    said = capsys.readouterr()
    errors = [row for row in table(said.out) if row[0] == "error"]
    assert [row[1] for row in errors] == ["does not fit", *["unreadable"] * 3]
    for name in ("phantom-000.png", "phantom-001.png", "phantom-002.png", "phantom-004"):
        assert name in said.out
    assert "my däta: 4 cases cannot be used; mend" in said.err
    assert ["cases", "6", "each a group of its own"] in table(said.out)


def test_thirty_bad_files_are_thirty_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_phantoms(tmp_path, 32, 32)
    for image in sorted((tmp_path / "images").iterdir())[:30]:
        image.write_bytes(b"")
    assert call("data", "check", tmp_path) == 2
    assert sum(row[0] == "error" for row in table(capsys.readouterr().out)) == 30


def test_no_data_set_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "check", tmp_path / "nowhere") == 2
    assert call("data", "check", "isbi-2021", tmp_path) == 2
    assert "did you mean 'isbi-2012'" in capsys.readouterr().err
    assert call("data", "chek", tmp_path) == 2
    assert "no command 'chek': did you mean 'check'" in capsys.readouterr().err
    assert call("data", "check", tmp_path, "--distance", "64") == 2


def test_no_command_prints_the_help_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data") == 2
    said = capsys.readouterr()
    assert "splits" in said.out + said.err
    assert "isthmus: " not in said.err


def test_page(leaky: Path, tmp_path: Path) -> None:
    (leaky / "images" / "phantom-009.png").write_bytes(b"")
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(leaky / "masks" / "phantom-005.png")
    page = tmp_path / "new" / "page <1>.html"
    assert call("data", "check", leaky, "--page", page) == 2
    text = page.read_text(encoding="utf-8")
    assert "my däta" in text
    assert "phantom-009.png" in text
    assert "Same pixels: 2 cases" in text
    assert "Most foreground" in text
    assert "from the files of the data set" in text
    assert len(re.findall(r'<img src="data:image', text)) == 2 + 2 * 3 + (10 - 3)
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)


def test_page_of_data_that_cannot_be_drawn(data: Path, tmp_path: Path) -> None:
    for image in (data / "images").iterdir():
        image.write_bytes(b"")
    assert call("data", "check", data, "--page", tmp_path / "page.html") == 2
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No case can be drawn" in text
    assert text.count("phantom-00") >= 10


def test_page_of_several_classes_and_channels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for i in range(3):
        Image.fromarray(random.integers(0, 9, (20, 30, 3), np.uint8)).save(tmp_path / "images" / f"{i}.png")
        mask = np.zeros((20, 30), np.uint8)
        mask[: 5 + i], mask[12:] = 1, 2
        Image.fromarray(mask).save(tmp_path / "masks" / f"{i}.png")
    page = tmp_path / "page.html"
    assert call("data", "check", tmp_path, "--page", page) == 0
    text = page.read_text(encoding="utf-8")
    row = next(row for row in re.findall(r"<tr>.*?</tr>", text, re.DOTALL) if ">class 2</td>" in row)
    assert re.findall(r">([^<>]+)</td>", row) == ["class 2", "3", "40.0%", "40.0%", "40.0%"]
    assert "Colours repeat" not in text
    assert "class share" not in text


def test_the_table_of_mildnet(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "splits", "mildnet") == 0
    rows = {row[0]: row[1:] for row in table(capsys.readouterr().out)}
    assert rows["GlaS-2015"] == ["165", "775x522", "256x256", "1815", *["253"] * 5, "550"]
    assert rows["ISIC-2018"] == ["2594", "1022x767", "256x256", "2594", "364", *["363"] * 4, "778"]
    assert call("data", "splits", "mildnet", "isbi-2012") == 0
    rows = {row[0]: row[1:] for row in table(capsys.readouterr().out)}
    assert rows["ISBI-2012"][-6:] == ["20", "16", "16", "16", "16", "36"]
    assert "DSB-2018" not in rows


def test_the_table_of_multiresunet(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "splits", "multiresunet") == 0
    said = capsys.readouterr().out
    rows = {row[0]: row[1:] for row in table(said)}
    assert rows["BraTS17"] == ["285", "240x240x155", "80x80x48", "285", *["57"] * 5]
    assert "note: the best epoch is chosen on the scored cases" in said


def test_real_cases_are_divided_and_guarded(
    leaky: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "splits.json"
    assert call("data", "splits", "kfold", leaky, "--folds", "11", "--out", out) == 2
    assert "phantom-003 in train and other in validation" in capsys.readouterr().err
    assert not out.exists()
    assert call("data", "splits", "kfold", leaky, "--folds", "11", "--out", out, "--allow-leak") == 0
    assert "note: leak, allowed by the recipe: " in capsys.readouterr().out
    assert [fold["fold"] for fold in json.loads(out.read_text())] == list(range(11))
    (leaky / "images" / "other.png").unlink()
    (leaky / "masks" / "other.png").unlink()
    assert call("data", "splits", "hmedn", leaky, "--shares", "6,2,2", "--stratify") == 0
    row = table(capsys.readouterr().out)[1]
    assert (row[0], row[1], row[3], row[5]) == ("0", "6", "2", "2")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mildent"], "did you mean 'mildnet'"),
        (["mildnet", "cvc-clinicdb"], "nor data of mildnet"),
        (["kfold"], "name the data and where it lies"),
        (["mildnet", "--stratify"], "need the files"),
        (["hmedn", "--shares", "a,b"], "three numbers"),
    ],
)
def test_mistakes_are_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "splits", *words) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert says in said[0]


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
    assert "--from names the splits of the protocol nnunet" in capsys.readouterr().err


def test_a_rule_for_the_values(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "check", data, "--rule", "objects") == 0
    assert "all others → foreground (taken for object numbers)" in capsys.readouterr().out
    assert call("data", "check", data, "--rule", "object") == 2
    assert "did you mean 'objects'" in capsys.readouterr().err
