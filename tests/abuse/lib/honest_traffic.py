"""Clients that ask as they should, in a process of their own, while others do not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any


class HonestTraffic:
    """`count` requests of one row each to a predict address, `rate` a second, from now on."""

    def __init__(self, url: str, folder: Path, *, count: int, rate: float) -> None:
        """Begin."""
        self.count = count
        rng = Random(1)
        rows = [[rng.choice(["red", "blue"]), rng.uniform(0, 40), rng.uniform(0, 1600)] for _ in range(count)]
        file = folder / "rows.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        options = ("--url", url, "--file", str(file), "--count", str(count), "--rate", str(rate))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pegel_local.sending.file_traffic", *options], stdout=subprocess.PIPE
        )

    def report(self, within_s: float = 300.0) -> dict[str, Any]:
        """Wait for the last answer and return ids, statuses and latencies, see `pegel_local.sending.file_traffic`."""
        told, _ = self._process.communicate(timeout=within_s)
        report: dict[str, Any] = json.loads(told)
        return report
