"""How every serving process listens: loopback unless told otherwise, any free port, one ready line, a graceful end."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from types import FrameType

import orjson
import structlog
import uvicorn

from pegel.errors import SetupError
from pegel.spec.limits import SERVICE_GRACE
from pegel_serving.bounded_http import ConnectionLimits, bounded, cut_overdue, make_room_for_files
from pegel_serving.whole_requests import TakeWhole, bounded_whole

log = structlog.stdlib.get_logger(__name__)

REQUESTS_END_S = int(SERVICE_GRACE.total_seconds()) * 3 // 10
"""Seconds open requests have to end; the rest of the grace belongs to what the application still has to bring away."""

_TICKS_PER_S = 10
"""Of uvicorn's main loop."""


def bind(host: str, port: int) -> socket.socket:
    """Reserve the port; 0 takes a free one. Raises SetupError when it is taken, before anything slow happens."""
    # named, because asyncio sends at once only what it knows to be TCP; else an answer in two parts takes 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SetupError(
            f"port {port} on {host} must be free; given: {error.strerror}. Nothing was started; "
            "stop the process that holds it or choose another port (0 takes a free one)."
        ) from error
    return listener


Failure = Callable[[], str]
"""Asked ten times a second; anything but an empty answer ends the process, and is the reason."""


AtEnd = Callable[[], Awaitable[None]]
"""Called in the loop of the server when its last request has ended."""


def _healthy() -> str:
    return ""


async def _nothing() -> None:
    """Leave all as it is."""


class AnnouncingServer(uvicorn.Server):
    """A uvicorn server that says on stdout when it answers, as one JSON line: `event`, `service`, `url`, `port`."""

    def __init__(self, config: uvicorn.Config, service: str, failure: Failure, at_end: AtEnd = _nothing) -> None:
        """Remember the name to announce, whom to ask whether it makes sense to go on, and what to do in the end."""
        super().__init__(config)
        self.service, self._failure, self._at_end = service, failure, at_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then announce."""
        await super().startup(sockets)
        if not self.should_exit and sockets:
            host, port = sockets[0].getsockname()[:2]
            line = {"event": "ready", "service": self.service, "url": f"http://{host}:{port}", "port": port}
            sys.stdout.write(orjson.dumps(line).decode() + "\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let open requests end, then do what is to be done in the end."""
        try:
            await super().shutdown(sockets)
        finally:
            await self._at_end()

    async def on_tick(self, counter: int) -> bool:
        """Say whether to end. Once a second, cut off clients that are over their time."""
        if counter % _TICKS_PER_S == 0:
            cut_overdue(self.server_state, asyncio.get_running_loop().time())
        return bool(self._failure()) or await super().on_tick(counter)


def run(
    config: uvicorn.Config,
    listener: socket.socket,
    service: str,
    *,
    failure: Failure = _healthy,
    at_end: AtEnd = _nothing,
) -> int:
    """Serve until SIGTERM, SIGINT or a failure, then let open requests end, the application clean up, and `at_end`.

    Returns the exit code: 0, or 1 when `failure` had something to say in the end.
    """
    server = AnnouncingServer(config, service, failure, at_end)

    def end(_number: int, _frame: FrameType | None) -> None:
        # uvicorn raises the signal again after its clean-up: without a handler of our own that would end the process
        # with a signal's exit code. Before uvicorn's handlers are in place, this one ends the start.
        server.should_exit = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    gc.freeze()  # what is there now stays; to look through it for garbage would hold up answers for milliseconds
    server.run(sockets=[listener])
    if reason := failure():
        log.critical("ended by a failure", why=reason)
        return 1
    log.info("stopped")
    return 0


def config(
    app: object,
    limits: ConnectionLimits,
    ends: Counter[str],
    *,
    take_whole: TakeWhole | None = None,
    grace_s: int = REQUESTS_END_S,
) -> uvicorn.Config:
    """Return the settings our own ASGI applications run with: bounded connections, no access log, bounded shutdown.

    Connections that the door itself ends are counted in `ends` by `ConnectionEnd`. `take_whole` is given requests that
    came in one piece before the application is, see `whole_requests`.
    """
    make_room_for_files(limits.connections)
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # any ASGI 3 callable
        http=bounded_whole(limits, ends, take_whole) if take_whole else bounded(limits, ends),
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # whoever a proxy says its client is, nobody here asks
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=grace_s,
        timeout_keep_alive=limits.idle_s,
    )


async def cancel(task: asyncio.Task[None]) -> None:
    """End a background task and wait for it; its cancellation is the expected outcome."""
    task.cancel()
    await asyncio.wait([task])
