"""Messages of the inference log of Hopsworks are events like those of other writers; other bytes say why not."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_writer
from hypothesis import example, given
from hypothesis import strategies as st

from pegel.data.events import EventType, parse_attributes
from pegel.data.hopsworks_avro import SCHEMAS, Message, read_messages
from pegel.errors import InvalidPayload

BODY = '{"instances": [[1.5, "AA"]]}'
AT = 1_772_323_200
I64 = 2**63 - 1
PLACE = "fraud-inference/0/17"
ANSWER = '{"predictions": [3.0]}'


def written(values: dict[str, Any], version: int) -> bytes:
    """Return a record as a client of Avro writes it."""
    buffer = BytesIO()
    schemaless_writer(buffer, SCHEMAS[version], values)
    return buffer.getvalue()


def read_message(record: bytes, recorded_us: int) -> Message:
    """Return the one message in a record of version 4."""
    (message,) = read_messages(record, recorded_us, PLACE)
    return message


def paired(version: int, **changes: Any) -> bytes:
    """Return a request of model `delays` in version 1 and its response, in one record of an older schema."""
    values: dict[str, Any] = {
        "modelId": 12,
        "modelName": "delays",
        "modelVersion": 1,
        "requestTimestamp": AT * 1_000,
        "responseHttpCode": 200,
        "inferenceRequest": BODY,
        "inferenceResponse": ANSWER,
        "servingType": "SKLEARN",
        "modelServer": "PYTHON",
        "servingTool": "DEFAULT",
    }
    return written(values | changes, version)


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
    return written(values | changes, 4)


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


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_record_of_an_older_schema_is_a_request_and_its_response(version: int) -> None:
    """Versions 1 to 3 hold both: two messages under one id, which is where the record lies."""
    request, response = read_messages(paired(version), 0, PLACE)

    assert ((EventType.REQUEST, "delays-v1"), (EventType.RESPONSE, "delays-v1")) == (said(request), said(response))
    assert {PLACE.encode()} == {request.event_id, response.event_id}
    assert (BODY.encode(), ANSWER.encode()) == (request.body, response.body)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("status", [-1, 0, 201, 400, 500])
def test_an_older_record_of_a_failed_request_is_a_request_alone(version: int, status: int) -> None:
    """What came back with another status than 200 is no answer: the request is without one."""
    messages = read_messages(paired(version, responseHttpCode=status, inferenceResponse='{"error": "no"}'), 0, PLACE)

    assert [(EventType.REQUEST, BODY.encode())] == [(said(each)[0], each.body) for each in messages]


@pytest.mark.parametrize(
    ("stamp", "recorded_us", "asked_us", "answered_us"),
    [
        (AT * 1_000, AT * 1_000_000 + 40_000, AT * 1_000_000, AT * 1_000_000 + 40_000),
        (AT * 1_000, (AT + 60) * 1_000_000, AT * 1_000_000, AT * 1_000_000),
        (AT * 1_000, AT * 1_000_000 - 1, AT * 1_000_000, AT * 1_000_000),
        (AT, AT * 1_000_000 + 40_000, AT * 1_000_000 + 40_000, AT * 1_000_000 + 40_000),
        (AT, (AT + 60) * 1_000_000, AT * 1_000_000, AT * 1_000_000),
    ],
    ids=["milliseconds", "milliseconds, much later", "milliseconds, before", "seconds", "seconds, much later"],
)
def test_an_older_record_was_written_once_there_was_an_answer(
    stamp: int, recorded_us: int, asked_us: int, answered_us: int
) -> None:
    """Seconds and milliseconds are told apart; the response is as late as its record, within a minute."""
    request, response = read_messages(paired(2, requestTimestamp=stamp), recorded_us, PLACE)

    assert (asked_us, answered_us) == (request.time_us, response.time_us)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_damaged_record_of_an_older_schema_says_what_is_wrong(version: int) -> None:
    """Cut or longer, it is no message, and the reason stands beside it."""
    for record in (paired(version)[:-1], paired(version) + b"\4{}" * 3):
        with pytest.raises(InvalidPayload, match="no message of the inference log") as caught:
            read_messages(record, 0, PLACE)

        assert "missing_header" == caught.value.kind


def test_a_message_that_ends_before_its_body_is_no_older_record() -> None:
    """Version 4 without its last field has as many fields as version 1, and is refused all the same."""
    whole = logged(payload="")

    with pytest.raises(InvalidPayload, match="messageType 'request'"):
        read_messages(whole[:-1], 0, PLACE)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_refused(record: bytes) -> None:
    """Nothing that stands in a record ends the reader."""
    outcome = outcome_of(record)

    assert outcome in {"message", "missing_header"}


@given(
    st.sampled_from([logged(), *map(paired, (1, 2, 3))]),
    st.lists(st.tuples(st.integers(0, len(logged()) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, 120),
)
def test_a_damaged_message_is_a_message_or_refused(whole: bytes, changes: list[tuple[int, int]], kept: int) -> None:
    """Nor does a message of which bytes were changed or are missing."""
    record = bytearray(whole)
    for at, value in changes:
        record[at] = value

    assert outcome_of(bytes(record[:kept])) in {"message", "missing_header"}


def outcome_of(record: bytes) -> str:
    """Return what came of a record: `message`, or the kind of what is wrong with it."""
    try:
        messages = read_messages(record, 0, PLACE)
    except InvalidPayload as error:
        return error.kind
    fit = all(each.event_id and -I64 - 1 <= each.time_us <= I64 for each in messages)
    return "message" if fit and len(messages) in {1, 2} else "neither"
