"""How Pegel itself is: workflows, drivers, workers, ledger, what was set aside, what nobody was told.

Each bad line says what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pegel.alerts.alert import Alert, DispatchFailure
from pegel.alerts.health import HealthAlert
from pegel.alerts.health_event import HealthEvent
from pegel.alerts.health_kind import HealthKind
from pegel.errors import DamagedRow
from pegel.reconcile.actions import ActionKind, PastAction, Target, launched
from pegel.reconcile.driver_health import why_unwatched
from pegel.report.group_health import group_lines
from pegel.report.health_lines import HealthLine
from pegel.report.health_mail import STATES, next_step
from pegel.report.health_past import past_line
from pegel.report.progress import ago, progress
from pegel.report.reading import LOOK_BACK, PartReader, Sources
from pegel.report.words import moment, several
from pegel.report.worker_words import is_silent, worker_words
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.store.action_log import ActionLog
from pegel.store.alert_store import AlertStore
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.health_alerts import HealthAlerts
from pegel.store.last_mails import LastMails
from pegel.store.passes import DISPATCH, RECONCILE, Passes
from pegel.store.results import Results
from pegel.store.worker_beats import WorkerBeat, WorkerBeats
from pegel.stream.result_rows import Heartbeat

LATE_AFTER: Final = timedelta(minutes=10)
"""A workflow that runs each minute and has not come to its end for so long is late; mails, too."""
PAST_ACTIONS: Final = 200
"""Newest actions of drivers among which the last one of each is looked for."""
PAST_EVENTS: Final = 50
"""Newest lines of what came and went that are shown."""
RUNS_EACH_MINUTE: Final = {
    RECONCILE: "drivers, endpoints and workers are not looked after",
    DISPATCH: "nobody is mailed",
}
"""Workflows, and what it costs that one does not run."""


@dataclass(frozen=True, slots=True)
class HealthSection:
    """Lines about one part of Pegel. `empty`: what is said where there is none."""

    title: str
    lines: list[HealthLine]
    empty: str = "None."


@dataclass(frozen=True, slots=True)
class FleetHealth:
    """All of it. `problems`: what could not be read, in words."""

    sections: list[HealthSection]
    problems: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[HealthLine]:
        """Return what is not as it should be, the worst first."""
        lines = [line for section in self.sections for line in section.lines]
        return [line for level in ("bad", "warn") for line in lines if line.level == level]

    @property
    def level(self) -> str:
        """Return the level of the worst."""
        return "bad" if self.problems else next((line.level for line in self.wrong), "ok")

    @property
    def words(self) -> str:
        """Return how it is, in one line: the worst, and how much else there is."""
        said = [*(f"{line.about}: {line.words}" for line in self.wrong), *self.problems]
        more = f"; and {len(said) - 1} more" if len(said) > 1 else ""
        return f"{said[0]}{more}" if said else "ok: workflows run, drivers watch, ledgers close, everybody is told"


def read_fleet_health(sources: Sources, specs: Sequence[MonitorSpec], now: datetime) -> FleetHealth:
    """Read how Pegel is. The number of questions grows with groups and namespaces, not with models.

    Raises TemporaryError; what cannot be read is among `problems`.
    """
    engine, reader = sources.engine, PartReader()
    part, unheard, damaged = reader.part, dict[str, str](), dict[tuple[str, str], str]()
    results, since = Results(engine), now - LOOK_BACK
    beats = part("heartbeats", lambda: results.heartbeats(damaged=unheard), list[Heartbeat]())
    # What a driver said last stays when its group has no models any more: that it is silent then is as it should be.
    speaking = {beat.group for beat in beats if why_unwatched(beat, now) is None}
    groups = sorted({spec.group for spec in specs if not spec.model.is_table} | speaking)
    targets = [Target.driver(group) for group in groups]
    log, problems = ActionLog(engine), reader.problems
    actions = part(
        "what reconciling did",
        lambda: log.recent(*targets, limit=PAST_ACTIONS, damaged=problems) if targets else [],
        list[PastAction](),
    )
    ends = part("passes of workflows", Passes(engine).ends, dict[str, datetime]())
    known = HealthAlerts(engine)
    seen = part(
        "what is wrong with the watching",
        lambda: known.all(damaged=damaged),
        dict[tuple[HealthKind, str], HealthAlert](),
    )
    past = part(
        "the history of the watching", lambda: known.events(limit=PAST_EVENTS, damaged=problems), list[HealthEvent]()
    )
    workers = part("workers", lambda: WorkerBeats(engine).list(damaged=unheard), list[WorkerBeat]())
    untold = part(
        "what was not told",
        lambda: DispatchFailures(engine).recent(since=since, damaged=problems),
        list[DispatchFailure](),
    )
    opened = part("open alerts", AlertStore(engine).open_by_monitor, dict[tuple[str, int], list[Alert | DamagedRow]]())
    waiting = part("mails that wait", LastMails(engine).waiting, dict[str, datetime]())
    sections = [
        HealthSection(
            "What people are told of", [_seen(alert, now) for alert in seen.values()], "Nobody is told of anything now."
        ),
        HealthSection("What came and went", [past_line(event, now) for event in reversed(past)], "Nothing so far."),
        HealthSection("Workflows", [_workflow(name, ends.get(name), now) for name in RUNS_EACH_MINUTE]),
        HealthSection("Drivers", _drivers(groups, beats, actions, now), "No model is watched by a stream."),
        HealthSection("Explaining workers", [_worker(beat, now) for beat in workers], "No prediction is explained."),
        HealthSection("Ledger and what was set aside", group_lines(results, groups, now, reader), "No group reads."),
        HealthSection("Outbox", _outbox(untold, opened, waiting, now), "Everybody has been told."),
    ]
    around = [HealthLine(about="this machine", words=words, level="bad", next="pegel up") for words in sources.around]
    if around:
        sections.insert(0, HealthSection("Around all models", around))
    return FleetHealth(sections, list(dict.fromkeys([*problems, *unheard.values(), *damaged.values()])))


def _seen(alert: HealthAlert, now: datetime) -> HealthLine:
    models = several(alert.models, 5) or alert.about
    state = STATES[alert.kind][0]
    told = "nobody is mailed yet" if alert.mailed_at is None else f"mailed {moment(alert.mailed_at, now)} UTC"
    words = f"{state} since {moment(alert.since, now)} UTC: {shown(alert.reason, LONGEST_SENTENCE)}; {told}"
    return HealthLine(about=models, words=words, level="bad", next=next_step(alert))


def _workflow(name: str, end: datetime | None, now: datetime) -> HealthLine:
    if end is not None and now - end <= LATE_AFTER:
        return HealthLine(about=name, words=f"came to its end {ago(end, now)}", level="ok")
    when = "has never come to its end" if end is None else f"has not come to its end since {moment(end, now)} UTC"
    return HealthLine(
        about=name,
        words=f"{when}: {RUNS_EACH_MINUTE[name]}",
        level="bad",
        next=f"pegel runs {name}; if it has no new run: whether it is switched on in Airflow, and whether the "
        "scheduler lives",
    )


def _drivers(
    groups: Sequence[str], beats: Sequence[Heartbeat], actions: Sequence[PastAction], now: datetime
) -> list[HealthLine]:
    by_group = {beat.group: beat for beat in beats}
    last = {str(action.target): action for action in actions}
    return [_driver(group, by_group.get(group), last.get(str(Target.driver(group))), actions, now) for group in groups]


def _driver(
    group: str, beat: Heartbeat | None, last: PastAction | None, actions: Sequence[PastAction], now: datetime
) -> HealthLine:
    about = f"driver of group {shown(group, NAME_LIMIT)}"
    trouble = why_unwatched(beat, now)
    if last is not None and last.kind is ActionKind.QUARANTINE:
        reason = f"in quarantine since {moment(last.at, now)} UTC: {shown(last.reason, LONGEST_SENTENCE)}"
        return HealthLine(about=about, words=reason, level="bad", next="pegel status names its log; mend what it says")
    if beat is None:
        return HealthLine(about=about, words=trouble or "", level="bad", next="pegel plan says what is done about it")
    words = progress(beat, now, launched=launched(actions, Target.driver(group)))
    if trouble is not None:
        goes_on = "bring that back (on one machine: pegel up); the driver then goes on by itself"
        step = goes_on if beat.missing else "pegel plan; pegel status"
        return HealthLine(about=about, words=f"{trouble}; {words}", level="bad", next=step)
    if beat.error:
        text = f"{words}; {shown(beat.error, LONGEST_SENTENCE)}"
        return HealthLine(about=about, words=text, level="warn", next="pegel status names its log")
    return HealthLine(about=about, words=words, level="ok")


def _worker(beat: WorkerBeat, now: datetime) -> HealthLine:
    quiet = is_silent(beat, now)
    about = f"worker of {shown(beat.namespace, NAME_LIMIT)}"
    remedy = "pegel status names its log; reconciling starts it again" if quiet else ""
    return HealthLine(about=about, words=worker_words(beat, now), level="bad" if quiet else "ok", next=remedy)


def _outbox(
    untold: Sequence[DispatchFailure],
    opened: Mapping[tuple[str, int], Sequence[Alert | DamagedRow]],
    waiting: Mapping[str, datetime],
    now: datetime,
) -> list[HealthLine]:
    lines = []
    for one in untold:
        often = f", {one.times} times" if one.times > 1 else ""
        words = f"not told {moment(one.at, now)} UTC{often}: {shown(one.reason, LONGEST_SENTENCE)}"
        lines.append(HealthLine(about=one.key, words=words, level="warn", next=f"pegel alerts --model {one.key}"))
    for alert in (one for known in opened.values() for one in known if isinstance(one, Alert) and one.mail_failed):
        words = f"mailed to nobody: {shown(alert.mail_failed, LONGEST_SENTENCE)}"
        lines.append(HealthLine(about=alert.key, words=words, level="bad", next=f"pegel alerts {alert.id[:8]}"))
    for address, since in waiting.items():
        late = now - since > LATE_AFTER
        words = f"mail waits for company since {moment(since, now)} UTC"
        remedy = f"pegel runs {DISPATCH}" if late else ""
        about = shown(address, NAME_LIMIT)
        lines.append(HealthLine(about=about, words=words, level="warn" if late else "ok", next=remedy))
    return lines
