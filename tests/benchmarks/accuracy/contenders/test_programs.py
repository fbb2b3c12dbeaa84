import numpy as np
import pytest
from benchmarks.accuracy.contenders.measured_run import Job, measured
from PIL import Image

from benchmarks.accuracy import peers
from isthmus.runs.files import write_csv


@pytest.fixture
def discs(tmp_path):
    """Bright discs on noise, which any program finds."""
    random, folder = np.random.default_rng(0), tmp_path / "sets" / "discs"
    y, x = np.mgrid[:96, :96]
    for part, names in (("train", "abcdefgh"), ("test", "xy")):
        rows = []
        for name in names:
            disc = (y - random.integers(30, 66)) ** 2 + (x - random.integers(30, 66)) ** 2 < 24**2
            image = np.clip(60 + 120 * disc + random.normal(0, 10, disc.shape), 0, 255)
            for kind, values in (("images", image), ("masks", disc)):
                (folder / part / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(values.astype(np.uint8)).save(folder / part / kind / f"{name}.png")
            rows.append({"image": f"images/{name}.png", "mask": f"masks/{name}.png", "group": name})
        write_csv(folder / part / "cases.csv", rows, ["image", "mask", "group"])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("key", ["basic-unet", "isthmus"])
def test_a_program_learns_within_its_seconds_and_writes_the_masks(key, discs, tmp_path):
    found = measured(peers.PROGRAMS[key], Job(discs, tmp_path / key, 30, 0))
    assert found["epochs"] >= 1
    assert found["steps"] >= found["epochs"]
    assert {case: score["dice"] > 0.8 for case, score in found["scores"].items()} == {"x": True, "y": True}
