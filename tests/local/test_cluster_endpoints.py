"""Where a cluster's endpoints are, for whoever stands outside: as the runs that onboarded their models found them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from blueprints import give_tables
from fake_airflow import RUN, FakeAirflow, returned

from pegel.errors import InvalidSpec, Unavailable
from pegel.spec.settings import KSERVE, Settings
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec
from pegel_local.airflow.told_endpoints import MOST_ASKED
from pegel_local.machine.paths import Home
from pegel_local.system.stack_file import StackFile
from pegel_local.system.system_status import gather
from pegel_local.traffic.receiver import receiver_of

URL = "http://127.0.0.1:1"
"""Where nothing listens: no column of the model is asked for in vain for long."""


@pytest.fixture
def settings(tmp_path: Path, fake: FakeAirflow) -> Settings:
    """Those of a system whose endpoints are in a cluster, with `delays/1` and `delays/2` under watch."""
    StackFile(Home(tmp_path)).record(addresses={"user": "admin", "password": "secret"})
    given = Settings(home=tmp_path, serving_backend=KSERVE, airflow_url=fake.url)
    engine = connect(given.database)
    give_tables(engine)
    for version in (1, 2):
        Registry(engine).put(sample_spec("delays", version))
    engine.dispose()
    return given


def onboarded(version: int) -> list[tuple[int, Any]]:
    """Return Airflow's answers about a run that has onboarded a version of `delays`."""
    return [returned(sample_spec("delays", version).to_json()), returned({"url": URL})]


def runs(*states: str) -> tuple[int, Any]:
    """Return Airflow's answer about the newest runs of onboarding."""
    ended = "2026-01-01T00:00:00Z"
    return 200, {"dag_runs": [RUN | {"dag_id": "model_onboard", "state": state, "end_date": ended} for state in states]}


def test_traffic_finds_a_model_of_a_cluster_through_airflow(settings: Settings, fake: FakeAirflow) -> None:
    """A model is sent to where its newest onboarding found it; failed runs and other models are passed over."""
    fake.answers += [runs("failed", "success", "success"), *onboarded(2), *onboarded(1)]
    found = receiver_of("delays/1", None, settings)

    assert (f"{URL}/v1/models/delays-v1:predict", "v1") == (found.address, found.protocol)


def test_a_model_of_which_airflow_knows_no_address_has_to_be_named_by_it(settings: Settings, fake: FakeAirflow) -> None:
    """Results of runs go with time: then the sentence asks for the address."""
    fake.answers += [runs("success"), (404, {"detail": "gone"})]

    with pytest.raises(InvalidSpec, match=r"given 'delays'\. Name its address: --to http://\.\.\. Nothing was sent\."):
        receiver_of("delays", None, settings)


def test_an_airflow_that_does_not_answer_leaves_the_address(settings: Settings) -> None:
    """Without Airflow traffic can be sent by address alone, and the sentence says so."""
    away = settings.model_copy(update={"airflow_url": URL})

    with pytest.raises(Unavailable, match=r"Airflow was not to be asked: .* Name its address: --to http"):
        receiver_of("delays", None, away)


def test_status_tells_where_the_endpoints_of_a_cluster_are(settings: Settings, fake: FakeAirflow) -> None:
    """Each has the address that its onboarding found and the command that looks at it now; none is called ready."""
    fake.answers += [runs("success"), *onboarded(2)]
    lines = {line.name: line for line in gather(settings)["endpoints"]}

    assert ["delays-v1", "delays-v2"] == list(lines)
    assert "an InferenceService of the cluster; Airflow tells no address of it" == lines["delays-v1"].state
    assert lines["delays-v2"].state.startswith(f"at {URL}, ready when it was onboarded ")
    assert "kubectl -n default get inferenceservice delays-v2" == lines["delays-v2"].remedy


def test_status_asks_for_no_more_than_it_needs(settings: Settings, fake: FakeAirflow) -> None:
    """Runs of other models, and older ones of a model that is told, are not asked for their results; few are in all."""
    told = [("other", 1), ("delays", 2), ("delays", 2), *[("delays", 1)] * 90]
    listed = [
        RUN | {"state": "success", "conf": {"model.name": name, "model.version": version}} for name, version in told
    ]
    gone = (404, {"detail": "gone"})
    fake.answers += [(200, {"dag_runs": listed}), *onboarded(2), *[gone] * MOST_ASKED]
    lines = {line.name: line.state for line in gather(settings)["endpoints"]}

    assert (f"at {URL}" in lines["delays-v2"], "no address" in lines["delays-v1"]) == (True, True)
    assert 2 + 2 + MOST_ASKED - 1 == len(fake.asked)


def test_status_needs_no_airflow(settings: Settings) -> None:
    """Where Airflow does not answer the endpoints are named all the same."""
    away = settings.model_copy(update={"airflow_url": URL})

    assert ["delays-v1", "delays-v2"] == [line.name for line in gather(away)["endpoints"]]
