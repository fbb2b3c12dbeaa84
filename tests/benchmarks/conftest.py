"""Makes `benchmarks`, which is not installed, importable, and keeps the networks it registers out of other tests."""

import sys
from pathlib import Path

import pytest

from isthmus.networks import registry

sys.path.insert(0, str(Path(__file__).parents[2]))


@pytest.fixture(autouse=True)
def own_networks_alone(monkeypatch):
    monkeypatch.setattr(registry._ENTRIES, "_things", dict(registry._ENTRIES._things))
