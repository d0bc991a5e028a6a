"""Three monitors in a cluster, reconciled period by period by hand, and the faults that are done to them.

The controllers are played by `settle`: what is new, or was made anew, becomes ready or running, and its driver speaks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from objects import at, set_status
from urllib3.exceptions import HTTPError

from pegel.errors import PegelError
from pegel.manifests import labels
from pegel.manifests.objects import INFERENCE_SERVICE, SPARK_APPLICATION, ObjectKind
from pegel.reconcile.actions import MOVES, Action, ActionKind
from pegel.reconcile.carrying_out import carry_out
from pegel.reconcile.desired import desired_groups
from pegel.reconcile.driver_planner import hold_drivers, plan_drivers
from pegel.reconcile.endpoint_planner import plan_endpoints
from pegel.reconcile.look_at_endpoints import look_at_endpoints
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.stream.result_rows import Heartbeat
from pegel.testing.samples import sample_heartbeat, sample_spec
from pegel_airflow.kubernetes.hook import ClusterHook
from pegel_airflow.kubernetes.kserve_backend import KServeBackend
from pegel_airflow.kubernetes.spark_backend import SparkOperatorBackend

MODELS = ("one", "two", "three")
SETTLED = timedelta(minutes=11)
"""By how much the reconciler's clock is ahead: nothing counts as changed just now."""
HOUR = timedelta(hours=1)
READY = {
    "conditions": [
        {"type": "PredictorReady", "status": "True"},
        {"type": "Ready", "status": "True"},
    ],
    "modelStatus": {"transitionStatus": "UpToDate", "states": {"activeModelState": "Loaded"}},
    "url": "http://model.example",
}
KINDS = (INFERENCE_SERVICE, SPARK_APPLICATION)


@dataclass
class World:
    """The monitors, and what is known of them."""

    admin: CustomObjectsApi
    namespace: str
    through: str = "kubernetes_default"
    heartbeats: dict[str, Heartbeat] = field(default_factory=dict)
    """What each group's driver said first; it says so again whenever it is asked."""
    silent: set[str] = field(default_factory=set)
    """Groups whose drivers have said nothing for an hour."""
    moves: list[Action] = field(default_factory=list)
    """Everything that reconciling did."""

    def __post_init__(self) -> None:
        """Make the backends, as tasks make them."""
        cluster = ClusterSettings(namespace=self.namespace, model_namespaces=self.namespace)
        hook = ClusterHook(self.through, patience=timedelta(seconds=1))
        self.serving = KServeBackend(Settings(), cluster, hook)
        self.jobs = SparkOperatorBackend(Settings(), cluster, hook)
        self.specs: list[MonitorSpec] = [self._spec(name) for name in MODELS]

    @property
    def endpoints(self) -> list[str]:
        """Name the endpoints."""
        return [spec.endpoint for spec in self.specs]

    @property
    def drivers(self) -> list[str]:
        """Name the drivers' objects."""
        return [names.driver_object(spec.group) for spec in self.specs]

    def plan(self) -> list[Action]:
        """Return what is to be done now; what cannot be looked at is held."""
        now = datetime.now(UTC) + SETTLED
        listed: list[str] = []
        with suppress(PegelError):
            listed = self.serving.names()
        seen = look_at_endpoints(self.serving, {*listed, *self.endpoints})
        ready = {each.name: each.state is EndpointState.READY for each in seen}
        desired = desired_groups(self.specs, ready, "kafka:9092")
        endpoints = plan_endpoints(self.specs, seen, now)
        try:
            sightings = self.jobs.observe()
        except PegelError as error:
            return [*endpoints, *hold_drivers(desired, str(error))]
        beats = [self._heard(beat, now) for beat in self.heartbeats.values()]
        return [*endpoints, *plan_drivers(desired, sightings, beats, now)]

    def reconcile(self) -> None:
        """Do one period: plan, carry out what moves something, and go on where one target fails."""
        for action in self.plan():
            if action.kind in MOVES:
                self.moves.append(action)
                with suppress(PegelError):
                    carry_out(
                        action,
                        self.jobs,
                        self.serving,
                        observed_at=datetime.now(UTC),
                        grace=timedelta(seconds=5),
                    )

    def reconcile_twice_at_once(self) -> None:
        """Do the same in two overlapping runs."""
        runs = [threading.Thread(daemon=True, target=self.reconcile) for _ in range(2)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()

    def settle(self) -> None:
        """Do what controllers and drivers do with what is new; what is well is not written to."""
        for body in self.objects(INFERENCE_SERVICE):
            if not _same(body.get("status", {}), READY):
                self._status(INFERENCE_SERVICE, body, READY)
        for body in self.objects(SPARK_APPLICATION):
            state = body.get("status", {}).get("applicationState", {}).get("state", "")
            if state in {"", "SUBMITTED", "PENDING_RERUN"}:
                self._run(body)

    def objects(self, kind: ObjectKind) -> list[dict[str, Any]]:
        """Return the objects of a kind."""
        listed = self.admin.list_namespaced_custom_object(**at(kind, self.namespace))
        items: list[dict[str, Any]] = listed["items"]
        return items

    def versions(self) -> dict[str, str]:
        """Return the identity and resource version of every object: they tell every write."""
        known = [(kind.name, body["metadata"]) for kind in KINDS for body in self.objects(kind)]
        return {f"{kind}/{each['name']}": f"{each['uid']} {each['resourceVersion']}" for kind, each in known}

    def wrongs(self) -> list[str]:
        """Say what is not as desired."""
        planned = [str(action) for action in self.plan() if action.kind is not ActionKind.KEEP]
        there = {name.partition("/")[2] for name in self.versions()}
        return [*planned, *sorted({*self.endpoints, *self.drivers} ^ there)]

    def _heard(self, beat: Heartbeat, now: datetime) -> Heartbeat:
        """Return a driver's last word at an instant."""
        at = now - HOUR if beat.group in self.silent else now
        return replace(beat, at=at, progressed_at=at)

    def _spec(self, name: str) -> MonitorSpec:
        place = {"name": name, "version": 1, "uri": f"s3://models/{name}"}
        return sample_spec(name, namespace=self.namespace, model=place, group=f"group-{name}")

    def _status(self, kind: ObjectKind, body: dict[str, Any], status: dict[str, Any]) -> None:
        with suppress(ApiException, HTTPError):
            set_status(self.admin, kind, self.namespace, body["metadata"]["name"], status)

    def _run(self, body: dict[str, Any]) -> None:
        began = datetime.now(UTC).replace(microsecond=0)
        status = {
            "applicationState": {"state": "RUNNING"},
            "driverInfo": {"podName": f"{body['metadata']['name']}-driver"},
            "lastSubmissionAttemptTime": began.isoformat().replace("+00:00", "Z"),
        }
        self._status(SPARK_APPLICATION, body, status)
        group = body["metadata"]["labels"][labels.GROUP]
        generation = int(body["metadata"]["annotations"][labels.GENERATION])
        spoken = datetime.now(UTC) + timedelta(seconds=1)
        self.silent.discard(group)
        self.heartbeats[group] = sample_heartbeat(
            spoken, group, generation=generation, batch_id=1, started_at=began, progressed_at=spoken
        )


def _same(status: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Say whether a status says what is wanted, whatever else it says."""
    return all(status.get(key) == value for key, value in wanted.items())


def of_monitor(spec: MonitorSpec) -> set[str]:
    """Return the names of a monitor's objects, as `versions` has them."""
    return {f"{INFERENCE_SERVICE.name}/{spec.endpoint}", f"{SPARK_APPLICATION.name}/{names.driver_object(spec.group)}"}


def others(versions: dict[str, str], touched: Iterable[str]) -> dict[str, str]:
    """Return the versions of what was not touched."""
    left_out = set(touched)
    return {name: version for name, version in versions.items() if name not in left_out}
