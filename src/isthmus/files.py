"""Reads text files, and writes files and folders completely or not at all: aside first, then renamed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from isthmus.errors import IsthmusError
from isthmus.machine import is_running

_HOST = re.sub(r"\W", "", platform.node())[:32] or "host"
_LEFTOVER = re.compile(r"\..+\.(?P<host>\w+)-(?P<process>\d+)\.part")

LONGEST_NAME = 255
"""The most bytes of a file name on most file systems."""

STALE = 24 * 3600
"""Seconds after which a leftover of another machine, whose processes cannot be seen from here, is stale."""


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` for a file or a folder, renamed to `path` if the block succeeds, else removed.

    Parent folders are created.

    Raises:
        IsthmusError: the path cannot be written (no space left, no permission, …); nothing is left behind.
    """
    beside = aside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise IsthmusError(
            f"{path}: cannot be written ({reason}); free space or choose another folder"
        ) from error
    finally:
        _remove(beside)


def aside(path: Path) -> Path:
    """Returns the path to which this process writes the future content of `path`; a digest replaces a long name."""
    end = f"{_HOST}-{os.getpid()}.part"
    name = path.name
    if len(os.fsencode(f".{name}.{end}")) > LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return path.with_name(f".{name}.{end}")


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a whole file or nothing; the content is on the disk before the file gets its name.

    Raises:
        IsthmusError: as `atomic_path`.
    """
    with atomic_path(path) as aside, aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_text(path: Path) -> str:
    """Reads a text file in UTF-8, with or without a byte order mark.

    Raises:
        IsthmusError: the file cannot be read, or is not such text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise IsthmusError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except ValueError as error:
        reason = str(error).partition(": ")[2] or error
        raise IsthmusError(
            f"{path}: not text in UTF-8 ({reason}); save it as UTF-8, or restore it"
        ) from error


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        IsthmusError: the file cannot be read, or is not JSON.
    """
    return parse_json(read_text(path), path)


def parse_json(text: str, path: Path) -> Any:
    """Returns the values of JSON text from a file.

    Raises:
        IsthmusError: the text is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise IsthmusError(
            f"{path}: not valid JSON ({error}); restore the file, or write it again"
        ) from error


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Reads the rows of a CSV file by the names in its first line; a missing cell is empty.

    Raises:
        IsthmusError: the file cannot be read, is not CSV, or lacks one of these columns.
    """
    try:
        reader = csv.DictReader(io.StringIO(read_text(path)), restkey="", restval="")
        rows = list(reader)
    except csv.Error as error:
        raise IsthmusError(f"{path}: not valid CSV ({error}); restore the file") from error
    lacking = [column for column in columns if column not in (reader.fieldnames or ())]
    if lacking:
        raise IsthmusError(f"{path}: has no column '{lacking[0]}'; restore the file")
    return rows


def read_cells(path: Path) -> list[tuple[int, list[str]]]:
    """Reads a CSV file that people wrote: its stripped cells, row by row, and the number of the last line of each.

    Commas, semicolons or tabs separate cells, whichever the first line has most of. Empty rows are left out.

    Raises:
        IsthmusError: the file cannot be read, or is not CSV.
    """
    text = read_text(path)
    first = text.partition("\n")[0]
    table = csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count), skipinitialspace=True)
    try:
        rows = [(table.line_num, [cell.strip() for cell in cells]) for cells in table]
    except csv.Error as error:
        raise IsthmusError(
            f"{path}, line {table.line_num}: not valid CSV ({error}); correct the line"
        ) from error
    return [(line, cells) for line, cells in rows if any(cells)]


def number(cell: str | None, path: Path) -> float | None:
    """Returns the number in a cell of a table; None if the cell is empty.

    Raises:
        IsthmusError: the cell holds no number.
    """
    try:
        return float(cell) if cell and cell.strip() else None
    except ValueError as error:
        raise IsthmusError(f"{path}: '{cell:.40}' is not a number; restore the file") from error


def user_cache() -> Path:
    """Returns the folder ``isthmus`` in the cache of the user (``XDG_CACHE_HOME``, else ``~/.cache``)."""
    home = os.path.expanduser("~")
    own = Path(home) / ".cache" if os.path.isabs(home) else Path(tempfile.gettempdir())
    return Path(os.environ.get("XDG_CACHE_HOME") or own) / "isthmus"


def sweep(folder: Path) -> list[Path]:
    """Removes what killed processes left in a folder while they were writing, and returns the removed paths.

    Files that a process of this machine is still writing stay.
    """
    stale = [path for path in folder.glob(".*.part") if _is_stale(path)]
    for path in stale:
        _remove(path)
    return stale


def _is_stale(path: Path) -> bool:
    match = _LEFTOVER.fullmatch(path.name)
    if match is None:
        return False
    if match["host"] != _HOST:
        with suppress(OSError):
            return time.time() - path.stat().st_mtime > STALE
        return False
    return not is_running(int(match["process"]))


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
