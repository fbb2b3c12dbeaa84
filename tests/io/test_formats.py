"""The registry of file formats: suffixes, names without one, and what may not be registered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.io import volumes
from isthmus.io.formats import FORMATS, Volume, damaged, is_lossy, register_format, stem, suffix


@pytest.fixture
def formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten afterwards."""
    monkeypatch.setattr(FORMATS, "_things", dict(FORMATS._things))
    monkeypatch.setattr("isthmus.io.formats._double", [".nii.gz"])


def _format() -> Volume:
    return Volume("MINC", volumes.geometry, lambda path: np.zeros((2, 3, 4)))


@pytest.mark.parametrize(
    ("name", "ending", "rest"),
    [
        ("a.PNG", ".png", "a"),
        ("a.b.nii.gz", ".nii.gz", "a.b"),
        ("a.gz", ".gz", "a"),
        ("1.2.840.5", "", "1.2.840.5"),
        ("IM0001", "", "IM0001"),
        ("b.ome.tiff", ".tiff", "b"),
        (".ome.tif", ".tif", ".ome"),
    ],
)
def test_suffix_and_stem(name: str, ending: str, rest: str) -> None:
    assert (suffix(Path(name)), stem(Path(name))) == (ending, rest)


def test_double_suffixes_are_whole(formats: None) -> None:
    register_format((".mnc.zst", ".mnc"), _format())
    assert suffix(Path("a.b.MNC.zst")) == ".mnc.zst"
    assert volumes.is_volume(Path("a.b.mnc.zst"))
    assert stem(Path("a.mnc")) == "a"


def test_jpeg_alone_is_lossy() -> None:
    assert [each for each in FORMATS if is_lossy(Path(f"x{each}"))] == [".jpg", ".jpeg"]


@pytest.mark.parametrize("wrong", ["mnc", ".MNC"])
def test_suffixes_are_written_in_one_way(formats: None, wrong: str) -> None:
    with pytest.raises(ValueError, match=f"the suffix '{wrong}' of MINC; give it in lower case with its dot"):
        register_format((wrong,), _format())


def test_a_suffix_belongs_to_one_format(formats: None) -> None:
    with pytest.raises(ValueError, match=r"a file format named '\.png' is registered already"):
        register_format((".png",), _format())


def test_an_unknown_suffix_names_the_nearest() -> None:
    with pytest.raises(IsthmusError, match=r"x: unknown file format '\.nrd': did you mean '\.nrrd'"):
        FORMATS.find(".nrd", "x")


def test_whatever_a_decoder_raises_is_one_line() -> None:
    line = str(damaged("x.png", "PNG", ValueError("first\nsecond")))
    assert line.startswith("x.png: a damaged or unsupported PNG file (first);")
    assert "(KeyError)" in str(damaged("x.png", "PNG", KeyError()))
    assert "cannot be read (No space left on device)" in str(
        damaged("x.png", "PNG", OSError(28, "No space left on device"))
    )
