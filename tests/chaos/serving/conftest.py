"""What the faults of logger and proxy are tried on: their real processes and a real broker."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "serving" / "lib"))
sys.path.insert(0, str(Path(__file__).parent / "lib"))

from real_parts import broker, services

__all__ = ["broker", "services"]
