"""Looks at many endpoints at once, so that no endpoint that hangs holds up the look at another."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from queue import Empty, SimpleQueue

from pegel.reconcile.serving_backend import EndpointState, EndpointStatus, ServingBackend
from pegel.spec.limits import ENDPOINTS_AT_ONCE, ENDPOINTS_SEEN_WITHIN


def look_at_endpoints(
    serving: ServingBackend,
    names: Iterable[str],
    *,
    at_once: int = ENDPOINTS_AT_ONCE,
    within: timedelta = ENDPOINTS_SEEN_WITHIN,
) -> list[EndpointStatus]:
    """Return the status of each endpoint, ordered by name, after `within` at the latest.

    At most `at_once` are asked at the same time. An endpoint whose look raised or did not end in time is UNKNOWN, with
    the reason. The order is another one each time, so that none is left out again and again behind those that hang.
    """
    wanted = sorted(set(names))
    waiting: SimpleQueue[str] = SimpleQueue()
    for name in random.sample(wanted, len(wanted)):
        waiting.put(name)
    seen: dict[str, EndpointStatus] = {}
    called_off = threading.Event()

    def work() -> None:
        while not called_off.is_set():
            try:
                name = waiting.get_nowait()
            except Empty:
                return
            # One assignment to a dictionary: readers see a whole status or none.
            seen[name] = _look(serving, name)

    # Daemons, unlike the threads of a pool, do not hold up the end of the process when a look never returns.
    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(at_once, len(wanted)))]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + within.total_seconds()
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
    called_off.set()
    late = f"no answer within {within.total_seconds():g} s for all endpoints"
    return [seen.get(name) or _unknown(name, late) for name in wanted]


def _look(serving: ServingBackend, name: str) -> EndpointStatus:
    try:
        return serving.observe(name)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one endpoint is said of it, and of no other
        return _unknown(name, f"{type(error).__name__}: {error}")


def _unknown(name: str, detail: str) -> EndpointStatus:
    return EndpointStatus(name=name, fingerprint="", state=EndpointState.UNKNOWN, detail=detail)
