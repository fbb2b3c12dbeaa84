"""The error that users are meant to read, and helpers for its message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class IsthmusError(ValueError):
    """A problem in the input that the user can solve.

    The message is one line: what was found, where, and what to do. The command line prints it and exits with code 2.
    Any other exception is a bug and keeps its traceback. It is a ``ValueError``, so that code which uses a single
    function of the library need not know this class.
    """


def nearest(name: str, valid: Iterable[str]) -> str:
    """Returns a phrase that helps with a mistyped name: the nearest valid name, and up to 16 of all valid names.

    >>> nearest("milnet", ["mildnet", "unet"])
    "did you mean 'mildnet'? (valid: mildnet, unet)"
    >>> nearest("x", ["mildnet", "unet"])
    'choose from mildnet, unet'
    """
    names = list(valid)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    listing = ", ".join(names) if len(names) <= 16 else ", ".join(names[:16]) + ", …"
    return f"did you mean '{close[0]}'? (valid: {listing})" if close else f"choose from {listing}"


def few(names: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    """Returns the first of some names, and their number if there are more.

    >>> few(["a", "b", "c"], most=2)
    'a, b, … (3)'
    """
    shown = [*names[:most], f"… ({len(names)})"] if len(names) > most else names
    return separator.join(shown)


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun, which takes an s in the plural.

    >>> counted(1, "fold"), counted(1200, "step")
    ('1 fold', '1,200 steps')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size_text(shape: Sequence[int]) -> str:
    """Returns a size as people write it: the last axis of the array first.

    >>> size_text((480, 640))
    '640 x 480'
    """
    return " x ".join(str(n) for n in reversed(shape))
