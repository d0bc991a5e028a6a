"""What passes the door of a transformer, which clients reach first: what passes the proxy behind it, and its metrics.

KServe's own application also unloads the model for whoever asks, and reads a body of any size.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pegel_serving import door_limits
from pegel_serving.allowed_calls import CallRefused, allowed_call
from pegel_serving.held_bodies import BodyRefused

_METRICS = b"/metrics"


class TransformerDoor:
    """Answers 404 and 405 to a call that does not pass, and 413 to a body that the proxy would not take."""

    def __init__(self, app: ASGIApp, *, model: str, body_bytes: int = door_limits.BODY_BYTES) -> None:
        """Stand before `app`, which serves `model`; a body may have `body_bytes`, inclusive."""
        self._app, self._model, self._body_bytes = app, model, body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one call on, or answer it. Raises BodyRefused to who reads a body whose size was not said."""
        if scope["type"] == "http":
            try:
                receive = self._bounded(scope, receive)
            except (CallRefused, BodyRefused) as refusal:
                await _answer(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        method, path = scope["method"], scope["raw_path"]
        if (method, path) != ("GET", _METRICS):
            allowed_call(method, path, self._model)
        said = Headers(scope=scope).get("content-length", "")
        if said.isdecimal():  # the server takes no more than was said
            self._refuse_beyond(int(said))
            return receive
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            self._refuse_beyond(size)
            return message

        return counted

    def _refuse_beyond(self, size: int) -> None:
        if size > self._body_bytes:
            raise BodyRefused(413, f"a request may hold {self._body_bytes} bytes; this one holds more")


async def refused_body(_request: Request, error: Exception) -> Response:
    """Answer a body that was found too large while it was read."""
    if not isinstance(error, BodyRefused):
        raise error
    return _answer(error)


def _answer(refusal: CallRefused | BodyRefused) -> Response:
    return JSONResponse({"error": str(refusal)}, status_code=refusal.status)
