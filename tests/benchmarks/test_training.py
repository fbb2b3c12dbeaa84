"""The benchmark's plain networks are ours, and the suite runs at toy size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.plain import PlainNet

from benchmarks import training
from isthmus.networks import create_model


@pytest.mark.parametrize("name", training.NETWORKS)
def test_the_plain_layers_compute_what_ours_do(name: str) -> None:
    torch.manual_seed(0)
    plain, ours = PlainNet(name, widths=(4, 8)), create_model(name, widths=(4, 8))
    with torch.no_grad():
        for theirs, own in zip(plain.parameters(), ours.parameters(), strict=True):
            assert theirs.shape == own.shape
            own.copy_(theirs)
    x = torch.randn(2, 1, 16, 16)
    torch.testing.assert_close(plain(x), ours(x))


def test_it_runs_at_toy_size(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["training", "--toy"])
    training.main()
    assert capsys.readouterr().out.count("of the matrix rate") == 2
