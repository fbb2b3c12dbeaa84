"""Reads which cases belong together: the patient or slide of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from isthmus.comparison.frames import is_missing
from isthmus.errors import IsthmusError, few
from isthmus.evaluation.mask_pairs import matched_names
from isthmus.files import read_cells
from isthmus.io.formats import stem

HEADS = ("case", "image", "id", "file", "name")
"""Names of the column of cases."""
GROUPS = ("group", "patient", "subject", "slide", "cluster")
"""Names of the column of groups."""


def groups_of(given: Path | str | Mapping[str, object], cases: Sequence[str]) -> dict[str, str]:
    """Returns the group of each case.

    Args:
        given: a mapping from case to group, or a CSV with a column of cases (names of masks or images, with or
            without a suffix) and one of groups.
        cases: the cases that are compared.

    Raises:
        IsthmusError: the file cannot be read, or lacks cases.
    """
    where = "groups" if isinstance(given, Mapping) else str(given)
    if isinstance(given, Mapping):
        known = {str(case): str(group) for case, group in given.items() if not is_missing(group)}
    else:
        known = _read(Path(given))
    names = matched_names(cases, list(known), where)
    lacking = [case for case in cases if case not in names]
    if lacking:
        raise IsthmusError(
            f"{where}: names no group for {len(lacking)} of {len(cases)} cases: {few(lacking)}; add a line for each"
        )
    return {case: known[names[case]] for case in cases}


def _read(path: Path) -> dict[str, str]:
    rows = [cells for _, cells in read_cells(path)]
    if not rows or len(rows[0]) < 2:
        raise IsthmusError(f"{path}: has no two columns; write case,group and a line for each case")
    names = [name.lower() for name in rows[0]]
    case_at = next((names.index(name) for name in HEADS if name in names), None)
    group_at = next((names.index(name) for name in GROUPS if name in names), None)
    if case_at is None or group_at is None:
        raise IsthmusError(
            f"{path}: its first line ({', '.join(rows[0])}) names no columns case and group; write case,group above"
        )
    found: dict[str, str] = {}
    for cells in rows[1:]:
        if len(cells) <= max(case_at, group_at) or not cells[case_at] or not cells[group_at]:
            raise IsthmusError(f"{path}: the line '{','.join(cells)}' has no case or no group; fill it in")
        name = stem_of(cells[case_at])
        if found.setdefault(name, cells[group_at]) != cells[group_at]:
            raise IsthmusError(f"{path}: puts case '{name}' into two groups; keep one line")
    return found


def stem_of(name: str) -> str:
    """Returns the name of a case from that of its file; a dot that starts no known suffix belongs to the name.

    >>> stem_of("scans/p1.nii.gz"), stem_of("a_1.5x"), stem_of("b")
    ('scans/p1', 'a_1.5x', 'b')
    """
    from isthmus.io.formats import FORMATS, suffix

    path = Path(name.replace("\\", "/"))
    return (path.parent / stem(path)).as_posix() if suffix(path) in FORMATS else path.as_posix()
