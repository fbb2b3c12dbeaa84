"""Reads a data set from a CSV that names an image and a mask in each line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from isthmus.data.case_paths import refuse_name
from isthmus.data.cases import Case, Dataset, clashes
from isthmus.data.checks.problems import refuse
from isthmus.data.expansion import expanded, with_axes
from isthmus.errors import IsthmusError, nearest
from isthmus.files import read_cells
from isthmus.io.formats import stem as file_stem

COLUMNS = ("image", "mask", "group", "id")
"""Columns of a CSV; the first two are required."""


def from_csv(path: Path, masks: bool = True, axes: str = "", channels: int | None = None) -> Dataset:
    """Reads a table with the columns `image` and `mask`, and optionally `group` and `id`.

    Paths are relative to the file; commas, semicolons or tabs separate. A case without an id has the name of its image
    (with as many folders as make it unique), a case without a group is one of its own. Stacks become cases by page, as
    in a folder.

    Args:
        masks: False: only the images count, and the column `mask` may be missing or empty.
        axes, channels: as in `isthmus.data.expansion.expanded`.

    Raises:
        IsthmusError: a column is missing or unknown, or lines do not fit (all of them are listed).
    """
    rows = _rows(path, ("image", "mask") if masks else ("image",))
    names = _names([Path(row["image"]) for _, row in rows])
    problems: list[str] = []
    cases: list[Case] = []
    for (line, row), name in zip(rows, names, strict=True):
        where = f"{path}, line {line}"
        stem = row["id"] or name
        if not row["image"] or (masks and not row["mask"]):
            problems.append(
                f"{where}: names no {'mask' if row['image'] else 'image'}; fill it in or drop the line"
            )
        elif row["id"] and (why := _no_name(stem)):
            problems.append(f"{where}: {why}")
        else:
            image, mask = path.parent / row["image"], path.parent / row["mask"] if masks else None
            missing = [
                f"{where}: no file {file}; paths are relative to the CSV"
                for file in (image, mask)
                if file is not None and not file.exists()
            ]
            problems += missing
            if not missing:
                cases += expanded(stem, image, mask, row["group"] or stem, problems, channels, axes)
    if not rows:
        raise IsthmusError(f"{path}: no lines below the header; name an image and a mask in each")
    problems += clashes(cases)
    refuse(problems, path)
    return with_axes(Dataset(path.stem, tuple(cases)))


def _no_name(case: str) -> str:
    """Returns why a case cannot have this name, or ""."""
    try:
        refuse_name(case)
    except IsthmusError as error:
        return str(error)
    return ""


def _rows(path: Path, needs: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Returns the line number and the cells by column of each line of a CSV."""
    (_, header), *table = read_cells(path) or [(0, [])]
    names = [name.lower() for name in header]
    for needed in needs:
        if needed not in names:
            found = ", ".join(name for name in names if name) or "nothing"
            raise IsthmusError(
                f"{path}: no column '{needed}' in its first line ({found}); the columns are image, mask"
            )
    for name, times in Counter(names).items():
        if name not in COLUMNS:
            raise IsthmusError(f"{path}: unknown column '{name}'; {nearest(name, COLUMNS)}")
        if times > 1:
            raise IsthmusError(f"{path}: the column '{name}' occurs twice; keep one")
    rows = []
    for line, cells in table:
        if len(cells) > len(names):
            raise IsthmusError(f"{path}, line {line}: more values than columns; put quotes around commas")
        padded = dict.fromkeys(COLUMNS, "") | dict(zip(names, cells, strict=False))
        if any(padded.values()):
            rows.append((line, padded))
    return rows


def _names(images: Sequence[Path]) -> list[str]:
    """Returns the stems of files, preceded by as many folders as make them unique.

    >>> _names([Path("a/x.png"), Path("b/x.png")])
    ['a/x', 'b/x']
    """
    paths = [
        [part for part in (image.parent / file_stem(image)).parts if part not in ("..", image.anchor)]
        for image in images
    ]
    for depth in range(1, max((len(parts) for parts in paths), default=1) + 1):
        names = ["/".join(parts[-depth:]) for parts in paths]
        if len(set(names)) == len(names):
            return names
    return ["/".join(parts[-1:]) for parts in paths]
