"""Bodies with the same head are read together, and give what each of them gives alone."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.alike_heads import rows_of_alike
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.decoding import decode_batch

NAMES = ("x", "c")
SCHEMA = Schema(tuple(Field(name, kind) for name, kind in zip(NAMES, (Kind.NUMERIC, Kind.CATEGORICAL), strict=True)))
FP64 = np.array([0.5, -1.0, np.nan, 3.0]).tobytes()


def packed(texts: list[str]) -> bytes:
    """Return texts as a tensor of BYTES has them."""
    return b"".join(len(text.encode()).to_bytes(4, "little") + text.encode() for text in texts)


def body(*tensors: tuple[str, str, list[Any], bytes], **other: Any) -> bytes:
    """Return a body of tensors: name, datatype, shape and bytes."""
    heads = [
        {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(data)}}
        for name, datatype, shape, data in tensors
    ]
    return json.dumps({"inputs": heads} | other).encode() + b"".join(data for *_, data in tensors)


def plain(rows: int, at: int, *, column: bool = False) -> bytes:
    """Return a body of a number and a text in each row, one of two with the same head."""
    shape = [rows, 1] if column else [rows]
    numbers = ("x", "FP64", shape, FP64[8 * at : 8 * (at + rows)])
    return body(numbers, ("c", "BYTES", shape, packed(["aa", "bb", "\u00e9"][at : at + rows])))


ODD: list[list[bytes]] = [
    [plain(1, at) + b" " for at in range(3)],
    [plain(1, at) + b"." for at in range(3)],
    [plain(1, at)[:-1] for at in range(3)],
    [b" " + plain(1, at) for at in range(3)],
    [gzip.compress(plain(1, at), mtime=0) for at in range(3)],
    [body(("both", "INT8", [2, 2], bytes([at, 1, 2, 3]))) for at in range(3)],
    [body(("both", "BOOL", [1, 3], bytes([at, 1, 2]))) for at in range(3)],
    [body(("x", "UINT16", [2], bytes(4)), ("more", "FP32", [2, 2], bytes(16)))] * 3,
    [body(("x", "UINT16", [2], bytes(4)), ("c_0", "FP32", [2, 2], bytes(16)))] * 3,
    [body(("x", "UINT8", [2], bytes(2)), ("c", "UINT8", [1], bytes([at]))) for at in range(3)],
    [body(("x", "UINT8", [2], bytes(2)), ("x", "UINT8", [2], bytes(2)))] * 3,
    [body(("x", "UINT8", [2], bytes([at, at])), instances=[[1.0, "aa"], [2.0, "bb"]]) for at in range(3)],
    [body(("x", "UINT8", [1], bytes([at])), outputs=[{"name": "c", "shape": [1], "data": [1]}]) for at in range(3)],
    [body(("x", "FP128", [1], bytes(16)))] * 3,
    [body(("x", "FP64", [1], bytes(9)))] * 3,
    [body(("x", "FP64", [0], b""))] * 3,
    [body(("x", "FP64", [True], bytes(8)))] * 3,
    [body(("x", "FP64", [], bytes(8)))] * 3,
    [body(("c", "BYTES", [1], data)) for data in (packed(["abcdefgh"]), packed(["ab", "cd"]), b"\xff" * 12)],
    [body(("c", "BYTES", [1], data)) for data in (packed(["abcd"]), b"\4\0\0\0" + b"\xff" * 4, packed(["", ""]))],
    [b'{"instances": [[1.0, "aa"]]}'] * 3,
    [b'["binary_data_size"]'] * 3,
    [b'{"binary_data_size": '] * 3,
]
PLAIN: list[list[bytes]] = [
    [plain(1, at) for at in range(3)],
    [plain(2, min(at, 1)) for at in range(3)],
    [plain(1, at, column=True) for at in range(3)],
]


def read(bodies: list[bytes]) -> tuple[list[Any], list[int], dict[int, tuple[str, str]]]:
    """Return rows, how many each body has, and what is unreadable."""
    decoded = decode_batch(bodies, SCHEMA, Role.FEATURE)
    errors = {at: (error.kind, str(error)) for at, error in decoded.errors.items()}
    columns = decoded.columns
    codes = [] if columns.missing is None else columns.missing[:, 0].tolist()
    values = [repr(value) for value in columns.numeric[:, 0].tolist()]
    return [*zip(values, codes or [0] * columns.n, columns.categorical[0], strict=True)], decoded.rows.tolist(), errors


@given(st.lists(st.tuples(st.sampled_from(PLAIN + ODD), st.integers(0, 2)), max_size=12))
def test_together_they_give_what_each_gives_alone(drawn: list[tuple[list[bytes], int]]) -> None:
    """Rows, their numbers and what is unreadable are those of one by one, whatever stands beside a body."""
    bodies = [alike[at] for alike, at in drawn]
    alone = [read([one]) for one in bodies]
    rows, counts, errors = read(bodies)

    assert [row for own, _, _ in alone for row in own] == rows
    assert [count for _, own, _ in alone for count in own] == counts
    assert {at: own[0] for at, (_, _, own) in enumerate(alone) if own} == errors


@pytest.mark.parametrize("alike", ODD)
def test_an_odd_body_twice_gives_what_it_gives_alone(alike: list[bytes]) -> None:
    """Two bodies with the same odd head are as odd together."""
    bodies = [*alike, alike[0]]
    alone, (rows, counts, errors) = [read([one]) for one in bodies], read(bodies)

    assert [row for own, _, _ in alone for row in own] == rows
    assert [count for _, own, _ in alone for count in own] == counts
    assert {at: own[0] for at, (_, _, own) in enumerate(alone) if own} == errors


def test_bodies_with_the_same_head_are_read_together() -> None:
    """Of two senders that differ in their heads each is read in one go; only the broken body is left out."""
    bodies = [plain(1, 0), plain(1, 0, column=True), plain(1, 1), plain(1, 0, column=True), plain(1, 1)[:-1]]
    rows = rows_of_alike(bodies, Role.FEATURE, NAMES)

    assert {0: [(0.5, "aa")], 1: [(0.5, "aa")], 2: [(-1.0, "bb")], 3: [(0.5, "aa")]} == rows
