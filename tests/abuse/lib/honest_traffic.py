"""Clients that ask as they should, in a process of their own, while others do not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


class HonestTraffic:
    """`count` requests of one row each to a predict address, `rate` a second, from now on."""

    def __init__(self, url: str, folder: Path, *, count: int, rate: float) -> None:
        """Begin."""
        self.count = count
        rng = Random(1)
        rows = [[rng.choice(["red", "blue"]), rng.uniform(0, 40), rng.uniform(0, 1600)] for _ in range(count)]
        table, self._log = folder / "rows.parquet", folder / "answers.jsonl"
        columns = {name: [row[index] for row in rows] for index, name in enumerate(("colour", "size", "weight"))}
        pq.write_table(pa.table(columns), table)
        options = ("--to", url, "--rate", str(rate), "--as-list", "--json", "--log", str(self._log))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pegel.cli.main", "traffic", str(table), *options], stdout=subprocess.PIPE
        )

    def report(self, within_s: float = 300.0) -> dict[str, Any]:
        """Wait for the last answer; return what `pegel traffic` says came of it, and the `ids` of the requests."""
        printed, _ = self._process.communicate(timeout=within_s)
        report: dict[str, Any] = json.loads(printed)
        return report | {"ids": [json.loads(line)["id"] for line in self._log.read_text().splitlines()]}
