"""Two runs with random weights: one predicts a class, the other numbers objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.app.segmenter import Segmenter
from isthmus.app.served import load_runs

from ..inference.test_export import run_of
from .client import Client


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    at = tmp_path_factory.mktemp("served")
    middle = {"threshold": 0.5725}  # of what they say of noise
    return {
        "cells": run_of(at / "cells", input={"patch": [32, 32]}, cleanup=middle),
        "numbers": run_of(
            at / "numbers", data={"instances": True}, input={"patch": [32, 32]}, cleanup=middle
        ),
    }


@pytest.fixture
def segmenter(folders: dict[str, Path]) -> Iterator[Segmenter]:
    with Segmenter(load_runs([str(path) for path in folders.values()], device="cpu")) as made:
        yield made
        assert not list(Path(made._folder.name).iterdir())  # nothing stays of any request


@pytest.fixture
def client(segmenter: Segmenter) -> Client:
    return Client(segmenter)
