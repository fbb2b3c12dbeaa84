"""A run that is stopped: what is on disk then, what can be done with it, and where it ends when it is resumed."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.errors import IsthmusError
from isthmus.inference.predictor import Predictor
from isthmus.report import write_page
from isthmus.runs.files import read_json
from isthmus.runs.folder import Best, RunFolder
from isthmus.runs.standing import standing
from isthmus.training.loop import checkpoint, saving
from isthmus.training.loop.stop import Stop, Stopped

from ..test_resume import assert_same
from ..watches import Asking, Steps


class Looking(Steps):
    """Notes after every step which weights are on disk, and how many epochs are in the history."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.seen: list[tuple[Best | None, int]] = []

    def step(self) -> None:
        rows = len(self.folder.read_rows(self.folder.history)) if self.folder.history.is_file() else 0
        self.seen.append((self.folder.best(), rows))


@pytest.mark.parametrize(("step", "epochs"), [(1, 0), (3, 1), (4, 2), (8, 4)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_saves_what_is_done_and_goes_on_to_the_same_weights(
    small: Any, tmp_path: Path, step: int, epochs: int, number: int
) -> None:
    recipe = small()  # two steps an epoch
    watch = Asking(step, number=number)
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as stopped:
        training.train(recipe, tmp_path / "parts", watch=watch)
    assert signal.getsignal(number) is before
    assert stopped.value.number == number
    assert watch.steps == step
    folder = RunFolder.open(tmp_path / "parts")
    if epochs:
        assert checkpoint.load(folder.checkpoint)["progress"]["epoch"] == epochs
        best = folder.best()
        assert best is not None
        assert f"stopped after epoch {epochs}" in str(stopped.value)
        assert f"epoch {best.epoch} of 4 (validation Dice {best.dice:.4f})" in str(stopped.value)
        assert f"`isthmus train --resume --out {folder.path}` continues it" in str(stopped.value)
    else:
        assert "stopped before an epoch was scored" in str(stopped.value)
        assert not folder.checkpoint.exists()
    assert_same(training.train(recipe, tmp_path / "whole"), training.resume(folder.path))


def test_an_epoch_that_is_done_but_not_saved_is_not_lost(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "SHARE_WRITING", 0.0)  # no checkpoint between the first epoch and the last
    watch = Asking(5)  # in the third epoch; that of the first is saved
    with pytest.raises(Stopped):
        training.train(small(), tmp_path / "run", watch=watch)
    assert "stopping once epoch 3 is done and saved; interrupt again to stop at once" in watch.lines
    assert watch.steps == 6
    assert checkpoint.load(tmp_path / "run" / "last.ckpt")["progress"]["epoch"] == 3


def test_asked_twice_it_ends_at_once(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "SHARE_WRITING", 0.0)
    watch = Asking(5, 5)
    with pytest.raises(KeyboardInterrupt) as ended:
        training.train(small(), tmp_path / "run", watch=watch)
    assert not isinstance(ended.value, Stopped)
    assert watch.steps == 5
    monkeypatch.undo()
    assert_same(training.train(small(), tmp_path / "whole"), training.resume(tmp_path / "run"))


def test_a_program_that_handles_signals_itself_and_other_threads_are_left_alone() -> None:
    def own(number: int, frame: Any) -> None: ...

    before = signal.signal(signal.SIGINT, own)
    try:
        with Stop():
            assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)
    found: list[Any] = []

    def elsewhere() -> None:
        with Stop():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [before]


def test_the_best_weights_are_on_disk_as_soon_as_they_are_best(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "SHARE_WRITING", 0.0)
    folder = RunFolder(tmp_path / "run")
    watch = Looking(folder)
    training.train(small(training={"epochs": 6, "select": "dice"}), folder.path, watch=watch)
    scores = [float(row["validation_dice"]) for row in folder.read_rows(folder.history)]
    assert [rows for _, rows in watch.seen] == [step // 2 for step in range(12)]
    for best, rows in watch.seen[2:]:
        assert best is not None
        assert best.dice == max(scores[:rows])
        assert best.epoch == scores.index(best.dice) + 1


def test_a_kill_between_the_best_weights_and_the_checkpoint_costs_nothing(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint stays that of the first epoch, the weights advance to the fourth; training that resumes from
    there never replaces better weights by worse ones."""
    recipe = small(training={"epochs": 6, "select": "loss"})
    original, calls = checkpoint.save, []

    def kill(path: Path, state: dict[str, Any]) -> None:
        calls.append(state["progress"]["epoch"])
        if calls[-1] == 1:
            original(path, state)
        if calls[-1] == 4:
            raise SystemExit

    monkeypatch.setattr(checkpoint, "save", kill)
    monkeypatch.setattr(saving, "SHARE_WRITING", 1e9)
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(SystemExit):
        training.train(recipe, folder.path)
    monkeypatch.undo()
    first = folder.best()
    assert first is not None
    assert first.epoch > 2  # else this says nothing
    assert checkpoint.load(folder.checkpoint)["progress"]["epoch"] == 1
    watch = Looking(folder)
    assert_same(training.train(recipe, tmp_path / "whole"), training.resume(folder.path, watch=watch))
    reached = [best.goodness for best, _ in watch.seen if best]
    assert reached == sorted(reached)
    assert reached[0] == first.goodness


@pytest.mark.parametrize("kept", ["history.csv", "best.safetensors"])
def test_a_kill_while_an_epoch_is_written_leaves_a_run_that_can_be_used(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    """Killed at the first of the two files, or at the second."""
    original = RunFolder.save_network

    def kill(*words: Any) -> None:
        if kept == "best.safetensors":
            original(*words)
        raise SystemExit

    monkeypatch.setattr(RunFolder, "save_network", kill)
    with pytest.raises(SystemExit):
        training.train(small(), tmp_path / "run")
    monkeypatch.undo()
    folder = RunFolder.open(tmp_path / "run")
    assert "stopped after epoch 1" in standing(folder).how_to_continue()
    assert write_page(folder.path).is_file()
    if folder.weights.is_file():
        assert training.finish(folder.path).finished_early()
    else:
        with pytest.raises(IsthmusError, match="no epoch has been scored"):
            training.finish(folder.path)
    assert_same(training.train(small(), tmp_path / "whole"), training.resume(folder.path))


def test_a_run_that_an_earlier_version_left_says_what_to_do(stopped: RunFolder) -> None:
    """It wrote the weights only at the end, and kept them in the checkpoint until then."""
    best = stopped.best()
    stopped.weights.unlink()
    with pytest.raises(
        IsthmusError,
        match=r"an earlier version.*`isthmus train --resume --out .*stopped` continues it and writes them",
    ):
        Predictor.load(stopped.path)
    with pytest.raises(Stopped):
        training.resume(stopped.path, watch=Asking(1))
    assert stopped.best() == best


def test_whoever_uses_a_stopped_run_is_told_its_epoch(stopped: RunFolder) -> None:
    best = stopped.best()
    assert best is not None
    said = f"was stopped after epoch 2; its weights are the best so far, epoch {best.epoch} of 4"
    assert any(said in note for note in Predictor.load(stopped.path).notes)
    page = write_page(stopped.path).read_text()
    assert said in page
    assert f"best epoch {best.epoch} of 4, stopped after epoch 2" in page
    assert "<h2>Training</h2>" in page
    assert "<h2>Scores</h2>" not in page


def test_a_run_that_ended_has_nothing_to_tell(small: Any, tmp_path: Path) -> None:
    folder = training.train(small(training={"epochs": 1}), tmp_path / "run")
    assert standing(folder).note() == ""
    assert not any("epoch" in note for note in Predictor.load(folder.path).notes)


def test_a_stopped_run_is_finished_as_it_stands_and_still_goes_on(
    small: Any, tmp_path: Path, stopped: RunFolder
) -> None:
    weights = stopped.weights.read_bytes()
    training.finish(stopped.path)
    assert stopped.weights.read_bytes() == weights
    assert stopped.finished_early()
    assert not stopped.finished()
    cost, best = read_json(stopped.cost), stopped.best()
    assert best is not None
    assert (cost["epochs"], cost["best_epoch"], cost["finished_early"]) == (2, best.epoch, True)
    assert cost["best_validation_dice"] == best.dice
    rows = stopped.read_rows(stopped.cases)
    mean = sum(float(row["dice"]) for row in rows) / len(rows)
    assert mean == pytest.approx(best.dice, abs=0.05)  # tiles overlap only here
    assert len(list(stopped.predictions.iterdir())) == len({row["case"] for row in rows})
    assert "was finished early, after epoch 2" in write_page(stopped.path).read_text()
    assert "<h2>Scores</h2>" in write_page(stopped.path).read_text()
    before = {path.name: path.stat().st_mtime_ns for path in stopped.path.iterdir()}
    training.finish(stopped.path)  # nothing to do
    assert before == {path.name: path.stat().st_mtime_ns for path in stopped.path.iterdir()}
    whole = training.train(small(), tmp_path / "whole")
    assert_same(whole, training.resume(stopped.path))
    assert stopped.finished()
    assert "finished_early" not in read_json(stopped.cost)


def test_going_on_forgets_the_scores_of_earlier_weights_first(stopped: RunFolder) -> None:
    training.finish(stopped.path)
    with pytest.raises(Stopped):
        training.resume(stopped.path, watch=Asking(1))
    assert not stopped.cost.exists()
    assert not stopped.cases.exists()


@pytest.mark.parametrize(
    "do", [training.finish, lambda path: write_page(path), lambda path: Predictor.load(path)]
)
def test_a_run_without_a_scored_epoch_is_one_line(small: Any, tmp_path: Path, do: Any) -> None:
    with pytest.raises(Stopped):
        training.train(small(), tmp_path / "run", watch=Asking(1))
    with pytest.raises(IsthmusError, match=r"scored.*`isthmus train --resume --out .*run` .*continues it"):
        do(tmp_path / "run")


def test_training_that_never_began_leaves_nothing(small: Any, tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="is not divisible"):
        training.train(small(input={"patch": 33}), tmp_path / "runs" / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_history_or_cost_is_named(stopped: RunFolder) -> None:
    history = stopped.history.read_text()
    column = history.splitlines()[0].split(",").index("seconds")
    rows = [line.split(",") for line in history.splitlines()]
    rows[1][column] = "soon"
    stopped.history.write_text("".join(",".join(row) + "\n" for row in rows))
    with pytest.raises(IsthmusError, match=r"history\.csv: 'soon' is not a number"):
        training.finish(stopped.path)
    stopped.history.write_text(history)
    stopped.cost.write_text("{")
    for job in (training.resume, training.finish):
        with pytest.raises(IsthmusError, match=r"cost\.json"):
            job(stopped.path)
