"""Which windows of a table are to be judged, and what they say: what is there and was not, or has other rows than then.

::

    judged     [w1 )[w2 )[w3 )                 newest = end of w3
    looked at       [w2 )[w3 )[w4 )[w5 )       from 26 hours before the newest on, whenever its rows came
    judged now      [w2')          [w5 )       w2 has more rows than then: its revision rises; w4 has none
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pegel.batch.window_counting import CountedWindow
from pegel.data.columns import Role
from pegel.data.instants import from_us
from pegel.data.spans import Span, floor
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Finding
from pegel.longspans.judging import portion_of
from pegel.spec.monitor_spec import MonitorSpec, Windowing
from pegel.store.table_reads import ROWS_DIGEST, JudgedBefore, TableRead
from pegel.stream.entries import Emissions, SpanCount
from pegel.stream.judged_rows import JudgedRows, judged
from pegel.stream.outlying import outlier_row
from pegel.stream.result_rows import Origin, OutlierRow, WindowRow
from pegel.stream.watched_models import Baselines

LOOK_BACK = timedelta(hours=26)
"""How long before the newest window that has rows others are looked at again, for rows that came late."""
AT_ONCE = 240
"""Windows that are counted together: what the driver holds of them in memory."""


@dataclass(frozen=True, slots=True)
class RowsNow:
    """What a table holds of one window now: how many rows, and how many copies of them by their ids.

    `digest`: of the rows, whatever their order; `columns`: a digest of the names of the columns that it is of.
    """

    rows: int
    columns: str
    digest: str
    copies: int = 0

    @property
    def told(self) -> str:
        """Return both digests as they are kept."""
        return f"{self.columns}:{self.digest}"

    def differs(self, was: JudgedBefore) -> bool:
        """Say whether rows came or changed; where the digest is of other columns, only that some came is known."""
        if self.rows < was.rows or self.told == was.digest:
            return False
        return self.rows > was.rows or was.digest.partition(":")[0] == self.columns


@dataclass(frozen=True, slots=True)
class WindowToJudge:
    """A window that is to be counted and judged. `looks`: how often it was before."""

    span: Span
    now: RowsNow
    baseline_id: str
    looks: int = 0

    @property
    def revision(self) -> int:
        """Return the revision that it gets."""
        return self.looks + 1


def time_to_look_at(
    windowing: Windowing, read: TableRead | None, since: datetime | None, until: datetime | None, *, now: datetime
) -> Span | None:
    """Return the time whose windows are over and to be looked at, in whole windows; None where there is none.

    `since`, `until`: what a person or a run asks for, exclusive; None: what is new, and a day before it.
    """
    end = floor(min(now - windowing.lateness, until or now), windowing.length)
    start = since or now - LOOK_BACK
    if read is not None and read.newest is not None and end > read.newest:
        # Where nothing was written for days, what comes then is of these days.
        start = min(start, read.newest - LOOK_BACK)
    start = floor(start, windowing.length)
    return Span(start, end) if start < end else None


def windows_to_judge(
    now: Mapping[int, RowsNow], before: Sequence[JudgedBefore], length: timedelta, current: str
) -> list[WindowToJudge]:
    """Return what is not judged yet, or has other rows now, in order of time.

    Of a window that has fewer rows than it had, some are gone from the table: it stays as it was judged. So does what
    was judged in windows of another length, or of events; no time is judged twice.

    Args:
        now: What the table holds, by the begin of the window in microseconds since the epoch.
        before: The windows as they are judged, in the time that is looked at.
        length: Of a window.
        current: The baseline of windows that were never judged; others keep theirs.
    """
    known = {one.span: one for one in before if one.digest and one.span.end - one.span.start == length}
    others = [one.span for one in before if one.span not in known]
    wanted = []
    for start_us, found in sorted(now.items()):
        span = Span(from_us(start_us), from_us(start_us) + length)
        was = known.get(span)
        if was is None and not any(_share(span, other) for other in others):
            wanted.append(WindowToJudge(span, found, current))
        elif was is not None and found.differs(was):
            wanted.append(WindowToJudge(span, found, was.baseline_id or current, was.revision))
    return wanted


def few_at_once(wanted: Sequence[WindowToJudge], most: int = AT_ONCE) -> list[list[WindowToJudge]]:
    """Return windows in order in pieces, each of one baseline, at most so many and within a day, or a longer window."""
    pieces: list[list[WindowToJudge]] = []
    for window in wanted:
        piece = pieces[-1] if pieces else []
        fits = piece and len(piece) < most and piece[0].baseline_id == window.baseline_id
        if fits and window.span.end - piece[0].span.start <= timedelta(days=1):
            piece.append(window)
        else:
            pieces.append([window])
    return pieces


@dataclass(slots=True)
class JudgedTable:
    """What some windows say. `lost`: those that could not be judged, and why."""

    windows: list[WindowRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    outliers: list[OutlierRow] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class TableJudge:
    """Judges windows of one model in order of time, as the stream judges final windows.

    Charts go on from window to window. Windows that come before the newest one begin charts of their own, and those
    that are looked at again are judged each by itself: what the newest charts have seen stays as it was.
    """

    def __init__(self, spec: MonitorSpec, baselines: Baselines, read: TableRead) -> None:
        """Go on from how far the table is read."""
        self._spec = spec
        self._baselines = baselines
        self.read = read
        self._filling: ChartState | None = None

    def judge(
        self, wanted: Iterable[WindowToJudge], counted: Mapping[Span, CountedWindow], *, now: datetime
    ) -> JudgedTable:
        """Judge windows that were counted, and move `read` past them."""
        made = JudgedTable()
        for window in wanted:
            found = counted.get(window.span)
            if found is not None:
                self._judge(window, found, made, now)
        return made

    def _judge(self, window: WindowToJudge, found: CountedWindow, made: JudgedTable, now: datetime) -> None:
        newest = self.read.newest
        is_next = not window.looks and (newest is None or window.span.start >= newest)
        state = self._state(window, is_next=is_next)
        count = _span_count(self._spec.key, window, found)
        rows = self._rows(count, state, now)
        made.lost += [f"{lost.span.start:%Y-%m-%d %H:%M}: {lost.reason}" for lost in rows.lost]
        if not any(row.segment == "" for row in rows.windows):
            return
        made.windows += [_of_table(row, window) for row in rows.windows]
        made.findings += [replace(finding, origin=Origin.BATCH.value) for finding in rows.findings]
        made.outliers += [replace(outlier_row(self._spec.key, one), origin=Origin.BATCH) for one in found.outliers]
        after = rows.charts.get(self._spec.key)
        if is_next:
            charts = None if after is None else after.to_json()
            self.read = replace(self.read, newest=window.span.end, charts=charts)
        elif not window.looks:
            self._filling = after

    def _state(self, window: WindowToJudge, *, is_next: bool) -> ChartState | None:
        if window.looks:
            return None
        if not is_next:
            return self._filling
        return None if self.read.charts is None else ChartState.from_json(self.read.charts)

    def _rows(self, count: SpanCount, state: ChartState | None, now: datetime) -> JudgedRows:
        charts = {} if state is None else {count.key: state}
        return judged(Emissions(spans=[count]), {count.key: self._spec}, self._baselines, charts, now=now)


def _span_count(key: str, window: WindowToJudge, found: CountedWindow) -> SpanCount:
    answers = found.rows if found.summary.layout.schema.of_role(Role.PREDICTION) else 0
    return SpanCount(
        key=key,
        span=window.span,
        revision=window.revision,
        final=True,
        baseline_id=window.baseline_id,
        summary=found.summary,
        # Rows that came late are in no segment, as in long spans: its rows may be of several windows.
        segments={} if window.looks else found.segments.summaries,
        requests=found.rows,
        responses=answers,
        joined=answers,
        rows=found.rows,
        duplicates=window.now.copies,
        portion=portion_of(window.looks, 1),
    )


def _of_table(row: WindowRow, window: WindowToJudge) -> WindowRow:
    remarks = row.remarks if row.segment else {**row.remarks, ROWS_DIGEST: window.now.told}
    return replace(row, origin=Origin.BATCH, remarks=remarks)


def _share(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end
