"""Messages about mistakes in the command line itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isthmus.errors import IsthmusError, nearest

WRONG = 2
"""The exit code of bad input."""


def line(error: Exception, command: object) -> str | None:
    """Returns the message for a mistake in the command line.

    Returns:
        One line; an empty text if the help was printed instead; None if the exception is no such mistake.
    """
    formatted = getattr(error, "format_message", None)
    if formatted is None:
        return None
    message = " ".join(str(formatted()).split())
    if not message:
        return ""
    context: Any = getattr(error, "ctx", None)
    where: Any = getattr(context, "command", command)
    words = message.split("'")
    if message.startswith("No such command") and len(words) > 1:
        return f"no command '{words[1]}': {nearest(words[1], getattr(where, 'commands', {}))}"
    path = getattr(context, "command_path", "isthmus")
    option = getattr(error, "option_name", None)
    if message.startswith("No such option") and option and context is not None:
        return f"no option '{option}': {nearest(option, _options(where, context))} (see `{path} --help`)"
    return f"{message.rstrip('.')} (see `{path} --help`)"


def refuse_empty(words: Sequence[str]) -> None:
    """Refuses an empty argument, as an unset variable of the shell leaves it; as a path it would be the current folder.

    Raises:
        IsthmusError: names the word before it.
    """
    for before, word in zip(["isthmus", *words], words, strict=False):
        if not word.strip() or (word.startswith("--") and word.endswith("=")):
            name = word.rstrip("=") if word.strip() else before
            raise IsthmusError(f"the value after {name} is empty; give one, or leave it out")


def _options(command: Any, context: Any) -> list[str]:
    return [name for option in command.get_params(context) for name in option.opts if name.startswith("--")]
