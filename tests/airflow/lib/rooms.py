"""The backends of these tests, by the names that the settings give: Pegel's shipped fakes, one of each per run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pegel.errors import SetupError, Unavailable
from pegel.reconcile.job_backend import Sighting
from pegel.reconcile.serving_backend import EndpointStatus
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.testing import MemoryJobBackend, MemoryServingBackend


class WallClock:
    """The machine's own clock: heartbeats of these tests are as old as they say."""

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)


class Serving(MemoryServingBackend):
    """The shipped fake, whose endpoints answer at `address` when a test gives one."""

    address: str | None = None
    refused: set[str] = set()  # noqa: RUF012 - one backend per run, emptied before each test
    """Endpoints that cannot be started."""

    def apply(self, spec: MonitorSpec) -> None:
        """Make the endpoint of `spec` exist."""
        if spec.endpoint in self.refused:
            raise SetupError(f"expected a folder of this machine, given {spec.model.uri}; no endpoint was started")
        super().apply(spec)

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint now."""
        return self._reached(super().observe(endpoint))

    def staged(self, endpoint: str) -> EndpointStatus:
        """Look at what is to serve."""
        return self._reached(super().staged(endpoint))

    def _reached(self, status: EndpointStatus) -> EndpointStatus:
        return status if self.address is None or status.url is None else replace(status, url=self.address)


JOBS = MemoryJobBackend(WallClock())
SERVING = Serving(clock=WallClock())


def jobs(settings: Settings) -> MemoryJobBackend:
    """Return the one job backend, whoever asks."""
    return JOBS


class AwayJobs(MemoryJobBackend):
    """A job backend that does not answer."""

    def observe(self) -> list[Sighting]:
        """Fail."""
        raise Unavailable("the cluster does not answer")


def jobs_away(settings: Settings) -> AwayJobs:
    """Return a job backend that does not answer."""
    return AwayJobs()


def serving(settings: Settings) -> Serving:
    """Return the one serving backend, whoever asks."""
    return SERVING


def empty() -> None:
    """Forget every driver and endpoint."""
    for sighting in JOBS.observe():
        JOBS.vanish(sighting.group)
    SERVING.clear()
    SERVING.refused.clear()
    SERVING.address = None
