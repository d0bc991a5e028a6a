"""What is wrong with the watching itself, read from the database: which groups and models, and why, in words.

What cannot be read is named and shows no sign: its page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Protocol

from pegel.alerts.health import Sign
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.routing import addressees
from pegel.data.spans import Span
from pegel.reconcile.driver_health import why_unwatched
from pegel.report.reading import PartReader
from pegel.report.table_words import why_unread
from pegel.report.words import length, moment
from pegel.spec.alert_routes import Route
from pegel.spec.limits import BEHIND_BY, OPEN_LEDGER_FOR, QUIET_AT_LEAST, QUIET_WINDOWS, QUIETER_THAN_EVER
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.last_mails import LastMails, Unreached
from pegel.store.results import Results
from pegel.store.table_reads import TableRead, TableReads
from pegel.stream.commit import Gap, MonitorFailure
from pegel.stream.result_rows import Heartbeat, MinuteBalance

LOOK_BACK = timedelta(hours=1)
"""How old a lost record or an open minute may be to be news."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What is wrong now. `undecided`: groups of which it cannot be said yet whether they are watched again."""

    signs: list[Sign]
    undecided: frozenset[str]
    problems: list[str]
    """What could not be read, in words."""


class SignSources(Protocol):
    """What is kept of all that signs are read off."""

    @property
    def results(self) -> Results:
        """Return what was counted and judged."""
        ...

    @property
    def tables(self) -> TableReads:
        """Return how far tables are read."""
        ...

    @property
    def last_mails(self) -> LastMails:
        """Return who can be reached."""
        ...


def read_signs(kept: SignSources, specs: Sequence[MonitorSpec], routes: Sequence[Route], now: datetime) -> Signs:
    """Look at all groups and models of these specs, and at whom they and the deployment's routes name.

    Raises TemporaryError.
    """
    results, tables = kept.results, kept.tables
    looking = _Looking(results, PartReader(), now)
    streamed = [spec for spec in specs if not spec.model.is_table]
    groups: dict[str, list[MonitorSpec]] = {}
    for spec in streamed:
        groups.setdefault(spec.group, []).append(spec)
    unheard = dict[str, str]()
    part = looking.reader.part
    beats = part("heartbeats", lambda: results.heartbeats(damaged=unheard), list[Heartbeat]())
    failures = part("failures", lambda: results.failures(damaged=[]), list[MonitorFailure]())
    read = part("how far tables are read", tables.all, dict[tuple[str, int], TableRead]())
    by_group = {beat.group: beat for beat in beats}
    signs = [looking.table(spec, read.get((spec.model.name, spec.model.version))) for spec in specs]
    for group, own in sorted(groups.items()):
        if group not in unheard:
            signs += looking.group(group, own, by_group.get(group))
    failing = {(failure.model, failure.version): failure for failure in failures}
    for spec in streamed:
        signs += [looking.failing(spec, failing.get((spec.model.name, spec.model.version))), looking.quiet(spec)]
    unreached = part("who can be reached", kept.last_mails.unreached, list[Unreached]())
    signs += unreached_signs(unreached, specs, routes, now)
    # That a driver reads is not enough: whether it gets through a batch is to be seen.
    undecided = {beat.group for beat in beats if why_unwatched(beat, now) is None and beat.lag and not beat.batch_id}
    found = [sign for sign in signs if sign is not None]
    return Signs(found, frozenset(undecided | unheard.keys()), [*looking.reader.problems, *unheard.values()])


@dataclass(frozen=True, slots=True)
class _Looking:
    results: Results
    reader: PartReader
    now: datetime

    def table(self, spec: MonitorSpec, read: TableRead | None) -> Sign | None:
        """Return that nobody reads the table in which a model stands; one that is new is given time."""
        reason = why_unread(read, self.now) if spec.model.is_table and read is not None else None
        return None if reason is None else sign_of_model(HealthKind.NOT_WATCHED, spec, reason)

    def group(self, group: str, own: Sequence[MonitorSpec], beat: Heartbeat | None) -> list[Sign]:
        """Return what is wrong with what a group reads."""
        since, part = self.now - LOOK_BACK, self.reader.part
        reasons = {HealthKind.NOT_WATCHED: why_unwatched(beat, self.now), HealthKind.BEHIND: _behind(beat, self.now)}
        gaps = part("gaps", lambda: self.results.gaps(group, since, damaged=[]), list[Gap]())
        if gaps:
            reasons[HealthKind.RECORDS_LOST] = _lost(gaps, self.now)
        minutes = part(
            "the ledger", lambda: self.results.ledger_balance(group, since, damaged=[]), list[MinuteBalance]()
        )
        open_minutes = [one for one in minutes if one.difference and one.minute < self.now - OPEN_LEDGER_FOR]
        if open_minutes:
            reasons[HealthKind.OPEN_LEDGER] = _open(open_minutes, self.now)
        models = tuple(sorted(spec.key for spec in own))
        return [
            Sign(kind=kind, about=group, group=group, models=models, reason=reason)
            for kind, reason in reasons.items()
            if reason is not None
        ]

    def failing(self, spec: MonitorSpec, failure: MonitorFailure | None) -> Sign | None:
        """Return why a model cannot be counted or judged."""
        if failure is None:
            return None
        lost = f"; {how_many(failure.windows_lost, 'window')} lost so far" if failure.windows_lost else ""
        return sign_of_model(HealthKind.NOT_JUDGED, spec, f"{shown(failure.reason, LONGEST_SENTENCE)}{lost}")

    def quiet(self, spec: MonitorSpec) -> Sign | None:
        """Return that nothing comes for a model for longer than it was ever quiet lately; a new one is given time."""
        newest = self._busy(spec, 1)
        if not newest or self.now - newest[-1].end < QUIET_AT_LEAST:
            return None
        spans = self._busy(spec, QUIET_WINDOWS)
        silent, pairs = self.now - spans[-1].end, pairwise(spans)
        longest = max((later.start - earlier.end for earlier, later in pairs), default=timedelta(0))
        known = spans[-1].end - spans[0].start
        if silent < QUIETER_THAN_EVER * max(longest, spec.windowing.length) or known < silent:
            return None
        before = f"; in the {length(known)} before it was quiet for {length(longest)} at most"
        return sign_of_model(
            HealthKind.NO_TRAFFIC, spec, f"no request since {moment(spans[-1].end, self.now)} UTC{before}"
        )

    def _busy(self, spec: MonitorSpec, newest: int) -> list[Span]:
        read = partial(self.results.busy_spans, spec.model.name, spec.model.version, limit=newest)
        return self.reader.part(f"windows of {spec.key}", read, list[Span]())


def unreached_signs(
    unreached: Sequence[Unreached], specs: Sequence[MonitorSpec], routes: Sequence[Route], now: datetime
) -> list[Sign]:
    """Return who of those that may be told cannot be reached, and how often it was tried."""
    named: dict[str, list[str]] = {}
    for spec in specs:
        for address in addressees(spec, routes):
            named.setdefault(address, []).append(spec.key)
    return [
        Sign(
            kind=HealthKind.UNREACHABLE,
            about=one.address,
            group="",
            models=tuple(sorted(named[one.address])),
            reason=f"{one.address} takes nothing since {moment(one.since, now)} UTC, {how_many(one.tries, 'attempt')}"
            f" so far: {shown(one.why, LONGEST_SENTENCE)}",
        )
        for one in unreached
        if one.address in named
    ]


def sign_of_model(kind: HealthKind, spec: MonitorSpec, reason: str) -> Sign:
    """Return a sign that is about one model, whose people alone are told."""
    # Models of tables belong to no group: none explains what is wrong with them.
    group = "" if spec.model.is_table else spec.group
    return Sign(kind=kind, about=spec.key, group=group, models=(spec.key,), reason=reason)


def _behind(beat: Heartbeat | None, now: datetime) -> str | None:
    if beat is None or not beat.lag or beat.event_time_head is None or now - beat.event_time_head <= BEHIND_BY:
        return None
    newest = moment(beat.event_time_head, now)
    return f"{how_many(beat.lag, 'record')} are not read yet, and the newest event that was is of {newest} UTC"


def _lost(gaps: Sequence[Gap], now: datetime) -> str:
    records = sum(gap.end - gap.start for gap in gaps)
    unknown = sorted({gap.topic for gap in gaps if gap.is_unknown})
    texts = [f"{how_many(records, 'record')} were never read"] if records else []
    texts += [f"of {topic} an unknown number of records was never read" for topic in unknown]
    first = min(gaps, key=lambda gap: gap.at)
    return f"{'; '.join(texts)}, noticed from {moment(first.at, now)} UTC on: {shown(first.reason, LONGEST_SENTENCE)}"


def _open(minutes: Sequence[MinuteBalance], now: datetime) -> str:
    missing = sum(max(one.difference, 0) for one in minutes)
    twice = sum(max(-one.difference, 0) for one in minutes)
    texts = [f"{how_many(missing, 'record')} arrived and are accounted for nowhere"] if missing else []
    texts += [f"{how_many(twice, 'record')} are accounted for twice"] if twice else []
    return f"{' and '.join(texts)}, in {how_many(len(minutes), 'minute')} from {moment(minutes[0].minute, now)} UTC on"
