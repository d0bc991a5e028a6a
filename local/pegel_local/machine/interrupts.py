"""Being asked to stop: every way of asking becomes one, and nothing disturbs the tidying up."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], None] | signal.Handlers
ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and a closed terminal raise KeyboardInterrupt, as Ctrl-C does."""
    with _handled(_interrupt):
        yield


async def until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Let each of the signals cancel what is awaited, between two steps of it; then `asyncio.CancelledError` is raised.

    For a program's main thread.
    """
    task = asyncio.ensure_future(work)
    for number in ALL:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let a block run to its end: a second Ctrl-C while processes are being stopped would leave the rest behind."""
    with _handled(signal.SIG_IGN):
        yield


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Signals are the main thread's affair.
        yield
        return
    before = {number: signal.signal(number, handler) for number in ALL}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
