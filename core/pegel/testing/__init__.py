"""Shipped fakes for every seam, and the checks that a real implementation of a seam must pass like its fake."""

from __future__ import annotations

from pegel.testing.clock import ManualClock
from pegel.testing.conformance import JOB_CHECKS, SERVING_CHECKS
from pegel.testing.jobs import MemoryJobBackend
from pegel.testing.serving import MemoryServingBackend

__all__ = ["JOB_CHECKS", "SERVING_CHECKS", "ManualClock", "MemoryJobBackend", "MemoryServingBackend"]
