"""The package of docs/plugins.md, installed: its network, loss, metric, data set and format serve the command line."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
((_, PROJECT), (_, MODULE)) = re.findall(r"```(toml|python)\n(.*?)```", PAGE, flags=re.S)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `pip install` would put there, so that no network is needed."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads(PROJECT)["project"]
    (folder / "my_lab.py").write_text(MODULE, encoding="utf-8")
    info = folder / f"my_lab-{project['version']}.dist-info"
    info.mkdir()
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    info.joinpath("entry_points.txt").write_text("".join(lines))
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    return folder


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("discs")
    rows, columns = np.mgrid[:32, :32]
    for number in range(5):
        mask = ((rows - 12 - number) ** 2 + (columns - 14) ** 2 < 60).astype(np.uint8)
        for name, pixels in (("images", 40 + 100 * mask), ("masks", mask)):
            (root / name).mkdir(exist_ok=True)
            np.save(root / name / f"disc {number}.npy", pixels)
    return root


def _isthmus(site: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    paths = [str(site), str(ROOT / "src")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        [sys.executable, "-m", "isthmus", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_everything_of_the_package_works_by_name(installed: Path, discs: Path, tmp_path: Path) -> None:
    assert "153" in _isthmus(installed, "models", "two_layers").stdout  # 9 · 8 + 8 + 9 · 8 + 1
    assert "Discs of our laboratory" in _isthmus(installed, "data", "list").stdout

    run = tmp_path / "run"
    trained = _isthmus(
        installed, "train", "discs", "--root", discs, "--model", "two_layers", "--epochs", "1", "--out", run,
        "objective.heads.logits=log_cosh_dice", "input.patch=32", "hardware.device=cpu",
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert "log_cosh_dice" in (run / "recipe.yaml").read_text(encoding="utf-8")
    with (run / "cases.csv").open(newline="", encoding="utf-8") as file:
        assert "centre_distance" in next(csv.reader(file))
    packages = json.loads((run / "environment.json").read_text(encoding="utf-8"))["packages"]
    assert packages["my-lab"] == "1.0"
    assert "Centre distance" in (run / "report.html").read_text(encoding="utf-8")

    masks = tmp_path / "masks"
    predicted = _isthmus(installed, "predict", run, discs / "images", "--out", masks)
    assert predicted.returncode == 0, predicted.stderr
    scored = _isthmus(installed, "evaluate", masks, "discs", "--root", discs)
    assert scored.returncode == 0, scored.stderr
    assert "Centre distance" in scored.stdout


@pytest.mark.slow
def test_a_broken_package_is_told_and_the_rest_works(installed: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "my_lab-1.0.dist-info"
    info.mkdir(parents=True)
    for file in (installed / "my_lab-1.0.dist-info").iterdir():
        (info / file.name).write_text(file.read_text())
    listed = _isthmus(site, "data", "list")
    assert listed.returncode == 0
    assert "kvasir-seg" in listed.stdout
    (line,) = listed.stderr.splitlines()
    assert line == (
        "the plug-in 'my-lab' of my-lab 1.0 cannot be loaded (ModuleNotFoundError: No module named 'my_lab'); "
        "fix or remove it"
    )
