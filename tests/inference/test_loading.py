"""Prediction refuses what it cannot do with a run before it reads any of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.inference.loading import load

from .test_export import run_of


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"statistics": "imag"}, "unknown statistics 'imag': "),
        (
            {"statistics": "image", "engine": "openvino"},
            "statistics 'image' do not work with engine 'openvino'",
        ),
    ],
)
def test_mistakes_are_told_before_anything_is_read(how: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match=message):
        load(tmp_path / "none", **how)


def test_a_network_without_instance_normalisation_says_that_statistics_change_nothing(tmp_path: Path) -> None:
    found = load(run_of(tmp_path / "run"), device="cpu", engine="torch", statistics="image")
    assert found.localiser is None
    assert any("statistics 'image' change nothing" in note for note in found.notes)
    assert not any("statistics" in note for note in load(tmp_path / "run", engine="torch").notes)
