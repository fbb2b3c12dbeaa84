"""The clean-up of masks is remembered where it is not that of the run, and masks of different ones are not mixed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.inference.outputs.cleanup_record import NAME, CleanupRecord
from isthmus.runs.recipe import Cleanup

USUAL, OTHER = Cleanup(threshold=0.5, min_size=0), Cleanup(threshold=0.3, min_size=5)


def test_only_masks_of_another_clean_up_are_named(tmp_path: Path) -> None:
    assert not CleanupRecord.of(tmp_path, USUAL, USUAL).write([tmp_path / "a.png"])
    assert not (tmp_path / NAME).exists()
    assert CleanupRecord.of(tmp_path, USUAL, OTHER).write([tmp_path / "b" / "c.png", tmp_path / "a.png"])
    found = json.loads((tmp_path / NAME).read_text())["cleanup"]
    assert list(found) == ["a.png", "b/c.png"]
    assert Cleanup(**found["a.png"]) == OTHER
    CleanupRecord.of(tmp_path, USUAL, USUAL).write([tmp_path / "a.png"])  # made again, as usual
    assert list(json.loads((tmp_path / NAME).read_text())["cleanup"]) == ["b/c.png"]


def test_masks_of_another_clean_up_are_not_joined(tmp_path: Path) -> None:
    masks = [tmp_path / "a.png"]
    CleanupRecord.of(tmp_path, USUAL, OTHER).refuse_others([])
    with pytest.raises(
        IsthmusError, match=r"a\.png exists already, made with cleanup.threshold 0.5, and now"
    ):
        CleanupRecord.of(tmp_path, USUAL, OTHER).refuse_others(masks)
    CleanupRecord.of(tmp_path, USUAL, OTHER).write(masks)
    CleanupRecord.of(tmp_path, USUAL, OTHER).refuse_others(masks)
    for other in (USUAL, Cleanup(threshold=0.3)):
        with pytest.raises(IsthmusError, match="choose another --out, or replace masks with --overwrite"):
            CleanupRecord.of(tmp_path, USUAL, other).refuse_others(masks)


def test_masks_of_another_diameter_are_not_joined(tmp_path: Path) -> None:
    masks = [tmp_path / "a.png"]
    assert CleanupRecord.of(tmp_path, USUAL, USUAL, 20.0).write(masks)
    CleanupRecord.of(tmp_path, USUAL, USUAL, 20.0).refuse_others(masks)
    for other in (None, "auto", 21.0):
        with pytest.raises(IsthmusError, match=r"made with a diameter 20\.0, and now it is"):
            CleanupRecord.of(tmp_path, USUAL, USUAL, other).refuse_others(masks)


def test_keys_that_an_older_record_lacks_have_their_defaults(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"cleanup": {"a.png": {"threshold": 0.3, "min_size": 5}}}')
    CleanupRecord.of(tmp_path, USUAL, OTHER).refuse_others([tmp_path / "a.png"])


@pytest.mark.parametrize(
    "text", ["[]", "{}", "no", '{"cleanup": 3}', '{"a": {}}', '{"cleanup": {"a.png": {"threshold": 9}}}']
)
def test_another_file_of_that_name_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(IsthmusError, match=r"predict\.json") as error:
        CleanupRecord.of(tmp_path, USUAL, OTHER).refuse_others([tmp_path / "a.png"])
    assert "\n" not in str(error.value)
    assert (tmp_path / NAME).read_text() == text
