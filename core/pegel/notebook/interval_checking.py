"""Any interval of a watched model against its baseline, or against another interval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.batch.archived_counts import ArchiveRecount
from pegel.data.instants import EPOCH
from pegel.data.spans import Span
from pegel.errors import InvalidSpec, NotFound, PermanentError
from pegel.judge.judge import judge
from pegel.longspans.late_windows import CountedAgain
from pegel.notebook import arguments
from pegel.notebook.check_report import CheckReport
from pegel.past.interval import interval
from pegel.past.stored_counts import Counts, stored_counts
from pegel.spec.labels_section import Labels
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import quoted, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.baseline_store import BaselineStore
from pegel.store.window_keys import WindowKeys

BASELINE, PREVIOUS_WEEK = "baseline", "PREVIOUS_WEEK"
"""What an interval is compared with, as a person says it."""
WEEK = timedelta(weeks=1)
OF_BUDGET = 168
"""How many such checks a week share the false alarms that are accepted: one per hour, as with tables."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where rows of a model are counted: the results database, and the root of the archive."""

    engine: Engine
    archive: str


def check_interval(
    where: Where,
    spec: MonitorSpec,
    within: Span,
    against: str = BASELINE,
    *,
    now: datetime,
    windows_per_week: float = OF_BUDGET,
) -> CheckReport:
    """Judge one interval of a watched model at its margin and false-alarm budget.

    Counts come from stored windows where these tile the interval, else from the archive.

    Args:
        where: Where rows are counted.
        spec: The monitor.
        within: What is judged.
        against: `baseline`, the one in force; `PREVIOUS_WEEK`, the same interval a week before; or an interval, as
            `2026-11-01..2026-11-08`.
        now: What an interval that names no end ends at.
        windows_per_week: How many such checks share the budget in a week.

    Raises:
        InvalidSpec: If `against` or `windows_per_week` cannot be understood.
        NotFound: If the model has no baseline.
        PermanentError: If neither windows nor archive tell the counts of an interval; it says why.
    """
    length = arguments.check_length(windows_per_week)
    model, version = spec.model.name, spec.model.version
    store = BaselineStore(where.engine)
    current = store.current(model, version)
    if current is None:
        raise NotFound(f"{shown(spec.key)} has no baseline: nothing was judged. `pegel refresh` makes one.")
    baseline = store.get(current)
    other = _other(against, within, now)
    counts = _counts(where, spec, within, baseline)
    notes = [*counts.notes]
    if other is not None:
        before = _counts(where, spec, other, baseline)
        baseline = _as_baseline(baseline, before, other)
        notes += [f"the time it is compared with: {line}" for line in before.notes]
    # Labels are joined by hour, and shown with the interval; a check tests what came, not what became of it.
    judged_with = spec.model_copy(
        update={
            "windowing": spec.windowing.model_copy(update={"length": length, "slide": None}),
            "labels": Labels(),
            "watch": spec.watch.model_copy(update={"poisoning": False}),
        }
    )
    judgement = judge(baseline, counts.summary, spec=judged_with, span=within, revision=0)
    return CheckReport(baseline, counts.summary, judged_with, judgement, about=tuple(notes))


def _other(against: str, within: Span, now: datetime) -> Span | None:
    """Return the interval that is meant; None for the baseline. Raises InvalidSpec."""
    if against == BASELINE:
        return None
    if against.upper().replace("-", "_") == PREVIOUS_WEEK:
        if within.start - EPOCH < WEEK:
            raise InvalidSpec(
                f"--against: expected an interval from {EPOCH + WEEK:%Y-%m-%d} on, given one from "
                f"{within.start:%Y-%m-%d} on, of which no week before is known. Nothing was judged."
            )
        return Span(within.start - WEEK, within.end - WEEK)
    since, dots, until = against.partition("..")
    if not dots:
        raise InvalidSpec(
            f"--against: expected `{BASELINE}`, `{PREVIOUS_WEEK}` or an interval such as `2026-11-01..2026-11-08`; "
            f"given {quoted(against)}. Nothing was judged."
        )
    return interval(since, until or None, now=now, names=("--against", "--against"))


def _counts(where: Where, spec: MonitorSpec, within: Span, baseline: Baseline) -> Counts:
    model, version, layout = spec.model.name, spec.model.version, baseline.layout
    stored = stored_counts(where.engine, model, version, within, layout)
    if isinstance(stored, Counts):
        return stored
    found = ArchiveRecount(where.archive, WindowKeys(where.engine))(spec, baseline, [within]).get(within)
    if isinstance(found, CountedAgain) and found.rows:
        return Counts(found.summary, ("counted again from the archive",))
    archived = "the archive does not hold all of it" if found is None else "the archive has no row of it"
    archived = found if isinstance(found, str) else archived
    raise PermanentError(
        f"expected windows or archived rows that tell what was counted of {shown(monitor_key(model, version))} from "
        f"{within.start:%Y-%m-%d %H:%M:%S} to {within.end:%Y-%m-%d %H:%M:%S} UTC; given that {stored}, and that "
        f"{archived}. Nothing was judged."
    )


def _as_baseline(baseline: Baseline, before: Counts, span: Span) -> Baseline:
    """Return the counts of another interval in the place of those of training.

    How windows vary is taken over; what belongs to training rows alone, seasons and labels, is not.
    """
    if not before.summary.most_rows:
        raise PermanentError(
            f"expected rows to compare with, given none from {span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M} "
            "UTC. Nothing was judged."
        )
    rows = before.summary.most_rows
    return replace(
        baseline,
        id="",
        summary=before.summary,
        rows=rows,
        source=f"{how_many(rows, 'row')} from {span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M} UTC",
        noise=replace(baseline.noise, seasons=None),
        outlier_cutoff=None,
        performance=None,
    )
