"""The page on adding a network, followed step by step in a copy of the project."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-network.md").read_text(encoding="utf-8")
MODULE, IMPORT, TEST, SKIP = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)
COMMANDS = re.findall(r"^\$ (.*?\.venv/bin/.*)$", PAGE, flags=re.M)
LEFT_OUT = shutil.ignore_patterns("images", "results")


def _run(folder: Path, command: str) -> str:
    """Runs a line of the page with the copy's sources; variables may stand before the program."""
    words = shlex.split(command)
    settings = {}
    while "=" in words[0]:
        name, value = words.pop(0).split("=", 1)
        settings[name] = value
    program, *arguments = words
    python = [sys.executable, "-W", "error"]
    called = {".venv/bin/python": [], ".venv/bin/isthmus": ["-m", "isthmus"]}[program]
    if "pytest" in arguments:
        arguments += ["-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*python, *called, *arguments],
        cwd=folder,
        env={**os.environ, **settings, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_page_as_written(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    for part in ("networks", "conftest.py", "browser.py", "skips.py"):
        copy = shutil.copytree if (ROOT / "tests" / part).is_dir() else shutil.copy
        copy(ROOT / "tests" / part, tmp_path / "tests" / part)
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=LEFT_OUT)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    networks, tests = tmp_path / "src" / "isthmus" / "networks", tmp_path / "tests" / "networks"
    (networks / "models" / "context.py").write_text(MODULE, encoding="utf-8")
    register = networks / "__init__.py"
    text = register.read_text(encoding="utf-8")
    register.write_text(text.replace("# isort: on", f"{IMPORT}# isort: on"), encoding="utf-8")
    (tests / "models" / "test_context.py").write_text(TEST, encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    card, stored, suite, pages = COMMANDS
    assert "67 x 67 pixels" in _run(tmp_path, card)
    own = "tests/networks/models/test_context.py src/isthmus/networks/models/context.py"
    assert "4 passed" in _run(tmp_path, f".venv/bin/python -m pytest {own}")
    _run(tmp_path, stored)
    assert "failed" not in _run(tmp_path, suite)
    _run(tmp_path, pages)
    assert "67 x 67 pixels" in (tmp_path / "docs" / "networks" / "context.md").read_text(encoding="utf-8")

    changed = {path for path, content in before.items() if path.read_bytes() != content} | {register}
    assert {str(path.relative_to(tmp_path).as_posix()) for path in changed} == {
        "src/isthmus/networks/__init__.py",
        "tests/networks/data/logits.json",
        "docs/networks.md",
    }


def test_the_skip_of_the_page_combines(tmp_path: Path) -> None:
    checks = """
from isthmus.networks import create_model
network = create_model("unet", block="mldr", skip="sse", spatial_dims=3, widths=(2, 4))
assert network(torch.zeros(1, 1, 4, 4, 4)).shape == (1, 1, 4, 4, 4)
print(create_model("unet_sse", widths=(2, 4)).receptive_field())
"""
    (tmp_path / "pasted.py").write_text(SKIP + checks, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "pasted.py"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "18", done.stderr
