"""Files of captured networks hold the network, and nothing of the machine that wrote them."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
import torch

import isthmus
from isthmus.inference.engines.portable import NEEDS, SUFFIXES, capture, write

pytestmark = pytest.mark.filterwarnings("ignore")  # what the tools say of themselves


@pytest.mark.parametrize(
    "to", ["torch", *(pytest.param(to, marks=pytest.mark.slow) for to in ("onnx", "openvino"))]
)
def test_no_path_of_this_machine_is_written(to, tmp_path):
    for package in NEEDS[to]:
        pytest.importorskip(package)
    path = tmp_path / f"network{SUFFIXES[to]}"
    write(capture(isthmus.create_model("unet", widths=(2, 4)), 1, 2, 2), to, path)
    written = path.read_bytes()
    if to == "torch":
        with zipfile.ZipFile(path) as file:
            written = b"".join(file.read(part) for part in file.infolist())
    folders = {Path(isthmus.__file__).parent, Path(torch.__file__).parent, Path(sys.prefix), Path.home()} - {
        Path("/")
    }
    assert [str(folder) for folder in folders if str(folder).encode() in written] == []
