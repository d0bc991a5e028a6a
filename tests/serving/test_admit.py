"""What the logger takes and what it refuses, judged by headers alone."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from pegel_serving.cloudevent import rfc3339
from pegel_serving.logger.admit import Refused, open_envelope, record_headers
from pegel_serving.logger.dead_letters import dead_letter
from pegel_serving.logger.kafka_record import KafkaRecord

AT_NS = (int(time.time()) - 3600) * 10**9
"""An hour ago: older than a week would be refused."""
GOOD = {
    b"ce-id": b"7",
    b"ce-type": b"org.kubeflow.serving.inference.request",
    b"ce-source": b"pod-1",
    b"ce-specversion": b"1.0",
    b"ce-time": rfc3339(AT_NS + 123_456_789).encode(),
    b"ce-recordedtime": rfc3339(AT_NS + 1_500_000_000).encode(),
    b"ce-namespace": b"shop",
    b"ce-inferenceservicename": b"delays-v1",
    b"ce-endpoint": b"",
    b"ce-metadata": b"{}",
    b"content-type": b"application/json",
    b"user-agent": b"Go-http-client/1.1",
}


def admit(headers: dict[bytes, bytes]) -> KafkaRecord:
    """Open an envelope and put a body in."""
    return open_envelope(headers.items(), max_header_bytes=4096).event(b'{"instances": [[1e400]]}')


def test_the_record_carries_the_body_untouched() -> None:
    """Bytes in, bytes out: key, topic, time and headers come from the attributes."""
    event = admit(GOOD)

    assert b'{"instances": [[1e400]]}' == event.value
    assert (b"7", "pegel.shop.inference", AT_NS // 10**6 + 123) == (event.key, event.topic, event.timestamp_ms)
    assert {
        "ce_id": b"7",
        "ce_type": b"org.kubeflow.serving.inference.request",
        "ce_source": b"pod-1",
        "ce_specversion": b"1.0",
        "ce_time": GOOD[b"ce-time"],
        "ce_recordedtime": GOOD[b"ce-recordedtime"],
        "ce_namespace": b"shop",
        "ce_inferenceservicename": b"delays-v1",
        "ce_endpoint": b"",
        "ce_metadata": b"{}",
        "content-type": b"application/json",
    } == dict(event.headers)


@pytest.mark.parametrize("name", [b"ce-id", b"ce-type", b"ce-source", b"ce-specversion"])
@pytest.mark.parametrize("value", [None, b""])
def test_four_attributes_are_required(name: bytes, value: bytes | None) -> None:
    """Without one of them, or with an empty one, it is no CloudEvent."""
    headers = {key: other for key, other in GOOD.items() if key != name} | ({} if value is None else {name: value})

    with pytest.raises(Refused, match=name.decode()) as refusal:
        admit(headers)

    assert (400, "missing_attribute") == (refusal.value.status, refusal.value.reason)


@pytest.mark.parametrize(
    ("name", "value", "status", "reason"),
    [
        (b"ce-type", b"com.example.other", 400, "unknown_type"),
        (b"ce-namespace", b"../etc", 400, "bad_namespace"),
        (b"ce-namespace", b"a" * 64, 400, "bad_namespace"),
        (b"ce-namespace", b"a" * 600, 400, "bad_namespace"),
        (b"ce-namespace", b"shop\xe9", 400, "bad_namespace"),
        (b"ce-inferenceservicename", b"m" * 64, 400, "bad_endpoint"),
        (b"ce-inferenceservicename", b"Delays", 400, "bad_endpoint"),
        (b"ce-component", b"pre dictor", 400, "bad_component"),
        (b"ce-component", b"p" * 64, 400, "bad_component"),
        (b"ce-id", b"x" * 257, 400, "long_attribute"),
        (b"ce-clientid", b"x" * 257, 400, "long_attribute"),
        (b"ce-source", b"x" * 1025, 400, "long_attribute"),
        (b"content-type", b"x" * 257, 400, "long_attribute"),
        (b"ce-metadata", b"x" * 5000, 431, "headers_too_large"),
    ],
)
def test_other_refusals_say_why(name: bytes, value: bytes, status: int, reason: str) -> None:
    """Each refusal has a status for the sender and a reason for the counter."""
    with pytest.raises(Refused) as refusal:
        admit(GOOD | {name: value})

    assert (status, reason) == (refusal.value.status, refusal.value.reason)


@pytest.mark.parametrize(
    ("value", "replaced"),
    [
        (b"yesterday", "unreadable"),
        (b"", "unreadable"),
        (b"2026-03-01T12:00:00", "unreadable"),
        (b"0000-01-01T00:00:00Z", "unreadable"),
        (b"10000-01-01T00:00:00Z", "unreadable"),
        (b"253402300799", "unreadable"),
        (b"-1", "unreadable"),
        (b"9999-12-31T23:59:59Z", "ahead"),
        (b"9999-12-31T23:59:59-23:59", "ahead"),
        (rfc3339(AT_NS + 2 * 3600 * 10**9).encode(), "ahead"),
    ],
)
def test_a_time_that_cannot_be_used_is_no_reason_to_lose_an_event(value: bytes, replaced: str) -> None:
    """Now stands in, and that is counted; the attribute itself travels on as it came."""
    before_ms = int(time.time() * 1000)
    envelope = open_envelope((GOOD | {b"ce-time": value}).items(), max_header_bytes=4096)
    event = envelope.event(b"{}")

    assert replaced == envelope.replaced
    assert before_ms <= event.timestamp_ms <= time.time() * 1000
    assert value.decode() == event.header("ce_time")


def time_of(value: bytes) -> float | None:
    """Return an event's time as it is read, in seconds since the epoch."""
    return open_envelope((GOOD | {b"ce-recordedtime": value}).items(), max_header_bytes=4096).recorded_s


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (b"2026-03-01t12:00:00z", b"2026-03-01T12:00:00Z"),
        (b"2026-03-01t14:00:00+02:00", b"2026-03-01T12:00:00Z"),
        (b"2016-12-31T23:59:60Z", b"2016-12-31T23:59:59.999999Z"),
        (b"2016-12-31t23:59:60.5z", b"2016-12-31T23:59:59.999999Z"),
        (b"2017-01-01T08:59:60+09:00", b"2016-12-31T23:59:59.999999Z"),
        (b"2012-06-30T19:59:60-04:00", b"2012-06-30T23:59:59.999999Z"),
    ],
)
def test_a_time_of_rfc_3339_is_read(value: bytes, same: bytes) -> None:
    """Small letters mean the same, and a leap second belongs to the minute that it ends."""
    assert time_of(same) is not None
    assert time_of(same) == time_of(value)


@pytest.mark.parametrize(
    "value",
    [
        b"2026-03-01T12:00:60Z",
        b"2016-12-30T23:59:60Z",
        b"2016-12-31T23:59:60+01:00",
        b"2016-12-31T23:59:61Z",
        b"2016-12-31T23:59:60",
        b"2016-02-31T23:59:60Z",
        b"0000-12-31T23:59:60Z",
        b"0001-01-01T00:59:60+14:00",
        b"9999-12-31T23:59:60-14:00",
    ],
)
def test_a_second_60_is_a_leap_second_or_none(value: bytes) -> None:
    """There has been none but at the end of June and of December, in UTC."""
    assert time_of(value) is None


@pytest.mark.parametrize(
    "value",
    [
        b"0001-01-01T00:00:00Z",
        b"0001-01-01T00:00:00+14:00",
        b"1969-12-31T23:59:59Z",
        b"1970-01-01T00:00:00Z",
        rfc3339(AT_NS - 7 * 86_400 * 10**9).encode(),
    ],
)
def test_an_event_for_which_no_window_waits_is_refused_and_told(value: bytes) -> None:
    """It could be judged nowhere, so its loss is told of its endpoint at once."""
    with pytest.raises(Refused) as refusal:
        admit(GOOD | {b"ce-time": value})

    assert (400, "too_old") == (refusal.value.status, refusal.value.reason)
    assert refusal.value.lost is not None
    assert ("pegel.shop.inference", "delays-v1") == (
        refusal.value.lost.topic,
        refusal.value.lost.header("ce_inferenceservicename"),
    )


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        (b"ce-namespace", 63),
        (b"ce-inferenceservicename", 63),
        (b"ce-component", 63),
        (b"ce-id", 256),
        (b"ce-clientid", 256),
        (b"ce-source", 1024),
    ],
)
def test_names_and_ids_may_be_as_long_as_stated(name: bytes, longest: int) -> None:
    """The bounds are inclusive."""
    event = admit(GOOD | {name: b"a" * longest})

    assert b"a" * longest == dict(event.headers)[name.decode().replace("-", "_", 1)]


def test_without_a_namespace_the_default_one_is_meant() -> None:
    """KServe always names one; other senders may not."""
    event = admit({name: value for name, value in GOOD.items() if name != b"ce-namespace"})

    assert "pegel.default.inference" == event.topic


def test_both_times_give_the_lag_of_the_agent() -> None:
    """Recorded time less event time is how long the event waited in the agent."""
    envelope = open_envelope(GOOD.items(), max_header_bytes=4096)

    assert envelope.recorded_s is not None
    assert envelope.time_s is not None
    assert 1.376543 == pytest.approx(envelope.recorded_s - envelope.time_s, abs=1e-5)


def test_a_dead_letter_keeps_what_came_and_says_why() -> None:
    """Headers as they came, the body, and the reason."""
    letter = dead_letter(record_headers((GOOD | {b"ce-type": b"odd"}).items()), b"body", reason="unknown_type")

    assert ("pegel.shop.dead-letters", b"body") == (letter.topic, letter.value)
    assert ("odd", "unknown_type", "") == (
        letter.header("ce_type"),
        letter.header("dlq_reason"),
        letter.header("dlq_truncated"),
    )


def test_a_dead_letter_never_takes_its_topic_from_a_bad_name() -> None:
    """A namespace that cannot be part of a topic falls back to the default one."""
    letter = dead_letter([("ce_namespace", b"no such!")], b"", reason="bad_namespace")

    assert "pegel.default.dead-letters" == letter.topic


def test_the_form_on_disk_loses_nothing() -> None:
    """Decoding what was encoded gives the same event; its headers may stand in another order."""
    event = admit(GOOD)
    decoded = KafkaRecord.decode(event.encode())

    assert sorted(event.headers) == sorted(decoded.headers)
    assert replace(event, headers=()) == replace(decoded, headers=())


TRACED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("metadata", "given", "expected"),
    [
        ({"Traceparent": [TRACED]}, None, TRACED),
        ({"Traceparent": [TRACED]}, "00-proxy", "00-proxy"),
        ({"Traceparent": [TRACED, TRACED]}, None, ""),
        ({"Traceparent": []}, None, ""),
        ({"Traceparent": [7]}, None, ""),
        ({"Traceparent": TRACED}, None, ""),
        ({"Traceparent": ["\u20ac"]}, None, ""),
        (["Traceparent"], None, ""),
    ],
)
def test_what_an_agent_of_kserve_hands_on_is_followed(metadata: object, given: str | None, expected: str) -> None:
    """Of a client that asks once; what the sender says itself comes first, and what is none is no reason to refuse."""
    said = {} if given is None else {b"traceparent": given.encode()}
    headers = GOOD | {b"ce-metadata": json.dumps(metadata).encode()} | said

    assert expected == open_envelope(headers.items(), max_header_bytes=16_384).traceparent.decode()


@pytest.mark.parametrize("fault", ["unavailable", "unknown", "stale"])
def test_a_fault_of_a_look_up_is_an_attribute(fault: str) -> None:
    """What a transformer tells in the metadata of an event stands in a header of its own, and in the metadata."""
    metadata = b'{"Pegel-Entities":["[[\\"WN1\\"]]"],"Pegel-Look-Up":["%s"]}' % fault.encode()
    event = admit(GOOD | {b"ce-metadata": metadata})

    assert (fault.encode(), metadata) == (dict(event.headers)["ce_lookup"], dict(event.headers)["ce_metadata"])


@pytest.mark.parametrize(
    "metadata",
    [
        b"{}",
        b'{"Pegel-Look-Up":["something else"]}',
        b'{"Pegel-Look-Up":"stale"}',
        b'{"Pegel-Look-Up":["stale","stale"]}',
        b'{"Pegel-Look-Up":[["stale"]]}',
        b"Pegel-Look-Up",
        b'["Pegel-Look-Up"]',
    ],
)
def test_what_no_transformer_tells_is_no_fault(metadata: bytes) -> None:
    """Metadata that says something else, or nothing, makes no header, and the event is taken."""
    event = admit(GOOD | {b"ce-metadata": metadata})

    assert ("ce_lookup" in dict(event.headers), metadata) == (False, dict(event.headers)["ce_metadata"])
