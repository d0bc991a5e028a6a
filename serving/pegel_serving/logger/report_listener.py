"""Waits in a thread for what the Kafka client has to report, so that an event loop learns of it within moments.

The client can only be asked. A loop that asks every millisecond answers a millisecond later and is never idle; here the
thread sleeps in the client, and wakes the loop once for all the reports that came since it last collected them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

LISTEN_S = 0.1
"""How long the client is listened to at a time; so long an end may take."""


class ReportListener:
    """The thread. What it raises, `collect` raises in the thread of the loop."""

    def __init__(self, listen: Callable[[], object], wake: Callable[[], None]) -> None:
        """Begin. `listen` waits for reports up to `LISTEN_S` and causes a `tell` for each."""
        self._listen, self._wake = listen, wake
        self._told = self._ended = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="delivery reports", daemon=True)
        self._thread.start()

    def tell(self) -> None:
        """Wake the loop, unless it has been woken and has not collected yet."""
        if not self._told:
            self._told = True
            self._wake()

    def collect(self) -> None:
        """Be woken again for what comes from now on: to be called before reports are taken, so that none is missed."""
        self._told = False
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End the thread and wait for it."""
        self._ended = True
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended:
                self._listen()
        except Exception as error:  # noqa: BLE001 (whatever it is, the loop has to know)
            self._failure = error
            self.tell()
