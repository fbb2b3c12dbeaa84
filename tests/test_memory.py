"""The command asks for large pages before the framework is there, and a user's word counts more."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from isthmus.memory import PAGES, keep_freed_memory, large_pages

ASKED = """
import os, sys
from isthmus.cli import main
sys.argv = ["isthmus", "--version"]
assert "torch" not in sys.modules
try:
    main.main()
except SystemExit:
    pass
print(os.environ["{name}"], "torch" in sys.modules)
"""


@pytest.mark.parametrize(("given", "found"), [(None, "1"), ("0", "0")])
def test_the_command_asks_first(given: str | None, found: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != PAGES}
    if given is not None:
        environment[PAGES] = given
    done = subprocess.run(
        [sys.executable, "-c", ASKED.format(name=PAGES)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-2:] == [found, "False"]


def test_both_may_be_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PAGES, raising=False)
    for _ in range(2):
        large_pages()
        keep_freed_memory()
    assert os.environ[PAGES] == "1"
