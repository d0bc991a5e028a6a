"""Specs, jobs and settings of which manifests are made in tests; those of the golden files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pegel.manifests import inference_service, job_config, labels, spark_application
from pegel.manifests.explaining_worker import worker_deployment
from pegel.manifests.objects import Manifest
from pegel.reconcile.job_backend import JobDocument
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings

CLUSTER = ClusterSettings()
FULL_CLUSTER = ClusterSettings(
    image_pull_secret="registry",  # noqa: S106  the name of one
    kafka_secret="pegel-kafka",  # noqa: S106  the name of one
    store_secret="pegel-store",  # noqa: S106  the name of one
    model_service_account="models",
    model_namespaces="default,team-a",
    runtime=None,
    online_secret="pegel-online",  # noqa: S106  the name of one
    traces_url="http://collector.observability.svc:4318",
    traces_secret="pegel-traces",  # noqa: S106  the name of one
)
SETTINGS = Settings(kafka="pegel-kafka-bootstrap.pegel.svc:9093")
JOB = JobDocument(group="default", fingerprint="f" * 64, kafka=SETTINGS.kafka)


def spec(**parts: Any) -> MonitorSpec:
    """Return a spec of the model `delays` in an object store, with parts of it stated."""
    whole: dict[str, Any] = {
        "model": {"name": "delays", "uri": "s3://models/delays/1"},
        "baseline": {"source": "local://delays?version=1&split=train"},
    }
    return MonitorSpec.parse(whole | parts)


FULL = spec(
    namespace="team-a",
    model={"name": "delays", "version": 2, "uri": "pvc://models/delays", "protocol": "v2"},
    serving={
        "replicas": 2,
        "max_replicas": 5,
        "cpu": "500m",
        "memory": "2Gi",
        "transformer": "registry.example.org/team/features:3",
        "explainer": f"registry.example.org/team/why@sha256:{'0' * 64}",
        "canary_uri": "pvc://models/delays-next",
        "canary_percent": 5,
    },
)


LOOKING = spec(
    online={
        "source": "redis://flights",
        "keys": ["flight"],
        "features": {"airline": "default", "origin": "refuse"},
        "defaults": {"airline": "WN"},
        "age_limit": "24h",
        "private": ["flight"],
    }
)


EXPLAINED = spec(attribution={"via": "artefact", "on_request": True}, serving={"memory": "4Gi"})


IN_HOPSWORKS = spec(
    online={
        "source": "hopsworks://demo/flights_view/1",
        "keys": ["flight"],
        "features": ["airline"],
        "age_limit": "24h",
    }
)
HOPSWORKS = Settings(
    hopsworks="hops.example.org", hopsworks_online="rdrs.example.org:4406", hopsworks_ca=Path("/ca.pem")
)
ASKING_CLUSTER = ClusterSettings(hopsworks_secret="pegel-hopsworks")  # noqa: S106  the name of one


def golden() -> dict[str, list[Manifest]]:
    """Return the objects of each golden file, by the file's name."""
    endpoint = inference_service.inference_service
    return {
        "inference-service": [endpoint(spec(), CLUSTER)],
        "inference-service-candidate": [endpoint(spec(), CLUSTER, role=labels.CANDIDATE, staged_by="run-1")],
        "inference-service-full": [endpoint(FULL, FULL_CLUSTER)],
        "inference-service-online": [endpoint(LOOKING, FULL_CLUSTER)],
        "inference-service-hopsworks": [endpoint(IN_HOPSWORKS, ASKING_CLUSTER, HOPSWORKS)],
        "inference-service-explained": [endpoint(EXPLAINED, FULL_CLUSTER)],
        "attribution-worker": [worker_deployment("team-a", FULL_CLUSTER, SETTINGS.kafka)],
        "driver": [
            job_config.job_config(JOB, 3, CLUSTER),
            spark_application.driver_application(JOB, 3, SETTINGS, CLUSTER),
        ],
        "driver-full": [spark_application.driver_application(JOB, 3, SETTINGS, FULL_CLUSTER)],
        "write-back": [
            spark_application.write_back_application(
                ["--since", "2026-11-28T23:17:00+00:00", "--until", "2026-11-29T01:17:00+00:00"],
                "scheduled__2026-11-29",
                SETTINGS,
                CLUSTER,
            )
        ],
        "archive": [
            spark_application.archive_application(["--model", "delays"], "scheduled__2026-11-29", SETTINGS, CLUSTER)
        ],
        "read-tables": [spark_application.tables_application([], "scheduled__2026-11-29", SETTINGS, CLUSTER)],
        "join-labels": [spark_application.labels_application([], "scheduled__2026-11-29", SETTINGS, CLUSTER)],
        "archive-checks": [
            spark_application.archive_checks_application(
                ["--since", "2026-11-28T23:00:00+00:00", "--until", "2026-11-29T00:00:00+00:00"],
                "scheduled__2026-11-29",
                SETTINGS,
                CLUSTER,
            )
        ],
        "baseline": [spark_application.baseline_application(spec(), "scheduled__2026-11-29", SETTINGS, CLUSTER)],
    }
