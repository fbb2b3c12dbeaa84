"""Files that name the group of each case."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.comparison.groups import groups_of
from isthmus.errors import IsthmusError

CASES = ["a", "b_mask", "c.1"]


@pytest.mark.parametrize(
    "text",
    [
        "case,group\na,1\nb,1\nc.1,2\n",
        "patient;image\n1;a.png\n1;b.png\n2;c.1.nii.gz\n",
        "ID\tSlide\na\t1\nb_mask\t1\nc.1\t2\n\n",
    ],
)
def test_columns_separators_and_suffixes(tmp_path: Path, text: str) -> None:
    (tmp_path / "g.csv").write_text(text)
    assert groups_of(tmp_path / "g.csv", CASES) == {"a": "1", "b_mask": "1", "c.1": "2"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case,group\na,1\n", "names no group for 2 of 3 cases: b_mask, c.1"),
        ("a,1\nb,1\n", r"first line \(a, 1\) names no columns case and group"),
        ("", "has no two columns"),
        ("case,group\n" + "y" * 200_000, r"line 2: not valid CSV \(field larger than field limit"),
        ("case,group\na\n", "the line 'a' has no case or no group"),
        ("case,group\na,1\na,2\n", "puts case 'a' into two groups"),
    ],
)
def test_a_file_that_does_not_group_the_cases(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "g.csv").write_text(text)
    with pytest.raises(IsthmusError, match=message):
        groups_of(tmp_path / "g.csv", CASES)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match=r"g\.csv: cannot be read"):
        groups_of(tmp_path / "g.csv", CASES)
