"""What the triggerer waits for on our behalf: an endpoint that gets ready, findings that appear.

Both only look. Whatever they look at lives elsewhere and survives the triggerer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent

from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.settings import Settings
from pegel_airflow.services import findings_wait, look_at_candidate


class EndpointReadyTrigger(BaseTrigger):
    """Fires once with the status of what is to serve: when it is ready or failed, or at `deadline` (ISO 8601, UTC)."""

    def __init__(self, endpoint: str, deadline: str, interval_s: float = 0.5) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.endpoint = endpoint
        self.deadline = deadline
        self.interval_s = interval_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and what the constructor needs again."""
        kwargs = {"endpoint": self.endpoint, "deadline": self.deadline, "interval_s": self.interval_s}
        return ("pegel_airflow.triggers.EndpointReadyTrigger", kwargs)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every `interval_s` seconds; a look may take longer than that without holding up other triggers."""
        settings = Settings()
        deadline = datetime.fromisoformat(self.deadline)
        while True:
            status = await asyncio.to_thread(look_at_candidate, settings, self.endpoint)
            settled = status.state in {EndpointState.READY, EndpointState.FAILED}
            if settled or datetime.now(UTC) >= deadline:
                yield _event(status.to_json())
                return
            await asyncio.sleep(self.interval_s)


class FindingsTrigger(BaseEventTrigger):
    """Fires when findings begin to wait for the alert workflow, and again every `again_after_s` while they still do.

    It holds no state that matters: a lost ring costs at most one minute, because that workflow also runs by the clock.
    """

    def __init__(self, interval_s: float = 1.0, again_after_s: float = 15.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.interval_s = interval_s
        self.again_after_s = again_after_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and what the constructor needs again."""
        kwargs = {"interval_s": self.interval_s, "again_after_s": self.again_after_s}
        return ("pegel_airflow.triggers.FindingsTrigger", kwargs)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every `interval_s` seconds, for ever."""
        settings = Settings()
        rung: float | None = None
        while True:
            waiting = await asyncio.to_thread(findings_wait, settings)
            now = time.monotonic()
            if not waiting:
                rung = None
            elif rung is None or now - rung >= self.again_after_s:
                rung = now
                yield _event({"at": datetime.now(UTC).isoformat()})
            await asyncio.sleep(self.interval_s)


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]  # Airflow's
