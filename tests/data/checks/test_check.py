"""Every file is opened once, everything wrong is told together."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from isthmus.data.cases import Case, Dataset, Source, load, load_image, load_instances, to_channels
from isthmus.data.checks.check import check_dataset
from isthmus.data.checks.facts import Bad
from isthmus.data.checks.inspect import inspect_dataset
from isthmus.data.checks.survey import count_values
from isthmus.data.masks.values import ValueMap
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError
from isthmus.io.writing import write_image, write_mask


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


def test_all_problems_together(pairs: Any) -> None:
    root = pairs(8)
    (root / "images" / "im0.png").write_bytes(b"")
    content = (root / "images" / "im1.png").read_bytes()
    (root / "images" / "im1.png").write_bytes(content[: len(content) // 2])
    Image.fromarray(np.zeros((24, 21), np.uint8)).save(root / "masks" / "im2.png")
    (root / "images" / "im3.png").unlink()
    pixels = np.zeros((24, 20), np.float32)
    pixels[3, 3] = np.nan
    tifffile.imwrite(root / "images" / "im3.tif", pixels)
    with pytest.raises(IsthmusError) as caught:
        check_dataset(from_folder(root))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("4 problems in ")
    for line, part in zip(lines[1:], ("empty", "truncated", "21 x 24 but its image", "NaN"), strict=True):
        assert part in line
        assert str(root) in line


def test_sizes_that_differ_by_a_turn(pairs: Any) -> None:
    root = pairs(2)
    Image.fromarray(np.zeros((20, 24), np.uint8)).save(root / "masks" / "im1.png")
    with pytest.raises(IsthmusError, match=r"24 x 20 but .* 20 x 24 \(one is turned: .*orientation"):
        check_dataset(from_folder(root))


def test_a_mask_value_that_fits_no_class(pairs: Any) -> None:
    root = pairs(6)
    mask = np.zeros((24, 20), np.uint8)
    mask[:4], mask[5] = 255, 77
    Image.fromarray(mask).save(root / "masks" / "im4.png")
    with pytest.raises(IsthmusError, match=r"im4\.png: mask value 77 \(20 pixels\) fits no class"):
        check_dataset(from_folder(root))
    known = Dataset("x", from_folder(root).cases, ValueMap(((0, 0), (255, 1))), ("background", "cell"))
    with pytest.raises(
        IsthmusError, match=r"im4\.png: mask value 77 \(20 pixels\) fits no class \(known: 0, 255\)"
    ):
        check_dataset(known)


def test_cases_whose_values_go_with_no_others_can_be_left_out(pairs: Any) -> None:
    random = np.random.default_rng(1)
    plain = [(random.random((24, 20)) < 0.4).astype(np.uint8) for _ in range(8)]
    odd = plain[0].copy()
    odd[5] = 77
    root = pairs(8, masks=[*(mask * np.uint8(255) for mask in plain[:6]), plain[6], plain[7] * np.uint8(255)])
    assert check_dataset(from_folder(root), skip_bad=True).bad == (
        Bad("im6", "values", f"{root}/masks/im6.png: a mask of 0 and 1 among masks of 0 and 255 (such as "
            f"{root}/masks/im0.png); save all alike"),
    )  # fmt: skip
    root = pairs(8, masks=[odd, *plain[1:]])
    with pytest.raises(IsthmusError, match=r"im0\.png: mask value 77 \(20 pixels\) fits no class"):
        check_dataset(from_folder(root))
    checked = check_dataset(from_folder(root), skip_bad=True)
    assert checked.values == ValueMap(((0, 0), (1, 1)))
    assert [(bad.case, bad.kind) for bad in checked.bad] == [("im0", "values")]
    assert [facts.id for facts in checked.cases] == [f"im{i}" for i in range(1, 8)]


def test_negative_and_blurred_masks_can_be_left_out(pairs: Any, tmp_path: Path) -> None:
    bands = np.repeat(np.arange(4, dtype=np.uint8), 6)[:, None] * np.ones(20, np.uint8)
    root = pairs(6, masks=[bands] * 6)
    for name in ("im1.png", "im2.png"):
        (root / "masks" / name).unlink()
    tifffile.imwrite(root / "masks" / "im1.tif", bands.astype(np.int16) - 1)
    Image.fromarray(bands * np.uint8(60)).save(root / "masks" / "im2.jpg", quality=60)
    with pytest.raises(IsthmusError, match=r"(?s)2 problems.*im1\.tif: mask value -1.*im2\.jpg: a JPEG mask"):
        check_dataset(from_folder(root))
    checked = check_dataset(from_folder(root), skip_bad=True)
    assert checked.values.classes == 4
    assert [bad.case for bad in checked.bad] == ["im1", "im2"]


def test_volumes_say_how_they_lie(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for i, axes in enumerate(([2.0, 3, 4], [-2.0, -3, 4], [2.0, 3, 4])):
            voxels = np.zeros((5, 6, 7), np.uint8)
            voxels[2:4, 2:4, i] = 1 + i * (folder == "images")
            grid = np.diag([*axes, 1.0])
            nibabel.save(nibabel.Nifti1Image(voxels, grid), tmp_path / folder / f"v{i}.nii.gz")
    checked = check_dataset(from_folder(tmp_path))
    assert [facts.orientation for facts in checked.cases] == ["RAS", "LPS", "RAS"]
    assert checked.summary_lines() == [
        "volumes: orientation RAS (2), LPS (1); all are turned to SPL: z to the head, y to the back, x to the "
        "patient's left",
        "spacing: 2 x 3 x 4 mm (3)",
    ]
    rows = {row.what: row for row in inspect_dataset(from_folder(tmp_path)).findings()}
    assert rows["orientations"].count == 2
    assert rows["orientations"].detail.startswith("RAS (2); LPS (1); all are turned to SPL")
    assert rows["spacings"].detail == "2 x 3 x 4 mm (3)"
    assert rows["sizes"].detail == "5 x 6 x 7, 1 channel (3)"


def test_classes_keep_their_names(pairs: Any) -> None:
    dataset = Dataset("x", from_folder(pairs(3)).cases, ValueMap(((0, 0), (255, 1))), ("background", "cell"))
    assert check_dataset(dataset).dataset.classes == ("background", "cell")


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


def test_soft_jpeg_masks(pairs: Any) -> None:
    root = pairs(3, (64, 64))
    for i in range(3):
        (root / "masks" / f"im{i}.png").unlink()
        mask = cv2.circle(np.zeros((64, 64), np.uint8), (30, 30), 12 + i, 255, -1)
        Image.fromarray(mask).save(root / "masks" / f"im{i}.jpg", quality=90)
    checked = check_dataset(from_folder(root))
    assert checked.values.rule == "threshold"
    truth = float((cv2.circle(np.zeros((64, 64)), (30, 30), 12, 1, -1)).mean())
    assert checked.cases[0].shares[1] == pytest.approx(truth, abs=0.002)


def test_masks_that_hold_one_value(pairs: Any) -> None:
    with pytest.raises(IsthmusError, match="all 3 masks hold 0 only, so there is nothing to learn"):
        check_dataset(from_folder(pairs(3, masks=[np.zeros((24, 20), np.uint8)] * 3)))


def test_grey_and_colour_mixed(pairs: Any) -> None:
    root = pairs(3)
    Image.fromarray(np.zeros((24, 20, 3), np.uint8)).save(root / "images" / "im1.png")
    checked = check_dataset(from_folder(root))
    assert checked.channels == 3
    image, label = load(checked.dataset.cases[0], checked.dataset, checked.channels)
    assert image.shape == (3, 24, 20)
    assert (image[0] == image[2]).all()
    assert label.dtype == np.uint8
    tifffile.imwrite(root / "images" / "im2.tif", np.zeros((2, 24, 20), np.uint8), metadata={"axes": "CYX"})
    (root / "images" / "im2.png").unlink()
    with pytest.raises(IsthmusError, match=r"different numbers of channels: 1 in .* 2 in .* 3 in "):
        check_dataset(from_folder(root))


def test_no_cases() -> None:
    with pytest.raises(IsthmusError, match="without cases"):
        check_dataset(Dataset("x", ()))


def test_an_interrupt_stops_the_workers(pairs: Any) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_dataset(from_folder(pairs(6)), interrupt)


def test_count_values_in_every_type() -> None:
    for dtype in (np.uint8, np.uint16, np.int32, np.int64):
        assert count_values(np.array([[3, 0], [3, 3]], dtype)) == {0: 1, 3: 3}


# cases


def test_several_masks_are_united(tmp_path: Path) -> None:
    image = Source(tmp_path / "i.png")
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(image.path)
    for name, pixels in (("a", [[255, 0, 0], [0, 0, 0]]), ("b", [[0, 255, 0], [0, 0, 0]])):
        Image.fromarray(np.array(pixels, np.uint8)).save(tmp_path / f"{name}.png")
    case = Case("x", (image,), (Source(tmp_path / "a.png"), Source(tmp_path / "b.png")), "x")
    dataset = Dataset("x", (case,), ValueMap(((0, 0), (255, 1))), ("background", "nucleus"))
    assert load(case, dataset)[1].tolist() == [[1, 1, 0], [0, 0, 0]]
    assert check_dataset(dataset).cases[0].shares == pytest.approx((4 / 6, 2 / 6))
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "b.png")
    with pytest.raises(IsthmusError, match=r"b\.png: 3 x 3 but .*a\.png is 3 x 2"):
        load(case, dataset)


def test_several_images_are_stacked_along_channels(tmp_path: Path) -> None:
    for name, value in (("flair", 1), ("t1", 2)):
        Image.fromarray(np.full((2, 3), value, np.uint8)).save(tmp_path / f"{name}.png")
    case = Case("x", (Source(tmp_path / "flair.png"), Source(tmp_path / "t1.png")), (), "x")
    assert load_image(case)[:, 0, 0].tolist() == [1, 2]
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "t1.png")
    with pytest.raises(IsthmusError, match=r"t1\.png: 3 x 3 but"):
        load_image(case)
    (tmp_path / "t1.png").write_bytes((tmp_path / "flair.png").read_bytes())
    with pytest.raises(IsthmusError, match="no mask"):
        load(case, Dataset("x", (case,), ValueMap(((0, 0), (255, 1)))))


def test_channels() -> None:
    colour = np.array([[[100]], [[200]], [[50]]], np.uint8)
    grey = to_channels(colour, 1)
    assert grey.tolist() == [[[153]]]  # 0.299 * 100 + 0.587 * 200 + 0.114 * 50 = 153.0
    assert grey.dtype == np.uint8
    assert to_channels(colour.astype(np.float32), 1).dtype == np.float32
    assert to_channels(grey, 3).tolist() == [[[153]]] * 3
    assert to_channels(colour, 3) is colour
    with pytest.raises(IsthmusError, match="has 2 channels where 3 are expected"):
        to_channels(colour[:2], 3)


def test_masks_that_nobody_looked_at(pairs: Any) -> None:
    dataset = from_folder(pairs(2))
    with pytest.raises(ValueError, match="check_dataset"):
        load(dataset.cases[0], dataset)


def test_faults_of_every_kind_are_told_together(tmp_path: Path) -> None:
    """A file that does not read, and a mask of odd values: one list, not two rounds."""
    for name in "abcd":
        image = np.random.default_rng(ord(name)).integers(0, 255, (12, 12), dtype=np.uint8)
        write_image(tmp_path / "images" / f"{name}.png", image[None])
        mask = np.zeros((12, 12), np.uint8)
        mask[3:9, 3:9] = 255
        if name == "c":
            mask[5, 5] = 77
        write_mask(tmp_path / "masks" / f"{name}.png", mask)
    (tmp_path / "images" / "d.png").write_bytes(b"")
    with pytest.raises(IsthmusError) as caught:
        check_dataset(from_folder(tmp_path))
    assert "d.png: the file is empty" in str(caught.value)
    assert "77" in str(caught.value)


def test_a_mask_that_lies_elsewhere_is_told(tmp_path: Path) -> None:

    label = np.zeros((8, 8, 6), np.uint8)
    label[2:5, 2:5, 2:4] = 1
    noise = np.random.default_rng(0).integers(0, 99, (3, 8, 8, 6)).astype(np.int16)
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    places = {"same": np.eye(4), "turned": np.diag([-1.0, -1.0, 1.0, 1.0]), "moved": np.eye(4)}
    for index, (name, affine) in enumerate(places.items()):
        nibabel.save(nibabel.Nifti1Image(noise[index], affine), tmp_path / "images" / f"{name}.nii.gz")
        if name == "moved":
            affine = affine.copy()
            affine[0, 3] = 5
        nibabel.save(nibabel.Nifti1Image(label, affine), tmp_path / "masks" / f"{name}.nii.gz")
    checked = check_dataset(from_folder(tmp_path))
    assert {facts.id: facts.elsewhere for facts in checked.cases} == {
        "same": "",
        "turned": "",
        "moved": "5 mm",
    }
    assert any("moved (5 mm)" in line for line in checked.summary_lines())


def test_one_channel_where_two_are_expected_is_refused() -> None:
    with pytest.raises(IsthmusError, match="has 1 channel where 2 are expected; files of one channel each"):
        to_channels(np.zeros((1, 4, 4)), 2, "flair.nii.gz")


def rows_of(root: Path) -> dict[str, tuple[str, int, str]]:
    return {
        row.what: (row.level, row.count, row.detail) for row in inspect_dataset(from_folder(root)).findings()
    }


def mask_of(seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    mask = np.zeros((24, 20), bool)
    mask[4:9, seed : seed + 5] = True
    return mask


def test_tags_that_invert_are_told_and_change_no_mask(tmp_path: Path) -> None:
    for index in range(4):
        for kind in ("images", "masks"):
            (tmp_path / kind).mkdir(exist_ok=True)
        noise = np.random.default_rng(index).integers(0, 99, (24, 20), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "images" / f"c{index}.tif", noise)
        mask = mask_of(index)
        tifffile.imwrite(tmp_path / "masks" / f"c{index}.tif", mask if index == 1 else mask * np.uint8(255))
    checked = check_dataset(from_folder(tmp_path))
    assert {round(facts.foreground * 480) for facts in checked.cases} == {25}
    assert rows_of(tmp_path)["inverting tags"][:2] == ("warning", 1)
    assert any("shows them inverted: c1" in line for line in checked.summary_lines())


def test_a_mask_of_the_other_polarity_is_told(pairs: Any) -> None:
    masks = [(mask_of(i) ^ (i == 2)) * np.uint8(255) for i in range(5)]
    level, count, detail = rows_of(pairs(5, masks=masks))["polarity"]
    assert (level, count) == ("warning", 1)
    assert "im2" in detail
    large = [np.pad(np.full((20, 16), 255, np.uint8), 2) for _ in range(3)]
    assert "polarity" not in rows_of(pairs(5, masks=[*large, *masks[:2]]))


@pytest.mark.parametrize("turned", [2, 3])
def test_polarity_that_changes_in_the_middle_is_told(pairs: Any, turned: int) -> None:
    masks = [(mask_of(i) ^ (i < turned)) * np.uint8(255) for i in range(4)]
    level, count, _ = rows_of(pairs(4, masks=masks))["polarity"]
    assert (level, count) == ("warning", turned)


def test_a_turning_tag_on_one_side_is_told(tmp_path: Path, pairs: Any) -> None:
    root = pairs(3)
    exif = Image.Exif()
    exif[274] = 3  # upside down: the size stays
    path = root / "images" / "im1.png"
    with Image.open(path) as picture:
        picture.load()
    picture.save(path, exif=exif)
    level, count, detail = rows_of(root)["orientation tags"]
    assert (level, count) == ("warning", 1)
    assert "im1 (3 and 1)" in detail
    mask = root / "masks" / "im1.png"
    with Image.open(mask) as picture:
        picture.load()
    picture.save(mask, exif=exif)
    assert "orientation tags" not in rows_of(root)


def test_one_value_where_objects_are_numbered_is_split_and_told(pairs: Any) -> None:
    binary = (mask_of(0) | mask_of(12)) * np.uint8(255)
    numbered = mask_of(0) * np.uint8(1) + mask_of(12) * np.uint8(2)
    dataset = from_folder(pairs(2, masks=[binary, numbered]))
    checked = check_dataset(dataset, rule="objects")
    assert any("one value in several pieces" in line and "im0" in line for line in checked.summary_lines())
    for case in checked.dataset.cases:
        np.testing.assert_array_equal(load_instances(case, checked.dataset)[1], numbered)


def test_labels_without_background_are_objects(pairs: Any) -> None:
    full = [np.kron(np.arange(1, 81).reshape(8, 10), np.ones((3, 2), int)).astype(np.uint8) for _ in range(3)]
    checked = check_dataset(from_folder(pairs(3, masks=full)))
    assert checked.values.rule == "objects"
    assert any("every pixel of all masks belongs to an object" in line for line in checked.summary_lines())


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ([[7, 14, 21], [7, 14, 21, 28], [7, 14, 21, 28, 35, 42, 49, 56]], True),  # a step between the numbers
        ([[3, 8, 20], [5, 9, 30], [4, 11, 25]], True),  # numbers that go on from mask to mask
        ([[7, 14, 21]] * 3, False),  # the same in all
        ([[1, 5], [1, 9], [1, 5, 9]], False),
        (
            [[1, 3, 5, 7, 9, 11], [1, 3, 5, 7, 9], [3, 5, 7, 9, 11]],
            False,
        ),  # organs, of which some are missing
    ],
)
def test_object_numbers_with_gaps_are_told(pairs: Any, held: list[list[int]], told: bool) -> None:
    masks = []
    for values in held:
        mask = np.zeros((24, 20), np.uint8)
        for place, value in enumerate(values):
            mask[3 * place : 3 * place + 2, 4:9] = value
        masks.append(mask)
    found = inspect_dataset(from_folder(pairs(len(masks), masks=masks)))
    assert found.usable
    assert any(row.what == "object numbers?" for row in found.findings()) == told
    masks[0][20:22, 12] = held[0][-1]  # a second piece
    again = inspect_dataset(from_folder(pairs(len(masks), masks=masks)))
    assert not any(row.what == "object numbers?" for row in again.findings())
