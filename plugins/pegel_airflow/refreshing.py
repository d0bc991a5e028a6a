"""Refresh: new baselines beside the current ones. What is beyond doubt is promoted; else a person is asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pegel.errors import Conflict, LayoutMismatch, PegelError, PermanentError
from pegel.spec import names
from pegel.spec.limits import APPROVAL_WITHIN, ASKED_FOR
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.baseline_operator import ProfiledModel
from pegel_airflow.teams import refuse_model_of_other_team, refuse_other_team

if TYPE_CHECKING:
    from pegel.baseline.baseline import Baseline
    from pegel.judge.refresh.guard_rails import Learned
    from pegel.judge.refresh.replayed_windows import ReplayedWindows
    from pegel.judge.refresh.review import RefreshReview
    from pegel_airflow.services import Stores

_log = logging.getLogger(__name__)
BY = "baseline_refresh"
"""Who promotes what nobody was asked about."""
ANSWERED_BY_NOW = 2 * APPROVAL_WITHIN
"""A question that is open for longer is one that nobody is asked any more: its run was deleted or ended by hand."""

LOOKED_AT = 100
"""Refreshes that are looked through for what was said of a baseline before."""


@dataclass(slots=True)
class RefreshOutcome:
    """What became of the new baselines of one run, as it travels between tasks."""

    promoted: list[str] = field(default_factory=list)
    """Baselines that became current."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Parameters of `baseline_approval`, one for each question that is open; it is asked once, however often it is
    here."""
    failed: list[str] = field(default_factory=list)
    """Models that could not be looked at, and why."""

    def to_json(self) -> dict[str, list[Any]]:
        """Return plain JSON."""
        return asdict(self)


def refuse_failed(failed: Sequence[str]) -> None:
    """Raise PermanentError with what could not be looked at, if there is anything."""
    if failed:
        raise PermanentError(f"new baselines that could not be looked at: {'; '.join(failed)}. The current ones stay.")


def specs_to_profile(
    settings: Settings, models: Sequence[str], *, by_hand: bool = False, user: str | None = None
) -> list[dict[str, Any]]:
    """Return the specs to profile: those of `models` (`name` or `name/version`), or all when none is named.

    A model whose spec says `never` is profiled only if it is named. `by_hand`: whether `user`, who has started the run,
    named them: raises PermanentError then if one is another team's, or none that is watched. All of them, and those
    that changed data name, are nobody's choice.
    """
    if by_hand:
        from pegel.store.meant_model import watched_models

        watched_models(services.stores(settings).registry.entries(), models, otherwise="Nothing was started.")
    specs = services.stores(settings).registry.list()
    named = [spec for spec in specs if spec.key in models or spec.model.name in models]
    chosen = named if models else [spec for spec in specs if spec.baseline.refresh != "never"]
    if by_hand:
        for spec in chosen:
            refuse_other_team(spec.namespace, user)
    return [spec.to_json() for spec in chosen]


def look_at_new_baselines(
    settings: Settings, results: Sequence[dict[str, Any]], *, by_hand: bool, user: str | None = None
) -> RefreshOutcome:
    """Promote what may be, and say which questions are to be asked; print one line or more per model.

    `by_hand`: whether a person named the models: then what was rejected before is asked about again. `user`: who has
    started the run, in whose name what is named is promoted. One model's trouble is told, and keeps no other from its
    baseline.
    """
    outcome, now = RefreshOutcome(), datetime.now(UTC)
    by = (user if by_hand else None) or BY
    for profiled in map(ProfiledModel.from_json, results):
        key = names.monitor_key(profiled.model, profiled.version)
        line = f"{key} {profiled.baseline_id[:19]} {profiled.rows:>12,} rows "
        try:
            word = _NewBaseline(settings, profiled, by_hand=by_hand, by=by, now=now).look(outcome)
        except PegelError as error:
            outcome.failed.append(f"{key}: {error}")
            _note_refused(settings, profiled, f"its new baseline could not be looked at: {error}", now)
            word = f"could not be looked at: {error}"
        except Exception as error:  # noqa: BLE001 - it is logged, and fails the run in the end
            # What nobody thought of, too, is one model's trouble: the questions of the others are asked all the same.
            _log.exception("%s could not be looked at", key)
            outcome.failed.append(f"{key}: {type(error).__name__}: {error}")
            _note_refused(settings, profiled, f"its new baseline could not be looked at: {type(error).__name__}", now)
            word = f"could not be looked at: {type(error).__name__}"
        for told in (f"{line} {word}", *(f"{key} {remark}" for remark in profiled.remarks)):
            print(told)  # noqa: T201 - a task's output is its log
    return outcome


@dataclass(frozen=True, slots=True)
class _NewBaseline:
    settings: Settings
    profiled: ProfiledModel
    by_hand: bool
    by: str
    now: datetime

    def look(self, outcome: RefreshOutcome) -> str:
        """Promote, ask, or leave; return what was done, in words. Where it raises, the recount stays: it may go on."""
        asked = len(outcome.asked)
        try:
            word = self._settle(outcome)
        except Conflict as error:
            word = f"left alone: {error}"
        tries, of = services.stores(self.settings).refresh_tries, (self.profiled.model, self.profiled.version)
        if len(outcome.asked) > asked:
            tries.refused(*of, self.now, word, after=ASKED_FOR)
        else:
            tries.settled(*of, self.now)
        if recount := (self.profiled.recount or {}).get("baseline_id"):
            # That of a question stays as long as it is open.
            services.stores(self.settings).baselines.discard(recount)
        return word

    def _settle(self, outcome: RefreshOutcome) -> str:
        stores, one = services.stores(self.settings), self.profiled
        if one.current is None:
            return self._first(stores, outcome)
        if one.current == one.baseline_id:
            return "unchanged, nothing restarts"
        spec = stores.registry.get(one.model, one.version)
        if spec is None:
            return "left: the model is not watched any more"
        found = stores.baselines.current(one.model, one.version)
        if found == one.baseline_id:
            # As with the first one.
            outcome.promoted.append(one.baseline_id)
            return "promoted already"
        if found != one.current:
            raise Conflict(f"expected {one.current} to be current, as it was compared with; found {found}.")
        if (said := _said_before(stores, one)) is not None and not self.by_hand:
            return f"left: {said}"
        return self._decide(stores, spec, one.current, outcome, doubted=said is not None)

    def _first(self, stores: Stores, outcome: RefreshOutcome) -> str:
        one = self.profiled
        news = stores.baselines.promote(
            one.model, one.version, one.baseline_id, None, by=self.by, now=self.now, why="the first one"
        )
        # Told in any case: a first try of this task may have promoted it, and died before anybody was.
        outcome.promoted.append(one.baseline_id)
        return "promoted: the first one" if news else "promoted already"

    def _decide(
        self, stores: Stores, spec: MonitorSpec, current: str, outcome: RefreshOutcome, *, doubted: bool
    ) -> str:
        from pegel.judge.refresh.review import Way
        from pegel.report.refresh_words import headline
        from pegel.store.refresh_store import RefreshEnd

        review = _review(stores, spec, self.profiled, current, self.now)
        way, told = review.way(spec.baseline.refresh), headline(review)
        one = self.profiled
        pair = (one.model, one.version, one.baseline_id, current)
        if way is Way.PROMOTE:
            known = None
            if not doubted:
                known = stores.refreshes.promote(*pair, review, by=self.by, why=told, now=self.now, old=ANSWERED_BY_NOW)
            if known is not None:
                end, why = known
                if end is not RefreshEnd.PROMOTED:
                    return f"left: {why}"
                outcome.promoted.append(one.baseline_id)
                return f"promoted: {why}"
            # A person has spoken of it, or is asked about it just now: nobody else may decide meanwhile.
            way = Way.ASK
        seq, is_news = stores.refreshes.open(
            *(*pair, review),
            now=self.now,
            recount=(one.recount or {}).get("baseline_id"),
            old=ANSWERED_BY_NOW,
        )
        if way is Way.ASK:
            # Also what is asked already: the try that opened it may have died before it started the run that asks.
            outcome.asked.append({"refresh": seq})
            return f"{'a person is asked' if is_news else 'asked already, and not answered yet'}: {told}"
        ended = stores.refreshes.end(seq, RefreshEnd.LEFT, by=self.by, why="baseline.refresh is never", now=self.now)
        return f"left: {ended.why}"


def not_profiled(specs: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]]) -> list[int]:
    """Return the places of the specs whose training data gave no new baseline."""
    made = {(result["model"], result["version"]) for result in results}
    wanted = [MonitorSpec.parse(given).model for given in specs]
    return [place for place, model in enumerate(wanted) if (model.name, model.version) not in made]


def note_not_profiled(settings: Settings, specs: Mapping[int, dict[str, Any]], why: Mapping[int, str]) -> None:
    """Note of models whose training data gave no new baseline why; by place. Those that say never are left out."""
    stores, now = services.stores(settings), datetime.now(UTC)
    for place, given in specs.items():
        spec = MonitorSpec.parse(given)
        if spec.baseline.refresh != "never":
            said = f"its training data gave no new baseline: {why[place]}"
            stores.refresh_tries.refused(spec.model.name, spec.model.version, now, said, after=timedelta(0))


def _note_refused(settings: Settings, one: ProfiledModel, reason: str, now: datetime) -> None:
    """Note that a new baseline could not be looked at. Raises Unavailable, then nothing can be."""
    services.stores(settings).refresh_tries.refused(one.model, one.version, now, reason, after=timedelta(0))


def restore(settings: Settings, model: str, version: int, wanted: str, *, why: str, user: str | None) -> str:
    """Make an earlier baseline current again and return its id; see `BaselineStore.restore`.

    Raises PermanentError if the model is another team's than `user`'s, who has started the run.
    """
    refuse_model_of_other_team(settings, model, version, user)
    stores, by = services.stores(settings), user or "baseline_restore"
    back = stores.baselines.restore(model, version, wanted, by=by, now=datetime.now(UTC), why=why)
    print(f"{back.baseline_id} is current again, in place of {back.previous}")  # noqa: T201 - a task's output is its log
    return back.baseline_id


def _said_before(stores: Stores, one: ProfiledModel) -> str | None:
    """Return what a person has said of this very baseline: rejected, or replaced by an earlier one; None if nothing."""
    from pegel.store.refresh_store import RefreshEnd

    refreshes = stores.refreshes.list(one.model, one.version, limit=LOOKED_AT, damaged=[])
    for refresh in refreshes:
        same = (refresh.baseline_id, refresh.compared_with) == (one.baseline_id, one.current)
        if same and refresh.end is RefreshEnd.REJECTED:
            return f"{refresh.by} rejected it on {refresh.ended_at:%Y-%m-%d}: {refresh.why or 'without a reason'}"
    # What a refresh promoted is no step back, even where training data is again what it was before.
    refreshed = {(each.baseline_id, each.compared_with, each.ended_at) for each in refreshes}
    history = stores.baselines.history(one.model, one.version)
    for place, event in reversed(list(enumerate(history))):
        earlier = {before.baseline_id for before in history[:place]}
        by_hand = (event.baseline_id, event.previous, event.at) not in refreshed
        if event.previous == one.baseline_id and event.baseline_id in earlier and by_hand:
            return f"{event.by} put an earlier one in its place on {event.at:%Y-%m-%d}: {event.why}"
    return None


def _review(stores: Stores, spec: MonitorSpec, one: ProfiledModel, current_id: str, now: datetime) -> RefreshReview:
    from pegel.judge.refresh.guard_rails import MetSuite
    from pegel.judge.refresh.review import RefreshReview

    new = stores.baselines.get(one.baseline_id)
    learned = _learned(stores, spec, one)
    met = MetSuite(asked=one.suite_asked, unmet=tuple(one.suite_unmet))
    try:
        current = stores.baselines.get(current_id)
    except LayoutMismatch as error:
        return RefreshReview.of_unreadable(new, met=met, why_not=str(error))
    recount, why_not = _recount(stores, one)
    replayed = None if recount is None else _replay(stores, spec, current, recount, now)
    return RefreshReview.of(
        spec, current, new, recount=recount, replayed=replayed, learned=learned, met=met, why_not=why_not
    )


def _recount(stores: Stores, one: ProfiledModel) -> tuple[Baseline | None, str]:
    """Return the new rows in the cells of the current baseline; or why there are none."""
    known = one.recount or {}
    if known.get("baseline_id"):
        return stores.baselines.get(known["baseline_id"]), ""
    return None, known.get("why_not") or "the new rows were not counted in the cells of the current baseline"


def _learned(stores: Stores, spec: MonitorSpec, one: ProfiledModel) -> Learned:
    """Return of which time the new training data is, and what windows said of that time."""
    from pegel.judge.refresh.guard_rails import Learned

    known = one.recount or {}
    if not known.get("since") or not known.get("until"):
        return Learned()
    since, until = datetime.fromisoformat(known["since"]), datetime.fromisoformat(known["until"])
    # A window that ends later than the last row has rows that were not learnt, and others that were.
    windows, alarming = stores.results.alarms(one.model, one.version, since, until + spec.windowing.length)
    return Learned(since=since, until=until, windows=windows, alarming=alarming)


def _replay(stores: Stores, spec: MonitorSpec, current: Baseline, recount: Baseline, now: datetime) -> ReplayedWindows:
    """Judge the final windows of the last week by both, in order of time; a day of them is in memory at a time."""
    from pegel.judge.refresh.replayed_windows import LOOK_BACK, MOST_REPLAYED, Replay

    replay, day = Replay(current, recount, spec), timedelta(days=1)
    # So many at most: the older ones are left out, and the count says so.
    begin = max(now - LOOK_BACK, now - MOST_REPLAYED * spec.windowing.step)
    while begin < now:
        end = min(begin + day, now)
        for window in stores.results.windows(
            *(spec.model.name, spec.model.version, begin, end), final_only=True, damaged=[]
        ):
            replay.see(window.span, window.summary, window.layout_hash)
        begin = end
    return replay.result()
