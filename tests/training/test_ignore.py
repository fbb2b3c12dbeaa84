"""A mask value that is ignored: no class, no loss, no score."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus import training
from isthmus.data.cases import IGNORED, Source
from isthmus.data.layouts.nnunet import write
from isthmus.data.sampling.cache import ByteBudget
from isthmus.errors import IsthmusError
from isthmus.io.images import read_mask
from isthmus.io.writing import write_mask
from isthmus.metrics import dice
from isthmus.objectives import Objective
from isthmus.runs.files import read_json
from isthmus.training.loop.stream import training_samples
from isthmus.training.preparation.prepare import prepare
from isthmus.watch import Silent

VOID = 7


@pytest.fixture
def marked(phantoms: Path, tmp_path: Path) -> Path:
    """The phantoms, with a rim of unassigned pixels around the objects and an unannotated corner."""
    folder = tmp_path / "marked"
    shutil.copytree(phantoms, folder)
    for path in (folder / "masks").iterdir():
        mask = read_mask(Source(path))
        rim = np.zeros(mask.shape, bool)
        for axis in (0, 1):
            changes = np.diff((mask > 0).astype(int), axis=axis) != 0
            rim[tuple(slice(None, -1) if a == axis else slice(None) for a in (0, 1))] |= changes
        rim[:20, :30] = True
        write_mask(path, np.where(rim, VOID, mask).astype(np.uint8))
    return folder


def of_run(marked: Path, small: Any, **sections: Any) -> Any:
    data = {"source": str(marked), "ignore": VOID} | sections.pop("data", {})
    return small(data=data, **sections)


def true_of(marked: Path, case: str) -> NDArray[Any]:
    return read_mask(Source(next((marked / "masks").glob(f"{case}.*"))))


def test_ignored_pixels_are_no_class_and_enter_no_score(marked: Path, small: Any, tmp_path: Path) -> None:
    run = training.train(of_run(marked, small, training={"epochs": 2}, input={"patch": 64}), tmp_path / "run")
    stored = run.recipe().data
    assert stored.ignore == VOID
    assert len(stored.classes) == 2
    assert stored.values == {0: 0, 255: 1, VOID: 0}
    rows = run.read_rows(run.cases)
    assert rows
    for row in rows:
        truth = true_of(marked, row["case"])
        predicted = read_mask(Source(next(run.predictions.glob(f"{row['case']}.*"))))
        assert VOID not in predicted
        there = truth != VOID
        assert int(row["image_points"]) == there.sum() < truth.size
        assert int(row["truth_points"]) == (truth == 255).sum()
        expected = dice(predicted[there] > 0, truth[there] > 0)
        assert float(row["dice"]) == pytest.approx(expected)
    history = run.read_rows(run.history)
    best = read_json(run.cost)["best_epoch"]
    mean = np.mean([float(row["dice"]) for row in rows])
    assert float(history[best - 1]["validation_dice"]) == pytest.approx(mean, abs=1e-6)
    run.cost.unlink()
    assert training.resume(run.path).finished()


def test_the_loss_is_told_which_pixels(
    marked: Path, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int | None, set[int]]] = []
    loss = Objective.__call__

    def spy(self: Objective, outputs: Any, labels: Any, targets: Any) -> Any:
        seen.append((self.ignore, set(labels.unique().tolist())))
        return loss(self, outputs, labels, targets)

    monkeypatch.setattr(Objective, "__call__", spy)
    training.train(of_run(marked, small, training={"epochs": 1}), tmp_path / "run")
    assert {ignore for ignore, _ in seen} == {IGNORED}
    assert set().union(*(labels for _, labels in seen)) == {0, 1, IGNORED}


def test_patches_on_foreground_are_not_drawn_to_ignored_pixels(marked: Path, small: Any) -> None:
    for path in (marked / "masks").iterdir():
        mask = np.full((64, 64), VOID, np.uint8)
        mask[40:, 40:], mask[60, 60] = 0, 255
        write_mask(path, mask)
    prepared = prepare(of_run(marked, small, input={"patch": 32, "foreground": 1.0}), Silent())
    samples = training_samples(prepared, ByteBudget(2**20))
    for index in range(4):
        label = samples.sample(0, index).labels
        assert (label == 1).sum() == 1
        assert (label == IGNORED).any()


def test_nnunet_s_label_ignore_is_ignored_without_a_word(marked: Path, small: Any, tmp_path: Path) -> None:
    ours = prepare(of_run(marked, small), Silent())
    write(ours.data.dataset, tmp_path / "Dataset001_marked")
    again = prepare(small(data={"source": str(tmp_path / "Dataset001_marked")}), Silent())
    assert again.recipe.data.ignore == 2
    assert again.objective.ignore == IGNORED
    shares = [sorted(fact.foreground for fact in found.data.cases) for found in (ours, again)]
    assert shares[0] == pytest.approx(shares[1])


def test_class_weights_leave_them_out(marked: Path, small: Any) -> None:
    recipe = of_run(marked, small, data={"classes": ["background", "cell"]})
    prepared = prepare(recipe, Silent())
    facts = {fact.id: fact for fact in prepared.data.cases}
    for case, fact in facts.items():
        truth = true_of(marked, case)
        assert fact.foreground == pytest.approx((truth == 255).sum() / (truth != VOID).sum())


def test_what_cannot_be_ignored_is_one_line(marked: Path, small: Any, tmp_path: Path) -> None:
    def refuses(message: str, **sections: Any) -> None:
        with pytest.raises(IsthmusError, match=message) as caught:
            training.train(of_run(marked, small, **sections), tmp_path / "run")
        assert "\n" not in str(caught.value)

    refuses("data.ignore is 9, and no mask holds this value", data={"ignore": 9})
    refuses("which is a class", data={"values": {0: 0, 255: 1, VOID: 2}})
    refuses("which is a class|only masks of classes can have ignored pixels", data={"instances": True})
    regions = {"multilabel": True, "regions": {"all": [1]}}
    refuses("only masks of classes can have ignored pixels", data=regions)
    path = sorted((marked / "masks").iterdir())[0]
    write_mask(path, np.full((64, 64), VOID, np.uint8))
    refuses(f"'{path.stem}': its mask holds only {VOID}, which is ignored")
    recipe = of_run(marked, small, data={"skip_bad": True})
    assert path.stem not in {case.id for case in prepare(recipe, Silent()).data.dataset.cases}
