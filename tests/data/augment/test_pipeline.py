"""Whole pipelines: what must never happen to a label, one random stream from one generator, a sample or a batch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from isthmus.data.augment import (
    AUGMENTATIONS,
    HMEDN,
    HMEDN_BRATS,
    MILDNET,
    Noise,
    Pipeline,
    flips_and_turns,
    make_augmentation,
)
from isthmus.data.augment.pipeline import light
from isthmus.data.rng import rng
from isthmus.errors import IsthmusError

NAMES = [name for name in AUGMENTATIONS if name != "none"]


@settings(deadline=None, max_examples=120)
@given(
    st.sampled_from(NAMES),
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=3, max_side=9)),
    st.sampled_from([np.uint8, np.int16, np.float32]),
    st.integers(1, 5),
    st.integers(0, 10**6),
)
def test_a_label_never_gains_a_value(name: str, label: Any, kind: Any, channels: int, seed: int) -> None:
    augment = make_augmentation(name)
    assert augment is not None
    image = rng(seed).integers(0, 100, (channels, *label.shape)).astype(kind)
    before = image.copy(), label.copy()
    new_image, new_label = augment(image, label, rng(seed))
    assert (new_image.shape, new_label.shape) == (image.shape, label.shape)
    assert new_label.dtype == np.uint8
    if name != "flips":
        assert new_image.dtype == (np.uint8 if kind == np.uint8 else np.float32)
    assert set(np.unique(new_label)) <= set(np.unique(label))
    assert np.isfinite(new_image).all()
    assert new_image.flags.c_contiguous
    assert new_label.flags.c_contiguous
    for old, kept in zip((image, label), before, strict=True):
        np.testing.assert_array_equal(old, kept)
    again = augment(image, label, rng(seed))
    np.testing.assert_array_equal(new_image, again[0])
    np.testing.assert_array_equal(new_label, again[1])


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_same_samples_from_any_number_of_threads(workers: int) -> None:
    images = rng(0).integers(0, 256, (24, 3, 40, 44)).astype(np.uint8)

    def one(i: int) -> bytes:
        image = images[i][
            :, : 40 - i % 3
        ]  # sizes differ, so nothing that a thread keeps may be taken for another
        return MILDNET(image, (image[0] > 99).astype(np.uint8), rng(1, i))[0].tobytes()

    with ThreadPoolExecutor(workers) as pool:
        assert list(pool.map(one, range(24))) == [one(i) for i in range(24)]


def test_what_comes_back_is_a_copy() -> None:
    image, label = np.zeros((1, 4, 4), np.float32), np.zeros((4, 4), np.uint8)
    for shape in ((4, 4), (2, 4, 4)):
        image, label = np.zeros((1, *shape), np.float32), np.zeros(shape, np.uint8)
        new_image, new_label = Pipeline(())(image, label, rng(0))
        new_image += 1
        new_label += 1
        assert not image.any()
        assert not label.any()


@pytest.mark.parametrize("name", NAMES)
def test_other_generators_give_other_samples(name: str) -> None:
    augment = make_augmentation(name)
    assert augment is not None
    shape = (16, 16) if name != "hmedn-brats" else (8, 8, 8)
    label = rng(0).integers(0, 9, shape).astype(np.uint8)
    image = rng(1).random((5, *shape)).astype(np.float32)
    found = {augment(image, label, rng(2, i))[0].tobytes() for i in range(20)}
    assert len(found) >= (2 if name == "hmedn-ct" else 6)


@pytest.mark.parametrize("pipeline", [MILDNET, HMEDN])
def test_image_and_label_go_to_the_same_places(pipeline: Pipeline) -> None:
    blob = ndimage.gaussian_filter(rng(0).standard_normal((64, 64)), 8)
    label = (blob > 0).astype(np.uint8)
    geometry = Pipeline(pipeline.transforms[:7] if pipeline is HMEDN else pipeline.transforms[:6])
    moved = 0
    for seed in range(10):
        image, found = geometry(label[None].astype(np.float32), label, rng(seed))
        assert np.mean((image[0] > 0.5) != found) < 0.01
        moved += np.mean(found != label) > 0.05
    assert moved >= 8


@pytest.mark.parametrize(
    ("pipeline", "shape"), [(MILDNET, (48, 40)), (HMEDN, (48, 40)), (HMEDN, (12, 20, 16))]
)
def test_a_batch_is_what_its_samples_are_one_by_one(pipeline: Pipeline, shape: tuple[int, ...]) -> None:
    quiet = Pipeline(tuple(t for t in pipeline.transforms if not isinstance(t, Noise)))
    images = ndimage.gaussian_filter(rng(0).standard_normal((6, 3, *shape)), (0, 0, *(3,) * len(shape)))
    images = (images / np.abs(images).max()).astype(np.float32)
    labels = (images[:, 0] > 0).astype(np.uint8) * 7
    rngs = [rng(1, i) for i in range(6)]
    found, found_labels = quiet.batch(torch.from_numpy(images), torch.from_numpy(labels), rngs)
    assert found_labels.dtype == torch.uint8
    for i in range(6):
        image, label = quiet(images[i], labels[i], rng(1, i))
        np.testing.assert_allclose(found[i].numpy(), image, atol=1e-2)  # OpenCV 4 rounds places to 1/32 pixel
        assert np.mean(found_labels[i].numpy() != label) < 0.01
        assert np.abs(image - images[i]).max() > 0.05


def test_noise_of_a_batch_depends_on_the_sample_alone() -> None:
    pipeline = Pipeline((Noise(p=1),))
    images, labels = torch.full((3, 2, 30, 40), 0.5), torch.zeros((3, 30, 40), dtype=torch.uint8)
    within = (np.zeros(2), np.ones(2))
    together, _ = pipeline.batch(images, labels, [rng(i) for i in range(3)], within)
    for i in range(3):
        alone, _ = pipeline.batch(images[:1], labels[:1], [rng(i)], within)
        assert torch.equal(together[i], alone[0])
        sd = pipeline.draw((30, 40), 2, rng(i)).noise
        assert together[i].std().item() == pytest.approx(sd, rel=0.06)
    assert torch.equal(images, torch.full((3, 2, 30, 40), 0.5))


def test_a_batch_of_uint8_has_its_scale_and_one_of_float_its_own() -> None:
    pipeline = Pipeline((Noise(50, 50, p=1),))
    label = torch.zeros((1, 50, 50), dtype=torch.uint8)
    grey, _ = pipeline.batch(torch.full((1, 1, 50, 50), 100, dtype=torch.uint8), label, [rng(0)])
    assert grey.std().item() == pytest.approx(50**0.5, rel=0.05)
    flat, _ = pipeline.batch(torch.full((1, 1, 50, 50), 100.0), label, [rng(0)])
    assert (flat == 100).all()


def test_symmetries_of_a_cube() -> None:
    label = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    found = {HMEDN_BRATS(label[None], label, rng(i))[1].tobytes() for i in range(600)}
    assert len(found) == 48


def test_unknown_name() -> None:
    with pytest.raises(IsthmusError, match="did you mean 'mildnet'"):
        make_augmentation("mildnt")
    assert make_augmentation("none") is None


def test_light_flips_as_flips_do_and_changes_the_light_in_four_of_five_samples() -> None:
    image = rng(3).random((1, 6, 6)).astype(np.float32)
    label = (image[0] > 0.5).astype(np.uint8)
    same, slopes = 0, []
    for seed in range(200):
        flipped, moved = flips_and_turns(image, label, rng(seed))
        augment = make_augmentation("light")
        assert augment is light
        changed, found = augment(image, label, rng(seed))
        np.testing.assert_array_equal(found, moved)
        same += np.array_equal(changed, flipped)
        inside = (changed > changed.min()) & (changed < changed.max())  # what was clipped lies at the ends
        slope, offset = np.polyfit(flipped[inside], changed[inside], 1)
        np.testing.assert_allclose(changed[inside], slope * flipped[inside] + offset, atol=1e-5)
        slopes.append(slope)
    assert 30 <= same <= 50
    assert 0.75**2 - 1e-3 <= min(slopes) < 0.65  # brightness and contrast, each by up to a quarter
    assert 1.45 < max(slopes) <= 1.25**2 + 1e-3


def test_light_mixes_the_channels_of_colours_alone_and_keeps_bytes() -> None:
    grey = rng(3).integers(60, 120, (1, 6, 6)).astype(np.uint8)
    label = np.zeros((6, 6), np.uint8)
    coloured = 0
    for seed in range(20):
        colours = light(np.repeat(grey, 3, 0) // np.uint8([[[1]], [[2]], [[3]]]), label, rng(seed))[0]
        four = light(np.repeat(grey, 4, 0), label, rng(seed))[0]
        assert colours.dtype == four.dtype == np.uint8
        np.testing.assert_array_equal(four, np.repeat(four[:1], 4, 0))
        coloured += np.std(colours[0] / np.maximum(colours[1], 1)) < 1 and not np.allclose(
            colours[0].mean() / colours[2].mean(), 3, rtol=0.05
        )
    assert 10 <= coloured <= 18  # a change of saturation moves the channels' proportions
    volume, inside = rng(4).random((1, 3, 4, 4)).astype(np.float32), np.zeros((3, 4, 4), np.uint8)
    changed = [light(volume, inside, rng(seed))[0] for seed in range(10)]
    assert sum(not np.isin(each, volume).all() for each in changed) >= 5
