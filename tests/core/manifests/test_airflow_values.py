"""The values for Airflow's official chart fit what the rest of the installation says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pegel.manifests.pods import USER
from pegel.spec.cluster_settings import PREFIX, ClusterSettings
from pegel.spec.settings import Settings

FOLDER = Path(__file__).resolve().parents[3] / "k8s" / "components" / "airflow"


def values(name: str = "values.yaml") -> dict[str, Any]:
    """Return a file of values."""
    read: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return read


def test_two_settings_switch_to_the_cluster() -> None:
    """Every variable is a setting that exists, and backends are those of a cluster."""
    given = {each["name"]: each["value"] for each in values()["env"]}
    known = {f"PEGEL_{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}" for name in ClusterSettings.model_fields}

    assert ("kserve", "kubernetes") == (given["PEGEL_SERVING_BACKEND"], given["PEGEL_JOB_BACKEND"])
    assert [] == [name for name in given if name.startswith("PEGEL_") and name not in known]
    assert ClusterSettings().events_url == given["PEGEL_LOGGER_URL"]


def test_secrets_are_those_of_the_settings() -> None:
    """The database and the mail server are read from the Secrets that the settings name; no value has a password."""
    cluster = ClusterSettings()
    named = {each["envName"]: (each["secretName"], each["secretKey"]) for each in values()["secret"]}

    assert {
        "PEGEL_DATABASE_URL": (cluster.database_secret, "url"),
        "AIRFLOW_CONN_SMTP_DEFAULT": (cluster.mail_secret, "connection"),
    } == named


def test_both_executors_read_the_same_dags() -> None:
    """LocalExecutor changes the executor and its room, and neither the folder of DAGs nor the image."""
    local = values("values-local-executor.yaml")

    assert ("KubernetesExecutor", "LocalExecutor") == (values()["executor"], local["executor"])
    assert {"executor", "scheduler"} == set(local)
    assert "/opt/pegel/dags" == values()["config"]["core"]["dags_folder"]


def test_the_user_is_that_of_the_images() -> None:
    """Airflow's pods run as the user whom the images have."""
    pod = values()["securityContexts"]["pod"]

    assert {USER} == {values()["uid"], values()["gid"], pod["runAsUser"], pod["runAsGroup"], pod["fsGroup"]}
