"""When is a stream known to be read to its end? Too early an answer closes windows whose events are still waiting."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pyspark.sql.streaming.listener import QueryIdleEvent

from pegel_spark.progress import Progress


@dataclass
class Asked:
    """Stands in for a query that is asked for its progress."""

    lastProgress: dict[str, Any] | None = field(default=None)  # noqa: N815 - Spark's own name


def at(second: int) -> datetime:
    """Return an instant."""
    return datetime(2026, 3, 1, 12, 0, second, tzinfo=UTC)


def look(progress: Progress, told: dict[str, Any] | None) -> None:
    """Let the progress look at a query that tells this."""
    query: Any = Asked(told)
    progress.look(query)


def told(batch: int, second: int, *, read: int, there: int) -> dict[str, Any]:
    """Return what Spark tells of a batch that read to offset `read` while the topic ended at `there`."""
    source = {"endOffset": json.dumps({"t": {"0": read}}), "latestOffset": json.dumps({"t": {"0": there}})}
    return {"batchId": batch, "timestamp": at(second).isoformat(), "sources": [source]}


def idle(progress: Progress, second: int) -> None:
    """Say that the trigger of this second found nothing new."""
    progress.idle.onQueryIdle(QueryIdleEvent(uuid4(), uuid4(), at(second).isoformat()))


def test_a_query_that_has_not_read_is_not_caught_up() -> None:
    """Between its start and its first trigger a query knows nothing of what waits for it."""
    progress = Progress()
    look(progress, None)

    assert progress.caught_up_at is None


def test_what_the_query_before_said_is_forgotten() -> None:
    """A query that was started anew, perhaps with more topics, is not caught up by what its predecessor had read."""
    progress = Progress()
    idle(progress, 10)
    look(progress, None)
    before = progress.caught_up_at
    progress.begin(at(11))
    look(progress, None)

    assert (at(10), None) == (before, progress.caught_up_at)


def test_a_batch_that_read_everything_catches_up_at_its_beginning() -> None:
    """What came after the batch began may still be waiting."""
    progress = Progress()
    look(progress, told(8, 10, read=100, there=100))

    assert at(10) == progress.caught_up_at


def test_a_backlog_is_a_lag() -> None:
    """Records beyond the batch are counted, and nothing is caught up."""
    progress = Progress()
    look(progress, told(0, 10, read=100, there=142))

    assert (42, None) == (progress.lag, progress.caught_up_at)


def test_an_idle_trigger_ends_the_lag() -> None:
    """A later trigger that finds nothing new has read everything, also what the last batch left."""
    progress = Progress()
    look(progress, told(0, 10, read=100, there=142))
    idle(progress, 12)
    look(progress, told(0, 10, read=100, there=142))

    assert (0, at(12)) == (progress.lag, progress.caught_up_at)


def test_a_quiet_restart_is_caught_up_by_its_first_idle_trigger() -> None:
    """Without any new batch the first trigger that finds nothing is enough."""
    progress = Progress()
    idle(progress, 3)
    look(progress, None)

    assert at(3) == progress.caught_up_at
