"""How long a run takes is estimated from its parts."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.training.loop import expected


def test_choosing_thresholds_of_objects_is_a_part(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "seconds_to_choose", lambda _: 1e6)
    assert 1e6 < expected.expected_seconds(small()) < 2e6
