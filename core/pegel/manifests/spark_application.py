"""SparkApplications: a group's streaming driver, which never ends, and finite jobs.

The Spark operator brings a crashed driver back within bounds; whatever goes beyond that is the reconciler's. A finite
job is tried once: whoever asked for it decides whether it is asked for again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pegel.manifests import hopsworks_files, job_config, labels, pods
from pegel.manifests.objects import SPARK_APPLICATION, Manifest
from pegel.reconcile.job_backend import JobDocument
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import LogFormat, Settings

SPARK_VERSION = "4.2.1"
"""That of the image, which is pinned by `spark/pyproject.toml`."""
LAUNCHERS = "local:///opt/pegel/lib/python3.11/site-packages/pegel_spark/jobs"
"""In the image; see `k8s/images/`."""
DATABASES = "/etc/pegel/databases"
"""Where a finite job finds the file of the Secret that names databases."""
METRICS_PORT = 9404
"""Where a driver answers Prometheus, below `/metrics`. Spark's own servlet knows nothing of its stream."""
SPARK_CONF = {
    # Ports of driver and executors take code: only those that know the application's own secret may send any.
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
}


def driver_application(job: JobDocument, generation: int, settings: Settings, cluster: ClusterSettings) -> Manifest:
    """Return a group's streaming driver of a generation. Another generation is another start of it."""
    marks = {labels.FINGERPRINT: job.fingerprint, labels.GENERATION: str(generation)}
    grace = round(cluster.driver_grace.total_seconds())
    driver = {
        "cores": cluster.driver_cores,
        "coreLimit": str(cluster.driver_cores),
        "memory": cluster.driver_memory,
        "memoryOverhead": cluster.driver_memory_overhead,
        "terminationGracePeriodSeconds": grace,
        "ports": [{"name": "metrics", "protocol": "TCP", "containerPort": METRICS_PORT}],
    }
    executor = {
        "instances": cluster.executors,
        "cores": cluster.executor_cores,
        "coreLimit": str(cluster.executor_cores),
        "memory": cluster.executor_memory,
        "memoryOverhead": cluster.executor_memory_overhead,
        "deleteOnTermination": True,
    }
    config = {"name": "job", "configMap": {"name": names.driver_object(job.group)}}
    application = _application(
        names.driver_object(job.group),
        labels.of_group(job.group),
        marks,
        launcher="monitor.py",
        arguments=[f"{job_config.FOLDER}/{job_config.FILE}"],
        driver=driver,
        executor=executor,
        # Python workers read the broker themselves.
        secrets=(cluster.kafka_secret,),
        settings=settings,
        cluster=cluster,
    )
    application["spec"]["volumes"].append(config)
    application["spec"]["driver"]["volumeMounts"].append(pods.mount("job", job_config.FOLDER, read_only=True))
    application["spec"]["driver"]["env"].append({"name": "PEGEL_METRICS_PORT", "value": str(METRICS_PORT)})
    application["spec"]["driver"]["env"] += [*_private(cluster), *pods.traces(cluster)]
    # Executors make no spans.
    application["spec"]["driver"] |= pods.all_of_secret(cluster.kafka_secret, pods.traces_secret(cluster))
    application["spec"]["restartPolicy"] = _restarts(cluster)
    return application


def baseline_application(spec: MonitorSpec, job_id: str, settings: Settings, cluster: ClusterSettings) -> Manifest:
    """Return the job that makes the baseline of a spec and keeps how it ended under `job_id`. It asks no broker."""
    size = {"memory": cluster.job_memory, "memoryOverhead": cluster.job_memory_overhead, "cores": 1, "coreLimit": "1"}
    application = _application(
        names.finite_job(labels.BASELINE, spec.endpoint, job_id),
        labels.of_job(spec, labels.BASELINE),
        {labels.JOB_ID: job_id},
        launcher="baseline.py",
        arguments=["--spec", json.dumps(spec.to_json(), sort_keys=True), "--id", job_id],
        driver=size,
        executor={**size, "instances": cluster.job_executors, "deleteOnTermination": True},
        # Executors read the training data themselves.
        secrets=(cluster.store_secret,),
        settings=settings,
        cluster=cluster,
    )
    return _finite(application, settings, cluster)


def write_back_application(
    arguments: Sequence[str], job_id: str, settings: Settings, cluster: ClusterSettings
) -> Manifest:
    """Return the job that writes results back to Hopsworks and keeps how it ended under `job_id`.

    All of it runs in the driver; Spark itself is not started, and with it no executor.
    """
    return _of_all_models(
        labels.WRITE_BACK, "results", "write_back.py", arguments, job_id, settings, cluster, executors=1
    )


def archive_checks_application(
    arguments: Sequence[str], job_id: str, settings: Settings, cluster: ClusterSettings
) -> Manifest:
    """Return the job that looks at archived rows and keeps how it ended under `job_id`. It asks no broker."""
    executors = cluster.job_executors
    application = _of_all_models(
        *(labels.ARCHIVE_CHECKS, "rows", "archive_checks.py", arguments, job_id, settings, cluster), executors=executors
    )
    said = [] if settings.archive is None else [{"name": "PEGEL_ARCHIVE", "value": settings.archive}]
    driver = application["spec"]["driver"]
    driver["env"] = [*driver["env"], *said, *_private(cluster)]
    return application


def _of_all_models(  # noqa: PLR0917  handed on as it comes
    role: str,
    name: str,
    launcher: str,
    arguments: Sequence[str],
    job_id: str,
    settings: Settings,
    cluster: ClusterSettings,
    *,
    executors: int,
) -> Manifest:
    size = {"memory": cluster.job_memory, "memoryOverhead": cluster.job_memory_overhead, "cores": 1, "coreLimit": "1"}
    application = _application(
        names.finite_job(role, name, job_id),
        {**labels.OURS, labels.ROLE: role},
        {labels.JOB_ID: job_id},
        launcher=launcher,
        arguments=[*arguments, "--id", job_id],
        driver=size,
        executor={**size, "instances": executors, "deleteOnTermination": True},
        # What feature groups and archives lie in asks for the same credentials as training data.
        secrets=(cluster.store_secret,),
        settings=settings,
        cluster=cluster,
    )
    return _finite(application, settings, cluster)


def archive_application(
    arguments: Sequence[str], job_id: str, settings: Settings, cluster: ClusterSettings
) -> Manifest:
    """Return the job that archives rows and keeps how it ended under `job_id`. It reads the broker as drivers do."""
    return _batch_application(labels.ARCHIVE, "rows", arguments, job_id, settings=settings, cluster=cluster)


def tables_application(arguments: Sequence[str], job_id: str, settings: Settings, cluster: ClusterSettings) -> Manifest:
    """Return the job that judges what tables of predictions have anew, and keeps how it ended under `job_id`."""
    return _batch_application(labels.READ_TABLES, "rows", arguments, job_id, settings=settings, cluster=cluster)


def labels_application(arguments: Sequence[str], job_id: str, settings: Settings, cluster: ClusterSettings) -> Manifest:
    """Return the job that joins labels with rows and keeps how it ended under `job_id`. It reads the broker, too."""
    return _batch_application(labels.TRUE_OUTCOMES, "rows", arguments, job_id, settings=settings, cluster=cluster)


def _batch_application(
    role: str, of: str, arguments: Sequence[str], job_id: str, *, settings: Settings, cluster: ClusterSettings
) -> Manifest:
    """Return a job that reads topics and writes to the archive; its role is the name of its launcher."""
    size = {"memory": cluster.job_memory, "memoryOverhead": cluster.job_memory_overhead, "cores": 1, "coreLimit": "1"}
    application = _application(
        names.finite_job(role, of, job_id),
        {**labels.OURS, labels.ROLE: role},
        {labels.JOB_ID: job_id},
        launcher=f"{role.replace('-', '_')}.py",
        arguments=[*arguments, "--id", job_id],
        driver=size,
        executor={**size, "instances": cluster.job_executors, "deleteOnTermination": True},
        secrets=(cluster.kafka_secret, cluster.store_secret),
        settings=settings,
        cluster=cluster,
    )
    told = {"PEGEL_KAFKA": settings.kafka, "PEGEL_ARCHIVE": settings.archive}
    said = [{"name": name, "value": value} for name, value in told.items() if value is not None]
    driver = application["spec"]["driver"]
    driver["env"] = [*driver["env"], *said, *_private(cluster)]
    return _finite(application, settings, cluster)


def _private(cluster: ClusterSettings) -> list[dict[str, Any]]:
    """Return the variable by which private fields are hashed, where a Secret has it; the driver hands it on."""
    if cluster.online_secret is None:
        return []
    variable = pods.from_secret("PEGEL_ENTITY_SECRET", cluster.online_secret, "PEGEL_ENTITY_SECRET")
    variable["valueFrom"]["secretKeyRef"]["optional"] = True
    return [variable]


def _finite(application: Manifest, settings: Settings, cluster: ClusterSettings) -> Manifest:
    """Let a job end: it is tried once, and kept for a while."""
    if cluster.hopsworks_secret is not None:
        _let_ask_hopsworks(application, cluster.hopsworks_secret, settings)
    if cluster.databases_secret is not None:
        _let_read_databases(application, cluster.databases_secret)
    application["spec"]["restartPolicy"] = {"type": "Never"}
    application["spec"]["timeToLiveSeconds"] = round(cluster.job_kept.total_seconds())
    return application


def _application(
    name: str,
    marks: Mapping[str, str],
    notes: Mapping[str, str],
    *,
    launcher: str,
    arguments: Sequence[str],
    driver: Mapping[str, Any],
    executor: Mapping[str, Any],
    secrets: Sequence[str | None],
    settings: Settings,
    cluster: ClusterSettings,
) -> Manifest:
    plain = plain_environment(settings)
    database = pods.from_secret("PEGEL_DATABASE_URL", cluster.database_secret, "url")
    account = {"serviceAccount": cluster.driver_service_account}
    return SPARK_APPLICATION.manifest(
        name,
        cluster.namespace,
        labels=marks,
        annotations=notes,
        spec={
            "type": "Python",
            "pythonVersion": "3",
            "mode": "cluster",
            "sparkVersion": SPARK_VERSION,
            "image": cluster.driver_image,
            "imagePullPolicy": "IfNotPresent",
            **({} if cluster.image_pull_secret is None else {"imagePullSecrets": [cluster.image_pull_secret]}),
            "mainApplicationFile": f"{LAUNCHERS}/{launcher}",
            "arguments": list(arguments),
            "sparkConf": dict(SPARK_CONF),
            "volumes": [
                pods.volume("tmp", "1Gi"),
                # By this name Spark knows where its own files go.
                pods.volume("spark-local-dir-1", "8Gi"),
            ],
            "driver": {**driver, **account, **_pod(marks, notes, secrets), "env": [database, *plain]},
            # It asks neither the cluster nor the database.
            "executor": {**executor, **_pod(marks, notes, secrets), "env": plain},
        },
    )


def _let_ask_hopsworks(application: Manifest, secret: str, settings: Settings) -> None:
    """Mount the API key where the driver of a job finds it."""
    said = hopsworks_files.variables(settings)
    _mount_secret(application, hopsworks_files.VOLUME, secret, hopsworks_files.FOLDER, said)


def _let_read_databases(application: Manifest, secret: str) -> None:
    """Mount the file of databases; the driver hands executors what they connect with."""
    said = {"PEGEL_DATABASES_FILE": f"{DATABASES}/databases"}
    _mount_secret(application, "databases", secret, DATABASES, said)


def _mount_secret(application: Manifest, name: str, secret: str, folder: str, said: Mapping[str, str | None]) -> None:
    """Mount a Secret's files into the driver alone, with the variables that say where they are."""
    application["spec"]["volumes"].append(hopsworks_files.of_secret(secret, name))
    driver = application["spec"]["driver"]
    driver["volumeMounts"].append(pods.mount(name, folder, read_only=True))
    driver["env"] = [*driver["env"], *({"name": each, "value": value} for each, value in said.items() if value)]


def _pod(marks: Mapping[str, str], notes: Mapping[str, str], secrets: Sequence[str | None]) -> dict[str, Any]:
    return {
        "labels": dict(marks),
        "annotations": dict(notes),
        **pods.all_of_secret(*secrets),
        "podSecurityContext": pods.pod_security(),
        "securityContext": pods.container_security(),
        "volumeMounts": [
            pods.mount("tmp", pods.TMP),
            pods.mount("spark-local-dir-1", "/var/lib/spark"),
        ],
    }


def plain_environment(settings: Settings) -> list[dict[str, str]]:
    """Return the variables of a driver and its executors that are no secret."""
    features = settings.feature_store
    return [
        {"name": "PEGEL_LOG_FORMAT", "value": LogFormat.JSON.value},
        *([] if features is None else [{"name": "PEGEL_FEATURE_STORE", "value": features}]),
    ]


def _restarts(cluster: ClusterSettings) -> dict[str, Any]:
    def seconds(pause: timedelta) -> int:
        return max(1, round(pause.total_seconds()))

    return {
        "type": "OnFailure",
        "onFailureRetries": cluster.driver_restarts,
        "onFailureRetryInterval": seconds(cluster.driver_restart_after),
        "onSubmissionFailureRetries": cluster.submission_retries,
        "onSubmissionFailureRetryInterval": seconds(cluster.submission_retry_after),
    }
