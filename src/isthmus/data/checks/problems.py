"""Collects the problems of a data set and reports them in one error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from isthmus.errors import IsthmusError

SHOWN = 20
"""Problems that an error lists."""

_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[list[str]]:
    """Makes `refuse` append problems to a list instead of raising, so that reading continues with the other cases.

    >>> with collecting() as problems:
    ...     refuse(["a.png: no mask"], "folder")
    >>> problems
    ['a.png: no mask']
    """
    problems: list[str] = []
    token = _collected.set(problems)
    try:
        yield problems
    finally:
        _collected.reset(token)


def refuse(problems: Sequence[str], where: object) -> None:
    """Raises one `IsthmusError` with the first `SHOWN` problems, if there are any; a single problem is one line."""
    collected = _collected.get()
    if collected is not None:
        collected.extend(problems)
        return
    if len(problems) == 1:
        raise IsthmusError(problems[0])
    if problems:
        lines = [f"{len(problems)} problems in {where}:", *problems[:SHOWN]]
        if len(problems) > SHOWN:
            lines.append(f"… and {len(problems) - SHOWN} more")
        raise IsthmusError("\n  ".join(lines))
