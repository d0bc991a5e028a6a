"""Asks an endpoint whether its model is ready, within a stated time, whatever listens there."""

from __future__ import annotations

import json
import ssl
import time
from functools import cache

import httpx

MOST_BYTES = 64 << 10
"""An answer to this question is a hundred bytes; whatever sends more is no model server."""
READY = "ready"
ABSENT = ("status 404", "status 200, not ready")
"""Answers of a server that works and does not have the model: not loaded yet, or not any more."""


def readiness(url: str, name: str, within_s: float) -> str:
    """Return `ready`, or in a few words what a server of ours answered about the model called `name` instead.

    Answers after `within_s` at the latest once the answer's head has come, and never waits longer than that for a next
    byte.
    """
    answer = _answer(f"{url}/v1/models/{name}", within_s)
    return _meaning(answer) if isinstance(answer, bytes) else answer


def foreign_readiness(url: str, name: str, protocol: str, within_s: float) -> str:
    """Return `ready`, or in a few words what a server that is not ours answered instead, as `readiness`.

    By protocol v1 it is asked about the model, and whatever does not say that it is not ready is ready: what else is
    said, every server words for itself. By v2 the server is asked; whether it has the model, the probe finds out.
    """
    path = f"/v1/models/{name}" if protocol == "v1" else "/v2/health/ready"
    answer = _answer(f"{url}{path}", within_s)
    if isinstance(answer, str):
        return answer
    return ABSENT[1] if _said(answer).get("ready") in (False, "False", "false") else READY


def _answer(url: str, within_s: float) -> bytes | str:
    """Return the body of an answer with status 200, or in a few words what came instead."""
    deadline = time.monotonic() + within_s
    body = b""
    try:
        # Not unpacked: what is small here may be large then.
        with _client().stream("GET", url, timeout=within_s, headers={"accept-encoding": "identity"}) as answer:
            for part in answer.iter_raw():
                body += part
                if time.monotonic() > deadline:
                    return f"no whole answer within {within_s:g} s"
                if len(body) > MOST_BYTES:
                    return f"more than {MOST_BYTES} bytes"
            if answer.status_code != httpx.codes.OK:
                return f"status {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return type(error).__name__
    return body


@cache
def _client() -> httpx.Client:
    """Return the one client of this process: making one costs 50 ms of a core, more than an answer.

    It keeps no connection open, so a fork may use it, too.
    """
    return httpx.Client(
        # Nothing between two processes of one machine goes through a proxy server of the environment.
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=0),
        # A server that is not ours is trusted as the machine trusts it.
        verify=ssl.create_default_context(),
    )


def _meaning(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return "status 200 without JSON"
    return READY if isinstance(answer, dict) and answer.get("ready") is True else ABSENT[1]


def _said(body: bytes) -> dict[str, object]:
    """Return the JSON object of a body; an empty one for any other body."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
