"""Streaming drivers as SparkApplications of the Spark operator: the job backend of a cluster.

All that is known of a driver stands in its object, called after its group; nothing is kept here. The operator starts
it and brings it back after a crash. A driver is replaced by deleting its object, which ends its pod gracefully, and
making the next one.
"""

from __future__ import annotations

from datetime import timedelta

from pegel.manifests import labels
from pegel.manifests.job_config import job_config
from pegel.manifests.objects import CONFIG_MAP, POD, SPARK_APPLICATION
from pegel.manifests.spark_application import driver_application
from pegel.reconcile.job_backend import JobDocument, JobState, Sighting
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.settings import Settings
from pegel_airflow.kubernetes.hook import ClusterHook
from pegel_airflow.kubernetes.kinds import Object, annotation, is_going, label, metadata
from pegel_airflow.kubernetes.ownership import is_ours, refuse_others
from pegel_airflow.kubernetes.spark_status import sighting

APP_NAME = "sparkoperator.k8s.io/app-name"
"""Label by which the operator marks the pods of an application."""
ENDS_WITHIN_S = 10.0
"""How much longer than the grace period of a driver objects may stay: then something holds them."""


class SparkOperatorBackend:
    """Runs each group's driver in Pegel's own namespace. Any process with the connection may call it."""

    def __init__(self, settings: Settings, cluster: ClusterSettings, hook: ClusterHook) -> None:
        self._settings = settings
        self._cluster = cluster
        self._hook = hook

    def ensure(self, job: JobDocument, generation: int) -> None:
        """Start `job` as `generation` unless that group already runs; a running job is never disturbed.

        What has ended is removed first. Raises NotOurs where somebody else's object has the name, Conflict while the
        one before is being deleted.
        """
        present = self._of(job.group)
        if present is not None:
            refuse_others(present)
            seen = sighting(present)
            if not is_going(present) and seen is not None and seen.state is not JobState.EXITED:
                self._configure(job, seen.generation, present, only_if_another=True)
                return
            self._end(present, grace_s=0.0)
        application = driver_application(job, generation, self._settings, self._cluster)
        self._configure(job, generation, self._hook.apply(application, labels.JOBS_MANAGER, None))

    def stop(self, group: str, *, grace: timedelta) -> None:
        """Delete the group's driver, wait at most `grace` for it to finish its batch, then end it. None: nothing.

        Raises Unavailable if its object stays all the same.
        """
        present = self._of(group)
        if present is not None and is_ours(present):
            self._end(present, grace_s=grace.total_seconds())

    def observe(self) -> list[Sighting]:
        """List every driver that carries our mark, at most one per group, in the order of their names.

        One that is not called after its group is a copy that somebody made: it says nothing of the group's driver.
        """
        selector = f"{labels.SELECTOR},{labels.ROLE}={labels.DRIVER}"
        objects = self._hook.listed(SPARK_APPLICATION, self._cluster.namespace, selector)
        own = [each for each in objects if metadata(each)["name"] == names.driver_object(label(each, labels.GROUP))]
        return [seen for seen in map(sighting, own) if seen is not None]

    def _of(self, group: str) -> Object | None:
        return self._hook.get(SPARK_APPLICATION, self._cluster.namespace, names.driver_object(group))

    def _configure(
        self, job: JobDocument, generation: int, application: Object, *, only_if_another: bool = False
    ) -> None:
        """Give an application what its driver is told. It owns that, so both go together.

        The pod waits for it: made the other way round, what a crash between the two leaves behind would be nobody's.
        """
        config = job_config(job, generation, self._cluster)
        known = config["metadata"]
        present = self._hook.get(CONFIG_MAP, known["namespace"], known["name"])
        if only_if_another and present is not None and annotation(present, labels.GENERATION) == str(generation):
            return
        owner = {
            "apiVersion": application["apiVersion"],
            "kind": application["kind"],
            "name": metadata(application)["name"],
            "uid": metadata(application)["uid"],
        }
        owned = {**config, "metadata": {**known, "ownerReferences": [owner]}}
        self._hook.apply(owned, labels.JOBS_MANAGER, present)

    def _end(self, application: Object, *, grace_s: float) -> None:
        """Delete an application and wait until neither it nor a pod of its driver is there."""
        pods = self._driver_pods(application)
        self._hook.delete(application)
        # The pod is asked to end, and killed after its own grace period, by the node that it is on.
        self._hook.wait_gone([application, *pods], within_s=grace_s + ENDS_WITHIN_S)

    def _driver_pods(self, application: Object) -> list[Object]:
        selector = f"{APP_NAME}={metadata(application)['name']},spark-role=driver"
        return self._hook.listed(POD, self._cluster.namespace, selector)


def from_settings(settings: Settings) -> SparkOperatorBackend:
    """Return the backend that the settings describe. Raises SetupError for what they cannot say."""
    cluster = ClusterSettings.of_environment()
    return SparkOperatorBackend(settings, cluster, ClusterHook(cluster.kubernetes_connection))
