"""Masks on disk and in memory: which files belong together, and what happens with those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from isthmus.errors import IsthmusError
from isthmus.io.images import write_image, write_mask
from isthmus.measurement.measure import measure
from isthmus.measurement.options import MeasureOptions

TWO = np.zeros((8, 12), np.uint8)
TWO[1:3, 1:5] = 1
TWO[4:8, 6:8] = 1


class Notes:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def stage(self, label: str, total: int, done: int = 0) -> None: ...
    def advance(self, text: str = "") -> None: ...
    def left(self, seconds: float) -> None: ...
    def say(self, text: str) -> None:
        self.lines.append(text)


def measured(masks: Any, images: Any = None, **options: Any) -> tuple[Any, str]:
    notes = Notes()
    found = measure(masks, images, MeasureOptions(**options), notes)
    return found, "\n".join(notes.lines)


def save(path: Path, pixels: np.ndarray, size: tuple[float, ...] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, pixels if pixels.ndim == 3 and len(pixels) < 4 else pixels[None], size)
    return path


def test_a_folder_of_masks_and_a_folder_of_images(tmp_path: Path) -> None:
    save(tmp_path / "masks/a_mask.png", TWO * 255, (0.5, 0.5))
    save(tmp_path / "masks/b_mask.png", TWO * 0)
    image = np.arange(96, dtype=np.uint8).reshape(8, 12)
    save(tmp_path / "images/a.png", image)
    save(tmp_path / "images/b.png", image, (0.25, 0.25))
    save(tmp_path / "images/c.png", image)
    found, told = measured(tmp_path / "masks", tmp_path / "images")
    assert found.objects["image"].tolist() == ["a_mask", "a_mask"]
    assert found.objects["area_um2"].tolist() == [2, 2]
    assert found.objects["intensity_sum"].tolist() == [
        int(image[1:3, 1:5].sum()),
        int(image[4:8, 6:8].sum()),
    ]
    assert found.objects["touches_border"].tolist() == [False, True]
    first, second = found.images
    assert (first["objects"], first["touching_border"], first["covered_share"]) == (2, 1, 16 / 96)
    assert (first["area_px_mean"], first["area_um2_median"], first["width_px"]) == (8, 2, 12)
    assert (second["objects"], second["covered_share"], second["pixel_size_x_um"]) == (
        0,
        0,
        pytest.approx(0.25),
    )
    assert "connected components are counted" in told
    assert "images without a mask are left out: c" in told
    assert "a_mask and a" in told


def test_a_data_set_needs_no_second_folder(tmp_path: Path) -> None:
    save(tmp_path / "images/a.png", TWO * 100)
    save(tmp_path / "masks/a.png", TWO * 255)
    found, told = measured(tmp_path)
    assert found.objects["intensity_mean"].tolist() == [100, 100]
    assert "no file states the size of a pixel: lengths are in pixels" in told
    assert "area_um2" not in found.objects


def test_single_files_belong_together_whatever_their_names(tmp_path: Path) -> None:
    mask, image = save(tmp_path / "labels.tif", TWO), save(tmp_path / "raw_07.png", TWO * 9)
    found, _ = measured(mask, image)
    assert found.objects["intensity_max"].tolist() == [9, 9]
    assert measured(mask)[0].objects["area_px"].tolist() == [8, 8]


def test_files_that_predict_writes_beside_masks_are_no_masks(tmp_path: Path) -> None:
    save(tmp_path / "a.png", TWO)
    save(tmp_path / "overlays/a.png", np.stack([TWO, TWO * 0, TWO]))
    save(tmp_path / "probabilities/a.tif", TWO.astype(np.float32) / 3)
    assert list(measured(tmp_path)[0].subjects) == ["a"]


def test_colours_are_measured_channel_by_channel(tmp_path: Path) -> None:
    mask, image = save(tmp_path / "m.png", TWO), save(tmp_path / "i.png", np.stack([TWO, TWO * 2, TWO * 3]))
    found, _ = measured(mask, image)
    assert [found.objects[f"intensity_mean_{channel}"][0] for channel in (1, 2, 3)] == [1, 2, 3]


def test_masks_without_their_image_are_named(tmp_path: Path) -> None:
    save(tmp_path / "masks/a.png", TWO)
    save(tmp_path / "masks/b.png", TWO)
    save(tmp_path / "images/a.png", TWO)
    with pytest.raises(IsthmusError, match=r"1 of 2 masks have no image in .*images: b; add the images, or"):
        measured(tmp_path / "masks", tmp_path / "images")
    found, told = measured(tmp_path / "masks", tmp_path / "images", partial=True)
    assert "1 of 2 masks have no image and no intensities: b" in told
    np.testing.assert_array_equal(found.objects["intensity_mean"], [1, 1, np.nan, np.nan])
    (tmp_path / "images/a.png").rename(tmp_path / "images/z.png")
    with pytest.raises(
        IsthmusError, match=r"no image in .*images \(z\) has the name of a mask in .*masks \(a, b\)"
    ):
        measured(tmp_path / "masks", tmp_path / "images", partial=True)


def test_what_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    mask = save(tmp_path / "m.png", TWO)
    wide = save(tmp_path / "wide.png", np.zeros((8, 13), np.uint8))
    with pytest.raises(IsthmusError, match=r"m\.png: the mask is 12 x 8 but its image .*wide\.png is 13 x 8"):
        measured(mask, wide)
    colours = save(tmp_path / "colours.png", np.stack([TWO, TWO * 2, TWO * 3]))
    with pytest.raises(IsthmusError, match=r"colours\.png: a mask in colours"):
        measured(colours)
    with pytest.raises(IsthmusError, match=r"nowhere: no such file or folder"):
        measured(tmp_path / "nowhere")
    with pytest.raises(IsthmusError, match=r"nowhere: no such file or folder"):
        measured(mask, tmp_path / "nowhere")
    (tmp_path / "none").mkdir()
    with pytest.raises(IsthmusError, match="no masks here"):
        measured(tmp_path / "none")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(IsthmusError, match=r"text\.png: not a PNG image"):
        measured(tmp_path / "text.png")


def test_all_masks_with_problems_are_reported_together(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / f"masks/{name}.png", TWO)
        save(tmp_path / f"images/{name}.png", TWO[1:])
    with pytest.raises(IsthmusError, match=r"a\.png: the mask is .*\(and 1 more\)"):
        measured(tmp_path / "masks", tmp_path / "images")


def test_slices_of_a_stack_are_one_volume_where_the_file_says_so(tmp_path: Path) -> None:
    stack = np.zeros((3, 8, 12), np.uint16)
    stack[:2, 1:3, 1:5] = 4
    about = {"unit": "um", "spacing": 2.0}
    how: dict[str, Any] = {"imagej": True, "resolution": (2, 2)}
    tifffile.imwrite(tmp_path / "m.tif", stack, metadata={"axes": "ZYX", **about}, **how)
    tifffile.imwrite(tmp_path / "i.tif", stack * 5, metadata={"axes": "ZYX", **about}, **how)
    found, _ = measured(tmp_path / "m.tif", tmp_path / "i.tif")
    assert found.objects["image"].tolist() == ["m"]
    assert found.objects["volume_px"].tolist() == [16]
    assert found.objects["volume_um3"].tolist() == [16 * 2 * 0.25]
    assert found.objects["intensity_mean"].tolist() == [20]
    found, _ = measured(tmp_path / "m.tif", tmp_path / "i.tif", stacks=False)
    assert found.objects["image"].tolist() == ["m-000", "m-001"]
    assert found.objects["area_um2"].tolist() == [2, 2]
    assert len(found.images) == 3
    tifffile.imwrite(tmp_path / "t.tif", stack, photometric="minisblack")  # pages without a name are images
    assert len(measured(tmp_path / "t.tif")[0].images) == 3
    assert measured(tmp_path / "t.tif", stacks=True)[0].objects["volume_px"].tolist() == [16]


def test_pages_that_are_channels_have_one_mask(tmp_path: Path) -> None:
    save(tmp_path / "masks/x.png", TWO)
    save(tmp_path / "masks/y.png", TWO)
    for name in "xy":
        tifffile.imwrite(tmp_path / f"{name}.tif", np.stack([TWO, TWO * 7]))
    (tmp_path / "images").mkdir()
    for name in "xy":
        (tmp_path / f"{name}.tif").rename(tmp_path / f"images/{name}.tif")
    found, _ = measured(tmp_path / "masks", tmp_path / "images")
    assert found.objects["intensity_mean_2"].tolist() == [7] * 4


def test_volumes_have_the_size_of_their_file(tmp_path: Path) -> None:
    voxels = np.zeros((12, 8, 5), np.uint8)  # x, y, z
    voxels[1:5, 1:3, 1:4] = 1
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([0.5, 1, 4, 1])), tmp_path / "m.nii.gz")
    found, told = measured(tmp_path / "m.nii.gz", unit="mm")
    assert found.objects["volume_px"].tolist() == [24]
    assert found.objects["volume_mm3"].tolist() == pytest.approx([48])
    assert "millimetres are assumed" in told
    assert [found.objects[f"box_{side}_mm"][0] for side in ("width", "height", "depth")] == [2, 2, 12]


def test_the_size_that_the_user_gives_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    write_mask(path, TWO, (0.5, 0.5))
    assert measured(path)[0].objects["area_um2"].tolist() == [2, 2]
    assert measured(path, pixel_size=2)[0].objects["area_um2"].tolist() == [32, 32]
    assert measured(path, pixel_size=(2, 1), unit="nm")[0].objects["area_nm2"].tolist() == [16, 16]
    with pytest.raises(IsthmusError, match=r"m\.tif: has 2 axes, and the pixel size 3"):
        measured(path, pixel_size=(1, 1, 1))


def test_a_mask_whose_size_differs_from_that_of_its_image_takes_the_latter(tmp_path: Path) -> None:
    mask, image = save(tmp_path / "m.png", TWO, (1, 1)), save(tmp_path / "i.png", TWO, (0.5, 0.5))
    found, told = measured(mask, image)
    assert found.objects["area_um2"].tolist() == pytest.approx([2, 2])
    assert "states pixels of 1 x 1 µm, but its image 0.5 x 0.5, which is taken" in told


def test_arrays_alone_with_an_image_and_by_name() -> None:
    found, _ = measured(TWO > 0, np.stack([TWO, TWO * 3]), pixel_size=0.5)
    assert found.objects["intensity_sum_2"].tolist() == [24, 24]
    assert found.objects["area_um2"].tolist() == [2, 2]
    found, _ = measured({"a": TWO, "b": TWO * 0}, {"a": TWO, "b": TWO})
    assert [row["objects"] for row in found.images] == [2, 0]
    assert found.of_image("a")["number"].tolist() == [1, 2]
    assert len(found.of_image("b")["number"]) == 0
    with pytest.raises(IsthmusError, match="no image is given for the masks b"):
        measured({"a": TWO, "b": TWO}, {"a": TWO})
    with pytest.raises(IsthmusError, match=r"'image' has shape \(8, 12\) and its image \(8, 11\)"):
        measured(TWO, TWO[:, 1:])
    with pytest.raises(IsthmusError, match=r"give .height, width. or .depth, height, width."):
        measured(np.ones(4, int))
    with pytest.raises(IsthmusError, match="both paths or both arrays"):
        measured(TWO, "images")
    with pytest.raises(IsthmusError, match=r"threshold probabilities first|not whole"):
        measured(TWO * 0.3)


def test_classes_have_rows_of_their_own() -> None:
    mask = np.array([[1, 0, 1, 0, 2], [0, 0, 0, 0, 0], [2, 2, 0, 1, 1]], np.uint8)
    found, _ = measured(mask, classes={1: "nucleus", 2: "debris"})
    assert found.objects["class"].tolist() == ["nucleus"] * 3 + ["debris"] * 2
    assert [(row["class"], row["objects"], row["covered_share"]) for row in found.images] == [
        ("nucleus", 3, 4 / 15),
        ("debris", 2, 3 / 15),
    ]
    with pytest.raises(IsthmusError, match="mask value 2"):
        measured(mask, classes={1: "nucleus"})


def test_one_file_for_each_object(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(tmp_path / name / f"images/{name}.png", TWO)
        for number, rows in enumerate((slice(1, 3), slice(4, 8))):
            one = np.zeros_like(TWO)
            one[rows] = TWO[rows] * 255
            save(tmp_path / name / f"masks/{number}.png", one)
    found, told = measured(tmp_path)
    assert found.objects["number"].tolist() == [1, 2, 1, 2]
    assert found.objects["intensity_mean"].tolist() == [1, 1, 1, 1]
    assert "a file for each object" in told


def test_no_object_at_all(tmp_path: Path) -> None:
    found, told = measured(save(tmp_path / "m.png", TWO * 0))
    assert len(found) == 0
    assert "no mask holds an object" in told
    paths = found.write_tables(tmp_path / "t.csv")
    assert [len(path.read_text().splitlines()) for path in paths] == [1, 2]


@pytest.mark.slow
def test_a_hundred_thousand_objects() -> None:
    mask = np.zeros((700, 1000), np.uint8)
    mask[::2, ::3] = mask[::2, 1::3] = 255  # 350 x 334 pairs of pixels, the last of each row alone
    found, _ = measured(mask)
    assert len(found) == 350 * 334
    assert np.unique(found.objects["area_px"], return_counts=True)[1].tolist() == [350, 350 * 333]


def test_pictures_in_a_palette_keep_their_numbers(tmp_path: Path) -> None:
    picture = Image.fromarray(TWO * 3).convert("P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.save(tmp_path / "m.png")
    assert len(measured(tmp_path / "m.png")[0]) == 2
