"""Murphy Lab: pairs by name."""

from __future__ import annotations

from pathlib import Path

from .layouts import murphy, read, refusal


def test_murphy_pairs_by_name(tmp_path: Path) -> None:
    murphy(tmp_path)
    ids = [case.id for case in read("murphy-lab", tmp_path).cases]
    assert ids == ["gnf-dna-0", "gnf-dna-2", "gnf-dna-10", "ic100-dna-1", "ic100-dna-3"]
    (tmp_path / "data" / "images" / "dna-images" / "ic100" / "dna-3.png").unlink()
    assert "dna-3.png: a mask without an image" in refusal("murphy-lab", tmp_path)
