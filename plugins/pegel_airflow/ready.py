"""Wait for what is to serve without holding a worker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.triggers.base import BaseTrigger

from pegel.errors import EndpointFailed
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.serving_backend import EndpointState, another_candidate
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.limits import TRIGGERER_LATE_BY
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import KSERVE, Settings
from pegel_airflow.probe import UNCHANGED
from pegel_airflow.run_links import EndpointLink, ModelPageLink
from pegel_airflow.services import look_at_candidate
from pegel_airflow.triggers import EndpointReadyTrigger


class WaitReady(BaseOperator):
    """Defers until what is staged for the endpoint of `spec` is ready; returns its status as plain JSON.

    `spec` is the complete spec as JSON (templated, so another task's result may be given). Waits at most
    `spec.model.ready_within`. Raises EndpointFailed with the last lines of the server's log, Conflict when another run
    staged something else: that is not ours to probe.
    """

    template_fields: Sequence[str] = ("spec",)
    operator_extra_links = (ModelPageLink(), EndpointLink())

    def __init__(self, *, spec: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.endpoint_url: str | None = None

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002, RET503 - the first is Airflow's; defer never returns
        """Look once, and leave the waiting to the triggerer."""
        spec = MonitorSpec.parse(self.spec)
        settings = Settings()
        if spec.model.is_table:
            # Nobody serves it: there is nothing to wait for.
            return {"url": None}
        status = look_at_candidate(settings, spec.endpoint)
        if status.state is EndpointState.READY:
            return self._seen(_own(spec, status.to_json()))
        deadline = datetime.now(UTC) + spec.model.ready_within
        self.defer(
            trigger=_trigger(settings, spec, deadline),
            method_name="resume",
            timeout=spec.model.ready_within + TRIGGERER_LATE_BY,
        )

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - Airflow hands it in
        """Take what the trigger saw last. Raises EndpointFailed unless that is ready, Conflict if it is another's."""
        spec = MonitorSpec.parse(self.spec)
        if event["state"] != EndpointState.UNKNOWN:
            _own(spec, event)
        if event["state"] == EndpointState.READY:
            return self._seen(event)
        limit, state = spec.model.ready_within.total_seconds(), event["state"]
        why = f": {event['detail'].rstrip('. ')}" if event["detail"] else ""
        raise EndpointFailed(
            f"expected endpoint {event['name']} to be ready within {limit:g} s; given: {state}{why}. {UNCHANGED}"
        )

    def _seen(self, status: dict[str, Any]) -> dict[str, Any]:
        """Return what was seen; its address is that of the link beside the task."""
        self.endpoint_url = status["url"]
        return status


def _trigger(settings: Settings, spec: MonitorSpec, deadline: datetime) -> BaseTrigger:
    """Return what waits for the endpoint: in a cluster, whatever it tells of itself; else a look again and again."""
    if settings.serving_backend != KSERVE or spec.model.uri is None:
        return EndpointReadyTrigger(spec.endpoint, deadline.isoformat())
    from pegel_airflow.kubernetes.ready_trigger import KServeReadyTrigger

    connection = ClusterSettings.of_environment().kubernetes_connection
    return KServeReadyTrigger(spec.namespace, spec.endpoint, deadline.isoformat(), connection)


def _own(spec: MonitorSpec, status: dict[str, Any]) -> dict[str, Any]:
    """Return a status if it is that of what `spec` asks for. Raises Conflict."""
    expected, given = endpoint_fingerprint(spec), str(status["fingerprint"])
    if given != expected:
        raise another_candidate(spec.endpoint, expected, given)
    return status
