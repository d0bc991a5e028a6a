"""One row as a client sends it, in both protocols and as a command."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from pegel.data import example_request
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import sample_spec

ROW: list[dict[str, Any]] = [
    {"name": "distance", "kind": "numeric", "value": 447.0},
    {"name": "airline", "kind": "categorical", "value": "WN"},
]


def wished(protocol: str) -> MonitorSpec:
    """Return a spec of the protocol."""
    return sample_spec(model={"name": "delays", "uri": "file:///models/delays", "protocol": protocol})


@pytest.mark.parametrize(
    ("protocol", "address", "body"),
    [
        ("v1", "http://e/v1/models/delays-v1:predict", {"instances": [[447.0, "WN"]]}),
        (
            "v2",
            "http://e/v2/models/delays-v1/infer",
            {
                "inputs": [
                    {"name": "distance", "shape": [1, 1], "datatype": "FP64", "data": [447.0]},
                    {"name": "airline", "shape": [1, 1], "datatype": "BYTES", "data": ["WN"]},
                ]
            },
        ),
    ],
)
def test_both_protocols_are_spoken(protocol: str, address: str, body: dict[str, Any]) -> None:
    """Address and body follow the protocol that the spec names."""
    spec = wished(protocol)

    assert (address, body) == (example_request.address(spec, "http://e/"), example_request.body(spec, ROW))


@pytest.mark.parametrize("text", ["O'Hare", '"$(x)" `y` !z', "two\nlines\\", "\x1b[31m\u202eröt", ""])
@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_a_shell_sends_what_was_meant(protocol: str, text: str) -> None:
    """Whatever a row holds, quotes and line breaks included, a shell hands it to curl as the body."""
    spec = wished(protocol)
    row: list[dict[str, Any]] = [
        {"name": text, "kind": "categorical", "value": text},
        {"name": "x", "kind": "numeric", "value": None},
    ]
    words = shlex.split(example_request.command(spec, "http://e", row).replace("\\\n", ""))

    assert ["curl", "-s", example_request.address(spec, "http://e")] == words[:3]
    assert ["-H", "Content-Type: application/json", "-d"] == words[3:6]
    assert example_request.body(spec, row) == json.loads(words[6])
