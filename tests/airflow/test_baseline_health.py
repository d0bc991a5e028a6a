"""A refresh that was refused and a baseline that is old, as people hear of them: from the workflow to the mail."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cluster
import pytest
import seeds
from mail_servers import Server

from pegel.alerts.health_kind import HealthKind
from pegel.alerts.matcher import Matcher
from pegel.spec.limits import ASKED_FOR, REFRESH_LATE_BY, REFRESHED_EVERY, UNREFRESHED_FOR
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.refresh_store import RefreshEnd
from pegel.testing.samples import sample_heartbeat, sample_silence
from pegel.testing.stream_fakes import speak
from pegel_airflow import services
from pegel_airflow.baseline_operator import BaselineJob
from pegel_airflow.health_dispatch import HealthDispatch
from pegel_airflow.mail_sender import MailSender
from pegel_airflow.outbox import Outbox
from pegel_airflow.refreshing import look_at_new_baselines, refuse_failed, specs_to_profile
from pegel_airflow.turns import Turns

pytestmark = pytest.mark.usefixtures("fresh_rooms")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OLD = REFRESHED_EVERY + REFRESH_LATE_BY
REFUSAL = "the training data has no column `amount`"


class Nights:
    """Models that are refreshed by the workflow, and looked at at any instant."""

    def __init__(self, settings: Settings, spark: cluster.Cluster, run_dag: Any) -> None:
        """Watch nothing yet."""
        self.settings, self.spark, self.run_dag = settings, spark, run_dag
        self.stores = services.stores(settings)

    def watch(self, name: str = "delays", source: str = "local://delays", mode: str = "auto") -> None:
        """Watch a model, or watch it otherwise; Ada is told."""
        model, baseline = {"name": name, "uri": f"file:///models/{name}"}, {"source": source, "refresh": mode}
        self.stores.registry.put(seeds.spec(model=model, baseline=baseline))

    def refresh(self) -> None:
        """Look at the training data of all models, as a night does."""
        chosen = specs_to_profile(self.settings, [])
        made = [asdict(BaselineJob(task_id="profile", spec=spec).profile(self.settings)) for spec in chosen]
        refuse_failed(look_at_new_baselines(self.settings, made, by_hand=False).failed)

    def look(self, later: timedelta) -> None:
        """Look so long after now; the driver has just spoken."""
        now = datetime.now(UTC) + later
        speak(connect(self.settings.database), sample_heartbeat(now))
        specs, turns = self.stores.registry.list(), Turns()
        with MailSender(self.settings) as sender:
            outbox = Outbox(self.stores, sender, now, turns, self.settings)
            HealthDispatch(self.stores, sender, now, turns, outbox).look(specs)
            outbox.send()
        assert ([], []) == (turns.failed, turns.later)

    @property
    def seen(self) -> list[tuple[HealthKind, str]]:
        """Return what is known to be wrong."""
        return list(self.stores.health.all(damaged={}))


@pytest.fixture
def nights(settings: Settings, spark: cluster.Cluster, run_dag: Any) -> Nights:
    """A model whose baseline was made by the night before."""
    made = Nights(settings, spark, run_dag)
    made.watch()
    made.refresh()
    return made


def told(server: Server) -> list[str]:
    """Return the subjects of what was mailed, without times."""
    return [" ".join(str(mail["Subject"]).split()).partition(" (")[0] for mail in server.kept]


def test_a_refused_refresh_is_mailed_until_one_comes_through(nights: Nights, server: Server) -> None:
    """With the sentence of the job and the next command; the next night that finds nothing to change ends it."""
    nights.spark.refusal = REFUSAL
    states = [nights.run_dag("baseline_refresh")]
    for minutes in (0, 90):
        nights.look(timedelta(minutes=minutes))
    nights.spark.refusal = ""
    states.append(nights.run_dag("baseline_refresh"))
    nights.look(2 * HOUR)
    text = " ".join(server.kept[0].get_content().split())

    assert ["failed", "success"] == states
    assert ["[pegel] delays/1: not refreshed", "[pegel] delays/1: done with its refresh"] == told(server)
    assert f"its training data gave no new baseline: the baseline job of delays/1 refused its input: {REFUSAL}." in text
    assert "mended, pegel refresh delays/1 --wait" in text
    assert [] == nights.seen


def test_a_person_who_is_asked_has_a_day(nights: Nights, server: Server) -> None:
    """Then it is told as no refresh, also once the question is over unanswered; a no ends it."""
    nights.watch(mode="approve", source="local://changed")
    nights.refresh()
    nights.look(ASKED_FOR - HOUR)
    early = told(server)
    nights.look(ASKED_FOR + HOUR)
    (question,) = nights.stores.refreshes.list("delays", 1, limit=1)
    nights.stores.refreshes.end(question.seq, RefreshEnd.TIMED_OUT, by="nobody", why="", now=datetime.now(UTC))
    nights.look(ASKED_FOR + 2 * HOUR)
    nights.refresh()
    nights.look(ASKED_FOR + 3 * HOUR)
    (question,) = nights.stores.refreshes.list("delays", 1, limit=1)
    still = nights.seen
    nights.stores.refreshes.end(question.seq, RefreshEnd.REJECTED, by="otto", why="no", now=datetime.now(UTC))
    nights.look(ASKED_FOR + 4 * HOUR)

    assert ([], [(HealthKind.REFRESH_REFUSED, "delays/1")]) == (early, still)
    assert ["[pegel] delays/1: not refreshed", "[pegel] delays/1: done with its refresh"] == told(server)
    assert "a person is asked: " in server.kept[0].get_content().replace("\n", " ")


def test_a_baseline_that_no_refresh_looks_at_gets_old(nights: Nights, server: Server) -> None:
    """After two nights without any, and an hour; one night that finds the same rows makes it new."""
    for later in (OLD - HOUR, OLD + HOUR, OLD + 3 * HOUR, OLD + 5 * HOUR):
        nights.look(later)
    nights.refresh()
    nights.look(OLD - HOUR)
    text = " ".join(server.kept[0].get_content().split())

    assert ["judged by an old baseline", "judged by a baseline that was looked at"] == [
        line.removeprefix("[pegel] delays/1: ") for line in told(server)
    ]
    assert "no refresh has compared it with its training data since " in text
    assert "pegel refresh delays/1 --wait; whether baseline_refresh is paused" in text


def test_a_baseline_that_is_left_alone_gets_old_within_half_a_year(nights: Nights, server: Server) -> None:
    """Where the spec says never, nobody is told after two nights."""
    nights.watch(mode="never")
    for later in (OLD + 5 * HOUR, UNREFRESHED_FOR - DAY, UNREFRESHED_FOR + HOUR, UNREFRESHED_FOR + 3 * HOUR):
        nights.look(later)

    assert ["[pegel] delays/1: judged by an old baseline"] == told(server)
    assert "`baseline.refresh` is never, and 180 days are long" in " ".join(server.kept[0].get_content().split())


def test_a_refused_refresh_explains_an_old_baseline_of_the_same_model_alone(nights: Nights, server: Server) -> None:
    """One of two models is refused: it is told so, and of the other one alone that its baseline is old."""
    nights.watch("fraud")
    nights.refresh()
    nights.spark.refusal = REFUSAL
    nights.watch("fraud", mode="never")
    nights.run_dag("baseline_refresh")
    nights.watch("fraud")
    for later in (OLD + HOUR, OLD + 3 * HOUR):
        nights.look(later)

    assert {(HealthKind.REFRESH_REFUSED, "delays/1"), (HealthKind.BASELINE_OLD, "fraud/1")} == set(nights.seen)
    assert ["[pegel] delays/1: not refreshed", "[pegel] fraud/1: judged by an old baseline"] == told(server)


def test_a_kind_may_be_silenced_and_others_are_told(nights: Nights, server: Server) -> None:
    """Nobody hears of old baselines of one model; people do of those of another, and of other kinds of the first."""
    nights.watch("fraud")
    nights.refresh()
    about = Matcher(model="delays", kind=HealthKind.BASELINE_OLD)
    until = datetime.now(UTC) + 9 * DAY
    nights.stores.silences.say(replace(sample_silence(until), about=about))
    for later in (OLD + HOUR, OLD + 3 * HOUR):
        nights.look(later)
    known = nights.seen
    nights.stores.refresh_tries.refused("delays", 1, datetime.now(UTC), REFUSAL, after=timedelta(0))
    nights.look(OLD + 4 * HOUR)

    assert [(HealthKind.BASELINE_OLD, "delays/1"), (HealthKind.BASELINE_OLD, "fraud/1")] == known
    assert ["fraud/1: judged by an old baseline", "delays/1: not refreshed"] == [
        line.removeprefix("[pegel] ") for line in told(server)
    ]


def test_a_silenced_model_is_mailed_to_nobody_while_its_baseline_is_old(nights: Nights, server: Server) -> None:
    """It stays known, and is over with no mail once somebody refreshed."""
    nights.stores.silences.say(sample_silence(datetime.now(UTC) + 9 * DAY))
    for later in (OLD + HOUR, OLD + 3 * HOUR):
        nights.look(later)
    known = nights.seen
    nights.refresh()
    nights.look(HOUR)

    assert ([(HealthKind.BASELINE_OLD, "delays/1")], []) == (known, nights.seen)
    assert [] == told(server)
