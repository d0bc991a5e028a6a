"""What the triggerer waits for in a cluster: an InferenceService that gets ready, or says that it will not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from pegel.errors import PegelError
from pegel.manifests import labels
from pegel.manifests.objects import INFERENCE_SERVICE
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.spec import names
from pegel_airflow.kubernetes.kinds import Object, is_going
from pegel_airflow.kubernetes.kserve_status import endpoint_status
from pegel_airflow.kubernetes.watching import Watching


class KServeReadyTrigger(BaseTrigger):
    """Fires once with the status of what is to serve: when it is ready or failed, or at `deadline` (ISO 8601, UTC).

    That is the candidate of the endpoint; without one, what serves. `connection` is Airflow's to the cluster.
    """

    def __init__(self, namespace: str, endpoint: str, deadline: str, connection: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.namespace = namespace
        self.endpoint = endpoint
        self.deadline = deadline
        self.connection = connection

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and what the constructor needs again."""
        kwargs = {
            "namespace": self.namespace,
            "endpoint": self.endpoint,
            "deadline": self.deadline,
            "connection": self.connection,
        }
        return ("pegel_airflow.kubernetes.ready_trigger.KServeReadyTrigger", kwargs)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch, and look at nothing twice. What the cluster refuses to tell is fired as an endpoint not observed."""
        status = _unknown(self.endpoint, "the cluster did not answer")
        watching = Watching(
            AsyncKubernetesHook(conn_id=self.connection), INFERENCE_SERVICE, self.namespace, labels.SELECTOR
        )
        try:
            async with aclosing(watching.objects(datetime.fromisoformat(self.deadline))) as changes:
                async for objects in changes:
                    status = staged(objects, self.endpoint)
                    if status.state in {EndpointState.READY, EndpointState.FAILED}:
                        break
        except PegelError as error:
            status = _unknown(self.endpoint, str(error))
        yield TriggerEvent(status.to_json())  # type: ignore[no-untyped-call]  # Airflow's


def staged(objects: Mapping[str, Object], endpoint: str) -> EndpointStatus:
    """Return the status of what is to serve, among objects of ours by name: the candidate's, else what serves."""
    candidate = objects.get(names.candidate(endpoint))
    present = objects.get(endpoint) if candidate is None or is_going(candidate) else candidate
    if present is None:
        return EndpointStatus(name=endpoint, fingerprint="", state=EndpointState.ABSENT)
    return endpoint_status(present, endpoint)


def _unknown(endpoint: str, detail: str) -> EndpointStatus:
    return EndpointStatus(name=endpoint, fingerprint="", state=EndpointState.UNKNOWN, detail=detail)
