"""Names of cases become files inside their folder or are refused: names of every kind that lead elsewhere, links."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from isthmus.data.case_paths import case_path, refuse_clashes, refuse_no_text
from isthmus.data.layouts.nnunet import read, write
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.files import aside, sweep, write_bytes

BAD = {
    "../x": "leads to another folder",
    "a/../../x": "leads to another folder",
    "..": "leads to another folder",
    ".": "leads to another folder",
    "a/./b": "leads to another folder",
    "/etc/x": "empty",
    "a//b": "empty",
    "a/": "empty",
    "": "empty",
    "..\\x": "backslash",
    "C:x": "colon",
    "C:\\x": "colon",
    "photo:stream": "colon",
    "\\\\server\\share": "backslash",
    "a\0b": "control character",
    "a\nb": "control character",
    "a\x1b[31mb": "control character",
    "a\x85b": "control character",
    "CON": "device",
    "aux.txt": "device",
    "a/nul": "device",
    "Com1": "device",
    "lpt9.nii": "device",
    "con .x": "device",
    "x.": "dot or a space",
    "x ": "dot or a space",
    "a ./b": "dot or a space",
    "\ud800": "not text",
    "x" * 249: "at most 255",
    "ü" * 125: "at most 255",
    "x" * 256 + "/y": "at most 255",
}


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_leads_elsewhere_is_refused_and_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="cannot be the name of a file") as error:
        case_path(tmp_path / "out", name, ".nii.gz")
    assert BAD[name] in str(error.value)


@pytest.mark.parametrize(
    "name",
    ["a", "patient 1/scan-2", "x.y", "...x", "=cmd", "-x", ".x", "名前", "console", "x" * 248, "a/b/c"],
)
def test_plain_names_are_files_of_the_folder(name: str, tmp_path: Path) -> None:
    path = case_path(tmp_path, name, ".nii.gz", "overlays")
    assert path == tmp_path / "overlays" / f"{name}.nii.gz"
    write_bytes(path, b"whole")  # however long the name is
    assert path.read_bytes() == b"whole"


@given(st.text() | st.from_regex(r"[./\\: a-zA-Z:]{0,12}"))
def test_no_name_leads_out_of_the_folder_on_either_system(name: str) -> None:
    out = Path(os.path.abspath("out"))
    try:
        path = case_path(out, name, ".png")
    except IsthmusError:
        return
    assert Path(os.path.normpath(path)).is_relative_to(out)
    windows = PureWindowsPath("D:/out") / f"{name}.png"
    assert windows.is_relative_to("D:/out")
    assert ".." not in windows.parts
    if sys.version_info < (3, 13):
        assert not windows.is_reserved()


def test_a_link_in_the_folder_leads_nowhere_else(tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    out.mkdir()
    other.mkdir()
    (out / "away").symlink_to(other)
    (out / "round").symlink_to(out / "round")
    (out / "inside").mkdir()
    (out / "here").symlink_to(out / "inside")
    for name, below in (("away/x", ""), ("x", "away"), ("round/x", "")):
        with pytest.raises(IsthmusError, match="link"):
            case_path(out, name, ".png", below)
    assert case_path(out, "here/x", ".png").name == "x.png"
    (tmp_path / "link").symlink_to(other)  # the folder itself may be one
    assert case_path(tmp_path / "link", "x", ".png").name == "x.png"


def test_a_path_longer_than_the_system_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="path is too long"):
        case_path(tmp_path, "/".join(["x" * 200] * 25), ".png")


def test_paths_that_clash_are_refused_or_told(tmp_path: Path) -> None:
    def clash(*names: str) -> list[str]:
        return refuse_clashes(tmp_path, [tmp_path / name for name in names])

    assert clash("a.png", "b.png", "c/a.png") == []
    told = clash("é.png", "É.png", "e\u0301.png")
    assert len(told) == 2 or sys.platform != "linux"
    with pytest.raises(IsthmusError, match="two cases"):
        clash("a.png", "a.png")
    with pytest.raises(IsthmusError, match="and the folder of"):
        clash("a.png", "a.png/b.png")


def test_where_capitals_do_not_count_a_clash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "samefile", lambda *_: True)
    with pytest.raises(IsthmusError, match="ignore case"):
        refuse_clashes(tmp_path, [tmp_path / "A.png", tmp_path / "a.png"])


def test_what_a_long_name_left_half_written_is_swept(tmp_path: Path) -> None:
    left = aside(tmp_path / ("x" * 250))
    dead = left.with_name(left.name.replace(f"-{os.getpid()}.", f"-{2**30}."))
    dead.write_text("half")
    assert sweep(tmp_path) == [dead]
    assert not list(tmp_path.iterdir())


def test_names_of_a_dataset_json_stay_in_the_folder_that_is_exported(tmp_path: Path) -> None:
    root = tmp_path / "in"
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    listed = {}
    for index, name in enumerate(["good", "aux"]):
        Image.fromarray(np.full((4, 4), index, np.uint8)).save(root / f"imagesTr/{index}_0000.png")
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(root / f"labelsTr/{index}.png")
        listed[name] = {"images": [f"imagesTr/{index}_0000.png"], "label": f"labelsTr/{index}.png"}
    about = {"labels": {"background": 0, "x": 1}, "file_ending": ".png", "dataset": listed}
    (root / "dataset.json").write_text(json.dumps(about))
    dataset = read(root)
    assert isinstance(dataset.values, ValueMap)
    with pytest.raises(IsthmusError, match="'aux' is a device"):
        write(dataset, tmp_path / "Dataset001_x")
    assert not (tmp_path / "Dataset001_x").exists()


def test_a_name_is_judged_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without UTF-8 mode in an ASCII locale, Python keeps bytes above 127 of names as lone surrogates."""
    monkeypatch.setattr(os, "fsencode", lambda name: name.encode("ascii", "surrogateescape"))
    for name, what in (("caf\udcc3\udca9", "set PYTHONUTF8=1"), ("caf\udce9", "rename it")):
        with pytest.raises(IsthmusError, match=what):
            refuse_no_text(name)
    refuse_no_text("café")
