"""Where things are, read once from the environment (`PEGEL_*`) at the edge of each process and handed on as a value."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SETTINGS_FILE = "settings.json"
"""Below a home: what a system that is up says of its addresses. It may name a database's password: mode 0600."""


HOME = ".pegel"
LOCAL = "local"
"""The backend of this machine, as settings name it."""


def nearest_home(start: Path) -> Path:
    """Return the folder `.pegel` of `start`, or of the nearest folder above that has one; without one that of `start`.

    So the folders below a home mean the same system, as git's do the same repository.
    """
    homes = (folder / HOME for folder in (start, *start.parents))
    return next((home for home in homes if home.is_dir()), start / HOME)


class Settings(BaseSettings):
    """The addresses a Pegel process needs. Every field is an environment variable `PEGEL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="PEGEL_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: nearest_home(Path.cwd()))
    """Folder of everything a local system keeps: state, logs, data. Deleting it forgets the system."""
    database_url: str | None = None
    """SQLAlchemy URL of the results database; None means SQLite in `home`."""
    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, comma separated host:port."""
    feature_store: Path | None = None
    """Root of the local feature store; None means `home`/features."""
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
    serving_python: Path | None = None
    """Interpreter of the serving environment, used by the local serving backend."""
    spark_python: Path | None = None
    """Interpreter of the Spark environment, used by the local job backend."""
    spark_jars: Path | None = None
    """Folder of the Kafka connector jars for Spark."""
    spark_master: str = "local[2]"
    """Spark master of streaming drivers started by the local job backend."""
    model_roots: str | None = None
    """Folders, or addresses such as `s3://bucket/models`, below which models may lie, comma separated; None allows
    every place, an empty text none. Loading a model runs its code as the account that serves it."""
    serving_backend: str = LOCAL
    """`local`: real model servers as processes of this machine."""
    job_backend: str = LOCAL
    """`local`: a detached, locked process per streaming driver on this machine."""

    @classmethod
    def of_home(cls, home: Path) -> Self:
        """Return the settings of the system in `home`: its own addresses where it is up, else the environment's."""
        try:
            written = json.loads((home / SETTINGS_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(home=home)
        return cls(**(written | {"home": home}))

    @cached_property
    def database(self) -> str:
        """Return the SQLAlchemy URL in effect."""
        return self.database_url or f"sqlite:///{self.home / 'pegel.db'}"

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
        """Return the root of the local feature store in effect."""
        return self.feature_store or self.home / "features"
