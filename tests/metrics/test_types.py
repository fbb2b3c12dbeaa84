"""Number types: the score of a mask depends on its values, never on how they are stored."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus import metrics
from isthmus.errors import IsthmusError

from .test_input import BY_CLASS, BY_OBJECT

TRUTH = np.array([[0, 1, 1, 0], [2, 2, 0, 0]])
PREDICTION = np.array([[0, 1, 0, 0], [2, 2, 2, 0]])
KINDS = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float16",
    "float32",
    "float64",
)


def same(one, other) -> None:
    as_plain = [
        {
            name: vars(value) if isinstance(value, metrics.MaskDistances) else value
            for name, value in scores.items()
        }
        if isinstance(scores, dict)
        else scores
        for scores in (one, other)
    ]
    assert repr(as_plain[0]) == repr(as_plain[1])  # NaN equals itself here


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("score", BY_CLASS)
def test_labels_of_any_type_score_alike(score, kind):
    same(score(PREDICTION.astype(kind), TRUTH, classes=[1, 2]), score(PREDICTION, TRUTH, classes=[1, 2]))
    same(score(PREDICTION, TRUTH.astype(kind), classes=[1, 2]), score(PREDICTION, TRUTH, classes=[1, 2]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("score", BY_OBJECT)
def test_object_numbers_of_any_type_score_alike(score, kind):
    same(score(PREDICTION.astype(kind), TRUTH.astype(kind)), score(PREDICTION, TRUTH))


@pytest.mark.parametrize("score", BY_CLASS)
def test_a_class_that_the_type_cannot_hold_is_a_class_that_is_absent(score):
    """`dice(uint8, uint8, [1, 300])`: an IndexError before."""
    for kind in ("uint8", "int8", "bool", "int16", "uint16", "float32"):
        mask = (TRUTH > 0).astype(kind)
        beside = (PREDICTION > 0).astype("uint16")
        wide = score(
            beside.astype("int64"), mask.astype("int64"), classes={1: "a", 300: "b", 2**40: "c", 128: "d"}
        )
        same(score(beside, mask, classes={1: "a", 300: "b", 2**40: "c", 128: "d"}), wide)
    assert metrics.dice(mask.astype("uint8"), mask.astype("uint8"), [1, 300]) == {1: 1.0, 300: 1.0}


def test_narrow_types_keep_apart_what_would_wrap_around():
    truth, prediction = np.array([[300, 44]], "uint16"), np.array([[44, 44]], "uint8")
    assert metrics.dice(prediction, truth, [300, 44]) == {300: 0.0, 44: 2 / 3}
    with pytest.raises(IsthmusError, match="prediction holds label -1, outside"):
        metrics.dice(np.array([[-1, 1]], "int8"), np.array([[1, 1]], "int8"), [1, 255])
    with pytest.raises(IsthmusError, match="none of them negative"):
        metrics.dice(np.array([[1]], "int8"), np.array([[1]], "int8"), [-1])


@pytest.mark.parametrize("score", BY_CLASS)
def test_a_boolean_mask_stands_beside_one_of_zeros_and_ones(score):
    p, t = PREDICTION == 2, TRUTH == 2
    for kind in ("uint8", "int64", "float32"):
        same(score(p, t.astype(kind)), score(p, t))
        same(score(p.astype(kind), t), score(p, t))
        labelled = score(p.astype(int), t.astype(int), classes=[1])
        same(score(p, t.astype(kind), classes=[1]), labelled)
        same(score(p.astype(kind), t, classes=[1]), labelled)
    for other in (t * 255, t * -1):
        with pytest.raises(IsthmusError, match="with values other than 0 and 1; give two boolean masks"):
            score(p, other)


@pytest.mark.parametrize("score", BY_CLASS + BY_OBJECT)
def test_tensors_of_every_type(score):
    torch = pytest.importorskip("torch")
    how = {"classes": [1, 2]} if score in BY_CLASS else {}
    expected = score(PREDICTION, TRUTH, **how)
    for kind in (
        torch.uint8,
        torch.int8,
        torch.int64,
        torch.bfloat16,
        torch.float16,
        torch.float32,
        torch.uint16,
    ):
        tensors = [torch.from_numpy(mask).to(kind) for mask in (PREDICTION, TRUTH)]
        same(score(*tensors, **how), expected)
        same(score(tensors[0], TRUTH, **how), expected)
    same(score(torch.from_numpy(PREDICTION).float().requires_grad_(), TRUTH, **how), expected)
    with pytest.raises(IsthmusError, match=r"0\.5 is not a whole number"):
        score(torch.full((2, 4), 0.5), TRUTH, **how)


def test_what_monai_discretises_is_a_mask():
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.transforms")
    logits = torch.tensor([[[2.0, -1.0, 3.0]]])
    mask = monai.AsDiscrete(threshold=0.5)(logits.sigmoid())
    assert mask.dtype == torch.float32
    assert metrics.dice(mask[0], np.array([[1, 1, 1]], np.uint8), [1]) == {1: 0.8}
    assert metrics.dice(mask[0], np.array([[True, True, True]])) == 0.8


def test_classes_and_spacing_may_be_tensors():
    torch = pytest.importorskip("torch")
    spacing = torch.tensor([1.0, 3.0], requires_grad=True)
    expected = metrics.hausdorff_distance(PREDICTION, TRUTH, (1, 3), classes=[1, 2])
    assert metrics.hausdorff_distance(PREDICTION, TRUTH, spacing, classes=torch.tensor([1, 2])) == expected
    assert metrics.dice(PREDICTION, TRUTH, np.array([1, 2])) == metrics.dice(PREDICTION, TRUTH, [1, 2])


def test_a_percentile_that_is_a_share_is_refused_with_the_number_meant():
    masks = np.array([[True, False]]), np.array([[True, True]])
    for work in (
        lambda share: metrics.hausdorff_distance(*masks, percentile=share),
        lambda share: metrics.hausdorff_distance(*masks, percentile=share, on="foreground"),
        lambda share: metrics.mask_distances(*masks).hausdorff(share, pooled=True),
    ):
        with pytest.raises(IsthmusError, match=r"percentile is 0.95, and percentiles go .* write 95$"):
            work(0.95)
        assert work(0) == 0.0


def test_a_number_may_come_as_a_tensor_or_an_array_without_axes():
    torch = pytest.importorskip("torch")
    masks, objects = (PREDICTION == 2, TRUTH == 2), (PREDICTION, TRUTH)
    for made in (torch.tensor, np.array, lambda value: torch.tensor(value).bfloat16()):
        for on in ("surface", "foreground"):
            found = metrics.hausdorff_distance(*masks, percentile=made(50.0), on=on)
            assert found == metrics.hausdorff_distance(*masks, percentile=50, on=on)
        assert metrics.surface_dice(*masks, tolerance=made(0.5)) == metrics.surface_dice(
            *masks, tolerance=0.5
        )
        assert metrics.object_f1(*objects, overlap=made(0.75)) == metrics.object_f1(*objects, overlap=0.75)
        found = metrics.average_precision(*objects, thresholds=made([0.5, 0.75]))
        assert found == metrics.average_precision(*objects, thresholds=[0.5, 0.75])
        assert metrics.open_gaps([[1, 0, 1]], [[1, 0, 1]], width=made(2.0), classes=[1]) == {1: 1.0}
        with pytest.raises(IsthmusError, match=r"^tolerance is -1\.0; give"):
            metrics.surface_dice(*masks, tolerance=made(-1.0))
        with pytest.raises(IsthmusError, match=r"^thresholds is 0\.5; give a list"):
            metrics.average_precision(*objects, thresholds=made(0.5))
    for label in (torch.tensor(2), np.array(2)):
        assert metrics.object_dice(*objects, ignore=label) == metrics.object_dice(*objects, ignore=2)
