"""Windows has neither `resource` nor `fcntl`: everything imports, trains, predicts and scores without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WITHOUT_POSIX = """
import sys
sys.modules["fcntl"] = sys.modules["resource"] = None  # an import of either raises ImportError
import importlib, json, pkgutil
from pathlib import Path
import isthmus

if __name__ == "__main__":
    for module in pkgutil.walk_packages(isthmus.__path__, "isthmus."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    root = Path(sys.argv[1])
    run = isthmus.train(
        root / "data", out=root / "run", network={"options": {"widths": [4, 8]}}, input={"resize": [16, 16]},
        training={"epochs": 1, "samples": 4, "batch": 2}, hardware={"threads": 1, "precision": "float32"},
    )
    isthmus.predict(run.path, root / "data" / "images", out=root / "masks")
    print(len(isthmus.evaluate(root / "masks", root / "data" / "masks").rows))
"""


@pytest.mark.slow
def test_the_program_works_without_posix_modules(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    for index in range(4):
        mask = np.zeros((16, 16), np.uint8)
        mask[4 : 9 + index, 3:12] = 255
        Image.fromarray(mask).save(tmp_path / "data" / "masks" / f"{index}.png")
        image = mask // 2 + random.integers(0, 60, mask.shape, dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / "data" / "images" / f"{index}.png")
    warnings = ["-W", "error", "-W", "ignore:only soft file lock"]  # Windows has locks of its own
    command = [sys.executable, *warnings, "-c", WITHOUT_POSIX, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 0
