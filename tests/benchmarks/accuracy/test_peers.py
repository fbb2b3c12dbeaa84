import signal

import numpy as np
import pytest
from benchmarks.accuracy.contenders.measured_run import Program
from benchmarks.accuracy.contenders.sets import SETS
from benchmarks.frame.benchmark import Settings
from PIL import Image

from benchmarks.accuracy import peers
from benchmarks.accuracy.contenders import page
from isthmus.runs.files import read_yaml, write_csv

STUDY = {"seconds": 300, "seeds": {"a": 2, "b": 1}, "curve": {"a": [60, 300, 600]}}


def test_the_first_seed_of_every_set_comes_first_then_the_other_seeds_then_the_curve():
    assert peers.planned(STUDY) == [("a", 300, 0), ("b", 300, 0), ("a", 300, 1), ("a", 60, 0), ("a", 600, 0)]


def test_another_time_is_one_key_of_the_study():
    assert [row[1] for row in peers.planned(STUDY | {"seconds": 700})] == [700, 700, 700, 60, 300, 600]


def test_the_study_names_sets_that_exist_and_the_page_names_its_programs():
    study = read_yaml(peers.HERE / "peers.yaml")
    assert set(study["seeds"]) == set(SETS)
    assert set(study["curve"]) <= set(SETS)
    assert set(page.LABELS) == set(peers.PROGRAMS)


def test_a_row_of_a_program_that_is_not_installed_says_so(tmp_path, monkeypatch):
    absent = Program("absent", tmp_path / "none.py", "/no/such/python")
    monkeypatch.setattr(peers, "PROGRAMS", {"nnunet": absent})
    monkeypatch.setattr(peers, "exported", lambda *_: tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    found = peers.run("nnunet", ("isbi-2012", 300, 1), Settings(out=tmp_path / "out"))
    assert found == {"asked": 300, "seed": 1, "missing": "not installed: there is no /no/such/python"}
    assert signal.getsignal(signal.SIGTERM) is before


def test_masks_of_a_row_are_compared_on_a_page(tmp_path):
    settings, found = Settings(out=tmp_path), {}
    for key, values in (("nnunet", [0, 1, 1, 1]), ("isthmus", [1, 1, 0, 0])):
        draw(tmp_path / "isbi-2012" / "60" / f"{key}-0" / "masks" / "a.png", values)
        found[key] = {"scores": {}}
    test = tmp_path / "sets" / "isbi-2012" / "test"
    draw(test / "masks" / "a.png", [1, 1, 1, 0])
    draw(test / "images" / "a.png", [9, 9, 9, 0])
    row = {"image": "images/a.png", "mask": "masks/a.png", "group": "a"}
    write_csv(test / "cases.csv", [row], ["image", "mask", "group"])
    facts = peers.compared(("isbi-2012", 60, 0), settings, found)
    assert [(each["first"], each["second"]) for each in facts["Dice"]] == [("nnU-Net v2", "isthmus train")]
    assert facts["Dice"][0]["difference"] == pytest.approx(4 / 6 - 4 / 5)
    assert facts["Dice"][0]["low"] is None  # one case has no interval, and JSON no NaN
    assert (tmp_path / "isbi-2012" / "60" / "compared-0" / "report.html").is_file()
    assert peers.compared(("isbi-2012", 60, 0), settings, {"isthmus": {"scores": {}}}) == {}


def draw(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array([values] * 4, np.uint8)).save(path)
