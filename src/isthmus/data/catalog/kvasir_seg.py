"""Kvasir-SEG: polyps in 1000 endoscopic images. Masks are JPEG, so they are cut at 128."""

from __future__ import annotations

from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import locate, pairs, pictures
from isthmus.data.masks.values import ValueMap


def read(root: Path) -> Dataset:
    """Reads images by their id of 25 characters."""
    folder = locate(root, ENTRY.name, ENTRY.layout, "images", "masks", prefer="Kvasir-SEG")
    return ENTRY.dataset(pairs(folder, pictures(folder / "images"), pictures(folder / "masks")))


ENTRY = Entry(
    name="kvasir-seg",
    title="Kvasir-SEG, polyps in endoscopy",
    layout="images/<id>.jpg and masks/<id>.jpg",
    read=read,
    classes=("background", "polyp"),
    values=ValueMap(((0, 0), (255, 1)), "threshold"),
    groups="image (patients are not named)",
    citation="Jha et al., Kvasir-SEG: a segmented polyp dataset, MMM 2020, doi:10.1007/978-3-030-37734-2_37",
    terms="research and education",
    tried="10 of 1000 images",
)

register_dataset(ENTRY)
