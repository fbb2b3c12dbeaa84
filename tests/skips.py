"""Which tests may skip where everything that can be installed is installed: `NAMED`, and no other.

With ``ISTHMUS_NAMED_SKIPS=1`` in the environment (`.ci/run` sets it) a skip for another reason fails the whole run.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

NAMED = (
    "needs a GPU",
    "needs a machine without a GPU",
    "needs another operating system",
    "needs another processor",
    "needs a user other than root",
    "needs ../shared beside the project",
)
"""How the reason of a skip that nothing installed could prevent begins."""

WANTED = os.environ.get("ISTHMUS_NAMED_SKIPS") == "1"


class NamedSkips:
    """Collects skips for other reasons; with xdist, from every worker."""

    def __init__(self) -> None:
        self.others: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._see(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._see(report)

    def _see(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = str(report.longrepr[2]).removeprefix("Skipped: ")
            if not reason.startswith(NAMED):
                self.others[report.nodeid] = reason

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        given = getattr(session.config, "workeroutput", None)
        if given is not None:  # a worker of xdist: whole files that skip are known here alone
            given["skips"] = self.others
        elif self.others and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.others |= getattr(node, "workeroutput", {}).get("skips", {})

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.others:
            terminalreporter.section("skips that are not named in tests/skips.py")
            for test, reason in sorted(self.others.items()):
                terminalreporter.line(f"{test}: {reason}")
