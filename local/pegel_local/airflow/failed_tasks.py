"""Why a run failed: each failed task in its own words, and the end of its log for whoever wants to see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pegel.errors import PegelError
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel_local.airflow.airflow_api import AirflowApi, Run, Task

LOG_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTask:
    """One failed task: what it is called, why in one line, and its log, a line each."""

    name: str
    sentence: str
    log: list[str]


def failed_tasks(airflow: AirflowApi, run: Run) -> list[FailedTask]:
    """Return the failed tasks of a run in the order of their start; not those that were never begun because of them."""
    return [_failed(task, _log(airflow, run, task)) for task in airflow.tasks(run) if task.state == "failed"]


def why_failed(airflow: AirflowApi, run: Run, *, goal: str = "", log_lines: int = 0) -> str:
    """Return a line for each failed task of a run; with `log_lines` also as many last lines of its log.

    `goal` is the task that should have succeeded: where none failed, it is named as not done.
    """
    failed = failed_tasks(airflow, run)
    if not failed:
        undone = f" and {goal} was not done: it may have been ended by hand" if goal else ""
        return f"no task of {run.dag} failed, but the run is {run.state}{undone}"
    return "\n".join(line for task in failed for line in _lines(task, log_lines))


def _lines(task: FailedTask, log_lines: int) -> Iterator[str]:
    yield f"{task.name}: {task.sentence}"
    if log_lines:
        yield from (f"  | {shown(line, LONGEST_SENTENCE)}" for line in task.log[-log_lines:])


def _log(airflow: AirflowApi, run: Run, task: Task) -> list[Any]:
    """Return a task's log, or why there is none: one that is lost must not hide which tasks failed."""
    try:
        return airflow.log(run, task)
    except PegelError as error:
        return [f"its log cannot be read: {error}"]


def _failed(task: Task, entries: list[Any]) -> FailedTask:
    name = task.id if task.map_index < 0 else f"{task.id}[{task.map_index}]"
    log = [line for entry in entries for line in _text(entry).splitlines()]
    return FailedTask(name=shown(name, NAME_LIMIT), sentence=shown(_sentence(entries, log), LONGEST_SENTENCE), log=log)


def _sentence(entries: list[Any], log: list[str]) -> str:
    """Return the words of the last exception that the log tells of; without one its last line."""
    for entry in reversed(entries):
        details = entry.get("error_detail") if isinstance(entry, dict) else None
        if details:
            # The first is what was raised, the others are what caused it.
            return str(details[0].get("exc_value") or details[0].get("exc_type"))
    return next((line.strip() for line in reversed(log) if line.strip()), "its log is empty")


def _text(entry: Any) -> str:
    """Return one log entry as text; structured entries carry what happened in `event` and the error beside it."""
    if not isinstance(entry, dict):
        return str(entry)
    details = entry.get("error_detail") or []
    causes = "".join(f"\n{each.get('exc_type')}: {each.get('exc_value')}" for each in details)
    return f"{entry.get('event', '')}{causes}"
