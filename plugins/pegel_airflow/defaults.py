"""What every Pegel workflow has in common: owner, retries, tags."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from pegel_airflow.run_note import TAG, leave_sentence

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""No schedule reaches back before this instant; catch-up is off, so it only has to lie in the past."""

TAGS: Final = [TAG]

BASELINES_AT_ONCE: Final = 2
"""Baselines of onboardings that are made at once: each takes one of the places for tasks for minutes."""

FIRST: Final = 100
"""Weight of the clocked workflows' tasks: above all that a free place might be given to instead."""

RETRY_POLICY: Final = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="pegel.errors.PermanentError",
            action=RetryAction.FAIL,
            reason="trying again unchanged gives the same answer",
        ),
        RetryRule(
            exception="pegel.errors.TemporaryError",
            action=RetryAction.RETRY,
            retry_delay=timedelta(seconds=5),
            reason="a service did not answer; trying again may help",
        ),
    ],
)
"""The two roots of Pegel's error tree answer the only question a scheduler asks."""


def task_defaults(*, retries: int = 2, first: bool = False) -> dict[str, Any]:
    """Return `default_args` of a workflow: bounded retries, decided by the class of the error, and a note of why.

    With `first` its tasks are given the next place that is free, whatever else waits for one.
    """
    return {
        "owner": "pegel",
        "retries": retries,
        "priority_weight": FIRST if first else 1,
        "retry_delay": timedelta(seconds=10),
        "retry_policy": RETRY_POLICY,
        "on_failure_callback": leave_sentence,
    }
