"""Samples of data sets as a user's own folder, without the cases that other pages score."""

from __future__ import annotations

import csv
from pathlib import Path

from isthmus.data.cases import Case, Dataset, Source, load_image, load_mask
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import kfold
from isthmus.io.writing import write_image, write_mask

NAMES = ("isbi-2012", "dsb-2018", "lgg-mri", "kvasir-seg", "glas-2015")
OUTER = 5
"""The first of so many outer folds is set aside, as in `accuracy.search`."""


def own_folder(name: str, data: Path, out: Path) -> Path:
    """Writes the cases of a sample that may be looked at as a CSV with PNG files, once; returns the CSV."""
    table = out / name / "cases.csv"
    if table.is_file():
        return table
    dataset = _dataset(name, data)
    looked_at = set(kfold(dataset.cases, OUTER)[0].train)
    rows = []
    for case in dataset.cases:
        if case.id in looked_at:
            image, mask = load_image(case), load_mask(case)
            write_image(out / name / "images" / f"{case.id}.png", image[:3])
            write_mask(out / name / "masks" / f"{case.id}.png", ((mask > _above(name)) * 255).astype("uint8"))
            rows.append((f"images/{case.id}.png", f"masks/{case.id}.png", case.group))
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "mask", "group"), *rows])
    return table


def inner_test(table: Path) -> list[str]:
    """Returns the cases of the first of three inner folds, which neither train nor choose the epoch."""
    return list(kfold(open_dataset(str(table)).cases, 3)[0].validation)


def _above(name: str) -> int:
    return 0 if name == "glas-2015" else 127


def _dataset(name: str, data: Path) -> Dataset:
    """Returns a sample; GlaS as its converted pairs."""
    if name != "glas-2015":
        return open_dataset(name, data / name)
    glands = sorted((data / name / "converted-jpg-png").glob("*.jpg"))
    pairs = [(Source(path), Source(path.with_name(f"{path.stem}_anno.png"))) for path in glands]
    return Dataset(name, tuple(Case(i.path.stem, (i,), (m,), i.path.stem) for i, m in pairs))
