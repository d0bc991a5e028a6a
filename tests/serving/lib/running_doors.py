"""A logger's application, run as its server would run it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from pegel_serving.logger.http_door import LoggerApp


@asynccontextmanager
async def serving(app: LoggerApp) -> AsyncIterator[httpx.AsyncClient]:
    """Run the application's lifespan around a client."""
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    await outbox.get()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://logger") as client:
        yield client
    await inbox.put({"type": "lifespan.shutdown"})
    await running
