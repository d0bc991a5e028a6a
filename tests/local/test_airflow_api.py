"""Airflow's answers become values, and its refusals the right errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pegel.errors import InvalidSpec, NotFound, PegelError, PermanentError, Unavailable
from pegel_local.airflow.airflow_api import AirflowApi
from pegel_local.machine.ports import LOOPBACK, free_ports

RUN = {"dag_id": "d", "dag_run_id": "r", "state": "queued", "start_date": None, "end_date": None}


@dataclass
class Fake:
    """An Airflow that answers what it is told, in order, and keeps what it was asked."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Serve a fake Airflow over real HTTP; the first question is always the log-in."""
    state = Fake(answers=[(201, {"access_token": "t"})])

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            state.asked.append((self.command, self.path, json.loads(body) if body else None))
            status, content = state.answers.pop(0)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815 - the server's names

        def log_message(self, *_arguments: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.url = f"http://{LOOPBACK}:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_run_is_triggered_as_the_form_does(fake: Fake) -> None:
    """The answers travel as `conf`, and without a logical date several runs may be triggered in one second."""
    fake.answers.append((200, RUN))
    with AirflowApi(fake.url, "admin", "secret") as api:
        run = api.trigger("d", {"model.name": "delays"})

    assert ("d", "r", False) == (run.dag, run.id, run.ended)
    assert fake.asked[1] == ("POST", "/api/v2/dags/d/dagRuns", {"logical_date": None, "conf": {"model.name": "delays"}})


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, InvalidSpec), (422, InvalidSpec), (404, NotFound), (403, PermanentError), (503, Unavailable)],
)
def test_a_refusal_says_whether_to_try_again(fake: Fake, status: int, error: type[PegelError]) -> None:
    """Each family of status is the error whose root answers "try again?", with Airflow's own words."""
    fake.answers.append((status, {"detail": "because"}))

    with AirflowApi(fake.url, "admin", "secret") as api, pytest.raises(error, match="because"):
        api.trigger("d", {})


def test_a_failed_run_is_explained_by_its_first_failed_task(fake: Fake) -> None:
    """The explanation names the task and ends with its log, the error's own words included."""
    tasks = [
        {
            "task_id": "ring",
            "map_index": -1,
            "state": "upstream_failed",
            "duration": None,
            "try_number": 0,
            "start_date": None,
        },
        {
            "task_id": "wait_ready",
            "map_index": -1,
            "state": "failed",
            "duration": 9.0,
            "try_number": 2,
            "start_date": "2026",
        },
    ]
    lines = [
        {"event": "looking"},
        {"event": "Task failed", "error_detail": [{"exc_type": "E", "exc_value": "no room"}]},
    ]
    fake.answers += [(200, RUN | {"state": "failed"}), (200, {"task_instances": tasks}), (200, {"content": lines})]
    with AirflowApi(fake.url, "admin", "secret") as api:
        told = api.why_failed(api.wait(api_run(fake, api), within_s=5))

    assert told == "d: task wait_ready failed; its log ends:\nlooking\nTask failed\nE: no room"


def api_run(fake: Fake, api: AirflowApi) -> Any:
    """Return the run as it was when it was triggered."""
    fake.answers.insert(0, (200, RUN))
    return api.run("d", "r")


def test_waiting_is_bounded(fake: Fake) -> None:
    """A run that goes on is left alone, and the caller told so."""
    fake.answers += [(200, RUN)] * 10
    with (
        AirflowApi(fake.url, "admin", "secret") as api,
        pytest.raises(Unavailable, match=r"did not end within 0\.1 s; it goes on"),
    ):
        api.wait(api.run("d", "r"), within_s=0.1)


def test_an_airflow_that_is_not_there_is_unavailable() -> None:
    """Nothing listens: the sentence says so, and how to look."""
    (port,) = free_ports(1)

    with pytest.raises(Unavailable, match=r"did not answer .* `pegel status`"):
        AirflowApi(f"http://{LOOPBACK}:{port}", "admin", "secret")
