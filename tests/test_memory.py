"""The command requests large pages before the framework is imported, and the user's setting takes precedence."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from isthmus.memory import PAGES, give_back_freed_memory, keep_freed_memory, large_pages

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
        give_back_freed_memory()
        keep_freed_memory(False)
    assert os.environ[PAGES] == "1"


HELD = """
import torch
from pathlib import Path
from isthmus.memory import give_back_freed_memory, keep_freed_memory

def resident():
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) // 1024

keep_freed_memory()
before = resident()
x = torch.ones(64, 1024, 1024 // 4)  # 64 MiB
del x
kept = resident() - before
give_back_freed_memory()
given = resident() - before
keep_freed_memory(False)
x = torch.ones(64, 1024, 1024 // 4)
del x
print(kept, given, resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs another operating system: glibc")
def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    kept, given, after = map(int, done.stdout.split())
    assert kept > 48
    assert given < 16
    assert after < 16
