"""Answers about this machine, shared by processes."""

from __future__ import annotations

from pathlib import Path

from isthmus.networks.kernels.bfloat16.machine_cache import Known


def test_processes_go_by_the_first_answer(tmp_path: Path) -> None:
    one, other = (Known(tmp_path / "kernels.jsonl") for _ in range(2))
    assert one.add("speedup", 1.2) == 1.2
    assert other.add("speedup", 0.9) == 1.2
    assert Known(one.path).answers == {"speedup": 1.2}
