"""The papers' tables of data, against the tables as they were copied from the papers."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from isthmus.data.splits.papers import PAPER_DATA, PaperData, placeholders
from isthmus.data.splits.protocols import splits

MILDNET = {
    "isic-2018": ([363, 363, 363, 363, 364], 778),
    "isbi-2012": ([16, 16, 16, 16, 20], 36),
    "lgg-mri": ([160, 160, 160, 160, 161], 343),
    "glas-2015": ([253, 253, 253, 253, 253], 550),
    "dsb-2018": ([94, 94, 94, 94, 93], 201),
}


@pytest.mark.parametrize("row", PAPER_DATA["mildnet"], ids=lambda row: row.name)
def test_as_many_samples_as_mildnet_prints(row: PaperData) -> None:
    folds, test = MILDNET[row.name]
    found = splits("mildnet", placeholders(row.images))
    assert sorted(len(split.validation) * row.pieces for split in found) == sorted(folds)
    assert {len(split.test) * row.pieces for split in found} == {test}


def test_the_tables_of_the_papers(shared_data: Path) -> None:
    """The rows above and `PAPER_DATA` against the tables as they were copied from the papers."""
    folder = shared_data.parent / "spec" / "results"
    if not folder.is_dir():
        pytest.skip("needs ../shared beside the project: the tables of the papers")

    def rows(name: str) -> list[dict[str, str]]:
        with (folder / name).open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    printed = {row["dataset"]: row for row in rows("mildnet-table1.csv")}
    for data in PAPER_DATA["mildnet"]:
        assert int(printed[data.title]["mean"]) == data.images
        assert printed[data.title]["note"].endswith(f"majority size {data.size}")
        counts = [row for row in rows("mildnet-table2.csv") if row["dataset"] == data.title]
        folds = [int(row["mean"]) for row in counts if row["model"].startswith("Fold")]
        (test,) = [int(row["mean"]) for row in counts if row["model"] == "Test set"]
        assert (folds, test) == MILDNET[data.name]
    printed = {row["dataset"]: row for row in rows("multiresunet-table2.csv")}
    for data in PAPER_DATA["multiresunet"]:
        note = printed[data.title]["note"]
        assert note == f"original {data.size}; input {data.input}"
        if data.name != "brats":  # printed as "210 HGG + 75 LGG"
            assert int(printed[data.title]["mean"]) == data.images


# planted leaks
