"""Jobs that end, as SparkApplications: started once for one id, whoever asks and however often.

A job goes on while its task waits in the triggerer, and also when a worker or the triggerer is lost: whoever asks for
the same id next finds it by its name. It is ended when a person clears or marks the task that waits for it, and when it
takes longer than anybody waits. How it ended stands in the results database.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from pegel.errors import PegelError
from pegel.manifests import labels
from pegel.manifests.objects import SPARK_APPLICATION, Manifest
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.limits import GONE_WITHIN, JOB_WITHIN
from pegel_airflow.kubernetes.async_client import delete, opened
from pegel_airflow.kubernetes.hook import ClusterHook
from pegel_airflow.kubernetes.kinds import is_going, metadata
from pegel_airflow.kubernetes.spark_status import ENDED, message, state_name
from pegel_airflow.kubernetes.watching import Watching


class SparkJobTrigger(BaseTrigger):
    """Fires once, when a SparkApplication has ended or is gone, with the operator's `state` and `message`.

    A `state` that is empty says that nobody knows how it ended, and `message` why.
    """

    def __init__(self, namespace: str, name: str, uid: str, deadline: str, connection: str) -> None:
        """Wait for the very application of that `uid`, until `deadline` (ISO 8601, UTC); then it is ended."""
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.deadline = deadline
        self.connection = connection

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and what the constructor needs again."""
        kwargs = {
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "deadline": self.deadline,
            "connection": self.connection,
        }
        return ("pegel_airflow.kubernetes.finite_jobs.SparkJobTrigger", kwargs)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch, for as long as a job may take."""
        try:
            event = await self._end()
        except PegelError as error:
            event = {"state": "", "message": str(error)}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's

    async def on_kill(self) -> None:
        """End the job: Airflow calls this when a person clears the task or marks it.

        Whatever it made is made again, so nothing is lost. It is not called when the triggerer stops.
        """
        async with opened(self._hook()) as api:
            await delete(api, SPARK_APPLICATION, self.namespace, self.name, self.uid)

    async def _end(self) -> dict[str, str]:
        """Return how the job ended, or why nobody knows."""
        watching = Watching(self._hook(), SPARK_APPLICATION, self.namespace, labels.SELECTOR)
        async with aclosing(watching.objects(datetime.fromisoformat(self.deadline))) as changes:
            async for objects in changes:
                job = objects.get(self.name)
                if job is None or is_going(job) or metadata(job)["uid"] != self.uid:
                    return {"state": "", "message": "somebody has deleted it"}
                if state_name(job) in ENDED:
                    return {"state": state_name(job), "message": message(job)}
        await self.on_kill()
        return {"state": "", "message": f"it had not ended by {self.deadline} and was ended"}

    def _hook(self) -> AsyncKubernetesHook:
        return AsyncKubernetesHook(conn_id=self.connection)


def start(application: Callable[[ClusterSettings], Manifest]) -> SparkJobTrigger:
    """Start a job, unless that of its id runs; return what waits for its end.

    One of its id that has ended is made anew: whoever asks has not found its result. Raises what a `ClusterHook` does.
    """
    cluster = ClusterSettings.of_environment()
    hook = ClusterHook(cluster.kubernetes_connection)
    wanted = application(cluster)
    place = (cluster.namespace, str(metadata(wanted)["name"]))
    present = hook.get(SPARK_APPLICATION, *place)
    if present is not None and (is_going(present) or state_name(present) in ENDED):
        hook.delete(present)
        hook.wait_gone([present], within_s=GONE_WITHIN.total_seconds())
        present = None
    job = hook.apply(wanted, labels.JOBS_MANAGER, present)
    deadline = (datetime.now(UTC) + JOB_WITHIN).isoformat()
    return SparkJobTrigger(*place, str(metadata(job)["uid"]), deadline, cluster.kubernetes_connection)
