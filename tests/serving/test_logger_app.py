"""The logger's HTTP door, without a network: statuses, bounds, counters."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from full_disks import small_disk
from listening import everything, listening
from processes import metric, readiness
from running_doors import serving
from senders import SwitchedSender
from waiting import wait_in_loop_until

from pegel_serving.bounded_http import ConnectionLimits
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.http_door import LoggerApp
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Limits, Pipeline
from pegel_serving.logger.producer import DeliveryOutcome
from pegel_serving.logger.spool import Spool

EVENT = {
    "ce-id": "1",
    "ce-type": "org.kubeflow.serving.inference.request",
    "ce-source": "pod",
    "ce-specversion": "1.0",
    "ce-namespace": "default",
    "ce-inferenceservicename": "m-v1",
    "content-type": "application/json",
}


@pytest.fixture
def sender() -> SwitchedSender:
    """A sender that answers at first."""
    return SwitchedSender()


Maker = Callable[..., LoggerApp]


@pytest.fixture
def make(sender: SwitchedSender, tmp_path: Path) -> Iterator[Maker]:
    """Build applications over one sender."""
    spools: list[Spool] = []

    def build(
        *, cap_bytes: int = 1 << 20, queue_messages: int = 100, folder: Path = tmp_path, **settings: Any
    ) -> LoggerApp:
        spools.append(Spool(folder, cap_bytes=cap_bytes))
        metrics = Metrics()
        pipeline = Pipeline(sender, spools[-1], metrics, Limits(queue_messages=queue_messages))
        return LoggerApp(pipeline, metrics, DoorSettings(flush_s=0.0, **settings))

    yield build
    for spool in spools:
        spool.close()


def post(app: LoggerApp, body: bytes = b"{}", **headers: str | None) -> httpx.Response:
    """Send one event, with headers added or (None) left out."""

    async def go() -> httpx.Response:
        async with serving(app) as client:
            changed = {name.replace("_", "-"): value for name, value in headers.items()}
            wanted = {name: value for name, value in (EVENT | changed).items() if value is not None}
            return await client.post("/", content=body, headers=wanted)

    return asyncio.run(go())


def get(app: LoggerApp, path: str, *, events: int = 0) -> httpx.Response:
    """Ask for a path after some events."""

    async def go() -> httpx.Response:
        async with serving(app) as client:
            for _ in range(events):
                await client.post("/", content=b"{}", headers=EVENT)
            return await client.get(path)

    return asyncio.run(go())


def test_an_event_is_answered_200_with_an_empty_body(make: Maker, sender: SwitchedSender) -> None:
    """KServe's agent calls everything but 200 an error."""
    answer = post(make(), b"payload")

    assert (200, b"") == (answer.status_code, answer.content)
    assert [b"payload"] == [event.value for event in sender.topic]


def test_a_refused_event_goes_to_the_dead_letters(make: Maker, sender: SwitchedSender) -> None:
    """The sender learns why, and a person can look at what came."""
    answer = post(make(), b"payload", ce_type="odd")

    assert (400, True) == (answer.status_code, "ce-type" in answer.text)
    assert [("pegel.default.dead-letters", b"payload")] == [(event.topic, event.value) for event in sender.topic]


def test_an_oversized_body_is_cut_off_and_counted_as_lost(make: Maker, sender: SwitchedSender) -> None:
    """The letter keeps the beginning, the notice tells the ledger."""
    answer = post(make(max_body_bytes=100), b"x" * 101)
    letter, notice = sender.topic

    assert 413 == answer.status_code
    assert (b"x" * 100, "too_large", "true") == (
        letter.value,
        letter.header("dlq_reason"),
        letter.header("dlq_truncated"),
    )
    assert ("org.pegel.logger.dropped", b'{"count":1,"reason":"too_large"}') == (notice.header("ce_type"), notice.value)


def test_a_body_of_exactly_the_cap_passes(make: Maker, sender: SwitchedSender) -> None:
    """The cap is inclusive."""
    answer = post(make(max_body_bytes=100), b"x" * 100)

    assert 200 == answer.status_code


def test_a_grpc_frame_is_set_aside_without_blaming_the_sender(make: Maker, sender: SwitchedSender) -> None:
    """Nothing downstream reads it, so it is a dead letter and a counted loss."""
    answer = post(make(), b"\x00\x00", content_type="application/grpc")

    assert 200 == answer.status_code
    assert [("grpc", EVENT["ce-type"]), ("", "org.pegel.logger.dropped")] == [
        (event.header("dlq_reason"), event.header("ce_type")) for event in sender.topic
    ]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"count": 7, "reason": "agent_queue_full"}', 200, [b'{"count":7,"reason":"agent_queue_full"}']),
        (b'{"count": 100000, "reason": "agent_unanswered"}', 200, [b'{"count":100000,"reason":"agent_unanswered"}']),
        (b'{"count": 100001, "reason": "agent_unanswered"}', 400, []),
        (b'{"count": -5, "reason": "agent_unanswered"}', 400, []),
        (b'{"count": 1e308, "reason": "agent_unanswered"}', 400, []),
        (b'{"count": 7, "reason": "made up"}', 400, []),
        (b"?", 400, []),
    ],
)
def test_what_an_agent_lost_is_told_if_it_can_be_true(
    make: Maker, sender: SwitchedSender, body: bytes, status: int, told: list[bytes]
) -> None:
    """Its word is counted under its reason; a count or a reason that no agent can have is refused."""
    answer = post(make(), body, ce_type="org.pegel.logger.dropped")

    assert status == answer.status_code
    assert told == [event.value for event in sender.topic]


def test_without_room_the_answer_is_503_and_says_when_to_come_back(make: Maker, sender: SwitchedSender) -> None:
    """Memory and disk are full: the loss is said and counted, never hidden."""
    sender.verdict = None
    app = make(cap_bytes=10, queue_messages=0, retry_after_s=9)
    answer = post(app)

    assert (503, "9") == (answer.status_code, answer.headers["retry-after"])


def test_an_answer_after_the_broker_waits_for_it(make: Maker, sender: SwitchedSender) -> None:
    """With `ack=broker` a good broker means the event is on the topic and nowhere else."""
    app = make(ack="broker", ack_timeout_s=5.0)
    answer = post(app)

    assert (200, 1) == (answer.status_code, len(sender.topic))


def test_an_answer_after_a_silent_broker_means_disk(make: Maker, sender: SwitchedSender, tmp_path: Path) -> None:
    """With `ack=broker` a slow broker costs a bounded time, then the event is on disk."""
    sender.verdict = None
    answer = post(make(ack="broker", ack_timeout_s=0.01), b"kept")
    spooled = b"".join(path.read_bytes() for path in tmp_path.glob("*.seg"))

    assert 200 == answer.status_code
    assert b"kept" in spooled


def test_an_answer_that_neither_broker_nor_disk_can_confirm_says_so(
    make: Maker, sender: SwitchedSender, tmp_path: Path
) -> None:
    """With `ack=broker`, a silent broker and a full disk: 503, the event is sent all the same, and that is counted."""

    async def go(app: LoggerApp) -> tuple[httpx.Response, httpx.Response]:
        async with serving(app) as client:
            answer = await client.post("/", content=b"x" * 10_000, headers=EVENT)
            counts = await client.get("/metrics")
            sender.verdict = DeliveryOutcome.DELIVERED
        return answer, counts

    with small_disk(tmp_path / "disk") as disk:
        app = make(ack="broker", ack_timeout_s=0.01, folder=disk.folder / "spool")
        disk.fill()
        sender.verdict = None
        answer, counts = asyncio.run(go(app))

    assert (503, True) == (answer.status_code, "will be sent all the same" in answer.text)
    assert "pegel_logger_answered_unconfirmed_total 1.0" in counts.text
    assert 1 == len(sender.topic)


def test_it_lives_without_a_broker(make: Maker, sender: SwitchedSender) -> None:
    """Waiting events make it neither dead nor unready."""
    sender.verdict = None

    assert (200, 200) == (get(make(), "/livez", events=3).status_code, get(make(), "/readyz", events=3).status_code)


def test_it_is_not_ready_when_events_would_be_lost(make: Maker, sender: SwitchedSender) -> None:
    """The answer says why."""
    sender.verdict = None
    answer = get(make(cap_bytes=10, queue_messages=0), "/readyz")

    assert (503, True) == (answer.status_code, "full" in answer.text)


def test_it_is_not_ready_when_nothing_moves_for_too_long(make: Maker, sender: SwitchedSender) -> None:
    """Something waits, and nothing was delivered for longer than allowed."""
    sender.verdict = None
    answer = get(make(stuck_s=-1.0), "/readyz", events=1)

    assert (503, True) == (answer.status_code, "nothing was delivered" in answer.text)


def test_metrics_count_by_endpoint_and_type(make: Maker) -> None:
    """Received and accepted agree on a good day, and the same id twice is a duplicate."""
    text = get(make(), "/metrics", events=3).text

    assert 'pegel_logger_events_received_total{endpoint="m-v1",type="request"} 3.0' in text
    assert 'pegel_logger_events_accepted_total{endpoint="m-v1",type="request"} 3.0' in text
    assert 'pegel_logger_duplicates_seen_total{endpoint="m-v1"} 2.0' in text


def test_labels_from_outside_are_bounded() -> None:
    """More endpoints than expected are counted together."""
    metrics = Metrics(max_endpoints=2)

    assert ["a", "b", "other", "a"] == [metrics.endpoint(name) for name in ("a", "b", "c", "a")]


def test_where_the_names_are_known_a_stranger_takes_no_label(tmp_path: Path) -> None:
    """However many foreign names come first, an endpoint that there is has a label of its own."""
    metrics = Metrics(max_endpoints=2, known=tmp_path)
    (tmp_path / "delays-v1").mkdir()
    foreign = {metrics.endpoint(f"foreign-{number}") for number in range(500)}

    assert ({"other"}, "delays-v1") == (foreign, metrics.endpoint("delays-v1"))


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("PUT", "/", 405)])
def test_anything_else_is_told_what_there_is(make: Maker, method: str, path: str, status: int) -> None:
    """A wrong address gets a short explanation."""

    async def go() -> httpx.Response:
        async with serving(make()) as client:
            return await client.request(method, path)

    answer = asyncio.run(go())

    assert (status, True) == (answer.status_code, "/livez" in answer.text)


def test_waiting_costs_no_tasks(make: Maker) -> None:
    """An idle logger has as many tasks after several rounds of its pump as after the first."""

    async def go() -> list[int]:
        counts = []
        async with serving(make(idle_s=0.01)) as client:
            for _ in range(3):
                await asyncio.sleep(0.1)
                await client.post("/", content=b"{}", headers=EVENT)
                counts.append(len(asyncio.all_tasks()))
        return counts

    first, *others = asyncio.run(go())

    assert [first, first] == others


async def send_parts(app: LoggerApp, parts: list[bytes | None], *, pause_s: float = 0.0) -> list[int]:
    """Send a body in parts, None for a client that goes away, then nothing; return the statuses that were answered."""
    messages: list[dict[str, Any]] = [
        {"type": "http.disconnect"} if part is None else {"type": "http.request", "body": part, "more_body": True}
        for part in parts
    ]
    answered: list[int] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause_s if messages else 60.0)
        return messages.pop(0)

    async def answer(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])

    headers = [(name.encode(), value.encode()) for name, value in EVENT.items()]
    async with serving(app):
        await app({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive, answer)
    return answered


@pytest.mark.parametrize("parts", [[None], [b"half", None]])
def test_a_client_that_goes_away_is_a_loss_of_its_own_kind(
    make: Maker, sender: SwitchedSender, parts: list[bytes | None]
) -> None:
    """It is not too large, and there is nobody to answer."""
    answered = asyncio.run(send_parts(make(), parts))

    assert [] == answered
    assert [b'{"count":1,"reason":"client_disconnected"}'] == [event.value for event in sender.topic]


@pytest.mark.parametrize("parts", [[], [b"x"], [b"x"] * 100], ids=["never begun", "stopped", "a byte at a time"])
def test_a_body_that_does_not_end_is_given_up(make: Maker, sender: SwitchedSender, parts: list[bytes | None]) -> None:
    """Within its time, which begins with the headers, and with a reason of its own."""
    answered = asyncio.run(send_parts(make(body_within_s=0.05), parts, pause_s=0.02))

    assert [408] == answered
    assert [b'{"count":1,"reason":"too_slow"}'] == [event.value for event in sender.topic]


def test_bodies_that_are_being_read_are_bounded_together(make: Maker, sender: SwitchedSender) -> None:
    """However many clients, unfinished bodies hold a bounded number of bytes; what they held is given back."""
    app = make(reading_bytes=1000)
    answered = asyncio.run(send_parts(app, [b"x" * 600, b"x" * 600]))
    again = asyncio.run(send_parts(app, [b"x" * 600, None]))

    assert ([503], []) == (answered, again)
    assert [b'{"count":1,"reason":"busy"}', b'{"count":1,"reason":"client_disconnected"}'] == [
        event.value for event in sender.topic
    ]


class BrokenSender(SwitchedSender):
    """A Sender that raises what nobody expects."""

    def poll(self) -> None:
        """Raise once there is something to poll for."""
        if self.waiting:
            raise RuntimeError("beyond repair")


def test_a_dead_pump_is_told_by_every_answer(tmp_path: Path) -> None:
    """Not ready, not alive, no event is taken, and whoever runs the logger is told to end it."""
    metrics = Metrics()
    app = LoggerApp(Pipeline(BrokenSender(), Spool(tmp_path), metrics, Limits()), metrics, DoorSettings(flush_s=0.0))

    async def go() -> list[int]:
        async with serving(app) as client:
            taken = await client.post("/", content=b"{}", headers=EVENT)
            assert await wait_in_loop_until(lambda: bool(app.failure()))
            later = await client.post("/", content=b"{}", headers=EVENT)
            checks = [await client.get(path) for path in ("/readyz", "/livez")]
        return [answer.status_code for answer in (taken, later, *checks)]

    assert [200, 503, 503, 500] == asyncio.run(go())
    assert "the pump has stopped: RuntimeError('beyond repair')" == app.failure()


def test_readiness_says_what_moved(make: Maker) -> None:
    """The age of the last acknowledgement, what waits and for how long."""
    app = make()

    async def go() -> Any:
        async with serving(app) as client:
            await client.post("/", content=b"{}", headers=EVENT)
            assert await wait_in_loop_until(lambda: app.pipeline.in_flight == 0)
            return (await client.get("/readyz")).json()

    told = asyncio.run(go())

    assert (True, "", 0) == (told["ready"], told["problem"], told["waiting_events"])
    assert 0.0 <= told["acknowledged_s"] < 10.0
    assert told["spooled_s"] is None


def test_components_of_one_id_are_no_duplicates(make: Maker, sender: SwitchedSender) -> None:
    """A transformer and its predictor log under the client's id; the component travels untouched."""
    app = make()

    async def go() -> str:
        async with serving(app) as client:
            for component in ("transformer", "predictor"):
                await client.post("/", content=b"{}", headers=EVENT | {"ce-component": component})
            return (await client.get("/metrics")).text

    assert "pegel_logger_duplicates_seen_total{" not in asyncio.run(go())
    assert ["transformer", "predictor"] == [event.header("ce_component") for event in sender.topic]


def test_long_names_are_no_labels() -> None:
    """A label that a client makes up is bounded in length as well as in number."""
    assert "other" == Metrics().endpoint("m" * 1000)


def test_connections_that_the_server_ends_are_counted_by_kind(make: Maker) -> None:
    """What is no HTTP, or too large for it, never becomes an event; the metrics and the readiness tell of it."""
    app = make()
    with listening(app, ConnectionLimits(), app.connection_ends) as address:
        for said in (b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nx: " + b"x" * 20_000):
            with socket.create_connection(address) as client:
                client.sendall(said)
                everything(client)
        url = f"http://{address[0]}:{address[1]}"
        told = readiness(url)["connections_ended"]
        counted = [metric(url, "pegel_logger_connections_ended_total", reason=kind) for kind in sorted(told)]

    assert {"no_http": 1, "headers_too_large": 1} == told
    assert [1, 1] == counted


@pytest.mark.parametrize(
    ("parts", "accepted", "disconnected", "end"),
    [
        (["length", b"nonsense\r\n\r\n"], 1, 0, "no_http"),
        (["chunked"], 0, 1, "bad_body"),
        (["length"] * 10, 1, 0, "too_many_requests"),
    ],
    ids=["nonsense behind a whole one", "chunks that cannot be read", "one too many behind a whole one"],
)
def test_what_becomes_of_requests_whose_connection_is_ended(
    make: Maker, parts: list[str | bytes], accepted: int, disconnected: int, end: str
) -> None:
    """The one being answered is an event; one whose headers were whole is a loss; who waits behind is not known."""
    headers = b"".join(f"{name}: {value}\r\n".encode() for name, value in EVENT.items())
    requests = {
        "length": b"POST / HTTP/1.1\r\n%bcontent-length: 2\r\n\r\n{}" % headers,
        "chunked": b"POST / HTTP/1.1\r\n%btransfer-encoding: chunked\r\n\r\n2\r\n{}\r\nmany\r\n" % headers,
    }
    app = make()
    with listening(app, ConnectionLimits(), app.connection_ends) as address:
        with socket.create_connection(address) as client:
            client.sendall(b"".join(requests[part] if isinstance(part, str) else part for part in parts))
            everything(client)
        url = f"http://{address[0]}:{address[1]}"
        counted = (
            metric(url, "pegel_logger_events_accepted_total"),
            metric(url, "pegel_logger_events_dropped_total", reason="client_disconnected"),
        )
        told = readiness(url)["connections_ended"]

    assert ((accepted, disconnected), {end: 1}) == (counted, told)
