"""A small client of Airflow's public REST API: trigger a workflow, follow it, read what became of it.

The address may be any Airflow's; nothing in here is local. Reference: Airflow 3 `/api/v2` and `/auth/token`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from pegel.errors import InvalidSpec, NotFound, PermanentError, Unavailable

ENDED = ("success", "failed")
WAITING = ("awaiting_input", "deferred")
"""States of a task that a person is to answer."""
LOOK_EVERY_S = 0.5
AGAIN_AFTER_S = (0.5, 1.0, 2.0)
"""Pauses before what Airflow failed at is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a workflow. `ended_at` is None while it goes on.

    `conf`: what it was started with. `by`: who has started it, empty where nobody did. `note`: of a run that failed,
    why, a line for each task.
    """

    dag: str
    id: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    conf: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    note: str = ""

    @property
    def ended(self) -> bool:
        """Say whether nothing of it will run any more."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of a run. `seconds` is None until it ended."""

    id: str
    map_index: int
    state: str | None
    seconds: float | None
    try_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """What a task waits for a person to say: one of `options`. `subject` and `body` (Markdown) are what is asked."""

    dag: str
    run: str
    task: str
    map_index: int
    subject: str
    body: str
    options: tuple[str, ...]


class AirflowApi:
    """One session with one Airflow, as one user."""

    def __init__(self, url: str, user: str, password: str, *, timeout_s: float = 30.0) -> None:
        """Log in. Raises Unavailable when nothing answers, PermanentError when the password is refused."""
        self._client = httpx.Client(base_url=url, timeout=timeout_s, trust_env=False)
        answer = self._send("POST", "/auth/token", json={"username": user, "password": password})
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def __enter__(self) -> Self:
        """Use it as a context manager to close its connections."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._client.close()

    def dags(self) -> list[str]:
        """Return the names of the workflows that Airflow has read."""
        return sorted(str(each["dag_id"]) for each in self._send("GET", "/api/v2/dags")["dags"])

    def import_errors(self) -> list[str]:
        """Return what is wrong with workflow files, one text each."""
        answer = self._send("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{each['filename']}: {each['stack_trace'].strip().splitlines()[-1]}" for each in answer]

    def has_connection(self, name: str) -> bool:
        """Say whether Airflow's database has a connection. Raises PermanentError for whoever may not see them."""
        try:
            self._send("GET", f"/api/v2/connections/{quote(name, safe='')}")
        except NotFound:
            return False
        return True

    def trigger(self, dag: str, params: dict[str, Any]) -> Run:
        """Start a run with the answers that the form would send.

        Its id is chosen here, so that asking again after Airflow's own error starts no second run.

        Raises InvalidSpec when an answer breaks the form's rules (no run exists then), NotFound without such a
        workflow, Unavailable when Airflow fails again and again.
        """
        run = f"manual__{datetime.now(UTC).isoformat()}_{secrets.token_hex(4)}"
        asked = {"dag_run_id": run, "logical_date": None, "conf": params}
        try:
            return _run(self._send("POST", f"/api/v2/dags/{dag}/dagRuns", json=asked))
        except _ThereAlready:
            return self.run(dag, run)

    def run(self, dag: str, run: str) -> Run:
        """Look at a run now."""
        return _run(self._send("GET", f"/api/v2/dags/{dag}/dagRuns/{run}"))

    def runs(self, dag: str, limit: int = 20) -> list[Run]:
        """Return the latest runs of a workflow, newest first."""
        answer = self._send("GET", f"/api/v2/dags/{dag}/dagRuns", params={"order_by": "-run_after", "limit": limit})
        return [_run(each) for each in answer["dag_runs"]]

    def tagged(self, tag: str) -> list[str]:
        """Return the names of the workflows that have a tag, at most a hundred."""
        return sorted(self.paused(tag))

    def paused(self, tag: str) -> dict[str, bool]:
        """Return of each workflow that has a tag, at most a hundred, whether it is paused."""
        answer = self._send("GET", "/api/v2/dags", params={"tags": tag, "limit": 100})
        return {str(each["dag_id"]): bool(each.get("is_paused")) for each in answer["dags"]}

    def runs_of(self, dags: Sequence[str], limit: int, *, states: Sequence[str] = ()) -> list[Run]:
        """Return the latest runs of several workflows, newest first; of no other states than `states`, if any."""
        asked = {"dag_ids": list(dags), "order_by": "-run_after", "page_limit": limit}
        asked |= {"states": list(states)} if states else {}
        answer = self._send("POST", "/api/v2/dags/~/dagRuns/list", json=asked)
        return [_run(each) for each in answer["dag_runs"]]

    def tasks(self, run: Run) -> list[Task]:
        """Return the tasks of a run in the order of their start."""
        answer = self._send("GET", f"/api/v2/dags/{run.dag}/dagRuns/{run.id}/taskInstances", params={"limit": 100})
        ordered = sorted(answer["task_instances"], key=lambda each: each["start_date"] or "~")
        return [
            Task(
                id=each["task_id"],
                map_index=each["map_index"],
                state=each["state"],
                seconds=each["duration"],
                try_number=each["try_number"],
            )
            for each in ordered
        ]

    def log(self, run: Run, task: Task) -> list[Any]:
        """Return the log of a task's last try: texts, or entries with `event` and, of errors, `error_detail`."""
        where = f"/api/v2/dags/{run.dag}/dagRuns/{run.id}/taskInstances/{task.id}/logs/{max(1, task.try_number)}"
        answer = self._send("GET", where, params={"map_index": task.map_index, "full_content": True})
        return list(answer["content"])

    def result(self, run: Run, task: str) -> Any:
        """Return what a task returned: a text as itself, an object as one. Raises NotFound when it returned nothing."""
        where = f"/api/v2/dags/{run.dag}/dagRuns/{run.id}/taskInstances/{task}/xcomEntries/return_value"
        return self._send("GET", where)["value"]

    def questions(self, dag: str) -> list[OpenQuestion]:
        """Return what tasks of a workflow wait to be told, as Airflow's page *Required Actions* lists it."""
        listed = self._send("GET", f"/api/v2/dags/{dag}/dagRuns/~/hitlDetails", params={"response_received": False})
        waiting = [one for one in listed["hitl_details"] if one["task_instance"]["state"] in WAITING]
        return [_question(one) for one in waiting]

    def answer(self, question: OpenQuestion, option: str, **inputs: Any) -> None:
        """Answer a question with one of its options, and with the inputs that it asks for beside them.

        Raises InvalidSpec where it has no such option, PermanentError where somebody has answered already.
        """
        where = f"/api/v2/dags/{question.dag}/dagRuns/{quote(question.run, safe='')}"
        where += f"/taskInstances/{question.task}/{question.map_index}/hitlDetails"
        self._send("PATCH", where, json={"chosen_options": [option], "params_input": inputs})

    def page(self, run: Run) -> str:
        """Return the address of a run in Airflow's UI."""
        return f"{str(self._client.base_url).rstrip('/')}/dags/{run.dag}/runs/{quote(run.id, safe='')}"

    def wait(self, run: Run, *, within_s: float, look: Callable[[Run], None] = lambda _run: None) -> Run:
        """Follow a run to its end. Raises Unavailable when it takes longer; `look` is told of each look."""
        deadline, now = time.monotonic() + within_s, run
        while time.monotonic() < deadline:
            now = self.run(run.dag, run.id)
            look(now)
            if now.ended:
                return now
            time.sleep(LOOK_EVERY_S)
        raise Unavailable(
            f"the run {run.id} of {run.dag} did not end within {within_s:g} s; it is {now.state} and goes on. A "
            f"machine that does much else takes longer: follow it at {self.page(run)}, or try again when it does less."
        )

    def _send(self, method: str, path: str, **options: Any) -> Any:
        """Ask once, and again where Airflow fails: its database may be locked for a moment."""
        answer = self._answer(method, path, **options)
        for pause_s in AGAIN_AFTER_S:
            if not answer.is_server_error:
                break
            time.sleep(pause_s)
            answer = self._answer(method, path, **options)
        _check(answer)
        return answer.json()

    def _answer(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            where = self._client.base_url
            raise Unavailable(
                f"Airflow at {where} did not answer ({type(error).__name__}). Is it up? `pegel status`"
            ) from error


class _ThereAlready(PermanentError):
    """What was to be made is there."""


def _check(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    said = _said(answer)
    if answer.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY):
        raise InvalidSpec(f"Airflow refused it: {said}. Nothing was started.")
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotFound(f"Airflow does not know {answer.request.url.path}: {said}.")
    if answer.is_server_error:
        raise Unavailable(
            f"Airflow answered {answer.status_code} to {answer.request.url.path}, {1 + len(AGAIN_AFTER_S)} times: "
            f"{said}. What it was doing may be under way: look, and try again."
        )
    if answer.status_code == httpx.codes.CONFLICT:
        raise _ThereAlready(f"Airflow has it already: {said}.")
    raise PermanentError(f"Airflow answered {answer.status_code} to {answer.request.url.path}: {said}.")


def _said(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:500] or answer.reason_phrase
    # Of an answer that breaks the form's rules the first paragraph says which and how; the rest is the schema.
    return detail.split("\n\n")[0] if isinstance(detail, str) else str(detail)[:500]


def _run(data: dict[str, Any]) -> Run:
    return Run(
        dag=data["dag_id"],
        id=data["dag_run_id"],
        state=data["state"],
        started_at=_instant(data["start_date"]),
        ended_at=_instant(data["end_date"]),
        conf=data.get("conf") or {},
        by=data.get("triggering_user_name") or "",
        note=data.get("note") or "",
    )


def _question(data: dict[str, Any]) -> OpenQuestion:
    task = data["task_instance"]
    return OpenQuestion(
        dag=task["dag_id"],
        run=task["dag_run_id"],
        task=task["task_id"],
        map_index=task["map_index"],
        subject=data["subject"],
        body=data["body"] or "",
        options=tuple(data["options"]),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


ALL_BY_DEFAULT = "watch.features"
"""The field of which a spec says `all` and the form nothing."""


def answers(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec as the form's answers: each is named by section and field, e.g. `windowing.length`.

    What a field holds is its answer, also an object: sections have none of their own.
    """
    flat: dict[str, Any] = {}
    for name, value in spec.items():
        is_section = isinstance(value, Mapping)
        flat |= {f"{name}.{field}": given for field, given in value.items()} if is_section else {name: value}
    if flat.get(ALL_BY_DEFAULT) == "all":
        flat[ALL_BY_DEFAULT] = []
    return flat
