"""What the worker and the process of a model say to each other: a JSON object, then bytes, over a pair of sockets.

Neither reads pickles: the process runs the code of whoever made the model.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

import orjson


class SilentExplainer(Exception):
    """The process of a model has ended, says nothing, or something else than was agreed."""


def send(connection: Connection, head: dict[str, Any], body: bytes = b"") -> None:
    """Send one message. Raises SilentExplainer when nobody is there to take it."""
    try:
        connection.send_bytes(orjson.dumps(head))
        connection.send_bytes(body)
    except (OSError, ValueError) as error:
        raise SilentExplainer(f"it takes nothing: {error}") from error


def receive(connection: Connection, within_s: float | None) -> tuple[dict[str, Any], bytes]:
    """Return one message; None waits for ever. Raises SilentExplainer."""
    try:
        if not connection.poll(within_s):
            raise SilentExplainer(f"it has said nothing for {within_s:g} s")
        head, body = orjson.loads(connection.recv_bytes()), connection.recv_bytes()
    except (OSError, EOFError, ValueError) as error:
        raise SilentExplainer(f"it has ended: {type(error).__name__}") from error
    if not isinstance(head, dict):
        raise SilentExplainer("it says something else than was agreed")
    return head, body
