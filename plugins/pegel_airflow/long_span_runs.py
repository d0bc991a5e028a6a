"""Hours, days and weeks of all models, made in one task; that one model fails is told at the end and stops no other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pegel.errors import PegelError, PermanentError, TemporaryError
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.teams import refuse_other_team

if TYPE_CHECKING:
    from pegel.batch.long_span_maker import LongSpansOutcome
    from pegel.spec.monitor_spec import MonitorSpec

MOST_TOLD = 20
"""Spans of one model that a task's log lists."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class LongSpansReport:
    """What a run made, as it travels between tasks: counts by model, and models that failed, with the reason."""

    written: dict[str, int] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)


def chosen(
    settings: Settings, models: Sequence[str], *, by_hand: bool = False, user: str | None = None
) -> list[MonitorSpec]:
    """Return the models that are meant, by `name` or `name/version`; all where none is named.

    `by_hand`: whether `user` named them: raises PermanentError then for one of another team, and for one that is not
    watched.
    """
    specs = services.stores(settings).registry.list()
    if not models:
        return specs
    named = [spec for spec in specs if spec.key in models or spec.model.name in models]
    missing = sorted(set(models) - {name for spec in named for name in (spec.key, spec.model.name)})
    if by_hand and missing:
        raise PermanentError(f"expected models that are watched, given {', '.join(missing)}: nothing was judged.")
    for spec in named if by_hand else ():
        refuse_other_team(spec.namespace, user)
    return named


def make_long_spans(
    settings: Settings,
    specs: Sequence[MonitorSpec],
    start: datetime,
    end: datetime,
    *,
    only: bool = False,
    now: datetime | None = None,
) -> LongSpansReport:
    """Make what is due in a run for [start, end), one model after the other; print a line or more per model with news.

    `only`: nothing beyond what is over of that time.
    Raises TemporaryError where the database is away: what was made stays, and trying again goes on with the rest.
    """
    from pegel.batch.archived_counts import ArchiveRecount
    from pegel.batch.long_span_maker import LongSpanMaker
    from pegel.store.window_keys import WindowKeys

    engine = services.engine(settings.database)
    recount = ArchiveRecount(settings.archive_root, WindowKeys(engine))
    report, now = LongSpansReport(), now or datetime.now(UTC)
    for spec in specs:
        # A maker of its own for each: it keeps the baselines that it has read.
        maker = LongSpanMaker(engine, recount=recount)
        try:
            outcome = (maker.make if only else maker.make_due)(spec, start, end, now=now)
        except TemporaryError:
            raise
        except PegelError as error:
            report.failed[spec.key] = str(error)
        except Exception as error:  # noqa: BLE001 - it is logged, and fails the run in the end
            _log.exception("the long spans of %s could not be made", spec.key)
            report.failed[spec.key] = f"{type(error).__name__}: {error}"
        else:
            _note(report, outcome)
            if outcome.failed:
                more = f"; and {len(outcome.failed) - 1} more" if len(outcome.failed) > 1 else ""
                report.failed[spec.key] = f"{outcome.failed[0]}{more}"
    for key, why in report.failed.items():
        print(f"{key}: could not be judged: {why}")  # noqa: T201 - a task's output is its log
    return report


def refuse_failed(failed: dict[str, str]) -> None:
    """Raise PermanentError naming the models that could not be judged, if there are any."""
    if failed:
        told = "; ".join(f"{key}: {why}" for key, why in failed.items())
        raise PermanentError(f"models whose long spans could not be made: {told}. Those of the others are there.")


def _note(report: LongSpansReport, outcome: LongSpansOutcome) -> None:
    if outcome.written:
        report.written[outcome.key] = len(outcome.written)
    found = sum(one.findings for one in outcome.written)
    if found:
        report.findings[outcome.key] = found
    waiting = [f"{rhythm} from {span.start:%Y-%m-%d %H:%M}: {why}" for rhythm, span, why in outcome.waiting]
    if waiting:
        report.waiting[outcome.key] = waiting[:MOST_TOLD]
    lines = [
        f"{one.rhythm.value} from {one.span.start:%Y-%m-%d %H:%M} UTC: {one.verdict.value}, {one.rows:,} rows"
        + (f", {one.findings} findings" if one.findings else "")
        + (f", revision {one.revision}" if one.revision > 1 else "")
        for one in outcome.written
    ]
    more = len(lines) + len(waiting) - MOST_TOLD
    for line in [*lines, *(f"waits: {one}" for one in waiting)][:MOST_TOLD]:
        print(f"{outcome.key}: {line}")  # noqa: T201 - a task's output is its log
    if more > 0:
        print(f"{outcome.key}: and {more} more")  # noqa: T201 - the same
    for why in outcome.unread[:MOST_TOLD]:
        print(f"{outcome.key}: in no count: {why}")  # noqa: T201 - the same
