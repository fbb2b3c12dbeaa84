"""The page on adding a data set: its code, installed as a plug-in, gives the data set that it promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...plugin_pages import CALL, SMALL, blocks, install, run
from .layouts import MASK, RGB, put

ENTRY, WRITER, TEST = blocks("add-a-data-set.md")


def _write(root: Path) -> None:
    names = {
        "Path": Path,
        "put": put,
        "RGB": RGB.repeat(8, 0).repeat(8, 1),
        "MASK": MASK.repeat(8, 0).repeat(8, 1),
    }
    exec(WRITER + f"chase(Path({str(root)!r}))", names)  # our own page


def test_the_data_set_of_the_page(tmp_path: Path) -> None:
    install(tmp_path, "chase_db1", ENTRY)
    _write(tmp_path / "größe 1" / "CHASEDB1")
    run(
        tmp_path,
        TEST
        + """
from pathlib import Path
from isthmus.data.catalog import DATASETS
from isthmus.data.checks.check import check_dataset

def chase(root):  # the files are there already
    pass

test_both_eyes_of_a_child_are_one_group(Path("größe 1"))
checked = check_dataset(DATASETS["chase-db1"].read(Path("größe 1")), workers=1)
assert checked.values == checked.dataset.values
""",
    )


@pytest.mark.slow  # a training in a process of its own
def test_the_command_line_knows_it(tmp_path: Path) -> None:
    install(tmp_path, "chase_db1", ENTRY)
    _write(tmp_path / "files")
    printed = run(
        tmp_path,
        CALL
        + f"""
call("data list")
call("data check chase-db1 files")
call("train chase-db1 --root files --out run {SMALL} protocol.allow_leak=true")  # the images are copies
""",
    )
    assert "CHASE_DB1" in printed
    assert (tmp_path / "run" / "cases.csv").is_file()
