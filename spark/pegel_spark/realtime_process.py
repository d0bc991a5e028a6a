"""The reader of outliers in real time as its driver sees it: a process that is given orders and reports.

Orders are sent from a thread of their own, because a reader that hangs takes nothing from a pipe that is full.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection

from pegel_spark.realtime_reader import Orders, Report

ENDS_WITHIN_S = 2.0
"""How long a reader has to end by itself before it is killed."""


class ReaderProcess:
    """A running reader. All but `order` is called from one thread."""

    def __init__(self, command: Sequence[str], kafka: str) -> None:
        """Start it. Raises OSError where that is impossible."""
        self._connection, theirs = multiprocessing.Pipe()
        with theirs:
            descriptor = theirs.fileno()
            self._process = subprocess.Popen([*command, str(descriptor), kafka], pass_fds=(descriptor,))
        self._heard_at = time.monotonic()
        self._newest: Orders | None = None
        self._ends = False
        self._changed = threading.Condition()
        self._sender = threading.Thread(target=self._send, name="orders for the reader of outliers", daemon=True)
        self._sender.start()

    @property
    def silent_for_s(self) -> float:
        """Return for how long it has said nothing."""
        return time.monotonic() - self._heard_at

    def order(self, orders: Orders) -> None:
        """Say what it is to do from now on. Returns at once; of orders that are not sent yet the newest are."""
        with self._changed:
            if orders != self._newest:
                self._newest = orders
                self._changed.notify()

    def report(self, within_s: float) -> Report | None:
        """Return what it says next; None if it says nothing for so long. Raises EOFError or OSError when it is gone."""
        if not self._connection.poll(within_s):
            return None
        report: Report = self._connection.recv()
        self._heard_at = time.monotonic()
        return report

    def end(self) -> int:
        """End it, by force after `ENDS_WITHIN_S`; return its exit code."""
        with self._changed:
            self._ends = True
            self._changed.notify()
        _hang_up(self._connection)
        try:
            code = self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._sender.join()
        self._connection.close()
        return code

    def _send(self) -> None:
        """Send orders as they change. The documents go along when they are others: they are large."""
        sent: Orders | None = None
        while (orders := self._next(sent)) is not None:
            changed = (
                sent is None or orders.documents is None or orders.documents.keys() != (sent.documents or {}).keys()
            )
            try:
                self._connection.send(orders if changed else replace(orders, documents=None))
            except OSError:
                return  # it is gone, which whoever waits for its reports sees as well
            sent = orders

    def _next(self, sent: Orders | None) -> Orders | None:
        """Wait for other orders than those that were sent; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ends or self._newest is not sent)
            return None if self._ends else self._newest


def _hang_up(connection: Connection) -> None:
    """End what is said in both directions; whoever sends or waits at either end goes on with an error."""
    with socket.socket(fileno=os.dup(connection.fileno())) as ours:
        try:
            ours.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other end is gone already
