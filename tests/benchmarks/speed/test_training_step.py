"""Every contender of the benchmark takes a step, here and in a process of its own."""

from __future__ import annotations

import sys

import pytest
from benchmarks.frame.benchmark import BYTES, SECONDS, Settings
from benchmarks.frame.memory import peak_memory

from benchmarks.frame import processes
from benchmarks.speed import training_step


@pytest.mark.parametrize("network", ["unet", "mildnet", "multiresunet", "unetpp"])
def test_every_contender_takes_a_step(network: str) -> None:
    for contender in training_step.contenders(network):
        step = training_step.step_of(network, contender, 32, 2, training_step.TOY_WIDTHS)
        memory = peak_memory(step)
        assert memory is None or memory >= 0


def test_rows_are_of_seconds_and_of_memory() -> None:
    rows = list(training_step.rows(Settings(toy=True)))
    assert [row.unit for row in rows] == [SECONDS, BYTES] * 4
    assert all(row.own_process for row in rows)
    facts = rows[0].facts({})
    assert facts["operations_per_step"] > 0
    assert facts["matrix_rate"] > 0


def test_a_contender_serves_its_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training_step, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(sys, "stdin", ["warm up\n", "measure\n"])
    settings = '{"toy": true, "data": "data", "out": "out", "commit": "", "processor_time": false}'
    processes.serve("speed.training_step", "unet, 2", SECONDS, training_step.PLAIN, settings)
    warm, seconds = capsys.readouterr().out.split()
    assert warm == "null"
    assert float(seconds) > 0


@pytest.mark.slow
def test_a_contender_in_a_process_of_its_own() -> None:
    settings = Settings(toy=True)
    row = next(row for row in training_step.rows(settings) if row.unit == BYTES)
    process = processes.worker("speed.training_step", row, training_step.PLAIN, settings)
    memory = process("measure")
    process.close()
    assert memory is None or memory >= 0
    assert process.process.returncode == 0
