"""Every convolution of every network is right in the number type that is taken here, on this processor and as an older
one of its kind would compute it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("every_convolution.py")


@pytest.mark.slow
@pytest.mark.parametrize("instructions", ["ALL", "AVX512_CORE_BF16"])
def test_every_convolution_of_every_network_is_right(instructions: str, tmp_path: Path) -> None:
    where = {"XDG_CACHE_HOME": str(tmp_path), "ONEDNN_MAX_CPU_ISA": instructions, "OMP_NUM_THREADS": "1"}
    environment = {name: value for name, value in os.environ.items() if name != "ISTHMUS_PRECISION"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**environment, **where},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kinds"] > 1000
    assert found["wrong"] == {}
