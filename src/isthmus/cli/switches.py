"""Options of every command: ``--version``, ``--quiet`` (before or after the command), shell completion."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from isthmus.cli import progress

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
COMPLETION = ("--install-completion", "--show-completion")
NAMED_SHELL = "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"
"""If this variable is set, the options for completion take the name of a shell; else they detect the running shell."""


def reset(words: Sequence[str]) -> None:
    """Resets the state that options change, for a command line of these words."""
    progress.quiet = False
    named = any(word in COMPLETION and after in SHELLS for word, after in pairwise(words))
    os.environ.pop(NAMED_SHELL, None)
    if named or any(word.startswith(f"{option}=") for word in words for option in COMPLETION):
        os.environ[NAMED_SHELL] = "1"


def _version(wanted: bool) -> None:
    if wanted:
        from isthmus import __version__

        print(f"isthmus {__version__}")
        raise typer.Exit


def _hush(wanted: bool) -> None:
    progress.quiet |= wanted


def everywhere(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            callback=_hush,
            expose_value=False,
            help="Print only results and errors, no progress and no remarks.",
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


def _with_quiet(own: list[Any], ctx: Any) -> list[Any]:
    shared: list[Any] = [option for option in ctx.find_root().command.params if option.name == "quiet"]
    return [*own[:-1], *shared, *own[-1:]] if shared and shared[0] not in own else own


class Command(TyperCommand):
    """A command that also has ``--quiet``."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _with_quiet(super().get_params(ctx), ctx)


class Group(TyperGroup):
    """A group of commands that also has ``--quiet``."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _with_quiet(super().get_params(ctx), ctx)


def add_to(*apps: typer.Typer) -> None:
    """Adds ``--quiet`` to these groups and to each of their commands."""
    for app in apps:
        app.info.cls = Group
        for command in app.registered_commands:
            command.cls = Command
