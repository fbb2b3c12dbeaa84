"""A shortage of memory in training is one line that says what to reduce, whatever kind of error it comes as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from isthmus import training
from isthmus.errors import IsthmusError
from isthmus.training import run as module

SHORTAGES = (
    MemoryError(),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: 99 bytes"
    ),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes."),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
)


@pytest.mark.parametrize("error", SHORTAGES)
def test_it_names_what_to_reduce(
    error: Exception, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(module, "fit", fails)
    with pytest.raises(IsthmusError, match=r"not enough memory.*training\.batch.*input\.patch.*widths"):
        training.train(small(training={"epochs": 1}), tmp_path / "run")
    with pytest.raises(IsthmusError, match=r"training\.batch"):
        training.resume(tmp_path / "run")


def test_a_network_that_fits_into_no_machine(small: Any, tmp_path: Path) -> None:
    widths = {"widths": [2**21, 2**21]}  # weights of more than 100 TiB
    with pytest.raises(IsthmusError, match=r"not enough memory.*network\.options\.widths"):
        training.train(small(network={"options": widths}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_other_errors_stay_as_they_are(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(module, "fit", fails)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        training.train(small(training={"epochs": 1}), tmp_path / "run")
