"""Everything reconciling looks at, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.settings import Settings
from pegel_airflow import services

if TYPE_CHECKING:
    from pegel.reconcile.actions import Action, Desired, PastAction
    from pegel.reconcile.job_backend import Sighting
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel.stream.result_rows import Heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is wished, what is seen and what was done, at the instant `at`."""

    at: datetime
    specs: tuple[MonitorSpec, ...]
    ready: Mapping[str, bool]
    """Endpoint name -> whether it is ready."""
    sightings: tuple[Sighting, ...]
    heartbeats: tuple[Heartbeat, ...]
    history: tuple[PastAction, ...]
    kafka: str

    def desired(self) -> list[Desired]:
        """Return what should run, by group."""
        from pegel.reconcile.desired import desired_groups

        return desired_groups(self.specs, self.ready, self.kafka)

    def plan(self) -> list[Action]:
        """Return the action for each group that is wished or runs, ordered by group."""
        from pegel.reconcile.planner import plan

        return plan(self.desired(), self.sightings, self.heartbeats, self.at, self.history)


def observe(settings: Settings) -> Observation:
    """Look at the registry, the endpoints, the drivers, their heartbeats and the log of actions."""
    stores = services.stores(settings)
    now = datetime.now(UTC)
    specs = tuple(stores.registry.list())
    serving = services.serving(settings)
    return Observation(
        specs=specs,
        ready={spec.endpoint: serving.observe(spec.endpoint).state is EndpointState.READY for spec in specs},
        sightings=tuple(services.jobs(settings).observe()),
        heartbeats=tuple(stores.results.heartbeats()),
        history=tuple(stores.actions.history(now)),
        kafka=settings.kafka,
        # Last, so that nothing looked at is newer than "now".
        at=datetime.now(UTC),
    )
