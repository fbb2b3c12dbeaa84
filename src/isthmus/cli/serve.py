"""``isthmus serve``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from isthmus.cli.options import Device
from isthmus.cli.streams import show
from isthmus.errors import IsthmusError

Runs = Annotated[
    list[str],
    typer.Argument(
        help="Run folders, folders of cross-validations, or names from `isthmus models --trained`; NAME=RUN gives a "
        "run another name than that of its folder."
    ),
]
Host = Annotated[
    str,
    typer.Option(help="Address of this machine to listen at; with another than this, others can connect."),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0: a free one.")]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="ISTHMUS_TOKEN",
        help="What clients must send; better given in the environment, as other users see command lines.",
        show_default="a new one, which is printed",
    ),
]
Name = Annotated[
    list[str] | None,
    typer.Option(
        help="Another name under which clients reach this machine; repeat it for several.", show_default=False
    ),
]
Engine = Annotated[str, typer.Option(help="torch or openvino; auto is torch.")]
MaxBytes = Annotated[int, typer.Option(min=1, help="Most bytes of an image as it is sent.")]
MaxPixels = Annotated[int, typer.Option(min=1, help="Most pixels of an image.")]
Places = Annotated[
    int, typer.Option(min=1, help="Images received, waiting or computed at once; further ones are refused.")
]


def serve(
    runs: Runs,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    name: Name = None,
    device: Device = "auto",
    engine: Engine = "auto",
    max_bytes: MaxBytes = 2**27,
    max_pixels: MaxPixels = 2**24,
    places: Places = 64,
) -> None:
    """Segment pictures that other programs send over HTTP, until Ctrl-C (docs/serve.md)."""
    try:
        from isthmus.app import gate, server
        from isthmus.app.segmenter import Segmenter
        from isthmus.app.served import load_runs
        from isthmus.app.service import create_app
        from isthmus.app.uploads import Limits
    except ImportError as error:
        raise IsthmusError(
            f"the service needs more packages ({error}); pip install 'isthmus[app]'"
        ) from error
    from isthmus.cli.progress import Display

    secret = gate.new_token() if token is None else gate.accepted_token(token)
    with server.listening(host, port) as listener:
        loaded = load_runs(runs, device=device, engine=engine)
        with Display() as display:
            for note in dict.fromkeys(note for run in loaded for note in run.predictor.notes):
                display.say(note)
            if not server.is_loopback(listener):
                display.say(
                    "note: token and images travel unencrypted; put a server with TLS before this one"
                )
        with Segmenter(loaded, Limits(max_bytes, max_pixels, places)) as segmenter:
            show(f"{', '.join(run.name for run in loaded)} at {server.address(host, listener)}")
            show(f"token: {secret if token is None else 'as given'}")
            sys.stdout.flush()
            server.run(
                create_app(segmenter, secret, server.known_names(host, name or [], listener)), listener
            )
