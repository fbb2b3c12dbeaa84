"""All tables and figures in one folder: resumed, not stopped by one that fails, and shown on one page."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isthmus.errors import IsthmusError
from isthmus.runs.files import write_json
from isthmus.studies import papers, reproduced
from isthmus.studies.reproduced import reproduce_all
from isthmus.studies.reproduced_page import Made, minutes, row, write_page
from isthmus.studies.run import RunOptions
from isthmus.studies.running.progress import Span
from isthmus.watch import Silent

from ..notes import Notes
from .conftest import fork, never
from .known import DICE, by_fold, make

PRINTED = "dataset,model,metric,mean,sd\nphantoms,U-Net,DC,{},\nphantoms,Sharp U-Net,DC,{},\nphantoms,MILDNet,DC,{},\n"
NETWORKS = {"U-Net": "unet", "Sharp U-Net": "sharp_unet", "MILDNet": "mildnet"}
LIST = "isthmus.studies.reproduced.list_papers"


def options(launch: Any = fork) -> RunOptions:
    return RunOptions(jobs=2, scale="small", launch=launch)


@pytest.mark.usefixtures("trained")
def test_one_that_fails_stops_no_other_and_what_is_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: Any
) -> None:
    names = ["sharpunet/figure5", "hmedn/table7", "multiresunet/table3"]
    monkeypatch.setattr(LIST, lambda: names)
    works = papers.reproduce

    def broken(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "hmedn/table7":
            raise IsthmusError("the disk is | full")
        return works(name, *args, **kwargs)

    monkeypatch.setattr(reproduced, "reproduce", broken)
    made = reproduce_all(tmp_path, Silent(), options=options())
    assert made == [Made(names[0]), Made(names[1], "the disk is | full"), Made(names[2])]
    page = (tmp_path / "reproduced.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert [line.count("|") for line in lines] == [9] * 5
    assert "[sharpunet/figure5](reproduced/sharpunet-figure5.md)" in lines[2]
    assert "the disk is / full" in lines[3]
    assert "counts: equal" in lines[4]
    assert "CVC-ClinicDB (phantoms)" in lines[2]
    own = (tmp_path / "reproduced" / "sharpunet-figure5.md").read_text()
    assert "| CVC-ClinicDB (phantoms) | Wide U-Net |" in own
    started = len(begun())
    assert reproduce_all(tmp_path, Silent(), options=options(never)) == made
    assert len(begun()) == started


def test_the_time_for_all_is_told_first_and_what_is_left_after_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["sharpunet/figure5", "hmedn/table7"]
    monkeypatch.setattr(LIST, lambda: names)
    asked: list[tuple[str, bool]] = []

    def reproduce(name: str, *_: Any, options: RunOptions, **__: Any) -> Any:
        asked.append((name, options.only_estimate))
        if not options.only_estimate:
            raise IsthmusError(f"{name}: none of its data sets is available")

    monkeypatch.setattr(reproduced, "reproduce", reproduce)
    seconds = iter([3600.0, 1800.0])
    monkeypatch.setattr(reproduced, "status", lambda _: SimpleNamespace(left=Span(next(seconds))))
    clock = iter([0.0, 7200.0, 7200.0, 7200.0])
    monkeypatch.setattr(reproduced, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    notes = Notes()
    made = reproduce_all(tmp_path, notes, options=options())
    assert asked == [(name, early) for early in (True, False) for name in names]
    assert notes.said == [
        "all in all: about 1.5 hours for 2 tables and figures",
        "1 of 2: sharpunet/figure5",
        "sharpunet/figure5 could not be made: none of its data sets is available",
        "left: about 60 minutes for 1 table or figure",  # half an hour, at twice what was expected
        "2 of 2: hmedn/table7",
        "hmedn/table7 could not be made: none of its data sets is available",
        f"page in {tmp_path / 'reproduced.md'}",
    ]
    assert [each.fault for each in made] == ["none of its data sets is available"] * 2


@pytest.mark.usefixtures("trained")
def test_an_error_of_ours_is_told_and_failed_cells_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIST, lambda: ["hmedn/table7"])
    (made,) = reproduce_all(tmp_path, Silent(), options=options())
    assert made.fault == "" or made.failed  # networks that the test does not know may fail
    monkeypatch.setattr(reproduced, "reproduce", lambda *_, **__: 1 / 0)
    (made,) = reproduce_all(tmp_path, Silent(), options=options())
    assert made.fault == "ZeroDivisionError: division by zero"


def test_the_page_says_at_which_scale(tmp_path: Path) -> None:
    for scale in ("small", "paper"):
        write_page(tmp_path, ["a/b"], [Made("a/b", "nothing")], scale)
        page = (tmp_path / "reproduced.md").read_text()
        assert f"at {scale} scale" in page
        assert f"`isthmus reproduce --all --scale {scale}`" in page
        assert ("Small networks" in page) == (scale == "small")


@pytest.mark.parametrize(
    ("given", "root", "said"),
    [
        (RunOptions(scale="tiny"), None, "--scale tiny"),
        (RunOptions(scale="small", jobs=0), None, "--jobs is 0"),
        (RunOptions(scale="small"), Path("no/such/folder"), "no such folder"),
    ],
)
def test_what_is_wrong_for_all_is_told_once(
    given: RunOptions, root: Path | None, said: str, tmp_path: Path
) -> None:
    with pytest.raises(IsthmusError, match=said):
        reproduce_all(tmp_path / "out", Silent(), root=root, options=given)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("paper", "order", "correlation"),
    [
        ((0.9, 0.8, 0.7), "U-Net > Sharp U-Net > MILDNet", "1.00 (DC)"),
        ((0.7, 0.8, 0.9), "MILDNet > Sharp U-Net > U-Net", "-1.00 (DC)"),
        ((0.8, 0.9, 0.7), "Sharp U-Net > U-Net > MILDNet", "0.50 (DC)"),
        (("", 0.9, 0.7), "Sharp U-Net > MILDNet", "1.00 (DC)"),
        (("", "", 0.7), "–", "–"),
    ],
)
def test_orders_stand_beside_those_of_the_paper(
    paper: tuple[float, float, float], order: str, correlation: str, small: Any, tmp_path: Path
) -> None:
    study = small(folds=4, measures=[DICE], networks=NETWORKS, floor=0.55)
    shift = {"U-Net": 0.2, "Sharp U-Net": 0.1}
    folder = make(study, tmp_path / "study", by_fold(shift), printed=PRINTED.format(*paper))
    link, cells, lowest, ours, theirs, found, _, data = row(folder, Made("a/b"))
    assert (link, cells, data) == ("[a/b](reproduced/a-b.md)", "12 of 12", "phantoms")
    assert lowest.startswith("phantoms, MILDNet, fold ")
    assert "floor 0.55" in lowest
    assert (theirs, found) == (order, correlation)
    assert ours.startswith("U-Net > Sharp U-Net" if paper[0] != "" or paper[1] == "" else "Sharp U-Net")


def test_cells_below_the_floor_come_first_and_are_counted(small: Any, tmp_path: Path) -> None:
    study = small(folds=4, measures=[DICE], floor=0.7)
    folder = make(study, tmp_path / "study", by_fold({"U-Net": 0.2}))
    assert "**4 of 8 did not learn**" in row(folder, Made("a/b"))[2]
    assert "Sharp U-Net" in row(folder, Made("a/b"))[2]


def test_one_network_has_no_order(small: Any, tmp_path: Path) -> None:
    folder = make(
        small(folds=4, measures=[DICE], networks={"U-Net": "unet"}), tmp_path / "study", by_fold({})
    )
    assert row(folder, Made("a/b"))[3:6] == ["–", "–", "one network"]


def test_processor_time_is_that_of_the_commands_or_of_the_cells_if_that_is_more(
    small: Any, tmp_path: Path
) -> None:
    folder = make(small(measures=[DICE]), tmp_path / "study", by_fold({}))
    for cell in folder.plan().cells:
        write_json(folder.times(cell.name), {"seconds": 60.0, "begun": None, "processor": 45.0})
    assert minutes(folder) == 3.0
    write_json(folder.processor, {"seconds": 240.0})
    assert minutes(folder) == 4.0
