"""The commands: what they print and how they end."""

from __future__ import annotations

import shutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from isthmus.cli.main import main
from isthmus.locks import taken
from isthmus.studies import run
from isthmus.studies.planning import find_data
from isthmus.studies.reproduced_page import Made
from isthmus.studies.running import execute
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent

from .conftest import fork


@pytest.fixture
def isthmus(monkeypatch: pytest.MonkeyPatch, trained: None, capsys: pytest.CaptureFixture[str]) -> Any:
    """A function from words to the exit code, standard output and error; training is replaced."""
    monkeypatch.setattr(execute, "launch", fork)
    monkeypatch.setattr(run.RunOptions, "launch", fork, raising=False)
    monkeypatch.setattr(run.RunOptions.__init__, "__defaults__", (None, "", fork, None, False))

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["isthmus", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def study(small: Any, tmp_path: Path) -> Any:
    def write(**changes: Any) -> str:
        path = tmp_path / "my.yaml"
        path.write_text(yaml.safe_dump(small(**changes).to_dict()))
        return str(path)

    return write


def test_a_study_is_run_and_looked_at(isthmus: Any, study: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    code, printed, said = isthmus("study", "run", study(), "--out", out, "--jobs", "2")
    assert code == 0
    assert "4 cells, 4 to compute" in said
    assert "| phantoms | Sharp U-Net |" in printed
    assert (tmp_path / "out" / "report.html").is_file()
    assert isthmus("study", "status", out)[1] == (
        "4 done, 0 running, 0 failed, 0 left\n"
        "time spent on cells: 40 s (for some cells only the epochs are known, not reading, scoring and predicting)\n"
    )
    for record in (tmp_path / "out" / "times").iterdir():
        record.write_text('{"seconds": 900.0, "begun": null}')
    assert isthmus("study", "status", out)[1].endswith(" left\ntime spent on cells: 1 h 00 min\n")
    one = next((tmp_path / "out" / "cells").iterdir())
    (one / "cost.json").rename(tmp_path / "cost.json")
    (one / "history.csv").rename(tmp_path / "history.csv")
    assert isthmus("study", "status", out)[1].endswith("time left: about 15 min 00 s\n")
    (tmp_path / "cost.json").rename(one / "cost.json")
    (tmp_path / "history.csv").rename(one / "history.csv")
    (tmp_path / "out" / "report.html").unlink()
    code, printed, _ = isthmus("study", "tables", out)
    assert code == 0
    assert "| phantoms | Sharp U-Net |" in printed
    assert (tmp_path / "out" / "report.html").is_file()
    page = (tmp_path / "out" / "report.html").stat().st_mtime_ns
    code, printed, said = isthmus("study", "run", study(), "--out", out, "--jobs", "2")
    assert code == 0
    assert "all of them done" in said
    assert (tmp_path / "out" / "report.html").stat().st_mtime_ns == page  # nothing is made again
    assert "| phantoms | Sharp U-Net |" in printed


def test_a_study_that_is_put_otherwise_is_told_anew(isthmus: Any, study: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    isthmus("study", "run", study(), "--out", out, "--jobs", "2")
    _, printed, said = isthmus("study", "run", study(title="Another"), "--out", out, "--jobs", "2")
    assert "all of them done" in said
    assert "**Another**" in printed
    assert "Another" in (tmp_path / "out" / "report.html").read_text()


def test_other_weights_to_start_from_are_other_cells(
    isthmus: Any, study: Any, begun: Any, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    start.mkdir()
    (start / "recipe.yaml").touch()
    (start / "best.safetensors").write_bytes(b"1")
    tuned = {"model": "unet", "network": {"start": str(start)}}
    path, out = study(networks={"tuned": tuned}, folds=1), str(tmp_path / "out")
    for weights, cells in ((b"1", 1), (b"1", 1), (b"2", 2), (b"2", 2)):
        (start / "best.safetensors").write_bytes(weights)
        assert isthmus("study", "run", path, "--out", out)[0] == 0
        assert len({*begun()}) == len(begun()) == cells
    (planned,) = StudyFolder(Path(out)).plan().cells
    shutil.rmtree(start)
    assert StudyFolder(Path(out)).recipe(planned.name).network.start_weights == sha256(b"2").hexdigest()
    assert "1 done, 0 running" in isthmus("study", "status", out)[1]
    assert isthmus("study", "tables", out)[0] == 0
    code, _, said = isthmus("study", "run", path, "--out", out)
    assert (code, said.count("\n")) == (2, 1)
    assert f"no run folder at {start}" in said


def test_failed_cells_end_it_with_1_and_a_list(isthmus: Any, study: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    path = study(networks={"UNet++": "unetpp", "U-Net": "unet"})
    code, printed, said = isthmus("study", "run", path, "--out", out, "--jobs", "1")
    assert code == 1
    assert "| phantoms | U-Net |" in printed
    assert "2 of 4 cells failed:" in said
    assert said.rstrip().endswith("training diverged")
    status = isthmus("study", "status", out)[1]
    assert status.startswith("2 done, 0 running, 2 failed, 0 left\n")
    assert "failed: phantoms, UNet++, fold 0, repeat 0: training diverged (see " in status


def test_an_option_that_a_network_has_not_is_refused_before_anything_is_computed(
    isthmus: Any, study: Any, tmp_path: Path
) -> None:
    wrong = study(networks={"A": {"model": "unet", "options": {"width": [2]}}})
    code, _, said = isthmus("study", "run", wrong, "--out", str(tmp_path / "out"))
    assert code == 2
    assert "has no option 'width': did you mean 'widths'" in said
    assert not (tmp_path / "out").exists()


def test_papers_are_listed(isthmus: Any) -> None:
    code, printed, _ = isthmus("reproduce", "--list")
    assert code == 0
    assert "mildnet/table5" in printed
    assert len(printed.splitlines()) == 23  # 20 tables and figures of numbers, 3 of pictures
    assert isthmus("reproduce", "--list", "--all") == (0, printed, "")


def test_all_are_reproduced_and_the_exit_code_says_the_worst(
    isthmus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["sharpunet/figure5", "multiresunet/table3"]
    monkeypatch.setattr("isthmus.studies.reproduced.list_papers", lambda: names)
    words = ("reproduce", "--all", "--scale", "small", "--out", str(tmp_path / "all"), "--jobs", "2")
    code, printed, _ = isthmus(*words)
    assert code == 0
    assert "| [sharpunet/figure5](reproduced/sharpunet-figure5.md) |" in printed
    assert printed == (tmp_path / "all" / "reproduced.md").read_text()
    made = [Made("a/b", failed=("1 of 2 cells failed:", "U-Net: diverged")), Made("c/d")]
    monkeypatch.setattr("isthmus.studies.reproduced.reproduce_all", lambda *_, **__: made)
    assert isthmus(*words)[0] == 1
    made.append(Made("e/f", "no such thing"))
    assert isthmus(*words)[0] == 2


def test_a_paper_is_reproduced(isthmus: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    code, printed, said = isthmus(
        "reproduce", "sharpunet/figure5", "--scale", "small", "--out", out, "--jobs", "2"
    )
    assert code == 0
    assert "phantoms replace CVC-ClinicDB" in said
    assert "Scale: small" in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("study", "status", "nowhere"), "no folder at nowhere"),
        (("study", "tables", "nowhere"), "no folder at nowhere"),
        (("study", "run", "none.yaml", "--out", "x"), "none.yaml: cannot be read"),
        (("reproduce", "mildnet/tabel5"), "did you mean 'mildnet/table5'"),
        (("reproduce", "mildnet/table5", "--out", "x"), "none of its data sets"),
        (("reproduce", "mildnet/table5", "--all"), "leave out mildnet/table5, or --all"),
        (("reproduce", "--all", "--scale", "tiny", "--out", "x"), "--scale tiny"),
    ],
)
def test_mistakes_are_one_line_and_2(
    isthmus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed, error = isthmus(*words)
    assert code == 2
    assert said in error
    assert error.count("\n") == 1
    assert not printed
    assert not list(tmp_path.glob("x*"))


def test_each_of_two_commands_ends_with_the_tables_of_what_it_asked_for(
    isthmus: Any, study: Any, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the longer one computes, the shorter one runs from beginning to end."""
    out = tmp_path / "out"
    shorter = small()
    three = {"U-Net": "unet", "Sharp U-Net": "sharp_unet", "MILDNet": "mildnet"}
    computed, seen = run.execute, []

    def meanwhile(folder: Any, *words: Any) -> Any:
        outcome = computed(folder, *words)
        if not seen:
            seen.append("begun")
            with taken(folder.lock("another")):
                run.run_study(shorter, find_data(shorter), folder.path, Silent())
                seen.append(folder.taken_outside(folder.plan()))
        return outcome

    monkeypatch.setattr(run, "execute", meanwhile)
    code, printed, _ = isthmus("study", "run", study(networks=three), "--out", str(out))
    assert (code, seen) == (0, ["begun", 1])
    assert all(f"| phantoms | {name} |" in printed for name in three)
    assert isthmus("study", "status", str(out))[1].startswith("6 done")
    assert isthmus("study", "tables", str(out))[1] == printed
    assert "| MILDNet |" not in isthmus("study", "run", study(), "--out", str(out))[1]
