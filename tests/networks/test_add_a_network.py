"""The page on adding a network: its code, as a new user would paste it, gives the network that it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "add-a-network.md"
CODE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)


def _run(tmp_path: Path, code: str) -> str:
    """In a process of its own, so that no other test finds these networks registered."""
    (tmp_path / "pasted.py").write_text(code, encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "pasted.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_network_of_the_page(tmp_path):
    module, row, test, _ = CODE
    name, _, how, expected = eval(row.strip().rstrip(","), {"IN3": {"in_channels": 3}})  # our own page
    checks = f"""
import doctest, sys, torch
from isthmus.networks import count_parameters, create_model, describe, list_models
from isthmus.networks.registry import dimensions, tiny_options
assert doctest.testmod(sys.modules["__main__"]).failed == 0
assert {name!r} in list_models()
assert dimensions({name!r}) == (2, 3)
assert tiny_options({name!r}) == {{"width": 4}}
assert count_parameters(create_model({name!r}, in_channels=3), {how!r}) == {expected}
assert "67 x 67 pixels" in describe({name!r}).to_text()
for dims in (2, 3):
    test_receptive_field_of_table_1(dims)
"""
    _run(tmp_path, module + test + checks)


def test_the_skip_of_the_page_combines(tmp_path):
    checks = """
from isthmus.networks import create_model
network = create_model("unet", block="mldr", skip="sse", spatial_dims=3, widths=(2, 4))
assert network(torch.zeros(1, 1, 4, 4, 4)).shape == (1, 1, 4, 4, 4)
print(create_model("unet_sse", widths=(2, 4)).receptive_field())
"""
    assert _run(tmp_path, CODE[3] + checks).strip() == "18"
