"""What a client is told where a request fails: one line as JSON, with no path of this machine."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from isthmus.errors import IsthmusError

UNUSABLE = 422
"""The status of an image that cannot be segmented."""

LEFT = 499
"""The status of a request whose client left; nobody receives it."""


class Refused(IsthmusError):
    """A request that is refused.

    Args:
        status: the status of HTTP.
        message: one line for the client.
        headers: of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})


def refusal(error: Refused) -> JSONResponse:
    """Returns the answer that says why a request is refused."""
    return _line(error.status, str(error), error.headers)


def answer_errors(app: FastAPI) -> None:
    """Makes an application answer every error in one line."""

    @app.exception_handler(IsthmusError)
    def unusable(_: Request, error: IsthmusError) -> Response:
        return refusal(error) if isinstance(error, Refused) else _line(UNUSABLE, str(error))

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return _line(UNUSABLE, f"{first['loc'][-1]}: {first['msg']}")

    @app.exception_handler(HTTPException)
    def unrouted(_: Request, error: HTTPException) -> Response:
        return _line(error.status_code, f"{error.detail}; see /api/openapi.json", error.headers)

    @app.exception_handler(ClientDisconnect)
    def left(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=LEFT)

    @app.exception_handler(Exception)
    def failed(_: Request, __: Exception) -> Response:
        return _line(500, "the service failed; where it was started, its terminal says why")


def _line(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": " ".join(message.split())}, status, headers)
