"""The benchmark of large images runs at toy size."""

from __future__ import annotations

import pytest
from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run
from benchmarks.frame.memory import RESET

from benchmarks.memory import large_images


@pytest.mark.skipif(not RESET.exists(), reason="needs another operating system: Linux tells the peak")
def test_it_runs_at_toy_size() -> None:
    made = run("memory.large_images", Settings(toy=True), only="unet, ")
    assert [row["name"] for row in made] == ["unet, 256x256", "unet, 512x512", "unet, 48^3"]
    assert made[0]["facts"] == {"logits_bytes": 4 * 5 * 256**2, "mask_bytes": 256**2}


def test_the_page_gives_mib() -> None:
    facts = {"logits_bytes": 5 * 2**20, "mask_bytes": 1}
    row = {
        "name": "unet, 256x256",
        "unit": large_images.UNIT,
        "values": {"isthmus": 3 * 2**20},
        "facts": facts,
    }
    assert large_images.page([{"rows": [row]}])[2] == "| unet, 256x256 | 5 | **3** |"
