"""Every call of the backends of a cluster, in an order in which each has something to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backends import JOB, jobs, served, serving

from pegel_airflow.kubernetes.hook import ClusterHook


@dataclass(frozen=True)
class Step:
    """One call of a backend, which may be repeated."""

    name: str
    call: Callable[[ClusterHook], object]


def steps_of(namespace: str) -> list[Step]:
    """Return every call of both backends, in an order in which each has something to do."""
    first, second = served(namespace), served(namespace, protocol="v2")
    endpoint, long_ago = first.endpoint, datetime(2026, 1, 1, tzinfo=UTC)
    grace = timedelta(seconds=5)
    return [
        Step("apply", lambda session: serving(namespace, session).apply(first)),
        Step("restart", lambda session: serving(namespace, session).restart(first, started_before=long_ago)),
        Step("stage", lambda session: serving(namespace, session).stage(second, by="a run")),
        Step("staged", lambda session: serving(namespace, session).staged(endpoint)),
        Step("promote", lambda session: serving(namespace, session).promote(second)),
        Step("stage again", lambda session: serving(namespace, session).stage(first, by="a run")),
        Step("discard", lambda session: serving(namespace, session).discard(first, by="a run")),
        Step("observe", lambda session: serving(namespace, session).observe(endpoint)),
        Step("names", lambda session: serving(namespace, session).names()),
        Step("ensure", lambda session: jobs(namespace, session).ensure(JOB, 1)),
        Step("observe drivers", lambda session: jobs(namespace, session).observe()),
        Step("stop", lambda session: jobs(namespace, session).stop(JOB.group, grace=grace)),
        Step("delete", lambda session: serving(namespace, session).delete(endpoint)),
    ]
