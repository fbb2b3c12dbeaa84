"""The figure of training: its charts, its marks, and what it says without epochs."""

from __future__ import annotations

from isthmus.report import write_report

from ..conftest import MakeRun
from ..page import Page


def test_one_epoch(make_run: MakeRun) -> None:
    page = Page(write_report(make_run(epochs=1)))
    assert "Over 1 epoch; the dashed vertical line marks epoch 1" in page.text
    assert [a["aria-label"] for a in page.all("svg") if "aria-label" in a] == [
        "Loss",
        "Validation Dice",
        "Learning rate",
        "Dice",
    ]


def test_no_history(make_run: MakeRun) -> None:
    run = make_run(epochs=0)
    (run / "cost.json").unlink()
    page = Page(write_report(run))
    assert "No epochs were recorded." in page.text
    assert "best epoch" not in page.text


def test_gaps_in_the_history_are_left_out(make_run: MakeRun) -> None:
    run = make_run()
    lines = ["epoch,train_loss,validation_loss,validation_dice,learning_rate,seconds"]
    lines += ["1,0.5,nan,,0.001,1", "2,nan,nan,,0.001,1", "3,inf,nan,,0.001,1"]
    (run / "history.csv").write_text("\n".join(lines), encoding="utf-8")
    (run / "cost.json").unlink()
    labels = [a.get("aria-label") for a in Page(write_report(run)).all("svg")]
    assert "Loss" in labels
    assert "Validation Dice" not in labels
