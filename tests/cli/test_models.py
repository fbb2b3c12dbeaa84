"""``isthmus models``."""

from __future__ import annotations

import pytest

from .calls import call


def test_models_lists_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models") == 0
    out = capsys.readouterr().out
    for cell in ("mildnet", "25,727,331", "7,262,750", "940"):
        assert cell in out
    assert call("models", "sharp_unet") == 0
    assert "section 4.2" in capsys.readouterr().out
