"""The page on adding a network, followed step by step in a copy of the project."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from ..plugin_pages import DOCS, blocks, copy_source, python

ROOT = DOCS.parent
PAGE = "add-a-network.md"
MODULE, IMPORT, TEST, SKIP = blocks(PAGE)
COMMANDS = re.findall(r"^\$ (.*?\.venv/bin/.*)$", (DOCS / PAGE).read_text(encoding="utf-8"), flags=re.M)
LEFT_OUT = shutil.ignore_patterns("images", "results")


def _run(folder: Path, command: str) -> str:
    """Runs a line of the page with the copy's sources; variables may stand before the program."""
    words = shlex.split(command)
    variables = {}
    while "=" in words[0]:
        name, value = words.pop(0).split("=", 1)
        variables[name] = value
    program, *arguments = words
    called = {".venv/bin/python": [], ".venv/bin/isthmus": ["-m", "isthmus"]}[program]
    if "pytest" in arguments:
        arguments += ["-q", "-p", "no:cacheprovider"]
    return python(folder, *called, *arguments, path=folder / "src", **variables)


@pytest.mark.slow
def test_the_page_as_written(tmp_path: Path) -> None:
    copy_source(tmp_path)
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
    assert python(tmp_path, "-c", SKIP + checks).strip() == "18"
