"""Clients of the proxy that are slow to take their answers: what they hold is bounded, and others are answered."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import httpx
from listening import Address, listening, slow_reader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pegel_serving.bounded_http import ConnectionEnd, ConnectionLimits
from pegel_serving.cloudevent import EndpointOrigin
from pegel_serving.held_bodies import BodyLimits
from pegel_serving.proxy import build

ANSWER = 1_000_000
PREDICT = "/v1/models/paint-v1:predict"
ORIGIN = EndpointOrigin(name="paint-v1", namespace="shop", source="test")
NOBODY = "http://127.0.0.1:9/"
CALL = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}".encode()


def a_large_answer(_request: Request) -> Response:
    """Answer as a model does whose rows are wide."""
    return Response(bytes(ANSWER))


def url(address: Address) -> str:
    """Return the address for an HTTP client."""
    return f"http://{address[0]}:{address[1]}"


def test_honest_clients_are_answered_beside_readers_of_a_byte_at_a_time() -> None:
    """Answers on their way are held: when they hold too much, whoever has been taking one for longest is cut off."""
    server = Starlette(routes=[Route("/{path:path}", a_large_answer, methods=["POST"])])
    limits, ends = BodyLimits(answer_bytes=ANSWER, held_bytes=3 * ANSWER + 100), Counter[str]()
    with listening(server, ConnectionLimits()) as upstream, ExitStack() as stack:
        proxy = build(url(upstream), NOBODY, ORIGIN, limits)
        address = stack.enter_context(listening(proxy, ConnectionLimits(), ends))
        for _ in range(3):
            client = stack.enter_context(slow_reader(address))
            client.sendall(CALL)
            assert b"H" == client.recv(1)
        answers = [httpx.post(f"{url(address)}{PREDICT}", content=b"{}", trust_env=False) for _ in range(4)]

    assert [(200, ANSWER)] * 4 == [(answer.status_code, len(answer.content)) for answer in answers]
    assert {ConnectionEnd.MADE_ROOM: 1} == ends
