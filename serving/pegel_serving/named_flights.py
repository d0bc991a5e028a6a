"""Flights that clients of the demonstration know by name alone: what an online store is filled with, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

STORED, ASKED = "flights.parquet", "named_flights.parquet"
MOST = 600
REFRESHED = timedelta(hours=30)
"""How long ago what is known of the last `STALE` of each `AMONG` flights was refreshed; of the others it is now."""
STALE, AMONG = 5, 20


def write(folder: Path, features: Mapping[str, Any], airlines: list[str], now: datetime) -> int:
    """Write what is known of the last `MOST` flights, and a table of their names. Returns how many these are.

    `features` are columns of equal length, as a model takes them; `airlines` says whose flight each row is.
    """
    known = pa.table(dict(features))
    known = known.slice(max(0, known.num_rows - MOST))
    names = [f"{airline} {number}" for number, airline in enumerate(airlines[-known.num_rows :], start=1)]
    stored = known.append_column("flight", pa.array(names, pa.string())).append_column(
        "updated", pa.array([_updated(at, now) for at in range(len(names))], pa.timestamp("us", "UTC"))
    )
    pq.write_table(stored, folder / STORED)
    pq.write_table(stored.select(["flight"]), folder / ASKED)
    return len(names)


def _updated(at: int, now: datetime) -> datetime:
    return now - REFRESHED if at % AMONG >= AMONG - STALE else now
