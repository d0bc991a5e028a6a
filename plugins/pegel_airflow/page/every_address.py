"""Addresses of the page that Airflow would answer with its own app: without the last slash, and with a line break."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MOVED = 307
"""The same method again, at the other address, for now."""
_LINE_BREAK_AS = "\N{REPLACEMENT CHARACTER}"
"""What stands for a line break: no name has either."""


class EveryAddress:
    """Leads all that is asked below a prefix, which begins with a slash and ends without one, to the app below it.

    The bare prefix leads to the same with a slash; its query stays. Starlette takes no path with a line break for one
    below a prefix, so line breaks are replaced: there is no such page, and the app says so in its own words.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        """Stand before `app`, everything else of which passes."""
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for the bare prefix, or hand it on."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        if path != self._prefix:
            if path.startswith(f"{self._prefix}/") and "\n" in path:
                scope["path"] = scope["path"].replace("\n", _LINE_BREAK_AS)
            await self._app(scope, receive, send)
            return
        query = scope["query_string"]
        # Relative to the address as it was asked for: behind a proxy nobody here knows the whole of it.
        place = f"{self._prefix.rsplit('/', 1)[-1]}/".encode() + (b"?" + query if query else b"")
        await send({"type": "http.response.start", "status": MOVED, "headers": [(b"location", place)]})
        await send({"type": "http.response.body", "body": b""})
