"""Shipped fakes for every seam, and the checks that a real implementation of a seam must pass like its fake."""

from __future__ import annotations

from pegel.testing.backend_checks import JOB_CHECKS, SERVING_CHECKS
from pegel.testing.fake_jobs import MemoryJobBackend
from pegel.testing.fake_online_store import MemoryOnlineStore
from pegel.testing.fake_serving import MemoryServingBackend
from pegel.testing.manual_clock import ManualClock
from pegel.testing.online_checks import ONLINE_CHECKS
from pegel.testing.trace_receiver import ReceivedSpan, TraceReceiver

__all__ = [
    "JOB_CHECKS",
    "ONLINE_CHECKS",
    "SERVING_CHECKS",
    "ManualClock",
    "MemoryJobBackend",
    "MemoryOnlineStore",
    "MemoryServingBackend",
    "ReceivedSpan",
    "TraceReceiver",
]
