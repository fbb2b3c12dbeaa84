"""The user's own data: folders of images and masks, and everything that does not fit."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from isthmus.data.cases import Source, load_image
from isthmus.data.checks.check import check_dataset
from isthmus.data.new_images import images_in
from isthmus.data.sources import from_folder, open_dataset
from isthmus.errors import IsthmusError
from isthmus.io.images import probe

from .makers import table, touch


def test_pairs_by_stem_whatever_the_format(tmp_path: Path) -> None:
    for name in ("images/a.jpg", "images/B.PNG", "images/c.tif", "images/dir/a.bmp"):
        touch(tmp_path / name)
    for name in ("masks/a.png", "masks/B_mask.bmp", "masks/c_segmentation.TIF", "masks/dir/a-mask.png"):
        touch(tmp_path / name)
    for name in ("images/.hidden.png", "images/Thumbs.db", "masks/.DS_Store", "images/notes.txt"):
        (tmp_path / name).write_text("no image")
    dataset = from_folder(tmp_path)
    assert [case.id for case in dataset.cases] == ["B", "a", "c", "dir/a"]
    assert [case.masks[0].path.name for case in dataset.cases] == [
        "B_mask.bmp",
        "a.png",
        "c_segmentation.TIF",
        "a-mask.png",
    ]
    assert all(case.group == case.id for case in dataset.cases)
    assert dataset.name == tmp_path.name
    assert dataset.values is None


def test_an_image_that_is_called_mask(tmp_path: Path) -> None:
    for name in ("images/a.png", "images/a_mask.png", "masks/a.png", "masks/a_mask.png"):
        touch(tmp_path / name)
    assert [(case.id, case.masks[0].path.stem) for case in from_folder(tmp_path).cases] == [
        ("a", "a"),
        ("a_mask", "a_mask"),
    ]
    (tmp_path / "masks" / "a.png").unlink()
    with pytest.raises(IsthmusError, match=r"images/a\.png: an image without a mask"):
        from_folder(tmp_path)


def test_folder_names_in_any_case(tmp_path: Path) -> None:
    touch(tmp_path / "Images" / "a.png")
    touch(tmp_path / "MASKS" / "a.png")
    assert len(from_folder(tmp_path).cases) == 1


def test_stacks_are_cases_of_one_group(tmp_path: Path) -> None:
    touch(tmp_path / "images" / "s.tif", pages=12)
    touch(tmp_path / "masks" / "s.tiff", pages=12)
    cases = from_folder(tmp_path).cases
    assert [case.id for case in cases] == [f"s-{page:03d}" for page in range(12)]
    assert {case.group for case in cases} == {"s"}
    assert cases[7].images == (Source(tmp_path / "images" / "s.tif", 7),)
    assert cases[7].masks == (Source(tmp_path / "masks" / "s.tiff", 7),)


def test_everything_wrong_in_one_list(tmp_path: Path) -> None:
    for name in ("images/lonely.png", "images/two.png", "images/two.jpg", "images/many.png", "images/x.webp"):
        touch(tmp_path / name)
    for name in ("masks/orphan.png", "masks/two.png", "masks/many.png", "masks/many_mask.png"):
        touch(tmp_path / name)
    touch(tmp_path / "images" / "s.tif", pages=7)
    touch(tmp_path / "masks" / "s.tif", pages=6)
    with pytest.raises(IsthmusError) as caught:
        from_folder(tmp_path)
    text = str(caught.value)
    assert text.startswith("6 problems in ")
    for part in (
        "lonely.png: an image without a mask",
        "orphan.png: a mask without an image",
        "two.png: has the same name as two.jpg",
        "many.png: has 2 masks, many.png and many_mask.png; keep one",
        "x.webp: not an image format",
        "has 6 pages but its image",
    ):
        assert part in text
    assert all("; " in line for line in text.splitlines()[1:])  # each with its remedy


def test_one_problem_is_one_line(tmp_path: Path) -> None:
    touch(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    with pytest.raises(IsthmusError) as caught:
        from_folder(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/images/a.png: an image without a mask; add {tmp_path}/masks/a.png or move it away"
    )


def test_more_problems_than_are_shown(tmp_path: Path) -> None:
    for i in range(30):
        touch(tmp_path / "images" / f"{i}.png")
    (tmp_path / "masks").mkdir()
    with pytest.raises(IsthmusError) as caught:
        from_folder(tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[-1].strip() == "… and 10 more"


@pytest.mark.parametrize(
    ("folders", "says"),
    [
        ([], "no folder images/ here; a data set is"),
        (["images"], r"no folder masks/ here \(found: images\)"),
        (["x", "y"], r"no folder images/ here \(found: x, y\)"),
        (
            ["a/images", "a/masks", "b/imgs", "b/gt"],
            "images and masks are in a, b; name one of these folders",
        ),
        (["images", "masks"], "no images here; put some in"),
    ],
)
def test_an_empty_or_strange_folder(tmp_path: Path, folders: list[str], says: str) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(IsthmusError, match=says):
        from_folder(tmp_path)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            ["a.tif", "a.png", "b.png"],
            r"a\.png and a\.tif differ only in their endings, .*a_mask\.png, or list",
        ),
        (
            ["A.nii.gz", "b.png", "a.png"],
            r"A\.nii\.gz and a\.png differ only",
        ),
        (
            ["a.tif", "b.png", "old/notes.txt"],
            r"images without masks here \(a\.tif, b\.png\); put images into",
        ),
        (["images/a.png", "preview.png"], r"no folder masks/ here \(found: images\)"),
    ],
)
def test_images_of_which_none_is_a_mask(tmp_path: Path, files: list[str], says: str) -> None:
    for name in files:
        path = touch(tmp_path / name) if name.endswith(("png", "tif")) else tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    with pytest.raises(IsthmusError, match=says) as caught:
        from_folder(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_broken_stack_is_left_to_the_check(tmp_path: Path) -> None:
    touch(tmp_path / "images" / "a.tif").write_bytes(b"II*\0")
    touch(tmp_path / "masks" / "a.tif", pages=7)
    assert [case.id for case in from_folder(tmp_path).cases] == ["a"]


def test_masks_beside_their_images(tmp_path: Path) -> None:
    for name in (
        "p1/a.png",
        "p1/a_mask.tif",
        "p2/a.jpg",
        "p2/a_Seg.png",
        "p2/b.png",
        "p2/b-mask.png",
        "notes.txt",
    ):
        touch(tmp_path / name) if name != "notes.txt" else (tmp_path / name).write_text("")
    dataset = from_folder(tmp_path)
    assert [(case.id, case.masks[0].path.name) for case in dataset.cases] == [
        ("p1/a", "a_mask.tif"),
        ("p2/a", "a_Seg.png"),
        ("p2/b", "b-mask.png"),
    ]
    touch(tmp_path / "p2" / "c.png")
    with pytest.raises(IsthmusError, match=r"p2/c\.png: an image without a mask"):
        from_folder(tmp_path)


def test_a_folder_for_each_picture(tmp_path: Path) -> None:
    for name in ("a/images/a.png", "a/masks/2.png", "a/masks/1.png", "b/images/b.png", "b/masks/1.png"):
        touch(tmp_path / name)
    dataset = from_folder(tmp_path)
    assert [(case.id, [mask.path.stem for mask in case.masks]) for case in dataset.cases] == [
        ("a", ["1", "2"]),
        ("b", ["1"]),
    ]
    assert [(case.id, case.masks) for case in images_in(tmp_path)] == [("a", ()), ("b", ())]


def test_names_that_have_nothing_in_common_are_one_line(tmp_path: Path) -> None:
    for i in range(6):
        touch(tmp_path / "images" / f"scan{i}.png")
        touch(tmp_path / "masks" / f"drawn-{9 - i}.png")
    with pytest.raises(IsthmusError) as caught:
        from_folder(tmp_path)
    text = str(caught.value)
    assert "\n" not in text
    assert "images are scan0, scan1, scan2, scan3, … (6), masks drawn-4, drawn-5" in text


def test_pages_are_channels_where_the_mask_has_one(tmp_path: Path) -> None:
    pixels = np.arange(5 * 4 * 6, dtype=np.uint16).reshape(5, 4, 6)
    for name in ("images/a.tif", "images/b.ome.tif"):
        touch(tmp_path / name).unlink()
        tifffile.imwrite(tmp_path / name, pixels, photometric="minisblack")
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(touch(tmp_path / "masks" / "a.png"))
    Image.fromarray(np.eye(4, 6, dtype=np.uint8)).save(touch(tmp_path / "masks" / "b.png"))
    dataset = from_folder(tmp_path)
    assert [case.id for case in dataset.cases] == ["a", "b"]
    np.testing.assert_array_equal(load_image(dataset.cases[1]), pixels)
    assert probe(dataset.cases[0].images[0]) == ((5, 4, 6), np.dtype(np.uint16))
    assert check_dataset(dataset).channels == 5
    assert [case.id for case in images_in(tmp_path, channels=5)] == ["a", "b"]
    assert len(images_in(tmp_path, channels=4)) == 10
    touch(tmp_path / "images" / "c.tif", pages=17)
    touch(tmp_path / "masks" / "c.png")
    with pytest.raises(IsthmusError, match=r"c\.png: has 1 pages but its image .* has 17"):
        from_folder(tmp_path)


def test_accents_have_two_spellings(tmp_path: Path) -> None:
    touch(tmp_path / "images" / unicodedata.normalize("NFD", "bä.png"))
    touch(tmp_path / "masks" / unicodedata.normalize("NFC", "bä.png"))
    assert [case.id for case in from_folder(tmp_path).cases] == [unicodedata.normalize("NFC", "bä")]


def test_a_series_alone_in_a_folder_bears_its_name(tmp_path: Path) -> None:
    for patient in ("p1", "p2"):
        series = tmp_path / "images" / patient / "study" / "series"
        series.mkdir(parents=True)
        (series / "IM0").write_bytes(bytes(128) + b"DICM")
        touch(tmp_path / "masks" / f"{patient}_seg.png")
    found = from_folder(tmp_path).cases
    assert [(case.id, case.masks[0].path.name) for case in found] == [
        ("p1/study/series", "p1_seg.png"),
        ("p2/study/series", "p2_seg.png"),
    ]
    second = tmp_path / "images" / "p2" / "study" / "series 2"
    second.mkdir()
    (second / "IM0").write_bytes(bytes(128) + b"DICM")
    with pytest.raises(
        IsthmusError, match=r"(?s)p2/study/series: an image without.*series 2: an image without.*p2_seg"
    ):
        from_folder(tmp_path)


def test_open_dataset_finds_folders_tables_and_names(files: Path, shared_data: Path) -> None:
    touch(files / "images" / "a.png")
    touch(files / "masks" / "a.png")
    assert len(open_dataset(str(files)).cases) == 1
    assert len(open_dataset(table(files / "x.csv", "image,mask", "p1/a.png,p1/a_m.png")).cases) == 1
    assert open_dataset("isbi-2012", shared_data / "isbi-2012").name == "isbi-2012"


@pytest.mark.parametrize(
    ("name", "root", "says"),
    [
        (
            "isbi2012",
            None,
            "isbi2012: no such folder or CSV, and unknown data set .* did you mean 'isbi-2012'",
        ),
        ("isbi2012", ".", "unknown data set.*did you mean 'isbi-2012'"),
        (
            "isbi-2012",
            None,
            r"isbi-2012: give the folder of this data set \(--root, .*\), which contains train-volume",
        ),
        ("isbi-2012", "nowhere", "nowhere: no such folder; --root is the folder with train-volume"),
    ],
)
def test_names_that_do_not_exist(name: str, root: str | None, says: str) -> None:
    with pytest.raises(IsthmusError, match=says):
        open_dataset(name, Path(root) if root else None)


def test_a_file_that_is_no_table(files: Path) -> None:
    with pytest.raises(IsthmusError, match="not a data set"):
        open_dataset(files / "p1" / "a.png")
