"""PNG, JPEG, BMP: every mode, without loss; and everything that is not an image."""

from __future__ import annotations

import io
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps

from isthmus.errors import IsthmusError
from isthmus.io import images
from isthmus.io.images import Source, pages, probe, read_image, read_mask

from .refusals import refusal

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (7, 5), dtype=np.uint8)
RGB = RANDOM.integers(0, 256, (7, 5, 3), dtype=np.uint8)


def written(path: Path, content: bytes | bytearray) -> Path:
    path.write_bytes(bytes(content))
    return path


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "bmp"])
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_eight_bits(tmp_path: Path, kind: str, pixels: Any) -> None:
    path = written(tmp_path / f"x.{kind}", encoded(Image.fromarray(pixels), kind))
    expected = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    image = read_image(Source(path))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, expected)
    assert image.flags.c_contiguous


def test_jpeg_is_what_another_decoder_says(tmp_path: Path) -> None:
    smooth = cv2.resize(RGB, (64, 64))
    path = written(tmp_path / "x.jpg", encoded(Image.fromarray(smooth), "JPEG", quality=95))
    expected = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).transpose(2, 0, 1)
    assert np.abs(read_image(Source(path)).astype(int) - expected).max() <= 2
    grey = written(tmp_path / "g.JPEG", encoded(Image.fromarray(smooth[..., 0]), "JPEG"))
    assert read_image(Source(grey)).shape == (1, 64, 64)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bit_png_without_loss_and_without_alpha(tmp_path: Path, channels: int) -> None:
    pixels = RANDOM.integers(0, 65536, (7, 5, channels), dtype=np.uint16)
    path = written(tmp_path / "x.png", imagecodecs.png_encode(pixels if channels > 1 else pixels[..., 0]))
    kept = {1: 1, 2: 1, 3: 3, 4: 3}[channels]
    image = read_image(Source(path))
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, pixels[..., :kept].transpose(2, 0, 1))


@pytest.mark.parametrize(("mode", "channels"), [("LA", 1), ("RGBA", 3)])
def test_alpha_is_dropped_not_blended(tmp_path: Path, mode: str, channels: int) -> None:
    pixels = RANDOM.integers(0, 256, (7, 5, channels + 1), dtype=np.uint8)
    path = written(tmp_path / "x.png", encoded(Image.fromarray(pixels, mode), "PNG"))
    np.testing.assert_array_equal(read_image(Source(path)), pixels[..., :channels].transpose(2, 0, 1))


def test_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jpg", encoded(Image.new("CMYK", (5, 7), (0, 255, 255, 0)), "JPEG"))
    image = read_image(Source(path))
    assert image.shape == (3, 7, 5)
    assert image[0].min() > 200
    assert image[1:].max() < 60


def palette_file(path: Path, colours: list[tuple[int, int, int]], indices: Any, **options: Any) -> Path:
    picture = Image.fromarray(indices)
    picture.putpalette([value for colour in colours for value in colour])  # makes the mode P
    return written(path, encoded(picture, path.suffix[1:], **options))


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_a_palette_in_colours(tmp_path: Path, suffix: str) -> None:
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    colours = [(0, 0, 0), (128, 0, 0), (0, 128, 0)]  # how PASCAL VOC colours its classes
    path = palette_file(tmp_path / f"x.{suffix}", colours, indices)
    np.testing.assert_array_equal(
        read_image(Source(path)), np.array(colours, np.uint8)[indices].transpose(2, 0, 1)
    )
    np.testing.assert_array_equal(read_mask(Source(path)), indices)


def test_a_palette_of_greys_is_read_as_it_is_seen(tmp_path: Path) -> None:
    indices = np.array([[0, 1], [1, 1]], np.uint8)
    path = palette_file(
        tmp_path / "x.png", [(255, 255, 255), (0, 0, 0)], indices
    )  # white first, as optimisers do
    expected = np.array([[255, 0], [0, 0]], np.uint8)
    np.testing.assert_array_equal(read_image(Source(path)), expected[None])
    np.testing.assert_array_equal(read_mask(Source(path)), expected)


def test_transparent_palette_entries_cause_no_warning(tmp_path: Path) -> None:
    indices = np.array([[0, 1]], np.uint8)
    path = palette_file(tmp_path / "x.png", [(9, 9, 9), (200, 0, 0)], indices, transparency=b"\x00\x80")
    assert read_image(Source(path))[:, 0, 1].tolist() == [200, 0, 0]


def test_bilevel_is_black_and_white(tmp_path: Path) -> None:
    bits = np.array([[True, False, True]])
    path = written(tmp_path / "x.png", encoded(Image.fromarray(bits), "PNG"))
    assert read_image(Source(path)).tolist() == [[[255, 0, 255]]]
    assert read_mask(Source(path)).tolist() == [[255, 0, 255]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_orientation_as_pillow_undoes_it(tmp_path: Path, orientation: int, suffix: str) -> None:
    picture = Image.fromarray(np.kron(GREY[:3, :2], np.ones((16, 16), np.uint8)))
    exif = Image.Exif()
    exif[274] = orientation
    path = written(tmp_path / f"x.{suffix}", encoded(picture, {"jpg": "JPEG"}.get(suffix, suffix), exif=exif))
    with Image.open(path) as reopened:
        expected = np.asarray(ImageOps.exif_transpose(reopened))
    np.testing.assert_array_equal(read_image(Source(path)), expected[None])
    np.testing.assert_array_equal(read_mask(Source(path)), expected)
    assert probe(Source(path))[0] == (1, *expected.shape)


def test_sixteen_bits_are_turned_too(tmp_path: Path) -> None:
    pixels = np.arange(6, dtype=np.uint16).reshape(2, 3) * 1000
    plain = imagecodecs.png_encode(pixels)
    exif = Image.Exif()
    exif[274] = 6
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block + struct.pack(">I", zlib.crc32(b"eXIf" + block))
    path = written(tmp_path / "x.png", plain[:33] + chunk + plain[33:])
    np.testing.assert_array_equal(read_image(Source(path))[0], np.rot90(pixels, -1))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_exif_block_does_not_matter(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.jpg", encoded(Image.fromarray(GREY), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff")
    )
    assert read_image(Source(path)).shape == (1, 7, 5)


@given(
    pixels=hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])),
    )
)
def test_png_survives_the_way_to_disk_and_back(tmp_path_factory: pytest.TempPathFactory, pixels: Any) -> None:
    path = tmp_path_factory.mktemp("png") / "x.png"
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    images.write_image(path, image)
    np.testing.assert_array_equal(read_image(Source(path)), image)
    assert probe(Source(path)) == (image.shape, image.dtype)
    assert pages(path) == 1


# what is refused


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "PNG16"])
def test_truncated(tmp_path: Path, kind: str, share: float) -> None:
    noise = RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    if kind == "PNG16":
        content = imagecodecs.png_encode(noise.astype(np.uint16) * 257)
    else:
        content = encoded(Image.fromarray(noise), kind)
    suffix = {"JPEG": "jpg", "BMP": "bmp"}.get(kind, "png")
    line = refusal(written(tmp_path / f"x.{suffix}", content[: max(9, int(len(content) * share))]))
    assert "truncated" in line
    assert "copy or export it again" in line


def test_a_flipped_bit_in_a_png(tmp_path: Path) -> None:
    content = bytearray(encoded(Image.fromarray(RGB), "PNG"))
    content[len(content) // 2] ^= 1
    assert "damaged" in refusal(written(tmp_path / "x.png", content))


def test_empty_missing_unknown(tmp_path: Path) -> None:
    assert "empty (0 bytes)" in refusal(written(tmp_path / "x.png", b""))
    assert "no such file" in refusal(tmp_path / "y.png")
    assert "unknown file format '.gif'" in refusal(written(tmp_path / "x.gif", b"GIF89a"))
    (tmp_path / "folder.png").mkdir()
    assert "a folder without a DICOM series" in refusal(tmp_path / "folder.png")
    assert "has no suffix of an image format" in refusal(written(tmp_path / "folder", b"GIF89a"))


@pytest.mark.parametrize(
    ("content", "holds"),
    [
        (b"hello, I am text", "does not begin like an image"),
        (b"\0" * 64, "does not begin like an image"),
        (b"<!DOCTYPE html>", "HTML"),
        (b"GIF89a", "GIF"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
    ],
)
def test_not_an_image(tmp_path: Path, content: bytes, holds: str) -> None:
    assert holds in refusal(written(tmp_path / "x.png", content))


def test_a_wrong_extension_says_which_is_right(tmp_path: Path) -> None:
    path = written(tmp_path / "x.png", encoded(Image.fromarray(RGB), "JPEG"))
    assert refusal(path).endswith("named .png but holds a JPEG image; rename it to .jpg")
    assert "rename it to .png" in refusal(written(tmp_path / "x.tif", encoded(Image.fromarray(RGB), "PNG")))


def test_upper_case_extensions_are_fine(tmp_path: Path) -> None:
    assert read_image(Source(written(tmp_path / "x.PNG", encoded(Image.fromarray(GREY), "PNG")))).shape == (
        1,
        7,
        5,
    )


def test_a_decompression_bomb_is_refused_from_its_header(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    path = written(tmp_path / "bomb.png", content)
    assert "60000 x 60000 pixels" in refusal(path)
    with pytest.raises(IsthmusError, match="60000"):
        probe(Source(path))


def test_large_microscopy_passes_the_limit_and_pillow_s_own() -> None:
    assert images.MAX_PIXELS >= 16384 * 16384
    assert Image.MAX_IMAGE_PIXELS is not None  # not switched off for the rest of the process


def test_the_limit_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.png", encoded(Image.fromarray(GREY), "PNG"))
    monkeypatch.setattr(images, "MAX_PIXELS", 34)
    assert "5 x 7 pixels, more than the 34" in refusal(path)
    monkeypatch.setattr(images, "MAX_PIXELS", 35)
    assert read_image(Source(path)).size == 35


def test_png_has_one_page(tmp_path: Path) -> None:
    path = written(tmp_path / "x.png", encoded(Image.fromarray(GREY), "PNG"))
    assert read_image(Source(path, 0)).shape == (1, 7, 5)
    with pytest.raises(IsthmusError, match="one page"):
        read_image(Source(path, 1))


# masks


def test_a_grey_mask_saved_as_colour(tmp_path: Path) -> None:
    path = written(tmp_path / "x.png", encoded(Image.fromarray(np.stack([GREY] * 3, -1)), "PNG"))
    np.testing.assert_array_equal(read_mask(Source(path)), GREY)
    assert "in colours" in refusal(
        written(tmp_path / "y.png", encoded(Image.fromarray(RGB), "PNG")), read_mask
    )


def test_a_jpeg_mask_may_have_a_hint_of_colour(tmp_path: Path) -> None:
    mask = np.zeros((32, 32, 3), np.uint8)
    mask[8:24, 8:24] = (255, 250, 252)
    path = written(tmp_path / "x.jpg", encoded(Image.fromarray(mask), "JPEG", quality=90))
    assert read_mask(Source(path)).shape == (32, 32)
    mask[8:24, 8:24] = (255, 0, 0)
    assert "in colours" in refusal(
        written(tmp_path / "y.jpg", encoded(Image.fromarray(mask), "JPEG")), read_mask
    )


def test_names_with_blanks_and_letters_of_all_kinds(tmp_path: Path) -> None:
    path = tmp_path / "zwei Wörter 図.png"
    shutil.copy(written(tmp_path / "x.png", encoded(Image.fromarray(GREY), "PNG")), path)
    np.testing.assert_array_equal(read_image(Source(path))[0], GREY)
