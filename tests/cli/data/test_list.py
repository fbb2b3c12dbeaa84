"""``isthmus data list``."""

from __future__ import annotations

import pytest

from ..calls import call, table


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "list") == 0
    assert any(
        row[0] == "isbi-2012" and "train-volume.tif" in row[-1] for row in table(capsys.readouterr().out)
    )
