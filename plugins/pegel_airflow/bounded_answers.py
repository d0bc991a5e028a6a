"""Answers of servers that are not ours: read within a size and a time, whatever they send."""

from __future__ import annotations

import json as json_format
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

ANSWER_WITHIN = timedelta(seconds=10)
MOST_BYTES = 4 << 20
"""Of an answer's body, inclusive: more than a list of 10,000 inputs. What is behind it is not read."""


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What a server answered: its status, and the beginning of its body, as it was sent."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """What came instead of an answer, in words."""

    words: str


def new_client() -> httpx.Client:
    """Return a client that trusts servers as the machine does, and goes through no proxy server of the environment."""
    import httpx

    return httpx.Client(timeout=ANSWER_WITHIN.total_seconds(), trust_env=False, verify=ssl.create_default_context())


def exchange(
    client: httpx.Client, method: str, address: str, *, json: Any = None, headers: Mapping[str, str] | None = None
) -> ServerAnswer | NoAnswer:
    """Return what a server answers; of its body at most `MOST_BYTES`, and what comes within `ANSWER_WITHIN`.

    Compressed bodies are not asked for, and not unpacked: what is small here may be large then.
    """
    import httpx

    body, deadline = b"", time.monotonic() + ANSWER_WITHIN.total_seconds()
    plain = {"accept-encoding": "identity", **(headers or {})}
    try:
        with client.stream(method, address, json=json, headers=plain) as answer:
            for part in answer.iter_raw():
                body += part
                if len(body) > MOST_BYTES or time.monotonic() > deadline:
                    break
            return ServerAnswer(answer.status_code, body[:MOST_BYTES])
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return NoAnswer(repr(error))


def json_of(body: bytes) -> Any:
    """Return the JSON of a body; None for any other body."""
    try:
        return json_format.loads(body)
    except (ValueError, RecursionError):
        return None
