"""The hours, days and weeks of one model: what is not there yet, or not of what there is now, is made and written.

What is desired is compared with what is stored, so that a run may be repeated, overlap another or be an old one: what
is up to date stays as it is, and gets no second look. Of a segment late rows are in no count: the archive is counted
again as a whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.errors import LayoutMismatch, NotFound
from pegel.judge.findings import ALARMING, FROM_BEST_TO_WORST, Verdict
from pegel.longspans.judging import SpanToJudge, judged_span
from pegel.longspans.late_windows import CountAgain, Recounted, late_windows, recounted
from pegel.longspans.long_span_row import LongSpanRow
from pegel.longspans.settled import why_not_read, why_not_settled
from pegel.longspans.tiling import cover, ended_spans, span_at, tiles
from pegel.longspans.window_sums import COUNTS, Counted, digest, parts_of
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.store.baseline_store import BaselineStore
from pegel.store.long_span_store import KnownSpan, LongSpanStore
from pegel.store.results import Results
from pegel.store.table_reads import TableReads
from pegel.store.window_keys import StoredWindow, WindowKeys
from pegel.stream.result_rows import Heartbeat

LOOK_BACK = timedelta(hours=26)
"""How much of the time before a run is looked at again, for spans that had to wait for their driver, and for so long an
archive that has not all late rows of an older span yet is asked again."""
AT_ONCE = timedelta(hours=1)
"""So much of a span's windows is in memory at once, beside the sums of the others."""


@dataclass(frozen=True, slots=True)
class WrittenSpan:
    """A span that was made: its worst verdict, its rows, how many findings it has, and whether it was there before."""

    rhythm: Rhythm
    span: Span
    revision: int
    verdict: Verdict
    rows: int
    findings: int


@dataclass(slots=True)
class LongSpansOutcome:
    """What a run made of one model. `waiting`: spans that cannot be made yet, each with its reason in words.

    `up_to_date`: how many there were already, of what there is now. `unread`: what of windows and of the archive could
    not be read. `failed`: spans that could not be made at all, and why.
    """

    key: str
    written: list[WrittenSpan] = field(default_factory=list)
    waiting: list[tuple[Rhythm, Span, str]] = field(default_factory=list)
    up_to_date: int = 0
    unread: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class LongSpanMaker:
    """Makes the long spans of models, one model at a time."""

    def __init__(self, engine: Engine, *, recount: CountAgain | None = None) -> None:
        """Use the migrated database behind `engine`. `recount`: counts windows from the archive; None without one."""
        self.results = Results(engine)
        self.tables = TableReads(engine)
        self.spans = LongSpanStore(engine)
        self.keys = WindowKeys(engine)
        self._baselines = BaselineStore(engine)
        self.recount = recount
        self._known: dict[str, Baseline] = {}

    def make(self, spec: MonitorSpec, start: datetime, end: datetime, *, now: datetime) -> LongSpansOutcome:
        """Make every span that shares an instant with [start, end) and is over, the shortest first.

        Raises PegelError where the database is away.
        """
        outcome = LongSpansOutcome(spec.key)
        oldest = self.keys.first(spec.model.name, spec.model.version)
        if oldest is not None:
            self._make(spec, start, end, oldest, outcome, now=now)
        return outcome

    def make_due(self, spec: MonitorSpec, start: datetime, end: datetime, *, now: datetime) -> LongSpansOutcome:
        """Make what is due in a run for [start, end): that time and `LOOK_BACK` before it, and what is older and late.

        That is every span of which the ledger knows more late events than when it was made. Raises as `make` does.
        """
        outcome = LongSpansOutcome(spec.key)
        oldest = self.keys.first(spec.model.name, spec.model.version)
        if oldest is not None:
            for older in self._late(spec, oldest, start - LOOK_BACK, now=now):
                self._make(spec, older.start, older.end, oldest, outcome, now=now)
            self._make(spec, start - LOOK_BACK, end, oldest, outcome, now=now)
        return outcome

    def _late(self, spec: MonitorSpec, oldest: datetime, before: datetime, *, now: datetime) -> list[Span]:
        """Return the times before an instant of which spans lack late events, those of a week as one."""
        model = spec.model.name, spec.model.version
        late = self.keys.late(*model, oldest, before)
        weeks: dict[Span, Span] = {}
        for rhythm in spec.rhythms[1:] if late else ():
            events = Counter[Span]()
            for minute, count in late.items():
                events[span_at(rhythm, minute)] += count
            for span, known in self.spans.known(*model, rhythm, oldest, before).items():
                is_asked = known.late_missing and self.recount is not None and known.made_at > now - LOOK_BACK
                if span.start >= oldest and (events[span] > known.late_known or is_asked):
                    week = span_at(Rhythm.WEEK, span.start)
                    weeks[week] = cover([weeks[week], span]) if week in weeks else span
        return [weeks[week] for week in sorted(weeks, key=lambda week: week.start)]

    def _make(
        self,
        spec: MonitorSpec,
        start: datetime,
        end: datetime,
        oldest: datetime,
        outcome: LongSpansOutcome,
        *,
        now: datetime,
    ) -> None:
        read_up_to = None
        if spec.model.is_table:
            read = self.tables.of(spec.model.name, spec.model.version)
            read_up_to = None if read is None else read.up_to
            # A job may have written, and another judged since, what happened days ago.
            start = min(start, self.keys.first_since(spec.model.name, spec.model.version, start) or start)
        # A run may be asked for since the year 1, and until the last one.
        for week in _by_week(max(start, oldest), min(end, now)):
            self._make_of_week(spec, week, oldest, read_up_to, outcome, now=now)

    def _make_of_week(
        self,
        spec: MonitorSpec,
        part: Span,
        oldest: datetime,
        read_up_to: datetime | None,
        outcome: LongSpansOutcome,
        *,
        now: datetime,
    ) -> None:
        wanted = {rhythm: ended_spans(rhythm, part.start, part.end, now=now) for rhythm in spec.rhythms[1:]}
        spans = [span for some in wanted.values() for span in some]
        if not spans:
            return
        whole = Span(min(span.start for span in spans), max(span.end for span in spans))
        model = (spec.model.name, spec.model.version)
        made_of = _MadeOf(
            self.keys.windows(*model, whole.start, whole.end), self.keys.late(*model, whole.start, whole.end)
        )
        beat = next((beat for beat in self.results.heartbeats(damaged={}) if beat.group == spec.group), None)
        for rhythm, some in wanted.items():
            if some:
                _OneRhythm(self, spec, rhythm, oldest, beat, made_of, now, outcome, read_up_to).make(some)

    def current(self, model: str, version: int) -> str | None:
        """Return the baseline that new windows of a model are judged by."""
        return self._baselines.current(model, version)

    def baseline(self, baseline_id: str | None) -> Baseline | None:
        """Return a baseline, read once; None where it is gone, so that windows of it are told as without one."""
        if baseline_id is None:
            return None
        if baseline_id not in self._known:
            try:
                self._known[baseline_id] = self._baselines.get(baseline_id)
            except NotFound:
                return None
        return self._known[baseline_id]


class _MadeOf:
    """What is stored of windows in a time, in order of time, and of events that came late for them."""

    def __init__(self, windows: Sequence[StoredWindow], late: Mapping[datetime, int]) -> None:
        self.windows = windows
        self.late = late
        self._starts = [window.span.start for window in windows]

    def within(self, span: Span) -> list[StoredWindow]:
        """Return the windows that lie in a span."""
        first, last = bisect_left(self._starts, span.start), bisect_left(self._starts, span.end)
        return [window for window in self.windows[first:last] if window.span.end <= span.end]


@dataclass(slots=True)
class _OneRhythm:
    """The spans of one rhythm of one model."""

    maker: LongSpanMaker
    spec: MonitorSpec
    rhythm: Rhythm
    oldest: datetime
    beat: Heartbeat | None
    made_of: _MadeOf
    now: datetime
    outcome: LongSpansOutcome
    read_up_to: datetime | None = None
    """Until when windows of a table are judged."""

    def make(self, wanted: Sequence[Span]) -> None:
        start, end = wanted[0].start, wanted[-1].end
        segments = sorted({"", *(window.segment for window in self.made_of.windows)})
        known = {
            segment: self.maker.spans.known(*self._model, self.rhythm, start, end, segment=segment)
            for segment in segments
        }
        for span in wanted:
            inside = self.made_of.within(span)
            is_open = any(not window.final for window in inside)
            waits = self._why_not_settled(span, is_open=is_open)
            if waits is not None:
                self.outcome.waiting.append((self.rhythm, span, waits))
                continue
            for segment in segments:
                own = [window for window in inside if window.segment == segment]
                if segment and not own:
                    continue
                # Which late events are of a segment nobody knows: it is what its windows counted.
                late = {} if segment else _within(self.made_of.late, span)
                try:
                    made = self._make(span, segment, own, late, known[segment].get(span))
                except LayoutMismatch as error:
                    # Its baseline is damaged: nobody can say what its windows counted. Other spans may have another.
                    self.outcome.failed.append(f"{self.rhythm.value} from {span.start:%Y-%m-%d %H:%M}: {error}")
                    continue
                if made is None:
                    self.outcome.up_to_date += 1
                else:
                    self.outcome.written.append(made)

    def _why_not_settled(self, span: Span, *, is_open: bool) -> str | None:
        if self.spec.model.is_table:
            return why_not_read(span, self.spec.windowing, self.read_up_to, now=self.now)
        return why_not_settled(span, self.spec.windowing, self.beat, is_open=is_open, now=self.now)

    @property
    def _model(self) -> tuple[str, int]:
        return self.spec.model.name, self.spec.model.version

    def _make(
        self,
        span: Span,
        segment: str,
        windows: Sequence[StoredWindow],
        late: Mapping[datetime, int],
        known: KnownSpan | None,
    ) -> WrittenSpan | None:
        """Make one span of one segment; None where it is there already, of what there is now."""
        chosen = self._tiles(windows, span)
        inputs, late_known = digest(one.key for one in chosen), sum(late.values())
        is_same = known is not None and (known.inputs, known.late_known) == (inputs, late_known)
        if known is not None and is_same and not (known.late_missing and self.maker.recount):
            return None
        if known is not None and (span.start < self.oldest or late_known < known.late_known):
            # Windows, and minutes of the ledger, are gone by and by: what was made of all is better than what is left.
            return None
        made = self._counted(span, segment, chosen, late)
        self.outcome.unread += [one for one in made.unread if one not in self.outcome.unread]
        if known is not None and is_same and made.missing >= known.late_missing:
            return None
        parts = parts_of(made.counted)
        rows = sum(part.counts["rows"] for part in parts)
        about = SpanToJudge(
            spec=self.spec,
            rhythm=self.rhythm,
            span=span,
            revision=1 if known is None else known.revision + 1,
            inputs=inputs,
            looks=0 if known is None else known.looks_before(rows),
            late_known=late_known,
            late_missing=made.missing,
            unread=made.unread,
            segment=segment,
            told=self._told(span) if segment else frozenset(),
        )
        baselines = {
            part.baseline_id: found
            for part in parts
            if part.baseline_id is not None and (found := self.maker.baseline(part.baseline_id)) is not None
        }
        judged = judged_span(parts, baselines, about, now=self.now)
        self.maker.spans.write(judged.rows, judged.findings)
        verdict = max((row.row.verdict for row in judged.rows), key=FROM_BEST_TO_WORST.index)
        return WrittenSpan(self.rhythm, span, about.revision, verdict, rows, len(judged.findings))

    def _told(self, span: Span) -> frozenset[str]:
        """Return the fields that the whole of a span, which is made before its segments, tells of."""
        rows = self.maker.spans.spans(*self._model, self.rhythm, span.start, span.end, damaged=[])
        verdicts = (one for row in rows for name in ("features", "further") for one in row.row.judgement.get(name, ()))
        return frozenset(one["feature"] for one in verdicts if Verdict(one["verdict"]) in ALARMING)

    def _tiles(self, windows: Sequence[StoredWindow], span: Span) -> list[StoredWindow]:
        return tiles([window for window in windows if window.final], span, self.spec.windowing.length)

    def _counted(
        self, span: Span, segment: str, windows: Sequence[StoredWindow], late: Mapping[datetime, int]
    ) -> Recounted:
        """Return what was counted in a span, and how many late events are in no count.

        Shorter spans that are stored, and of what there is now, are taken as they are.
        """
        counted: list[Counted] = []
        missing, unread = 0, list[str]()
        stored, pieces = self._shorter(span, segment, windows)
        for piece, own in pieces:
            late_here = _within(late, piece)
            inputs, late_known = digest(one.key for one in own), sum(late_here.values())
            parts = [
                one for one in stored if one.span == piece and one.inputs == inputs and one.late_known >= late_known
            ]
            if parts and (of_parts := self._of_spans(parts)) is not None:
                counted += of_parts
                missing += parts[0].late_missing
                unread += parts[0].notes.get("unread", ())
            elif own or late_here:
                of_piece = self._of_windows(piece, segment, own, late_here)
                counted += parts_of(of_piece.counted) if of_piece.counted else []
                missing += of_piece.missing
                unread += of_piece.unread
        return Recounted(counted or [_nothing(span)], missing, tuple(dict.fromkeys(unread)))

    def _shorter(
        self, span: Span, segment: str, windows: Sequence[StoredWindow]
    ) -> tuple[list[LongSpanRow], list[tuple[Span, list[StoredWindow]]]]:
        """Return what is stored of the next shorter rhythm, and a span in pieces, each with its windows.

        The pieces are those of that rhythm; where there is none, or a window lies in two of them, as much as is read
        at once.
        """
        shorter = [rhythm for rhythm in self.spec.rhythms[1:] if rhythm.length < self.rhythm.length]
        if shorter:
            of_span = _MadeOf(windows, {})
            pieces = [
                (piece, of_span.within(piece)) for piece in ended_spans(shorter[-1], span.start, span.end, now=span.end)
            ]
            if sum(len(own) for _, own in pieces) == len(windows):
                # One that cannot be read is made of its windows.
                stored = self.maker.spans.spans(
                    *self._model, shorter[-1], span.start, span.end, segment=segment, damaged=[]
                )
                return stored, pieces
        return [], _cut(span, windows)

    def _of_spans(self, parts: Sequence[LongSpanRow]) -> list[Counted] | None:
        """Return what the parts of a shorter span counted; None where one of them cannot be read."""
        try:
            return [Counted.of_long_span(one, self.maker.baseline(one.row.baseline_id)) for one in parts]
        except LayoutMismatch:
            return None

    def _of_windows(
        self, piece: Span, segment: str, windows: Sequence[StoredWindow], late: Mapping[datetime, int]
    ) -> Recounted:
        """Count a piece of a span from its windows, those with late events from the archive, where that has them.

        A window that cannot be read is in no count, and told; it holds up no other, and no other span. Raises
        LayoutMismatch where a baseline cannot be read, without which none of its windows can.
        """
        wanted, unread, counted = {window.span for window in windows}, list[str](), list[Counted]()
        for row in self.maker.results.windows(
            *self._model, piece.start, piece.end, segment=segment, final_only=True, damaged=unread
        ):
            if row.span in wanted:
                baseline = self.maker.baseline(row.baseline_id)
                try:
                    counted.append(Counted.of_window(row, baseline))
                except LayoutMismatch as error:
                    unread.append(f"the window from {row.span.start:%Y-%m-%d %H:%M} on is in no count: {error}")
        if not late:
            return Recounted(counted, 0, tuple(unread))
        of_late = late_windows(counted, late, piece, self.spec.windowing.length)
        current = None if counted else self.maker.current(*self._model)
        again = recounted(counted, of_late, self.maker.recount, self.spec, self.maker.baseline, current=current)
        return replace(again, unread=(*unread, *again.unread))


def _by_week(start: datetime, end: datetime) -> Iterator[Span]:
    """Yield a time cut where weeks begin: no long span lies in two, and of no more are windows in memory at once."""
    while start < end:
        week = span_at(Rhythm.WEEK, start)
        yield Span(start, min(end, week.end))
        start = week.end


def _cut(span: Span, windows: Sequence[StoredWindow]) -> list[tuple[Span, list[StoredWindow]]]:
    """Return a span in pieces of as much as is read at once, none of which cuts a window, with their windows."""
    pieces: list[tuple[Span, list[StoredWindow]]] = []
    start, own = span.start, list[StoredWindow]()
    for window in windows:
        if own and window.span.end - start > AT_ONCE:
            pieces.append((Span(start, window.span.start), own))
            start, own = window.span.start, []
        own.append(window)
    return [*pieces, (Span(start, span.end), own)]


def _within(late: Mapping[datetime, int], span: Span) -> dict[datetime, int]:
    return {minute: count for minute, count in late.items() if span.start <= minute < span.end}


def _nothing(span: Span) -> Counted:
    return Counted(None, None, span, 0, dict.fromkeys(COUNTS, 0))
