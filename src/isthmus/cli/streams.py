"""Standard streams that accept every text, whatever their encoding, even if they are closed."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from typing import Any, TextIO
from unicodedata import category

_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the direction of writing."""

PLAIN = {
    "→": "->",
    "←": "<-",
    "×": "x",
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "≥": ">=",
    "≤": "<=",
    "±": "+-",
    "·": ".",
    "•": "*",
    "µ": "u",
    "²": "^2",
    "³": "^3",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
}
"""Replacements for characters of our own messages that an encoding lacks."""


def prepare() -> None:
    """Makes the standard streams usable; must be called before anything is read or written.

    A closed stream (``2>&-``) is connected to the null device, so that none of our files gets its number. A character
    that the encoding lacks is written in plain letters or as its code.
    """
    codecs.register_error("isthmus", _spelled)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, _nowhere(number))
        if number and hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="isthmus")


def tell(line: str) -> None:
    """Writes a line to standard error; if that fails, work continues."""
    with suppress(OSError, ValueError):
        print(printable(line), file=sys.stderr, flush=True)


def show(result: object) -> None:
    """Writes a result to standard output as plain text; line breaks are kept."""
    print("\n".join(printable(line) for line in str(result).split("\n")))


def printable(text: str) -> str:
    """Returns a text in which nothing controls the terminal.

    Names of files may contain escape sequences, line breaks and marks that change the direction of writing; these are
    replaced by their codes.

    >>> printable("a\\x1b[31m.png")
    'a\\\\x1b[31m.png'
    """
    return "".join(c.encode("unicode_escape").decode() if _is_control(c) else c for c in text)


def _is_control(letter: str) -> bool:
    return letter in _DIRECTIONS or (
        not letter.isprintable() and category(letter) in ("Cc", "Cs", "Zl", "Zp")
    )


def breaks(stream: TextIO) -> bool:
    """Returns whether a stream accepts no more lines, and if so connects it to the null device."""
    try:
        print(file=stream, flush=True)
    except OSError:
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
        return True
    return False


def _nowhere(number: int) -> TextIO:
    """Opens the null device under the number of a stream, if that number is free."""
    with suppress(OSError):
        os.fstat(number)
        return open(os.devnull, "w" if number else "r", encoding="utf-8")  # a file has the number
    taken = os.open(os.devnull, os.O_RDWR)
    if taken != number:
        os.dup2(taken, number)
        os.close(taken)
    return open(number, "w" if number else "r", encoding="utf-8", closefd=False)


def _spelled(error: Any) -> tuple[str, int]:
    """Spells characters that an encoding lacks in ASCII; an error handler of `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    codes = (PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode("ascii") for c in lacking)
    return "".join(codes), error.end
