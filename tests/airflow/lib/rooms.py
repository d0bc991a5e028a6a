"""The backends of these tests, by the names that the settings give: Pegel's shipped fakes, one of each per run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pegel.reconcile.serving_backend import EndpointStatus
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

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint now."""
        status = super().observe(endpoint)
        return status if self.address is None or status.url is None else replace(status, url=self.address)


JOBS = MemoryJobBackend(WallClock())
SERVING = Serving()


def jobs(settings: Settings) -> MemoryJobBackend:
    """Return the one job backend, whoever asks."""
    return JOBS


def serving(settings: Settings) -> Serving:
    """Return the one serving backend, whoever asks."""
    return SERVING


def empty() -> None:
    """Forget every driver and endpoint."""
    for sighting in JOBS.observe():
        JOBS.vanish(sighting.group)
    for status in SERVING.list():
        SERVING.delete(status.name)
    SERVING.failing.clear()
    SERVING.address = None
