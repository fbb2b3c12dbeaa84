"""A skip that is not named fails the run, wherever it comes from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
import sys
sys.path.insert(0, {tests!r})
from skips import NamedSkips

def pytest_configure(config):
    config.pluginmanager.register(NamedSkips())
"""
PASSES = "def test_passes(): pass\n"
IN_A_TEST = "import pytest\ndef test_x(): pytest.skip({reason!r})\n"
BY_A_MARK = "import pytest\n@pytest.mark.skipif(True, reason={reason!r})\ndef test_x(): pass\n"
WHOLE_FILE = "import pytest\npytest.skip({reason!r}, allow_module_level=True)\n"


@pytest.mark.parametrize("form", [IN_A_TEST, BY_A_MARK, WHOLE_FILE], ids=["test", "mark", "file"])
@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
@pytest.mark.parametrize(("reason", "code"), [("needs a GPU: none here", 0), ("tool is not installed", 1)])
def test_only_named_skips_pass(tmp_path: Path, form: str, workers: list[str], reason: str, code: int) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(tests=str(Path(__file__).parent)))
    (tmp_path / "test_a.py").write_text(PASSES)
    (tmp_path / "test_b.py").write_text(form.format(reason=reason))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *workers, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ))
    assert done.returncode == code, done.stdout + done.stderr
    assert ("tool is not installed" in done.stdout) == (code == 1)
