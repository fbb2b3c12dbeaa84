import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from benchmarks.accuracy.contenders.measured_run import Job, Program, measured, processor_seconds, scores
from PIL import Image

from isthmus.errors import IsthmusError
from isthmus.runs.files import read_json, write_csv

FAKE = """
import json, shutil, sys, time
from pathlib import Path

step, job = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
with Path(job["train"], "calls").open("a") as calls:
    print(step, file=calls)
if step == "train":
    while time.process_time() < job["seconds"]:
        pass
if step == "predict":
    for path in Path(job["test"], "images").iterdir():
        shutil.copyfile(path, Path(job["masks"], path.name))
Path(job["facts"]).write_text(json.dumps({"steps": 3} if step == "train" else {}))
"""


@pytest.fixture
def data(tmp_path):
    """Two scored cases; images are what the fake program will predict."""
    folder = tmp_path / "sets" / "toy"
    for part in ("train", "test"):
        rows = []
        for name, drawn in (("a", [[1, 1, 0, 0]]), ("b", [[0, 0, 0, 0]])):
            for kind, values in (("images", drawn), ("masks", [[0, 1, 1, 1]])):
                (folder / part / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.array(values, np.uint8)).save(folder / part / kind / f"{name}.png")
            rows.append({"image": f"images/{name}.png", "mask": f"masks/{name}.png", "group": name.upper()})
        write_csv(folder / part / "cases.csv", rows, ["image", "mask", "group"])
    return folder


@pytest.fixture
def fake(tmp_path):
    script = tmp_path / "fake_program.py"
    script.write_text(FAKE)
    return Program("a fake", script, prepares=True)


def calls(data):
    return (data / "train" / "calls").read_text().split()


def test_a_run_is_trained_predicted_scored_and_then_never_done_again(data, fake, tmp_path):
    job = Job(data, tmp_path / "runs" / "fake-0", 0.3, 0)
    found = measured(fake, job)
    assert found["train"] >= 0.3
    assert (found["steps"], found["asked"], found["seed"]) == (3, 0.3, 0)
    assert found["scores"]["a"] == {"dice": 0.4, "iou": 0.25, "group": "A"}  # 2 x 1 / (2 + 3), 1 / 4
    assert found["scores"]["b"] == {"dice": 0.0, "iou": 0.0, "group": "B"}
    assert measured(fake, job) == found
    assert calls(data) == ["prepare", "train", "predict"]


def test_a_run_without_its_end_begins_again_and_preparation_is_shared_by_runs(data, fake, tmp_path):
    job = Job(data, tmp_path / "runs" / "fake-0", 0.01, 0)
    measured(fake, job)
    (job.folder / "run.json").unlink()
    (job.folder / "masks" / "left-over.png").touch()
    measured(fake, job)
    assert not (job.folder / "masks" / "left-over.png").exists()
    measured(fake, Job(data, tmp_path / "runs" / "fake-1", 0.01, 1))
    assert calls(data) == ["prepare", *["train", "predict"] * 3]


def test_two_processes_never_work_on_one_run_and_the_second_takes_what_the_first_found(data, fake, tmp_path):
    job = Job(data, tmp_path / "runs" / "fake-0", 0.3, 0)
    with ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda _: measured(fake, job), range(2)))
    assert found[0] == found[1]
    assert calls(data) == ["prepare", "train", "predict"]


def test_programs_work_on_one_thread_and_never_see_the_masks_of_the_scored_cases(data, fake, tmp_path):
    fake.script.write_text(
        FAKE + "import os\nif step == 'train': Path(job['facts']).write_text(json.dumps(dict(os.environ)))\n"
    )
    job = Job(data, tmp_path / "runs" / "fake-0", 0.01, 0)
    assert measured(fake, job)["OMP_NUM_THREADS"] == "1"
    told = read_json(job.folder / "job.json")
    assert {key for key, value in told.items() if str(data / "test") in str(value)} == {"test"}


def test_a_program_that_is_not_installed_says_so_in_one_line(data, fake, tmp_path):
    job = Job(data, tmp_path / "runs" / "fake-0", 1, 0)
    absent = Program("absent", fake.script, needs=("json", "no_such_package"))
    with pytest.raises(IsthmusError, match=r"^not installed: no_such_package for \S+$"):
        measured(absent, job)
    with pytest.raises(IsthmusError, match=r"^not installed: there is no /no/such/python$"):
        measured(Program("absent", fake.script, "/no/such/python"), job)
    assert not job.folder.exists()


def test_a_program_that_fails_is_named_with_its_last_words_and_leaves_no_finished_run(data, fake, tmp_path):
    fake.script.write_text("raise SystemExit('no memory left')")
    job = Job(data, tmp_path / "runs" / "fake-0", 1, 0)
    with pytest.raises(IsthmusError, match=r"a fake failed to prepare in .*: no memory left$"):
        measured(fake, job)
    assert not (job.folder / "run.json").exists()


def test_a_mask_that_was_not_written_is_a_miss(data, tmp_path):
    assert scores(tmp_path, data / "test")["a"]["dice"] == 0.0


def test_an_interruption_ends_the_program_that_runs(monkeypatch, tmp_path):
    started = []

    class Interrupted(subprocess.Popen):
        def wait(self, timeout=None):
            if not started:
                started.append(self)
                raise SystemExit(143)
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with (tmp_path / "log").open("w") as log, pytest.raises(SystemExit):
        processor_seconds([sys.executable, "-c", "import time; time.sleep(60)"], log)
    assert started[0].returncode is not None
