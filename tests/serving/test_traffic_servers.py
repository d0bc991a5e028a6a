"""What servers do that are no model: each request has one outcome, in time, in plain words, and in bounded memory."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from speaking_servers import Serve, Speaking, saying, speaking_servers
from waiting import wait_until

from pegel.data.server_answers import MOST_BYTES
from pegel_local.traffic.loops import ClosedLoop, Loop, OpenLoop, send
from pegel_local.traffic.requests import Request
from pegel_local.traffic.timed_answers import CUT_OFF, NO_PREDICTION, NOT_IN_TIME, NOT_REACHED, TOO_LONG, AnswerCounts

REQUEST = Request(b"{}", "an-id", rows=10)
OK = b"HTTP/1.1 200 OK\r\n"
LOOPS: list[Loop] = [OpenLoop(100.0), ClosedLoop(1)]
BLOCK = b" " * (1 << 16)


@pytest.fixture
def begin() -> Iterator[Speaking]:
    """Servers of a few lines."""
    with speaking_servers() as servers:
        yield servers


def ask(port: int, loop: Loop = LOOPS[0], **options: Any) -> AnswerCounts:
    """Send one request of ten rows; return what came of it."""
    counts = AnswerCounts()
    asyncio.run(send(f"http://127.0.0.1:{port}/", [REQUEST], loop, counts, **options))
    return counts


def blanks(head: bytes, taken: list[int]) -> Serve:
    """Say `head` and then blanks for as long as they are taken; keep how many were."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(head)
        taken.extend(connection.send(BLOCK) for _ in range(1_000))

    return serve


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("head", [OK + b"content-length: 2147483648\r\n\r\n", OK + b"\r\n"])
def test_an_answer_is_read_up_to_a_bound(begin: Speaking, head: bytes, loop: Loop) -> None:
    """Of 2 GiB, announced or not, little more than 4 MiB is taken: the request has failed, as one of its own kind."""
    taken = list[int]()
    counts = ask(begin(blanks(head, taken)), loop)

    assert ({TOO_LONG: 1}, 1) == (counts.kinds, counts.failed)
    assert {TOO_LONG: "status 200 with more than 4 MiB, of which no more was read"} == counts.said
    # The block that was one too many may have been refused while it was sent.
    assert wait_until(lambda: sum(taken) >= MOST_BYTES)
    assert sum(taken) < 5 * MOST_BYTES


@pytest.mark.parametrize("status", [b"302 Found", b"500 Internal Server Error"])
def test_of_errors_and_redirects_no_more_is_read_than_is_told(begin: Speaking, status: bytes) -> None:
    """Their status is what came of the request; a body without end is none to wait for."""
    taken = list[int]()
    counts = ask(begin(blanks(b"HTTP/1.1 " + status + b"\r\nlocation: /\r\n\r\n", taken)))

    assert {status.decode()[:3]: 1} == counts.kinds
    assert sum(taken) < 3 * MOST_BYTES


def test_what_is_compressed_is_not_unpacked(begin: Speaking) -> None:
    """Nobody asked for it: small here may be large then."""
    head = OK + b"content-encoding: gzip\r\ncontent-length: 20\r\n\r\n"
    requests = list[bytes]()
    counts = ask(begin(saying(head + b"\x1f\x8b" + bytes(18)), requests))

    assert {NO_PREDICTION: 1} == counts.kinds
    assert b"accept-encoding: identity" in requests[0].lower()


def dripping(connection: socket.socket) -> None:
    """Say a byte now and then, so that something always comes."""
    connection.sendall(OK + b"content-length: 100000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.02)


def only_continuing(connection: socket.socket) -> None:
    """Say again and again that the answer will come."""
    for _ in range(100):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.02)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("serve", [dripping, only_continuing])
def test_an_answer_that_never_ends_has_failed_in_time(begin: Speaking, serve: Serve, loop: Loop) -> None:
    """However it drips, and be it the last: its time counts from the request, and it is not left without an outcome."""
    counts = ask(begin(serve), loop, within_s=0.3)

    assert ({NOT_IN_TIME: 1}, 1, 0) == (counts.kinds, counts.failed, counts.under_way)
    assert {NOT_IN_TIME: "no answer came within 0.3 s"} == counts.said


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"predictions": [1]}', "1 for 10 rows"),
        (b'{"predictions": []}', "0 for 10 rows"),
        (b'{"predictions": [' + b"1," * 999 + b"1]}", "1,000 for 10 rows"),
        (b'{"outputs": [{"name": "y", "shape": [2], "datatype": "FP64", "data": [1, 2]}]}', "2 for 10 rows"),
    ],
)
def test_an_answer_has_a_prediction_for_each_row_or_has_failed(begin: Speaking, body: bytes, words: str) -> None:
    """Neither fewer nor more than were asked for are an answer."""
    counts = ask(begin(saying(OK + b"content-length: %d\r\n\r\n%b" % (len(body), body))))

    assert ({NO_PREDICTION: 1}, {NO_PREDICTION: words}, 0) == (counts.kinds, counts.said, counts.answered)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "it ended the connection without an answer"),
        (OK + b"content-length: 500\r\n\r\n{}", "its answer ended before its length"),
        (OK + b"transfer-encoding: chunked\r\n\r\n5\r\nabc", "its answer ended before its length"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "what it answers is no HTTP ("),
    ],
)
def test_why_no_answer_came_is_said_in_plain_words(begin: Speaking, said: bytes, words: str) -> None:
    """No name of a class of the library that asks."""
    counts = ask(begin(saying(said)))

    assert {CUT_OFF: 1} == counts.kinds
    assert counts.said[CUT_OFF].startswith(words)
    assert "Error" not in counts.said[CUT_OFF]


def test_a_server_of_tls_that_cannot_be_trusted_is_not_reached(begin: Speaking) -> None:
    """Whoever speaks no TLS behind an https address is told without a class of the library."""
    counts = AnswerCounts()
    port = begin(saying(b"no TLS at all, but some words"))
    asyncio.run(send(f"https://127.0.0.1:{port}/", [REQUEST], LOOPS[0], counts))

    assert {NOT_REACHED: 1} == counts.kinds
    assert "Error" not in counts.said[NOT_REACHED]
