"""LGG MRI: one of the two trees of the archive."""

from __future__ import annotations

from pathlib import Path

from .layouts import lgg, read


def test_lgg_takes_one_of_the_two_trees(tmp_path: Path) -> None:
    lgg(tmp_path)
    dataset = read("lgg-mri", tmp_path)
    assert [case.id.rsplit("_", 1)[1] for case in dataset.cases] == ["1", "2", "10"] * 2
    assert {case.images[0].path.relative_to(tmp_path).parts[0] for case in dataset.cases} == {"kaggle_3m"}
    assert {case.group for case in dataset.cases} == {"TCGA_CS_4941_19960909", "TCGA_CS_4942_19970222"}
