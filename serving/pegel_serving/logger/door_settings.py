"""How a logger's door behaves; `python -m pegel_serving.logger --help` names the options for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pegel.spec.limits import WEDGED_AFTER
from pegel_serving import door_limits


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """Bounds of one event, what an answer of 200 promises, and how long things may take."""

    ack: Literal["enqueue", "broker"] = "enqueue"
    """`enqueue`: in memory, and on disk if that takes it. `broker`: acknowledged by the broker, or on disk and the
    broker took its time."""
    ack_timeout_s: float = 0.05
    """With `broker`: how long an answer may wait for the broker; then being on disk is enough."""
    max_body_bytes: int = door_limits.BODY_BYTES
    max_header_bytes: int = door_limits.HEADER_BYTES
    reading_bytes: int = door_limits.READING_BYTES
    body_within_s: float = door_limits.BODY_WITHIN_S
    retry_after_s: int = 5
    """When the sender of an event that found no room may come back."""
    stuck_s: float = WEDGED_AFTER.total_seconds()
    """`/readyz` fails when something waits and the broker took nothing for so long."""
    idle_s: float = 1.0
    """Longest pause of the pump."""
    flush_s: float = 4.0
    """At the end: how long to try the broker before the rest goes to disk."""
