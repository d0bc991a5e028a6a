"""Filling the online store by a workflow."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from pegel.data.entity_keys import entity_key
from pegel.online.online_store import FeatureVector
from pegel.online.stores import online_store
from pegel.spec.settings import Settings
from pegel.testing.manual_clock import START


def test_a_table_fills_the_store(settings: Settings, run_dag: Any, tmp_path: Path) -> None:
    """A run writes the latest row of each entity into the view; a second run changes nothing."""
    (tmp_path / "flights.csv").write_text("flight,at,distance,code\nWN1,2025-12-31,1,7\nWN1,2026-01-01,2,007\n")
    params: dict[str, Any] = {
        "data": [str(tmp_path / "*.csv")],
        "to": "local://flights",
        "keys": ["flight"],
        "time": "at",
    }
    params["texts"] = ["code"]

    assert ["success", "success"] == [run_dag("features_load", **params), run_dag("features_load", **params)]
    asked = online_store("local://flights", settings).get([entity_key(["WN1"])], within=timedelta(seconds=10))
    assert [FeatureVector({"distance": 2, "code": "007"}, START)] == asyncio.run(asked)


def test_a_table_that_is_not_there(run_dag: Any, tmp_path: Path) -> None:
    """A run without its table fails."""
    params = {"data": [str(tmp_path / "*.csv")], "to": "local://flights", "keys": ["flight"], "time": "at"}

    assert "failed" == run_dag("features_load", **params)
