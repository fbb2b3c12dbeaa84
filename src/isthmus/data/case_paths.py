"""Turns the name of a case into a file in an output folder: no other module decides whether a name may become a path.

Names come from other people's files (`dataset.json`, CSV, archives). A name is accepted only if it is valid on every
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
    """Returns ``FOLDER/BELOW/<name><ending>``; a ``/`` in the name separates folders.

    Raises:
        IsthmusError: the name is not valid, or the path is too long or leads out of the folder through a link.
    """
    refuse_name(name, ending)
    path = folder / below / f"{name}{ending}"
    if len(os.fsencode(aside(path.absolute()))) > _longest_path():
        raise IsthmusError(f"{path}: the path is too long for this system; choose a shorter name or folder")
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
    """Refuses the name of a case that cannot name its files.

    Raises:
        IsthmusError: the name leads out of its folder, is reserved or forbidden on some system, or is too long.

    >>> refuse_name("..")
    Traceback (most recent call last):
        ...
    isthmus.errors.IsthmusError: the case '..' cannot be the name of a file: '..' leads to another folder; rename it
    """
    *folders, last = name.split("/")
    for part in (*folders, last):
        if why := _fault(part):
            raise IsthmusError(f"the case '{name}' cannot be the name of a file: {why}; rename it")
    for part in (*folders, f"{last}{ending}"):
        if (size := len(os.fsencode(part))) > LONGEST_NAME:
            raise IsthmusError(
                f"the case '{name}' cannot be the name of a file: with its ending it takes {size} bytes, but "
                f"at most {LONGEST_NAME} fit; rename it"
            )


def refuse_no_text(name: str) -> None:
    """Refuses the name of a case that cannot be written to a table.

    Raises:
        IsthmusError: the name is not text in UTF-8, or Python was told to read file names in an encoding that lacks its
            letters.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        try:
            os.fsencode(name).decode()
        except UnicodeError:
            raise IsthmusError(
                f"the case '{name}' has a name that is not text in UTF-8; rename it"
            ) from error
        raise IsthmusError(
            f"the case '{name}' has letters that Python cannot read (it uses {sys.getfilesystemencoding()} for file "
            "names); set PYTHONUTF8=1"
        ) from error


def refuse_clashes(folder: Path, paths: Iterable[Path]) -> list[str]:
    """Refuses paths if one of them would replace another, or be its folder.

    Returns:
        Lines for the user about paths that are two files here, but one file on systems that ignore case or the two
        spellings of an accented letter.

    Raises:
        IsthmusError: lists all clashes.

    >>> refuse_clashes(Path("/"), [Path("/A.png"), Path("/a.png")])
    ['/A.png and /a.png are the same file on systems that ignore case or the spelling of accents']
    """
    first: dict[str, Path] = {}
    refused: list[str] = []
    notes: list[str] = []
    one = _ignores_case(folder)
    for path in paths:
        other = first.setdefault(_plain(path), path)
        if other == path and other is not path:
            refused.append(f"{path}: two cases would be written to it; rename one")
        elif other != path:
            line = (
                f"{other} and {path} are the same file on systems that ignore case or the spelling of accents"
            )
            (refused if one else notes).append(line)
    for path in first.values():
        for parent in path.parents:
            if (file := first.get(_plain(parent))) is not None:
                refused.append(f"{file}: would be both a file and the folder of {path.name}; rename one")
    refuse(refused, folder)
    return notes


def _ignores_case(folder: Path) -> bool:
    """Returns whether the file system of a folder, which need not exist yet, ignores case."""
    here = next((each for each in (folder, *folder.parents) if each.exists()), folder).absolute()
    other = Path(str(here).swapcase())
    try:
        return other != here and other.samefile(here)
    except OSError:
        return False


def _fault(part: str) -> str:
    """Returns what is wrong with a part of a name; "" if it is valid."""
    if not part:
        return "a part of it is empty"
    if part in (".", ".."):
        return f"'{part}' leads to another folder"
    if "\\" in part or ":" in part:
        return "it contains a backslash or a colon, which lead elsewhere on Windows"
    if any(unicodedata.category(letter) == "Cc" for letter in part):
        return "it contains a control character"
    try:
        os.fsencode(part)
    except UnicodeEncodeError:
        return "it contains bytes that are not text"
    if part[-1] in ". ":
        return "Windows drops a dot or a space at the end"
    if part.partition(".")[0].rstrip().upper() in _DEVICES:
        return f"'{part}' is a device on Windows"
    if os.name == "nt" and _WINDOWS & set(part):
        return 'Windows does not accept < > " | ? *'
    return ""


def _plain(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _longest_path() -> int:
    """Returns the largest number of bytes of a path."""
    if os.name == "nt":
        return 259  # the default; a machine can be configured for more
    try:
        return os.pathconf("/", "PC_PATH_MAX") - 1
    except (OSError, ValueError):
        return 1023
