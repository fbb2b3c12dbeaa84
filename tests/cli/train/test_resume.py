"""``isthmus train --resume`` and ``--finish``: what they refuse, and the folds of a cross-validation."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from isthmus.runs.folder import RunFolder
from isthmus.training.loop.best_epoch import Progress

from ..calls import SMALL, call, error_of


class Stopper:
    """Asks to stop in the second epoch of every training, as Ctrl-C does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original, self.on = Progress.keep_if_better, True

        def keep_if_better(progress: Progress, *words: Any) -> bool:
            if self.on:
                signal.raise_signal(signal.SIGINT)
            return original(progress, *words)

        monkeypatch.setattr(Progress, "keep_if_better", keep_if_better)


def test_what_would_change_a_run_is_refused_by_name_and_what_says_the_same_is_not(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopper, run = Stopper(monkeypatch), tmp_path / "run"
    assert call("train", data, *SMALL, "--epochs", "2", "--out", run) == 130
    said = capsys.readouterr().err
    assert "was stopped after epoch 1; its weights are the best so far, epoch 1 of 2" in said
    stopper.on = False
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    for word in ("training.epochs=4", "hardware.threads=2", "training.learning_rate=1"):
        for words in ([word], [data, word], [*SMALL, word]):
            assert call("train", "--resume", "--out", run, *words) == 2
            assert f"leave out {word}, or start another run" in error_of(capsys)
    (tmp_path / "recipe.yaml").write_text("training: {seed: 5}")
    for words in (
        ("--folds", 3),
        ("--minutes", 2),
        ("--recipe", tmp_path / "recipe.yaml"),
        ("--root", tmp_path),
        ("--skip-bad",),
    ):
        assert call("train", "--finish", "--out", run, *words) == 2
        assert f"--finish continues with the recipe in {run}; leave out {words[0]}" in error_of(capsys)
    assert call("train", "--resume", "--out", run, tmp_path) == 2
    assert f"leave out {tmp_path}, or" in error_of(capsys)
    assert call("train", "--resume", "--out", run, "bogus=1") == 2
    assert "no key" in error_of(capsys)
    assert call("train", "--resume", "--finish", "--out", run) == 2
    assert "choose one" in error_of(capsys)
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before
    assert call("train", data, *SMALL, "--epochs", "2", "--seed", "0", "--out", run, "--resume") == 0
    assert RunFolder.open(run).finished()


def test_a_stopped_cross_validation_is_finished_as_it_stands_and_goes_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopper, out = Stopper(monkeypatch), tmp_path / "cv"
    assert call("train", data, *SMALL, "--folds", "3", "--out", out) == 130
    assert call("report", out) == 2
    assert "with --finish in place of --resume" in error_of(capsys)
    assert call("predict", out, data / "images", "--out", tmp_path / "masks") == 0
    said = capsys.readouterr().err
    assert "holds 1 of 3 folds" in said
    assert "epoch 1 of 2" in said
    stopper.on = False
    assert call("train", "--finish", "--out", out) == 0
    said = capsys.readouterr().err
    assert "epoch 1 of 2, finished early after epoch 1" in said
    assert said.count("left out, because none of its epochs was scored") == 2
    page = (out / "report.html").read_text()
    assert "Not finished, and not counted here: fold-1, fold-2." in page
    assert "Stopped, and scored as they stood: fold-0." in page
    assert call("train", "--resume", "--out", out) == 0
    assert all(RunFolder.open(out / f"fold-{fold}").finished() for fold in range(3))
    assert "Stopped, and scored" not in (out / "report.html").read_text()


def test_finish_needs_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "--finish") == 2
    assert "--finish needs --out" in error_of(capsys)
    assert call("train", "--finish", "--out", tmp_path / "none") == 2
    assert "no run folder at" in error_of(capsys)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--model", "unet"),
        ("--preset", "default"),
        ("--epochs", "99"),
        ("--seed", "3"),
        ("--validation", "a,b"),
        ("--fold", "1"),
        ("--device", "cpu"),
    ],
)
def test_resume_refuses_options_that_it_would_ignore(
    run: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert call("train", "--resume", "--out", run, option, value) == 2
    assert f"leave out {option}" in error_of(capsys)


def test_resume_starts_what_was_killed_before_it_had_begun(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".recipe.yaml.7.part").write_text("half")
    assert call("train", data, *SMALL, "epochs=1", "--out", tmp_path / "run", "--resume") == 0
