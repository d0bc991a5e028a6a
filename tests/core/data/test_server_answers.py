"""What is read of foreign servers: within a size and a time, and in words where they give no answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from speaking_servers import Serve, Speaking, saying, speaking_servers

from pegel.data.server_answers import NoAnswer, ServerAnswer, exchange, json_of, words_of

SOON = timedelta(seconds=0.3)


@pytest.fixture
def speaking() -> Iterator[Speaking]:
    """Servers that do something to each connection once its request is there; they may keep requests. Their ports."""
    with speaking_servers() as begin:
        yield begin


def flood(connection: socket.socket) -> None:
    """Never stop answering."""
    connection.sendall(b"HTTP/1.1 500 Oh\r\n\r\n")
    while True:
        connection.sendall(b"[" * (1 << 16))


def drip(connection: socket.socket) -> None:
    """Answer a byte at a time, each of them in time."""
    for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def test_of_an_answer_without_end_the_beginning_is_read(speaking: Speaking) -> None:
    """A server that never stops costs neither memory nor time; brackets without end are no JSON."""
    answer = exchange("GET", f"http://127.0.0.1:{speaking(flood)}", most_bytes=1 << 20)

    assert isinstance(answer, ServerAnswer)
    assert (500, 1 << 20, False) == (answer.status, len(answer.body), answer.is_whole)
    assert json_of(answer.body) is None


def test_a_server_that_drips_has_no_more_time(speaking: Speaking) -> None:
    """The time is that of the whole answer: who sends a byte now and then does not get it anew with each."""
    answer = exchange("GET", f"http://127.0.0.1:{speaking(drip)}", within=SOON)

    assert NoAnswer("no answer came within 0.3 s") == answer


HEADS = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\n",
]


@pytest.mark.parametrize("head", HEADS)
def test_a_body_that_comes_too_slowly_is_not_whole(speaking: Speaking, head: bytes) -> None:
    """However its end would be known, what came of it by then is there, and said to be a part."""
    sent: list[int] = []

    def slow(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(60):  # 3 s, ten times what it has
            connection.sendall(b"x")
            sent.append(1)
            time.sleep(0.05)

    answer = exchange("GET", f"http://127.0.0.1:{speaking(slow)}", within=SOON)

    assert isinstance(answer, ServerAnswer)
    assert (b"x", False) == (answer.body[:1], answer.is_whole)
    assert len(sent) < 50


@pytest.mark.parametrize("head", [HEADS[0], HEADS[1], HEADS[4]])
def test_a_body_that_ends_before_its_length_is_not_whole(speaking: Speaking, head: bytes) -> None:
    """A server that ends within its answer is not taken for one that says so little."""
    answer = exchange("GET", f"http://127.0.0.1:{speaking(saying(head + b'beginning'))}")

    assert isinstance(answer, ServerAnswer)
    assert (b"beginning", False) == (answer.body, answer.is_whole)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwhole",
        b"HTTP/1.0 200 OK\r\n\r\nwhole",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nwh\r\n3\r\nole\r\n0\r\n\r\n",
    ],
)
def test_a_body_that_has_come_to_its_end_is_whole(speaking: Speaking, said: bytes) -> None:
    """By its length, by the end of the connection, or by its last chunk."""
    answer = exchange("GET", f"http://127.0.0.1:{speaking(saying(said))}")

    assert isinstance(answer, ServerAnswer)
    assert (b"whole", True) == (answer.body, answer.is_whole)


@pytest.mark.parametrize(
    ("scheme", "serve", "words"),
    [
        ("http", saying(b""), "it ended the connection without an answer"),
        ("http", saying(b"220 mail ESMTP\r\n"), r"what it answers is no HTTP ('220 mail ESMTP\r\n')"),
        ("http", saying(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200), "what it answers is no HTTP ('got more than 100"),
        ("https", saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "no TLS can be agreed on with it ("),
    ],
)
def test_what_is_no_answer_is_told_in_words(speaking: Speaking, scheme: str, serve: Serve, words: str) -> None:
    """Each way of not answering has its own words, and none of them is the name of an exception."""
    answer = exchange("GET", f"{scheme}://127.0.0.1:{speaking(serve)}")

    assert isinstance(answer, NoAnswer)
    assert answer.words.startswith(words)


@pytest.mark.parametrize(
    "address", ["http://1.2.3.999/", "http://a..b/", "http://\u00e9..x/", "http://[::1", "http://127.0.0.1:99999/"]
)
def test_an_address_that_cannot_be_is_no_crash(address: str) -> None:
    """What no client can ask is no answer, in words."""
    assert isinstance(exchange("GET", address, within=SOON), NoAnswer)


def test_where_an_answer_leads_is_told_and_not_followed(speaking: Speaking) -> None:
    """A redirect is an answer like any other; a place in an answer that is none leads nowhere."""
    heads = [f"HTTP/1.1 {status} X\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n".encode() for status in (307, 201)]
    answers = [exchange("GET", f"http://127.0.0.1:{speaking(saying(head))}") for head in heads]

    assert ["/x", ""] == [answer.leads_to for answer in answers if isinstance(answer, ServerAnswer)]


def test_letters_of_any_script_are_asked_for(speaking: Speaking) -> None:
    """A path is escaped as browsers do, and what is escaped already stays as it is."""
    asked: list[bytes] = []
    port = speaking(lambda _connection: None, asked)
    exchange("GET", f"http://127.0.0.1:{port}/m\u00f6del%20a/b c?d=1")

    assert [b"GET /m%C3%B6del%20a/b%20c?d=1 HTTP/1.1"] == [request.split(b"\r\n")[0] for request in asked]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": "no such column"}', "no such column"),
        (b'{"detail": [{"msg": "x"}]}', '{"detail": [{"msg": "x"}]}'),
        (b"out of\norder\x1b[31m", "out of order\\x1b[31m"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b" \n", ""),
    ],
)
def test_what_a_server_says_is_one_harmless_line(body: bytes, words: str) -> None:
    """The sentence in a server's JSON, else its text as it may be shown."""
    assert words == words_of(body)
