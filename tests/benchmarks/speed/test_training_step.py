"""The benchmark's plain networks are ours, and the suite runs at toy size."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.plain import NETWORKS, PlainNet

from benchmarks import kept, training
from isthmus.networks import create_model


@pytest.mark.parametrize("name", NETWORKS)
def test_the_plain_layers_compute_what_ours_do(name: str) -> None:
    torch.manual_seed(0)
    plain, ours = PlainNet(name, widths=(4, 8)), create_model(name, widths=(4, 8))
    with torch.no_grad():
        for theirs, own in zip(plain.parameters(), ours.parameters(), strict=True):
            assert theirs.shape == own.shape
            own.copy_(theirs)
    x = torch.randn(2, 1, 16, 16)
    torch.testing.assert_close(plain(x), ours(x))


class Here:
    """A contender in this process."""

    def __init__(self, *asked: Any) -> None:
        self.asked = asked

    def ask(self, what: str) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "keep_freed_memory", lambda: None)
            patch.setattr(sys, "stdin", [what + "\n"])
            patch.setattr(sys, "stdout", said := io.StringIO())
            training.serve(*self.asked)
        return json.loads(said.getvalue())

    def end(self) -> None: ...


def test_it_runs_at_toy_size(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["training", "--toy", "--only", "unet", "mildnet"])
    monkeypatch.setattr(training, "Process", Here)
    monkeypatch.setattr(training, "RESULTS", tmp_path)
    training.main()
    assert capsys.readouterr().out.count("of the matrix rate") == 2
    assert list(tmp_path.iterdir()) == []


def test_a_contender_in_a_process_of_its_own() -> None:
    process = training.Process("unet", training.PLAIN, 32, 2, (4, 8))
    memory = process.ask("memory")
    assert memory is None or memory >= 0
    assert process.ask("seconds") > 0
    process.end()
    assert process.process.returncode == 0


@pytest.mark.parametrize("network", training.NETWORKS)
def test_every_contender_takes_a_step(network: str) -> None:
    for contender in training.contenders(network):
        step = training.build(network, contender, 32, 2, (4, 8, 8, 8, 8))
        memory = training.peak_memory(step, "cpu")
        assert memory is None or memory >= 0


def test_new_rows_take_the_place_of_old_ones_and_leave_the_others(tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    training.write(path, [{"network": "unet", "batch": 16, "a": 1}, {"network": "unet", "batch": 4, "a": 1}])
    training.write(
        path, [{"network": "mildnet", "batch": 4, "a": 2}, {"network": "unet", "batch": 4, "a": 2}]
    )
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [(row["network"], row["batch"], row["a"]) for row in rows] == [
        ("unet", 4, 2),
        ("mildnet", 4, 2),
        ("unet", 16, 1),
    ]


def test_ours_keeps_less_than_the_plain_layers_in_the_same_number_type() -> None:
    found = kept.measure(64, 2, (16, 32))
    full, half, ours = (sum(kinds.values()) for kinds in found.values())
    assert list(found) == list(kept.VARIANTS)
    assert half < 0.6 * full
    assert ours < 0.7 * half
    other = found["isthmus"][kept.OTHER]
    assert other < 0.1 * ours  # nothing large without a name
