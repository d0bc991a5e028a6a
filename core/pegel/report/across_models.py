"""What pages need to know of all models at once, read once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pegel.alerts.alert import Alert, DispatchFailure
from pegel.alerts.silencing import Silence
from pegel.errors import DamagedRow
from pegel.report.reading import LOOK_BACK, PartReader, Sources
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.concept_chart_store import ConceptCharts
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.registry import Entry
from pegel.store.results import Newest, Results
from pegel.store.silence_store import SilenceStore
from pegel.store.table_reads import TableRead, TableReads
from pegel.stream.commit import Gap, MonitorFailure, SetAside
from pegel.stream.outcomes import Outcomes
from pegel.stream.result_rows import Heartbeat, MinuteBalance

SPARK = 24
"""Newest final windows in the small line of requests."""
A_MONTH = timedelta(days=30)
"""How far back alerts are counted: the longest time that a budget is said for."""
LEDGER_LOOK_BACK = timedelta(hours=1)
"""How old a minute of the ledger may be to be news: each model has a row for each, and the list is looked at often."""


@dataclass(frozen=True, slots=True)
class AcrossModels:
    """What is read once for all models."""

    heartbeats: dict[str, Heartbeat]
    failures: dict[tuple[str, int], MonitorFailure]
    untold: dict[tuple[str, int], DispatchFailure]
    """The newest of the last day."""
    tables: dict[tuple[str, int], TableRead]
    """How far the tables of models are read that stand in one alone."""
    currents: dict[tuple[str, int], str]
    newest: dict[tuple[str, int], Newest]
    damaged_baselines: dict[str, str]
    """Why a current baseline cannot be read, by its id."""
    open_alerts: dict[tuple[str, int], list[Alert | DamagedRow]]
    opened: dict[tuple[str, int], list[datetime]]
    """When the alerts of the last month were opened."""
    begun_anew: dict[tuple[str, int], list[str]]
    silences: list[Silence]
    """Those in force."""
    groups: dict[str, list[str]]
    """Notices about what a group reads, by group."""
    unheard: dict[str, str]
    """Why a group's heartbeat cannot be read, by group."""
    damaged: bool
    """Whether failures, mails not told or silences of some monitor cannot be read: then each is asked for its own."""
    problems: list[str]
    """What could be read of no monitor at all."""


def read_across(sources: Sources, entries: Sequence[Entry], now: datetime) -> AcrossModels:
    """Read it for the monitors of these entries. Raises TemporaryError; what cannot be read is among `problems`."""
    results, since = Results(sources.engine), now - LOOK_BACK
    reader = PartReader()
    part, damaged, unheard = reader.part, list[str](), dict[str, str]()
    alerts, baselines, dispatch = (
        AlertStore(sources.engine),
        BaselineStore(sources.engine),
        DispatchFailures(sources.engine),
    )
    monitors = [(entry.model, entry.version) for entry in entries]
    untold = part("what was not told", lambda: dispatch.recent(since=since, damaged=damaged), list[DispatchFailure]())
    failures = part("failures", lambda: results.failures(damaged=damaged), list[MonitorFailure]())
    beats = part("heartbeats", lambda: results.heartbeats(damaged=unheard), list[Heartbeat]())
    currents = part("current baselines", baselines.currents, dict[tuple[str, int], str]())
    # Documents are unpacked, not parsed: damage shows, and a list of two hundred models stays quick.
    own = [currents[key] for key in monitors if key in currents]
    groups = {entry.spec.group for entry in entries if entry.spec is not None}
    return AcrossModels(
        heartbeats={beat.group: beat for beat in beats},
        failures={(failure.model, failure.version): failure for failure in failures},
        untold={(failure.model, failure.version): failure for failure in reversed(untold)},
        tables=part("how far tables are read", TableReads(sources.engine).all, dict[tuple[str, int], TableRead]()),
        currents=currents,
        damaged_baselines=part("baselines", lambda: baselines.unreadable(own), dict[str, str]()),
        newest=part(
            "the newest windows", lambda: results.newest(monitors, limit=SPARK), dict[tuple[str, int], Newest]()
        ),
        open_alerts=part("open alerts", alerts.open_by_monitor, dict[tuple[str, int], list[Alert | DamagedRow]]()),
        opened=part("alerts", lambda: alerts.opened_since(now - A_MONTH), dict[tuple[str, int], list[datetime]]()),
        silences=part("silences", lambda: SilenceStore(sources.engine).in_force(now, damaged=damaged), list[Silence]()),
        begun_anew=part(
            "charts that began anew",
            lambda: ConceptCharts(sources.engine).begun_anew(since),
            dict[tuple[str, int], list[str]](),
        ),
        groups={group: _group_notices(results, group, since) for group in sorted(groups)},
        unheard=unheard,
        damaged=bool(damaged),
        problems=reader.problems,
    )


def _group_notices(results: Results, group: str, since: datetime) -> list[str]:
    """Return what of the last day's records of a group is missing or cannot be read, in words."""
    reader = PartReader()
    part, damaged, minutes_since = reader.part, reader.problems, since + LOOK_BACK - LEDGER_LOOK_BACK
    gaps = part("gaps", lambda: results.gaps(group, since, damaged=damaged), list[Gap]())
    set_aside = len(
        part("records set aside", lambda: results.set_aside(group, since, damaged=damaged), list[SetAside]())
    )
    minutes = part(
        "the ledger", lambda: results.ledger_balance(group, minutes_since, damaged=damaged), list[MinuteBalance]()
    )
    never_read = sum(gap.end - gap.start for gap in gaps)
    unbalanced = sum(minute.difference != 0 for minute in minutes)
    notices = [f"{_counted(never_read, 'record')} never read"] if never_read else []
    made_again = sorted({gap.topic for gap in gaps if gap.is_unknown})
    notices += [f"of {topic} an unknown number of records never read" for topic in made_again]
    notices += [f"{_counted(set_aside, 'record')} set aside"] if set_aside else []
    lost = part("what was lost of no model", lambda: results.of_no_model(group, since), Outcomes())
    at_most, at_least = lost.dropped_at_most, lost.dropped_at_least
    notices += [f"unknown: up to {_counted(at_most, 'event')} lost with a killed logger"] if at_most else []
    notices += (
        [f"unknown: at least {_counted(at_least, 'event')} lost with damaged files of a logger"] if at_least else []
    )
    notices += [f"ledger does not close in {_counted(unbalanced, 'minute')}"] if unbalanced else []
    return notices + list(dict.fromkeys(damaged))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
