"""The one module that imports Hopsworks' client, and only when it is asked for something: it is large and slow.

The client prints, warns, sets up logging, keeps one connection per process, and waits for ever. Here it does none of
that, but for the connection: one process is logged in to one project at a time. Its engine is always `python`, also
inside Spark: any other looks for Hopsworks' own Spark.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from pegel.errors import Conflict, NotFound, SetupError
from pegel.featurestore.hopsworks.client_failures import in_words
from pegel.featurestore.hopsworks.connection import NOTHING, HopsworksConnection
from pegel.featurestore.hopsworks.facts import (
    Deployment,
    Feature,
    FeatureRole,
    FeatureStatistics,
    HopsworksView,
    RegisteredModel,
    Statistics,
    TrainingDataset,
)
from pegel.featurestore.hopsworks.online_view import OnlineView, columns_of, trusted_certificates
from pegel.featurestore.hopsworks.result_groups import Record, ResultGroup
from pegel.featurestore.hopsworks.validation_reports import (
    LONGEST_SUITE_NAME,
    ReportedExpectation,
    ValidationReport,
    already_there,
    unsent,
)

ANSWERS_WITHIN_S = 10.0
"""For a connection, and for each piece of an answer."""
REPORTS_AT_ONCE = 50
"""Validation reports that are asked for together: each comes with its results, some 100 kB."""
ITS_VARIABLES = ("HOPSWORKS_", "REST_ENDPOINT")
_ONE_AT_A_TIME = threading.RLock()
T = TypeVar("T")


@dataclass(slots=True)
class HopsworksClient:
    """One project of Hopsworks, asked through its own client; failures are those of `client_failures.in_words`."""

    connection: HopsworksConnection
    _project: Any
    _certificates: Path
    """The folder in which the client keeps those that Hopsworks has handed out, while it is logged in."""

    @classmethod
    @contextmanager
    def logged_in(
        cls, connection: HopsworksConnection, within_s: float = ANSWERS_WITHIN_S
    ) -> Iterator[HopsworksClient]:
        """Log in, and out when the block ends. Certificates that it hands out lie in a folder of the block's own.

        Other threads wait meanwhile. Raises SetupError where the client is not installed or the key is not accepted,
        NotFound for another project, Unavailable where Hopsworks does not answer.
        """
        key = connection.key()
        with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="pegel-") as folder:
            client = _client()
            if client.is_logged_in:
                raise RuntimeError("expected one login at a time; this thread is logged in already. Nothing was asked.")
            client.within_s, client.is_logged_in = within_s, True

            def login() -> Any:
                with _without_its_variables():
                    return client.module.login(
                        host=connection.host,
                        port=connection.port,
                        project=connection.project,
                        api_key_value=key,
                        hostname_verification=True,
                        trust_store_path=None if connection.ca is None else str(connection.ca),
                        cert_folder=str(Path(folder) / "certificates"),
                        engine="python",
                    )

            try:
                yield cls(connection, _asked(connection, login), Path(folder) / "certificates")
            finally:
                client.is_logged_in = False
                with _quiet(), contextlib.suppress(Exception):
                    client.module.logout()

    def feature_view(self, name: str, version: int) -> HopsworksView:
        """Return a feature view. Raises NotFound."""
        view = self._view(name, version)
        return HopsworksView(name, version, self._asked(lambda: tuple(_features_of(view))))

    def training_dataset(self, view: str, version: int, training_dataset: int) -> TrainingDataset:
        """Return a training dataset of a feature view. Raises NotFound."""
        handle = self._view(view, version)
        # The public way asks once for each version there is.
        one = self._asked(
            lambda: handle._feature_view_engine._get_training_dataset_metadata(handle, training_dataset),  # noqa: SLF001
            f"feature view {view} of version {version} with a training dataset {training_dataset}",
        )
        splits = tuple(str(each.name) for each in one._splits or ())  # noqa: SLF001  it has no public name
        return TrainingDataset(str(one.name), training_dataset, str(one.location or ""), str(one.data_format), splits)

    def statistics(self, view: str, version: int, training_dataset: int, split: str | None) -> Statistics | None:
        """Return the statistics of a training dataset, of one split if it has such; None where there are none."""
        handle = self._view(view, version)
        found = self._asked(lambda: handle.get_training_dataset_statistics(training_dataset))
        return None if found is None else self._asked(lambda: _statistics_of(found, split))

    def model(self, name: str, version: int) -> RegisteredModel | None:
        """Return a version of a model in the registry; None where there is none."""
        registry = self._asked(self._project.get_model_registry)
        model = self._asked(lambda: registry.get_model(name, version))
        if model is None:
            return None
        return self._asked(lambda: _registered(model, name, version))

    def deployment(self, name: str) -> Deployment:
        """Return a deployment. Raises NotFound."""
        serving = self._asked(self._project.get_model_serving)
        found = self._asked(lambda: serving.get_deployment(name))
        if found is None:
            raise self._unknown(f"deployment {name}")
        return self._asked(lambda: _deployment(found, name))

    def online_view(self, name: str, version: int, *, at: str | None = None) -> OnlineView:
        """Return a feature view ready to be looked up, also after this login has ended.

        `at`: host:port of the REST server of the online store; None: where Hopsworks says that it is. Raises NotFound,
        SetupError where the view has no event time or is not served.
        """
        view = self._view(name, version)
        columns = columns_of(view)
        trusted = trusted_certificates(self._certificates / "ca_chain.pem", self.connection.ca)
        host, _, port = (at or "").partition(":")
        options = {"ca_certs": str(trusted), "max_connections": 16, "timeout": _client().within_s}
        options |= {"host": host} if host else {}
        options |= {"port": int(port)} if port else {}

        def serve() -> None:
            # Without a version of training data it warns, and takes 1: no transformation of ours needs it.
            view.init_serving(
                training_dataset_version=1,
                external=True,
                init_rest_client=True,
                init_sql_client=False,
                reset_rest_client=True,
                config_rest_client=options,
            )

        try:
            self._asked(serve, f"feature view {name} of version {version}")
        except BaseException:
            shutil.rmtree(trusted.parent, ignore_errors=True)
            raise
        return OnlineView(columns, view._vector_server._rest_client_engine, trusted)  # noqa: SLF001  see `OnlineView`

    def upsert(self, group: ResultGroup, records: Sequence[Record]) -> None:
        """Write rows of results, at least one and no two of one key, in place of those of their keys.

        The feature group is made if it is not there: offline alone, of Delta files. Raises Conflict where somebody else
        wrote to it at the same moment; then none of these rows was written.
        """
        frame = _frame(group, records)
        try:
            self._insert(group, frame)
        except SetupError:
            # Another run may have made the group since it was looked for: then it is there now.
            if self._result_group(group).id is None:
                raise
            self._insert(group, frame)

    def report(self, group: ResultGroup, reports: Sequence[ValidationReport]) -> int:
        """Keep reports, at least one, beside a feature group that is there; return how many were not there before.

        Expectations that its suite lacks become part of it; the suite is run on nothing. Raises Unavailable where
        somebody else sends the same at the same moment, Conflict where somebody else puts another suite in the place of
        this one: trying again sends what is missing.
        """
        handle = self._result_group(group)
        try:
            return self._report(handle, group, reports)
        except NotFound as error:
            raise Conflict(f"somebody else changed the suite of {group.name} at the same moment: {error}") from error

    def _report(self, handle: Any, group: ResultGroup, reports: Sequence[ValidationReport]) -> int:
        wanted = [result.expectation for report in reports for result in report.results]
        numbers = self._expectation_numbers(handle, group, wanted)
        since = min(report.row.at for report in reports) - timedelta(seconds=1)
        sent = unsent(reports, already_there(self._metas_of_reports(handle, since)))
        for report, at in sent:
            plain = report.to_json(at, numbers)
            self._asked(partial(handle.save_validation_report, plain, "UNKNOWN", ge_type=False), "expectation of it")
        return len(sent)

    def _expectation_numbers(
        self, handle: Any, group: ResultGroup, wanted: Sequence[ReportedExpectation]
    ) -> dict[str, int]:
        """Return the numbers in Hopsworks of expectations, by their mark.

        What is not in the suite is added to it, and what has other arguments there is given those of the last look.
        """
        suite = self._asked(lambda: handle.get_expectation_suite(ge_type=False))
        if suite is None:
            # The public way answers by an object of Great Expectations, which refuses arguments that were cut.
            made = _client().suite(group.name[:LONGEST_SUITE_NAME], handle)
            suite = self._asked(lambda: handle._expectation_suite_engine._save(made))  # noqa: SLF001
        there = {str(each.meta.get("pegel")): each for each in suite.expectations}
        numbers = {mark: int(each.id) for mark, each in there.items()}
        for mark, one in {each.mark: each for each in wanted}.items():
            config = one.config(numbers.get(mark))
            if mark not in there:
                added = self._asked(partial(suite.add_expectation, config, ge_type=False), "suite of it")
                numbers[mark] = int(added.id)
            elif (there[mark].kwargs, there[mark].meta) != (config["kwargs"], config["meta"]):
                self._asked(partial(suite.replace_expectation, config, ge_type=False), "suite of it")
        return numbers

    def _metas_of_reports(self, handle: Any, since: datetime) -> Iterator[Any]:
        """Yield what reports of a feature group say of themselves, of those after a time.

        The public way asks for all there are, with their results.
        """
        asking = _client().instance()
        group = ["featurestores", handle.feature_store_id, "featuregroups", handle.id]
        path = ["project", asking._project_id, *group, "validationreport"]  # noqa: SLF001  it has no public name
        query = {
            "filter_by": f"validation_time_gt:{int(since.timestamp() * 1000)}",
            "sort_by": "validation_time:desc",
            "limit": REPORTS_AT_ONCE,
            "fields": "content",
        }
        offset = 0
        while True:
            answer = self._asked(partial(asking._send_request, "GET", path, {**query, "offset": offset}))  # noqa: SLF001
            items = self._asked(partial(_items_of, answer))
            yield from (item.get("meta") for item in items if isinstance(item, dict))
            offset += len(items)
            if len(items) < REPORTS_AT_ONCE:
                return

    def _insert(self, group: ResultGroup, frame: Any) -> None:
        handle = self._result_group(group)
        what = f"feature group {group.name} of version {group.version}"
        self._asked(lambda: handle.insert(frame, write_options={"wait_for_job": True}), what)

    def _result_group(self, group: ResultGroup) -> Any:
        """Return a feature group of results; one that is not there is made with its first rows."""
        store = self._asked(self._project.get_feature_store)
        wish = {
            "description": group.description,
            "primary_key": list(group.keys),
            "event_time": group.event_time,
            "online_enabled": False,
            "stream": False,
            "time_travel_format": "DELTA",
            "statistics_config": False,
        }
        return self._asked(lambda: store.get_or_create_feature_group(group.name, group.version, **wish))

    def _view(self, name: str, version: int) -> Any:
        store = self._asked(self._project.get_feature_store)
        view = self._asked(lambda: store.get_feature_view(name, version))
        if view is None:
            raise self._unknown(f"feature view {name} of version {version}")
        return view

    def _asked(self, question: Callable[[], T], what: str = "") -> T:
        return _asked(self.connection, question, what)

    def _unknown(self, what: str) -> NotFound:
        return NotFound(f"project {self.connection.project} of Hopsworks at {self.connection.address} has no {what}.")


class _Client:
    """The client, imported once, with a limit of time on each of its questions."""

    within_s = ANSWERS_WITHIN_S
    is_logged_in = False

    def __init__(self) -> None:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        try:
            with _quiet():
                import hopsworks  # noqa: PLC0415  seconds, and megabytes
                from hopsworks_common import client as its_client  # noqa: PLC0415
                from hopsworks_common.client.base import Client  # noqa: PLC0415
                from hsfs.expectation_suite import ExpectationSuite  # noqa: PLC0415
        except ImportError as error:
            raise SetupError(
                "expected Hopsworks' client, which comes with `pegel[hopsworks]`; it is not installed here "
                f"({error.name}). {NOTHING}"
            ) from error
        finally:
            # It sets up logging for the whole process when it is imported.
            root.handlers[:] = handlers
            root.setLevel(level)
        self.module: Any = hopsworks
        self.instance: Callable[[], Any] = its_client._get_instance  # noqa: SLF001  what no public name asks for
        self.suite_class: Any = ExpectationSuite
        send = Client._send_request  # noqa: SLF001  every question passes here, and none has a limit of its own

        def send_in_time(client: Any, *arguments: Any, timeout: Any = None, **named: Any) -> Any:
            return send(client, *arguments, timeout=timeout or self.within_s, **named)

        Client._send_request = send_in_time  # noqa: SLF001

    def suite(self, name: str, group: Any) -> Any:
        """Return a suite without expectations, which is run on nothing that is written to its feature group."""
        place = {"feature_store_id": group.feature_store_id, "feature_group_id": group.id}
        return self.suite_class(name, [], {}, run_validation=False, **place)


@cache
def _client() -> _Client:
    return _Client()


def _asked(connection: HopsworksConnection, question: Callable[[], T], what: str = "") -> T:
    """Ask; raise what went wrong in our words. `what`: that which a 404 says is not there."""
    try:
        with _quiet():
            return question()
    except Exception as error:
        failure = in_words(error, connection, what)
        if failure is None:
            raise
        raise failure from error


@contextmanager
def _without_its_variables() -> Iterator[None]:
    """Hide what the client would take from the environment instead: one of those variables trusts every certificate."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(ITS_VARIABLES)}
    try:
        yield
    finally:
        os.environ.update(taken)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what it prints from standard output, which may be a result that somebody reads, and its warnings away."""
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _frame(group: ResultGroup, records: Sequence[Record]) -> Any:
    """Return rows as the client takes them: a frame of pandas, of which each column has the type of the group's."""
    import pyarrow as pa  # noqa: PLC0415  a tenth of a second, which only writing needs

    types = {
        "string": pa.string(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in group.columns.items()])
    return pa.Table.from_pylist([dict(record) for record in records], schema).to_pandas()


def _items_of(answer: Any) -> list[Any]:
    return list(answer.get("items") or [])


def _features_of(view: Any) -> Iterator[Feature]:
    # Names of a view are those of its feature groups with the prefixes of joins: what is a key is known of a group.
    groups = view.query.featuregroups
    times = {(group.id, group.event_time) for group in groups if getattr(group, "event_time", None)}
    keys = {(group.id, name) for group in groups for name in group.primary_key}
    keys |= {(each.feature_group.id, each.feature_name) for each in view._serving_keys or ()}  # noqa: SLF001  not asked for
    for feature in sorted(view.features, key=lambda each: each.index or 0):
        yield Feature(feature.name, str(feature.type).lower(), _role_of(feature, keys, times))


def _role_of(feature: Any, keys: set[tuple[Any, str]], times: set[tuple[Any, str]]) -> FeatureRole:
    """Return what a column is; `keys` and `times` are columns of feature groups, each with the group's number."""
    if feature.label:
        return FeatureRole.LABEL
    if feature.inference_helper_column or feature.training_helper_column:
        return FeatureRole.HELPER
    # What a transformation makes comes from no group.
    group = getattr(feature.feature_group, "id", None)
    source = (group, feature.feature_group_feature_name or feature.name)
    if source in times:
        return FeatureRole.EVENT_TIME
    return FeatureRole.KEY if source in keys else FeatureRole.FEATURE


def _registered(model: Any, name: str, version: int) -> RegisteredModel:
    view = model._feature_view or {}  # noqa: SLF001  its public door asks the server again
    named = view if isinstance(view, dict) else {"name": view.name, "version": view.version}
    return RegisteredModel(name, version, named.get("name"), named.get("version"), model.training_dataset_version)


def _deployment(found: Any, name: str) -> Deployment:
    logger = found.inference_logger
    topic = None if logger is None or logger.kafka_topic is None else logger.kafka_topic.name
    logs = "NONE" if logger is None else str(logger.mode)
    return Deployment(name, str(found.model_name), int(found.model_version), None if topic == "NONE" else topic, logs)


def _statistics_of(found: Any, split: str | None) -> Statistics | None:
    """Return the statistics of one split, if there are such; None where there are none of it."""
    splits = {each.name: each.feature_descriptive_statistics for each in found.split_statistics or ()}
    features = splits.get(split) if splits else found.feature_descriptive_statistics
    if features is None:
        return None
    share = 1.0 if found.row_percentage is None else float(found.row_percentage)
    return Statistics(share, {each.feature_name: _counted(each) for each in features})


def _counted(found: Any) -> FeatureStatistics:
    # Its Spark says how many are not null; its Python says how many there are, and leaves nulls out of that.
    values = found.count if found.num_non_null_values is None else found.num_non_null_values
    # Java writes what is no finite number as a text: "NaN", "Infinity".
    numbers = (None if one is None else float(one) for one in (found.mean, found.std_dev, found.min, found.max))
    return FeatureStatistics(None if values is None else int(values), *numbers)
