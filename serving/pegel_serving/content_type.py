"""What a body is said to be, judged before KServe looks at it.

KServe compares content types letter by letter. A body of `application/json; charset=utf-8` reaches the model undecoded,
and one that curl calls a form by default ends in sentences about other things than its name.
"""

from __future__ import annotations

import logging

from fastapi.exceptions import RequestValidationError
from kserve.errors import InvalidInput
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pegel.spec.outside_text import NAME_LIMIT, quoted

log = logging.getLogger(__name__)

JSON, BINARY = "application/json", "application/octet-stream"
JSON_LENGTH = "inference-header-content-length"
"""By this header KServe knows a v2 body with binary tensors: how many bytes of JSON stand before them."""
_KEPT = frozenset({JSON, BINARY, "application/cloudevents+json"})


class ContentTypeNamed:
    """Answers 415 to a POST whose body is said to be something else than JSON or binary tensors."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one call on with a content type that KServe knows. A body without one is JSON."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = MutableHeaders(scope=scope)
        given = headers.get("content-type", "")
        media_type = given.partition(";")[0].strip().lower()
        if not media_type:
            media_type = BINARY if JSON_LENGTH in headers else JSON
        if media_type not in _KEPT and not media_type.endswith("+json"):
            error = f"content-type must be {JSON}; given: {quoted(given, NAME_LIMIT)}"
            await _refused(415, error)(scope, receive, send)
            return
        headers["content-type"] = media_type if media_type in _KEPT else JSON
        await self._app(scope, receive, send)


async def not_v2(_request: object, error: Exception) -> JSONResponse:
    """Answer 400 for a body that is no v2 request, without the values it holds."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    # Each problem stands there twice, because a body may also be bytes.
    first = next((problem for problem in problems if "bytes" not in problem["loc"]), {"loc": (), "msg": "no such body"})
    place = ".".join(str(step) for step in first["loc"] if step not in {"body", "InferenceRequest"})
    what = quoted(f"{place}: {first['msg']}" if place else first["msg"])
    expected = 'expected an object with a list "inputs" of tensors, each with name, shape, datatype and data'
    return _refused(400, f"{expected}; given: {what}")


def _refused(status: int, error: str) -> JSONResponse:
    """Return the answer, and log it as KServe logs its own refusals: as an error, which `json_logs` counts."""
    log.info("request refused", exc_info=InvalidInput(error))
    return JSONResponse({"error": error}, status_code=status)
