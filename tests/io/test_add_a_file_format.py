"""The page on adding a file format: its code, installed as a plug-in, reads and writes such files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.data.phantoms.cells import write_phantoms
from isthmus.io.images import Source, read_image

from ..plugin_pages import CALL, SMALL, blocks, install, run

FORMAT, TEST = blocks("add-a-file-format.md")


def test_the_format_of_the_page(tmp_path: Path) -> None:
    install(tmp_path, "npy", FORMAT)
    run(
        tmp_path,
        TEST
        + """
from pathlib import Path
for test in (test_arrays_are_read_as_numpy_writes_them, test_arrays_are_written_as_numpy_reads_them):
    test(Path())
""",
    )


@pytest.mark.slow  # a training in a process of its own
def test_the_command_line_reads_it(tmp_path: Path) -> None:
    install(tmp_path, "npy", FORMAT)
    write_phantoms(tmp_path / "data", 5, 64, seed=2)
    for path in sorted((tmp_path / "data").glob("*/*.png")):
        np.save(path.with_suffix(".npy"), read_image(Source(path))[0])
        path.unlink()
    printed = run(
        tmp_path,
        CALL
        + f"""
call("data check data")
call("train data --out run {SMALL}")
call("predict run data/images/phantom-003.npy --out masks")
call("evaluate masks data/masks --partial")
""",
    )
    assert "Dice" in printed
    assert (tmp_path / "masks" / "phantom-003.png").is_file()
