"""``hardware.precision=auto`` is what is faster here, decided once for a run."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from isthmus.errors import IsthmusError
from isthmus.networks.description.measure import flops
from isthmus.networks.kernels.bfloat16.machine_cache import Known
from isthmus.runs import hardware as machine
from isthmus.runs import precision
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Hardware
from isthmus.training.preparation import prepare as preparing
from isthmus.training.preparation.prepare import prepare
from isthmus.training.run import resume, train
from isthmus.watch import Silent


@pytest.fixture
def nobody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with instructions for bfloat16, and no setting for the type."""
    monkeypatch.delenv(machine.PRECISION)
    monkeypatch.setattr(machine, "_has_bfloat16", lambda _: True)


@pytest.mark.usefixtures("nobody_says")
@pytest.mark.parametrize(
    ("times", "taken"), [(0.8, "float32"), (1.09, "float32"), (1.1, "bfloat16"), (3, "bfloat16")]
)
def test_bfloat16_is_taken_where_it_is_a_tenth_faster(
    times: float, taken: str, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "speedup", lambda _: times)
    assert prepare(small(), Silent()).recipe.hardware.precision == taken


@pytest.mark.usefixtures("nobody_says")
@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_what_is_asked_for_is_not_measured(asked: str, small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "speedup", None)
    assert prepare(small(hardware={"precision": asked}), Silent()).recipe.hardware.precision == asked
    monkeypatch.setenv(machine.PRECISION, asked)
    assert prepare(small(), Silent()).recipe.hardware.precision == asked


@pytest.mark.usefixtures("nobody_says")
def test_a_run_keeps_its_type(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "speedup", lambda _: 2.0)
    out = tmp_path / "run"

    class Stopped(Silent):
        def advance(self, text: str = "") -> None:
            if "epoch 2/" in text:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small(), out, watch=Stopped())
    assert RunFolder(out).recipe().hardware.precision == "bfloat16"
    monkeypatch.setattr(preparing, "speedup", lambda _: 0.5)
    resume(out)
    assert RunFolder(out).recipe().hardware.precision == "bfloat16"


@pytest.mark.usefixtures("nobody_says")
def test_a_step_is_measured_once(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "speedup", lambda _: 2.0)
    recipe = prepare(small(), Silent()).recipe
    seconds: Iterator[float] = iter(
        (9.0, 9.0, 3.0, 2.0, 4.0, 1.0)
    )  # the first two, that warm up, do not count
    measured = []

    def step(network: Any, batch: Any, context: Any) -> float:
        measured.append((tuple(batch.shape), context._enabled))
        return next(seconds)

    monkeypatch.setattr(precision, "_seconds", step)
    for _ in range(2):
        known = Known(tmp_path / "kernels.jsonl")
        monkeypatch.setattr(precision, "of_this_machine", lambda known=known: known)
        assert precision.speedup(recipe) == 3.0
    assert measured == [((2, 1, 32, 32), on) for on in (False, True)] * 3


@pytest.mark.usefixtures("nobody_says")
def test_the_step_is_a_step(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "speedup", lambda _: 2.0)
    known = Known(tmp_path / "kernels.jsonl")
    monkeypatch.setattr(precision, "of_this_machine", lambda: known)
    recipe = prepare(small(network={"heads": ["contour"]}), Silent()).recipe
    assert precision.speedup(recipe) > 0
    assert list(known.answers.values()) == [precision.speedup(recipe)]


def test_a_large_step_is_made_smaller() -> None:
    network = precision.build("unet", widths=(8, 16, 32))
    large, meta = (4096, 2048), copy.deepcopy(network).to("meta")
    sides = precision._smaller(network, large, {"in_channels": 1})
    assert [long % short for long, short in zip(large, sides, strict=True)] == [0, 0]
    counted = flops(meta, torch.empty(1, 1, *sides, device="meta"))
    assert precision.OPERATIONS / 2 < counted <= precision.OPERATIONS  # not halved once too often
    assert precision._smaller(network, (64, 96), {"in_channels": 1}) == [64, 96]


@pytest.mark.usefixtures("nobody_says")
def test_a_network_that_cannot_be_is_refused_as_ever(small: Any, tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="is not divisible"):
        train(small(input={"patch": 33}), tmp_path / "run")


def test_a_type_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(machine.PRECISION, "float23")
    with pytest.raises(IsthmusError, match="ISTHMUS_PRECISION=float23: did you mean 'float32'"):
        machine.resolve(Hardware(device="cpu"))
