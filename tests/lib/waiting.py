"""How tests wait for what other processes and threads do: they ask again and again, and never just sleep."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_PAUSE_S = 0.02


def wait_until(holds: Callable[[], bool], *, within_s: float = 50.0) -> bool:
    """Ask again and again, for `within_s` at most, whether something holds; say whether it did."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(_PAUSE_S)
    return holds()


async def wait_in_loop_until(holds: Callable[[], bool], *, within_s: float = 50.0) -> bool:
    """Do the same while the tasks of an event loop go on."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        await asyncio.sleep(_PAUSE_S)
    return holds()
