"""The command ``isthmus``: assembles the commands, and turns what goes wrong into one line and an exit code.

Heavy imports happen inside the commands.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import suppress

import typer

from isthmus.cli import streams, switches, usage
from isthmus.cli.compare import compare
from isthmus.cli.data.check import check
from isthmus.cli.data.export import export as export_data
from isthmus.cli.data.list import list_datasets
from isthmus.cli.data.splits import splits
from isthmus.cli.demo import demo
from isthmus.cli.evaluate import evaluate
from isthmus.cli.explain import explain
from isthmus.cli.export import export
from isthmus.cli.json_output import FLAG, AlreadyPrinted, emit
from isthmus.cli.measure import measure
from isthmus.cli.metrics import metrics
from isthmus.cli.models import models
from isthmus.cli.predict import predict
from isthmus.cli.report import report
from isthmus.cli.reproduce import reproduce
from isthmus.cli.serve import serve
from isthmus.cli.study.run import run
from isthmus.cli.study.status import status
from isthmus.cli.study.tables import tables
from isthmus.cli.train.command import train
from isthmus.errors import IsthmusError
from isthmus.memory import is_shortage, large_pages

MAIN, LOOK_UP, COMPARE = "The main job", "Look things up", "Compare networks"

REMEDIES = {
    "train": "; the same command with --resume continues the run",
    "predict": "; the same command with --skip-existing does the rest",
    "study": "; the same command does the rest",
    "reproduce": "; the same command does the rest",
}
"""How to continue interrupted work, by command."""

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

app = typer.Typer(
    name="isthmus",
    help="Biomedical image segmentation: train a network on images and masks, get masks for new images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(
    name="data",
    help="List data sets, check every file of one, show how a protocol divides it, or export it.",
    no_args_is_help=True,
)
study = typer.Typer(
    name="study",
    help="Train and compare many networks: data × network × fold × repeat × grid.",
    no_args_is_help=True,
    add_completion=False,
)


def _add(group: typer.Typer, panel: str | None, *commands: Callable[..., None]) -> None:
    for command in commands:
        group.command(rich_help_panel=panel)(command)


app.callback()(switches.everywhere)
_add(app, MAIN, demo, train, predict, measure, evaluate, report, export, serve)
_add(app, LOOK_UP, models, metrics, explain)
_add(app, COMPARE, compare, reproduce)
app.add_typer(data, rich_help_panel=LOOK_UP)
app.add_typer(study, rich_help_panel=COMPARE)
data.command("list")(list_datasets)
_add(data, None, check, splits, export_data)
_add(study, None, run, status, tables)
switches.add_to(app, data, study)


def main() -> None:
    """Runs the command line; mistakes of the user become one line and exit code 2."""
    streams.prepare()
    warnings.filterwarnings("ignore", module="pydicom")  # its remarks on each file are not for the terminal
    large_pages()
    sys.exit(_exit_code(sys.argv[1:]))


def _exit_code(words: list[str]) -> int:
    """Runs a command and returns its exit code."""
    switches.reset(words)
    command = typer.main.get_command(app)
    try:
        usage.refuse_empty(words)
        code = command.main(words, prog_name="isthmus", standalone_mode=False)
        sys.stdout.flush()
    except AlreadyPrinted as error:
        return fail(str(error), printed=True)
    except IsthmusError as error:
        return fail(str(error))
    except BrokenPipeError:
        streams.breaks(sys.stdout)
        return 0
    except OSError as error:
        if streams.breaks(sys.stdout):
            return fail(f"cannot write to standard output ({error.strerror or error}); redirect it elsewhere")
        return fail(
            f"{error.filename or 'a file'}: {error.strerror or error}; check the name and its permissions"
        )
    except Exception as error:
        if is_shortage(error):
            size = f" ({error})" if isinstance(error, MemoryError) and str(error) else ""
            return fail(
                f"not enough memory{size}; cut the images into parts, or take a network of smaller width or a machine "
                "with more memory"
            )
        message = usage.line(error, command)
        if message is None:
            raise
        return fail(message) if message else usage.WRONG
    if code == INTERRUPTED:
        name = next((word for word in words if not word.startswith("-")), "")
        streams.tell(f"isthmus: interrupted{REMEDIES.get(name, '')}")
    return code if isinstance(code, int) else 0


def fail(message: str, printed: bool = False) -> int:
    """Says in one line what is wrong, also as JSON if that was requested; returns the exit code.

    Args:
        printed: whether the JSON object on standard output already says so.
    """
    line = " ".join(message.splitlines())
    if FLAG in sys.argv[1:] and not printed:
        with suppress(OSError):
            emit({"error": line})
    streams.tell(f"isthmus: {line}")
    return usage.WRONG


if __name__ == "__main__":
    main()
