"""A watched model is changed field by field, and a dry run says what would be done and does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import cluster
import model
import numpy as np
import pytest
import rooms
import scene
import seeds

from pegel.errors import InvalidSpec, NotFound, PermanentError
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_airflow import changing, form, onboarding_plan, services, topic_admin

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fresh_rooms")]

Run = Callable[..., str]


def wished(**changes: Any) -> MonitorSpec:
    """Return a spec whose model may take three seconds until it answers."""
    return seeds.spec(model={"name": "delays", "uri": "file:///models/delays", "ready_within": 3}, **changes)


def watched(settings: Settings, wish: MonitorSpec) -> None:
    """Put a spec in force as a run that succeeded does."""
    baselines = services.stores(settings).baselines
    made = scene.baseline(wish, np.random.default_rng(7), n=2_000)
    baselines.register(wish, baselines.put(made), by="test", now=datetime.now(UTC))
    rooms.SERVING.apply(wish)


@pytest.fixture
def system(broker: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that lead to the real broker."""
    monkeypatch.setenv("PEGEL_KAFKA", broker)
    return Settings()


@pytest.fixture
def served(system: Settings) -> Iterator[model.Model]:
    """A model that answers and logs, behind the endpoints of the serving backend."""
    topic_admin.create(system, "default")
    with model.served(system.kafka, names.inference_topic("default")) as serving:
        rooms.SERVING.address = serving.address
        yield serving


def test_a_dry_run_tells_all_and_touches_nothing(
    system: Settings, served: model.Model, spark: cluster.Cluster, run_dag: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    """It ends well; nothing is staged, asked, profiled or in force, and the plan stands in the log."""
    state = run_dag("model_onboard", **form.params_of(wished()), dry_run=True)
    told = capfd.readouterr().out

    assert (state, services.stores(system).registry.get("delays", 1)) == ("success", None)
    assert (served.asked, spark.submissions, rooms.SERVING.names()) == ([], [], [])
    assert "delays/1: new" in told
    assert "endpoint delays-v1 is started" in told
    assert "topics that are made: none" in told


def test_a_change_is_laid_over_and_comes_into_force(
    system: Settings, served: model.Model, spark: cluster.Cluster, run_dag: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is stated is another value, all else stays; what serves goes on, as nothing of it has changed."""
    watched(system, wished())
    answers = changing.change(system, {"model": "delays", "changes": {"windowing": {"length": "5m"}}})
    told = capfd.readouterr().out
    state = run_dag("model_onboard", **answers)
    now = services.stores(system).registry.get("delays", 1)
    assert now is not None

    assert "  windowing.length: 10s -> 5m\n  endpoint delays-v1 goes on as it is" in told
    assert (state, now) == ("success", wished(windowing={"length": "5m", "lateness": 2}))


def test_of_two_changes_at_once_none_undoes_the_other(
    system: Settings, served: model.Model, spark: cluster.Cluster, run_dag: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    """What was laid over a spec that is in force no more comes into force no more: its run says so, and why."""
    watched(system, wished())
    late = changing.change(system, {"model": "delays", "changes": {"windowing": {"length": "5m"}}})
    watched(system, wished(alerts={"emails": ["ben@example.org"]}))
    state = run_dag("model_onboard", **late)
    now = services.stores(system).registry.get("delays", 1)

    assert ("failed", wished(alerts={"emails": ["ben@example.org"]})) == (state, now)
    assert "which came into force meanwhile" in "".join(capfd.readouterr())


def test_the_workflow_says_what_changes(system: Settings, run_dag: Run, capfd: pytest.CaptureFixture[str]) -> None:
    """The form's answers travel to the first task; changes that no spec could have fail the run in words."""
    watched(system, wished())
    state = run_dag("model_change", model="delays/1", changes={"windowing": {"slide": "9m"}})

    assert state == "failed"
    assert "set slide to 10s or less" in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("model_named", "changes", "error", "words"),
    [
        ("arrivals", {"windowing": {"length": "5m"}}, NotFound, "no monitor for 'arrivals' is registered"),
        ("dealys", {}, NotFound, "registered. Nothing was changed. Did you mean `delays`?"),
        ("delays/2", {"windowing": {"length": "5m"}}, NotFound, "no monitor for 'delays/2' is registered"),
        ("delays/x", {}, NotFound, "no monitor for 'delays/x' is registered"),
        ("delays/99999999999999999999", {}, NotFound, "no monitor for 'delays/9999"),
        ("delays", {}, InvalidSpec, "given none that delays/1 does not have already"),
        ("delays", {"windowing": {"length": "10 s"}}, InvalidSpec, "given none that delays/1 does not have already"),
        ("delays", {"model": {"version": 2}}, InvalidSpec, "given another model, delays/2"),
        ("delays", {"windowing": {"lenght": 5}}, InvalidSpec, "windowing.lenght: unknown field"),
    ],
)
def test_what_is_no_change_is_refused(
    system: Settings, model_named: str, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    """A model that is not watched, another version, a misspelt field, no change at all: each is refused in words."""
    watched(system, wished())
    with pytest.raises(error) as told:
        changing.change(system, {"model": model_named, "changes": changes})

    assert words in str(told.value)


def test_another_folder_does_not_keep_the_digest_of_the_one_before(system: Settings) -> None:
    """A change of the model's folder means what lies in the new one."""
    watched(system, wished().model_copy(update={"model": wished().model.model_copy(update={"digest": "a" * 64})}))
    moved = changing.change(system, {"model": "delays", "changes": {"model": {"uri": "file:///models/other"}}})
    stays = changing.change(system, {"model": "delays", "changes": {"windowing": {"length": "5m"}}})

    assert (moved["model.digest"], stays["model.digest"]) == (None, "a" * 64)


def test_a_model_of_another_team_is_not_changed(system: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not onboard into a namespace may not change what is watched there."""
    watched(system, wished())
    monkeypatch.setenv("PEGEL_CLUSTER_TEAMS", '{"default": ["ada"]}')
    asked = {"model": "delays", "changes": {"windowing": {"length": "5m"}}}
    with pytest.raises(PermanentError):
        changing.change(system, asked, user="eve")

    assert changing.change(system, asked, user="ada")["windowing.length"] == 300.0


def test_a_plan_of_a_watched_model_says_what_will_be_judged(system: Settings) -> None:
    """With the same training data the plan tells what the baseline in force lets it judge, new settings included."""
    watched(system, wished())
    lines = onboarding_plan.plan(system, wished(watch={"margin": 0.1}).to_json())

    assert lines[:3] == ["delays/1: changed", "  watch.margin: 0.02 -> 0.1", "  endpoint delays-v1 goes on as it is"]
    assert any(line.startswith("judged") for line in lines)
    assert any(line.startswith("seen") for line in lines)


def test_a_plan_without_a_broker_is_still_a_plan(settings: Settings) -> None:
    """What cannot be told stands in the plan as a line; the rest is told."""
    away = settings.model_copy(update={"kafka": "127.0.0.1:9"})
    lines = onboarding_plan.plan(away, wished().to_json(), reach_within=timedelta(seconds=1))

    assert any(line.startswith("topics: expected a broker at 127.0.0.1:9") for line in lines)
    assert "delays-v1: in memory" in lines
