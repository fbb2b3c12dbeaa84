"""``isthmus data check`` as a user meets it: table, exit codes, page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data.phantoms.cells import write_phantoms

from ..calls import call, table


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
    assert "my däta: 4 cases cannot be used; fix" in said.err
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


def test_a_rule_for_the_values(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "check", data, "--rule", "objects") == 0
    assert "all others → foreground (read as object numbers)" in capsys.readouterr().out
    assert call("data", "check", data, "--rule", "object") == 2
    assert "did you mean 'objects'" in capsys.readouterr().err
