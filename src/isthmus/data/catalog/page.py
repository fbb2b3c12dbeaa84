"""The page of the documentation that lists the data sets: `python -m isthmus.data.catalog.page`."""

from __future__ import annotations

from isthmus.data.catalog import DATASETS, Entry

_OWN = """\
## Your own data

| | what it is |
|---|---|
| a folder | `images/`, `masks/` (or `imgs/`, `labels/`, …); a mask is called like its image, or with `_mask` behind |
| one folder | each image with its mask beside it, as `a.png` and `a_mask.png` |
| a folder a picture | `<id>/images/` with one file and `<id>/masks/` with a file for each object, as in DSB-2018 |
| a CSV | columns `image` and `mask`, and where wanted `group` (patient, slide) and `id` |
| nnU-Net | a folder with `dataset.json`, `imagesTr/CASE_0000.nii.gz` and `labelsTr/CASE.nii.gz`; \
voxels of its label `ignore` are neither learnt nor scored |
| Decathlon | a folder with a `dataset.json` that lists training pairs |

Files are PNG, JPEG, BMP, TIFF (8 to 32 bit, float, many pages), NIfTI, DICOM series (a folder each), MHA and NRRD.
A TIFF of N pages whose mask has N pages is N cases of one group; where the mask has one page, its pages are channels.
Volumes are brought to one orientation, without resampling, and predicted masks lie where the volume lay. What the
values in masks mean is found, printed and stored; `data.values` and `data.value_rule` in the recipe say it instead:

| `value_rule` | masks hold |
|---|---|
| `exact` | a value for each class |
| `threshold` | soft edges: 128 and more is foreground |
| `objects` | the number of an object: all but 0 is foreground |
"""

_HEAD = """\
# Data sets

Each is read from the folder in which its files are downloaded; nothing is downloaded by itself.

    isthmus data check NAME ROOT
    isthmus train NAME --root ROOT

Folds never separate a group. "Tried" says on which real files a reader was tried; all are tested on files
written in the layout described. The terms are those that the files came with: read them again where you
download.

This page is written by `python -m isthmus.data.catalog.page`.
"""


def page() -> str:
    """The whole page, in Markdown."""
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
    """What images are brought to, and the sizes in the papers, as people write them: width first."""
    told = f"{_sides(entry.resize)} unless told otherwise" if entry.resize else "as in the files"
    papers = ", ".join(f"{_sides(size)} ({paper})" for paper, size in entry.sizes.items())
    return told + (f"; in the papers {papers}" if papers else "")


def _sides(size: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in reversed(size))


def _values(held: tuple[int, ...]) -> str:
    return ", ".join(map(str, held))


def _tried(entry: Entry) -> str:
    return entry.tried or "not tried on the real files"


if __name__ == "__main__":
    print(page(), end="")
