"""The program: Ctrl-C ends it in one line, however early."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
sys.argv = ["isthmus", "models"]
from isthmus.__main__ import main
main()
"""


@pytest.mark.parametrize(
    "module", ["typer", "isthmus.cli.train.command", "torch", "isthmus.networks.models.unet"]
)
def test_ctrl_c_during_an_import_is_one_line(module: str) -> None:
    code = CODE.format(module=module)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr, found.stdout) == (130, "isthmus: interrupted\n", "")
