"""How Pegel itself is: what runs is said to run, and of each trouble the next command is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pegel.alerts.health import HealthAlert
from pegel.alerts.health_kind import HealthKind
from pegel.reconcile.actions import Action, ActionKind, Target
from pegel.report.fleet_health import FleetHealth, read_fleet_health
from pegel.report.reading import Sources
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.action_log import ActionLog
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.health_alerts import HealthAlerts
from pegel.store.last_mails import LastMails
from pegel.store.passes import DISPATCH, RECONCILE, Passes
from pegel.store.registry import Registry
from pegel.store.stream_store import StreamStore
from pegel.store.worker_beats import WorkerBeat, WorkerBeats
from pegel.stream.commit import ArrivalRow, Commit, Gap, SetAside
from pegel.testing.samples import MINUTE, sample_heartbeat, sample_spec

from .conftest import NOW

pytestmark = pytest.mark.environments("sqlalchemy")
TOPIC = "pegel.default.inference"


@pytest.fixture
def running(empty: Sources) -> Sources:
    """A system in which everything runs and nothing came."""
    engine = empty.engine
    Registry(engine).put(sample_spec())
    for workflow in (RECONCILE, DISPATCH):
        Passes(engine).note(workflow, NOW)
    store = StreamStore(engine)
    store.heartbeat(store.claim("default", 1, NOW), sample_heartbeat(NOW, generation=1))
    return empty


def health(sources: Sources, now: datetime = NOW) -> FleetHealth:
    """Read how Pegel is."""
    return read_fleet_health(sources, Registry(sources.engine).list(), now)


def test_where_all_is_well_nothing_is_to_be_done(running: Sources) -> None:
    """A system that runs has the state ok and no next command."""
    found = health(running)

    assert ("ok", []) == (found.level, found.wrong)
    assert not any(line.next for section in found.sections for line in section.lines)


def unheard(sources: Sources) -> None:
    """Nobody is watched any more, and that was mailed."""
    alert = HealthAlert(
        kind=HealthKind.NOT_WATCHED, about="default", group="default", models=("delays/1",), since=NOW, reason="silent"
    )
    HealthAlerts(sources.engine).keep(replace(alert, mailed_at=NOW), NOW)


def looping(sources: Sources) -> None:
    """A driver died again and again."""
    act = Action(kind=ActionKind.QUARANTINE, target=Target.driver("default"), reason="three deaths", generation=1)
    ActionLog(sources.engine).record([act], NOW)


def lost(sources: Sources) -> None:
    """Records were set aside, and others never read."""
    store = StreamStore(sources.engine)
    aside = SetAside(topic=TOPIC, partition=1, offset=7, size_bytes=900, reason="killed two drivers", at=NOW)
    gap = Gap(topic=TOPIC, partition=0, start=5, end=125, reason="retention", at=NOW)
    store.commit(store.claim("default", 2, NOW), Commit(gaps=[gap], set_aside=[aside]), NOW)


def unaccounted(sources: Sources) -> None:
    """Records arrived that nobody accounts for."""
    store = StreamStore(sources.engine)
    arrived = ArrivalRow(topic=TOPIC, partition=0, minute=NOW - 30 * MINUTE, records=7)
    store.commit(store.claim("default", 2, NOW), Commit(arrivals=[arrived]), NOW)


def untold(sources: Sources) -> None:
    """Somebody could not be told."""
    DispatchFailures(sources.engine).record("delays", 1, "ada@example.org was refused: 550", NOW)


def waiting(sources: Sources) -> None:
    """A mail has been waiting for an hour."""
    LastMails(sources.engine).waits("ada@example.org", NOW - timedelta(hours=1))


def silent_worker(sources: Sources) -> None:
    """A worker that explains predictions fell silent."""
    long_ago = NOW - timedelta(hours=1)
    WorkerBeats(sources.engine).put(WorkerBeat(namespace="default", at=long_ago, started_at=long_ago, pid=1))


@pytest.mark.parametrize(
    ("trouble", "words", "command"),
    [
        (unheard, "delays/1: not watched since", "pegel status"),
        (looping, "in quarantine since", "pegel status"),
        (lost, "120 records never read: retention", "pegel status"),
        (lost, "1 record set aside", "killed two drivers"),
        (unaccounted, "the ledger does not close in 1 minute, by 7 records", "pegel status"),
        (untold, "delays/1: not told", "pegel alerts --model delays/1"),
        (waiting, "ada@example.org: mail waits for company since", "pegel runs alert_dispatch"),
        (silent_worker, "silent since", "pegel status"),
    ],
)
def test_each_trouble_is_told_with_the_next_command(
    running: Sources, trouble: Callable[[Sources], None], words: str, command: str
) -> None:
    """What is wrong is among the bad lines, with what to do, and is the state of the whole."""
    trouble(running)
    found = health(running)
    told = {f"{line.about}: {line.words}": line.next for line in found.wrong}

    assert [True] == [command in told[line] for line in told if words in line]
    assert (found.level in {"bad", "warn"}, found.words.startswith("ok")) == (True, False)


def test_a_workflow_that_stands_still_is_told(running: Sources) -> None:
    """Ten minutes after the last pass of Airflow's workflows both are late; the driver is silent by then, too."""
    told = [line for line in health(running, NOW + timedelta(minutes=11)).wrong if line.next.startswith("pegel runs")]

    assert [RECONCILE, DISPATCH] == [line.about for line in told]


def test_a_driver_that_never_spoke_is_told(empty: Sources) -> None:
    """Of a group that nobody reads yet it is said that its driver does not run."""
    spec: MonitorSpec = sample_spec()
    Registry(empty.engine).put(spec)

    assert ["driver of group default"] == [line.about for line in health(empty).wrong if "driver" in line.about]


def test_a_driver_whose_group_has_no_models_any_more_is_no_trouble(running: Sources) -> None:
    """A group's last model is taken out, and its driver stops: what it said last makes nothing bad, then or later."""
    store, spec = StreamStore(running.engine), sample_spec("old", group="deserted")
    claim = store.claim("deserted", 1, NOW)
    store.heartbeat(claim, replace(sample_heartbeat(NOW, generation=1), group="deserted", state="stopped"))
    Registry(running.engine).put(spec)
    watched = [line.about for line in health(running).wrong]
    Registry(running.engine).remove("old", 1)

    assert ["driver of group deserted"] == watched
    assert [] == health(running).wrong
