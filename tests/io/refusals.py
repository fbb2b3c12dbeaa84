"""The line with which a file is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isthmus.errors import IsthmusError
from isthmus.io.images import Source, read_image


def refusal(path: Path, read: Callable[[Source], Any] = read_image, **source: Any) -> str:
    """Returns the error of a file, which is one line and names the file."""
    with pytest.raises(IsthmusError) as caught:
        read(Source(path, **source))
    line = str(caught.value)
    assert "\n" not in line
    assert str(path) in line
    return line
