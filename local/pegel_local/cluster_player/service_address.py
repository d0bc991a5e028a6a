"""The address of a service: a port that stays, and hands each connection on to the pod that is ready now."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Self

from pegel_local.machine.ports import LOOPBACK

PART_BYTES = 1 << 16


class ServiceAddresses:
    """The addresses of all services, in a thread of their own. Use it as a context manager."""

    def __init__(self) -> None:
        """Begin without any."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="service addresses")
        self._servers: dict[str, tuple[asyncio.Server, int]] = {}
        self._targets: dict[str, int | None] = {}

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close every address and every connection."""
        for name in list(self._servers):
            self.close(name)
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self, name: str, *, port: int = 0) -> int:
        """Listen for a service on `port` (0: any free one), unless it has an address; return its port."""
        if name not in self._servers:
            self._servers[name] = asyncio.run_coroutine_threadsafe(self._listen(name, port), self._loop).result()
        return self._servers[name][1]

    def lead(self, name: str, target: int | None) -> None:
        """Hand the next connections of a service on to a port of this machine; None: nothing is ready, hang up."""
        self._targets[name] = target

    def close(self, name: str) -> None:
        """Listen no longer for a service."""
        if name in self._servers:
            server, _ = self._servers.pop(name)
            self._loop.call_soon_threadsafe(server.close)
        self._targets.pop(name, None)

    def names(self) -> list[str]:
        """Name the services that have an address."""
        return list(self._servers)

    async def _listen(self, name: str, port: int) -> tuple[asyncio.Server, int]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._hand_on(name, reader, writer)

        try:
            server = await asyncio.start_server(serve, LOOPBACK, port)
        except OSError:
            # Somebody took it while nobody listened: clients read the new one from the status.
            server = await asyncio.start_server(serve, LOOPBACK, 0)
        return server, int(server.sockets[0].getsockname()[1])

    async def _hand_on(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = self._targets.get(name)
        with suppress(OSError):
            if target is not None:
                there, back = await asyncio.open_connection(LOOPBACK, target)
                await asyncio.gather(_pump(reader, back), _pump(there, writer))
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what is read until it ends, and then the end."""
    with suppress(OSError):
        while part := await reader.read(PART_BYTES):
            writer.write(part)
            await writer.drain()
    writer.close()


async def _cancel_others() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
