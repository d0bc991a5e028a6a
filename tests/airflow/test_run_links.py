"""Links beside a run's tasks lead to the model's page and to what the endpoint says of its model."""

from __future__ import annotations

from typing import Any

import pytest

from pegel_airflow.baseline_operator import BaselineJob
from pegel_airflow.ready import WaitReady
from pegel_airflow.run_links import EndpointLink, ModelPageLink

KEY: Any = None
"""Of a task instance; no link needs it."""


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's public address."""
    monkeypatch.setenv("PEGEL_PAGE_URL", "https://pegel.example.org/pegel/")


def waiting(url: str | None = None, **model: Any) -> WaitReady:
    """Return the operator as it is once it has looked."""
    operator = WaitReady(task_id="wait_ready", spec={"model": {"name": "delays", "version": 2} | model})
    operator.endpoint_url = url
    return operator


def test_the_page_is_that_of_the_model() -> None:
    """The address has the model and its version; a task that has no spec yet leads to the list."""
    early = BaselineJob(task_id="baseline", spec="{{ not rendered }}")

    assert ModelPageLink().get_link(waiting(), ti_key=KEY) == "https://pegel.example.org/pegel/models/delays/2"
    assert ModelPageLink().get_link(early, ti_key=KEY) == "https://pegel.example.org/pegel/"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ({}, "v1/models/delays-v2"),
        ({"protocol": "v2"}, "v2/models/delays-v2"),
        ({"served_name": "my model"}, "v1/models/my%20model"),
    ],
)
def test_the_endpoint_is_where_its_model_is_described(model: dict[str, Any], path: str) -> None:
    """A server of either protocol describes its model at the link's address."""
    link = EndpointLink().get_link(waiting("http://127.0.0.1:9/", **model), ti_key=KEY)

    assert link == f"http://127.0.0.1:9/{path}"


def test_without_an_endpoint_there_is_no_address() -> None:
    """A table, or an endpoint that never became ready, has no link."""
    assert EndpointLink().get_link(waiting(None), ti_key=KEY) == ""


def test_the_workflow_carries_its_links(workflows: Any) -> None:
    """Airflow keeps them with the tasks of an onboarding."""
    tasks = workflows["model_onboard"]
    links = {
        name: [link.name for link in tasks.get_task(name).operator_extra_links] for name in ("wait_ready", "baseline")
    }

    assert links == {"wait_ready": ["Pegel page", "Endpoint"], "baseline": ["Pegel page"]}
