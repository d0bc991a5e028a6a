"""What strangers may send to the two doors, drawn from a seed: each kind says how many it tried and what came back.

None of it may be a prediction that counts, except that of `hidden_predictions`, whose number is known: so what is
counted in the windows can be compared exactly.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from urllib.parse import urlsplit

import httpx
from confluent_kafka import Producer

from pegel.data import wire
from pegel.spec import names
from pegel_serving.cloudevent import UNANSWERED, now_ns, rfc3339
from pegel_serving.door_limits import LOST_AT_ONCE

ENDPOINT = "paint-v1"
PREDICT = f"/v1/models/{ENDPOINT}:predict"
ROW = ["red", 1.0, 2.0]
AT_ONCE = 16
"""Requests of one kind under way at the same time."""
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Doors:
    """Where the proxy and the logger listen, and the broker, for whoever can write to its topics past them."""

    proxy: str
    logger: str
    kafka: str


@dataclass
class Tried:
    """What one kind of abuse sent, by answer: an HTTP status, `cut` for a connection that ended without one."""

    kind: str
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """Return how many were sent."""
        return self.answers.total()


Body = bytes | Callable[[], AsyncIterator[bytes]]
Request = tuple[str, str, list[tuple[bytes, bytes]], Body]
"""Method, address, headers, body."""


async def post(requests: Iterable[Request], tried: Tried) -> Tried:
    """Send requests, some at once, and count the answers."""
    room = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(timeout=60.0, trust_env=False, limits=limits) as client, asyncio.TaskGroup() as group:

        async def send(method: str, url: str, headers: list[tuple[bytes, bytes]], body: Body) -> None:
            content = body if isinstance(body, bytes) else body()
            try:
                answer = await client.request(method, url, headers=headers, content=content)
                tried.answers[str(answer.status_code)] += 1
            except (httpx.TransportError, httpx.InvalidURL):
                tried.answers["cut"] += 1
            finally:
                room.release()

        for request in requests:
            await room.acquire()
            group.create_task(send(*request))
    return tried


def event(changes: Mapping[str, bytes | None]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an ordinary request of the honest endpoint, with some changed or (None) left out."""
    named: dict[str, bytes | None] = {
        wire.HEADER_ID: b"abuse",
        wire.HEADER_TYPE: wire.REQUEST_TYPE.encode(),
        wire.HEADER_SOURCE: b"stranger",
        wire.HEADER_SPEC_VERSION: b"1.0",
        wire.HEADER_TIME: rfc3339(now_ns()).encode(),
        wire.HEADER_NAMESPACE: b"default",
        wire.HEADER_ENDPOINT: ENDPOINT.encode(),
        wire.HEADER_CONTENT_TYPE: b"application/json",
        **changes,
    }
    return [(wire.http_name(name).encode(), value) for name, value in named.items() if value is not None]


def text(rng: Random, longest: int, alphabet: bytes = b"abz-019._/ A%\xe9\xff\t{}") -> bytes:
    """Draw bytes of up to `longest`, mostly short; a header can carry all of them."""
    size = rng.choice([1, 8, 62, 63, 64, 100, 300, 600, longest])
    return bytes(rng.choice(alphabet) for _ in range(min(size, longest))).strip() or b"x"


@cache
def large_bodies() -> tuple[bytes, ...]:
    """Return bodies that are small as they come and large, deep or wide inside. Made once: they cost seconds."""
    deep = b"[" * 900
    tensor = b'{"inputs": [{"name": "size", "shape": [-1], "datatype": "FP64", "data": %b}]}'
    return (
        gzip.compress(tensor % (deep + b"[1]" + b",2" * 200_000 + b"]" * 900)),
        gzip.compress(bytes(10**6), 1),
        gzip.compress(bytes(30 * 10**6), 1),
        gzip.compress(b'{"instances": [' + b"{}," * 2_000_000 + b"{}]}", 1),
        b'{"instances": ' + deep + b"]" * 900 + b"}",
        deep * 100,
    )


def broken_body(rng: Random) -> bytes:
    """Draw a body that is no request of the honest model: neither its server nor its monitor can read it."""
    small = [
        b"",
        rng.randbytes(rng.randrange(1, 2000)),
        b'{"instances": [["red", 1.0',
        b'{"instances": 7}',
        json.dumps({"instances": [[1] * rng.randrange(4, 40)]}).encode(),
        json.dumps({"predictions": [1] * rng.randrange(1, 40)}).encode(),
        gzip.compress(b'{"instances": []}')[:-5],
        zlib.compress(b'{"instances": 1}'),
        b'{"instances": [[NaN, Infinity, 1e400]], "x": "\xff"}',
        b'{"instances": [["\\ud800", 1, 2]]}',
    ]
    return rng.choice([*small, *large_bodies()])


async def odd_names(rng: Random, doors: Doors, count: int) -> Tried:
    """Namespaces, endpoints and components of any letters and lengths."""
    headers = (wire.HEADER_NAMESPACE, wire.HEADER_ENDPOINT, wire.HEADER_COMPONENT)

    def one() -> Request:
        changed = {wire.HEADER_ENDPOINT: b"stranger-v1"} | {
            name: text(rng, 2000) for name in rng.sample(headers, rng.randrange(1, 4))
        }
        return "POST", doors.logger, event(changed), b"{}"

    return await post((one() for _ in range(count)), Tried("names at the logger"))


async def odd_attributes(rng: Random, doors: Doors, count: int) -> Tried:
    """Ids, sources, types and metadata of any length, attributes that are missing, notices of losses."""

    def one() -> Request:
        name = rng.choice([wire.HEADER_ID, wire.HEADER_SOURCE, wire.HEADER_METADATA, wire.HEADER_CLIENT_ID, "ce_x"])
        changed: dict[str, bytes | None] = rng.choice(
            [
                {name: text(rng, 15_000)},
                {rng.choice([wire.HEADER_ID, wire.HEADER_TYPE, wire.HEADER_SOURCE]): None},
                {wire.HEADER_TYPE: rng.choice([wire.DROPPED_TYPE.encode(), text(rng, 300)])},
                {f"ce_x{number}": b"1" for number in range(rng.randrange(2000))},
            ]
        )
        return "POST", doors.logger, event({wire.HEADER_ENDPOINT: b"stranger-v1", **changed}), b'{"count": -5}'

    return await post((one() for _ in range(count)), Tried("attributes at the logger"))


async def odd_times(rng: Random, doors: Doors, count: int) -> Tried:
    """Event times ahead, long ago, of no calendar, and none at all; for the honest endpoint."""

    def one() -> Request:
        moved = now_ns() + rng.choice([-1, 1]) * rng.randrange(400 * DAY_NS)
        given = rng.choice(
            [
                b"9999-12-31T23:59:59Z",
                b"0001-01-01T00:00:00Z",
                b"0000-00-00T00:00:00Z",
                b"1969-12-31T23:59:59Z",
                b"253402300800",
                b"-1",
                rfc3339(moved).encode(),
                rfc3339(now_ns() + rng.randrange(3600 * 10**9)).encode(),
                text(rng, 200),
            ]
        )
        changed = {rng.choice([wire.HEADER_TIME, wire.HEADER_TIME, wire.HEADER_RECORDED_TIME]): given}
        return "POST", doors.logger, event(changed), b"no body of a request"

    return await post((one() for _ in range(count)), Tried("times at the logger"))


async def odd_bodies(rng: Random, doors: Doors, count: int) -> Tried:
    """Bodies for the honest endpoint that nobody can read: torn, deep, wide, compressed, of other protocols."""

    def one() -> Request:
        changed = {wire.HEADER_CONTENT_TYPE: rng.choice([b"application/json", b"application/grpc", text(rng, 250)])}
        return "POST", doors.logger, event(changed), broken_body(rng)

    return await post((one() for _ in range(count)), Tried("bodies at the logger"))


async def foreign_flood(rng: Random, doors: Doors, count: int) -> Tried:
    """Models that nobody watches: many names, and bodies of up to a megabyte."""

    def one(number: int) -> Request:
        changed = {wire.HEADER_ENDPOINT: b"foreign-%d-v1" % (number % 500), wire.HEADER_ID: b"flood-%d" % number}
        return "POST", doors.logger, event(changed), bytes(rng.choice([100, 100, 10_000, 999_000]))

    return await post((one(number) for number in range(count)), Tried("flood for foreign models"))


async def oversized(rng: Random, doors: Doors, count: int) -> Tried:
    """Bodies over the limit, with their length said before or not, at both doors."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(100_000)

    def one() -> Request:
        bodies: list[Body] = [bytes(1_000_001), bytes(4_000_000), bytes(40_000_000), parts]
        body = rng.choice(bodies)
        if rng.random() < 0.5:
            return "POST", doors.logger, event({wire.HEADER_ENDPOINT: b"stranger-v1"}), body
        return "POST", f"{doors.proxy}{PREDICT}", [], body

    return await post((one() for _ in range(count)), Tried("bodies over the limit"))


async def forbidden_calls(rng: Random, doors: Doors, count: int) -> Tried:
    """Everything a model server knows beyond predictions, in every spelling."""
    paths = [
        f"/v2/repository/models/{ENDPOINT}/unload",
        f"/v2/repository/models/{ENDPOINT}/load",
        f"/v2/models/{ENDPOINT}/../../repository/models/{ENDPOINT}/unload",
        "/metrics",
        "/docs",
        "/openapi.json",
        "/inference.GRPCInferenceService/RepositoryModelUnload",
        f"/v1/models/{ENDPOINT}:explain",
        "/v1/models/another-v1:predict",
        f"/v2/models/{ENDPOINT}0/infer",
    ]

    def spelled(path: str) -> str:
        letters = [f"%{ord(letter):02X}" if rng.random() < 0.1 else letter for letter in path]
        return rng.choice(["", "/", "//", "/./"]) + "".join(letters) + rng.choice(["", "/", "?x=1", "%00", ";x"])

    def one() -> Request:
        headers = [(b"x-http-method-override", b"POST"), (b"x-original-url", paths[0].encode())]
        method = rng.choice(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "TRACE"])
        path = spelled(rng.choice(paths))
        return method, f"{doors.proxy}/{path.lstrip('/')}", headers, b""

    return await post((one() for _ in range(count)), Tried("forbidden calls at the proxy"))


async def odd_predictions(rng: Random, doors: Doors, count: int) -> Tried:
    """Calls that the model cannot answer: bodies that nobody can read, compressed or not, and said to be or not."""

    def one() -> Request:
        headers = [(b"ce-id", text(rng, 10_000)), (b"content-type", text(rng, 5000))]
        if rng.random() < 0.5:
            headers.append(
                (b"content-encoding", rng.choice([b"gzip", b"deflate", b"br", b"gzip, gzip", text(rng, 50)]))
            )
        return "POST", f"{doors.proxy}{PREDICT}", headers, broken_body(rng)

    return await post((one() for _ in range(count)), Tried("bodies at the proxy"))


async def hidden_predictions(rng: Random, doors: Doors, count: int) -> Tried:
    """Valid calls that pretend to be probes, copies or nobody's: each must be counted like any other."""

    def one() -> Request:
        disguise = rng.choice(
            [
                [(b"ce-id", b"pegel-probe-x")],
                [(b"ce-id", b"always-the-same")],
                [(b"ce-id", b"x" * 10_000)],
                [(b"user-agent", b"kube-probe/1.30"), (b"k-kubelet-probe", b"queue")],
                [(b"pegel-probe", b"guessed")],
                [(b"ce-probe", b"true"), (b"ce_probe", b"true")],
                [(b"ce-namespace", b"elsewhere"), (b"ce-inferenceservicename", b"other-v1")],
            ]
        )
        return "POST", f"{doors.proxy}{PREDICT}", disguise, json.dumps({"instances": [ROW]}).encode()

    return await post((one() for _ in range(count)), Tried("predictions in disguise"))


async def slow_clients(rng: Random, doors: Doors, count: int) -> Tried:
    """Connections that begin something and never end it, and some that never read; they stay until they are cut off."""
    tried = Tried("slow clients at both doors")
    head = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\n".encode()
    beginnings = [
        b"",
        b"POST",
        head,
        head + b"x-endless: ",
        head + b"content-length: 900000\r\n\r\n" + bytes(1000),
        head + b"content-length: 990000\r\n\r\n" + bytes(980_000),
        head + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
        b"GET /v2/models HTTP/1.1\r\nhost: x\r\n\r\n" * 50,
        bytes(rng.randrange(256) for _ in range(500)),
    ]
    writers = []
    for number in range(count):
        where = urlsplit(rng.choice([doors.proxy, doors.logger]))
        try:
            _, writer = await asyncio.open_connection(where.hostname, where.port)
            writer.write(beginnings[number % len(beginnings)])
        except OSError:
            tried.answers["cut"] += 1
            continue
        writers.append(writer)
        tried.answers["held"] += 1
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0.5)
    for writer in writers:
        writer.transport.abort()
    return tried


async def slow_readers(rng: Random, doors: Doors, count: int) -> Tried:
    """Answers of up to 900 kB, none a prediction, taken a byte at a time through as small buffers as there are."""
    tried = Tried("readers of a byte at a time")
    where = urlsplit(doors.proxy)
    loop = asyncio.get_running_loop()

    async def one(size: int) -> str:
        body = json.dumps({"instances": [{"x" * size: 1}]}).encode()
        with socket.socket() as client:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
            head = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
            try:
                await loop.sock_connect(client, (where.hostname, where.port))
                await loop.sock_sendall(client, head.encode() + body)
                for _ in range(80):
                    async with asyncio.timeout(60):
                        if not await loop.sock_recv(client, 1):
                            return "cut"
                    await asyncio.sleep(0.1)
            except OSError:
                return "cut"
        return "held"

    sizes = [rng.choice([1000, 300_000, 900_000]) for _ in range(count)]
    tried.answers.update(await asyncio.gather(*(one(size) for size in sizes)))
    return tried


async def many_at_once(rng: Random, doors: Doors, count: int) -> Tried:
    """Connections on which thousands of requests come before the first is answered, read by nobody or to the end."""
    tried = Tried("thousands of requests at once")
    calls = [b"GET / HTTP/1.1\r\n\r\n", b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"]
    calls.append(b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}" % PREDICT.encode())

    async def one() -> str:
        where = urlsplit(rng.choice([doors.proxy, doors.logger]))
        call = rng.choice(calls)
        try:
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
        except OSError:
            return "cut"
        try:
            writer.write(call * ((256 << 10) // len(call)))
            async with asyncio.timeout(60):
                while await reader.read(1 << 16):
                    pass
        except TimeoutError:
            return "held"
        except OSError:
            pass
        finally:
            writer.transport.abort()
        return "cut"

    tried.answers.update(await asyncio.gather(*(one() for _ in range(count))))
    return tried


async def doubled_headers(rng: Random, doors: Doors, count: int) -> Tried:
    """Calls that a model cannot answer, whose headers say two things."""
    doubled = [
        (b"content-encoding", [b"gzip", b"deflate", b"identity", b"br", b""]),
        (b"content-type", [b"application/json", b"application/octet-stream"]),
        (b"ce-id", [b"one", b"another"]),
        (b"pegel-probe", [b"guessed", b""]),
        (b"host", [b"x", b"y"]),
    ]

    def one() -> Request:
        name, values = rng.choice(doubled)
        return "POST", f"{doors.proxy}{PREDICT}", [(name, rng.choice(values)) for _ in range(2)], broken_body(rng)

    return await post((one() for _ in range(count)), Tried("headers that come twice"))


async def odd_notices(rng: Random, doors: Doors, count: int) -> Tried:
    """Notices of losses that no agent can have had, for a model that nobody watches."""

    def one() -> Request:
        told = {
            "count": rng.choice([LOST_AT_ONCE, LOST_AT_ONCE + 1, 10**12, -1, 0, True, "7", None, 1e308]),
            "reason": rng.choice([UNANSWERED, "x" * 300, 7]),
        }
        headers = event({wire.HEADER_ENDPOINT: b"stranger-v1", wire.HEADER_TYPE: wire.DROPPED_TYPE.encode()})
        return "POST", doors.logger, headers, json.dumps(told).encode()

    return await post((one() for _ in range(count)), Tried("notices of losses at the logger"))


async def odd_records(rng: Random, doors: Doors, count: int) -> Tried:
    """Records past the logger: of the future and of long ago, notices of absurd losses, large and unreadable bodies."""
    tried = Tried("records past the logger")
    producer = Producer({"bootstrap.servers": doors.kafka, "message.max.bytes": 2_000_000, "linger.ms": 5})
    for number in range(count):
        changed: dict[str, bytes] = rng.choice(
            [
                {wire.HEADER_TYPE: wire.DROPPED_TYPE.encode()},
                {wire.HEADER_ENDPOINT: b"foreign-v1"},
                {wire.HEADER_ID: b"past-%d" % number, wire.HEADER_NAMESPACE: text(rng, 600)},
                {wire.HEADER_TYPE: text(rng, 300)},
            ]
        )
        value = broken_body(rng)
        if changed.get(wire.HEADER_TYPE) == wire.DROPPED_TYPE.encode():
            value = rng.choice([b'{"count": 1e308}', b'{"count": -5}', b'{"count": "7"}', b"[]", b'{"count": null}'])
        elif wire.HEADER_ENDPOINT in changed:
            value = bytes(rng.choice([10, 900_000]))
        named = dict(event(changed)).items()
        producer.produce(
            names.inference_topic("default"),
            value=value[:1_000_000],
            key=b"past",
            headers=[(name.decode().lower().replace("ce-", "ce_", 1), given) for name, given in named],
            timestamp=now_ns() // 10**6 + rng.choice([0, -(10**7), -(10**10), 50 * 60_000, 3_000_000]),
            on_delivery=lambda error, _: tried.answers.update(["refused" if error else "taken"]),
        )
        await asyncio.sleep(0)
        producer.poll(0)
    await asyncio.to_thread(producer.flush, 30)
    return tried


ABUSES = {
    odd_names: 300,
    odd_attributes: 300,
    odd_times: 300,
    odd_bodies: 60,
    foreign_flood: 300,
    oversized: 20,
    forbidden_calls: 300,
    odd_predictions: 100,
    hidden_predictions: 60,
    many_at_once: 100,
    doubled_headers: 100,
    odd_notices: 60,
    slow_clients: 900,
    slow_readers: 60,
    odd_records: 200,
}
"""Each kind, and how many of it make one round."""


async def abuse(doors: Doors, *, seed: int, share: float) -> list[Tried]:
    """Send a share of a round of every kind, all kinds at once."""
    sending = []
    for kind, most in ABUSES.items():
        # a generator of its own for each kind, so that more of one changes no other
        sending.append(kind(Random(f"{seed} {kind.__name__}"), doors, max(10, round(most * share))))
    return list(await asyncio.gather(*sending))
