"""Standard streams that take every text, whatever their encoding and whether they are open."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from typing import Any, TextIO
from unicodedata import category

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing."""

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
"""How characters of our own messages are written where the encoding lacks them."""


def prepare() -> None:
    """Make the standard streams usable; called before anything is read or written.

    A stream that is closed (``2>&-``) leads to the null device, so that no file of ours takes its number. A character
    that an encoding lacks is written in plain letters, or as its code.
    """
    codecs.register_error("isthmus", _spelled)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, _nowhere(number))
        if number and hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="isthmus")


def tell(line: str) -> None:
    """A line on standard error; if it cannot be written, work goes on."""
    with suppress(OSError, ValueError):
        print(printable(line), file=sys.stderr, flush=True)


def show(result: object) -> None:
    """Results on standard output, in plain text: lines stay lines."""
    print("\n".join(printable(line) for line in str(result).split("\n")))


def printable(text: str) -> str:
    """Text in which nothing steers the terminal: names of files may hold escapes, line breaks and marks that turn the
    direction of writing, which are shown as their codes.

    >>> printable("a\\x1b[31m.png")
    'a\\\\x1b[31m.png'
    """
    return "".join(c.encode("unicode_escape").decode() if _steers(c) else c for c in text)


def _steers(letter: str) -> bool:
    return letter in _TURNS or (not letter.isprintable() and category(letter) in ("Cc", "Cs", "Zl", "Zp"))


def breaks(stream: TextIO) -> bool:
    """Whether a stream takes no more lines; from then on it leads to the null device."""
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
    """The null device under the number of a stream, where that is free."""
    with suppress(OSError):
        os.fstat(number)
        return open(os.devnull, "w" if number else "r", encoding="utf-8")  # the number is taken by a file
    taken = os.open(os.devnull, os.O_RDWR)
    if taken != number:
        os.dup2(taken, number)
        os.close(taken)
    return open(number, "w" if number else "r", encoding="utf-8", closefd=False)


def _spelled(error: Any) -> tuple[str, int]:
    """How characters that an encoding lacks are spelled in ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    codes = (PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode("ascii") for c in lacking)
    return "".join(codes), error.end
