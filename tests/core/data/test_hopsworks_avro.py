"""Messages of the inference log of Hopsworks are events like those of other writers; other bytes say why not."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import example, given
from hypothesis import strategies as st

from pegel.data.events import EventType, parse_attributes
from pegel.data.hopsworks_avro import Message, read_message
from pegel.errors import InvalidPayload

BODY = '{"instances": [[1.5, "AA"]]}'
AT = 1_772_323_200
I64 = 2**63 - 1
KINDS = {
    "servingId": "int",
    "modelName": "string",
    "modelVersion": "int",
    "requestTimestamp": "long",
    "responseHttpCode": "int",
    "inferenceId": "string",
    "messageType": "string",
    "payload": "string",
}
OLDER = {
    "modelId": "int",
    "modelName": "string",
    "modelVersion": "int",
    "requestTimestamp": "long",
    "responseHttpCode": "int",
    "inferenceRequest": "string",
    "inferenceResponse": "string",
}


def written(values: dict[str, Any], kinds: dict[str, str]) -> bytes:
    """Return a record as a client of Avro writes it."""
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    buffer = BytesIO()
    schemaless_writer(buffer, parse_schema({"name": "inferencelog", "type": "record", "fields": fields}), values)
    return buffer.getvalue()


def logged(**changes: Any) -> bytes:
    """Return a request of model `delays` in version 1."""
    values: dict[str, Any] = {
        "servingId": 12,
        "modelName": "delays",
        "modelVersion": 1,
        "requestTimestamp": AT,
        "responseHttpCode": 200,
        "inferenceId": "one",
        "messageType": "request",
        "payload": BODY,
    }
    return written(values | changes, KINDS)


def said(message: Message) -> tuple[EventType, str]:
    """Return what the headers of a message say."""
    attributes = parse_attributes(dict(message.headers))
    return attributes.type, attributes.endpoint


def test_a_message_is_an_event_of_its_model() -> None:
    """A request and its response share an id, name the endpoint of their model, and hold what was sent."""
    request, response = (read_message(logged(messageType=kind), 0) for kind in ("request", "response"))

    assert ((EventType.REQUEST, "delays-v1"), (EventType.RESPONSE, "delays-v1")) == (said(request), said(response))
    assert (b"one", b"one", BODY.encode()) == (request.event_id, response.event_id, request.body)


def test_names_of_models_become_those_of_endpoints() -> None:
    """Capitals and underscores, which Hopsworks allows, are none of an endpoint's name."""
    message = read_message(logged(modelName="Fraud_Model", modelVersion=2), 0)

    assert (EventType.REQUEST, "fraud-model-v2") == said(message)


@pytest.mark.parametrize(
    ("stamp", "recorded_us", "time_us"),
    [
        (AT * 1_000 + 250, AT * 1_000_000, AT * 1_000_000 + 250_000),
        (AT, AT * 1_000_000 + 999_999, AT * 1_000_000 + 999_999),
        (AT, AT * 1_000_000, AT * 1_000_000),
        (AT, AT * 1_000_000 - 1, AT * 1_000_000),
        (AT, (AT + 60) * 1_000_000, AT * 1_000_000),
        (AT, -1, AT * 1_000_000),
        (-5, 0, 0),
        (AT * 1_000_000 + 250_001, AT * 1_000_000, AT * 1_000_000 + 250_001),
        (AT * 1_000_000_000 + 250_001_999, AT * 1_000_000, AT * 1_000_000 + 250_001),
    ],
    ids=[
        "milliseconds",
        "within the minute",
        "at once",
        "before",
        "much later",
        "undated",
        "before 1970",
        "microseconds",
        "nanoseconds",
    ],
)
def test_times_are_as_fine_as_can_be_known(stamp: int, recorded_us: int, time_us: int) -> None:
    """Finer times are kept; of whole seconds the record's own time is taken, where it is less than a minute later."""
    assert time_us == read_message(logged(requestTimestamp=stamp), recorded_us).time_us


@given(st.integers(-I64 - 1, I64), st.integers(-I64 - 1, I64))
@example(I64, 0)
@example(-I64 - 1, I64)
def test_any_time_fits_into_64_bits(stamp: int, recorded_us: int) -> None:
    """Whatever number a message has for its time, the time in microseconds is one of 64 bits."""
    assert -I64 - 1 <= read_message(logged(requestTimestamp=stamp), recorded_us).time_us <= I64


def test_a_number_of_more_than_64_bits_is_none_of_avro() -> None:
    """A time written in twenty bytes makes a message of 64 bits, or none."""
    before, after = logged(requestTimestamp=0).split(b"\0\x90\x03")
    record = before + b"\xff" * 19 + b"\1" + b"\x90\x03" + after

    assert outcome_of(record) in {"message", "missing_header"}


def test_what_a_client_of_a_registry_writes_in_front_is_passed_over() -> None:
    """A zero and the number of the schema change nothing."""
    assert read_message(logged(), 0) == read_message(b"\0\0\0\0\7" + logged(), 0)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b"", "EOFError"),
        (BODY.encode(), "reading it ends"),
        (logged()[:-1], "EOFError"),
        (logged() + b"{}", "2 bytes follow"),
        (logged(inferenceId=""), "an id"),
        (logged(messageType="error"), "'error'"),
        (b"\0\0\0\0", "EOFError"),
    ],
    ids=["nothing", "JSON", "cut", "longer", "without an id", "another type", "a registry's beginning alone"],
)
def test_other_bytes_say_what_is_wrong(record: bytes, says: str) -> None:
    """Whatever is no message is refused as an event without an id, and why it is none."""
    with pytest.raises(InvalidPayload, match=says) as caught:
        read_message(record, 0)

    assert "missing_header" == caught.value.kind


def test_a_record_of_an_older_schema_is_refused() -> None:
    """Versions 1 to 3 hold request and answer in one record: it is no message, and its request stands in the reason."""
    older = written(
        {
            "modelId": 12,
            "modelName": "delays",
            "modelVersion": 1,
            "requestTimestamp": AT * 1_000,
            "responseHttpCode": 200,
            "inferenceRequest": BODY,
            "inferenceResponse": '{"predictions": [3.0]}',
        },
        OLDER,
    )

    with pytest.raises(InvalidPayload, match="no message of the inference log"):
        read_message(older, 0)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_refused(record: bytes) -> None:
    """Nothing that stands in a record ends the reader."""
    outcome = outcome_of(record)

    assert outcome in {"message", "missing_header"}


@given(st.lists(st.tuples(st.integers(0, len(logged()) - 1), st.integers(0, 255)), max_size=4), st.integers(0, 80))
def test_a_damaged_message_is_a_message_or_refused(changes: list[tuple[int, int]], kept: int) -> None:
    """Nor does a message of which bytes were changed or are missing."""
    record = bytearray(logged())
    for at, value in changes:
        record[at] = value

    assert outcome_of(bytes(record[:kept])) in {"message", "missing_header"}


def outcome_of(record: bytes) -> str:
    """Return what came of a record: `message`, or the kind of what is wrong with it."""
    try:
        message = read_message(record, 0)
    except InvalidPayload as error:
        return error.kind
    fits = -I64 - 1 <= message.time_us <= I64
    return "message" if message.event_id and fits else "neither"
