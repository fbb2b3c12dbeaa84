"""How maps become objects is chosen where the recipe leaves it open, by objects with known answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus import training
from isthmus.data.phantoms.nuclei import write_touching_nuclei
from isthmus.inference.decision import Decision
from isthmus.inference.predict import PredictOptions, predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.runs.recipe import Recipe, make_recipe
from isthmus.training import object_thresholds
from isthmus.training.object_thresholds import (
    _smallest,
    is_open,
    reopened,
    seconds_to_choose,
    with_diameter,
    with_thresholds,
    with_usual,
)
from isthmus.training.preparation.prepare import prepare
from isthmus.watch import Silent

from .watches import Asking


def recipe(resize: Any = None, **cleanup: Any) -> Recipe:
    return make_recipe(
        "bare",
        {
            "data": {
                "source": "x",
                "instances": True,
                "classes": ["background", "nucleus"],
                "values": {0: 0, 1: 1},
            },
            "network": {"heads": ["distance"]},
            "objective": {"heads": {"logits": {"bce": 1.0}, "distance": {"distance_l1": 1.0}}},
            "input": {"resize": resize},
            "cleanup": cleanup,
        },
    )


def chosen(
    monkeypatch: pytest.MonkeyPatch,
    body: NDArray[Any],
    distance: NDArray[Any],
    truth: NDArray[Any],
    given: Recipe,
    least: int = 0,
) -> Any:
    """The clean-up chosen for one validation image."""
    return chosen_for(monkeypatch, [(body, distance, truth)], given, least)


def chosen_for(
    monkeypatch: pytest.MonkeyPatch, images: Iterable[tuple[NDArray[Any], ...]], given: Recipe, least: int = 0
) -> Any:
    """The clean-up chosen for validation images, each a body, a distance and objects."""

    def objects(_predictor: Any) -> Iterator[tuple[dict[str, NDArray[Any]], NDArray[Any]]]:
        for body, distance, truth in images:
            yield {"logits": body[None], "distance": distance[None]}, truth

    monkeypatch.setattr(object_thresholds, "_scorer", lambda _: SimpleNamespace(objects=objects))
    monkeypatch.setattr(object_thresholds, "_sizes", lambda _: [2 * least] * 3)
    prepared: Any = SimpleNamespace(recipe=given)
    return with_thresholds(prepared, None).cleanup  # type: ignore[arg-type]


def two(valley: float) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Two objects that touch; the distance between them falls to `valley`."""
    truth = np.zeros((8, 20), np.int32)
    truth[1:7, 1:10], truth[1:7, 10:19] = 1, 2
    distance = np.where(truth > 0, 0.9, 0).astype(np.float32)
    distance[:, 9:11] = np.minimum(distance[:, 9:11], np.float32(valley))
    return (truth > 0).astype(np.float32), distance, truth


def test_the_seed_lies_above_the_valley_between_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, *two(0.55), recipe()).seed == 0.6
    assert chosen(monkeypatch, *two(0.65), recipe()).seed == 0.7
    assert chosen(monkeypatch, *two(0.1), recipe()).seed == 0.5  # all do as well: the usual


def test_the_threshold_follows_bodies_and_one_that_is_given_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    _, distance, truth = two(0.1)
    pale = np.where(truth > 0, 0.45, 0).astype(np.float32)
    assert chosen(monkeypatch, pale, distance, truth, recipe()).threshold == 0.4
    assert chosen(monkeypatch, pale, distance, truth, recipe(threshold=0.44)).threshold == 0.44
    assert chosen(monkeypatch, pale, distance, truth, recipe(threshold=0.5)).threshold == 0.5


def test_a_seed_that_is_given_stays_and_the_threshold_is_chosen_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body, distance, truth = two(0.55)
    found = chosen(monkeypatch, 0.45 * body, distance, truth, recipe(seed=0.6))
    assert (found.seed, found.chosen) == (0.6, {"min_size": 2, "threshold": 0.4})


def test_the_smallest_size_is_that_of_training_objects_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert chosen(monkeypatch, *two(0.1), recipe(), least=12).min_size == 12
    for given in (3, 0, {"nucleus": 4}):
        assert chosen(monkeypatch, *two(0.1), recipe(min_size=given), least=12).min_size == given


def test_a_larger_smallest_size_is_chosen_where_it_drops_more_specks_than_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sizes of 8 in training: 4 and 8 are tried. A speck has 6 pixels; once it is wrong, once it is an object."""
    body, distance, truth = two(0.1)
    body[0, 13:19] = distance[0, 13:19] = 1
    truth[1, 10:19] = 0  # the speck stays apart
    body[1, 10:19] = distance[1, 10:19] = 0
    assert chosen(monkeypatch, body, distance, truth, recipe(), least=4).min_size == 8
    truth[0, 13:19] = 3
    assert chosen(monkeypatch, body, distance, truth, recipe(), least=4).min_size == 4


def test_sizes_that_are_tried_by_hand() -> None:
    sizes = list(range(1, 202))  # the percentile p is 1 + 2 p
    assert _smallest(recipe(), sizes) == [2, 3, 5, 7, 11]  # half of 3 is less than two pixels
    assert _smallest(recipe(max_size=6), sizes) == [2, 3, 5, 6]
    assert _smallest(recipe(resize=(8, 8)), sizes) == [2]
    assert _smallest(recipe(), []) == [2]


def test_single_pixels_are_no_objects_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    body, distance, truth = two(0.1)
    body[0, 0] = 1
    maps = {"logits": body[None], "distance": distance[None]}
    for given, objects in ((recipe(), 2), (recipe(min_size=0), 3)):
        assert is_open(given)
        found = chosen(monkeypatch, body, distance, truth, given)
        settled = given.model_copy(update={"cleanup": found})
        assert Decision.of(settled).separate_objects(maps).max() == objects


def test_resized_images_have_two_grids_so_that_no_size_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, *two(0.1), recipe(resize=(64, 64)), least=12).min_size == 2


def test_the_smallest_size_is_no_more_than_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    for most in (60, {"nucleus": 60}):
        assert chosen(monkeypatch, *two(0.1), recipe(max_size=most), least=70).min_size == 60
    assert chosen(monkeypatch, *two(0.1), recipe(max_size={}), least=70).min_size == 70


def test_what_was_chosen_is_open_again_in_another_training(monkeypatch: pytest.MonkeyPatch) -> None:
    cleanup = chosen(monkeypatch, *two(0.65), recipe(holes=True), least=12)
    assert cleanup.chosen == {"min_size": 12, "seed": 0.7, "threshold": 0.5}
    stored = recipe().model_copy(update={"cleanup": cleanup})
    assert reopened(stored) == recipe(holes=True)
    own = stored.model_copy(update={"cleanup": cleanup.model_copy(update={"min_size": 5})})
    assert reopened(own) == recipe(holes=True, min_size=5)
    assert reopened(recipe(seed=0.4)) == recipe(seed=0.4)


def test_the_threshold_is_chosen_with_the_seed_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    body, distance, truth = two(0.55)
    body[:, 9:11] *= 0.55  # with the usual seed, only a threshold of 0.6 parts the two
    found = chosen(monkeypatch, body, distance, truth, recipe())
    assert (found.seed, found.threshold) == (0.6, 0.5)


def test_images_are_looked_at_until_their_pixels_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = np.zeros((8, 20), np.float32)

    def images() -> Iterator[tuple[NDArray[Any], ...]]:
        yield empty, empty, np.zeros((8, 20), np.int32)  # has no objects to choose by
        yield two(0.55)
        yield two(0.65)
        pytest.fail("a further image is asked for")

    monkeypatch.setattr(object_thresholds, "PIXELS", 8 * 20 + 1)
    assert chosen_for(monkeypatch, images(), recipe()).seed == 0.7


def test_validation_cases_choose(small: Any) -> None:
    prepared = prepare(small(), Silent())
    cases = object_thresholds._scorer(prepared).store.cases
    assert {case.id for case in cases} == {*prepared.split.validation}


def test_masks_of_classes_have_the_usual_threshold_from_the_start(small: Any) -> None:
    filled = prepare(small(cleanup={"min_size": 4}), Silent()).recipe.cleanup
    assert (filled.threshold, filled.min_size, filled.seed) == (0.5, 4, None)


def test_of_a_large_image_the_middle_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    body, distance, truth = two(0.55)
    above = np.zeros_like(truth)
    maps = [np.concatenate([np.zeros_like(each), each, np.zeros_like(each)]) for each in (body, distance)]
    monkeypatch.setattr(object_thresholds, "PIXELS", truth.size)
    assert chosen(monkeypatch, *maps, np.concatenate([above, truth, above]), recipe()).seed == 0.6


def test_the_time_to_choose_is_that_of_one_case_times_cases_and_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    truth = two(0.1)[2]
    sizes = {"a": (1, 8, 20), "b": (1, 8, 20), "c": (1, 80, 20)}
    facts = [SimpleNamespace(id=name, shape=size) for name, size in sizes.items()]
    ticks = iter([3.0, 5.0] * 5)
    monkeypatch.setattr(object_thresholds, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    store = [SimpleNamespace(original=truth)]
    monkeypatch.setattr(object_thresholds, "_scorer", lambda _: SimpleNamespace(store=store))

    def seconds(given: Recipe) -> float:
        split = SimpleNamespace(validation=("c", "a", "b"))
        prepared: Any = SimpleNamespace(recipe=given, split=split, data=SimpleNamespace(cases=facts))
        return seconds_to_choose(prepared)

    assert seconds(recipe()) == 2 * 3 * (8 + 5)
    assert seconds(recipe(seed=0.5, min_size=3)) == 2 * 3 * 3
    monkeypatch.setattr(object_thresholds, "PIXELS", truth.size + 1)
    assert seconds(recipe(threshold=0.5)) == 2 * 2 * (5 + 5)
    assert seconds(recipe(resize=(8, 8), threshold=0.5)) == 2 * 3 * 5
    assert seconds(recipe(threshold=0.5, seed=0.5)) == 2 * 2 * 5
    assert seconds(recipe(resize=(8, 8), threshold=0.5, seed=0.5)) == 0  # the smallest size needs no network
    assert seconds(recipe(threshold=0.5, seed=0.5, min_size=3)) == 0
    assert next(ticks, None) is None


def test_images_without_objects_choose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    body, distance, truth = two(0.1)
    found = chosen(monkeypatch, body, distance, 0 * truth, recipe())
    assert (found.seed, found.threshold) == (0.5, 0.5)


def test_it_is_open_for_objects_by_distance_only() -> None:
    fixed = {"seed": 0.5, "threshold": 0.5, "min_size": 0}
    for key in fixed:
        left = recipe(**{name: value for name, value in fixed.items() if name != key})
        assert is_open(left)
        assert with_usual(left) == left
    assert not is_open(recipe(**fixed))
    of_classes = recipe().model_copy(update={"data": recipe().data.model_copy(update={"instances": False})})
    assert not is_open(of_classes)
    classes = make_recipe("bare", {"data": {"source": "x", "instances": True}, "cleanup": {"min_size": 7}})
    assert not is_open(classes)
    filled = with_usual(classes).cleanup
    assert (filled.threshold, filled.min_size, filled.seed) == (0.5, 7, None)
    assert with_usual(recipe(**fixed | {"min_size": 3})).cleanup.min_size == 3


def test_a_run_that_was_finished_early_goes_on_and_chooses_anew(small: Any, tmp_path: Path) -> None:
    write_touching_nuclei(tmp_path / "data", 4, 64, seed=3)
    given = small(data={"source": str(tmp_path / "data"), "instances": True})
    whole = training.train(given, tmp_path / "whole")
    with pytest.raises(training.Stopped):
        training.train(given, tmp_path / "stopped", watch=Asking(3))
    early = training.finish(tmp_path / "stopped")
    assert early.recipe().cleanup.chosen
    again = training.resume(tmp_path / "stopped")
    assert again.recipe() == whole.recipe()
    assert again.weights.read_bytes() == whole.weights.read_bytes()
    assert again.cases.read_bytes() == whole.cases.read_bytes()


def test_folds_choose_by_themselves_and_are_averaged(small: Any, tmp_path: Path) -> None:
    write_touching_nuclei(tmp_path / "data", 4, 64, seed=3)
    for fold in (0, 1):
        given = small(
            data={"source": str(tmp_path / "data"), "instances": True},
            protocol={"kind": "kfold", "folds": 2, "fold": fold},
            training={"epochs": 1},
        )
        training.train(given, tmp_path / "folds" / f"fold-{fold}")
    predictor = Predictor.load(tmp_path / "folds")
    assert len(predictor.networks) == 2
    masks = predict_folder(tmp_path / "folds", tmp_path / "data" / "images", tmp_path / "masks")
    assert len(masks) == 4


def test_a_size_of_small_training_objects_and_the_median_diameter(small: Any, tmp_path: Path) -> None:
    write_touching_nuclei(tmp_path / "data", 4, 64, seed=3)
    given = small(data={"source": str(tmp_path / "data"), "instances": True}, training={"epochs": 1})
    folder = training.train(given, tmp_path / "run")
    cleanup = folder.recipe().cleanup
    assert cleanup.seed is not None
    sizes: list[int] = []
    for case in folder.split().train:
        from isthmus.io.images import Source, read_mask

        numbers = read_mask(Source(next((tmp_path / "data" / "masks").glob(f"{case}.*"))))
        sizes += np.bincount(numbers.ravel())[1:].tolist()
    sizes = [size for size in sizes if size]
    low = np.percentile(sizes, (1, 2, 3, 5))
    assert cleanup.min_size in {int(size) for size in (low[0] / 2, *low)}
    expected = 2 * np.sqrt(np.median(sizes) / np.pi)
    assert folder.recipe().input.diameter == pytest.approx(expected, abs=0.01)
    options = PredictOptions(diameter=2 * expected)
    assert len(predict_folder(folder.path, tmp_path / "data" / "images", tmp_path / "masks", options)) == 4


def test_no_diameter_where_images_have_another_scale_than_the_network() -> None:
    assert with_diameter(recipe(), [50, 3, 7]).input.diameter == pytest.approx(
        2 * np.sqrt(7 / np.pi), abs=0.01
    )
    assert with_diameter(recipe(), []).input.diameter is None
    assert with_diameter(recipe(resize=(64, 64)), [7]).input.diameter is None
