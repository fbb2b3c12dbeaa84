"""From the name of a case to a file in an output folder: the one place that decides whether a name may become a path.

Names come from other people's files (`dataset.json`, CSV, archives). A name is taken only if it is plain on every
operating system, and only for a file inside the folder.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from isthmus.data.checks.problems import refuse
from isthmus.errors import IsthmusError
from isthmus.files import LONGEST_NAME, aside

LONGEST_ENDING = ".nii.gz"
"""The longest usual ending after the name of a case."""

_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"]
)
_WINDOWS = frozenset('<>"|?*')


def case_path(folder: Path, name: str, ending: str, below: str = "") -> Path:
    """``FOLDER/BELOW/<name><ending>``; the parts of a name that holds ``/`` are folders.

    Raises:
        IsthmusError: the name is no plain one, or the file would be too long a path, or lie outside the folder,
            as links in it lead elsewhere.
    """
    refuse_name(name, ending)
    path = folder / below / f"{name}{ending}"
    if len(os.fsencode(aside(path.absolute()))) > _longest_path():
        raise IsthmusError(f"{path}: too long a path for this system; choose a shorter name or folder")
    try:
        inside = path.parent.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # links that go round in a circle
        raise IsthmusError(f"{path}: cannot be written ({error}); remove the links in {folder}") from error
    if not inside:
        raise IsthmusError(
            f"{path}: a link leads out of {folder}, to {path.parent.resolve()}; choose another folder"
        )
    return path


def refuse_name(name: str, ending: str = LONGEST_ENDING) -> None:
    """Refuse the name of a case that cannot name its files.

    Raises:
        IsthmusError: it leads out of its folder, is reserved or forbidden on some system, or is too long.

    >>> refuse_name("..")
    Traceback (most recent call last):
        ...
    isthmus.errors.IsthmusError: the case '..' cannot be the name of a file: '..' leads to another folder; rename it
    """
    *folders, last = name.split("/")
    for part in (*folders, last):
        if why := _amiss(part):
            raise IsthmusError(f"the case '{name}' cannot be the name of a file: {why}; rename it")
    for part in (*folders, f"{last}{ending}"):
        if (size := len(os.fsencode(part))) > LONGEST_NAME:
            raise IsthmusError(
                f"the case '{name}' cannot be the name of a file: with its ending it takes {size} bytes, but "
                f"at most {LONGEST_NAME} fit; rename it"
            )


def refuse_no_text(name: str) -> None:
    """Refuse the name of a case that cannot stand in a table: its bytes are no text, or Python was told to read names
    of files in an encoding that lacks its letters.

    Raises:
        IsthmusError: it is such.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        try:
            os.fsencode(name).decode()
        except UnicodeError:
            raise IsthmusError(f"the case '{name}' has a name that is no text in UTF-8; rename it") from error
        raise IsthmusError(
            f"the case '{name}' has letters that Python is told not to read ({sys.getfilesystemencoding()} for names "
            "of files); set PYTHONUTF8=1"
        ) from error


def refuse_clashes(folder: Path, paths: Iterable[Path]) -> list[str]:
    """Refuse paths if one of them would replace another or be its folder.

    Returns:
        Lines to tell the user about paths that are two files here, but one where capitals, or the two spellings of an
        accented letter, do not count.

    Raises:
        IsthmusError: all clashes together.

    >>> refuse_clashes(Path("/"), [Path("/A.png"), Path("/a.png")])
    ['/A.png and /a.png are one file on systems that do not tell capitals or spellings of accents apart']
    """
    first: dict[str, Path] = {}
    refused: list[str] = []
    told: list[str] = []
    one = _is_one_for_both(folder)
    for path in paths:
        other = first.setdefault(_plain(path), path)
        if other == path and other is not path:
            refused.append(f"{path}: two cases would be written to it; rename one")
        elif other != path:
            line = f"{other} and {path} are one file on systems that do not tell capitals or spellings of accents apart"
            (refused if one else told).append(line)
    for path in first.values():
        for parent in path.parents:
            if (file := first.get(_plain(parent))) is not None:
                refused.append(f"{file}: would be a file, and the folder of {path.name}; rename one")
    refuse(refused, folder)
    return told


def _is_one_for_both(folder: Path) -> bool:
    """Whether capitals do not count in names on the file system of a folder, which need not exist yet."""
    here = next((each for each in (folder, *folder.parents) if each.exists()), folder).absolute()
    other = Path(str(here).swapcase())
    try:
        return other != here and other.samefile(here)
    except OSError:
        return False


def _amiss(part: str) -> str:
    """What is wrong with a part of a name; nothing where it is plain."""
    if not part:
        return "a part of it is empty"
    if part in (".", ".."):
        return f"'{part}' leads to another folder"
    if "\\" in part or ":" in part:
        return "it holds a backslash or a colon, which lead elsewhere on Windows"
    if any(unicodedata.category(letter) == "Cc" for letter in part):
        return "it holds a control character"
    try:
        os.fsencode(part)
    except UnicodeEncodeError:
        return "it holds bytes that are not text"
    if part[-1] in ". ":
        return "Windows drops a dot or a blank at the end"
    if part.partition(".")[0].rstrip().upper() in _DEVICES:
        return f"'{part}' is a device on Windows"
    if os.name == "nt" and _WINDOWS & set(part):
        return 'Windows does not take < > " | ? *'
    return ""


def _plain(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _longest_path() -> int:
    """Bytes of a path, at most."""
    if os.name == "nt":
        return 259  # more only where the machine was set up for it
    try:
        return os.pathconf("/", "PC_PATH_MAX") - 1
    except (OSError, ValueError):
        return 1023
