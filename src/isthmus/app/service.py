"""The service: images in, masks out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, FastAPI, Query, Request, Security
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from isthmus import __version__
from isthmus.app.answers import TYPES, Kind, wanted
from isthmus.app.gate import Gate, Names
from isthmus.app.refusals import answer_errors
from isthmus.app.segmenter import Segmenter
from isthmus.app.served import Served, find_run
from isthmus.app.uploads import SUFFIXES, ending, receive

T = TypeVar("T")

NOTES = "Isthmus-Notes"
"""The header with lines to tell the user about an image, as a JSON list."""

token = Security(HTTPBearer(auto_error=False, description="The token that was printed at the start."))
router = APIRouter(prefix="/api")


class Refusal(BaseModel):
    """Why a request was refused."""

    error: str


class Health(BaseModel):
    """That the service is up."""

    status: Literal["up"] = "up"


@dataclass(frozen=True)
class RunCard:
    """What a run predicts.

    Attributes:
        name: its name in requests.
        classes: what it distinguishes, background first.
        values: the class of each value of a mask, unless values number objects.
        channels: of the images; grey and colour are brought to them.
        objects: whether the values of a mask number objects.
    """

    name: str
    classes: list[str]
    values: dict[int, str]
    channels: int | None
    objects: bool


def _refusals(reasons: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Refusal, "description": reason} for status, reason in reasons.items()}


OF_ALL = {401: "Missing or wrong token", 403: "Another host or origin"}
OF_IMAGES = {
    404: "No such run",
    406: "No such format of masks",
    408: "The image stopped arriving",
    413: "Too many bytes or pixels",
    415: "No format of pictures",
    422: "An image that cannot be segmented",
    429: "All places are taken",
    507: "No room to store the image",
}
BINARY = {"schema": {"type": "string", "format": "binary"}}
IMAGE = {"requestBody": {"required": True, "content": dict.fromkeys(SUFFIXES, BINARY)}}
OUTLINES = {"schema": {"type": "object", "required": ["type", "features"]}}
MASK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The mask",
        "content": dict.fromkeys(TYPES.values(), BINARY) | {TYPES["geojson"]: OUTLINES},
    }
}


@router.get("/health")
async def health() -> Health:
    """Says that the service is up; needs no token."""
    return Health()


@router.get("/runs", dependencies=[token], responses=_refusals(OF_ALL))
async def runs(request: Request) -> list[RunCard]:
    """Lists the runs that images can be segmented with."""
    return [_card(run) for run in _segmenter(request).runs]


@router.post(
    "/predict",
    dependencies=[token],
    response_class=Response,
    responses=MASK | _refusals(OF_ALL | OF_IMAGES),
    openapi_extra=IMAGE,
)
async def predict(
    request: Request,
    run: Annotated[str | None, Query(description="The run; may be left out if there is only one.")] = None,
    format: Annotated[Kind | None, Query(description="Of the mask; instead of the header Accept.")] = None,
    name: Annotated[
        str | None, Query(description="The file's name, which tells its format; instead of Content-Type.")
    ] = None,
) -> Response:
    """Segments the picture in the body.

    The mask has the values of the training masks, or numbers of objects. As GeoJSON it is the outlines of the objects,
    which QuPath opens. The header Isthmus-Notes tells what is unusual about the picture, as a JSON list of lines.
    """
    segmenter = _segmenter(request)
    chosen, kind = find_run(segmenter.runs, run), wanted(format, request.headers.get("accept"))
    suffix = ending(name, request.headers.get("content-type"))
    with segmenter.place() as folder:
        path = folder / f"image{suffix}"
        await receive(request.stream(), request.headers.get("content-length"), path, segmenter.limits)
        answer = await _unless_left(request, segmenter.segment(chosen, path, kind))
    return Response(answer.content, media_type=TYPES[kind], headers={NOTES: json.dumps(answer.notes)})


def create_app(segmenter: Segmenter, token: str, names: Names | None = None) -> Gate:
    """Returns the application of the service, for a server of ASGI.

    Args:
        segmenter: what it serves.
        token: what clients must send.
        names: names under which it may be addressed; None: those of this machine for itself.
    """
    app = FastAPI(
        title="isthmus",
        version=__version__,
        description="Segments pictures with trained networks.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # these pages load scripts from other sites
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.segmenter = segmenter
    app.include_router(router)
    answer_errors(app)
    return Gate(app, token, names or Names())


def _card(run: Served) -> RunCard:
    classes, values = run.data.classes, {} if run.data.instances else run.data.values
    named = {value: classes[index] for value, index in values.items()}
    return RunCard(run.name, classes, named, run.data.channels, bool(run.data.instances))


def _segmenter(request: Request) -> Segmenter:
    found: Segmenter = request.app.state.segmenter
    return found


async def _unless_left(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Returns the result of work, which is cancelled if the client leaves.

    Raises:
        ClientDisconnect: it has left.
    """
    doing, leaving = asyncio.create_task(work), asyncio.create_task(_departure(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientDisconnect
        return doing.result()
    finally:
        for task in (doing, leaving):
            task.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)


async def _departure(request: Request) -> None:
    """Waits until the client of a request whose body was received leaves."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
