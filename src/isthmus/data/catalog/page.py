"""Writes the page of the documentation that lists the data sets: `python -m isthmus.data.catalog.page`."""

from __future__ import annotations

from isthmus.data.catalog import DATASETS, Entry
from isthmus.errors import size_text

_OWN = """\
## Your own data

| layout | contents |
|---|---|
| a folder | `images/` and `masks/` (or `imgs/`, `labels/`, …); a mask has the name of its image, or `_mask` after it |
| one folder | each image with its mask beside it, such as `a.png` and `a_mask.png` |
| a folder per image | `<id>/images/` with one file and `<id>/masks/` with one file per object, as in DSB-2018 |
| a CSV | the columns `image` and `mask`, and optionally `group` (patient, slide) and `id` |
| nnU-Net | a folder with `dataset.json`, `imagesTr/CASE_0000.nii.gz` and `labelsTr/CASE.nii.gz`; \
voxels of its label `ignore` are neither learned nor scored |
| Decathlon | a folder with a `dataset.json` that lists training pairs |

[Files](files.md) lists the formats that are read. A TIFF of N pages whose mask has N pages is N cases of one group;
if the mask has one page, the pages of the image are its channels. Volumes are brought to one orientation without
resampling, and predicted masks coincide with the original volume. The meaning of mask values is inferred, printed and
stored; `data.values` and `data.value_rule` in the recipe set it explicitly:

| `value_rule` | masks hold |
|---|---|
| `exact` | one value per class |
| `threshold` | soft edges: 128 and above is foreground |
| `objects` | the number of an object: all values but 0 are foreground |
"""

_HEAD = """\
# Data sets

Each data set is read from the folder to which you downloaded its files; nothing is downloaded automatically.

    isthmus data check NAME ROOT
    isthmus train NAME --root ROOT

Folds never separate a group. "Tried" names the real files on which a reader was tried; all readers are tested on files
written in the layout described. The terms are those that came with the files: read them again where you download
them. [Add a data set](add-a-data-set.md) shows how to register one of your own.

This page is written by `python -m isthmus.data.catalog.page`.
"""


def page() -> str:
    """Returns the whole page in Markdown."""
    table = ["| name | data set | tried on the real files |", "|---|---|---|"]
    table += [f"| [`{e.name}`](#{e.name}) | {e.title} | {_tried(e)} |" for e in DATASETS.values()]
    return "\n".join([_HEAD, *table, "", _OWN, *(_section(entry) for entry in DATASETS.values())])


def _section(entry: Entry) -> str:
    values = entry.values.describe(entry.classes) if entry.values else "every value in the masks is a class"
    rows = {
        "Layout": f"`{entry.layout}`",
        "Masks": values,
        "Groups": entry.groups,
        "Regions": "; ".join(f"{name} = {_values(held)}" for name, held in entry.regions.items()),
        "Size": _size(entry),
        "Cite": entry.citation,
        "Terms": entry.terms,
        "Tried": _tried(entry),
    }
    return "\n".join(
        [f"## {entry.name}", "", f"{entry.title}.", "", *(f"- {k}: {v}" for k, v in rows.items() if v), ""]
    )


def _size(entry: Entry) -> str:
    """Returns the default size of images and the sizes in the papers, width first."""
    default = f"{size_text(entry.resize)} by default" if entry.resize else "as in the files"
    papers = ", ".join(f"{size_text(size)} ({paper})" for paper, size in entry.sizes.items())
    return default + (f"; in the papers {papers}" if papers else "")


def _values(held: tuple[int, ...]) -> str:
    return ", ".join(map(str, held))


def _tried(entry: Entry) -> str:
    return entry.tried or "not tried on the real files"


if __name__ == "__main__":
    print(page(), end="")
