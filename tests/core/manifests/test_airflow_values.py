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


def variables(name: str) -> dict[str, str]:
    """Return the variables that a file of values sets."""
    return {each["name"]: each["value"] for each in values(name)["env"]}


def test_two_settings_switch_to_the_cluster() -> None:
    """Every variable is a setting that exists, and backends are those of a cluster."""
    given, dev = variables("values.yaml"), variables("values-dev.yaml")
    known = {f"PEGEL_{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}" for name in ClusterSettings.model_fields}

    assert ("kserve", "kubernetes") == (given["PEGEL_SERVING_BACKEND"], given["PEGEL_JOB_BACKEND"])
    assert [] == [name for name in given | dev if name.startswith("PEGEL_") and name not in known]
    assert {"PEGEL_CLUSTER_KAFKA_SECRET"} == given.keys() - dev.keys()
    assert ClusterSettings().events_url == given["PEGEL_LOGGER_URL"]


def test_secrets_are_those_of_the_settings() -> None:
    """The database and the mail server are read from the Secrets that the settings name; no value has a password."""
    cluster = ClusterSettings()
    named = {each["envName"]: (each["secretName"], each["secretKey"]) for each in values()["secret"]}

    assert {
        "PEGEL_DATABASE_URL": (cluster.database_secret, "url"),
        "AIRFLOW_CONN_SMTP_DEFAULT": (cluster.mail_secret, "connection"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": (values()["data"]["metadataSecretName"], "async"),
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


def test_no_part_calls_a_program_of_the_official_image() -> None:
    """Probes and groomers run what our image has: Airflow's own command, and Debian's; nobody creates users."""
    parts = {name: values()[name] for name in ("scheduler", "triggerer", "dagProcessor")}
    jobs = {"scheduler": "SchedulerJob", "triggerer": "TriggererJob", "dagProcessor": "DagProcessorJob"}
    probes = {name: [part[key] for key in part if key.endswith("Probe")] for name, part in parts.items()}

    assert [] == [
        name
        for name, seen in probes.items()
        if {("airflow", "jobs", "check", "--local", "--job-type", jobs[name])}
        != {tuple(each["command"]) for each in seen}
    ]
    assert {"sh"} == {part["logGroomerSidecar"]["args"][0] for part in parts.values()}
    assert (False, False) == (values()["createUserJob"]["enabled"], values()["webserver"]["defaultUser"]["enabled"])


def test_the_broker_of_the_overlay_dev_asks_nobody_who_he_is() -> None:
    """Beside it Airflow has no Secret of the broker, and asks at the port without passwords."""
    dev = values("values-dev.yaml")

    assert (True, "") == (variables("values-dev.yaml")["PEGEL_KAFKA"].endswith(":9092"), dev["extraEnvFrom"])


def test_operators_hold_to_the_namespace_of_pegel() -> None:
    """Strimzi and the Spark operator look after Pegel's namespace, and Strimzi makes pods that it lets in."""
    strimzi, spark = (
        yaml.safe_load((FOLDER.parent / name / "values.yaml").read_text())
        for name in ("kafka-strimzi", "spark-operator")
    )
    own = [ClusterSettings().namespace]

    assert (own, own) == (strimzi["watchNamespaces"], spark["spark"]["jobNamespaces"])
    assert {"name": "STRIMZI_POD_SECURITY_PROVIDER_CLASS", "value": "restricted"} in strimzi["extraEnvs"]
