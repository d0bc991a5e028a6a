"""What a model server or a client can do to the proxy: break off, send too much, send odd letters."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
import sinks
from speaking_servers import saying, speaking_servers

from pegel.data import wire
from pegel_serving.agent import WORKERS, Agent
from pegel_serving.cloudevent import EndpointOrigin, LoggedBody
from pegel_serving.door_limits import LOST_AT_ONCE
from pegel_serving.held_bodies import BodyLimits
from pegel_serving.proxy import ProxyApp, build

ORIGIN = EndpointOrigin(name="paint-v1", namespace="shop", source="test")
NOBODY = "http://127.0.0.1:9/"


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """Servers that say the given bytes to whoever asks, and hang up."""
    with speaking_servers() as begin:
        yield lambda said: f"http://127.0.0.1:{begin(saying(said))}"


PREDICT = "/v1/models/paint-v1:predict"
Call = tuple[str, str, bytes, Iterable[tuple[str, bytes]]]


@asynccontextmanager
async def running(app: ProxyApp) -> AsyncIterator[None]:
    """Start an application and end it."""
    begin, end, said = asyncio.Event(), asyncio.Event(), [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> dict[str, str]:
        if len(said) == 1:
            await end.wait()
        return said.pop(0)

    async def send(_message: object) -> None:
        begin.set()

    life = asyncio.create_task(app({"type": "lifespan"}, receive, send))
    await begin.wait()
    yield
    end.set()
    await life


def call(app: ProxyApp, calls: Sequence[Call]) -> list[httpx.Response]:
    """Make calls one after the other: method, path, body and headers of each."""

    async def go() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with running(app), httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
            answers = []
            for method, path, body, headers in calls:
                raw = [(name.encode(), value) for name, value in headers]
                answers.append(await client.request(method, path, content=body, headers=raw))
            return answers

    return asyncio.run(go())


def ask(app: ProxyApp, *bodies: bytes, ids: Iterable[bytes] = ()) -> list[httpx.Response]:
    """Post bodies one after the other, each with an id if there are any."""
    named: list[list[tuple[str, bytes]]] = [[("ce-id", event_id)] for event_id in ids] or [[]] * len(bodies)
    return call(app, [("POST", PREDICT, body, headers) for body, headers in zip(bodies, named, strict=True)])


def whole(body: bytes) -> bytes:
    """Return an HTTP answer."""
    return b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        b"not HTTP at all\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_breaks_off_is_502(answering: Callable[[bytes], str], sink: sinks.Sink, said: bytes) -> None:
    """Whatever the model server says instead of a whole answer, and no response is logged."""
    (answer,) = ask(build(answering(said), sink.url, ORIGIN, BodyLimits()), b"{}")

    assert (502, {"error": "the model server does not answer"}) == (answer.status_code, answer.json())
    assert [wire.REQUEST_TYPE] == [headers["Ce-Type"] for headers, _ in sink.got]


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (BodyLimits(request_bytes=99), 413),
        (BodyLimits(answer_bytes=99), 502),
        (BodyLimits(held_bytes=199), 503),
        (BodyLimits(request_bytes=100, answer_bytes=100, held_bytes=200), 200),
    ],
)
def test_bodies_are_bounded(answering: Callable[[bytes], str], limits: BodyLimits, status: int) -> None:
    """Each on its side, and all of them together; a body of exactly the bound passes, twice in a row."""
    answers = ask(build(answering(whole(b"y" * 100)), NOBODY, ORIGIN, limits), b"x" * 100, b"x" * 100)

    assert [status, status] == [answer.status_code for answer in answers]


def test_an_id_of_any_letters_is_logged(answering: Callable[[bytes], str], sink: sinks.Sink) -> None:
    """More of them than there are workers: what a client calls its request travels beside the id of ours."""
    given = [b"caf\xe9 %d" % number for number in range(10)]
    ask(build(answering(whole(b"{}")), sink.url, ORIGIN, BodyLimits()), *[b"{}"] * 10, ids=given)
    ids = sorted({headers["Ce-Clientid"].encode("latin-1").decode() for headers, _ in sink.wait_for(20)})

    assert [f"caf\xe9 {number}" for number in range(10)] == ids


def test_what_a_client_chose_never_costs_the_event(answering: Callable[[bytes], str], sink: sinks.Sink) -> None:
    """Headers so large that the logger would refuse the event are left out or cut; the event is logged, as ordinary."""
    app = build(answering(whole(b"{}")), sink.url, ORIGIN, BodyLimits(), metadata_headers=("X-Request-Id",))
    headers = {
        "ce-id": b"x" * 15_000,
        "content-type": b"application/json;" + b"x" * 15_000,
        "x-request-id": b"x" * 15_000,
        "user-agent": b"kube-probe/1.30",
        "k-kubelet-probe": b"queue",
        "pegel-probe": b"guessed",
    }
    (answer,) = call(app, [("POST", PREDICT, b"{}", headers.items())])
    (logged, _), _ = sink.wait_for(2)

    assert 200 == answer.status_code
    assert {"Ce-Id", "Ce-Metadata"} == {"Ce-Id", "Ce-Metadata", "Ce-Clientid", "Ce-Probe"} & set(logged)
    assert ("{}", 256) == (logged["Ce-Metadata"], len(logged["Content-Type"]))


@pytest.mark.parametrize(
    ("configured", "given", "marks"),
    [
        ("of-the-endpoint", "of-the-endpoint", {"true"}),
        ("of-the-endpoint", "of-the-endpoin", {None}),
        ("of-the-endpoint", "", {None}),
        ("of-the-endpoint", "caf\xe9", {None}),
        ("", "", {None}),
    ],
)
def test_a_probe_is_known_by_the_secret_alone(
    answering: Callable[[bytes], str], sink: sinks.Sink, configured: str, given: str, marks: set[str | None]
) -> None:
    """Both its events are marked; whoever does not know the secret is an ordinary client."""
    app = build(answering(whole(b"{}")), sink.url, ORIGIN, BodyLimits(), probe_token=configured)
    call(app, [("POST", PREDICT, b"{}", [("pegel-probe", given.encode("latin-1"))])])

    assert marks == {headers.get("Ce-Probe") for headers, _ in sink.wait_for(2)}


@pytest.mark.parametrize("encodings", [("gzip", "br"), ("identity", "gzip"), ("gzip", "gzip"), ("", "gzip"), ("br",)])
def test_a_body_has_one_encoding_that_can_be_measured(sink: sinks.Sink, encodings: tuple[str, ...]) -> None:
    """Several, also in headers of the same name, are 415: what the server would inflate, nobody has measured."""
    app = build(sink.url.rstrip("/"), NOBODY, ORIGIN, BodyLimits())
    headers = [("content-encoding", encoding.encode()) for encoding in encodings]

    assert [415] == [answer.status_code for answer in call(app, [("POST", PREDICT, gzip.compress(b"{}"), headers)])]
    assert [] == sink.got


def test_what_does_not_pass_reaches_nobody(sink: sinks.Sink) -> None:
    """Neither the model server nor the logger hears of a call that is not on the list."""
    app = build(sink.url.rstrip("/"), sink.url, ORIGIN, BodyLimits())
    calls = [
        ("POST", "/v1/models/other-model:predict", b"{}", []),
        ("POST", "/v2/repository/models/paint-v1/unload", b"", []),
        ("POST", "/v2/models/%2e%2e/repository/models/paint-v1/unload", b"", []),
        ("GET", "/metrics", b"", []),
        ("GET", PREDICT, b"", [("x-http-method-override", b"POST")]),
        ("DELETE", "/v1/models/paint-v1", b"", []),
    ]

    assert [404, 404, 404, 404, 405, 405] == [answer.status_code for answer in call(app, calls)]
    assert [] == sink.got


def test_the_server_sees_no_other_method_or_path_than_the_proxy(sink: sinks.Sink) -> None:
    """Headers by which some servers take another one end at the proxy, and so does what a probe carries."""
    app = build(sink.url.rstrip("/"), NOBODY, ORIGIN, BodyLimits())
    named = ("x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url", "pegel-probe")
    call(app, [("POST", PREDICT, b"{}", [*((name, b"DELETE") for name in named), ("x-kept", b"1")])])
    ((headers, _),) = sink.got

    assert ["x-kept"] == [name for name in headers if name.lower() in {*named, "x-kept"}]


def test_no_event_ends_a_worker(sink: sinks.Sink) -> None:
    """What cannot be sent at all is counted as lost, and the next events are sent."""

    async def go() -> tuple[int, int]:
        async with Agent(sink.url, ORIGIN) as agent:
            for event_id in [*["\N{SNOWMAN}"] * 10, "plain"]:
                agent.log(LoggedBody(type=wire.REQUEST_TYPE, event_id=event_id, at_ns=0, content_type="", body=b"{}"))
        return agent.sent, agent.lost

    assert (1, 10) == asyncio.run(go())


def test_what_the_logger_never_saw_is_told_to_it(sink: sinks.Sink) -> None:
    """By reason, with the next event that it takes; what it answered, it has counted itself."""

    async def go() -> None:
        async with Agent(sink.url, ORIGIN, queue_bytes=25_000) as agent:
            sink.answers.clear()
            for _ in range(10):
                agent.log(
                    LoggedBody(type=wire.REQUEST_TYPE, event_id="e", at_ns=0, content_type="", body=b"x" * 10_000)
                )
            sink.answers.set()

    asyncio.run(go())
    notices = [(headers, json.loads(body)) for headers, body in sink.got if headers["Ce-Type"] == wire.DROPPED_TYPE]

    assert [{"count": 8, "reason": "agent_queue_full"}] == [notice for _, notice in notices]
    assert ["paint-v1"] == [headers["Ce-Inferenceservicename"] for headers, _ in notices]


def an_event(body: bytes = b"x") -> LoggedBody:
    """Return a request to log."""
    return LoggedBody(type=wire.REQUEST_TYPE, event_id="e", at_ns=0, content_type="", body=body)


def notices(sink: sinks.Sink) -> list[tuple[str, int]]:
    """Return what the logger was told of losses: reason and count of each notice."""
    bodies = [json.loads(body) for headers, body in sink.got if headers["Ce-Type"] == wire.DROPPED_TYPE]
    return [(body["reason"], body["count"]) for body in bodies]


def test_what_was_sent_without_an_answer_is_told_apart_from_what_was_not_sent(sink: sinks.Sink) -> None:
    """A logger that gives no answer may have taken the events on their way to it; those that waited it never saw."""
    sink.answers.clear()
    sink.held_type = wire.REQUEST_TYPE

    async def go() -> None:
        async with Agent(sink.url, ORIGIN, end_s=0.5) as agent:
            for _ in range(WORKERS + 2):
                agent.log(an_event())

    asyncio.run(go())

    assert [("agent_unanswered", WORKERS), ("agent_unreached", 2)] == notices(sink)
    assert WORKERS == sum(headers["Ce-Type"] == wire.REQUEST_TYPE for headers, _ in sink.got)


def test_more_losses_than_a_notice_may_hold_are_told_in_several(sink: sinks.Sink) -> None:
    """The logger refuses a notice of more, so a long outage takes as many notices as it needs."""

    async def go() -> int:
        async with Agent(sink.url, ORIGIN, queue_bytes=0) as agent:
            event = an_event()
            for _ in range(2 * LOST_AT_ONCE + 5):
                agent.log(event)
        return agent.lost

    assert 2 * LOST_AT_ONCE + 5 == asyncio.run(go())
    assert [LOST_AT_ONCE, LOST_AT_ONCE, 5] == [count for _, count in notices(sink)]


def test_a_body_that_the_logger_would_refuse_is_told_not_sent(sink: sinks.Sink) -> None:
    """A larger answer is lost to monitoring, under a reason of its own; one of exactly the bound is sent."""

    async def go() -> tuple[int, int]:
        async with Agent(sink.url, ORIGIN, body_bytes=1000) as agent:
            for size in (1000, 1001):
                agent.log(an_event(bytes(size)))
        return agent.sent, agent.lost

    assert (1, 1) == asyncio.run(go())
    assert [("agent_too_large", 1)] == notices(sink)
    assert [1000] == [len(body) for headers, body in sink.got if headers["Ce-Type"] == wire.REQUEST_TYPE]


def test_a_notice_without_an_answer_is_told_again_at_the_end(sink: sinks.Sink) -> None:
    """It is no lost event itself, and what it told of is not forgotten."""
    sink.answers.clear()
    sink.held_type = wire.DROPPED_TYPE

    async def go() -> int:
        async with Agent(sink.url, ORIGIN, queue_bytes=25_000, end_s=0.5) as agent:
            for size in (1, 30_000, 30_000):
                agent.log(an_event(bytes(size)))
        return agent.lost

    assert 2 == asyncio.run(go())
    assert [("agent_queue_full", 2)] * 2 == notices(sink)


def test_what_is_copied_from_headers_counts_as_memory(sink: sinks.Sink) -> None:
    """The queue is bounded by all that a waiting event holds, not by its body alone."""
    sink.answers.clear()

    async def go() -> int:
        async with Agent(sink.url, ORIGIN, queue_bytes=25_000, end_s=0) as agent:
            for _ in range(10):
                agent.log(replace(an_event(), metadata={"x-request-id": ["x" * 4000]}))
            lost = agent.lost
            sink.answers.set()
        return lost

    assert 6 == asyncio.run(go())


def test_what_the_logger_answered_is_not_told_again(sink: sinks.Sink) -> None:
    """A logger that refuses an event has counted it."""
    sink.status = 413

    async def go() -> int:
        async with Agent(sink.url, ORIGIN) as agent:
            agent.log(LoggedBody(type=wire.REQUEST_TYPE, event_id="e", at_ns=0, content_type="", body=b"x"))
        return agent.lost

    assert 1 == asyncio.run(go())
    assert [wire.REQUEST_TYPE] == [headers["Ce-Type"] for headers, _ in sink.got]


def test_waiting_bodies_are_bounded_by_bytes(sink: sinks.Sink) -> None:
    """Behind a logger that does not answer, the rest is counted as lost."""
    sink.answers.clear()

    async def go() -> int:
        async with Agent(sink.url, ORIGIN, queue_bytes=50_000) as agent:
            for number in range(10):
                agent.log(
                    LoggedBody(
                        type=wire.REQUEST_TYPE, event_id=f"{number}", at_ns=0, content_type="", body=b"x" * 10_000
                    )
                )
            lost = agent.lost
            sink.answers.set()
        return lost

    assert 6 == asyncio.run(go())
