"""Copies are found whatever their format, look-alikes whatever their coding, other pictures are not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from isthmus.data.checks import duplicates as module
from isthmus.data.checks.duplicates import (
    duplicates,
    near_between,
    near_duplicates,
    near_pairs,
    perceptual_hash,
    pixel_hash,
)
from isthmus.data.phantoms.cells import phantom
from isthmus.data.rng import rng
from isthmus.io.images import Source, read_image

bits64 = st.integers(0, 2**64 - 1)


def picture(index: int, size: int = 96) -> NDArray[np.uint8]:
    return phantom(size, rng(0, "picture", index))[0][None]


def apart(a: int, b: int) -> int:
    return bin(a ^ b).count("1")


def test_the_same_pixels_have_one_hash_in_every_format(tmp_path: Path) -> None:
    pixels = picture(0)[0]
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "b.tif", compression="tiff_lzw")
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "c.bmp")
    Image.fromarray(pixels.astype(np.uint16)).save(tmp_path / "d.png")
    hashes = {pixel_hash(read_image(Source(path))) for path in tmp_path.iterdir()}
    assert len(hashes) == 1
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 4


def test_other_pixels_have_another_hash() -> None:
    image = picture(0)
    other = image.copy()
    other[0, 5, 5] ^= 1
    colour = np.concatenate([image, image, other])
    hashes = {pixel_hash(a) for a in (image, other, image[:, ::-1], colour, image.reshape(1, 48, 192))}
    hashes |= {pixel_hash(image.astype(np.int16) - 1), pixel_hash(image.astype(np.uint16) * 257)}
    assert len(hashes) == 7
    assert pixel_hash(image.astype(">u2")) == pixel_hash(image)
    assert pixel_hash(image.astype(">f4")) == pixel_hash(image.astype("<f4"))


def test_coding_size_and_light_hardly_change_how_a_picture_looks() -> None:
    for index in range(6):
        image = picture(index)
        known = perceptual_hash(image)
        buffer = io.BytesIO()
        Image.fromarray(image[0]).save(buffer, "jpeg", quality=60)
        half = Image.fromarray(image[0]).resize((48, 48), Image.Resampling.BOX)
        variants: list[NDArray[Any]] = [
            np.asarray(Image.open(buffer))[None],
            np.asarray(half)[None],
            image.astype(np.float32) * 0.5 + 20,
            np.repeat(image, 3, axis=0),
            np.repeat(image[:, None], 4, axis=1),  # a volume of equal slices
            image.astype(np.int32) * 1000 - 5000,
        ]
        assert all(apart(perceptual_hash(variant), known) <= 4 for variant in variants)


def test_different_pictures_look_different() -> None:
    hashes = [perceptual_hash(picture(index)) for index in range(20)]
    assert min(apart(a, b) for i, a in enumerate(hashes) for b in hashes[:i]) > 8
    assert all(0 <= value < 2**63 for value in hashes)


@pytest.mark.parametrize("value", [0, 255, 1e6, -3.7])
def test_a_picture_of_one_value_has_the_hash_0(value: float) -> None:
    assert perceptual_hash(np.full((3, 40, 50), value, np.float32)) == 0


def test_a_picture_of_one_pixel() -> None:
    assert perceptual_hash(np.full((1, 1, 1), 9, np.uint8)) == 0
    assert len(pixel_hash(np.full((1, 1, 1), 9, np.uint8))) == 64


@given(st.lists(bits64, max_size=30), st.lists(bits64, max_size=30), st.integers(0, 40))
def test_pairs_are_those_of_brute_force(left: list[int], right: list[int], distance: int) -> None:
    one, other = np.array(left, np.uint64), np.array(right, np.uint64)
    found = {
        (int(i), int(j), int(d))
        for at, to, bits in near_pairs(one, other, distance)
        for i, j, d in zip(at, to, bits, strict=True)
    }
    expected = {(i, j, apart(a, b)) for i, a in enumerate(left) for j, b in enumerate(right)}
    assert found == {pair for pair in expected if pair[2] <= distance}


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    values = {f"{i:03d}": int(random.integers(2**8)) << 20 for i in range(200)}
    whole = near_duplicates(values, 1), near_between(list(values)[:90], list(values)[90:], values, 2)
    monkeypatch.setattr(module, "CHUNK", 100)
    assert (
        near_duplicates(values, 1),
        near_between(list(values)[:90], list(values)[90:], values, 2),
    ) == whole


def test_counting_ones_without_numpy_2(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.array([[0, 1, 2**64 - 1], [2**63, 0xFF00FF, 12345678901234567890]], np.uint64)
    known = [[bin(int(value)).count("1") for value in row] for row in values]
    assert module._popcount(values).tolist() == known
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert module._popcount(values).tolist() == known


def test_sets_are_joined_by_pairs() -> None:
    chain = {"a": 0b0, "b": 0b1111, "c": 0b11111111, "d": 2**40 - 1, "e": 0b0}
    assert near_duplicates(chain, 4) == [("a", "b", "c", "e")]
    assert near_duplicates(chain, 3) == [("a", "e")]
    assert near_duplicates(chain, 0) == [("a", "e")]
    assert near_duplicates({}, 4) == []
    assert duplicates({"x": "1", "y": "2"}) == []
    assert duplicates({"c": "1", "a": "1", "b": "2", "d": "2", "e": "3"}) == [("a", "c"), ("b", "d")]


def test_pairs_between_two_sides_start_with_the_nearest() -> None:
    values = {"a": 0b0, "b": 0b111, "c": 0b1, "d": 0b11111111, "e": 0b0}
    assert near_between(["a", "b"], ["c", "d", "e"], values, 2) == [
        ("a", "e", 0),
        ("a", "c", 1),
        ("b", "c", 2),
    ]


def test_one_pair_among_millions() -> None:
    random = np.random.default_rng(1)
    values = random.integers(2**63, size=4000, dtype=np.uint64)
    values[17] = values[3900] ^ np.uint64(0b101)
    found = [
        (i, j) for at, to, _ in near_pairs(values, values, 4) for i, j in zip(at, to, strict=True) if i < j
    ]
    assert found == [(17, 3900)]


def test_real_pictures_differ_and_frames_of_a_sequence_do_not(shared_data: Path) -> None:
    def hashes(pattern: str) -> list[int]:
        files = sorted(shared_data.glob(pattern))
        assert files
        return [perceptual_hash(read_image(Source(path))) for path in files]

    slides = hashes("glas-2015/converted-jpg-png/*.jpg") + hashes("kvasir-seg/Kvasir-SEG/images/*.jpg")
    assert min(apart(a, b) for i, a in enumerate(slides) for b in slides[:i]) > 4
    frames = hashes("cvc-clinicdb/CVC-ClinicDB/Original/*.tif")
    assert min(apart(a, b) for i, a in enumerate(frames) for b in frames[:i]) <= 4


@given(
    st.lists(st.integers(-300, 70_000), min_size=4, max_size=4),
    st.sampled_from(["int32", "int64", "float32", "float64", "uint32"]),
)
def test_equal_numbers_have_one_hash_whatever_the_type(numbers: list[int], kind: str) -> None:
    image = np.array(numbers, np.int64).reshape(1, 2, 2)
    if kind == "uint32":
        image = np.abs(image)
    assert pixel_hash(image.astype(kind)) == pixel_hash(image)
    assert pixel_hash(image + 1) != pixel_hash(image)


def test_fractions_are_told_from_their_rounding() -> None:
    halves = np.array([[[0.5, 1.25]]], np.float64)
    assert pixel_hash(halves) == pixel_hash(halves.astype(np.float32))
    assert pixel_hash(halves) != pixel_hash(np.rint(halves))
    assert pixel_hash(halves + 1e-12) != pixel_hash(halves)
