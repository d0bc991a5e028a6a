"""What KServe's controller does for an InferenceService without Knative: pods, an address, and the status.

A changed predictor gets a pod beside the old one, which serves until the new one is ready, as a Deployment rolls.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pegel.manifests.objects import INFERENCE_SERVICE
from pegel_local.cluster_player.cluster_objects import (
    ClusterObjects,
    Object,
    name_of,
    namespace_of,
    owned_by,
)
from pegel_local.cluster_player.inference_status import ROLLOUT, BadModel, Seen, status_of
from pegel_local.cluster_player.node import NODE
from pegel_local.cluster_player.service_address import ServiceAddresses
from pegel_local.machine.ports import LOOPBACK, free_ports

MODEL_PATH = "/mnt/models"
SERVER, AGENT = "kserve-container", "agent"
"""Containers of a predictor's pod, as KServe calls them."""
REVISION, PORT = "pegel-player/revision", "pegel-player/port"
"""Annotations of a pod: of which predictor it is, and where it answers."""
GRACE_S = 10


@dataclass(frozen=True, slots=True)
class InferenceServices:
    """Makes pods of InferenceServices; `python` has the model server."""

    cluster: ClusterObjects
    addresses: ServiceAddresses
    python: Path

    def forget_all_but(self, services: list[Object]) -> None:
        """Give up the addresses of services that are gone."""
        living = {_key(service) for service in services}
        for gone in set(self.addresses.names()) - living:
            self.addresses.close(gone)

    def look(self, service: Object, pods: list[Object]) -> None:
        """Bring the pods, the address and the status of a service up to date; `pods` are its own."""
        revision = _revision(service)
        current = [pod for pod in pods if pod["metadata"]["annotations"].get(REVISION) == revision]
        bad = None
        if not current:
            try:
                self.cluster.create_pod(self._pod(service, revision, rollout=1 + _rollouts(service)))
            except BadModel as error:
                bad = error
        ready = [pod for pod in current if is_ready(pod)]
        older = [pod for pod in pods if pod not in current]
        if ready:
            for pod in older:
                self.cluster.delete_pod(pod)
        serving = ready or [pod for pod in older if is_ready(pod)]
        port = self.addresses.open(_key(service), port=_known_port(service))
        self.addresses.lead(_key(service), _port_of(serving[0]) if serving else None)
        url = f"http://{LOOPBACK}:{port}"
        seen = Seen(service=service, current=current, serving=serving, url=url, bad=bad)
        self.cluster.set_status(INFERENCE_SERVICE, service, status_of(seen))

    def _pod(self, service: Object, revision: str, *, rollout: int) -> Object:
        """Return the pod of a predictor. Raises BadModel for a model that the player cannot serve."""
        predictor = service["spec"]["predictor"]
        model = predictor.get("model") or {}
        claim, path = _place(model)
        server_port, agent_port = free_ports(2)
        logger = predictor.get("logger")
        containers = [self._server(service, model, server_port, path)]
        if logger is not None:
            containers.append(self._agent(service, logger, server_port, agent_port))
        public = agent_port if logger is not None else server_port
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{name_of(service)}-predictor-{revision}",
                "namespace": namespace_of(service),
                "labels": {
                    **service["metadata"].get("labels", {}),
                    "serving.kserve.io/inferenceservice": name_of(service),
                    "component": "predictor",
                },
                "annotations": {REVISION: revision, PORT: str(public), ROLLOUT: str(rollout)},
                "ownerReferences": owned_by(service, INFERENCE_SERVICE),
            },
            "spec": {
                "nodeName": NODE,
                "terminationGracePeriodSeconds": GRACE_S,
                "automountServiceAccountToken": False,
                "securityContext": predictor.get("securityContext", {}),
                "containers": containers,
                "volumes": [{"name": "model", "persistentVolumeClaim": {"claimName": claim}}],
            },
        }

    def _server(self, service: Object, model: Object, port: int, path: str) -> Object:
        """Return the container that predicts, with the folder `path` of the claim where KServe puts models."""
        name = _served_name(service, model)
        command = [str(self.python), "-m", "pegel_serving.server"]
        mount = {"name": "model", "mountPath": MODEL_PATH, "readOnly": True} | ({"subPath": path} if path else {})
        return {
            "name": SERVER,
            "image": "pegel-player/model-server",
            "command": command,
            "args": ["--model-dir", MODEL_PATH, "--name", name, "--port", str(port)],
            "env": model.get("env", []),
            "volumeMounts": [mount],
            "securityContext": model.get("securityContext", {}),
            "readinessProbe": {"httpGet": {"port": port, "path": f"/v1/models/{name}"}},
        }

    def _agent(self, service: Object, logger: Object, server_port: int, port: int) -> Object:
        """Return the container that logs, told what KServe's webhook tells its agent."""
        wanted = _logged_annotations(service)
        options = {
            "--upstream": f"http://{LOOPBACK}:{server_port}",
            "--logger": logger.get("url", ""),
            "--name": name_of(service),
            "--served-name": _served_name(service, service["spec"]["predictor"].get("model") or {}),
            "--namespace": namespace_of(service),
            "--port": str(port),
            "--annotations": json.dumps(wanted),
            "--metadata-headers": ",".join(logger.get("metadataHeaders", [])),
        }
        arguments = [word for option in options.items() for word in option]
        command = [str(self.python), "-m", "pegel_serving.proxy"]
        # KServe gives its agent the rights of the model server.
        allowed = (service["spec"]["predictor"].get("model") or {}).get("securityContext", {})
        named = {"name": AGENT, "image": "pegel-player/agent", "securityContext": allowed}
        return {**named, "command": command, "args": arguments}


def is_ready(pod: Object) -> bool:
    """Say whether a pod that nobody has asked to end is ready."""
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def _place(model: Object) -> tuple[str, str]:
    """Return claim and path of a model's storage. Raises BadModel."""
    form = (model.get("modelFormat") or {}).get("name", "")
    if form != "sklearn":
        raise BadModel("NoSupportingRuntime", f"no runtime found to support predictor with model type: {form}")
    uri = model.get("storageUri", "")
    scheme, _, rest = uri.partition("://")
    if scheme != "pvc":
        raise BadModel("ModelLoadFailed", f"the player fetches nothing: expected pvc://CLAIM/PATH, given {uri}")
    claim, _, path = rest.partition("/")
    return claim, path


def _served_name(service: Object, model: Object) -> str:
    """Return what the model is called in paths: the service's name, unless our model server is told another."""
    for argument in model.get("args", []):
        if argument.startswith("--name="):
            return str(argument.partition("=")[2])
    return name_of(service)


def _revision(service: Object) -> str:
    """Return a name for what the predictor is to be, its logged annotations included."""
    told = [service["spec"]["predictor"], _logged_annotations(service)]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def _logged_annotations(service: Object) -> dict[str, str]:
    """Return the annotations of a predictor's pod that travel with its events; a service's own are its pods', too."""
    predictor = service["spec"]["predictor"]
    annotations = service["metadata"].get("annotations", {}) | predictor.get("annotations", {})
    wanted = (predictor.get("logger") or {}).get("metadataAnnotations", [])
    return {key: annotations[key] for key in wanted if key in annotations}


def _rollouts(service: Object) -> int:
    return int(service.get("status", {}).get("observedGeneration", 0))


def _key(service: Object) -> str:
    return f"{namespace_of(service)}/{name_of(service)}/{service['metadata']['uid']}"


def _port_of(pod: Object) -> int:
    return int(pod["metadata"]["annotations"][PORT])


def _known_port(service: Object) -> int:
    """Return the port of an address that an earlier player gave; 0 without one."""
    url = str(service.get("status", {}).get("url", ""))
    _, _, port = url.removeprefix("http://").partition(":")
    return int(port) if port.isdecimal() else 0
