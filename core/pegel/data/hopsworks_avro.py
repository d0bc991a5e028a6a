"""Messages of the inference log of Hopsworks: Avro by itself, without headers.

Its schema `inferenceschema` has four versions, told apart by what follows the fields that all of them have: deployments
by KServe write version 4, one message for a request and one for its response. Versions 1 to 3 hold a request and its
answer in one record. Source: "Inference Logger" of the Hopsworks documentation, and that of its releases before KServe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

from fastavro import parse_schema, schemaless_reader

from pegel.data.wire import HEADER_ENDPOINT, HEADER_ID, HEADER_TYPE, REQUEST_TYPE, RESPONSE_TYPE
from pegel.errors import InvalidPayload
from pegel.spec import names

_KINDS = {"modelVersion": "int", "requestTimestamp": "long", "responseHttpCode": "int"}
_OF_ALL = ("modelName", "modelVersion", "requestTimestamp", "responseHttpCode")
_PAIR = ("inferenceRequest", "inferenceResponse")


def _schema(number: str, *texts: str) -> dict[str, Any]:
    fields = [{"name": number, "type": "int"}]
    fields += [{"name": name, "type": _KINDS.get(name, "string")} for name in (*_OF_ALL, *texts)]
    return {"name": "inferencelog", "type": "record", "fields": fields}


SCHEMAS: Final[Mapping[int, dict[str, Any]]] = {
    1: _schema("modelId", *_PAIR),
    2: _schema("modelId", *_PAIR, "servingType"),
    3: _schema("modelId", *_PAIR, "modelServer", "servingTool"),
    4: _schema("servingId", "inferenceId", "messageType", "payload"),
}
"""The schema of a record by its version: fields in this order, numbers and texts."""
_HEAD, _TEXT = parse_schema(_schema("number", "first", "second")), parse_schema({"type": "string"})
"""What records of all versions begin with, and what may follow."""
_MOST_TEXTS = 2
"""Of version 3; behind the type of a message of version 4 there is one."""
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


def read_messages(record: bytes, recorded_us: int, place: str) -> tuple[Message, ...]:
    """Return the message in a record, or both of one that holds a request and its response; the request is first.

    A record of a response that is no answer holds none.

    The broker dates the record `recorded_us`; `place` says where it lies, and no other record has the same. It is the
    id of both messages of versions 1 to 3, which have none of their own. Raises InvalidPayload for any other bytes.

    Model `Fraud_Model` of version 2 is the endpoint `fraud-model-v2`: names of endpoints have neither capitals nor
    underscores. Times are in milliseconds or, as published ones are, in whole seconds; then the record's own time is
    taken where it is less than a minute later, because most latencies are shorter than a second. Nobody holds a client
    to either, so micro- and nanoseconds are read as well; all four are told apart by their size. A response of versions
    1 to 3 has no time: it is that of the record, which is written once there is an answer, where it is less than a
    minute later. A response whose status is not 200, of any version, is no answer, as it is none of other writers,
    which do not log it.
    """
    fields, texts = _read(record)
    if len(texts) == 1 and fields["second"] in _TYPES:
        if fields["second"] == "response" and fields["responseHttpCode"] != HTTPStatus.OK:
            return ()
        return (_message(fields, fields["second"], fields["first"], texts[0], _time_us(fields, recorded_us)),)
    if fields["second"] in _TYPES or (len(texts) == 1 and not fields["first"].lstrip().startswith("{")):
        # The end of a message is missing, or neither its type stands there nor a request.
        told = f"messageType {fields['second'][:80]!r} and inferenceId {fields['first'][:80]!r}"
        raise _wrong(f"it has the {told}, expected request or response, and an id")
    asked_us = _time_us(fields, recorded_us)
    request = _message(fields, "request", place, fields["first"], asked_us)
    if fields["responseHttpCode"] != HTTPStatus.OK:
        return (request,)
    answered_us = recorded_us if 0 <= recorded_us - asked_us < _MINUTE_US else asked_us
    return request, _message(fields, "response", place, fields["second"], answered_us)


def _message(fields: Mapping[str, Any], kind: str, event_id: str, body: str, time_us: int) -> Message:
    if not event_id:
        raise _wrong(f"it has the messageType {kind!r} and inferenceId '', expected request or response, and an id")
    endpoint = names.endpoint(names.model_of_hopsworks(fields["modelName"]), fields["modelVersion"])
    named = event_id.encode()
    headers = [(HEADER_ID, named), (HEADER_TYPE, _TYPES[kind].encode()), (HEADER_ENDPOINT, endpoint.encode())]
    return Message(named, headers, time_us, body.encode())


def _read(record: bytes) -> tuple[dict[str, Any], list[str]]:
    """Return what records of all versions begin with, and the texts behind it up to the record's end."""
    # No deployment has the number 0, with which a record of its own would begin.
    data = record[_REGISTRY_BYTES:] if record[:1] == b"\0" else record
    stream, texts = BytesIO(data), list[str]()
    try:
        fields: Any = schemaless_reader(stream, _HEAD, None)
        most = 1 if fields["second"] in _TYPES else _MOST_TEXTS
        while stream.tell() < len(data) and len(texts) < most:
            texts.append(str(schemaless_reader(stream, _TEXT, None)))
    except (EOFError, IndexError, ValueError, OverflowError, MemoryError) as error:
        raise _wrong(f"reading it ends with {type(error).__name__}") from error
    if stream.tell() != len(data) or not isinstance(fields, dict):
        raise _wrong(f"{len(data) - stream.tell()} bytes follow its last field")
    return fields, texts


def _time_us(fields: Mapping[str, Any], recorded_us: int) -> int:
    stamp = int(fields["requestTimestamp"])
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
