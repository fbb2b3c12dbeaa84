"""A run folder read as tables and named values; what cannot be read is named in one line."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.runs.results import read_run

CASES = """case,group,set,fold,class,grid,unit,dice,truth_points
a,p,train,0,cell,original,px,0.5,4
b,q,test,0,cell,network,px,0.75,
b,q,test,0,cell,original,px,,4
"""
HISTORY = "epoch,train_loss,validation_dice,seconds\n1,0.5,0.25,2\n2,0.25,0.75,3\n3,nan,0.5,\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text("data: {source: 'C:\\data\\cells'}\nnetwork: {model: unet}\n")
    (tmp_path / "history.csv").write_text(HISTORY)
    (tmp_path / "cases.csv").write_text(CASES)
    return tmp_path


def test_what_a_run_left_behind(run: Path) -> None:
    found = read_run(run)
    assert (found.network, found.data, found.metrics) == ("unet", "cells", ("dice",))
    assert (found.sets, found.grids, found.classes) == (("test", "train"), ("original", "network"), ("cell",))
    assert [(row.case, row.grid) for row in found.leading] == [("b", "original")]
    assert math.isnan(found.leading[0].values["dice"])
    assert (found.cost, found.environment, found.splits, found.unlike) == ({}, {}, {}, ())


def test_what_costs_do_not_say_is_taken_from_the_history(run: Path) -> None:
    found = read_run(run)
    assert (found.epochs, found.best_epoch, found.seconds, found.parameters) == (3, 2, 5.0, None)
    assert np.isnan(found.history["train_loss"][2])
    (run / "cost.json").write_text('{"best_epoch": 1, "training_seconds": 7, "parameters": 10}')
    found = read_run(run)
    assert (found.best_epoch, found.seconds, found.parameters) == (1, 7.0, 10)


def test_only_an_interrupted_run_may_lack_scores(run: Path) -> None:
    (run / "cases.csv").unlink()
    assert read_run(run, scored=False).scores == ()
    with pytest.raises(IsthmusError, match=r"cases\.csv is missing"):
        read_run(run)


def test_images_that_differ_are_told_and_a_damaged_record_of_them_is_named(run: Path) -> None:
    (run / "images.json").write_text('{"training": null, "scored": ["2 of 3 images are brighter"]}')
    assert read_run(run).unlike == ("2 of 3 images are brighter",)
    (run / "images.json").write_text('{"scored": 3}')
    with pytest.raises(IsthmusError, match=r"images\.json, key 'scored': .*restore the file, or delete it"):
        read_run(run)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="no such folder"):
        read_run(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("recipe.yaml", None, "recipe.yaml is missing, so this is not a finished run"),
        ("history.csv", None, "history.csv is missing"),
        ("cases.csv", None, "cases.csv is missing"),
        ("recipe.yaml", "a: [1", "not valid YAML"),
        ("recipe.yaml", "- 1", "holds no named values"),
        ("environment.json", "{", "not valid JSON"),
        ("history.csv", "", "has no column 'epoch'"),
        ("history.csv", "epoch,train_loss\n1,abc\n", "line 2: train_loss is 'abc', not a number"),
        ("history.csv", "epoch,train_loss\n,0.5\n", "line 2: '' is not an epoch"),
        ("cases.csv", "case,dice\nc,1\n", "has no column 'group'"),
        ("cases.csv", "case,group,set,fold,class,dice\n", "holds no scores"),
        ("cases.csv", "case,group,set,fold,class,dice\nc,c,test,0,cell\n", "line 2: 5 cells under 6 columns"),
        ("cases.csv", "case,group,set,fold,class,dice\nc,c,t,0,x,1\nd,d,t,0,x,?\n", "line 3: dice is '?'"),
        ("cases.csv", b"\xff\xfe\x00", "not text in UTF-8"),
    ],
)
def test_a_damaged_run_is_refused_in_one_line(
    run: Path, file: str, content: str | bytes | None, message: str
) -> None:
    (run / file).unlink(missing_ok=True)
    if content is not None:
        (run / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(IsthmusError) as caught:
        read_run(run)
    assert message in str(caught.value)
    assert file in str(caught.value)
    assert "\n" not in str(caught.value)
