"""Results written back to Hopsworks: feature groups beside the features that they are about.

Every row is found again by its key, so an interval that is written again, in part or beside another run, leaves the
same rows. The groups are made when something is written for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pegel.errors import PermanentError
from pegel.featurestore.hopsworks.result_groups import (
    FINDINGS,
    OUTLIERS,
    QUALITY,
    RESULT_GROUPS,
    WINDOWS,
    Record,
    ResultGroup,
    of_finding,
    of_outlier,
    of_summary,
    of_window,
)
from pegel.featurestore.hopsworks.validation_reports import ValidationReport, group_of, of_look, report_of
from pegel.spec.plain_numbers import how_many
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.result_export import ResultExport
from pegel.store.row_quality_store import RowQualityRow
from pegel.stream.result_rows import WindowRow

AT_ONCE = 20_000
"""Rows of a group that are held in memory and written together: each writing is a commit of its table."""
MOST_TOLD = 20
"""Sentences about what cannot be read that are told."""


class ResultStore(Protocol):
    """Where rows of results are kept by key. `pegel.featurestore.hopsworks.client` is one."""

    def upsert(self, group: ResultGroup, records: Sequence[Record]) -> None:
        """Write rows, at least one and no two of one key, in place of those of their keys."""
        ...

    def report(self, group: ResultGroup, reports: Sequence[ValidationReport]) -> int:
        """Keep reports, at least one, beside a group that has rows; return how many were not there before."""
        ...


@dataclass(slots=True)
class Written:
    """How many rows were written, by group, and `reports` of looks at rows that were not there before.

    `left_out` says of what could not be read why.
    """

    rows: dict[str, int] = field(default_factory=dict)
    reports: int = 0
    left_out: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return it in words."""
        told = [f"{how_many(count, 'row')} of {name}" for name, count in self.rows.items()]
        told += [how_many(self.reports, "validation report")] if self.reports else []
        return ", ".join(told) or "nothing became final in this time"


def write_back(
    export: ResultExport, baselines: BaselineStore, store: ResultStore, *, since: datetime, until: datetime
) -> Written:
    """Write what became final from `since` (inclusive) to `until` (not); return how much that was.

    Raises what `store` raises; what was written until then stays, and is written again by the next run.
    """
    writing = _Writing(export, baselines, store)
    for windows in export.windows(since, until):
        if windows:
            writing.take(windows)
    for group in RESULT_GROUPS:
        writing.flush(group)
    for looks in export.looks(since, until):
        if looks:
            writing.report(looks)
    left_out = [*export.damaged, *writing.problems]
    more = [f"and {len(left_out) - MOST_TOLD} more"] if len(left_out) > MOST_TOLD else []
    return Written(writing.written, writing.reports, [*left_out[:MOST_TOLD], *more])


@dataclass(slots=True)
class _Writing:
    export: ResultExport
    baselines: BaselineStore
    store: ResultStore
    held: dict[str, dict[tuple[object, ...], Record]] = field(default_factory=dict)
    """By group and key: outliers of windows that overlap come several times."""
    written: dict[str, int] = field(default_factory=dict)
    reports: int = 0
    problems: list[str] = field(default_factory=list)
    layouts: dict[str, Layout] = field(default_factory=dict)

    def take(self, windows: Sequence[WindowRow]) -> None:
        """Take windows of one monitor with all that belongs to them."""
        self._hold(WINDOWS, map(of_window, windows))
        self._hold(FINDINGS, map(of_finding, self.export.findings(windows)))
        self._hold(OUTLIERS, map(of_outlier, self.export.outliers(windows)))
        for row in windows:
            if row.baseline_id is None or not row.summary:
                continue
            try:
                counted = Summary.from_bytes(row.summary, self._layout(row.baseline_id))
                self._hold(QUALITY, of_summary(row, counted))
            except PermanentError as error:
                self.problems.append(f"{row.key}, window from {row.span.start:%Y-%m-%d %H:%M:%S}: {error}")

    def report(self, looks: Sequence[RowQualityRow]) -> None:
        """Write what looks at rows of one monitor said, at least one, and a report of each that told something."""
        try:
            group = group_of(looks[0].model, looks[0].version)
        except PermanentError as error:
            self.problems.append(str(error))
            return
        reports: list[ValidationReport] = []
        for look in looks:
            try:
                self._hold(group, list(of_look(look)))
                reports += [report for report in [report_of(look)] if report is not None]
            except (KeyError, TypeError) as error:
                when = f"{look.span.start:%Y-%m-%d %H:%M:%S}"
                self.problems.append(f"{look.model}/{look.version}, rows from {when}: cannot be read: {error!r}")
        self.flush(group)
        if reports:
            self.reports += self.store.report(group, reports)

    def flush(self, group: ResultGroup) -> None:
        """Write what is held of a group."""
        held = self.held.pop(group.name, {})
        if held:
            self.store.upsert(group, list(held.values()))
            self.written[group.name] = self.written.get(group.name, 0) + len(held)

    def _layout(self, baseline_id: str) -> Layout:
        """Return a baseline's layout; the last ones are kept, because windows follow each other by one."""
        if baseline_id not in self.layouts:
            self.layouts = dict(list(self.layouts.items())[-3:])
            self.layouts[baseline_id] = self.baselines.get(baseline_id).layout
        return self.layouts[baseline_id]

    def _hold(self, group: ResultGroup, records: Iterable[Record]) -> None:
        held = self.held.setdefault(group.name, {})
        for record in records:
            held[tuple(record[name] for name in (*group.keys, group.event_time))] = record
        if len(held) >= AT_ONCE:
            self.flush(group)
