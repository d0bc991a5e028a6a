"""Which of a probe's two events were seen on the topic, in whatever order they come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pegel.data import wire
from pegel.spec.monitor_spec import MonitorSpec

WORDS = {wire.REQUEST_TYPE: "request", wire.RESPONSE_TYPE: "response"}


class ProbeEvents:
    """Takes the events of the topic and knows which of the probe's own are missing.

    A server's own logger may name the events as it likes: there the request is known by its content, and the response
    by the id that the logger gave to both.
    """

    def __init__(self, identity: str, request: Mapping[str, Any], spec: MonitorSpec) -> None:
        """Look for the events of the request that was called `identity`."""
        self._ours, self._request, self._spec = {identity}, request, spec
        self._seen: dict[str, set[str]] = {kind: set() for kind in WORDS}

    @property
    def missing(self) -> list[str]:
        """Name the events that were not seen: `request`, `response`."""
        return sorted(WORDS[kind] for kind, ids in self._seen.items() if ids.isdisjoint(self._ours))

    def add(self, headers: Mapping[str, str], body: bytes | None) -> None:
        """Take one event; the names of its headers are in lower case."""
        kind = headers.get(wire.HEADER_TYPE, "")
        # Our proxy logs under an id of its own and keeps the client's beside it; KServe's agent takes that one.
        ids = {headers[name] for name in (wire.HEADER_CLIENT_ID, wire.HEADER_ID) if name in headers}
        if kind not in self._seen:
            return
        if self._spec.model.logged_by == "server" and headers.get(wire.HEADER_ENDPOINT) == self._spec.endpoint:
            if kind == wire.REQUEST_TYPE and self._is_ours(body):
                self._ours |= ids
            self._seen[kind] |= ids
        else:
            self._seen[kind] |= ids & self._ours

    def _is_ours(self, body: bytes | None) -> bool:
        try:
            return bool(json.loads(body or b"") == self._request)
        except (ValueError, RecursionError):
            return False
