"""The Hopsworks of the tests answers what the real client asks: one test for each thing that is asked of it.

The same tests run against a real one that the environment names (see `hopsworks_world`), for what they only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hopsworks_world import World, of_a_test, real

from pegel.errors import SetupError, Unavailable
from pegel.featurestore.hopsworks.client import HopsworksClient

STATISTICS = {
    "computationTime": 1_780_000_000_000,
    "rowPercentage": 1.0,
    "beforeTransformation": False,
    "featureDescriptiveStatistics": [
        {
            "featureName": "amount",
            "featureType": "Fractional",
            "count": 3,
            "numNonNullValues": 2,
            "mean": 2,
            "stdDev": 1,
        }
    ],
}
P, F = "/project/119", "/project/119/featurestores/67"
EXPANDED = "expand=features&expand=expectationsuite&expand=transformationfunctions&expand=mandatorytags"


@pytest.fixture(scope="module", params=["of a test", "real"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A Hopsworks of the tests, and a real one where the environment names it."""
    if request.param == "real":
        yield real()
        return
    with of_a_test(tmp_path_factory.mktemp("hopsworks")) as started:
        yield started


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[World]:
    """A Hopsworks of the tests, for what is written."""
    with of_a_test(tmp_path) as started:
        yield started


@pytest.fixture
def client(world: World) -> Iterator[HopsworksClient]:
    """The real client, logged in."""
    with HopsworksClient.logged_in(world.connection) as logged_in:
        yield logged_in


@pytest.fixture
def writer(fake: World) -> Iterator[HopsworksClient]:
    """The real client, logged in to a Hopsworks of the tests."""
    with HopsworksClient.logged_in(fake.connection) as logged_in:
        yield logged_in


def asked(client: HopsworksClient, question: Any) -> Any:
    """Ask the client itself, without its noise."""
    return client._asked(question)


def check_asked(world: World, *requests: str) -> None:
    """Compare what was asked last with what is expected; a real Hopsworks does not tell."""
    if world.server is not None:
        assert list(requests) == world.server.asked[-len(requests) :]


def test_login_asks_for_the_version_the_project_and_its_certificates(world: World) -> None:
    """Logging in is four questions."""
    with HopsworksClient.logged_in(world.connection) as client:
        check_asked(
            world,
            "GET /variables/versions",
            f"GET /project/getProjectInfo/{world.connection.project}",
            "GET /project",
            f"GET {P}/credentials",
        )

        assert world.connection.project == client._project.name


def test_the_feature_store_is_that_of_the_project(world: World, client: HopsworksClient) -> None:
    """A feature store is named after its project."""
    store = asked(client, client._project.get_feature_store)

    assert f"{world.connection.project.lower()}_featurestore" == store.name
    check_asked(world, f"GET {P}/featurestores/demo_featurestore")


def test_a_feature_group_is_a_list_of_one(fake: World, writer: HopsworksClient) -> None:
    """A feature group comes with its features, keys and event time."""
    store = asked(writer, writer._project.get_feature_store)

    group = asked(writer, lambda: store.get_feature_group("transactions", 1))

    assert (["id"], "paid_at") == (group.primary_key, group.event_time)
    check_asked(fake, f"GET {F}/featuregroups/transactions?{EXPANDED}&version=1")


def test_statistics_of_a_feature_group_are_the_newest(fake: World, writer: HopsworksClient) -> None:
    """Of statistics the newest are asked for; without any there are none."""
    group = asked(writer, lambda: writer._project.get_feature_store().get_feature_group("transactions", 1))
    before = asked(writer, group.get_statistics)
    assert fake.server is not None
    fake.server.contents.add_statistics("featuregroups/15", STATISTICS)

    (amount,) = asked(writer, group.get_statistics).feature_descriptive_statistics

    assert (None, 2.0, 2) == (before, amount.mean, amount.num_non_null_values)
    query = "offset=0&limit=1&fields=content&sort_by=computation_time:desc"
    check_asked(fake, f"GET {F}/featuregroups/15/statistics?{query}")


def test_a_feature_view_says_what_its_columns_are(world: World, client: HopsworksClient) -> None:
    """A feature view has its columns in order, with type, role and whether they may be missing."""
    view = client.feature_view(world.view, 1)

    assert {"feature"} <= {each.role.value for each in view.features}
    if world.server is not None:
        assert [
            ("id", "bigint", "key", False),
            ("amount", "double", "feature", True),
            ("shop", "string", "feature", True),
            ("paid_at", "timestamp", "event time", False),
            ("fraud", "int", "label", True),
        ] == [(each.name, each.type, each.role.value, each.nullable) for each in view.features]
        expanded = "expand=query&expand=features&expand=transformationfunctions&expand=mandatorytags"
        check_asked(world, f"GET {F}/featureview/txn_view/version/1?{expanded}")


def test_columns_of_a_join_are_what_they_are_in_their_own_group(fake: World, writer: HopsworksClient) -> None:
    """A feature that is called as the key of a joined group is a feature; keys and times of joins have a prefix."""
    assert fake.server is not None
    contents = fake.server.contents
    of_the_left = [("id", "bigint", True), ("size", "double", False), ("seen", "timestamp", False)]
    of_the_right = [("size", "string", True), ("seen", "timestamp", False), ("area", "double", False)]
    left, right = (
        contents.add_feature_group(name, [{"name": each, "type": kind, "primary": key} for each, kind, key in columns])
        for name, columns in (("orders", of_the_left), ("shops", of_the_right))
    )
    left["eventTime"] = right["eventTime"] = "seen"
    contents.add_feature_view("joined", left, joins=[(right, "shop_")])

    assert [
        ("id", "key"),
        ("size", "feature"),
        ("seen", "event time"),
        ("shop_size", "key"),
        ("shop_seen", "event time"),
        ("shop_area", "feature"),
    ] == [(each.name, each.role.value) for each in writer.feature_view("joined", 1).features]


def test_statistics_of_a_training_dataset_are_those_of_its_splits(world: World, client: HopsworksClient) -> None:
    """Statistics of training data are asked for as they were before transformations; a split has its own."""
    path = "featureview/txn_view/version/1/trainingdatasets/version/1"
    if world.server is not None:
        split = {"name": "train", "featureDescriptiveStatistics": STATISTICS["featureDescriptiveStatistics"]}
        world.server.contents.add_statistics(path, {**STATISTICS, "splitStatistics": [split]})

    found = client.statistics(world.view, 1, 1, "train")

    assert found is not None
    assert 0 < found.share <= 1
    assert found.features != {}
    if world.server is not None:
        amount = found.features["amount"]
        assert (1.0, 2, 2.0, 1.0) == (found.share, amount.values, amount.mean, amount.std)
        query = "offset=0&limit=1&fields=content&training_dataset_version=1&sort_by=computation_time:desc"
        check_asked(world, f"GET {F}/{path}/statistics?{query}&filter_by=before_transformation_eq:False")


def test_a_training_dataset_says_where_its_files_are(world: World, client: HopsworksClient) -> None:
    """A training dataset that was written has an address, a format and its splits; it is asked for by its version."""
    dataset = client.training_dataset(world.view, 1, 1)

    assert dataset.location != ""
    if world.server is not None:
        assert ("parquet", ("train", "test")) == (dataset.format, dataset.splits)
        assert dataset.address("train") == f"{dataset.location}/train"
        assert dataset.address(None) == f"{dataset.location}/txn_view_1"
        check_asked(world, f"GET {F}/featureview/txn_view/version/1/trainingdatasets/version/1")


def test_all_training_datasets_are_asked_for_one_by_one(world: World, client: HopsworksClient) -> None:
    """The client asks for the list, then for each version: why one is asked for by its version."""
    view = asked(client, lambda: client._project.get_feature_store().get_feature_view(world.view, 1))

    versions = [each.version for each in asked(client, view.get_training_datasets)]

    assert 1 in versions
    path = f"GET {F}/featureview/txn_view/version/1/trainingdatasets"
    check_asked(world, path, f"{path}/version/1")


def test_statistics_that_were_sent_are_kept(fake: World, writer: HopsworksClient) -> None:
    """Statistics of one's own are posted to where the others are read."""
    from hsfs.core.statistics_api import StatisticsApi
    from hsfs.statistics import Statistics

    group = asked(writer, lambda: writer._project.get_feature_store().get_feature_group("transactions", 1))

    ours = Statistics.from_response_json(STATISTICS)
    asked(writer, lambda: StatisticsApi(67, "featuregroups")._post(group, ours, None))

    assert f"POST {F}/featuregroups/15/statistics" == fake.asked_since(0)[-1]


def test_a_suite_and_a_report_of_expectations_are_kept(fake: World, writer: HopsworksClient) -> None:
    """A suite is posted to its feature group and read from there; a report of it is put."""
    from hsfs.core.expectation_suite_api import ExpectationSuiteApi
    from hsfs.core.validation_report_api import ValidationReportApi
    from hsfs.expectation_suite import ExpectationSuite
    from hsfs.validation_report import ValidationReport

    kind = "expect_column_values_to_not_be_null"
    expectation = {"expectation_type": kind, "kwargs": {"column": "amount"}, "meta": {}}
    suite = ExpectationSuite("of amounts", [expectation], {})

    before = fake.seen
    kept = asked(writer, lambda: ExpectationSuiteApi(67, 15)._create(suite))
    read = asked(writer, lambda: ExpectationSuiteApi(67, 15)._get())
    config = expectation | {"meta": read.expectations[0].meta}
    result = {"success": True, "result": {}, "meta": {}, "exception_info": {}, "expectation_config": config}
    report = ValidationReport(True, [result], {}, {"evaluated_expectations": 1})
    asked(writer, lambda: ValidationReportApi(67, 15)._create(report))

    assert ("of amounts", "of amounts") == (kept.expectation_suite_name, read.expectation_suite_name)
    assert [f"POST {F}/featuregroups/15/expectationsuite"] == [
        each for each in fake.asked_since(before) if "POST" in each
    ]
    assert f"GET {F}/featuregroups/15/expectationsuite" in fake.asked_since(before)
    assert f"PUT {F}/featuregroups/15/validationreport" in fake.asked_since(before)
    # Of one second there is one, and each result is of an expectation of the suite.
    with pytest.raises(Unavailable, match="already exists"):
        asked(writer, lambda: ValidationReportApi(67, 15)._create(report))
    report.results[0].expectation_config["meta"] = {}
    with pytest.raises(SetupError, match="expectationId"):
        asked(writer, lambda: ValidationReportApi(67, 15)._create(report))


def test_a_monitoring_of_a_feature_group_is_kept(fake: World, writer: HopsworksClient) -> None:
    """A monitoring is posted with its windows and what it compares, and is among those of its feature group."""
    group = asked(writer, lambda: writer._project.get_feature_store().get_feature_group("transactions", 1))
    before = fake.seen

    def monitored() -> Any:
        config = group.create_feature_monitoring("amounts").with_detection_window(time_offset="1d", window_length="1d")
        config = config.with_reference_window(time_offset="1w1d", window_length="1d")
        return config.compare_on(feature_name="amount", metric="mean", threshold=0.5).save()

    saved = asked(writer, monitored)
    (known,) = asked(writer, group.get_feature_monitoring_configs)

    assert fake.server is not None
    (sent,) = fake.server.contents.posted["featuremonitoring"]
    assert (91, "amounts", "amounts") == (saved.id, known.name, sent["name"])
    assert ["amount"] == [each["featureName"] for each in sent["featureStatisticsConfigs"]]
    requests = [each.partition("?")[0] for each in fake.asked_since(before)]
    path = f"{F}/featuregroups/15/featuremonitoring/config"
    assert [f"POST {path}", f"GET {path}/entity"] == [each for each in requests if "featuremonitoring" in each]


def test_alerts_of_a_feature_group_are_kept(fake: World, writer: HopsworksClient) -> None:
    """An alert is posted with its status, its severity and who receives it."""
    group = asked(writer, lambda: writer._project.get_feature_store().get_feature_group("transactions", 1))

    asked(writer, lambda: group.create_alert("demo__r", "feature_validation_failure", "critical"))

    assert fake.server is not None
    (sent,) = fake.server.contents.posted["alerts"]
    assert ("VALIDATION_FAILURE", "CRITICAL", "demo__r") == (sent["status"], sent["severity"], sent["receiver"])


def test_a_new_feature_group_is_written_as_delta_files(fake: World, writer: HopsworksClient) -> None:
    """A feature group is posted where none is of its name, and its rows are a real Delta table, merged by key."""
    import deltalake

    store = asked(writer, writer._project.get_feature_store)
    said = {"primary_key": ["model"], "online_enabled": False, "stream": False, "statistics_config": False}
    said["time_travel_format"] = "DELTA"
    group = asked(writer, lambda: store.get_or_create_feature_group("written", version=1, **said))
    before = fake.seen

    asked(writer, lambda: group.insert(pa.table({"model": ["a", "b"], "rows": [1, 2]}).to_pandas()))
    group = asked(writer, lambda: store.get_feature_group("written", 1))
    asked(writer, lambda: group.insert(pa.table({"model": ["b"], "rows": [3]}).to_pandas()))

    assert fake.server is not None
    table = deltalake.DeltaTable(fake.server.contents.feature_groups[-1]["location"]).to_pyarrow_table()
    assert {"a": 1, "b": 3} == dict(zip(*(table.column(name).to_pylist() for name in ("model", "rows")), strict=True))
    requests = [each.partition("?")[0] for each in fake.asked_since(before)]
    assert [f"POST {F}/featuregroups", f"GET {F}/featuregroups/16/expectationsuite"] == requests[:2]
    assert 2 == requests.count(f"POST {F}/featuregroups/16/commits")


def test_without_arrow_flight_the_client_reads_no_data(fake: World, writer: HopsworksClient) -> None:
    """The client reads data by Arrow Flight alone, in memory: why training data are read from their address."""
    view = asked(writer, lambda: writer._project.get_feature_store().get_feature_view("txn_view", 1))

    with pytest.raises(SetupError, match="not understood here") as caught:
        asked(writer, view.get_batch_data)

    assert "not supported when using hopsworks client version" in str(caught.value.__cause__)

    assert "PUT /project/119/featurestores/query?hqs=False" == fake.asked_since(0)[-1]


def test_serving_of_a_view_begins_with_where_it_comes_from(fake: World, writer: HopsworksClient) -> None:
    """Vectors are looked up by the feature groups that a view comes from, which are asked for first."""
    view = asked(writer, lambda: writer._project.get_feature_store().get_feature_view("txn_view", 1))

    asked(writer, view.get_parent_feature_groups)

    query = "expand=provenance_artifacts&upstreamLvls=1&downstreamLvls=0"
    check_asked(fake, f"GET {F}/featureview/txn_view/version/1/provenance/links?{query}")


def test_a_model_says_with_which_training_dataset_it_was_made(world: World, client: HopsworksClient) -> None:
    """The registry knows of a model's version the feature view and the training dataset; of another one nothing."""
    known, unknown = client.model(world.model, 1), client.model(world.model, 987_654)

    assert known is not None
    assert (world.view, 1, 1, None) == (known.feature_view, known.feature_view_version, known.training_dataset, unknown)
    registry = f"GET {P}/modelregistries/119/models"
    check_asked(world, f"{registry}/fraud_987654?expand=trainingdatasets&expand=mandatorytags")


def test_a_deployment_says_where_it_logs(world: World, client: HopsworksClient) -> None:
    """A deployment has its model, and the topic that it logs to."""
    found = client.deployment(world.deployment)

    assert (world.model, 1) == (found.model, found.model_version)
    assert found.topic is not None
    check_asked(world, f"GET {P}/serving?name=fraud&expand=mandatorytags")


def test_topics_schemas_and_brokers_are_those_of_the_project(world: World, client: HopsworksClient) -> None:
    """Kafka is asked about through Hopsworks: its topics, the schema of a subject by version, its brokers."""
    kafka = asked(client, client._project.get_kafka_api)

    topics = [each.name for each in asked(client, kafka.get_topics)]
    schema = asked(client, lambda: kafka.get_schema("inferenceschema", 4))
    config = asked(client, kafka.get_default_config)

    assert topics != []
    assert ("inferenceschema", 4, "SSL") == (schema.subject, schema.version, config["security.protocol"])
    subject = f"GET {P}/kafka/subjects/inferenceschema/versions"
    check_asked(world, f"GET {P}/kafka/topics", subject, f"{subject}/4", f"GET {P}/kafka/clusterinfo?external=True")
