"""Everything reconciling looks at, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pegel.reconcile.serving_backend import EndpointState
from pegel.spec import names
from pegel.spec.settings import Settings
from pegel_airflow import services

if TYPE_CHECKING:
    from pegel.reconcile.actions import Action, Desired, PastAction, Target
    from pegel.reconcile.job_backend import Sighting
    from pegel.reconcile.serving_backend import EndpointStatus
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel.store.registry import Entry
    from pegel.stream.result_rows import Heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is desired, what is seen and what was done, at the instant `at`."""

    at: datetime
    specs: tuple[MonitorSpec, ...]
    endpoints: Mapping[str, EndpointStatus]
    """By name: every desired endpoint, and every other one that carries our mark."""
    sightings: tuple[Sighting, ...]
    heartbeats: tuple[Heartbeat, ...]
    history: tuple[PastAction, ...]
    kafka: str
    unreadable: tuple[Entry, ...] = ()
    """Registered model versions whose stored spec cannot be read."""
    drivers_unseen: str | None = None
    """Why drivers could not be observed; None if they were."""
    workers: tuple[Sighting, ...] | None = None
    """Attribution workers; None where they could not be observed, or somebody else runs them."""
    workers_unseen: str | None = None
    """Why attribution workers could not be observed; None if they were, or somebody else runs them."""

    def desired(self) -> list[Desired]:
        """Return what should run, by group."""
        from pegel.reconcile.desired import desired_groups

        ready = {name: status.state is EndpointState.READY for name, status in self.endpoints.items()}
        return desired_groups(self.specs, ready, self.kafka)

    def plan(self) -> list[Action]:
        """Return the action for each driver and each endpoint that is desired or there, endpoints first."""
        from pegel.reconcile.driver_planner import hold_drivers, plan_drivers
        from pegel.reconcile.endpoint_planner import plan_endpoints

        unreadable = {names.endpoint(entry.model, entry.version): entry.problem for entry in self.unreadable}
        endpoints = plan_endpoints(self.specs, self.endpoints.values(), self.at, self.history, unreadable=unreadable)
        endpoints += self._workers()
        if self.drivers_unseen is not None:
            return [*endpoints, *hold_drivers(self.desired(), f"drivers could not be observed: {self.drivers_unseen}")]
        keys = [names.monitor_key(entry.model, entry.version) for entry in self.unreadable]
        drivers = plan_drivers(self.desired(), self.sightings, self.heartbeats, self.at, self.history, unreadable=keys)
        return [*endpoints, *drivers]

    def _workers(self) -> list[Action]:
        """Return the action for each attribution worker that is desired or there."""
        from pegel.reconcile.worker_planner import explained_namespaces, hold_workers, plan_workers

        if self.workers_unseen is not None:
            reason = f"workers could not be observed: {self.workers_unseen}"
            return hold_workers(explained_namespaces(self.specs), reason)
        if self.workers is None:
            return []
        keys = [names.monitor_key(entry.model, entry.version) for entry in self.unreadable]
        return plan_workers(explained_namespaces(self.specs), self.workers, self.at, self.history, unreadable=keys)


def observe(settings: Settings, only: Target | None = None) -> Observation:
    """Look at the registry, the endpoints, the drivers, their heartbeats and the log of actions.

    A backend that fails is said of what it should have shown, and holds up nothing else. `only` names the one target
    that a caller is about to move: then no endpoint is looked at that this does not depend on.
    """
    stores = services.stores(settings)
    damaged_lines, damaged_beats = list[str](), dict[str, str]()
    history = tuple(stores.actions.history(datetime.now(UTC), damaged_lines))
    entries = stores.registry.entries()
    specs = tuple(entry.spec for entry in entries if entry.spec is not None)
    sightings, drivers_unseen = _sightings(settings)
    workers, workers_unseen = _workers(settings)
    endpoints = _endpoints(settings, specs, only)
    heartbeats = tuple(stores.results.heartbeats(damaged=damaged_beats))
    for problem in (*damaged_lines, *damaged_beats.values()):
        print(problem)  # noqa: T201 - a task's output is its log
    return Observation(
        specs=specs,
        unreadable=tuple(entry for entry in entries if entry.spec is None),
        endpoints=endpoints,
        sightings=sightings,
        drivers_unseen=drivers_unseen,
        heartbeats=heartbeats,
        history=history,
        kafka=settings.kafka,
        workers=workers,
        workers_unseen=workers_unseen,
        # Last, so that nothing looked at is newer than "now".
        at=datetime.now(UTC),
    )


def _sightings(settings: Settings) -> tuple[tuple[Sighting, ...], str | None]:
    try:
        return tuple(services.jobs(settings).observe()), None
    except Exception as error:  # noqa: BLE001 - a job backend that fails must not stop what is done about endpoints
        return (), f"{type(error).__name__}: {error}"


def _workers(settings: Settings) -> tuple[tuple[Sighting, ...] | None, str | None]:
    try:
        backend = services.workers(settings)
        return None if backend is None else tuple(backend.observe()), None
    except Exception as error:  # noqa: BLE001 - as above
        return None, f"{type(error).__name__}: {error}"


def _endpoints(settings: Settings, specs: tuple[MonitorSpec, ...], only: Target | None) -> Mapping[str, EndpointStatus]:
    from pegel.reconcile.actions import Runs
    from pegel.reconcile.look_at_endpoints import look_at_endpoints

    serving, served = services.serving(settings), [spec for spec in specs if not spec.model.is_table]
    if only is None:
        wanted = {spec.endpoint for spec in served} | _marked(settings)
    elif only.runs is Runs.ENDPOINT:
        wanted = {only.name}
    elif only.runs is Runs.WORKER:
        wanted = set()
    else:
        wanted = {spec.endpoint for spec in served if spec.group == only.name}
    return {status.name: status for status in look_at_endpoints(serving, wanted)}


def _marked(settings: Settings) -> set[str]:
    """Return the endpoints that carry our mark; none when the backend cannot list them: then nothing is removed."""
    try:
        return set(services.serving(settings).names())
    except Exception as error:  # noqa: BLE001 - what is desired is looked at all the same
        print(f"endpoints could not be listed, so none is removed: {type(error).__name__}: {error}")  # noqa: T201 - a task's output is its log
        return set()
