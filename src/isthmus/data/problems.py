"""Many mistakes, one error: what is wrong with a data set is collected and told together."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.errors import IsthmusError

SHOWN = 20


def refuse(problems: Sequence[str], where: object) -> None:
    """Raise one `IsthmusError` with the first `SHOWN` problems, if any; one problem alone is one line."""
    if len(problems) == 1:
        raise IsthmusError(problems[0])
    if problems:
        lines = [f"{len(problems)} problems in {where}:", *problems[:SHOWN]]
        if len(problems) > SHOWN:
            lines.append(f"… and {len(problems) - SHOWN} more")
        raise IsthmusError("\n  ".join(lines))
