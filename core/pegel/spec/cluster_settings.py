"""What a cluster is asked for, read once from the environment (`PEGEL_CLUSTER_*`) and handed on as a value.

One default system needs none of these: namespaces, images and bounds of an installation are all that they say. Where
things are (database, broker, page) stands in `Settings`, in a cluster as anywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pegel.errors import SetupError
from pegel.spec import names
from pegel.spec.cluster_fields import (
    Cpu,
    EventsUrl,
    Image,
    Memory,
    ObjectName,
    ObjectNames,
    SparkMemory,
    Teams,
    listed,
    people_of,
)
from pegel.spec.durations import Duration
from pegel.spec.limits import STOP_GRACE
from pegel.spec.nearest import nearest
from pegel.spec.outside_text import shown

PREFIX = "PEGEL_CLUSTER_"
OF_A_SERVICE = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP)(_[A-Z]+)?)?)$")
"""How variables end that Kubernetes gives to pods beside a Service; one of another's may begin with our prefix."""
EVERYWHERE = "*"
"""In place of a namespace in `teams`: all of them."""


Count = Annotated[int, Field(ge=1, le=1_000)]


class ClusterSettings(BaseSettings):
    """What the objects of a cluster are made of. Every field is an environment variable `PEGEL_CLUSTER_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", validate_default=True)

    namespace: ObjectName = "pegel"
    """Kubernetes namespace of Pegel's own: the logger, the groups' drivers, finite jobs."""
    model_namespaces: ObjectNames = "default"
    """Namespaces in which models may be served, comma separated; a spec that names another one is refused. No
    wildcard: whoever may serve a model somewhere runs code there."""
    teams: Teams | None = None
    """Who may put models where: JSON, Airflow's users by namespace, as in `{"team-a": ["ada"], "*": ["otto"]}`; `*` is
    everywhere. None: whoever may start the workflows may do so for every namespace."""
    airflow_namespace: ObjectName = "airflow"
    """Namespace of Airflow, whose workers and triggerer apply what specs ask for."""
    airflow_service_accounts: ObjectNames = "airflow-worker,airflow-scheduler,airflow-triggerer"
    """Service accounts of Airflow that may do so, comma separated: those of the official chart's release `airflow`.
    With LocalExecutor tasks run in the scheduler, with KubernetesExecutor as the worker."""
    kubernetes_connection: str = "kubernetes_default"
    """Airflow connection by which the cluster is reached; one without fields means the cluster that Airflow is in."""

    driver_image: Image = "pegel-spark:0.1.0"
    """Image of the Spark environment: drivers, their executors, finite jobs."""
    serving_image: Image = "pegel-serving:0.1.0"
    """Image of the serving environment: the inference logger, and the model server of `runtime`."""
    image_pull_secret: ObjectName | None = None
    """Secret with the registry's password; None where images need none."""

    driver_service_account: ObjectName = "pegel-driver"
    """Of drivers, which start executors, and of finite jobs."""
    logger_service_account: ObjectName = "pegel-logger"
    """Of the inference logger, which asks nothing of the cluster."""
    model_service_account: ObjectName | None = None
    """Of model servers, in their own namespaces: it reads models from their store. None: the namespace's default."""

    database_secret: ObjectName = "pegel-database"  # noqa: S105  the name of one
    """Secret with the results database's SQLAlchemy URL under the key `url`, in Pegel's and in Airflow's namespace."""
    kafka_secret: ObjectName | None = None
    """Secret with what the broker asks of a client, each under the name of its variable (`PEGEL_KAFKA_...`); None for
    a broker that asks nothing."""
    online_secret: ObjectName | None = None
    """Secret with what transformers need, each under the name of its variable (`PEGEL_ONLINE_REDIS`,
    `PEGEL_ENTITY_SECRET`), in every namespace of models whose features are looked up."""
    hopsworks_secret: ObjectName | None = None
    """Secret with an API key of Hopsworks under `key`, and under `ca.pem` the certificates to trust where
    `PEGEL_HOPSWORKS_CA` is set; finite jobs find both as files, and so do transformers that look features up there,
    each in its own namespace. None where neither training data nor features are there."""
    databases_secret: ObjectName | None = None
    """Secret with the file of databases of training data under `databases`, see `pegel.featurestore.known_database`;
    finite jobs find it as a file. None where no training data are in a database."""
    store_secret: ObjectName | None = None
    """Secret with what the store of training data asks of a client, each under the name of its variable, as
    `AWS_ACCESS_KEY_ID`; finite jobs have it, and attribution workers, which read models from there. None for a
    store that asks nothing, or knows pods by their account."""
    mail_secret: ObjectName = "pegel-mail"  # noqa: S105  the name of one
    """Secret with Airflow's connection `smtp_default` as a URI under the key `connection`, in Airflow's namespace."""
    traces_url: EventsUrl | None = None
    """Where spans of single events go, as OTLP over HTTP (`OTEL_EXPORTER_OTLP_ENDPOINT` of logger and drivers); None:
    nothing is traced."""
    traces_secret: ObjectName | None = None
    """Secret with what that receiver asks of a client, each under the name of its variable, as
    `OTEL_EXPORTER_OTLP_HEADERS`; None for one that asks nothing."""

    kafka_cluster: ObjectName = "pegel"
    """Name of Strimzi's Kafka, in Pegel's namespace; topics and users carry it."""
    logger_url: EventsUrl | None = None
    """Where endpoints post their CloudEvents; None means the logger's own Service in Pegel's namespace."""

    runtime: ObjectName | None = names.RUNTIME
    """ServingRuntime or ClusterServingRuntime of models; None leaves the choice to KServe, by the model's format."""
    deployment_mode: Literal["Standard", "Knative"] = "Standard"
    """How KServe runs a model. It is always said: KServe's own default and that of its shipped configuration differ."""

    driver_cores: Count = 1
    """Cores of a group's driver, asked for and its limit."""
    driver_memory: SparkMemory = "1g"
    """Heap of a driver's JVM."""
    driver_memory_overhead: SparkMemory = "1152m"
    """Memory of a driver beside the heap; with the heap it is the pod's limit.

    Its Python takes it, and 350 MB the process that holds rows against suites, where one needs rows.
    """
    executors: Count = 1
    """Executors of a group's driver."""
    executor_cores: Count = 1
    """Cores of one executor of a driver."""
    executor_memory: SparkMemory = "1g"
    """Heap of one executor of a driver."""
    executor_memory_overhead: SparkMemory = "768m"
    """Memory of an executor beside the heap: its Python workers count in it."""
    job_executors: Count = 2
    """Executors of a finite job (baseline, batch)."""
    job_memory: SparkMemory = "2g"
    """Heap of a finite job's driver, and of each of its executors."""
    job_memory_overhead: SparkMemory = "1g"
    """Memory of these beside the heap."""

    driver_restarts: Annotated[int, Field(ge=0, le=100)] = 3
    """Restarts of a crashed driver by the Spark operator itself; then the reconciler decides."""
    driver_restart_after: Duration = timedelta(seconds=10)
    """Pause before each of them, in whole seconds."""
    submission_retries: Annotated[int, Field(ge=0, le=100)] = 3
    """Further tries of a submission that the cluster refused."""
    submission_retry_after: Duration = timedelta(seconds=10)
    """Pause before each of them, in whole seconds."""
    driver_grace: Duration = 2 * STOP_GRACE
    """How long a driver that is told to end may live: its batch is cut off after half of the default."""
    job_kept: Duration = timedelta(hours=1)
    """How long a finite job that ended stays to be looked at; then the operator deletes it."""

    logger_replicas: Count = 2
    """Fewest replicas of the inference logger: with two, a node may go."""
    logger_replicas_most: Count = 6
    """Most of them, as processor time asks for."""
    logger_spool: Memory = "1Gi"
    """Disk of one replica for events that the broker cannot take yet."""
    logger_cpu: Cpu = "500m"
    """Processor time that one replica asks for; it may use two cores."""
    logger_memory: Memory = "512Mi"
    """Memory of one replica, asked for and its limit."""

    worker_cpu: Cpu = "250m"
    """Processor time that an attribution worker asks for; it may use two cores."""
    worker_memory: Memory = "2Gi"
    """Memory of an attribution worker, asked for and its limit: each model that it explains is a process in it."""

    @classmethod
    def of_environment(cls) -> Self:
        """Return the settings in force.

        Raises SetupError with a line for each variable that cannot be accepted, or that is no setting.
        """
        unknown = _unknown(os.environ, tuple(name.upper() for name in cls.model_fields))
        try:
            given = cls()
        except ValidationError as error:
            raise SetupError("\n".join([*_lines(error), *unknown])) from error
        if unknown:
            raise SetupError("\n".join(unknown))
        return given

    @cached_property
    def allowed_namespaces(self) -> tuple[str, ...]:
        """Return the namespaces in which models may be served."""
        return listed(self.model_namespaces)

    @cached_property
    def members(self) -> Mapping[str, tuple[str, ...]] | None:
        """Return Airflow's users by the namespace that they may put models into; None without teams."""
        return None if self.teams is None else people_of(self.teams)

    @cached_property
    def provisioners(self) -> tuple[str, ...]:
        """Return the service accounts of Airflow that apply what specs ask for."""
        return listed(self.airflow_service_accounts)

    @property
    def events_url(self) -> str:
        """Return where endpoints post their CloudEvents."""
        inside = f"{names.LOGGER_SERVICE}.{self.namespace}.svc.cluster.local:{names.LOGGER_PORT}"
        return self.logger_url or f"http://{inside}/"


def _unknown(environment: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return a line for each variable that has our prefix and is no setting: nobody would read it."""
    given = (name.removeprefix(PREFIX) for name in sorted(environment) if name.startswith(PREFIX))
    return [
        f"{shown(PREFIX + name)}: no such setting{_meant(nearest(name, known))} Nothing was applied."
        for name in given
        if name not in known and not OF_A_SERVICE.search(f"_{name}")
    ]


def _meant(name: str | None) -> str:
    return "." if name is None else f"; did you mean `{PREFIX}{name}`?"


def _lines(error: ValidationError) -> list[str]:
    return [
        f"{PREFIX}{str(each['loc'][0]).upper()}: given {_without_login(repr(each['input']))}: {each['msg']}. Nothing "
        f"was applied."
        for each in error.errors()
    ]


def _without_login(text: str) -> str:
    """Return a text without the name and password of an address in it."""
    return re.sub(r"//.*@", "//***@", text)
