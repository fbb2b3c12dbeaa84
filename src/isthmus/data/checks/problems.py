"""Many mistakes, one error: what is wrong with a data set is collected and told together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from isthmus.errors import IsthmusError

SHOWN = 20

_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[list[str]]:
    """Inside, `refuse` raises nothing: the problems are in the list, and what is not named there goes on.

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
    """Raise one `IsthmusError` with the first `SHOWN` problems, if any; one problem alone is one line."""
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
