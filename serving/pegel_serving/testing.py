"""Servers that do nothing but read a body and answer: the floor of what stands before or behind them.

`python -m pegel_serving.testing` is a model server that answers every request with the same prediction.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from pegel_serving.http_service import bind

App = Callable[
    [dict[str, Any], Callable[[], Awaitable[dict[str, Any]]], Callable[[dict[str, Any]], Awaitable[None]]],
    Awaitable[None],
]


def answering(body: bytes, *headers: tuple[bytes, bytes]) -> App:
    """Return an ASGI application that reads each request whole and answers 200 with the same body."""
    own = [(b"content-length", b"%d" % len(body)), *headers]

    async def app(
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] == "http":
            while (await receive()).get("more_body"):
                pass
            await send({"type": "http.response.start", "status": 200, "headers": own})
            await send({"type": "http.response.body", "body": body})

    return app


def serve(app: App, **options: Any) -> None:
    """Serve it as plain uvicorn does with these options, and say where, like our own services."""
    listener = bind("127.0.0.1", 0)
    listener.listen(100)
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", **options)
    uvicorn.Server(config).run(sockets=[listener])


def main() -> None:
    """Serve a model that answers one prediction."""
    serve(answering(b'{"predictions": [1.5]}', (b"content-type", b"application/json")))


if __name__ == "__main__":
    main()
