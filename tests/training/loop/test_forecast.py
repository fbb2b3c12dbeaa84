"""How long training takes is announced early, and again where it was wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isthmus import training
from isthmus.runs.recipe import Training, make_recipe
from isthmus.training import object_thresholds
from isthmus.training.loop import forecast
from isthmus.training.loop.best_epoch import Progress
from isthmus.training.loop.forecast import Forecast

from ...notes import Notes


class Clock:
    """A clock that advances on demand."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def of_sizes(
    sizes: Sequence[tuple[int, ...]], patch: tuple[int, ...] | None, *, objects: bool = False
) -> Any:
    """A training whose held-out cases have these sizes."""
    recipe = make_recipe(
        "bare", {"data": {"instances": objects}, "objective": {"heads": {"distance": {"distance_l1": 1}}}}
    )
    return SimpleNamespace(
        data=SimpleNamespace(cases=[SimpleNamespace(id=i, shape=(1, *size)) for i, size in enumerate(sizes)]),
        split=SimpleNamespace(validation=range(len(sizes)), test=()),
        recipe=recipe.model_copy(update={"input": recipe.input.model_copy(update={"patch": patch})}),
    )


@pytest.mark.parametrize(
    ("sizes", "patch", "validations"),
    [
        ([(64, 64), (512, 512)], None, 4.0),  # all metrics cost as much as a small network
        ([(64, 64)], (256, 256), 2.0),
        ([(512, 512)], (256, 256), 2.5),  # 3 x 3 tiles for 2 x 2
        ([(2048, 1024)], (256, 256), 0.25 + 15 * 7 / 32),
        ([(10, 512, 512)], (256, 256), 2.5),  # slice by slice
        ([(32, 96, 192)], (32, 96, 96), 2.0),  # 3 tiles for 2, which is less than the metrics
    ],
)
def test_tiles_overlap_in_the_scoring_at_the_end(
    sizes: list[tuple[int, ...]], patch: Any, validations: float
) -> None:
    assert forecast.scoring(of_sizes(sizes, patch)) == validations


def test_maps_are_computed_once_more_where_thresholds_of_objects_are_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = [(512, 512), (64, 64), (64, 64)]
    assert forecast.scoring(of_sizes(sizes, (256, 256))) == 2.5 + 2 + 2
    assert forecast.scoring(of_sizes(sizes, (256, 256), objects=True)) == 6.5 + 2.25 + 1 + 1
    monkeypatch.setattr(object_thresholds, "PIXELS", 512 * 512 + 1)  # the third is not looked at
    assert forecast.scoring(of_sizes(sizes, (256, 256), objects=True)) == 6.5 + 2.25 + 1
    assert forecast.scoring(of_sizes(sizes, None, objects=True)) == 6 + 2


def forecasting(
    monkeypatch: pytest.MonkeyPatch, steps: int, epochs: int, case: float
) -> tuple[Clock, Notes, Forecast, Progress]:
    """A training of so many steps an epoch, with five held-out cases of which each takes `case` seconds."""
    clock, told = Clock(), Notes()
    monkeypatch.setattr(forecast, "time", clock)
    prepared = of_sizes([(8, 8)] * 5, None)
    prepared.recipe = prepared.recipe.model_copy(update={"training": Training(epochs=epochs)})
    progress = Progress()
    watch = Forecast(told, prepared, progress, steps, lambda: case)
    watch.stage("training", steps * epochs)
    return clock, told, watch, progress


def test_time_is_told_after_the_first_steps_and_mended_after_an_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, told, watch, progress = forecasting(monkeypatch, steps=20, epochs=5, case=2.0)
    for seconds in (9.0, 3.0, 3.0):  # the first is slow
        assert told.said == []
        clock.now += seconds
        watch.advance()
    # 15 s, 97 steps of 3 s, 5 validations of 10 s, scoring of 20 s: 376 s
    assert told.said == ["training takes about 6 minutes on this machine, with validation and scoring"]
    progress.epoch = 1
    progress.history.append({"seconds": 120.0, "seconds_validating": 60.0})
    clock.now = 130.0
    watch.done = 20
    watch.advance()
    # 79 steps of 3 s, 4 validations of 60 s, scoring of 120 s: 597 s
    assert told.said[1:] == ["about 10 minutes left on this machine, with validation and scoring"]
    watch.advance()
    assert len(told.said) == 2


def test_no_more_than_the_minutes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, told, watch, _ = forecasting(monkeypatch, steps=10, epochs=2, case=1.0)
    watch.due = 18.0
    for _step in range(4):
        clock.now += 2.0
        watch.advance()
    # 8 s, 16 steps of 2 s, 2 validations of 5 s, scoring of 10 s: 60 s
    assert told.said == ["training takes about 18 seconds on this machine, with validation and scoring"]


def test_time_is_told_before_an_hour_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, told, watch, _ = forecasting(monkeypatch, steps=3, epochs=50, case=60.0)
    clock.now += 1200.0
    watch.advance()
    assert told.said == ["training takes about 2.3 days on this machine, with validation and scoring"]


def test_a_run_tells_how_long_it_takes(small: Any, tmp_path: Path) -> None:
    told = Notes()
    training.train(small(training={"epochs": 3}), tmp_path / "run", watch=told)
    lines = [line for line in told.said if "on this machine" in line]
    assert lines == [] or lines[0].startswith("training takes about ")
    longer = Notes()
    training.train(small(training={"epochs": 8}), tmp_path / "longer", watch=longer)
    assert sum(line.startswith("training takes about ") for line in longer.said) == 1
