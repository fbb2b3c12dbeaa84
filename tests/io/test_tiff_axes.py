"""What the axes of a TIFF mean: the same for an image with a mask, an image alone, and a run."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from isthmus.data.cases import load_image, load_mask
from isthmus.data.new_images import images_in
from isthmus.data.sources import from_folder, open_dataset
from isthmus.errors import IsthmusError
from isthmus.io.tiff_axes import as_axes

SIZE = (6, 7)
RANDOM = np.random.default_rng(0)


def numbers(*shape: int) -> Any:
    return RANDOM.integers(0, 60000, (*shape, *SIZE), dtype=np.uint16)


def place(
    root: Path, image: Any, mask: Any, options: dict[str, Any], of_mask: dict[str, Any], name: str = "a"
) -> None:
    for folder in ("images", "masks"):
        (root / folder).mkdir(exist_ok=True)
    plain = {"photometric": "minisblack"}
    tifffile.imwrite(root / "images" / f"{name}.tif", image, **plain, **options)
    tifffile.imwrite(root / "masks" / f"{name}.tif", mask, **plain, **of_mask)


IJ = {"imagej": True}


def named(axes: str, **more: Any) -> dict[str, Any]:
    return {**more, "metadata": {"axes": axes}}


@pytest.mark.parametrize(
    ("shape", "options", "depth", "of_mask", "cases", "channels", "axes"),
    [
        ((3,), {}, (), {}, 1, 3, "CYX"),  # three plain pages, one mask
        ((3,), {}, (3,), {}, 3, 1, "ZYX"),
        ((3,), IJ, (3,), IJ, 3, 1, "ZYX"),  # ImageJ's names of a nameless stack: C
        ((5,), IJ, (), {}, 1, 5, "CYX"),
        ((5,), named("CYX"), (), {}, 1, 5, "CYX"),
        ((20,), named("CYX"), (), {}, 1, 20, "CYX"),
        ((3, 5), named("ZCYX", **IJ), (3,), named("ZYX", **IJ), 3, 5, "ZCYX"),
        ((5, 3), named("CZYX", ome=True), (3,), {}, 3, 5, "CZYX"),
        ((2, 3, 2), named("TZCYX", **IJ), (2, 3), named("TZYX", **IJ), 6, 2, "TZCYX"),
        ((4,), named("TYX", **IJ), (4,), {}, 4, 1, "TYX"),
    ],
)
def test_one_reading_with_masks_and_without(
    tmp_path: Path, shape: Any, options: Any, depth: Any, of_mask: Any, cases: int, channels: int, axes: str
) -> None:
    image, mask = numbers(*shape), numbers(*depth)
    place(tmp_path, image, mask, options, of_mask)
    dataset = from_folder(tmp_path)
    found = [load_image(case) for case in dataset.cases]
    at = axes.find("C")
    expected = np.moveaxis(image, at, -3) if at >= 0 else image[..., None, :, :]
    np.testing.assert_array_equal(np.stack(found), expected.reshape(cases, channels, *SIZE))
    masks = np.stack([load_mask(case) for case in dataset.cases])
    np.testing.assert_array_equal(masks, mask.reshape(cases, *SIZE))
    assert dataset.axes == axes
    assert f"data.axes={axes}" in dataset.notes[0]
    alone = images_in(tmp_path / "images", channels, dataset.axes)
    assert [(case.id, case.images[0].page) for case in alone] == [
        (case.id, case.images[0].page) for case in dataset.cases
    ]
    np.testing.assert_array_equal(np.stack([load_image(case) for case in alone]), np.stack(found))


def test_channels_last_are_recognised_by_the_mask_and_can_be_said(tmp_path: Path) -> None:
    image = np.moveaxis(numbers(2), 0, -1)  # (Y, X, 2), as numpy holds it
    place(tmp_path, image, numbers(), {}, {})
    dataset = from_folder(tmp_path)
    assert dataset.axes == "YXC"
    np.testing.assert_array_equal(load_image(dataset.cases[0]), np.moveaxis(image, -1, 0))
    (alone,) = images_in(tmp_path / "images", 2, "YXC")
    np.testing.assert_array_equal(load_image(alone), np.moveaxis(image, -1, 0))


def test_what_is_said_holds(tmp_path: Path) -> None:
    place(tmp_path, numbers(3), numbers(3), {}, {})
    with pytest.raises(IsthmusError, match=r"has 3 pages but its image .* has 1"):
        open_dataset(tmp_path, axes="cyx")
    place(tmp_path, numbers(3), numbers(), named("TYX", **IJ), {})
    assert load_image(open_dataset(tmp_path, axes="CYX").cases[0]).shape == (3, *SIZE)
    place(tmp_path, numbers(3, 2), numbers(), {}, {})
    with pytest.raises(IsthmusError, match=r"an array of 3 x 2 x 6 x 7 without names .* names 3 of 4"):
        open_dataset(tmp_path, axes="CYX")
    for wrong in ("CY", "CCYX", "YXS", "1YX"):
        with pytest.raises(IsthmusError, match="a letter for each axis"):
            as_axes(wrong)


def test_a_time_series_with_one_mask_is_refused(tmp_path: Path) -> None:
    place(tmp_path, numbers(4), numbers(), named("TYX", **IJ), {})
    with pytest.raises(IsthmusError, match=r"4 points in time with a single mask.*data.axes=CYX"):
        from_folder(tmp_path)


def test_two_readings_in_one_set_are_refused(tmp_path: Path) -> None:
    place(tmp_path, numbers(3), numbers(3), {}, {}, "a")
    place(tmp_path, numbers(3), numbers(), {}, {}, "b")
    with pytest.raises(
        IsthmusError, match=r"b\.tif: its axes are CYX according to its mask, those of .*a\.tif are ZYX"
    ):
        from_folder(tmp_path)


def test_a_pyramid_is_its_largest_picture(tmp_path: Path) -> None:
    image = RANDOM.integers(0, 99, (64, 64), dtype=np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(image, subifds=1, tile=(16, 16))
        file.write(image[::2, ::2], subfiletype=1)
    (case,) = images_in(tmp_path)
    np.testing.assert_array_equal(load_image(case)[0], image)


def ome_set(folder: Path, names: list[str], axis: str, planes: Any, told: str = "") -> None:
    """Write one OME picture, a plane in each file."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"urn:uuid:{uuid.UUID(int=number)}" for number in range(len(names))]
    data = "".join(
        f'<TiffData IFD="0" First{axis}="{i}" PlaneCount="1"><UUID FileName="{told}{name}">{ids[i]}</UUID></TiffData>'
        for i, name in enumerate(names)
    )
    sizes = " ".join(f'Size{letter}="{len(names) if letter == axis else 1}"' for letter in "CZT")
    for name, own, plane in zip(names, ids, planes, strict=True):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{own}"><Image ID="Image:0">'
            f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{SIZE[1]}" SizeY="{SIZE[0]}" {sizes}>'
            f"{data}</Pixels></Image></OME>"
        )
        tifffile.imwrite(folder / name, plane, description=xml, metadata=None, photometric="minisblack")


def test_channels_in_several_files_are_one_case(tmp_path: Path) -> None:
    planes = numbers(2)
    ome_set(tmp_path / "images", ["cell_C0.ome.tif", "cell_C1.ome.tif"], "C", planes)
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(tmp_path / "masks" / "cell.tif", numbers())
    (case,) = from_folder(tmp_path).cases
    assert case.id == "cell"
    np.testing.assert_array_equal(load_image(case), planes)
    for given in (tmp_path / "images", sorted((tmp_path / "images").iterdir())):
        (alone,) = images_in(given)
        assert alone.id == "cell"
        np.testing.assert_array_equal(load_image(alone), planes)


@pytest.mark.parametrize("own", [True, False])
def test_planes_in_several_files_are_cases_of_one_group(tmp_path: Path, own: bool) -> None:
    planes, masks = numbers(3), numbers(3)
    ome_set(tmp_path / "images", [f"s_t{i}.ome.tif" for i in range(3)], "T", planes)
    (tmp_path / "masks").mkdir()
    if own:
        for i, mask in enumerate(masks):
            tifffile.imwrite(tmp_path / "masks" / f"s_t{i}.tif", mask)
    else:
        tifffile.imwrite(tmp_path / "masks" / "s.tif", masks, photometric="minisblack")
    dataset = from_folder(tmp_path)
    assert [case.id for case in dataset.cases] == ["s_t0", "s_t1", "s_t2"]
    assert {case.group for case in dataset.cases} == {"s"}
    for case, plane, mask in zip(dataset.cases, planes, masks, strict=True):
        np.testing.assert_array_equal(load_image(case)[0], plane)
        np.testing.assert_array_equal(load_mask(case), mask)
    alone = images_in(tmp_path / "images", 1, dataset.axes)
    assert [case.id for case in alone] == [case.id for case in dataset.cases]


def test_a_set_that_lacks_a_file_is_refused_by_name(tmp_path: Path) -> None:
    names = ["t0.ome.tif", "t1.ome.tif"]
    ome_set(tmp_path, names, "T", numbers(2))
    (tmp_path / "t1.ome.tif").unlink()
    (case,) = images_in(tmp_path)
    with pytest.raises(IsthmusError, match=r"t0\.ome\.tif: one of 2 files of an OME set.*t1\.ome\.tif"):
        load_image(case)
    (tmp_path / "t0.ome.tif").rename(tmp_path / "renamed.tif")
    with pytest.raises(IsthmusError, match="an OME set"):
        load_image(images_in(tmp_path)[0])


def test_nothing_outside_the_folder_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, opened, open_ = ["t0.ome.tif", "t1.ome.tif"], [], tifffile.FileHandle.open

    def remember(self: Any) -> None:
        open_(self)
        opened.append(self.path)

    for told in ("../", str(tmp_path) + "/", "..\\"):
        ome_set(tmp_path / "in", names, "T", numbers(2), told=told)
        ome_set(tmp_path, names, "T", numbers(2))
        monkeypatch.setattr(tifffile.FileHandle, "open", remember)
        with pytest.raises(IsthmusError, match="outside its folder"):
            load_image(images_in(tmp_path / "in")[0])
        monkeypatch.undo()
    assert {Path(path).parent.name for path in opened} == {"in"}
    assert opened


def test_a_single_file_that_was_renamed_is_read(tmp_path: Path) -> None:
    plane = numbers(1)
    ome_set(tmp_path, ["old.ome.tif"], "T", plane)
    (tmp_path / "old.ome.tif").rename(tmp_path / "new.ome.tif")
    np.testing.assert_array_equal(load_image(images_in(tmp_path)[0]), plane)
