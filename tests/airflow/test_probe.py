"""What a probe reads of foreign servers and of the topic."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import permutations

import pytest

from pegel.data import wire
from pegel.testing.samples import sample_spec
from pegel_airflow.bounded_answers import MOST_BYTES, NoAnswer, ServerAnswer, exchange, json_of, new_client
from pegel_airflow.probe_events import ProbeEvents

REQUEST = {"instances": [{"distance": 1.0}]}
BODY = b'{"instances": [{"distance": 1.0}]}'


@pytest.fixture
def flood() -> Iterator[str]:
    """A server that never stops answering; its address."""

    class Flood(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"[" * (1 << 16))
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Flood) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_of_an_answer_without_end_the_beginning_is_read(flood: str) -> None:
    """A server that never stops costs neither memory nor time; brackets without end are no JSON."""
    with new_client() as client:
        answer = exchange(client, "GET", flood)

    assert isinstance(answer, ServerAnswer)
    assert (500, MOST_BYTES) == (answer.status, len(answer.body))
    assert json_of(answer.body) is None


@pytest.mark.parametrize("address", ["http://1.2.3.999/", "http://a..b/", "http://\u00e9..x/"])
def test_an_address_that_cannot_be_is_no_crash(address: str) -> None:
    """What no client can ask is an answer in words."""
    with new_client() as client:
        assert isinstance(exchange(client, "GET", address), NoAnswer)


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
