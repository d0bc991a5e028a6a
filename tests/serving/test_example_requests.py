"""The request of the probe, and of the example that people are shown, answered by a real model behind its proxy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fitted_models
import httpx
import processes
import pytest
import sinks

from pegel.data import example_request
from pegel.data.columns import Role, Schema
from pegel.data.decoding import decode_batch
from pegel.spec.monitor_spec import MonitorSpec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
WATCHED = Schema((*fitted_models.TICKET_FIELDS[1:], fitted_models.URGENT))
"""Times are not measured, so what is registered has them beside its fields."""
ROW: list[dict[str, Any]] = [
    {"name": "channel", "kind": "categorical", "value": "mail"},
    {"name": "language", "kind": "categorical", "value": "de"},
    {"name": "paid", "kind": "categorical", "value": True},
    {"name": "words", "kind": "numeric", "value": 3.0},
    {"name": "opened", "kind": "time", "value": "2026-03-01T05:00:00+00:00"},
    {"name": "registered_at", "kind": "time", "value": "2026-03-01T05:00:00+00:00"},
]
"""As the baseline job returns it: features in the order of the schema, then every column of times."""


@pytest.fixture(scope="module")
def model_server(services: Callable[..., processes.Service], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model of support tickets, which takes a time, categories and a truth value."""
    root = tmp_path_factory.mktemp("models")
    fitted_models.write_tickets(root / "tickets")
    options = ("--model-dir", str(root / "tickets"), "--name", "tickets-v1")
    return services("pegel_serving.server", *options, log=root / "log").url


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_a_model_that_takes_times_answers_it(
    services: Callable[..., processes.Service], model_server: str, sink: sinks.Sink, tmp_path: Path, protocol: str
) -> None:
    """What the model says it takes is sent by name, times too, and the monitor reads the row that was registered."""
    options = ("--upstream", model_server, "--logger", sink.url, "--name", "tickets-v1")
    proxy = services("pegel_serving.proxy", *options, log=tmp_path / "log").url
    model = {"name": "tickets", "uri": "file:///models/tickets", "protocol": protocol}
    spec = MonitorSpec.parse({"model": model, "baseline": {"source": "local://tickets"}})
    metadata = httpx.get(example_request.metadata_address(spec, proxy), trust_env=False).json()
    row = example_request.taken(ROW, example_request.inputs_of(metadata))
    answer = httpx.post(
        example_request.address(spec, proxy), json=example_request.body(spec.model.protocol, row), trust_env=False
    ).json()
    urgent = answer["predictions"][0]["urgent"] if protocol == "v1" else answer["outputs"][0]["data"][0]
    ((_, request), _) = sink.wait_for(2)
    seen = decode_batch([request], WATCHED, Role.FEATURE)

    assert ["channel", "language", "paid", "words", "opened"] == [field["name"] for field in row]
    assert "no" == urgent
    assert {} == seen.errors
    assert (["mail", "de", "true"], [[3.0]]) == (
        [column[0] for column in seen.columns.categorical],
        seen.columns.numeric.tolist(),
    )
