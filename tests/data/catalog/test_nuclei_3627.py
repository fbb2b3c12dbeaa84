"""The 3627 images of nuclei: several parts."""

from __future__ import annotations

from pathlib import Path

from .layouts import dsb, nuclei, read, refusal


def test_nuclei_of_several_parts(tmp_path: Path) -> None:
    dsb(tmp_path)
    nuclei(tmp_path / "external", ("0d", "0e"))
    assert [case.id for case in read("nuclei-3627", tmp_path).cases] == ["0d", "0e", "0a", "0b"]
    assert [case.id for case in read("dsb-2018", tmp_path).cases] == ["0a", "0b"]
    nuclei(tmp_path / "more", ("0a",))
    assert "0a: occurs a second time" in refusal("nuclei-3627", tmp_path)
