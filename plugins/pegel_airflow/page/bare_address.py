"""The page's address without its last slash: what is not below the prefix, Airflow answers with its own app."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MOVED = 307
"""The same method again, at the other address, for now."""


class BareAddress:
    """Leads from a prefix, which begins with a slash and ends without one, to the app below it; the query stays."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        """Stand before `app`, everything else of which passes."""
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for the bare prefix, or hand it on."""
        if scope["type"] != "http" or scope["path"].removeprefix(scope.get("root_path", "")) != self._prefix:
            await self._app(scope, receive, send)
            return
        query = scope["query_string"]
        # Relative to the address as it was asked for: behind a proxy nobody here knows the whole of it.
        place = f"{self._prefix.rsplit('/', 1)[-1]}/".encode() + (b"?" + query if query else b"")
        await send({"type": "http.response.start", "status": MOVED, "headers": [(b"location", place)]})
        await send({"type": "http.response.body", "body": b""})
