"""From the database to the baselines that a model has had, or might have had: each with its data and its fate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pegel.errors import PegelError, TemporaryError
from pegel.judge.refresh.guard_rails import State
from pegel.report.reading import PartReader, Sources, registered
from pegel.report.refresh_words import ENDS, headline, short
from pegel.report.words import moment
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.baseline_store import BaselineStore, Promotion
from pegel.store.refresh_store import Refresh, RefreshStore

LISTED = 12
"""Newest baselines that are listed: each is read as a whole to say of which data it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBaseline:
    """One baseline of a model version, in words.

    `level`: `ok` for the one in force, `warn` for what waits or was not promoted, `idle` for earlier ones.
    """

    id: str
    short: str
    level: str
    standing: str
    """Whether it is in force, was, or was refused."""
    made: str
    """When it was made, of which rows and from where; or that it is not kept, or cannot be read, and why."""
    is_kept: bool
    """Whether it can be compared with another."""
    fate: list[str]
    """When it was in force, by whom, and why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBaselines:
    """All of them, newest first. `more`: so many older ones are not listed."""

    model: str
    version: int
    baselines: list[PastBaseline]
    more: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def comparable(self) -> list[PastBaseline]:
        """Return those that can be compared, newest first."""
        return [one for one in self.baselines if one.is_kept]


def past_baselines(sources: Sources, model: str, version: int, now: datetime) -> PastBaselines:
    """Return what is known of the baselines of a model version. Raises NotFound where it is not registered."""
    registered(sources, model, version)
    store, reader = BaselineStore(sources.engine), PartReader()
    current, history = store.current(model, version), store.history(model, version)
    refreshes = RefreshStore(sources.engine).list(model, version, damaged=reader.problems)
    ids = _newest_first(history, refreshes)
    read = _Reading(store, current, history, refreshes, now)
    listed = [read.baseline(one) for one in ids[:LISTED]]
    more = max(0, len(ids) - LISTED)
    return PastBaselines(model=model, version=version, baselines=listed, more=more, problems=reader.problems)


def _newest_first(history: Sequence[Promotion], refreshes: Sequence[Refresh]) -> list[str]:
    """Return every baseline once, by when something was last said of it."""
    said = [(event.at, event.baseline_id) for event in history]
    said += [(one.ended_at or one.at, one.baseline_id) for one in refreshes]
    return list(dict.fromkeys(baseline_id for _, baseline_id in sorted(said, reverse=True)))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is said of all baselines of a model, from which that of each is told."""

    store: BaselineStore
    current: str | None
    history: Sequence[Promotion]
    refreshes: Sequence[Refresh]
    now: datetime

    def baseline(self, baseline_id: str) -> PastBaseline:
        """Return one of them."""
        own = [one for one in self.refreshes if one.baseline_id == baseline_id]
        was = [place for place, event in enumerate(self.history) if event.baseline_id == baseline_id]
        made, is_kept = _made(self.store, baseline_id, own)
        level, standing = "idle", "earlier"
        if baseline_id == self.current:
            level, standing = "ok", "in force"
        elif own and own[0].end is None:
            level, standing = "warn", "waits for an answer"
        elif not was:
            level, standing = "warn", "was not promoted"
        in_force = [_in_force(self.history, place, self.now) for place in reversed(was)]
        return PastBaseline(
            id=baseline_id,
            short=short(baseline_id),
            level=level,
            standing=standing,
            made=made,
            is_kept=is_kept,
            fate=[*in_force, *(_compared(one, self.now) for one in own)],
        )


def _made(store: BaselineStore, baseline_id: str, refreshes: Sequence[Refresh]) -> tuple[str, bool]:
    """Return of which data it is; why that is not known, where it cannot be read."""
    try:
        baseline = store.get(baseline_id)
    except TemporaryError:
        raise
    except PegelError as error:
        return shown(str(error), LONGEST_SENTENCE), False
    sizes = f"{how_many(baseline.rows, 'row')}, {how_many(len(baseline.layout.features), 'field')}"
    made = f"made {baseline.created_at:%Y-%m-%d %H:%M} UTC of {sizes} from {shown(baseline.source)}"
    rails = [rail for one in refreshes for rail in one.review.rails if rail.name == "interval"]
    # Of which time its rows are, the guard rail of that name says, where the spec names a column of time.
    spans = [rail.given for rail in rails if rail.state is not State.UNKNOWN]
    return f"{made}; {shown(spans[0])}" if spans else made, True


def _in_force(history: Sequence[Promotion], place: int, now: datetime) -> str:
    event = history[place]
    following = history[place + 1] if place + 1 < len(history) else None
    until = " on" if following is None else f" to {moment(following.at, now)} UTC"
    why = f": {shown(event.why)}" if event.why else ""
    return f"in force from {moment(event.at, now)} UTC{until}, promoted by {shown(event.by, NAME_LIMIT)}{why}"


def _compared(refresh: Refresh, now: datetime) -> str:
    """Return what became of it when it was compared with the one that was in force."""
    who = f" by {shown(refresh.by, NAME_LIMIT)}" if refresh.by else ""
    why = f": {shown(refresh.why, LONGEST_SENTENCE)}" if refresh.why else ""
    with_ = f"compared with {short(refresh.compared_with)} at {moment(refresh.at, now)} UTC"
    return f"{with_}: {ENDS[refresh.end]}{who}{why} ({headline(refresh.review)})"
