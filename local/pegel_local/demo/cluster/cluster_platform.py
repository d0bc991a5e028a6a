"""The demonstration's endpoint and driver as objects of a cluster, looked at with an administrator's eyes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from pegel.manifests import labels
from pegel.manifests.objects import INFERENCE_SERVICE, SPARK_APPLICATION, ObjectKind
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.spec import names
from pegel_local.cluster_player.inference_services import SERVER
from pegel_local.cluster_player.spark_states import DRIVER
from pegel_local.demo.cluster.cluster_system import ClusterParts
from pegel_local.demo.failure import StageFailed
from pegel_local.demo.platform import recorded
from pegel_local.processes.process_id import ProcessId
from pegel_local.processes.supervisor_files import SupervisorFiles

MADE_FOR_MODELS = f"{labels.SELECTOR},{labels.ROLE}"
"""Label selector of what specs ask for; what an installation itself consists of has no role."""


@dataclass(frozen=True, slots=True)
class InCluster:
    """Objects of the API server, and the player's processes of them."""

    parts: ClusterParts

    @property
    def models(self) -> str:
        """Return the namespace of the models."""
        return self.parts.cluster().allowed_namespaces[0]

    @property
    def own(self) -> str:
        """Return Pegel's own namespace."""
        return self.parts.cluster().namespace

    def endpoint(self, name: str) -> EndpointStatus:
        """Look at an InferenceService now."""
        seen = self.read(INFERENCE_SERVICE, self.models, name)
        if seen is None:
            return EndpointStatus(name=name, fingerprint="", state=EndpointState.ABSENT)
        status = seen.get("status", {})
        ready = {each["type"]: each for each in status.get("conditions", [])}.get("Ready", {})
        return EndpointStatus(
            name=name,
            fingerprint=seen["metadata"].get("annotations", {}).get(labels.FINGERPRINT, ""),
            state=EndpointState.READY if ready.get("status") == "True" else EndpointState.STARTING,
            url=status.get("url"),
            detail=str(ready.get("message", "")),
        )

    def server_log(self, endpoint: str) -> Path:
        """Return the log of the newest of an endpoint's pods."""
        return self._newest(f"{self.models}/{endpoint}-predictor-*/{SERVER}") / "log"

    def driver(self, group: str) -> SupervisorFiles:
        """Return the files of the newest of a driver's pods."""
        return SupervisorFiles(self._newest(f"{self.own}/{names.driver_object(group)}-driver-*/{DRIVER}"))

    def kill_driver(self, group: str) -> str:
        """Delete the driver's pod without any grace, as when its node is lost."""
        seen = self.read(SPARK_APPLICATION, self.own, names.driver_object(group))
        pod = (seen or {}).get("status", {}).get("driverInfo", {}).get("podName")
        if not pod:
            raise StageFailed(expected="a driver's pod to kill", happened=f"the SparkApplication says {seen}")
        with self.parts.admin() as admin:
            client.CoreV1Api(admin).delete_namespaced_pod(pod, self.own, grace_period_seconds=0)
        return "the driver's pod deleted without grace"

    def restart_floor(self, killed_at: datetime) -> tuple[float, str]:  # noqa: ARG002 - the operator has no clock
        """Return the operator's pause before it submits a driver again, less the second to which its times are cut."""
        pause = self.parts.cluster().driver_restart_after.total_seconds()
        return max(0.0, pause - 1.0), f"the Spark operator's pause of {pause:g} s, from a time in whole seconds"

    def why_restarted(self, group: str, since: datetime) -> str:
        """Return what the operator has counted, if its last submission came after `since`: here it starts drivers."""
        seen = self.read(SPARK_APPLICATION, self.own, names.driver_object(group)) or {}
        status = seen.get("status", {})
        last = status.get("lastSubmissionAttemptTime")
        if last is None or datetime.fromisoformat(last) < since.replace(microsecond=0):
            return ""
        return f"the Spark operator submitted it again: execution {status.get('executionAttempts')}"

    def processes(self) -> list[ProcessId]:
        """Return the processes of every container, and their supervisors."""
        return recorded(launch.parent for launch in self._pods.glob("*/*/*/launch.json"))

    def made_for_models(self) -> list[str]:
        """Name every object that was made for a model or a group, of whatever kind, and every pod."""
        return sorted({*self.parts.kubectl().labelled(MADE_FOR_MODELS), *self.parts.kubectl().pods()})

    def read(self, kind: ObjectKind, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object; None if there is none."""
        with self.parts.admin() as admin:
            try:
                seen: dict[str, Any] = client.CustomObjectsApi(admin).get_namespaced_custom_object(
                    kind.group, kind.version, namespace, kind.plural, name
                )
            except ApiException as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    return None
                raise
            return seen

    def edit(self, kind: ObjectKind, namespace: str, name: str, change: dict[str, Any]) -> None:
        """Change an object as a person does with kubectl."""
        with self.parts.admin() as admin:
            client.CustomObjectsApi(admin).patch_namespaced_custom_object(
                kind.group,
                kind.version,
                namespace,
                kind.plural,
                name,
                change,
                field_manager="kubectl-edit",
                _content_type="application/merge-patch+json",
            )

    @property
    def _pods(self) -> Path:
        return self.parts.home.folder("pods")

    def _newest(self, pattern: str) -> Path:
        """Return the newest of the folders of a pattern; one that is not there yet without any."""
        folders = sorted(self._pods.glob(pattern), key=lambda path: path.stat().st_mtime)
        return folders[-1] if folders else self._pods / pattern
