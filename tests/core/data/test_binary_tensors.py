"""Binary tensors of protocol v2 give the rows that the same values give in JSON; what is wrong with them has a name."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.binary_tensors import values_of
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.decoding import count_rows, decode_batch
from pegel.data.payloads import MAX_VALUES
from pegel.errors import InvalidPayload

SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("c", Kind.CATEGORICAL), Field("p", Kind.NUMERIC, Role.PREDICTION)))
NUMBERS = {
    "BOOL": "?",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}


def texts(values: list[str]) -> bytes:
    """Return texts as a tensor of BYTES has them."""
    encoded = [value.encode() for value in values]
    return b"".join(len(text).to_bytes(4, "little") + text for text in encoded)


def body(tensors: list[tuple[dict[str, Any], bytes]], key: str = "inputs", *, indent: int | None = None) -> bytes:
    """Return a body of tensors, each with its bytes."""
    heads = [tensor | {"parameters": {"binary_data_size": len(data)}} for tensor, data in tensors]
    head = json.dumps({key: heads}, indent=indent, ensure_ascii=False).encode()
    return head + b"".join(data for _, data in tensors)


def columns(sent: bytes, role: Role = Role.FEATURE) -> Columns:
    """Decode one body, or raise why it is unreadable."""
    decoded = decode_batch([sent], SCHEMA, role)
    if decoded.errors:
        raise decoded.errors[0]
    return decoded.columns


def same(expected: Columns, given: Columns) -> bool:
    """Say whether two columns hold the same."""
    pairs = zip(expected.categorical, given.categorical, strict=True)
    numeric = np.array_equal(expected.numeric, given.numeric, equal_nan=True)
    return numeric and all(np.array_equal(one, other) for one, other in pairs)


@given(
    datatype=st.sampled_from(sorted(NUMBERS)),
    raw=st.binary(min_size=8, max_size=64).map(lambda raw: raw[: len(raw) // 8 * 8]),
    names=st.lists(st.text(st.characters(codec="utf-8"), max_size=3), min_size=8, max_size=64),
    zipped=st.booleans(),
)
def test_the_rows_are_those_of_json(datatype: str, raw: bytes, names: list[str], zipped: bool) -> None:
    """Whatever the bytes: numbers of each datatype beside texts are read as the same values in lists are."""
    kind = np.dtype(NUMBERS[datatype])
    raw = bytes(byte & 1 for byte in raw) if datatype == "BOOL" else raw
    numbers = np.frombuffer(raw, dtype=kind)
    carriers = (names * numbers.size)[: numbers.size]
    x = {"name": "x", "shape": [numbers.size], "datatype": datatype}
    c = {"name": "c", "shape": [numbers.size, 1], "datatype": "BYTES"}
    sent = body([(x, raw), (c, texts(carriers))])
    plain = json.dumps({"inputs": [x | {"data": numbers.tolist()}, c | {"data": carriers}]}).encode()
    sent = gzip.compress(sent) if zipped else sent

    assert same(columns(plain), columns(sent))
    assert numbers.size == count_rows(sent, Role.FEATURE)


def test_bytes_that_look_like_blanks_are_values() -> None:
    """A tensor whose bytes are blanks of JSON is no body without data; among others as well as alone."""
    x = {"name": "x", "shape": [4], "datatype": "INT8"}
    blanks = body([(x, b"\x20\x09\x0a\x0d")], indent=1)
    decoded = decode_batch([b'{"instances": [[1.0, "AA"]]}', blanks], SCHEMA, Role.FEATURE)

    assert [1, 32, 9, 10, 13] == decoded.columns.numeric[:, 0].tolist()
    assert {} == decoded.errors


def test_an_answer_may_be_half_binary() -> None:
    """Tensors with their data in the head stand beside binary ones."""
    other = {"name": "q", "shape": [2], "datatype": "FP64", "data": [1, 2]}
    p = {"name": "p", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}
    sent = json.dumps({"outputs": [other, p]}).encode() + np.array([0.5, -2], dtype="<f4").tobytes()

    assert [[0.5], [-2.0]] == columns(sent, Role.PREDICTION).numeric.tolist()


@pytest.mark.parametrize("byte", [b",", b"[", b"{"])
@pytest.mark.parametrize("zipped", [False, True])
def test_bytes_of_tensors_are_no_values(byte: bytes, zipped: bool) -> None:
    """A large tensor has the values that its datatype says, whatever its bytes look like."""
    rows = MAX_VALUES // 8 + 1
    sent = body([({"name": "x", "shape": [rows], "datatype": "FP64"}, byte * 8 * rows)])

    assert rows == count_rows(gzip.compress(sent) if zipped else sent, Role.FEATURE)


def head(values: int) -> bytes:
    """Return the head of a tensor of a byte whose own values and containers are so many."""
    tensor = b'{"name": "x", "shape": [1], "datatype": "UINT8", "parameters": {"binary_data_size": 1}}'
    begin, end = b'{"inputs": [' + tensor + b'], "more": [', b"]}"
    return begin + b",".join([b"1"] * (values - values_of(begin) + 1)) + end


@pytest.mark.parametrize("behind", [b",", b"1"])
def test_a_head_has_as_many_values_as_a_body(behind: bytes) -> None:
    """So many values are read and one more is too large, whatever byte the tensor is."""
    assert 1 == count_rows(head(MAX_VALUES) + behind, Role.FEATURE)
    with pytest.raises(InvalidPayload, match=f"more values than the {MAX_VALUES}") as caught:
        count_rows(head(MAX_VALUES + 1) + behind, Role.FEATURE)
    assert "too_large" == caught.value.kind


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "1" * 30, "1" * 5_000, "0.5", "-0", "null"])
@pytest.mark.parametrize("front", ["", " \n\t\r", "\ufeff", "\ufeff "])
@pytest.mark.parametrize("odd", ["", "\u00e9", "\\ud800"])
def test_a_head_is_read_by_the_rules_of_any_body(number: str, front: str, odd: str) -> None:
    """Numbers that strict JSON lacks, blanks in front, odd texts: the same is read as without a tensor."""
    x = f'{{"name": "x", "shape": [1], "datatype": "FP64", "data": [{number}]}}'
    q = f'{{"name": "q{odd}", "shape": [1], "datatype": "UINT8"'
    alone = f'{front}{{"inputs": [{x}, {q}, "data": [7]}}]}}'
    binary = f'{front}{{"inputs": [{x}, {q}, "parameters": {{"binary_data_size": 1}}}}]}}'

    assert outcome(alone.encode()) == outcome(binary.encode() + b"\7")


def outcome(sent: bytes) -> str:
    """Return the values that one body has for `x`, or the kind of what is wrong with it."""
    decoded = decode_batch([sent], SCHEMA, Role.FEATURE)
    return decoded.errors[0].kind if decoded.errors else str(decoded.columns.numeric[:, 0].tolist())


X = {"name": "x", "shape": [2], "datatype": "FP32"}
EIGHT = np.array([1, 2], dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("sent", "kind", "reason"),
    [
        (body([(X, EIGHT)])[:-1], "wrong_shape", "has 8 bytes of data, 7 are there"),
        (body([(X, EIGHT)]) + b"x", "wrong_shape", "1 bytes follow the last tensor"),
        (body([(X, EIGHT[:6])]), "wrong_shape", "has 6 bytes, expected a multiple of 4"),
        (body([(X, EIGHT[:4])]), "wrong_shape", "a tensor of 1 values has the shape"),
        (body([(X | {"datatype": "BF16"}, EIGHT)]), "wrong_shape", "has the datatype 'BF16'"),
        (body([(X | {"datatype": ["FP32"]}, EIGHT)]), "wrong_shape", "has the datatype"),
        (body([(X | {"data": [1, 2]}, EIGHT)]), "wrong_shape", "expected a number of bytes and no `data`"),
        (body([(X | {"datatype": "BYTES"}, b"\xff\x00\x00\x00x")]), "wrong_shape", "ends within a text"),
        (body([(X | {"datatype": "BYTES"}, b"\x01\x00\x00\x00\xff")]), "wrong_shape", "no text in UTF-8"),
        (body([(X | {"datatype": "UINT8"}, bytes(MAX_VALUES + 1))]), "too_large", "more values than are decoded"),
        (b'{"inputs": [{"parameters": {"binary_data_size": -1}}]}', "wrong_shape", "binary_data_size -1"),
        (b'{"binary_data_size": [' + b"{}," * MAX_VALUES + b"{}]}", "too_large", "are decoded"),
        (b'["binary_data_size"]', "wrong_shape", "no object"),
        (b'{"binary_data_size"', "not_json", "the head of the body"),
        (b'{"inputs":' + b"[" * 100_000 + b'"binary_data_size"', "not_json", "the head of the body"),
    ],
)
def test_what_is_wrong_with_binary_tensors_is_told(sent: bytes, kind: str, reason: str) -> None:
    """Each way in which a body can be broken has its kind and says what was expected; others are not touched by it."""
    decoded = decode_batch([b'{"instances": [[1.0, "AA"]]}', sent], SCHEMA, Role.FEATURE)

    assert (kind, [1]) == (decoded.errors[1].kind, list(decoded.errors))
    assert reason in str(decoded.errors[1])
    assert 1 == decoded.columns.n


@given(st.binary(max_size=40))
def test_whatever_follows_a_head_is_read_or_refused(rest: bytes) -> None:
    """No bytes behind a head end the decoder."""
    head = b'{"inputs": [{"name": "x", "datatype": "BYTES", "parameters": {"binary_data_size": %d}}]}' % len(rest)
    decoded = decode_batch([head + rest, head + b"." + rest], SCHEMA, Role.FEATURE)

    assert all(isinstance(error, InvalidPayload) for error in decoded.errors.values())


@pytest.mark.parametrize(("frame", "kind"), [(b"\0\0\0\0\5hello", "grpc_frame"), (b"\0\0\0\0\4hello", "not_json")])
def test_a_frame_of_grpc_is_called_so(frame: bytes, kind: str) -> None:
    """What another writer logs of gRPC is kept aside under its own reason."""
    with pytest.raises(InvalidPayload) as caught:
        count_rows(frame, Role.FEATURE)

    assert kind == caught.value.kind
