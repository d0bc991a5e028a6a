"""Asks an endpoint whether its model is ready, within a stated time, whatever listens there."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from pegel.data.running_server import readiness_address
from pegel.data.server_answers import NoAnswer, exchange, json_of

MOST_BYTES = 64 << 10
"""An answer to this question is a hundred bytes; whatever sends more is no model server."""
READY = "ready"
ABSENT = ("status 404", "status 200, not ready")
"""Answers of a server that works and does not have the model: not loaded yet, or not any more."""


def readiness(url: str, name: str, within: timedelta) -> str:
    """Return `ready`, or in a few words what a server of ours answered about the model called `name` instead."""
    answer = _answer(readiness_address("v1", name, url), within)
    if isinstance(answer, str):
        return answer
    content = json_of(answer)
    if content is None:
        return "status 200 without JSON"
    return READY if isinstance(content, dict) and content.get("ready") is True else ABSENT[1]


def foreign_readiness(url: str, name: str, protocol: str, within: timedelta) -> str:
    """Return `ready`, or in a few words what a server that is not ours answered instead, as `readiness`.

    By protocol v1 it is asked about the model, and whatever does not say that it is not ready is ready: what else is
    said, every server words for itself. By v2 the server is asked; whether it has the model, the probe finds out.
    """
    answer = _answer(readiness_address(protocol, name, url), within)
    if isinstance(answer, str):
        return answer
    content = json_of(answer)
    is_denied = isinstance(content, dict) and content.get("ready") in (False, "False", "false")
    return ABSENT[1] if is_denied else READY


def _answer(address: str, within: timedelta) -> bytes | str:
    """Return the body of an answer with status 200, or in a few words what came instead."""
    answer = exchange("GET", address, within=within, most_bytes=MOST_BYTES)
    if isinstance(answer, NoAnswer):
        return answer.words
    if not answer.is_whole:
        return f"more than {MOST_BYTES} bytes, or no whole answer within {within.total_seconds():g} s"
    return answer.body if answer.status == HTTPStatus.OK else f"status {answer.status}"
