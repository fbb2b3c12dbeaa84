"""`isthmus evaluate`: folders of masks against folders of masks, with answers derived on paper."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.inference import evaluate as module
from isthmus.inference.evaluate import evaluate_folder
from isthmus.metrics import score_case, summarise
from isthmus.metrics.rows import columns


class Notes:
    """A watch that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.stages: dict[str, list[int]] = {}

    def stage(self, label: str, total: int, done: int = 0) -> None:
        self.stages[label] = [total, done]
        self._now = label

    def advance(self, text: str = "") -> None:
        self.stages[self._now][1] += 1

    def say(self, text: str) -> None:
        self.said.append(text)


def save(folder: Path, **masks: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, mask in masks.items():
        array = np.asarray(mask)
        ending = "png" if array.dtype == np.uint8 else "tif"
        assert cv2.imwrite(str(folder / f"{name}.{ending}"), array)
    return folder


def row(*values: int) -> np.ndarray:
    """A mask of one row of pixels, repeated to three."""
    return np.array([values] * 3, np.uint8)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Cases hit, missed, falsely alarmed, empty; 3 x 5 pixels."""
    nothing, left = row(0, 0, 0, 0, 0), row(255, 255, 0, 0, 0)
    truth = save(tmp_path / "truth", a=left, b=left, c=nothing, d=nothing)
    ours = save(tmp_path / "ours", a=row(255, 0, 0, 0, 0), b=nothing, c=left, d=nothing)
    return ours, truth


def test_every_metric_of_every_case_and_every_miss(folders: tuple[Path, Path], tmp_path: Path) -> None:
    found = evaluate_folder(*folders)
    assert [r["case"] for r in found.rows] == ["a", "b", "c", "d"]
    assert all(tuple(r) == columns() for r in found.rows)
    assert {r["grid"] for r in found.rows} == {"original"}
    means = found.means()["foreground"]
    diagonal = math.hypot(2, 4)
    assert means["dice"] == pytest.approx((2 / 3 + 0 + 0 + 1) / 4)
    assert means["hausdorff_distance"] == pytest.approx((1 + 2 * diagonal + 0) / 4)
    assert (means["n"], means["n_missed"], means["n_both_empty"], means["n_false_alarm"]) == (4, 1, 1, 1)
    dice = found.summaries()["foreground"]["dice"]
    assert dice.std == pytest.approx(np.std([2 / 3, 0, 0, 1], ddof=1))
    assert (dice.n, dice.n_missed) == (4, 1)
    assert found.pooled()["foreground"].dice == pytest.approx(2 * 3 / (9 + 12))
    found.write(tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == columns()
    assert rows[1]["truth_points"] == "6"
    assert float(rows[0]["dice"]) == pytest.approx(2 / 3, abs=0)


def test_masks_are_never_all_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty cases, three threads: at no time are more masks alive than those at work hold."""
    import weakref

    rng = np.random.default_rng(0)
    masks = {f"c{i:02d}": (rng.random((40, 50)) < 0.5).astype(np.uint8) * 255 for i in range(20)}
    truth, ours = save(tmp_path / "t", **masks), save(tmp_path / "p", **masks)
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0
    read = module.read_mask

    def counted(source):
        nonlocal most
        mask = read(source)
        alive.append(weakref.ref(mask))
        most = max(most, sum(ref() is not None for ref in list(alive)))
        return mask

    monkeypatch.setattr(module, "read_mask", counted)
    monkeypatch.setattr(module, "_cores", lambda: 3)
    watch = Notes()
    found = evaluate_folder(ours, truth, watch=watch)
    assert len(alive) == 40  # each predicted mask is read twice
    assert most <= 6
    assert watch.stages == {"reading masks": [20, 20], "scoring": [20, 20]}
    assert found.means()["foreground"]["dice"] == 1


def instance_maps() -> tuple[np.ndarray, np.ndarray]:
    """Ten touching objects of 2 x 2 in a row; of the predicted ones two are merged, and one lies elsewhere."""
    truth = np.zeros((4, 20), np.uint16)
    for number in range(10):
        truth[:2, 2 * number : 2 * number + 2] = number + 1
    ours = truth.copy()
    ours[ours == 2] = 1
    ours[ours == 10] = 0
    ours[3, :4] = 900
    return ours, truth


def test_instance_maps_score_their_objects(tmp_path: Path) -> None:
    ours, truth = instance_maps()
    few = np.where(truth <= 3, truth, 0).astype(np.uint16)
    watch = Notes()
    found = evaluate_folder(
        save(tmp_path / "p", a=ours, b=few), save(tmp_path / "t", a=truth, b=few), watch=watch
    )
    assert found.objects
    assert "taken for object numbers" in watch.said[0]
    assert "taken for object numbers" in watch.said[1]
    assert len(watch.said) == 2
    assert tuple(found.rows[0]) == columns(objects=True)
    expected = [score_case(p, t, instances=True) for p, t in ((ours, truth), (few, few))]
    for got, want in zip(found.rows, expected, strict=True):
        assert {name: got[name] for name in want} == pytest.approx(want, nan_ok=True)
    # on paper: 9 objects predicted; 1 covers all of object 1 (half of the merged pair), 3 to 9 are right
    assert found.rows[0]["object_precision"] == pytest.approx(8 / 9)
    assert found.rows[0]["object_recall"] == pytest.approx(8 / 10)
    assert found.rows[0]["panoptic_quality"] == pytest.approx(7 / (7 + 2 / 2 + 3 / 2))
    assert found.means()["foreground"]["panoptic_quality"] == pytest.approx((7 / 9.5 + 1) / 2)


def test_plain_predictions_of_instance_maps_are_cut_into_components(tmp_path: Path) -> None:
    _, truth = instance_maps()
    few = np.where(truth <= 3, truth, 0).astype(np.uint16)
    masks = {"a": (truth > 0).astype(np.uint8) * 255, "b": (few > 0).astype(np.uint8) * 255}
    watch = Notes()
    found = evaluate_folder(save(tmp_path / "p", **masks), save(tmp_path / "t", a=truth, b=few), watch=watch)
    assert [r["prediction_objects"] for r in found.rows] == [1, 1]
    assert [r["truth_objects"] for r in found.rows] == [10, 3]
    assert [r["dice"] for r in found.rows] == [1, 1]
    assert any("predicted objects are the connected components" in line for line in watch.said)
    quiet = evaluate_folder(tmp_path / "p", tmp_path / "t", objects=False)
    assert not quiet.objects
    assert [r["dice"] for r in quiet.rows] == [1, 1]
    assert tuple(quiet.rows[0]) == columns()


def test_a_mask_file_for_each_object(tmp_path: Path) -> None:
    """Two objects that touch, a file each; the prediction finds one whole and misses the other."""
    one, two = row(255, 255, 0, 0, 0, 0), row(0, 0, 255, 255, 0, 0)
    save(tmp_path / "truth" / "a" / "images", a=row(9, 9, 9, 9, 9, 9))
    save(tmp_path / "truth" / "a" / "masks", a1=one, a2=two)
    save(tmp_path / "truth" / "b" / "images", b=row(9, 9, 9, 9, 9, 9))
    save(tmp_path / "truth" / "b" / "masks", b1=one)
    ours = save(tmp_path / "p", a=(one > 0).astype(np.uint8), b=one // 255)
    scored, whole = evaluate_folder(ours, tmp_path / "truth").rows
    assert (whole["case"], whole["truth_objects"], whole["dice"]) == ("b", 1, 1)
    assert (scored["truth_objects"], scored["prediction_objects"]) == (2, 1)
    assert scored["object_f1"] == pytest.approx(2 / 3)
    assert scored["dice"] == pytest.approx(2 * 6 / (6 + 12))


def test_objects_of_classes_are_components_when_asked(tmp_path: Path) -> None:
    truth = save(tmp_path / "t", a=row(1, 0, 2, 0, 1), b=row(2, 2, 0, 1, 1))
    ours = save(tmp_path / "p", a=row(1, 0, 2, 0, 0), b=row(2, 2, 0, 1, 1))
    watch = Notes()
    found = evaluate_folder(ours, truth, objects=True, watch=watch)
    assert [(r["case"], r["class"], r["truth_objects"]) for r in found.rows] == [
        ("a", "class 1", 2),
        ("a", "class 2", 1),
        ("b", "class 1", 1),
        ("b", "class 2", 1),
    ]
    assert any("objects are the connected components of each class" in line for line in watch.said)
    assert not evaluate_folder(ours, truth).objects
    scores = [
        score_case(
            cv2.imread(str(ours / f"{c}.png"), 0), cv2.imread(str(truth / f"{c}.png"), 0), classes=[1, 2]
        )
        for c in "ab"
    ]
    for name, label in (("class 1", 1), ("class 2", 2)):
        want = summarise(scores)[label]
        assert {m: s.mean for m, s in found.summaries()[name].items()} == pytest.approx(
            {m: s.mean for m, s in want.items()}, nan_ok=True
        )


def test_few_numbers_are_classes_unless_told(tmp_path: Path) -> None:
    mask = row(1, 1, 2, 2, 0)
    truth, ours = save(tmp_path / "t", a=mask), save(tmp_path / "p", a=mask)
    assert [r["class"] for r in evaluate_folder(ours, truth).rows] == ["class 1", "class 2"]
    (told,) = evaluate_folder(ours, truth, instances=True).rows
    assert (told["class"], told["truth_objects"], told["object_f1"]) == ("foreground", 2, 1)


def test_spacing_is_that_of_the_option_or_of_the_file(tmp_path: Path) -> None:
    truth, ours = save(tmp_path / "t", a=row(255, 0, 0, 0, 0)), save(tmp_path / "p", a=row(0, 0, 255, 0, 0))
    assert evaluate_folder(ours, truth).rows[0]["hausdorff_distance"] == 2
    found = evaluate_folder(ours, truth, spacing=(2.0, 0.5))
    assert found.rows[0]["hausdorff_distance"] == 1
    assert found.unit == "the unit of the spacing"
    for wrong, message in (((1, 1, 1), "does not fit masks of 2 axes"), (-1, "not a positive number")):
        with pytest.raises(IsthmusError, match=rf"t.a.png: spacing .*{message}"):
            evaluate_folder(ours, truth, spacing=wrong)


def volume(path: Path, *places: tuple[int, int, int], affine: np.ndarray) -> None:
    import nibabel

    mask = np.zeros((4, 5, 6), np.uint8)
    for place in places:
        mask[place] = 1
    path.parent.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(mask, affine), path)


def test_volumes_use_their_own_spacing(tmp_path: Path) -> None:
    affine = np.diag([0.5, 2.0, 3.0, 1.0])
    volume(tmp_path / "t" / "a.nii.gz", (1, 1, 1), affine=affine)
    volume(tmp_path / "p" / "a.nii.gz", (1, 2, 1), affine=affine)
    found = evaluate_folder(tmp_path / "p", tmp_path / "t")
    assert found.rows[0]["hausdorff_distance"] == 2
    assert found.unit == "mm"
    with pytest.raises(IsthmusError, match=r"each file states its own, as .*a.nii.gz does \(3, 2, 0.5\)"):
        evaluate_folder(tmp_path / "p", tmp_path / "t", spacing=1)


def test_what_cannot_be_scored_is_told_together_in_one_line(tmp_path: Path) -> None:
    masks = {name: row(255, 0, 0, 0, 0) for name in "abc"}
    truth, ours = save(tmp_path / "t", **masks), save(tmp_path / "p", **masks)
    save(ours, a=row(255, 0, 0))
    (ours / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(IsthmusError) as caught:
        evaluate_folder(ours, truth)
    assert "a.png has size (3, 3) but" in str(caught.value)
    assert "(and 1 more)" in str(caught.value)
    assert "\n" not in str(caught.value)


TRUE = {f"c{i}": row(255 * (i > 1), 255, 255 * (i % 2), 0, 0, 0) for i in range(4)}
IMAGES = {name: mask // 255 for name, mask in TRUE.items()}  # what would score 1 if it were taken for masks
WRONG = {name: np.roll(mask, 3, axis=1) for name, mask in TRUE.items()}


def pairs_of_folders(images: str, masks: str, ending: str = ""):
    def lay(root: Path) -> None:
        save(root / images, **IMAGES)
        save(root / masks, **{name + ending: mask for name, mask in WRONG.items()})

    return lay


def beside(root: Path) -> None:
    save(root, **IMAGES, **{f"{name}_mask": mask for name, mask in WRONG.items()})


def by_picture(root: Path) -> None:
    for name in TRUE:
        save(root / name / "images", **{name: IMAGES[name]})
        save(root / name / "masks", **{f"{name}_0": WRONG[name]})


LAYOUTS = {
    "masks": pairs_of_folders("images", "masks"),
    "labels": pairs_of_folders("images", "labels"),
    "capitals": pairs_of_folders("Images", "Masks"),
    "gt": pairs_of_folders("img", "gt"),
    "one folder deeper": pairs_of_folders("data/images", "data/annotations"),
    "masks with an ending": pairs_of_folders("images", "masks", "_segmentation"),
    "masks beside images": beside,
    "a folder for each picture": by_picture,
    "masks without images": lambda root: save(root / "Ground Truth", **WRONG),
    "masks alone": lambda root: save(root, **WRONG),
    "masks alone with an ending": lambda root: save(root, **{f"{n}_anno": m for n, m in WRONG.items()}),
}


@pytest.mark.parametrize("lay", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_truth_is_the_masks_in_every_layout_that_trains(tmp_path: Path, lay) -> None:
    """The images hold what is predicted, the masks something else: who takes one for the other scores 1."""
    lay(tmp_path / "truth")
    found = evaluate_folder(save(tmp_path / "ours", **TRUE), tmp_path / "truth")
    want = [score_case(TRUE[name] > 0, WRONG[name] > 0)["dice"] for name in TRUE]
    assert [r["case"] for r in found.rows] == list(TRUE)
    assert [r["dice"] for r in found.rows] == want
    assert max(want) < 0.7


def test_images_without_masks_are_no_truth(tmp_path: Path) -> None:
    save(tmp_path / "truth" / "images", **TRUE)
    save(tmp_path / "ours" / "images", **TRUE)
    with pytest.raises(IsthmusError, match=r"truth: no folder masks/ here \(found: images\)"):
        evaluate_folder(tmp_path / "ours", tmp_path / "truth")


def test_predictions_are_all_that_lies_in_their_folder(tmp_path: Path) -> None:
    """No file is an image there, whatever else lies beside it: a description that nnU-Net leaves, a folder `images`."""
    ours = save(tmp_path / "ours", **TRUE)
    (ours / "dataset.json").write_text("{}")
    save(ours / "images", other=TRUE["c0"])
    save(ours / "masks", other=TRUE["c0"])
    watch = Notes()
    found = evaluate_folder(ours, save(tmp_path / "t", **TRUE), watch=watch)
    assert [r["dice"] for r in found.rows] == [1, 1, 1, 1]
    assert "2 predictions have no true mask and are not scored: images/other, masks/other" in watch.said


def test_names_match_as_those_of_images_and_masks(tmp_path: Path) -> None:
    mask = row(255, 0, 0)
    truth = save(tmp_path / "t", x_segmentation=mask, y_mask=mask, mask_007=mask, z=mask)
    ours = save(tmp_path / "p", x=mask, y=mask, img_7=mask, z=row(0, 255, 0))
    watch = Notes()
    rows = evaluate_folder(ours, truth, watch=watch).rows
    assert {r["case"]: r["dice"] for r in rows} == {"x": 1, "y": 1, "img_7": 1, "z": 0}
    assert any(line.startswith("3 masks are matched though their names differ: ") for line in watch.said)
    assert any("x and x_segmentation" in line for line in watch.said)
    save(truth, x_seg=mask)
    with pytest.raises(
        IsthmusError, match=r"t: has 2 masks for the prediction 'x', x_segmentation and x_seg"
    ):
        evaluate_folder(ours, truth)


@pytest.mark.parametrize(
    ("true", "predicted", "scored"),
    [
        ((0, 2), (0, 2), True),
        ((0, 1), (0, 255), True),
        ((0, 255), (0, 1), True),
        ((0, 2), (0, 1), False),
        ((0, 2), (0, 255), False),
        ((0, 1), (0, 2), False),
        ((0, 255), (0, 7), False),
        ((0, 1), (0, 1, 2), False),
        ((0, 1, 2), (0, 1), True),
    ],
)
def test_values_mean_the_same_only_where_nothing_else_can_be_meant(
    tmp_path: Path, true: tuple[int, ...], predicted: tuple[int, ...], scored: bool
) -> None:
    truth, ours = save(tmp_path / "t", a=row(*true, 0)), save(tmp_path / "p", a=row(*predicted, 0)[:, :3])
    if len(true) != len(predicted):
        truth, ours = save(truth, a=row(*true, 0, 0)[:, :4]), save(ours, a=row(*predicted, 0, 0)[:, :4])
    if scored:
        assert evaluate_folder(ours, truth).rows[0]["dice"] == 1
        return
    with pytest.raises(IsthmusError) as caught:
        evaluate_folder(ours, truth)
    assert "do not occur in the truth" in str(caught.value)
    assert "--classes 1=liver" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_classes_say_what_values_mean_on_both_sides(tmp_path: Path) -> None:
    truth, ours = save(tmp_path / "t", a=row(0, 1, 1, 0)), save(tmp_path / "p", a=row(0, 1, 2, 0))
    with pytest.raises(IsthmusError, match="the values 2 do not occur"):
        evaluate_folder(ours, truth)
    liver, kidney = evaluate_folder(ours, truth, classes={1: "liver", 2: "kidney"}).rows
    assert (liver["class"], kidney["class"]) == ("liver", "kidney")
    assert liver["dice"] == pytest.approx(2 / 3)
    assert (kidney["truth_points"], kidney["prediction_points"], kidney["dice"]) == (0, 3, 0)
    (both,) = evaluate_folder(ours, truth, classes={0: "rest", 1: "organ", 2: "organ"}).rows
    assert (both["class"], both["dice"]) == ("organ", 1)
    (one,) = evaluate_folder(ours, truth, classes={1: "liver", 2: "background"}).rows
    assert one["prediction_points"] == 3
    with pytest.raises(
        IsthmusError, match=r"p.a.png: mask value 2 \(3 pixels\) fits no class \(known: 0, 1\)"
    ):
        evaluate_folder(ours, truth, classes={1: "liver"})
    with pytest.raises(IsthmusError, match="names no foreground"):
        evaluate_folder(ours, truth, classes={0: "background"})
    with pytest.raises(IsthmusError, match="instances=True says that they number objects"):
        evaluate_folder(ours, truth, classes={1: "liver"}, instances=True)


def test_tolerance_and_the_rule_for_misses_are_options(folders: tuple[Path, Path]) -> None:
    found = [evaluate_folder(*folders, tolerance=t).rows[0]["surface_dice"] for t in (0.5, 1)]
    assert found == [pytest.approx(2 * 3 / (3 + 6)), 1]
    endless = evaluate_folder(*folders, missing="infinity").means()["foreground"]
    assert (endless["hausdorff_distance"], endless["dice"]) == (math.inf, pytest.approx((2 / 3 + 1) / 4))
    others = evaluate_folder(*folders, missing="exclude").summaries()["foreground"]["hausdorff_distance"]
    assert (others.mean, others.n, others.n_missed) == (0.5, 2, 1)
    with pytest.raises(IsthmusError, match=r"^tolerance is -1; give a distance of 0 or more"):
        evaluate_folder(*folders, tolerance=-1)
    with pytest.raises(IsthmusError, match=r"^missing='diag' is not a rule; did you mean 'diagonal'"):
        evaluate_folder(*folders, missing="diag")  # type: ignore[arg-type]


def call(*words: object) -> int:
    from isthmus.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["isthmus", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main.main()
    return int(left.value.code or 0)


def test_the_command_prints_what_was_missed(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert call("evaluate", *folders, "--objects", "--spacing", "2,1") == 0
    out = capsys.readouterr()
    head, dice = out.out.splitlines()[:2]
    assert head.split() == ["class", "metric", "mean", "sd", "n", "missed", "both", "empty", "false", "alarm"]
    assert dice.split() == ["foreground", "dice", "0.4167", "0.5000", "4", "1", "1", "1"]
    assert "object f1" in out.out
    assert "on the masks' own grid" in out.err
    with (folders[0] / "scores.csv").open(encoding="utf-8") as file:
        assert tuple(next(iter(csv.DictReader(file)))) == columns(objects=True)
    assert call("evaluate", *folders, "--spacing", "wide") == 2
    assert "--spacing wide: write a number for each axis" in capsys.readouterr().err


def test_the_command_takes_classes_tolerance_and_the_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, ours = save(tmp_path / "t", a=row(0, 1, 1, 0)), save(tmp_path / "p", a=row(0, 1, 2, 0))
    options = ("--tolerance", "0.5", "--missing", "exclude")
    assert call("evaluate", ours, truth, "--classes", "1=liver,2=kidney", *options) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "distances (and the 0.5 within which surface Dice counts) in pixels" in told
    assert "a missed case has Dice 0 and no number for a distance" in told
    with (ours / "scores.csv").open(encoding="utf-8") as file:
        liver, kidney = csv.DictReader(file)
    assert (liver["class"], kidney["class"]) == ("liver", "kidney")
    assert math.isnan(float(kidney["hausdorff_distance"]))
    for wrong in ("liver", "1=", "1=a,1=b", "one=a", "-1=a"):
        assert call("evaluate", ours, truth, "--classes", wrong) == 2
        assert "write each mask value once, with its name" in capsys.readouterr().err
    assert call("evaluate", ours, truth, "--missing", "no") == 2
    assert "missing='no' is not a rule" in capsys.readouterr().err


@pytest.mark.parametrize("columns", [20, 60, 80, 100, 200])
def test_the_table_cuts_nothing(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers and metrics whole on one line, names of classes whole over several."""
    from isthmus.cli.evaluate import SHOWN, show

    monkeypatch.setenv("COLUMNS", str(columns))
    names = ("foreground", "left ventricular myocardium [of the heart], end of diastole")
    cases = {"dice": 0.123456, "hausdorff_distance": 123456.78912, "average_surface_distance": 1.5}
    counts = {"prediction_points": 1, "truth_points": 0}
    show(module.Evaluation([{"class": name, **cases, **counts} for name in names for _ in range(12345)]))
    text = capsys.readouterr().out
    assert "…" not in text
    assert text.count("123456.7891") == 2
    assert text.count(" 12345 ") == 2 * 2 * len(cases.keys() & set(SHOWN))  # n, and false alarms
    assert all(text.count(metric.replace("_", " ")) == 2 for metric in ("hausdorff_distance", "dice"))
    assert "average surface distance" in text
    width = min(line.index("dice") for line in text.splitlines() if "dice" in line)
    folded = "".join(line[:width].replace(" ", "") for line in text.splitlines()[1:])
    assert "".join(names).replace(" ", "") in folded
