"""The command line as a whole: what it says when something is wrong, and that its help is fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from .calls import call, error_of


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "did you mean 'train'"),
        (["train"], "give the data"),
        (["train", "nowhere"], "nowhere"),
        (["train", "isbi-2021", "--root", "."], "did you mean 'isbi-2012'"),
        (["train", "DATA", "--model", "sharpunet"], "did you mean 'sharp_unet'"),
        (["train", "DATA", "epoch=3"], "did you mean 'epochs'"),
        (["train", "DATA", "--epochs", "many"], "--epochs"),
        (["train", "DATA", "--epoch", "3"], "--epoch"),
        (
            ["train", "DATA", "training.minutes=true"],
            "'training.minutes': must be a number, not true or false",
        ),
        (["train", "DATA", "network.version=yes"], "'network.version': must be a number"),
        (["train", "DATA", "input.resize=on"], "'input.resize': must be a number"),
        (["train", "DATA", "--preset", "papers"], "did you mean 'paper'"),
        (["train", "--recipe", "RECIPE", "epoch=3"], "did you mean 'epochs'"),
        (["train", "--recipe", "RECIPE", f"protocol.validation=[{'x, ' * 100}x]"], "no case 'x'"),
        (["predict", "RUN", "DATA", "--out", "OUT", "--statistics", "imag"], "did you mean 'image'"),
        (["train", "--resume"], "needs --out"),
        (["train", "--resume", "--out", "nowhere"], "no run folder at nowhere"),
        (["train", "DATA", "--validation", "phantom"], "no case 'phantom'"),
        (["predict", "nowhere", "DATA", "--out", "x"], "no run folder at nowhere"),
        (["predict", "DATA", "DATA", "--out", "x"], "not a run folder"),
        (["predict", "RUN", "nowhere", "--out", "x"], "nowhere"),
        (["predict", "RUN", "DATA", "--out", "x", "--device", "tpu"], "device"),
        (["evaluate", "nowhere", "DATA"], "nowhere"),
        (["report", "nowhere"], "no run folder at nowhere"),
        (["models", "milnet"], "did you mean 'mildnet'"),
    ],
)
def test_a_mistake_is_one_line_with_the_remedy_and_exit_code_2(
    words: list[str],
    message: str,
    data: Path,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    real = {"DATA": str(data), "RUN": str(run), "RECIPE": str(run / "recipe.yaml")}
    assert call(*(real.get(word, word) for word in words)) == 2
    assert message in error_of(capsys)
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_large(task: str) -> None:
        np.empty(2**60, np.uint8)

    monkeypatch.setattr("isthmus.metrics.advice.advice_for", too_large)
    assert call("metrics", "--for", "regions") == 2
    assert "not enough memory (Unable to allocate 1.00 EiB" in error_of(capsys)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory"), torch.OutOfMemoryError("x")],
)
def test_too_little_memory_of_the_framework_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_large(task: str) -> None:
        raise error

    monkeypatch.setattr("isthmus.metrics.advice.advice_for", too_large)
    assert call("metrics", "--for", "regions") == 2
    assert "not enough memory; cut the images into parts, or take a network of smaller" in error_of(capsys)


def test_help_needs_no_torch() -> None:
    code = (
        "import sys, typer; from isthmus.cli import main; typer.main.get_command(main.app); "
        "assert not {'torch', 'numpy', 'skimage'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
