"""What `spark-submit` makes of a SparkApplication in cluster mode: a driver's pod, and the ConfigMap of its properties.

Pure. The container gets Spark's own arguments for an image, so what runs is the entrypoint of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pegel.manifests.objects import SPARK_APPLICATION
from pegel_local.cluster_player import spark_states
from pegel_local.cluster_player.cluster_objects import Object, name_of, namespace_of, owned_by
from pegel_local.cluster_player.node import NODE

ENTRYPOINT = ("-m", "pegel_spark.container")
"""Of the image, to its Python."""
CONF_DIR, PROPERTIES = "/opt/spark/conf", "spark.properties"
SPARK_ROOM = "spark-local-dir-"
"""How names of volumes begin that hold Spark's own files."""


def driver_pod(application: Object, submission: str, *, python: Path, programs: Path) -> Object:
    """Return the pod of a submission. `programs` is the folder of this machine in which the image's programs are."""
    spec, driver = application["spec"], application["spec"]["driver"]
    volumes, mounts = _volumes(spec, driver, submission)
    program = PurePosixPath(spec["mainApplicationFile"]).name
    properties = f"{CONF_DIR}/{PROPERTIES}"
    told = ["driver", "--properties-file", properties, "--class", "org.apache.spark.deploy.PythonRunner"]
    container = {
        "name": spark_states.DRIVER,
        "image": spec.get("image") or "pegel-player/spark",
        "command": [str(python), *ENTRYPOINT],
        "args": [*told, f"local://{programs / program}", *spec.get("arguments", [])],
        "env": [*_variables(driver), *_of_spark(mounts)],
        "envFrom": driver.get("envFrom", []),
        "volumeMounts": mounts,
        "securityContext": driver.get("securityContext", {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": spark_states.driver_pod_name(application),
            "namespace": namespace_of(application),
            "labels": {
                **driver.get("labels", {}),
                "spark-role": "driver",
                "sparkoperator.k8s.io/app-name": name_of(application),
                "sparkoperator.k8s.io/launched-by-spark-operator": "true",
                "sparkoperator.k8s.io/submission-id": submission,
            },
            "annotations": driver.get("annotations", {}),
            "ownerReferences": owned_by(application, SPARK_APPLICATION),
        },
        "spec": {
            "nodeName": NODE,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": driver.get("terminationGracePeriodSeconds", 30),
            "serviceAccountName": driver.get("serviceAccount", "default"),
            "automountServiceAccountToken": False,
            "securityContext": driver.get("podSecurityContext", {}),
            "containers": [container],
            "volumes": volumes,
        },
    }


def properties_of(application: Object, submission: str, *, master: str) -> Object:
    """Return the ConfigMap that the pod of a submission mounts: Spark's properties, with a master without a cluster.

    It goes with the application, where Spark's goes with the pod.
    """
    spec = application["spec"]
    given = {
        **spec.get("sparkConf", {}),
        "spark.app.name": name_of(application),
        "spark.driver.memory": spec["driver"].get("memory", "1g"),
        "spark.master": master,
    }
    lines = "".join(f"{name}={value}\n" for name, value in sorted(given.items()))
    return {
        "metadata": {
            "name": _config_map_name(submission),
            "namespace": namespace_of(application),
            "ownerReferences": owned_by(application, SPARK_APPLICATION),
        },
        "data": {PROPERTIES: lines},
    }


def _config_map_name(submission: str) -> str:
    return f"spark-drv-{submission}-conf-map"


def _volumes(spec: Object, driver: Object, submission: str) -> tuple[list[Object], list[Object]]:
    """Return the volumes of a driver, and where its container mounts them."""
    conf = "spark-conf-volume-driver"
    volumes = [*spec.get("volumes", []), {"name": conf, "configMap": {"name": _config_map_name(submission)}}]
    mounts = [*driver.get("volumeMounts", []), {"name": conf, "mountPath": CONF_DIR}]
    for each in driver.get("configMaps", []):
        volumes.append({"name": f"{each['name']}-vol", "configMap": {"name": each["name"]}})
        mounts.append({"name": f"{each['name']}-vol", "mountPath": each["path"]})
    return volumes, mounts


def _variables(driver: Object) -> Iterable[Object]:
    """Yield the variables that an application asks for."""
    yield from driver.get("env", [])
    for name, reference in driver.get("envSecretKeyRefs", {}).items():
        yield {"name": name, "valueFrom": {"secretKeyRef": reference}}


def _of_spark(mounts: Iterable[Object]) -> Iterable[Object]:
    """Yield the variables that Spark gives a driver."""
    yield {"name": "SPARK_DRIVER_BIND_ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    rooms = [mount["mountPath"] for mount in mounts if mount["name"].startswith(SPARK_ROOM)]
    if rooms:
        yield {"name": "SPARK_LOCAL_DIRS", "value": ",".join(rooms)}
