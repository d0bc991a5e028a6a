"""Onboarding, run as Airflow runs it: a real broker and real HTTP; only model server and Spark are stood in for."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import cluster
import model
import numpy as np
import pytest
import rooms
import scene
import seeds
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import InvalidTimestampError
from people import PASSWORDS
from speaking_servers import restarted_server

from pegel.errors import Conflict, EndpointFailed, InvalidSpec, NotFound, PermanentError, SetupError, Unavailable
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.testing.samples import deployed, tabled
from pegel_airflow import form, onboarding, probe, services, topic_admin
from pegel_airflow.baseline_operator import BaselineJob
from pegel_airflow.ready import WaitReady
from pegel_local.airflow.airflow_api import AirflowApi
from pegel_local.airflow.told_endpoints import told_endpoints
from pegel_local.machine.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fresh_rooms")]
BY_NAME = {field["name"]: field["value"] for field in scene.REQUEST_ROW}
FAULTS = {
    "refuses": "Failed: send_probe: expected {}/v1/models/delays-v1:predict to answer a row of its training data; "
    "given 400: unknown category WN. Nothing that is in force was changed.",
    "never ready": "Failed: wait_ready: expected endpoint delays-v1 to be ready within 3 s; given: failed: "
    "ValueError: not a model. Nothing that is in force was changed.",
    "baseline refused": "Failed: baseline: the baseline job of delays/1 refused its input: columns of the schema are "
    "absent: distance",
}
"""What may fail, and what the run's note says then."""
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
def onboard(run_dag: Any, spark: cluster.Cluster) -> Callable[[MonitorSpec], str]:
    """Onboard a spec as its form does; returns the run's state."""

    def run(wish: MonitorSpec) -> str:
        return str(run_dag("model_onboard", **form.params_of(wish)))

    return run


Onboard = Callable[[MonitorSpec], str]


def wished(source: str = "local://delays", **model_changes: Any) -> MonitorSpec:
    """Return a spec whose model may take three seconds until it answers."""
    fields = {"name": "delays", "uri": "file:///models/delays", "ready_within": 3}
    return seeds.spec(model=fields | model_changes, baseline={"source": source})


def in_force(settings: Settings) -> tuple[Any, ...]:
    """Return everything that onboarding puts in force: spec, baseline, and what serves."""
    stores = services.stores(settings)
    return (
        stores.registry.get("delays", 1),
        stores.baselines.current("delays", 1),
        rooms.SERVING.observe("delays-v1"),
    )


def onboarded(settings: Settings, wish: MonitorSpec) -> tuple[Any, ...]:
    """Put a spec in force as a run that succeeded does; returns what is in force."""
    baselines = services.stores(settings).baselines
    made = scene.baseline(wish, np.random.default_rng(7), n=2_000)
    baselines.register(wish, baselines.put(made), by="test", now=datetime.now(UTC))
    rooms.SERVING.apply(wish)
    return in_force(settings)


def staged(settings: Settings) -> bool:
    """Say whether a candidate is beside what serves."""
    return rooms.SERVING.staged("delays-v1") != rooms.SERVING.observe("delays-v1")


PAGE = Settings().page_url.rstrip("/")


def note_of_last() -> str | None:
    """Return the note of the latest onboarding."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        latest = select(DagRun).where(DagRun.dag_id == "model_onboard").order_by(DagRun.id.desc()).limit(1)
        note: str | None = session.scalars(latest).one().note
        return note


def test_a_model_that_warms_up_is_asked_again(system: Settings, served: model.Model) -> None:
    """Answers of 503 while the model loads, or of 429, are no failure: the probe asks until it answers."""
    served.first = [503, 429]
    told = probe.probe(system, wished(ready_within=30), served.address, scene.REQUEST_ROW)

    assert (told["status"], len(served.asked)) == (200, 3)


def test_the_whole_way(system: Settings, served: model.Model, spark: cluster.Cluster, onboard: Onboard) -> None:
    """A first run that fails leaves nothing; the next puts the answers in force, by candidate, baseline and probe."""
    wish, served.status = wished(), 422
    failed = onboard(wish)
    left = (*in_force(system)[:2], in_force(system)[2].state, staged(system), rooms.SERVING.names())
    served.status = 200
    state = onboard(wish)
    spec, baseline, serving = in_force(system)

    assert (note_of_last() or "").splitlines()[:2] == ["Plan: delays/1: new", f"page: {PAGE}/models/delays/1"]
    assert (failed, left) == ("failed", (None, None, EndpointState.ABSENT, False, []))
    assert (state, spec, serving.state, staged(system)) == ("success", wish, EndpointState.READY, False)
    assert services.stores(system).baselines.get(baseline).rows == cluster.ROWS
    assert served.asked == [("/v1/models/delays-v1:predict", {"instances": [BY_NAME]})] * 2
    assert spark.submissions == [cluster.Submission("local[2]", "baseline.py", "delays")] * 2


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=pytest.mark.long if fault == "refuses" else ()) for fault in FAULTS]
)
def test_a_failed_onboarding_leaves_all_as_it_was(
    system: Settings, served: model.Model, spark: cluster.Cluster, onboard: Onboard, fault: str
) -> None:
    """Whatever fails when a model is onboarded anew, all that is in force stays, and the run's note says why."""
    before = onboarded(system, wished())
    if fault == "refuses":
        served.status = 400
    elif fault == "never ready":
        rooms.SERVING.failing["delays-v1"] = "ValueError: not a model"
    else:
        spark.refusal = "columns of the schema are absent: distance"
    failed = onboard(wished("local://delays?version=2", uri="file:///models/other"))

    assert (failed, in_force(system), staged(system)) == ("failed", before, False)
    assert (note_of_last() or "").partition("\nPlan: ")[0] == FAULTS[fault].format(served.address)


def test_a_new_onboarding_puts_all_in_force(system: Settings, served: model.Model, onboard: Onboard) -> None:
    """Onboarded anew with other data and another model file, spec, baseline and what serves are the new ones."""
    before = onboarded(system, wished())
    other = wished("local://delays?version=2", uri="file:///models/other")
    state = onboard(other)
    spec, baseline, serving = in_force(system)

    assert (state, spec, serving.fingerprint, staged(system)) == (
        "success",
        other,
        endpoint_fingerprint(other),
        False,
    )
    assert baseline != before[1]


@pytest.mark.long
def test_a_replaced_model_file_is_taken_up(system: Settings, served: model.Model, onboard: Onboard) -> None:
    """The same spec again, with other bytes in its folder, is probed and served anew; with the same bytes it is not."""
    seen = []
    for digest in ("a" * 64, "a" * 64, "b" * 64):
        rooms.SERVING.digests["file:///models/delays"] = digest
        state = onboard(wished())
        spec, _, serving = in_force(system)
        seen.append((state, spec.model.digest, serving.changed_at, serving.fingerprint == endpoint_fingerprint(spec)))
    first, again, replaced = seen

    assert first == again == ("success", "a" * 64, first[2], True)
    assert replaced == ("success", "b" * 64, replaced[2], True)
    assert replaced[2] > first[2]


def test_a_deployment_of_hopsworks_is_onboarded_without_a_probe(
    system: Settings, spark: cluster.Cluster, onboard: Onboard
) -> None:
    """Its topic has to be there, and is not made here; then spec and baseline come into force, and nothing is asked."""
    wish = seeds.spec(model=deployed(topic="delays-inference"), baseline={"source": "local://delays"})
    absent = onboard(wish)
    why = note_of_last()
    with closing(KafkaAdminClient(bootstrap_servers=system.kafka)) as admin:
        admin.create_topics(["delays-inference"])
    state = onboard(wish)
    spec, _, serving = in_force(system)

    assert ("failed", "success", wish, EndpointState.READY, None) == (absent, state, spec, serving.state, serving.url)
    assert f"the broker at {system.kafka}; given delays-inference, which it has not" in str(why)


def test_a_model_in_a_table_is_onboarded_without_broker_and_endpoint(settings: Settings, onboard: Onboard) -> None:
    """The same form computes its baseline, and puts both in force; no topic, endpoint or probe is asked for."""
    wish = seeds.spec(model=tabled(), baseline={"source": "local://delays"})
    state = onboard(wish)
    spec, baseline, serving = in_force(settings)

    assert ("success", wish, EndpointState.ABSENT) == (state, spec, serving.state)
    assert baseline is not None
    assert not staged(settings)


def test_spec_and_baseline_come_into_force_together(system: Settings) -> None:
    """A baseline that is not kept leaves the registry as it was, although the spec itself is fine."""
    stores = services.stores(system)
    profiled = {
        "model": "delays", "version": 1, "baseline_id": "sha256:gone", "rows": 1, "features": 1, "request_row": [],
        "current": None,
    }  # fmt: skip
    rooms.SERVING.stage(wished())
    with pytest.raises(NotFound, match="keeps no baseline sha256:gone"):
        onboarding.register(system, wished().to_json(), profiled)

    assert stores.registry.list() == []


def test_of_two_onboardings_at_once_none_touches_the_others_candidate(system: Settings) -> None:
    """A run whose candidate another run replaced neither takes, probes nor ends that one, and registers nothing."""
    ours, theirs = wished(), wished(uri="file:///models/other")
    profiled = {"model": "delays", "version": 1, "baseline_id": "", "rows": 1, "features": 1, "request_row": []}
    onboarding.stage_endpoint(system, ours.to_json())
    onboarding.stage_endpoint(system, theirs.to_json())
    with pytest.raises(Conflict, match="another run staged"):
        WaitReady(task_id="wait", spec=ours.to_json()).execute({})
    with pytest.raises(Conflict, match="another run staged"):
        onboarding.register(system, ours.to_json(), profiled | {"current": None})
    onboarding.discard_candidate(system, ours.to_json())

    assert rooms.SERVING.staged("delays-v1").fingerprint == endpoint_fingerprint(theirs)
    assert (*in_force(system)[:2], in_force(system)[2].state) == (None, None, EndpointState.ABSENT)


def test_a_late_run_ends_no_candidate_of_a_later_one(system: Settings) -> None:
    """What a failed run discards is its own: the same spec onboarded again meanwhile keeps what it has staged."""
    wish = wished().to_json()
    for run in ("failed", "again"):
        onboarding.stage_endpoint(system, wish, run=run)
    onboarding.discard_candidate(system, wish, run="failed")
    late = rooms.SERVING.staged("delays-v1").fingerprint
    onboarding.discard_candidate(system, wish, run="again")

    assert (late, rooms.SERVING.staged("delays-v1").state) == (endpoint_fingerprint(wished()), EndpointState.ABSENT)


def test_a_refused_spec_touches_nothing(settings: Settings) -> None:
    """A combination that cannot be is refused by the first task, before there is a topic, an endpoint or an entry."""
    answers = form.params_of(seeds.spec()) | {"windowing.slide": 90}

    with pytest.raises(InvalidSpec, match="slide 90s > length 10s"):
        onboarding.validate(Settings(), answers)


def test_a_detector_that_is_not_installed_is_refused_first() -> None:
    """Onboarding says which detectors there are, before there is a topic, an endpoint or an entry."""
    answers = form.params_of(seeds.spec()) | {"watch.detectors": ["nope"]}

    with pytest.raises(InvalidSpec, match="given 'nope': no such detector is installed here; there are median"):
        onboarding.validate(Settings(), answers)


def test_a_server_that_cannot_be_watched_is_refused_first() -> None:
    """Onboarding says of `model.url` what `pegel validate` says, before there is a topic, an endpoint or an entry."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    answers = form.params_of(seeds.spec(model={"name": "delays", "url": url}))
    expected = "expected a server of protocol v1 with the model delays-v1; that is the address of Airflow"
    with pytest.raises(InvalidSpec) as refused:
        onboarding.validate(Settings(serving_backend="local", airflow_url=url), answers)

    assert f"model.url: given {url!r}: {expected}. Nothing was started." == str(refused.value)


def test_a_server_that_is_restarted_is_not_refused() -> None:
    """Onboarding asks a server again that ends its connection without an answer: the task has no second try."""
    with restarted_server() as address:
        wish = seeds.spec(model={"name": "delays", "url": address})
        accepted = onboarding.validate(Settings(serving_backend="local"), form.params_of(wish))

    assert wish == MonitorSpec.parse(accepted)


def test_topics_are_created_once(system: Settings) -> None:
    """The topics of a namespace are created when missing, with a stated retention, and left alone when they exist."""
    first, second = topic_admin.create(system, "fresh"), topic_admin.create(system, "fresh")
    with closing(KafkaAdminClient(bootstrap_servers=system.kafka.split(","))) as admin:
        told = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic) for topic in first])

    assert (first, second) == (list(names.topics("fresh")), [])
    assert 4 == str(told).count(str(7 * 86_400_000))


def test_topics_refuse_times_that_no_calendar_has(system: Settings) -> None:
    """A record dated in another age is refused at the broker, where it costs its sender alone; yesterday's is taken."""
    topic_admin.create(system, "dated")
    topic, yesterday_ms = names.inference_topic("dated"), int(time.time() * 1000) - 86_400_000
    with closing(KafkaProducer(bootstrap_servers=system.kafka.split(","))) as producer:
        yesterday = producer.send(topic, b"{}", timestamp_ms=yesterday_ms).get(20)
        with pytest.raises(InvalidTimestampError):
            producer.send(topic, b"{}", timestamp_ms=-(2**61)).get(20)

    assert (topic, yesterday_ms) == (yesterday.topic, yesterday.timestamp)


def test_the_probe_is_known_by_the_endpoints_secret(system: Settings, served: model.Model) -> None:
    """Each request carries it; an endpoint without one is sent none."""
    for token in ("of-the-endpoint", ""):
        probe.probe(system, wished(), served.address, scene.REQUEST_ROW, token=token)

    assert served.tokens == ["of-the-endpoint", None]


def test_a_server_of_matrices_is_sent_a_list(system: Settings, served: model.Model) -> None:
    """Of a server that is not ours nobody knows whether it takes rows by name: if it refuses, it is sent a list."""
    served.lists_only = True
    spec = wished(uri=None, url=served.address)
    told = probe.probe(system, spec, served.address, [*scene.REQUEST_ROW, {"name": "t", "kind": "time", "value": ""}])

    assert told["request"] == {"instances": [[-3.5, 447.0, 76.0, 13.0, "WN"]]}
    assert served.asked[-1] == ("/v1/models/delays-v1:predict", told["request"])


def test_a_server_that_logs_itself_names_its_events_as_it_likes(system: Settings, served: model.Model) -> None:
    """Its probe is known by what it asked; events of another model, or under another name, are not those."""
    served.endpoint = "delays-v1"
    spec = wished(uri=None, url=served.address, logged_by="server")
    told = probe.probe(system, spec, served.address, scene.REQUEST_ROW)
    served.endpoint = "pets-v1"
    with pytest.raises(Unavailable, match="the server's own logger, whose events have to say Ce-Inferenceservicename:"):
        probe.probe(system, spec, served.address, scene.REQUEST_ROW, seen_within=timedelta(seconds=1))

    assert (told["status"], served.tokens) == (200, [None, None])


@pytest.mark.parametrize(
    ("status", "words", "asked"),
    [
        (422, "row of its training data; given 422: unknown category WN", 1),
        (500, "row of its training data; given 500: unknown category WN", 2),
    ],
)
def test_a_model_that_refuses_is_not_onboarded(
    system: Settings, served: model.Model, status: int, words: str, asked: int
) -> None:
    """A refusal fails the run at once, what it raises the second time: neither waits until its time is over."""
    served.status = status
    with pytest.raises(EndpointFailed, match=words):
        probe.probe(system, wished(ready_within=60), served.address, scene.REQUEST_ROW)

    assert asked == len(served.asked)


def test_a_refused_row_names_the_column_that_was_meant(system: Settings, served: model.Model) -> None:
    """Where the model takes an input that is nearly a column of the training data, its refusal says so."""
    served.status, served.inputs = 400, ["airlin", "distance"]
    meant = "It takes airlin, of which the training data has no column; did you mean `airline`?"
    with pytest.raises(EndpointFailed, match=re.escape(f"given 400: unknown category WN. {meant}")):
        probe.probe(system, wished(ready_within=60), served.address, scene.REQUEST_ROW)


def test_a_foreign_server_may_say_500_while_it_warms_up(system: Settings, served: model.Model) -> None:
    """Of a server that is not ours a 500 ends the asking only where it names an exception, the same one twice."""
    spec, rounds = wished(uri=None, url=served.address, ready_within=30), 3
    served.error, served.first = "the weights are being read", [500] * 2 * rounds
    told = probe.probe(system, spec, served.address, scene.REQUEST_ROW)
    served.error, served.status = "RuntimeError: no weights", 500
    with pytest.raises(EndpointFailed, match="given 500: RuntimeError: no weights"):
        probe.probe(system, spec, served.address, scene.REQUEST_ROW)

    assert 200 == told["status"]
    assert 2 * rounds + 1 + 2 * 2 == len(served.asked)


def test_a_model_that_nobody_reaches_is_not_onboarded(system: Settings) -> None:
    """An endpoint behind which nothing listens is asked again until its time is over."""
    (port,) = free_ports(1)
    topic_admin.create(system, "default")

    with pytest.raises(EndpointFailed, match="within 1 s; given at last: no answer: nobody listens there"):
        probe.probe(system, wished(ready_within=1), f"http://127.0.0.1:{port}", scene.REQUEST_ROW)


def test_a_logger_that_is_not_wired_is_noticed(system: Settings, served: model.Model) -> None:
    """When the answer never shows on the topic, the probe says which half is missing."""
    served.muted.add("response")

    with pytest.raises(Unavailable, match="missing: response"):
        probe.probe(system, wished(), served.address, scene.REQUEST_ROW, seen_within=timedelta(seconds=1))


def test_no_broker_is_worth_another_try() -> None:
    """Without a broker, creating topics fails as something that may be tried again."""
    nobody = Settings(kafka="127.0.0.1:1")

    with pytest.raises(Unavailable, match="expected a broker"):
        topic_admin.create(nobody, "default", reach_within=timedelta(milliseconds=500))


def test_a_refused_baseline_is_not_tried_again(settings: Settings, spark: cluster.Cluster) -> None:
    """When the job refuses its input, the task fails for good with the job's own sentence."""
    spark.refusal = "columns of the schema are absent: distance"
    job = BaselineJob(task_id="profile", spec=seeds.spec().to_json())

    with pytest.raises(PermanentError, match="delays/1 refused its input: columns of the schema are absent: distance"):
        job.profile(settings)


@pytest.mark.parametrize(
    "connection",
    [
        json.dumps({"conn_type": "spark", "host": "k8s://https://kubernetes", "extra": {"deploy-mode": "cluster"}}),
        "k8s://kubernetes:443",
    ],
)
def test_pods_are_not_submitted_by_hand(
    settings: Settings, spark: cluster.Cluster, monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    """A Spark connection to Kubernetes is refused before anything is submitted, with the setting that does the same."""
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", connection)
    job = BaselineJob(task_id="profile", spec=seeds.spec().to_json())

    with pytest.raises(SetupError, match=r"given .*k8s://.*set PEGEL_JOB_BACKEND=kubernetes"):
        job.profile(settings)
    assert [] == spark.submissions


@pytest.mark.long
def test_an_onboarding_tells_where_its_endpoint_is(
    system: Settings, served: model.Model, onboard: Onboard, listed: Any, site: str
) -> None:
    """Whoever cannot look at a cluster is told by Airflow's API which spec a run put in force, and at which address."""
    assert "success" == onboard(wished())
    with AirflowApi(site, "ada", PASSWORDS["ada"]) as airflow:
        told = next(told_endpoints(airflow, {"delays/1"}))

    assert (services.stores(system).registry.get("delays", 1), served.address) == (told.spec, told.url)
