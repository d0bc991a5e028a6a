"""One row as a client sends it, in both protocols and as a command."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from pegel.data import example_request
from pegel.data.columns import Role
from pegel.data.payloads import rows_of
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import sample_spec

ROW: list[dict[str, Any]] = [
    {"name": "distance", "kind": "numeric", "value": 447.0},
    {"name": "airline", "kind": "categorical", "value": "WN"},
    {"name": "weekend", "kind": "categorical", "value": True},
    {"name": "gate", "kind": "categorical", "value": 7.0},
    {"name": "booked", "kind": "time", "value": "2026-11-28T09:30:00+00:00"},
]
BY_NAME = {field["name"]: field["value"] for field in ROW}
MATRIX = {"inputs": [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}]}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"inputs": [{"name": name} for name in ("booked", "airline", "unknown")]}, ["airline", "booked"]),
        (MATRIX, ["distance", "airline", "weekend", "gate"]),
        ({"inputs": "odd"}, ["distance", "airline", "weekend", "gate"]),
        (None, ["distance", "airline", "weekend", "gate"]),
    ],
    ids=["names columns", "a matrix", "no list", "says nothing"],
)
def test_what_the_model_takes_is_sent(metadata: Any, expected: list[str]) -> None:
    """A model that names its inputs is sent these, times too; of one that does not, what is watched."""
    row = example_request.taken(ROW, example_request.inputs_of(metadata))

    assert expected == [field["name"] for field in row]


def wished(protocol: str) -> MonitorSpec:
    """Return a spec of the protocol."""
    return sample_spec(model={"name": "delays", "uri": "file:///models/delays", "protocol": protocol})


@pytest.mark.parametrize(
    ("protocol", "address", "body"),
    [
        ("v1", "http://e/v1/models/delays-v1:predict", {"instances": [BY_NAME]}),
        (
            "v2",
            "http://e/v2/models/delays-v1/infer",
            {
                "inputs": [
                    {"name": "distance", "shape": [1, 1], "datatype": "FP64", "data": [447.0]},
                    {"name": "airline", "shape": [1, 1], "datatype": "BYTES", "data": ["WN"]},
                    {"name": "weekend", "shape": [1, 1], "datatype": "BYTES", "data": ["true"]},
                    {"name": "gate", "shape": [1, 1], "datatype": "BYTES", "data": ["7"]},
                    {"name": "booked", "shape": [1, 1], "datatype": "BYTES", "data": ["2026-11-28T09:30:00+00:00"]},
                ]
            },
        ),
    ],
)
def test_both_protocols_are_spoken(protocol: str, address: str, body: dict[str, Any]) -> None:
    """Address and body follow the protocol that the spec names; a category is the text that the monitor counts."""
    spec = wished(protocol)

    assert (address, body) == (
        example_request.address(spec, "http://e/"),
        example_request.body(spec.model.protocol, ROW),
    )


NUMBERS: list[dict[str, Any]] = [
    {"name": "wind", "kind": "numeric", "value": 9.5},
    {"name": "angle", "kind": "numeric", "value": 3.0},
    {"name": "booked", "kind": "time", "value": "2026-11-28T09:30:00+00:00"},
]


@pytest.mark.parametrize(
    ("inputs", "name"),
    [({"features"}, "features"), (set(), "input-0"), ({"wind", "angle"}, "input-0")],
    ids=["named", "not named", "columns"],
)
def test_a_server_that_takes_one_matrix_is_sent_one(inputs: set[str], name: str) -> None:
    """By v2, behind the columns by name and without times; the monitor reads both as the same row."""
    spec = sample_spec(model={"name": "delays", "url": "http://e", "protocol": "v2"})
    by_name, matrix = example_request.bodies(spec, NUMBERS[:2], inputs)
    names = ("wind", "angle")

    assert [{"name": name, "shape": [1, 2], "datatype": "FP64", "data": [9.5, 3.0]}] == matrix["inputs"]
    assert [[9.5, 3.0]] == [list(row) for row in rows_of(matrix, Role.FEATURE, names)]
    assert [[9.5, 3.0]] == [list(row) for row in rows_of(by_name, Role.FEATURE, names)]
    assert matrix == example_request.bodies(spec, NUMBERS, inputs)[1]
    assert by_name == example_request.body("v2", NUMBERS[:2])


def test_text_fits_no_matrix() -> None:
    """A row with a category is sent by name alone, and so is every row to a server of ours."""
    theirs = sample_spec(model={"name": "delays", "url": "http://e", "protocol": "v2"})

    assert 1 == len(example_request.bodies(theirs, ROW))
    assert 1 == len(example_request.bodies(wished("v2"), NUMBERS))


@pytest.mark.parametrize("text", ["O'Hare", '"$(x)" `y` !z', "two\nlines\\", "\x1b[31m\u202eröt", ""])
@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_a_shell_sends_what_was_meant(protocol: str, text: str) -> None:
    """Whatever a row holds, quotes and line breaks included, a shell hands it to curl as the body."""
    spec = wished(protocol)
    row: list[dict[str, Any]] = [
        {"name": text, "kind": "categorical", "value": text},
        {"name": "x", "kind": "numeric", "value": None},
    ]
    request = example_request.body(spec.model.protocol, row)
    words = shlex.split(example_request.command(spec, "http://e", request).replace("\\\n", ""))

    assert ["curl", "-s", example_request.address(spec, "http://e")] == words[:3]
    assert ["-H", "Content-Type: application/json", "-d"] == words[3:6]
    assert request == json.loads(words[6])
