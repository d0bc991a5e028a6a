"""Onboarding, run as Airflow runs it: a real broker and real HTTP; only model server and Spark are stood in for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import model
import pytest
import rooms
import scene
import seeds

from pegel.errors import EndpointFailed, InvalidSpec, PermanentError, Unavailable
from pegel.spec import names
from pegel.spec.settings import Settings
from pegel_airflow import form, onboarding, probe, services, topic_admin
from pegel_airflow.baseline_operator import BaselineJob

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fresh_rooms")]
TOPIC = names.inference_topic("default")


@pytest.fixture
def system(broker: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that lead to the real broker."""
    monkeypatch.setenv("PEGEL_KAFKA", broker)
    return Settings()


@pytest.fixture
def served(system: Settings) -> Iterator[model.Model]:
    """A model that answers and logs, behind the endpoints of the serving backend."""
    topic_admin.create(system, "default")
    with model.served(system.kafka, TOPIC) as serving:
        rooms.SERVING.address = serving.address
        yield serving


@pytest.fixture
def submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the stand-in for Spark first on PATH; each submission becomes a line of this file."""
    lines = tmp_path / "submitted.jsonl"
    lines.touch()
    monkeypatch.setenv("PEGEL_TEST_SUBMITTED", str(lines))
    monkeypatch.setenv("PATH", f"{Path(__file__).parent / 'lib'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark", "host": "local[2]"}))
    return lines


@pytest.fixture
def trained(system: Settings, tmp_path: Path) -> None:
    """Training data of the scene's schema in the feature store."""
    scene.register(system, tmp_path / "training.parquet")


@pytest.mark.usefixtures("trained")
def test_the_whole_way(system: Settings, served: model.Model, submitted: Path, run_dag: Any) -> None:
    """One run takes the form's answers to an entry in the registry, by way of endpoint, probe and baseline."""
    wish = seeds.spec()
    state = run_dag("model_onboard", **form.params_of(wish))
    asked = [path for path, _ in served.asked]
    spark = [json.loads(line) for line in submitted.read_text().splitlines()]

    assert (state, services.stores(system).registry.list(), asked) == (
        "success",
        [wish],
        ["/v1/models/delays-v1:predict"],
    )
    assert [(job["master"], Path(job["application"]).name, job["model"]) for job in spark] == [
        ("local[2]", "baseline.py", "delays")
    ]


def test_a_refused_spec_touches_nothing(settings: Settings) -> None:
    """A combination that cannot be is refused by the first task, before there is a topic, an endpoint or an entry."""
    answers = form.params_of(seeds.spec()) | {"windowing.slide": 90}

    with pytest.raises(InvalidSpec, match="slide 90s > length 10s"):
        onboarding.validate(answers)


def test_topics_are_created_once(system: Settings) -> None:
    """The topics of a namespace are created when missing, and left alone when they exist."""
    first, second = topic_admin.create(system, "fresh"), topic_admin.create(system, "fresh")

    assert (first, second) == (list(names.topics("fresh")), [])


def test_the_probe_is_known_by_its_id(system: Settings, served: model.Model) -> None:
    """The probe's event id starts with the prefix by which the monitor leaves it out."""
    told = probe.probe(system, seeds.spec(), served.address, scene.SCHEMA)

    assert (told["status"], told["id"].startswith("pegel-probe-")) == (200, True)


def test_a_model_that_refuses_is_not_onboarded(system: Settings, served: model.Model) -> None:
    """A model that answers the probe with an error fails the run for good, with its answer."""
    served.status = 500

    with pytest.raises(EndpointFailed, match="given 500"):
        probe.probe(system, seeds.spec(), served.address, scene.SCHEMA)


def test_a_logger_that_is_not_wired_is_noticed(
    system: Settings, served: model.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the answer never shows on the topic, the probe says which half is missing."""
    monkeypatch.setattr(probe, "SEEN_WITHIN_S", 1.0)
    served.muted.add("response")

    with pytest.raises(Unavailable, match="missing: response"):
        probe.probe(system, seeds.spec(), served.address, scene.SCHEMA)


def test_no_broker_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a broker, creating topics fails as something that may be tried again."""
    monkeypatch.setattr(topic_admin, "REACH_WITHIN_MS", 500)

    with pytest.raises(Unavailable, match="expected a broker"):
        topic_admin.create(Settings(kafka="127.0.0.1:1"), "default")


@pytest.mark.parametrize(
    ("protocol", "address", "first_value"),
    [("v1", "http://e/v1/models/delays-v1:predict", 0.0), ("v2", "http://e/v2/models/delays-v1/infer", [0.0])],
)
def test_the_probe_speaks_both_protocols(protocol: str, address: str, first_value: Any) -> None:
    """The probe's address and body follow the protocol that the spec names."""
    wish = seeds.spec(model={"name": "delays", "uri": "file:///m", "protocol": protocol})
    body = probe.body(wish, scene.SCHEMA)
    first = body["instances"][0][0] if protocol == "v1" else body["inputs"][0]["data"]

    assert (probe.address(wish, "http://e/"), first) == (address, first_value)


def test_a_refused_baseline_is_not_tried_again(settings: Settings, submitted: Path) -> None:
    """When the job refuses its input, the task fails for good, with the job's own last words."""
    job = BaselineJob(task_id="profile", spec=seeds.spec(model={"name": "broken", "uri": "file:///m"}).to_json())

    with pytest.raises(PermanentError, match="columns of the schema are absent: distance"):
        job._profile()


def test_an_unchanged_baseline_rings_nobody(system: Settings, submitted: Path, run_dag: Any) -> None:
    """A refresh profiles each watched model once, and goes no further when nothing changed."""
    services.stores(system).registry.put(seeds.spec(model={"name": "delays", "version": 2, "uri": "file:///m"}))
    state = run_dag("baseline_refresh")

    assert (state, len(submitted.read_text().splitlines())) == ("success", 1)
