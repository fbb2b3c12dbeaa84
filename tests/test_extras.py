"""A fresh clone has the extra `dev` alone: every test is collected there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
HIDING = """
from importlib.machinery import PathFinder

found = PathFinder.find_spec
hidden = lambda name: name.partition(".")[0] in {names!r}
PathFinder.find_spec = lambda name, *where: None if hidden(name) else found(name, *where)
"""


def modules(extra: str) -> set[str]:
    """What the packages of an extra are imported as."""
    return {re.split(r"[\[>=]", line)[0].replace("-", "_") for line in EXTRAS[extra]}


@pytest.mark.slow
def test_tests_are_collected_without_the_other_extras(tmp_path: Path) -> None:
    names = set().union(*map(modules, EXTRAS)) - modules("dev")
    assert {"SimpleITK", "onnx", "monai", "ray"} <= names
    (tmp_path / "hiding.py").write_text(HIDING.format(names=names))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "hiding",
        "-p",
        "no:schemathesis",  # a plug-in of pytest, which is hidden as well
    ]
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
