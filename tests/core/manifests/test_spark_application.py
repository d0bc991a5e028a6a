"""The streaming driver and the finite jobs that the Spark operator is asked for."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from manifest_samples import CLUSTER, FULL_CLUSTER, JOB, SETTINGS, spec

from pegel.manifests import labels
from pegel.manifests.job_config import job_config
from pegel.manifests.spark_application import SPARK_VERSION, baseline_application, driver_application
from pegel.reconcile.job_backend import JobDocument

ROOT = Path(__file__).resolve().parents[3]


def test_a_driver_reads_what_it_is_told_from_its_config_map() -> None:
    """The ConfigMap of the group is mounted where the driver looks, and its document reads back as it was."""
    config = job_config(JOB, 7, CLUSTER)
    driver = driver_application(JOB, 7, SETTINGS, CLUSTER)["spec"]
    (volume,) = [volume for volume in driver["volumes"] if "configMap" in volume]
    (mount,) = [mount for mount in driver["driver"]["volumeMounts"] if mount["name"] == volume["name"]]

    assert config["metadata"]["name"] == volume["configMap"]["name"]
    assert "job" not in {each["name"] for each in driver["executor"]["volumeMounts"]}
    assert [f"{mount['mountPath']}/{file}" for file in config["data"]] == driver["arguments"]
    assert (JOB, 7) == JobDocument.from_json(json.loads(config["data"]["job.json"]))


def test_another_generation_is_another_start() -> None:
    """The pod of a driver says its generation, so the operator sees a changed wish and starts anew."""
    first, second = (driver_application(JOB, generation, SETTINGS, CLUSTER) for generation in (1, 2))

    assert first["metadata"]["name"] == second["metadata"]["name"]
    assert first["spec"] != second["spec"]
    assert "2" == second["spec"]["driver"]["annotations"][labels.GENERATION]


def test_the_operator_restarts_a_driver_within_bounds() -> None:
    """A crash is the operator's, so many times; a finite job is tried once, and deleted when it was looked at."""
    driver = driver_application(JOB, 1, SETTINGS, CLUSTER)["spec"]
    baseline = baseline_application(spec(), "run", SETTINGS, CLUSTER)["spec"]

    assert ("OnFailure", 3) == (driver["restartPolicy"]["type"], driver["restartPolicy"]["onFailureRetries"])
    assert ({"type": "Never"}, 3600) == (baseline["restartPolicy"], baseline["timeToLiveSeconds"])
    assert "timeToLiveSeconds" not in driver


def test_no_secret_stands_in_a_manifest() -> None:
    """The database's URL is a reference, of a driver alone, as the Secret of spans; streams have the broker's, too."""
    pods = driver_application(JOB, 1, SETTINGS, FULL_CLUSTER)["spec"]
    baseline = baseline_application(spec(), "run", SETTINGS, FULL_CLUSTER)["spec"]
    named = {part: {each["name"]: each for each in pods[part]["env"]} for part in ("driver", "executor")}

    assert {"secretKeyRef": {"name": "pegel-database", "key": "url"}} == named["driver"]["PEGEL_DATABASE_URL"][
        "valueFrom"
    ]
    assert "PEGEL_DATABASE_URL" not in named["executor"]
    assert {"driver": ["pegel-kafka", "pegel-traces"], "executor": ["pegel-kafka"]} == {
        part: [each["secretRef"]["name"] for each in pods[part]["envFrom"]] for part in named
    }
    assert [[{"secretRef": {"name": "pegel-store"}}]] * 2 == [baseline[part]["envFrom"] for part in named]


def test_the_version_of_spark_is_that_of_the_image() -> None:
    """What the operator is told is what the image's requirements pin."""
    project = tomllib.loads((ROOT / "spark" / "pyproject.toml").read_text())["project"]

    assert f"pyspark=={SPARK_VERSION}" in project["dependencies"]


@given(st.text(min_size=1, max_size=300))
def test_a_finite_job_has_a_name_of_its_own(job_id: str) -> None:
    """Whatever the run is called, the object's name is one that Kubernetes takes, the same for the same run."""
    asked = spec(model={"name": "d" * 40, "version": 2**31 - 1, "uri": "s3://m"})
    name = baseline_application(asked, job_id, SETTINGS, CLUSTER)["metadata"]["name"]

    assert len(name) <= 53
    assert name == baseline_application(asked, job_id, SETTINGS, CLUSTER)["metadata"]["name"]
    assert name != baseline_application(asked, f"{job_id}.", SETTINGS, CLUSTER)["metadata"]["name"]
