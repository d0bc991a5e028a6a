"""What the Spark operator does for a SparkApplication: submits its driver as a pod, and starts it again within bounds.

The driver is the program of the same name that is installed here, with the executors inside of it: the master is one
such as `local[2]`. Executor pods there are none.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kubernetes.client.exceptions import ApiException

from pegel.manifests.objects import SPARK_APPLICATION
from pegel_local.cluster_player import spark_states
from pegel_local.cluster_player.cluster_objects import ClusterObjects, Object, name_of
from pegel_local.cluster_player.driver_pod import driver_pod, properties_of
from pegel_local.cluster_player.spark_states import OperatorAction, Status

CHANGES_NOTHING = {"suspend", "timeToLiveSeconds"}
"""Fields whose change does not start a driver anew."""


@dataclass(frozen=True, slots=True)
class SparkApplications:
    """Makes drivers of SparkApplications."""

    cluster: ClusterObjects
    python: Path
    """The interpreter that has what the image has."""
    programs: Path
    """Folder of the programs that the image holds, which are known by their file names."""
    master: str
    """Spark's master, one that needs no cluster."""
    _specs: dict[str, Object] = field(default_factory=dict)
    """The spec that each application had when it was last looked at, by its identity."""

    def forget_all_but(self, applications: list[Object]) -> None:
        """Forget applications that are gone."""
        living = {each["metadata"]["uid"] for each in applications}
        for gone in set(self._specs) - living:
            del self._specs[gone]

    def look(self, application: Object, pods: list[Object]) -> None:
        """Take one step with an application; `pods` are its own."""
        pod = next((each for each in pods if name_of(each) == spark_states.driver_pod_name(application)), None)
        if self._changed(application):
            status = spark_states.invalidated(application.get("status", {}))
            self.cluster.set_status(SPARK_APPLICATION, application, status)
            return
        now = datetime.now(UTC)
        if spark_states.is_expired(application, now):
            self.cluster.delete(SPARK_APPLICATION, application)
            return
        step = spark_states.advance(application, pod, now)
        status = step.status
        if step.action is OperatorAction.SUBMIT:
            status = self._submit(application, status, now)
        elif (
            step.action is OperatorAction.DELETE_POD
            and pod is not None
            and not pod["metadata"].get("deletionTimestamp")
        ):
            self.cluster.delete_pod(pod)
        self.cluster.set_status(SPARK_APPLICATION, application, status)

    def _changed(self, application: Object) -> bool:
        """Say whether an application that was submitted is to be another one since the last look."""
        uid = application["metadata"]["uid"]
        spec = {key: value for key, value in application["spec"].items() if key not in CHANGES_NOTHING}
        before = self._specs.get(uid, spec)
        self._specs[uid] = spec
        return before != spec and bool(application.get("status", {}).get("applicationState", {}).get("state"))

    def _submit(self, application: Object, status: Status, now: datetime) -> Status:
        submission = str(uuid.uuid4())
        try:
            self.cluster.create_config_map(properties_of(application, submission, master=self.master))
            pod = driver_pod(application, submission, python=self.python, programs=self.programs)
            self.cluster.create_pod(pod)
        except ApiException as error:
            return spark_states.not_submitted(application, status, submission, str(error.body or error.reason), now)
        return spark_states.submitted(application, status, submission, now)
