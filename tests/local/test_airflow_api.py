"""Airflow's answers become values, and its refusals the right errors."""

from __future__ import annotations

import pytest
from fake_airflow import RUN, FakeAirflow, question, returned

from pegel.errors import InvalidSpec, NotFound, PegelError, PermanentError, Unavailable
from pegel.spec.monitor_spec import MonitorSpec
from pegel_local.airflow.airflow_api import AirflowApi, answers
from pegel_local.machine.ports import LOOPBACK, free_ports


def test_a_run_is_triggered_as_the_form_does(fake: FakeAirflow) -> None:
    """The answers travel as `conf`, and without a logical date several runs may be triggered in one second."""
    fake.answers.append((200, RUN))
    with AirflowApi(fake.url, "admin", "secret") as api:
        run = api.trigger("d", {"model.name": "delays"})

    assert ("d", "r", False) == (run.dag, run.id, run.ended)
    method, path, asked = fake.asked[1]
    assert ("POST", "/api/v2/dags/d/dagRuns") == (method, path)
    assert {"logical_date": None, "conf": {"model.name": "delays"}}.items() <= asked.items()


def test_an_error_of_airflows_own_is_asked_again_without_a_second_run(fake: FakeAirflow) -> None:
    """The id of a run is chosen before: what Airflow did, and said nothing of, is found under it."""
    fake.answers += [(500, {"detail": "database is locked"}), (409, {"detail": "exists"}), (200, RUN)]
    with AirflowApi(fake.url, "admin", "secret") as api:
        run = api.trigger("d", {})

    (_, _, first), (_, _, second), (method, path, _) = fake.asked[1:]
    assert ("r", first["dag_run_id"]) == (run.id, second["dag_run_id"])
    assert ("GET", f"/api/v2/dags/d/dagRuns/{first['dag_run_id']}") == (method, path.replace("%2B", "+"))


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, InvalidSpec), (422, InvalidSpec), (404, NotFound), (403, PermanentError), (503, Unavailable)],
)
def test_a_refusal_says_whether_to_try_again(fake: FakeAirflow, status: int, error: type[PegelError]) -> None:
    """Each family of status is the error whose root answers "try again?", with Airflow's own words."""
    fake.answers += [(status, {"detail": "because"})] * 4

    with AirflowApi(fake.url, "admin", "secret") as api, pytest.raises(error, match="because"):
        api.trigger("d", {})


def test_waiting_is_bounded(fake: FakeAirflow) -> None:
    """A run that goes on is left alone, and the caller told so."""
    fake.answers += [(200, RUN)] * 10
    with (
        AirflowApi(fake.url, "admin", "secret") as api,
        pytest.raises(Unavailable, match=r"did not end within 0\.1 s; it is \w+ and goes on"),
    ):
        api.wait(api.run("d", "r"), within_s=0.1)


def test_an_airflow_that_is_not_there_is_unavailable() -> None:
    """Nothing listens: the sentence says so, and how to look."""
    (port,) = free_ports(1)

    with pytest.raises(Unavailable, match=r"did not answer .* `pegel status`"):
        AirflowApi(f"http://{LOOPBACK}:{port}", "admin", "secret")


@pytest.mark.parametrize("given", [{"rows": 3}, "2 kept as they are", "3", '{"rows": 3}', None])
def test_what_a_task_returned_is_read(fake: FakeAirflow, given: object) -> None:
    """What a task returned is the value itself; a text stays one, also where it looks like a number or an object."""
    fake.answers += [(200, RUN), returned(given)]
    with AirflowApi(fake.url, "admin", "secret") as api:
        result = api.result(api.run("d", "r"), "baseline")

    assert (type(given), given) == (type(result), result)
    assert "/api/v2/dags/d/dagRuns/r/taskInstances/baseline/xcomEntries/return_value" == fake.asked[-1][1]


def test_an_open_question_is_answered_by_a_person(fake: FakeAirflow) -> None:
    """What waits is listed, without what is being prepared; an answer is one option, and why."""
    waiting, early = question("refresh-1+2"), question("refresh-2", state="running")
    fake.answers += [(200, {"hitl_details": [waiting, early]}), (200, {})]
    with AirflowApi(fake.url, "admin", "secret") as api:
        (asked,) = api.questions("approval")
        api.answer(asked, asked.options[0], why="it is winter")

    assert (asked.run, asked.subject, asked.options) == ("refresh-1+2", "May it?", ("yes", "no"))
    where = "/api/v2/dags/approval/dagRuns/refresh-1%2B2/taskInstances/ask/-1/hitlDetails"
    said = {"chosen_options": ["yes"], "params_input": {"why": "it is winter"}}
    assert ("PATCH", where, said) == fake.asked[-1]


def test_a_question_is_answered_once(fake: FakeAirflow) -> None:
    """Who comes second is told so, and changes nothing."""
    fake.answers += [(200, {"hitl_details": [question("r")]}), (409, {"detail": "has already been updated"})]
    with AirflowApi(fake.url, "admin", "secret") as api:
        (asked,) = api.questions("approval")
        with pytest.raises(PermanentError, match="has already been updated"):
            api.answer(asked, "no")


def test_a_run_has_a_page(fake: FakeAirflow) -> None:
    """The address of a run leads to Airflow's page about it, whatever letters its id has."""
    fake.answers.append((200, RUN | {"dag_run_id": "manual__2026-01-01T00:00:00+00:00"}))
    with AirflowApi(fake.url, "admin", "secret") as api:
        page = api.page(api.run("d", "r"))

    assert f"{fake.url}/dags/d/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00" == page


def test_a_field_that_holds_an_object_is_one_answer() -> None:
    """What is looked up, and by which policy, is asked for as a whole; sections are named field by field."""
    online = {"source": "local://flights", "keys": ["flight"], "features": {"gate": "null", "airline": "refuse"}}
    spec = MonitorSpec.parse(
        {
            "model": {"name": "delays", "uri": "file:///m"},
            "baseline": {"source": "local://d?version=1"},
            "online": online,
        }
    )
    given = answers(spec.to_json())

    assert {"gate": "null", "airline": "refuse"} == given["online.features"]
    assert ({}, "local://flights") == (given["online.defaults"], given["online.source"])
    assert {"model.name", "spec_version", "windowing.length"} <= given.keys()
