"""What a node does: it runs the containers of the pods bound to it, as supervised processes, and says how they do.

A pod's folder is `NAMESPACE/NAME-UID`. What runs there outlives the player; the next one over the same folder goes on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from threading import Thread

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from pegel.errors import PegelError
from pegel_local.backends.child_environments import NEEDED
from pegel_local.cluster_player.cluster_objects import ClusterObjects, Object, name_of, namespace_of
from pegel_local.cluster_player.pod_files import CannotStart, PodFiles
from pegel_local.processes.process_control import last_lines
from pegel_local.processes.service import answers_ok
from pegel_local.processes.supervised_process import SupervisedProcess
from pegel_local.processes.supervisor_files import Launch, SupervisorState

NODE = "pegel-player"
"""What its pods name as their node."""
RESTARTS = 1_000
"""Of a container that is to run for ever; a node restarts it with a growing pause."""
DEFAULT_GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Node:
    """Runs the pods bound to it, each below `folder`."""

    cluster: ClusterObjects
    folder: Path
    claims: Mapping[str, Path]
    """Folders that persistent volume claims stand for."""
    _ending: dict[str, Thread] = field(default_factory=dict)
    """By identity, pods that have their time to end: nobody else waits for them."""

    def look(self, pod: Object) -> None:
        """Start what is to run of a pod, or end it, and write its status."""
        if pod["spec"].get("nodeName") != NODE:
            return
        uid = pod["metadata"]["uid"]
        if not pod["metadata"].get("deletionTimestamp"):
            self._run(pod)
        elif uid not in self._ending or not self._ending[uid].is_alive():
            self._ending[uid] = Thread(target=self._end, args=(pod,), name=f"end of {name_of(pod)}")
            self._ending[uid].start()

    def forget_all_but(self, pods: list[Object]) -> None:
        """End what runs of pods that are gone: somebody has deleted them without any grace."""
        known = {self._folder_of(pod) for pod in pods}
        living = {pod["metadata"]["uid"] for pod in pods}
        for gone in [uid for uid, ending in self._ending.items() if uid not in living and not ending.is_alive()]:
            del self._ending[gone]
        for left in (path for path in self.folder.glob("*/*") if path.is_dir() and path not in known):
            self._stop(left, 0.0)

    def _end(self, pod: Object) -> None:
        """Give a pod's processes its grace to end, and let its object go."""
        # A server that is away is asked again at the next look.
        with suppress(ApiException, HTTPError, PegelError):
            self._stop(self._folder_of(pod), pod["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE_S))
            self.cluster.delete_pod(pod, at_once=True)

    def stop_all(self) -> None:
        """End every process at once; objects stay."""
        for ending in self._ending.values():
            ending.join()
        for folder in self.folder.glob("*/*"):
            self._stop(folder, 0.0)

    def log_of(self, namespace: str, pod: str, container: str) -> str:
        """Return the end of a container's log; of a pod that was made again, of the newest."""
        logs = sorted(self.folder.glob(f"{namespace}/{pod}-*/{container}/log"), key=lambda path: path.stat().st_mtime)
        return last_lines(logs[-1]) if logs else ""

    def _run(self, pod: Object) -> None:
        if pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
            return
        for container in pod["spec"]["containers"]:
            process = self._process(pod, container)
            if process.files.launch() is None:
                try:
                    self._start(pod, container, process)
                except (CannotStart, ApiException, PegelError) as error:
                    waiting = {"reason": "CreateContainerConfigError", "message": _words(error)}
                    self.cluster.set_pod_status(pod, {"phase": "Pending", "reason": "", **_waiting(container, waiting)})
                    return
        self.cluster.set_pod_status(pod, self._status(pod))

    def _start(self, pod: Object, container: Object, process: SupervisedProcess) -> None:
        files = PodFiles(self.cluster, pod, self._folder_of(pod), self.claims)
        inherited = {name: value for name, value in os.environ.items() if name in NEEDED}
        environment = inherited | files.variables(container)
        forever = pod["spec"].get("restartPolicy", "Always") == "Always"
        command = tuple(files.command(container))
        launch = Launch(command=command, fingerprint=pod["metadata"]["uid"], restarts=RESTARTS if forever else 0)
        process.start(launch, environment)

    def _status(self, pod: Object) -> Object:
        """Return what a kubelet says of the pod."""
        containers = pod["spec"]["containers"]
        states = {each["name"]: self._process(pod, each).files.state() for each in containers}
        statuses = [self._container_status(pod, each, states[each["name"]]) for each in containers]
        codes = [state.exit_code for state in states.values() if state is not None]
        phase = "Running"
        if pod["spec"].get("restartPolicy", "Always") == "Never" and None not in codes:
            phase = "Failed" if any(codes) else "Succeeded"
        ready = phase == "Running" and all(status["ready"] for status in statuses)
        return {
            "phase": phase,
            "podIP": "127.0.0.1",
            "containerStatuses": statuses,
            "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": _since(pod, ready)}],
        }

    def _container_status(self, pod: Object, container: Object, state: SupervisorState | None) -> Object:
        running = state is not None and state.exit_code is None
        said: Object = {"running": {"startedAt": _stamp(state.started_at)}} if state and running else {}
        if state is not None and state.exit_code is not None:
            # The termination message of a container that writes none is the end of its log.
            message = last_lines(self._process(pod, container).files.log)
            reason = "Error" if state.exit_code else "Completed"
            said = {"terminated": {"exitCode": state.exit_code % 256, "reason": reason, "message": message}}
        return {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": running and _ready(container),
            "restartCount": state.restarted if state else 0,
            "state": said,
        }

    def _process(self, pod: Object, container: Object) -> SupervisedProcess:
        return SupervisedProcess(self._folder_of(pod) / container["name"])

    def _folder_of(self, pod: Object) -> Path:
        return self.folder / namespace_of(pod) / f"{name_of(pod)}-{pod['metadata']['uid']}"

    def _stop(self, folder: Path, grace_s: float) -> None:
        for lock in folder.glob("*/lock"):
            SupervisedProcess(lock.parent).stop(grace_s=grace_s)
        shutil.rmtree(folder, ignore_errors=True)


def _ready(container: Object) -> bool:
    """Ask a container's readiness probe; one without is ready while it runs."""
    probe = container.get("readinessProbe")
    if probe is None:
        return True
    asked = probe["httpGet"]
    return answers_ok(f"http://127.0.0.1:{asked['port']}{asked.get('path', '/')}")


def _since(pod: Object, ready: bool) -> str:
    """Return since when a pod is as ready as it is."""
    for known in pod.get("status", {}).get("conditions", []):
        if known["type"] == "Ready" and known["status"] == str(ready):
            return str(known["lastTransitionTime"])
    return _stamp(datetime.now(UTC))


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _waiting(container: Object, waiting: Object) -> Object:
    status = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting},
    }
    return {"containerStatuses": [status]}


def _words(error: Exception) -> str:
    if isinstance(error, ApiException):
        return "what it names is not there" if error.status == HTTPStatus.NOT_FOUND else f"status {error.status}"
    return str(error)
