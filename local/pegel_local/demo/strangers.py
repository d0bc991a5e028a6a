"""Events of others than the demonstration at its endpoint: its ledger is not to be blamed for them."""

from __future__ import annotations

import re

from pegel.data.server_answers import ServerAnswer, exchange
from pegel_local.demo.stage import Demo

_ACCEPTED = re.compile(
    r'pegel_logger_events_accepted_total\{endpoint="(?P<endpoint>[^"]*)",type="(?:request|response)"\} (?P<events>\S+)'
)
MOST_BYTES = 4_000_000
"""Of what the logger tells Prometheus."""


def events_of_others(demo: Demo, sent: int) -> int:
    """Return how many events the logger took for the endpoint beyond those of `sent` requests and of our own probes.

    The logger counts by itself what the driver counts in the ledger, so that what the driver counted twice is none.
    0 where the logger does not say.
    """
    answer = exchange("GET", f"{demo.settings.logger_url}metrics", most_bytes=MOST_BYTES)
    if not isinstance(answer, ServerAnswer):
        return 0
    model = demo.spec.model
    probes = sum(row.probe for row in demo.results.ledger(model.name, model.version))
    accepted = accepted_events(answer.body.decode(errors="replace"), demo.spec.endpoint)
    return max(0, accepted - probes - 2 * sent)


def accepted_events(metrics: str, endpoint: str) -> int:
    """Return how many requests and responses of an endpoint a logger has accepted, by what it tells Prometheus."""
    found = (match for match in _ACCEPTED.finditer(metrics) if match["endpoint"] == endpoint)
    return sum(int(float(match["events"])) for match in found)


def in_words(events: int) -> str:
    """Say that others were there; nothing where nobody was.

    >>> in_words(0), in_words(2)
    ('', '; the logger took 2 events more than were sent here: somebody else asked the endpoint meanwhile')
    """
    if not events:
        return ""
    return f"; the logger took {events:,} events more than were sent here: somebody else asked the endpoint meanwhile"
