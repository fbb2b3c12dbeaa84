"""Folders, tables and single images become cases; what does not fit is told together."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from isthmus.data.cases import Case, Source, load_image
from isthmus.data.checks.check import check_dataset
from isthmus.data.csv_files import from_csv
from isthmus.data.new_images import images_in
from isthmus.data.sources import from_folder, open_dataset
from isthmus.errors import IsthmusError
from isthmus.io.images import probe
from isthmus.io.writing import write_image

PIXELS = np.zeros((4, 5), np.uint8)


def touch(path: Path, pages: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in (".tif", ".tiff"):
        tifffile.imwrite(
            path, np.zeros((pages, 4, 5), np.uint8) if pages > 1 else PIXELS, photometric="minisblack"
        )
    else:
        Image.fromarray(PIXELS).save(path)
    return path


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
            "images and masks lie in a, b; name one of these folders",
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


# tables


def table(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("p1/a.png", "p1/a_m.png", "p2/a.png", "p2/a_m.png", "p2/b.png", "p2/b_m.png"):
        touch(tmp_path / name)
    return tmp_path


def test_a_table(files: Path) -> None:
    lines = ["image,mask,group,id", "p1/a.png,p1/a_m.png,one,first", "p2/b.png, p2/b_m.png,two,"]
    dataset = from_csv(table(files / "set.csv", *lines))
    assert dataset.name == "set"
    assert dataset.cases == (
        Case("first", (Source(files / "p1/a.png"),), (Source(files / "p1/a_m.png"),), "one"),
        Case("b", (Source(files / "p2/b.png"),), (Source(files / "p2/b_m.png"),), "two"),
    )


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-8"), (",", "utf-8")])
def test_as_spreadsheets_write_it(files: Path, separator: str, encoding: str) -> None:
    lines = [separator.join(row) for row in (("Mask", "IMAGE"), ("p1/a_m.png", "p1/a.png"), ("", ""))]
    (case,) = from_csv(table(files / "x.csv", *lines, encoding=encoding)).cases
    assert (case.id, case.group) == ("a", "a")


def test_images_of_one_name_are_told_apart_by_their_folders(files: Path) -> None:
    lines = ["image,mask", "p1/a.png,p1/a_m.png", f"{files}/p2/a.png,./p2/a_m.png"]
    assert [case.id for case in from_csv(table(files / "x.csv", *lines)).cases] == ["p1/a", "p2/a"]


def test_a_stack_keeps_its_group(files: Path) -> None:
    touch(files / "s.tif", pages=6)
    touch(files / "t.tif", pages=6)
    cases = from_csv(table(files / "x.csv", "image,mask,group", "s.tif,t.tif,patient 1")).cases
    assert [case.id for case in cases][:2] == ["s-000", "s-001"]
    assert {case.group for case in cases} == {"patient 1"}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ["images,masks", "a,b"],
            r"no column 'image' in its first line \(images, masks\); the columns are image, mask",
        ),
        (["image,grop,mask"], "unknown column 'grop'; did you mean 'group'"),
        (["image,mask,mask"], "'mask' occurs twice"),
        (["image,mask"], "no lines below the header"),
        ([""], "no column 'image'"),
        (["image,mask", "p1/a.png,"], "line 2: names no mask"),
        (["image,mask", "p1/a.png,p1/none.png"], r"line 2: no file .*none\.png; paths are relative"),
        (["image,mask", "p1/a.png,p1/a_m.png,extra"], "line 2: more values than columns"),
        (["image,mask,id", "p1/a.png,p1/a_m.png,../../x"], "cannot be the name of a file"),
        (["image,mask,id", "p1/a.png,p1/a_m.png,/x"], "cannot be the name of a file"),
        (["image,mask,id", "p1/a.png,p1/a_m.png,a\\b"], "cannot be the name of a file"),
        (["image,mask,id", "p1/a.png,p1/a_m.png,x", "p2/a.png,p2/a_m.png,x"], "would be called 'x', as"),
    ],
)
def test_tables_that_do_not_fit(files: Path, lines: list[str], says: str) -> None:
    with pytest.raises(IsthmusError, match=says):
        from_csv(table(files / "x.csv", *lines))


def test_a_table_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(IsthmusError, match="not text in UTF-8"):
        from_csv(tmp_path / "x.csv")


# by name or path


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
            r"isbi-2012: name the folder of this data set \(--root, .*\), which contains train-volume",
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


# images alone


def test_images_from_files_and_folders(tmp_path: Path) -> None:
    single, stack = touch(tmp_path / "one.png"), touch(tmp_path / "s.tif", pages=6)
    touch(tmp_path / "folder" / "deep" / "two.jpg")
    assert [case.id for case in images_in([single, tmp_path / "folder"])] == ["one", "deep/two"]
    (case, *_) = images_in(stack)
    assert (case.id, case.masks, case.images) == ("s-000", (), (Source(stack, 0),))
    assert len(images_in(stack)) == 6


def test_only_the_images_of_a_data_set(tmp_path: Path) -> None:
    touch(tmp_path / "images" / "a.png")
    touch(tmp_path / "masks" / "b.png")
    assert [case.id for case in images_in(tmp_path)] == ["a"]


def test_an_unreadable_image_does_not_hide_the_others(tmp_path: Path) -> None:
    touch(tmp_path / "good.png")
    (tmp_path / "bad.tif").write_bytes(b"II*\0")
    (tmp_path / "empty.png").write_bytes(b"")
    assert [case.id for case in images_in(tmp_path)] == ["bad", "empty", "good"]


@pytest.mark.parametrize("make", [lambda p: p / "none.png", lambda p: p])
def test_no_images(tmp_path: Path, make: Any) -> None:
    with pytest.raises(IsthmusError, match=r"no such file or folder|no images here"):
        images_in(make(tmp_path))


def test_two_images_that_would_get_one_name(tmp_path: Path) -> None:
    first, second = touch(tmp_path / "a" / "x.png"), touch(tmp_path / "b" / "x.png")
    with pytest.raises(IsthmusError, match="would be called 'x'"):
        images_in([first, second])


def test_masks_beside_their_images_are_not_segmented(tmp_path: Path) -> None:
    for name in ("a", "a_mask", "b", "b_anno", "c"):
        write_image(tmp_path / f"{name}.png", np.zeros((1, 4, 4), np.uint8))
    assert [case.id for case in images_in(tmp_path)] == ["a", "b", "c"]


def test_images_of_a_table(tmp_path: Path) -> None:
    write_image(tmp_path / "far" / "a.png", np.zeros((1, 4, 4), np.uint8))
    (tmp_path / "t.csv").write_text("image\nfar/a.png\n", encoding="utf-8")
    (case,) = images_in(tmp_path / "t.csv")
    assert (case.id, case.masks) == ("a", ())
    (tmp_path / "t.csv").write_text("image,mask\nfar/a.png,\nfar/b.png,x.png\n", encoding="utf-8")
    with pytest.raises(IsthmusError, match=r"line 3: no file .*b\.png"):
        images_in(tmp_path / "t.csv")
