"""The benchmark runs at toy size, with and without its peers, and its table holds what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.metrics", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


def test_toy():
    results = ROOT / "benchmarks" / "results" / "metrics.json"
    before = results.read_bytes() if results.exists() else None
    rows = [json.loads(line) for line in run("--toy") if line.startswith("{")]
    assert len(rows) == 11
    for row in rows[:-1]:
        assert row["milliseconds"]["isthmus"] > 0
        for peer, ratio in row["times_ours"].items():
            assert ratio > 0
            assert row["largest_difference"][peer]["hausdorff"] < 1 or peer != "monai"
    assert rows[-1]["found"] == {"prediction": 20, "truth": 20}
    assert (results.read_bytes() if results.exists() else None) == before  # a toy run writes nothing


def test_a_peer_that_is_missing_is_said_to_be():
    lines = run("--toy", "--shape", "9", "8")
    assert json.loads(lines[-1])["scene"] == "9 x 8, 5 classes"
    missing = {line.split(": ")[1].split(" is")[0] for line in lines[:-1]}
    assert missing | set(json.loads(lines[-1])["times_ours"]) == {"monai", "surface-distance"}
