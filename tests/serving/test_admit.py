"""What the logger takes and what it refuses, judged by headers alone."""

from __future__ import annotations

import pytest

from pegel_serving.logger.admit import Refused, open_envelope, record_headers
from pegel_serving.logger.dead_letters import dead_letter
from pegel_serving.logger.kafka_record import KafkaRecord

GOOD = {
    b"ce-id": b"7",
    b"ce-type": b"org.kubeflow.serving.inference.request",
    b"ce-source": b"pod-1",
    b"ce-specversion": b"1.0",
    b"ce-time": b"2026-03-01T12:00:00.123456789Z",
    b"ce-recordedtime": b"2026-03-01T12:00:01.5Z",
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
    assert (b"7", "pegel.shop.inference", 1772366400123) == (event.key, event.topic, event.timestamp_ms)
    assert {
        "ce_id": b"7",
        "ce_type": b"org.kubeflow.serving.inference.request",
        "ce_source": b"pod-1",
        "ce_specversion": b"1.0",
        "ce_time": b"2026-03-01T12:00:00.123456789Z",
        "ce_recordedtime": b"2026-03-01T12:00:01.5Z",
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
        (b"ce-metadata", b"x" * 5000, 431, "headers_too_large"),
    ],
)
def test_other_refusals_say_why(name: bytes, value: bytes, status: int, reason: str) -> None:
    """Each refusal has a status for the sender and a reason for the counter."""
    with pytest.raises(Refused) as refusal:
        admit(GOOD | {name: value})

    assert (status, reason) == (refusal.value.status, refusal.value.reason)


@pytest.mark.parametrize("value", [b"yesterday", b"", b"2026-03-01T12:00:00"])
def test_an_unreadable_time_is_no_reason_to_lose_an_event(value: bytes) -> None:
    """Now stands in; the attribute itself travels on as it came."""
    event = admit(GOOD | {b"ce-time": value})

    assert event.timestamp_ms > 1772366400123
    assert value.decode() == event.header("ce_time")


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
    """Decoding what was encoded gives the same event."""
    event = admit(GOOD)

    assert event == KafkaRecord.decode(event.encode())
