"""What a probe reads of the topic."""

from __future__ import annotations

from itertools import permutations

import pytest

from pegel.data import wire
from pegel.testing.samples import sample_spec
from pegel_airflow.probe_events import ProbeEvents

REQUEST = {"instances": [{"distance": 1.0}]}
BODY = b'{"instances": [{"distance": 1.0}]}'


EVENTS = {
    "ours, request": (wire.REQUEST_TYPE, "7", BODY),
    "ours, response": (wire.RESPONSE_TYPE, "7", b"{}"),
    "another request": (wire.REQUEST_TYPE, "8", b"{"),
    "another response": (wire.RESPONSE_TYPE, "9", b"{}"),
}


@pytest.mark.parametrize("order", list(permutations(EVENTS)))
def test_both_events_are_known_in_any_order(order: tuple[str, ...]) -> None:
    """A logger that names events as it likes may write the response first; nothing is missing once both were seen."""
    spec = sample_spec(model={"name": "delays", "url": "http://a.org", "logged_by": "server"})
    events, needed = ProbeEvents("mine", REQUEST, spec), {"ours, request", "ours, response"}
    for count, name in enumerate(order, start=1):
        kind, identity, body = EVENTS[name]
        headers = {wire.HEADER_TYPE: kind, wire.HEADER_ID: identity, wire.HEADER_ENDPOINT: spec.endpoint}
        events.add(headers, body)
        assert (needed <= set(order[:count])) is (events.missing == [])


def test_behind_our_proxy_the_clients_id_decides() -> None:
    """Equal content under another id is somebody else's; the client's id beside the proxy's own is ours."""
    spec = sample_spec()
    events = ProbeEvents("mine", REQUEST, spec)
    events.add({wire.HEADER_TYPE: wire.REQUEST_TYPE, wire.HEADER_ID: "7", wire.HEADER_ENDPOINT: spec.endpoint}, BODY)
    before = events.missing
    events.add({wire.HEADER_TYPE: wire.RESPONSE_TYPE, wire.HEADER_ID: "8", wire.HEADER_CLIENT_ID: "mine"}, b"{}")

    assert (["request", "response"], ["request"]) == (before, events.missing)
