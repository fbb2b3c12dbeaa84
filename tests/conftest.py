"""Fixtures every test may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from .browser import CHROMIUM, WITHOUT, Tab, browser
from .skips import WANTED, NamedSkips

settings.register_profile("untimed", deadline=None)  # machines differ, and nothing here is a timed test
settings.load_profile("untimed")

os.environ["ISTHMUS_PRECISION"] = "float32"  # what would be faster here is measured otherwise

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if WANTED:
        config.pluginmanager.register(NamedSkips())


@pytest.fixture(scope="session", autouse=True)
def kernels_are_trusted() -> Iterator[None]:
    """Kernels are not checked, which would start a process, except in the tests of that check."""
    from isthmus.networks.kernels.bfloat16 import choice
    from isthmus.networks.kernels.bfloat16.ways import NATIVE

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choice, "_found", lambda _: NATIVE)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real samples beside the project; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared beside the project: the real samples")
    return SHARED_DATA


@pytest.fixture(scope="session")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A tab of a real browser without a network; the test skips where there is no Chromium."""
    if CHROMIUM is None:
        pytest.skip(WITHOUT)
    with browser(tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened
