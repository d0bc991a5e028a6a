"""Where things are, read once from the environment (`PEGEL_*`) at the edge of each process and handed on as a value."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pegel.errors import SetupError
from pegel.spec.durations import Delay
from pegel.spec.nearest import with_stop

SETTINGS_FILE = "settings.json"
"""Below a home: what a system that is up says of its addresses. It may name a database's password: mode 0600."""
AIRFLOW_DATABASE = "airflow/airflow.db"
"""Below a home: the database of a local system's Airflow."""


HOME = ".pegel"
OF_WHOEVER_ASKS = ("keep",)
"""Settings that are no address of a system that is up: whoever states them in an environment means what is done now."""
LOCAL = "local"
"""The backend of this machine, as settings name it."""
KSERVE = "kserve"
"""The serving backend of a cluster, as settings name it."""
KUBERNETES = "kubernetes"
"""The job backend of a cluster, as settings name it."""


def nearest_home(start: Path) -> Path:
    """Return the folder `.pegel` of `start`, or of the nearest folder above that has one; without one that of `start`.

    So the folders below a home mean the same system, as git's do the same repository.
    """
    homes = (folder / HOME for folder in (start, *start.parents))
    return next((home for home in homes if home.is_dir()), start / HOME)


class LogFormat(StrEnum):
    """How a driver or a job of Spark writes its log."""

    TEXT = "text"
    """Lines for people, on standard error."""
    JSON = "json"
    """One object a line on standard output, for what collects the logs of pods."""


class Settings(BaseSettings):
    """The addresses a Pegel process needs. Every field is an environment variable `PEGEL_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="PEGEL_",
        frozen=True,
        extra="ignore",
        # What cannot be accepted may be a secret that stands in the wrong place.
        hide_input_in_errors=True,
    )

    home: Path = Field(default_factory=lambda: nearest_home(Path.cwd()))
    """Folder of everything a local system keeps: state, logs, data. Deleting it forgets the system."""
    database_url: str | None = Field(default=None, repr=False)
    """SQLAlchemy URL of the results database; None means SQLite in `home`. It may hold a password: not to be shown."""
    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, comma separated host:port."""
    kafka_security_protocol: str = "PLAINTEXT"
    """What the broker asks of a connection; this and the next ones are explained in `pegel.spec.kafka_security`."""
    kafka_sasl_mechanism: str | None = None
    """How a client says who it is."""
    kafka_user: str | None = None
    """Who it is."""
    kafka_password: SecretStr | None = None
    """What proves it."""
    kafka_token_file: Path | None = None
    """File with a token that proves it, instead of a password."""
    kafka_ca: str | None = None
    """File with the certificates of whoever may vouch for the broker, or these themselves."""
    kafka_certificate: Path | None = None
    """File with the client's own certificate."""
    kafka_key: Path | None = None
    """File with the key to it."""
    specs: Path | None = None
    """Folder of specs that the workflow `specs_follow` brings the registry to; a relative one starts where the file of
    that workflow lies. None, and an empty text: it follows none."""
    feature_store: str | None = None
    """Root of the feature store: a folder, or the address of a copy of one, such as `s3a://bucket/features`, which jobs
    of Spark read; None means `home`/features."""
    keep: str = ""
    """How long results are kept, where it differs from `pegel.retention.keeping`: `windows=60d, days=forever`."""
    archive: str | None = None
    """Root of the archive of rows: a folder, or an address that Spark writes to, such as `s3a://bucket/archive`; None
    means `home`/archive."""
    online_redis: SecretStr | None = None
    """Address of the Redis or Valkey server that keeps online features, as `redis://host:6379/0`, with `rediss:` over
    TLS. It may hold a password: not to be shown."""
    entity_secret: SecretStr | None = None
    """What proves which entity or value a hash is of: at least 16 bytes, for specs with `online.private` or
    `archive.private`."""
    databases_file: Path | None = None
    """File that names databases of training data, with address, user and password: see
    `pegel.featurestore.known_database`."""
    hopsworks: str | None = None
    """Where Hopsworks is, as host or host:port, asked by https; None: training data come from nowhere there."""
    hopsworks_project: str | None = None
    """The project that results are written to; a source of training data names its own."""
    hopsworks_key_file: Path | None = None
    """File with an API key of Hopsworks, one line."""
    hopsworks_online: str | None = None
    """Where the REST server of its online store is, as host or host:port; None: where Hopsworks says, at port 4406."""
    hopsworks_ca: Path | None = None
    """File with the certificates that are trusted for it (PEM); None: the machine's."""
    logger_url: str = "http://127.0.0.1:8090/"
    """Where endpoints post their CloudEvents: the inference logger."""
    page_url: str = "http://127.0.0.1:8080/pegel"
    """Public address of the monitoring page; alert mails link to it."""
    airflow_url: str = "http://127.0.0.1:8080"
    """Address of Airflow's API server; `pegel apply` triggers onboarding there."""
    smtp: str | None = None
    """Mail server of Airflow's connection `smtp_default`, as host:port: `pegel validate` asks whether it answers."""
    mail_from: str = "pegel@localhost"
    """Sender of alert mails when the SMTP connection names none."""
    mail_gather: Delay = timedelta(seconds=10)
    """How long a pass that has something to mail waits for what else comes: what changes at once is one mail."""
    mail_pause: Delay = timedelta(minutes=5)
    """How long an address is left alone after a mail; what is due to it meanwhile is one mail then. 0: each goes by
    itself."""
    mail_patience: Delay = timedelta(hours=1)
    """How long the news that something is over, or still goes on, waits for a mail that wakes somebody anyway."""
    alert_routes: Path | None = None
    """File with routes of this deployment, behind those of each spec: a list as a spec's `alerts.routes`."""
    digest: str = "daily 08:00 UTC"
    """When digests are sent of models whose spec states no time of its own."""
    serving_python: Path | None = None
    """Interpreter of the serving environment, used by the local serving backend."""
    spark_python: Path | None = None
    """Interpreter of the Spark environment, used by the local job backend."""
    spark_master: str = "local[2]"
    """Spark master of streaming drivers started by the local job backend."""
    log_format: LogFormat = LogFormat.TEXT
    """How drivers and jobs of Spark write their logs: `text`, lines on standard error, or `json` on standard output."""
    metrics_port: int | None = None
    """Port at which a streaming driver answers Prometheus, below `/metrics`; None: at none."""
    model_roots: str | None = None
    """Folders, or addresses such as `s3://bucket/models`, below which models may lie, comma separated; None allows
    every place, an empty text none. Loading a model runs its code as the account that serves it."""
    serving_backend: str = LOCAL
    """`local`: real model servers as processes of this machine; `kserve`: InferenceServices of a cluster."""
    job_backend: str = LOCAL
    """`local`: a detached, locked process per streaming driver on this machine; `kubernetes`: a SparkApplication."""

    @classmethod
    def of_home(cls, home: Path) -> Self:
        """Return the settings of the system in `home`: its own addresses where it is up, else the environment's.

        Secrets are those of the environment, and so is how long results are kept, where it says so.
        """
        try:
            written = json.loads((home / SETTINGS_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(home=home)
        stated = {name for name in OF_WHOEVER_ASKS if f"PEGEL_{name.upper()}" in os.environ}
        own = {name: value for name, value in written.items() if name not in stated | cls.secrets()}
        return cls(**(own | {"home": home}))

    @classmethod
    def secrets(cls) -> set[str]:
        """Return the names of the settings that nobody may read."""
        return {name for name, field in cls.model_fields.items() if "SecretStr" in str(field.annotation)}

    def said(self) -> dict[str, object]:
        """Return what a system that is up says of itself in `SETTINGS_FILE`, as plain JSON; no secret."""
        return self.model_dump(mode="json", exclude_none=True, exclude=self.secrets())

    @classmethod
    def of_environment(cls) -> Self:
        """Return the settings in force. Raises SetupError, one sentence, for values that cannot be accepted."""
        try:
            return cls()
        except ValidationError as error:
            wrong = "; ".join(f"PEGEL_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors())
            raise SetupError(f"{with_stop(wrong)} Nothing was started.") from None

    def variables(self) -> dict[str, str]:
        """Return the settings as the environment variables that a process reads them from, secrets included."""
        values = self.model_dump(exclude_none=True)
        plain = {
            name: each.get_secret_value() if isinstance(each, SecretStr) else each for name, each in values.items()
        }
        return {f"PEGEL_{name.upper()}": str(value) for name, value in plain.items()}

    @cached_property
    def database(self) -> str:
        """Return the SQLAlchemy URL in effect."""
        return self.database_url or f"sqlite:///{self.home / 'pegel.db'}"

    @property
    def secret(self) -> str:
        """Return what proves which value a hash is of; empty without one."""
        return "" if self.entity_secret is None else self.entity_secret.get_secret_value()

    @property
    def serves_on_this_machine(self) -> bool:
        """Say whether models are served here: what their specs name can be looked at, and their servers asked."""
        return self.serving_backend == LOCAL

    @cached_property
    def allowed_models(self) -> tuple[str, ...] | None:
        """Return the places below which models may lie; None for every place."""
        if self.model_roots is None:
            return None
        return tuple(root.strip() for root in self.model_roots.split(",") if root.strip())

    @cached_property
    def features(self) -> Path:
        """Return the root of the local feature store in effect. Raises SetupError where it lies at an address."""
        if self.feature_store is None:
            return self.home / "features"
        if self.features_address:
            raise SetupError(
                f"PEGEL_FEATURE_STORE: given {self.feature_store}, which jobs of Spark read; expected a folder of this "
                "machine. Nothing was read."
            )
        return Path(self.feature_store.removeprefix("file://"))

    @property
    def archive_root(self) -> str:
        """Return where rows are archived: an address, or a folder of this machine."""
        return (self.archive or str(self.home / "archive")).rstrip("/")

    @property
    def features_address(self) -> str:
        """Return where a feature store lies that is no folder of this machine; empty where it is one."""
        where = self.feature_store or ""
        return where.rstrip("/") if "://" in where and not where.startswith("file://") else ""
