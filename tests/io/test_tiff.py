"""TIFF: types, compressions, pages, planes, palettes, orientation; and damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps

from isthmus.errors import IsthmusError
from isthmus.io import images as formats
from isthmus.io import tiff as tiffs
from isthmus.io.images import (
    Source,
    pages,
    probe,
    read_header,
    read_image,
    read_mask,
    write_image,
    write_mask,
)

RANDOM = np.random.default_rng(0)
TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]


def numbers(shape: tuple[int, ...], dtype: str) -> Any:
    if np.dtype(dtype).kind == "f":
        return RANDOM.normal(0, 100, shape).astype(dtype)
    info = np.iinfo(dtype)
    return RANDOM.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_number_type_in_both_byte_orders(tmp_path: Path, dtype: str, byteorder: Any) -> None:
    path, pixels = tmp_path / "x.tif", numbers((6, 5), dtype)
    tifffile.imwrite(path, pixels, byteorder=byteorder)
    image = read_image(Source(path))
    np.testing.assert_array_equal(image, pixels[None])
    assert image.dtype == np.dtype(dtype)
    assert image.dtype.isnative
    assert probe(Source(path)) == ((1, 6, 5), np.dtype(dtype))


@pytest.mark.parametrize("compression", [None, "deflate", "lzw", "packbits", "lzma", "zstd"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_compressions_and_planes(tmp_path: Path, compression: str | None, planes: Any) -> None:
    path, pixels = tmp_path / "x.tiff", numbers((33, 20, 3), "uint16")
    stored = pixels if planes == "contig" else np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(
        path, stored, photometric="rgb", planarconfig=planes, compression=compression, rowsperstrip=8
    )
    np.testing.assert_array_equal(read_image(Source(path)), np.moveaxis(pixels, -1, 0))


def test_tiles_and_predictor(tmp_path: Path) -> None:
    path, pixels = tmp_path / "x.tif", numbers((40, 50), "uint16")
    tifffile.imwrite(path, pixels, tile=(16, 16), compression="deflate", predictor=True)
    np.testing.assert_array_equal(read_image(Source(path))[0], pixels)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_alpha_is_dropped(tmp_path: Path, dtype: str) -> None:
    path, pixels = tmp_path / "x.tif", numbers((6, 5, 4), dtype)
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_image(Source(path)), np.moveaxis(pixels[..., :3], -1, 0))
    Image.fromarray(numbers((6, 5, 2), "uint8"), "LA").save(path)
    assert read_image(Source(path)).shape == (1, 6, 5)


def test_min_is_white_is_turned_round(tmp_path: Path) -> None:
    for dtype, top in (("uint8", 255), ("uint16", 65535)):
        path, pixels = tmp_path / f"{dtype}.tif", numbers((6, 5), dtype)
        tifffile.imwrite(path, pixels, photometric="miniswhite")
        np.testing.assert_array_equal(read_image(Source(path))[0], top - pixels)
        np.testing.assert_array_equal(
            read_mask(Source(path)), pixels
        )  # 0 is background, whatever the tag says
        assert read_header(Source(path)).inverted


def test_bilevel_in_both_polarities(tmp_path: Path) -> None:
    bits = RANDOM.random((6, 11)) < 0.5
    for photometric in ("minisblack", "miniswhite"):
        path = tmp_path / f"{photometric}.tif"
        tifffile.imwrite(path, bits, photometric=photometric)
        with Image.open(path) as picture:
            expected = np.asarray(picture.convert("L"))
        np.testing.assert_array_equal(read_image(Source(path))[0], expected)
        np.testing.assert_array_equal(read_mask(Source(path)), bits * np.uint8(255))
        assert probe(Source(path)) == ((1, 6, 11), np.dtype(np.uint8))


def test_palettes(tmp_path: Path) -> None:
    indices = RANDOM.integers(0, 3, (6, 5), dtype=np.uint8)
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 1], colours[:, 2] = (65535, 0, 0), (0, 257 * 128, 0)
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, indices, photometric="palette", colormap=colours)
    np.testing.assert_array_equal(read_image(Source(path)), (colours >> 8).astype(np.uint8)[:, indices])
    np.testing.assert_array_equal(read_mask(Source(path)), indices)
    assert probe(Source(path)) == ((3, 6, 5), np.dtype(np.uint8))
    greys = np.tile(np.arange(255, -1, -1, dtype=np.uint16) * 257, (3, 1))
    tifffile.imwrite(path, indices, photometric="palette", colormap=greys)
    np.testing.assert_array_equal(read_image(Source(path)), 255 - indices[None])
    np.testing.assert_array_equal(read_mask(Source(path)), indices)
    assert read_header(Source(path)).inverted


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_as_pillow_undoes_it(tmp_path: Path, orientation: int) -> None:
    path, pixels = tmp_path / "x.tif", numbers((6, 4, 3), "uint8")
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    turned = Image.fromarray(pixels)
    turned.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(turned))
    np.testing.assert_array_equal(read_image(Source(path)), np.moveaxis(expected, -1, 0))
    assert probe(Source(path))[0] == (3, *expected.shape[:2])


@pytest.mark.parametrize(
    ("form", "compression"),
    [("imagej", None)]  # ImageJ writes no compression
    + [(form, how) for form in ("shaped", "plain", "bigtiff", "ome") for how in (None, "deflate")],
)
def test_stacks_by_page_and_whole(tmp_path: Path, form: str, compression: str | None) -> None:
    stack, path = numbers((5, 6, 7), "uint8"), tmp_path / ("x.ome.tif" if form == "ome" else "x.tif")
    options: dict[str, Any] = {"imagej": {"imagej": True}, "bigtiff": {"bigtiff": True}}.get(form, {})
    if form == "plain":
        with tifffile.TiffWriter(path) as file:
            for page in stack:
                file.write(page, metadata=None, compression=compression)
    else:
        tifffile.imwrite(path, stack, compression=compression, **options)
    assert pages(path) == 5
    for index in range(5):
        np.testing.assert_array_equal(read_image(Source(path, index)), stack[index][None])
        np.testing.assert_array_equal(read_mask(Source(path, index)), stack[index])
        assert probe(Source(path, index))[0] == (1, 6, 7)
    np.testing.assert_array_equal(read_image(Source(path)), stack[None])
    assert probe(Source(path))[0] == (1, 5, 6, 7)
    for outside in (5, -1):
        with pytest.raises(IsthmusError, match="has no page"):
            read_image(Source(path, outside))


def test_a_stack_in_colours(tmp_path: Path) -> None:
    stack, path = numbers((4, 6, 5, 3), "uint8"), tmp_path / "x.tif"
    tifffile.imwrite(path, stack, photometric="rgb")
    assert pages(path) == 4
    np.testing.assert_array_equal(read_image(Source(path, 2)), np.moveaxis(stack[2], -1, 0))
    np.testing.assert_array_equal(read_image(Source(path)), np.moveaxis(stack, -1, 0))


@pytest.mark.parametrize("imagej", [True, False])
def test_channels_stored_as_pages_are_channels(tmp_path: Path, imagej: bool) -> None:
    stack, path = numbers((3, 2, 6, 5), "uint16"), tmp_path / "x.tif"
    tifffile.imwrite(path, stack, imagej=imagej, photometric="minisblack", metadata={"axes": "ZCYX"})
    assert pages(path) == 3
    np.testing.assert_array_equal(read_image(Source(path, 1)), stack[1])
    np.testing.assert_array_equal(read_image(Source(path)), stack.swapaxes(0, 1))


def test_pages_of_different_sizes_are_read_by_page(tmp_path: Path) -> None:
    path, first, second = tmp_path / "x.tif", numbers((6, 5), "uint8"), numbers((3, 9), "uint8")
    with tifffile.TiffWriter(path) as file:
        file.write(first, metadata=None)
        file.write(second, metadata=None)
    assert pages(path) == 2
    np.testing.assert_array_equal(read_image(Source(path, 1))[0], second)
    with pytest.raises(IsthmusError, match="2 pages of different sizes"):
        read_image(Source(path))


def test_a_thumbnail_is_no_page(tmp_path: Path) -> None:
    path, pixels = tmp_path / "x.tif", numbers((64, 64), "uint8")
    with tifffile.TiffWriter(path) as file:
        file.write(pixels, metadata=None)
        file.write(pixels[::8, ::8], subfiletype=1, metadata=None)
    assert pages(path) == 1
    np.testing.assert_array_equal(read_image(Source(path))[0], pixels)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity(tmp_path: Path, bad: float) -> None:
    path, pixels = tmp_path / "x.tif", numbers((6, 5), "float32")
    pixels[2, 3] = bad
    tifffile.imwrite(path, pixels)
    with pytest.raises(IsthmusError, match=r"x\.tif: 1 of 30 pixels are NaN or infinite"):
        read_image(Source(path))
    with pytest.raises(IsthmusError, match="whole numbers"):
        read_mask(Source(path))


def test_masks_of_floats(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.array([[0, 1], [2, 255]], np.float32))
    mask = read_mask(Source(path))
    assert mask.dtype == np.int32
    assert mask.tolist() == [[0, 1], [2, 255]]
    tifffile.imwrite(path, np.array([[0, 0.25]], np.float32))
    with pytest.raises(IsthmusError, match=r"the value 0\.25; .* threshold it"):
        read_mask(Source(path))


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.ones((3, 3), np.complex64))
    with pytest.raises(IsthmusError, match="complex64"):
        read_image(Source(path))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.4, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("form", ["plain", "deflate", "tiles", "stack", "deflate stack", "jpeg", "imagej"])
def test_truncated(tmp_path: Path, form: str, share: float) -> None:
    path = tmp_path / "x.tif"
    shape: tuple[int, ...] = (20, 40, 50) if "stack" in form or form == "imagej" else (64, 64)
    pixels = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    options: dict[str, Any] = {
        "deflate": {"compression": "deflate", "rowsperstrip": 8},
        "tiles": {"tile": (16, 16), "compression": "lzw"},
        "deflate stack": {"compression": "deflate"},
        "jpeg": {"compression": "jpeg", "rowsperstrip": 16},
        "imagej": {"imagej": True},
    }.get(form, {})
    tifffile.imwrite(path, pixels, **options)
    content = path.read_bytes()
    path.write_bytes(content[: max(9, int(len(content) * share))])
    with pytest.raises(IsthmusError, match=r"damaged or unsupported TIFF.*copy or export it again") as caught:
        read_image(Source(path))
    assert "\n" not in str(caught.value)


def test_a_loop_in_the_list_of_pages(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, numbers((6, 5), "uint8"), metadata=None, byteorder="<")
    content = bytearray(path.read_bytes())
    start = int.from_bytes(content[4:8], "little")
    end = start + 2 + 12 * int.from_bytes(content[start : start + 2], "little")
    content[end : end + 4] = content[4:8]
    path.write_bytes(bytes(content))
    with pytest.raises(IsthmusError, match="damaged"):
        pages(path)


@pytest.mark.parametrize(
    "content", [b"II*\0", b"II*\0" + b"\xff" * 30, b"II*\0\x08\0\0\0\0\0\0\0", b"MM\0+" + b"\0" * 9]
)
def test_nothing_but_a_signature(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(content)
    for read in (read_image, read_mask, probe):
        with pytest.raises(IsthmusError, match=r"x\.tif"):
            read(Source(path))
    with pytest.raises(IsthmusError, match=r"x\.tif"):
        pages(path)


def test_a_bomb_is_refused_from_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((7, 100, 100), np.uint8), compression="deflate")
    monkeypatch.setattr(tiffs, "read", lambda *_, **__: pytest.fail("decoded"))
    monkeypatch.setattr(formats, "MAX_PIXELS", 69999)  # all pages count when the whole file is asked for
    with pytest.raises(IsthmusError, match="100 x 100 x 7 pixels"):
        read_image(Source(path))
    monkeypatch.setattr(formats, "MAX_PIXELS", 9999)
    with pytest.raises(IsthmusError, match="100 x 100 pixels"):
        read_image(Source(path, 1))


@given(
    pixels=hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int16, np.int32, np.float32]),
        st.one_of(
            st.tuples(st.integers(1, 4), st.integers(1, 7), st.integers(1, 7)),
            st.tuples(st.integers(1, 4), st.integers(2, 4), st.integers(1, 7), st.integers(1, 7)),
        ),
        elements={"allow_nan": False, "allow_infinity": False},
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, pixels: Any) -> None:
    path = tmp_path_factory.mktemp("tif") / "x.tif"
    write_image(path, pixels)
    np.testing.assert_array_equal(read_image(Source(path)), pixels)
    assert probe(Source(path)) == (pixels.shape, pixels.dtype)
    if pixels.dtype.kind != "f":
        write_mask(path, pixels[0])
        np.testing.assert_array_equal(read_mask(Source(path)), pixels[0])


def test_a_fourth_sample_is_alpha_or_a_channel_as_the_file_says(tmp_path: Path) -> None:
    pixels = numbers((6, 5, 4), "uint8")
    for told_, channels in (("assocalpha", 3), ("unassalpha", 3), ("unspecified", 4)):
        path = tmp_path / f"{told_}.tif"
        tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=[told_])
        np.testing.assert_array_equal(read_image(Source(path)), np.moveaxis(pixels[..., :channels], -1, 0))
        assert probe(Source(path))[0] == (channels, 6, 5)
    planes = tmp_path / "planes.tif"
    stored = np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(planes, stored, photometric="rgb", planarconfig="separate", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_image(Source(planes)), stored[:3])


def test_inks_become_colours_as_in_pillow(tmp_path: Path) -> None:
    picture, path = Image.fromarray(numbers((6, 5, 4), "uint8"), "CMYK"), tmp_path / "x.tif"
    picture.save(path)
    expected = np.moveaxis(np.asarray(picture.convert("RGB")).astype(int), -1, 0)
    found = read_image(Source(path))
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert probe(Source(path)) == ((3, 6, 5), np.dtype(np.uint8))


def test_colours_that_are_not_read_are_refused(tmp_path: Path) -> None:
    path, picture = tmp_path / "x.tif", Image.fromarray(numbers((16, 16, 3), "uint8"))
    for mode, name in (("YCbCr", "YCBCR"), ("LAB", "CIELAB")):
        picture.convert("RGB").convert(mode).save(path)
        with pytest.raises(
            IsthmusError, match=f"stores its colours as {name}, which is not read; save it as RGB"
        ):
            read_image(Source(path))
    picture.convert("YCbCr").save(path, compression="jpeg")
    with Image.open(path) as stored:
        expected = np.asarray(stored.convert("RGB")).astype(int)
    assert np.abs(np.moveaxis(read_image(Source(path)), 0, -1) - expected).max() <= 3


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_a_mask_keeps_its_numbers_whatever_the_tag_says(tmp_path: Path, bits: int) -> None:
    stored = np.eye(6, dtype={1: bool, 8: np.uint8, 16: np.uint16}[bits])
    expected = stored * np.uint8(255) if bits == 1 else stored
    for photometric in ("minisblack", "miniswhite"):
        path = tmp_path / f"{photometric}.tif"
        tifffile.imwrite(path, stored, photometric=photometric)
        np.testing.assert_array_equal(read_mask(Source(path)), expected)
        assert read_header(Source(path)).inverted == (photometric == "miniswhite")


def test_a_mask_of_16_bits_keeps_its_numbers_under_a_palette_of_greys(tmp_path: Path) -> None:
    greys = np.repeat(np.arange(65536, dtype=np.uint16)[None], 3, axis=0)
    mask = np.array([[0, 1], [255, 300]], np.uint16)
    tifffile.imwrite(tmp_path / "m.tif", mask, photometric="palette", colormap=greys)
    np.testing.assert_array_equal(read_mask(Source(tmp_path / "m.tif")), mask)


def test_a_mask_of_half_floats_is_read_without_a_warning(tmp_path: Path) -> None:
    mask = np.array([[0, 1], [2, 3]], np.float16)
    tifffile.imwrite(tmp_path / "m.tif", mask)
    np.testing.assert_array_equal(read_mask(Source(tmp_path / "m.tif")), mask)
