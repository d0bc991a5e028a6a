"""Messages of the inference log of Hopsworks: Avro by itself, without headers, one message a record.

This is version 4 of its schema `inferenceschema`, which deployments by KServe write. Older versions hold a request and
its answer in one record, and are refused. Source: "Inference Logger" of the Hopsworks documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_reader

from pegel.data.wire import HEADER_ENDPOINT, HEADER_ID, HEADER_TYPE, REQUEST_TYPE, RESPONSE_TYPE
from pegel.errors import InvalidPayload
from pegel.spec import names

_NUMBERS = {"servingId": "int", "modelVersion": "int", "requestTimestamp": "long", "responseHttpCode": "int"}
_FIELDS = (
    "servingId",
    "modelName",
    "modelVersion",
    "requestTimestamp",
    "responseHttpCode",
    "inferenceId",
    "messageType",
    "payload",
)
SCHEMA = {
    "name": "inferencelog",
    "type": "record",
    "fields": [{"name": name, "type": _NUMBERS.get(name, "string")} for name in _FIELDS],
}
"""The schema of a message: fields in this order, numbers and texts."""
_PARSED = parse_schema(SCHEMA)
_TYPES = {"request": REQUEST_TYPE, "response": RESPONSE_TYPE}
_REGISTRY_BYTES = 5
"""What a client of a schema registry writes in front: a zero, and four bytes that name the schema."""
_FIRST_IN_MS = 100_000_000_000
"""From here on a time is in milliseconds, from 1973 on; below it is in seconds, until 5138."""
_FIRST_IN_US = 1_000 * _FIRST_IN_MS
"""From here on it is in microseconds, likewise."""
_FIRST_IN_NS = 1_000 * _FIRST_IN_US
"""From here on it is in nanoseconds, of which 64 bits hold those until 2262."""
_MOST = 2**63 - 1
_SECOND_US, _MILLISECOND_US, _MINUTE_US = 1_000_000, 1_000, 60_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """One request or response, as any other writer logs it.

    `event_id`: what a request and its response share. `headers`: of a CloudEvent that says the same. `time_us`: when it
    came or ended, in microseconds since the epoch, of 64 bits. `body`: what was sent, JSON.
    """

    event_id: bytes
    headers: list[tuple[str, bytes]]
    time_us: int
    body: bytes


def read_message(record: bytes, recorded_us: int) -> Message:
    """Return the message in a record that the broker dates `recorded_us`. Raises InvalidPayload for any other bytes.

    Model `Fraud_Model` of version 2 is the endpoint `fraud-model-v2`: names of endpoints have neither capitals nor
    underscores. Times are in milliseconds or, as published ones are, in whole seconds; then the record's own time is
    taken where it is less than a minute later, because most latencies are shorter than a second. Nobody holds a client
    to either, so micro- and nanoseconds are read as well; all four are told apart by their size.
    """
    fields = _fields(record)
    kind, event_id = _TYPES.get(fields["messageType"]), fields["inferenceId"].encode()
    if kind is None or not event_id:
        what = f"messageType {fields['messageType'][:80]!r} and inferenceId {fields['inferenceId'][:80]!r}"
        raise _wrong(f"it has the {what}, expected request or response, and an id")
    endpoint = names.endpoint(fields["modelName"].lower().replace("_", "-"), fields["modelVersion"])
    said = {HEADER_TYPE: kind.encode(), HEADER_ENDPOINT: endpoint.encode()}
    time_us = _time_us(fields["requestTimestamp"], recorded_us)
    return Message(event_id, [(HEADER_ID, event_id), *said.items()], time_us, fields["payload"].encode())


def _fields(record: bytes) -> dict[str, Any]:
    """Return the fields of a record, read to its end."""
    # No deployment has the number 0, with which a record of its own would begin.
    data = record[_REGISTRY_BYTES:] if record[:1] == b"\0" else record
    stream = BytesIO(data)
    try:
        fields = schemaless_reader(stream, _PARSED, None)
    except (EOFError, IndexError, ValueError, OverflowError, MemoryError) as error:
        raise _wrong(f"reading it ends with {type(error).__name__}") from error
    if stream.tell() != len(data) or not isinstance(fields, dict):
        raise _wrong(f"{len(data) - stream.tell()} bytes follow its last field")
    return fields


def _time_us(stamp: int, recorded_us: int) -> int:
    if stamp >= _FIRST_IN_NS:
        return min(stamp, _MOST) // _MILLISECOND_US
    if stamp >= _FIRST_IN_US:
        return stamp
    if stamp >= _FIRST_IN_MS:
        return stamp * _MILLISECOND_US
    second = max(stamp, -_FIRST_IN_MS) * _SECOND_US
    return recorded_us if 0 <= recorded_us - second < _MINUTE_US else second


def _wrong(what: str) -> InvalidPayload:
    told = f"header {HEADER_ID} is missing, and the record is no message of the inference log of Hopsworks: {what}"
    return InvalidPayload("missing_header", f"{told}; it is kept aside")
