"""The worker's side of a model's process: it is started, asked, and ended when it does not answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final

from pegel_serving.attribution.explainer_frames import SilentExplainer, receive, send
from pegel_serving.attribution.joined_halves import WholeEvent
from pegel_serving.attribution.told_event import ToldEvent

READY_WITHIN_S: Final = 180.0
"""How long a model may take to be loaded, its libraries included."""
ANSWERS_WITHIN_S: Final = 120.0
"""How long it may take to explain what it is asked about at once."""
NEEDED: Final = frozenset(
    (
        *("HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"),
        *("LD_LIBRARY_PATH", "OMP_NUM_THREADS", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    )
)
"""Variables that a model's process inherits: no address, no secret."""
MODULE: Final = "pegel_serving.attribution.explainer_process"
_END_WITHIN_S: Final = 2.0


class ExplainerChild:
    """One process that explains one model."""

    def __init__(self) -> None:
        """Start the process; `prepare` tells it what to explain."""
        ours, theirs = socket.socketpair()
        with theirs:
            environment = {name: value for name, value in os.environ.items() if name in NEEDED}
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())
        self._one_at_a_time = threading.Lock()

    def prepare(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return the method and artefact, or the reason why nothing is explained. Raises SilentExplainer."""
        send(self._connection, told)
        return receive(self._connection, READY_WITHIN_S)[0]

    def ask(self, events: Sequence[WholeEvent]) -> list[ToldEvent]:
        """Return what becomes of each event. Raises SilentExplainer; then the process is of no more use."""
        return self.ask_bodies(
            [
                (event.request.hashed, event.request.body, None if event.answer is None else event.answer.body)
                for event in events
            ]
        )

    def ask_bodies(self, events: Sequence[tuple[int, bytes, bytes | None]]) -> list[ToldEvent]:
        """Return what becomes of requests, each with the 64 bits by which it draws, and its answer if there is one.

        Raises SilentExplainer.
        """
        lines = [[seed, len(request), -1 if answer is None else len(answer)] for seed, request, answer in events]
        bodies = b"".join(request + (answer or b"") for _, request, answer in events)
        send(self._connection, {"events": lines}, bodies)
        head, body = receive(self._connection, ANSWERS_WITHIN_S)
        return _told(head.get("told"), body, len(events))

    def end(self) -> None:
        """End the process, whatever it does, from any thread and as often as one likes.

        Whoever waits for its answer is told by its end that there is none; only then is the connection closed.
        """
        with self._one_at_a_time:
            with suppress(ProcessLookupError):
                self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_WITHIN_S)
            self._connection.close()


def _told(lines: Any, body: bytes, expected: int) -> list[ToldEvent]:
    """Read an answer. Raises SilentExplainer for another one than was agreed."""
    told, at = [], 0
    try:
        for size, rows, reason, why in lines:
            told.append(ToldEvent(body[at : at + int(size)], int(rows), str(reason), str(why)))
            at += int(size)
    except (TypeError, ValueError) as error:
        raise SilentExplainer("it says something else than was agreed") from error
    if len(told) != expected or at != len(body):
        raise SilentExplainer("it tells of other events than it was asked about")
    return told
