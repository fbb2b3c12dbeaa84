"""Opening every file once: facts, threads, an interrupt."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isthmus.data.checks.check import check_dataset
from isthmus.data.checks.survey import count_values
from isthmus.data.masks.values import ValueMap
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError


def test_facts(pairs: Any) -> None:
    root = pairs(6, (24, 20))
    calls: list[tuple[int, int]] = []
    checked = check_dataset(from_folder(root), lambda *at: calls.append(at), workers=3)
    assert calls == [(i, 6) for i in range(1, 7)]
    assert checked.values == checked.dataset.values == ValueMap(((0, 0), (255, 1)))
    assert checked.dataset.classes == ("background", "foreground")
    assert checked.channels == 1
    facts = checked.cases[2]
    assert (facts.id, facts.shape, facts.dtype) == ("im2", (1, 24, 20), "uint8")
    path = root / "images" / "im2.png"
    assert facts.sha256[str(path)] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(facts.sha256) == {str(path), str(root / "masks" / "im2.png")}
    with Image.open(root / "masks" / "im2.png") as mask:
        share = float((np.asarray(mask) == 255).mean())
    assert facts.shares == pytest.approx((1 - share, share))


def test_the_number_of_workers_changes_nothing(pairs: Any) -> None:
    dataset = from_folder(pairs(5))
    assert check_dataset(dataset, workers=1) == check_dataset(dataset, workers=4)


def test_images_taken_for_masks(pairs: Any) -> None:
    root = pairs(3)
    (root / "images").rename(root / "tmp")
    (root / "masks").rename(root / "images")
    (root / "tmp").rename(root / "masks")
    with pytest.raises(IsthmusError, match="looks like an image, not like a mask"):
        check_dataset(from_folder(root))


def test_object_maps_are_flat_and_pass(pairs: Any) -> None:
    cells = np.kron(np.arange(1, 61, dtype=np.uint8).reshape(6, 10), np.ones((4, 2), np.uint8))
    cells[::4] = 0
    checked = check_dataset(from_folder(pairs(3, (24, 20), [cells] * 3)))
    assert checked.values.rule == "objects"
    assert checked.cases[0].shares == pytest.approx((0.25, 0.75))


def test_an_interrupt_stops_the_workers(pairs: Any) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_dataset(from_folder(pairs(6)), interrupt)


def test_count_values_in_every_type() -> None:
    for dtype in (np.uint8, np.uint16, np.int32, np.int64):
        assert count_values(np.array([[3, 0], [3, 3]], dtype)) == {0: 1, 3: 3}
