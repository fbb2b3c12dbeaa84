"""The stream of batches: complete, in order, and the same for any number of workers and any cache."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from isthmus.data.augment import flips_and_turns
from isthmus.data.cases import Case, Dataset
from isthmus.data.checks.check import check_dataset
from isthmus.data.rng import rng
from isthmus.data.sampling import loading
from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.intensity import intensity
from isthmus.data.sampling.patches import RandomPatches
from isthmus.data.sampling.samples import Samples, batch_sizes
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError

from . import makers
from .makers import SCALE, ZSCORE


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Seven images; image k is a gradient beginning at 10 k, its mask the pixels above its mean."""
    for k in range(7):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "masks").mkdir(exist_ok=True)
        image = (10 * k + np.add.outer(np.arange(20 + k), np.arange(30))).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / f"im{k}.png")
        Image.fromarray((image > image.mean()).astype(np.uint8) * np.uint8(255)).save(
            tmp_path / "masks" / f"im{k}.png"
        )
    return check_dataset(from_folder(tmp_path)).dataset


def make(dataset: Dataset, cases: Sequence[Case] | None = None, **options: Any) -> Samples:
    return makers.make(
        dataset, cases, **{"batch": 3, "grid": Grid((16, 16)), "seed": 1, "normaliser": ZSCORE} | options
    )


def stream(samples: Samples, epoch: int) -> list[tuple[bytes, bytes]]:
    return [(batch.images.tobytes(), batch.labels.tobytes()) for batch in samples.batches(epoch)]


def test_shapes_and_types(dataset: Dataset) -> None:
    samples = make(dataset, channels=3)
    batches = list(samples.batches(0))
    assert [images.shape for images, *_ in batches] == [(3, 3, 16, 16), (4, 3, 16, 16)]
    assert [labels.shape for _, labels, _ in batches] == [(3, 16, 16), (4, 16, 16)]
    assert len(samples) == 2
    assert {(images.dtype, labels.dtype) for images, labels, _ in batches} == {
        (np.dtype("f4"), np.dtype("u1"))
    }
    assert set(np.unique(batches[0][1])) == {0, 1}


def test_every_case_once_an_epoch_in_changing_order(dataset: Dataset) -> None:
    samples = make(dataset, normaliser=SCALE)
    first_pixels = [
        [round(float(i[0, 0, 0]) * 255) // 10 for b, *_ in samples.batches(e) for i in b] for e in range(3)
    ]
    assert all(sorted(order) == list(range(7)) for order in first_pixels)
    assert len({tuple(order) for order in first_pixels}) == 3


@pytest.mark.parametrize(
    "options",
    [{}, {"grid": Grid(), "patches": RandomPatches((12, 40)), "per_epoch": 17}],
    ids=["whole", "patch"],
)
def test_the_same_stream_whatever_the_workers_cache_and_order_of_cases(
    dataset: Dataset, options: Any
) -> None:
    options = {"augment": flips_and_turns, **options}
    expected = [stream(make(dataset, workers=0, **options), epoch) for epoch in range(3)]
    for other in (
        {"workers": 1},
        {"workers": 4},
        {"budget": 0},
        {"budget": 2000},
        {"cases": dataset.cases[::-1]},
    ):
        samples = make(dataset, **options, **other)
        assert [stream(samples, epoch) for epoch in (2, 0, 1)] == [expected[2], expected[0], expected[1]]
    assert len({str(epoch) for epoch in expected}) == 3
    assert stream(make(dataset, **options, seed=2), 0) != expected[0]


@pytest.mark.parametrize(
    "options", [{"augment": flips_and_turns}, {"patches": RandomPatches((12, 12)), "grid": Grid()}]
)
def test_a_case_is_seen_differently_in_every_epoch(dataset: Dataset, options: Any) -> None:
    samples = make(dataset, dataset.cases[:1], **options)
    seen = {samples.sample(epoch, 0)[0].tobytes() for epoch in range(12)}
    assert len(seen) > 4
    assert samples.sample(3, 0)[0].tobytes() == samples.sample(3, 0)[0].tobytes()


def test_another_seed_gives_another_stream(dataset: Dataset) -> None:
    assert stream(make(dataset, seed=1), 0) != stream(make(dataset, seed=2), 0)


def test_patches_come_from_the_image_at_its_own_scale(dataset: Dataset) -> None:
    samples = make(dataset, grid=Grid(), patches=RandomPatches((8, 8)), per_epoch=30, normaliser=SCALE)
    starts = set()
    for images, labels, _ in samples.batches(0):
        for image, label in zip(images, labels, strict=True):
            grey = np.rint(image[0] * 255).astype(int)
            np.testing.assert_array_equal(grey, grey[0, 0] + np.add.outer(np.arange(8), np.arange(8)))
            assert (np.diff(label.astype(int), axis=1) >= 0).all()  # the mask is the brighter side
            starts.add(grey[0, 0])
    assert len(starts) > 15


def test_patches_visit_the_cases_in_turn(dataset: Dataset) -> None:
    samples = make(dataset, grid=Grid(), patches=RandomPatches((8, 8)), per_epoch=16)
    visits = Counter(samples.place(0, index)[0] for index in range(16))
    assert sorted(visits.values()) == [2, 2, 2, 2, 2, 3, 3]
    turns = [[samples.place(0, turn * 7 + place)[0] for place in range(7)] for turn in range(4)]
    assert all(sorted(turn) == list(range(7)) for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1


def test_patches_larger_than_the_image_are_reflected(dataset: Dataset) -> None:
    samples = make(dataset, grid=Grid(), patches=RandomPatches((64, 64)), normaliser=SCALE)
    images, labels, _ = next(iter(samples.batches(0)))
    assert images.shape == (3, 1, 64, 64)
    assert images.min() >= 0
    assert set(np.unique(labels)) == {0, 1}


def test_patches_are_normalised_by_their_image(dataset: Dataset) -> None:
    samples = make(dataset, grid=Grid(), patches=RandomPatches((26, 30)), cases=dataset.cases[6:], batch=1)
    ((images, *_),) = samples.batches(0)
    with Image.open(dataset.cases[6].images[0].path) as picture:
        image = np.asarray(picture)[None]
    np.testing.assert_array_equal(images[0], intensity(image, "zscore").apply(image))


def test_patches_of_resized_images(dataset: Dataset) -> None:
    samples = make(dataset, grid=Grid((40, 40)), patches=RandomPatches((16, 16)))
    assert next(iter(samples.batches(0)))[0].shape == (3, 1, 16, 16)


def test_a_file_is_read_once_where_the_cache_has_room(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[str] = Counter()
    real = loading.load

    def counted(case: Any, *rest: Any, **options: Any) -> Any:
        reads[case.id] += 1
        return real(case, *rest, **options)

    monkeypatch.setattr(loading, "load", counted)
    samples = make(dataset)
    for epoch in range(3):
        list(samples.batches(epoch))
    assert set(reads.values()) == {1}
    reads.clear()
    one = 16 * 16 * (4 + 1)
    samples = make(dataset, budget=3 * one, workers=0)
    for epoch in range(3):
        list(samples.batches(epoch))
    assert sorted(reads.values()) == [1, 1, 1, 3, 3, 3, 3]


def test_a_file_that_breaks_during_training(dataset: Dataset) -> None:
    samples = make(dataset, budget=0)
    list(samples.batches(0))
    dataset.cases[3].images[0].path.write_bytes(b"")
    with pytest.raises(IsthmusError, match=r"im3\.png: the file is empty"):
        list(samples.batches(1))


def test_batches_left_early_leave_no_threads(dataset: Dataset) -> None:
    batches: Iterator[Any] = make(dataset, workers=3).batches(0)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("isthmus-samples")]


def test_no_cases(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="no cases"):
        make(dataset, cases=())


@given(st.integers(1, 300), st.integers(1, 20))
def test_batch_sizes(n: int, batch: int) -> None:
    sizes = batch_sizes(n, batch)
    assert sum(sizes) == n
    assert max(sizes) <= batch + 1
    assert all(size == batch for size in sizes[:-1])
    assert n == 1 or batch == 1 or min(sizes) > 1


def test_cuts_reach_every_place_equally() -> None:
    image = np.arange(5)[None, :, None] * np.ones((1, 1, 1))
    found = Counter(
        int(RandomPatches((3, 1)).cut(image, np.zeros((5, 1), np.uint8), rng(0, i))[0][0, 0, 0])
        for i in range(900)
    )
    assert sorted(found) == [0, 1, 2]
    assert min(found.values()) > 240
