"""Runs the code of documentation pages in a process of its own, as an installed plug-in or in a copy of the source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
SOURCE = DOCS.parent / "src"

CALL = """
import shlex, sys
from isthmus.cli.main import main

def call(words):
    sys.argv = ["isthmus", *shlex.split(words)]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (words, end.code)

"""
"""A function for `run`, which calls the command line and expects success."""

SMALL = "network.options='{widths: [4, 8]}' training.epochs=1 samples=4 batch=2 input.patch=32 threads=1"
"""Options of `train` that make it a matter of seconds."""


def blocks(page: str, language: str = "python") -> list[str]:
    """Returns the blocks of code on a page of the documentation."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def install(folder: Path, module: str, code: str) -> None:
    """Makes a package of one module in a folder, as an installer would, with an entry point that names it."""
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[isthmus.plugins]\nours = {module}\n")


def run(folder: Path, code: str) -> str:
    """Runs code in a process whose path holds the folder, with warnings as errors; returns what it prints."""
    return python(folder, "-c", code, path=folder)


def python(folder: Path, *arguments: str, path: Path = SOURCE, **variables: str) -> str:
    """Runs Python in a folder with a path and variables of its own, warnings as errors; returns what it prints."""
    paths = os.pathsep.join([str(path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, "PYTHONUTF8": "1", **variables}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy_source(folder: Path) -> Path:
    """Copies the package to a folder, to be changed there; returns the copy of `src`."""
    return shutil.copytree(SOURCE, folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
