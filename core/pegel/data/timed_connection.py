"""Connections to servers that are cut off after a time, whatever the other end does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

SocketAddress = tuple[Any, ...]
"""One of those that `socket.getaddrinfo` returns: family, type, protocol, canonical name, address."""


class TimeLimit:
    """How long a whole exchange may take from now on: a socket's own limit begins anew with each byte."""

    def __init__(self, within: timedelta) -> None:
        """Begin now."""
        self._end = time.monotonic() + within.total_seconds()
        self._cut = threading.Event()

    @property
    def has_cut(self) -> bool:
        """Say whether a connection was cut off: what it seemed to end with is no end."""
        return self._cut.is_set()

    def seconds_left(self) -> float:
        """Return how much is left, more than 0. Raises TimeoutError when nothing is."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    @contextmanager
    def cutting(self, opened: socket.socket) -> Iterator[None]:
        """Cut a connection off when the time is over while the block runs."""
        # A second handle of the same connection: whoever reads may wrap the first one, or close it and read on.
        with opened.dup() as handle:

            def cut() -> None:
                self._cut.set()
                with suppress(OSError):  # its other end may have ended it
                    handle.shutdown(socket.SHUT_RDWR)

            clock = threading.Timer(self.seconds_left(), cut)
            clock.daemon = True
            clock.start()
            try:
                yield
            finally:
                clock.cancel()


def connected(addresses: Sequence[SocketAddress], limit: TimeLimit) -> socket.socket:
    """Return a connection to the first of a server's addresses that takes one; each has an equal share of the time.

    Raises OSError as the last of them does, TimeoutError when the time is over.
    """
    problem = OSError("it has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(limit.seconds_left() / (len(addresses) - tried))
            opened.connect(address)
        except OSError as error:
            opened.close()
            problem = error
        else:
            opened.settimeout(None)
            return opened
    raise problem
