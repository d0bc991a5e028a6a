"""`pegel features load` in a shell."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from pegel.cli.main import main
from pegel.data.entity_keys import entity_key
from pegel.online.local_store import LocalOnlineStore
from pegel.online.online_store import FeatureVector
from pegel.testing.manual_clock import START

CSV = "flight,leg,at,distance,carrier\nWN1,1,2026-01-01T00:00Z,300,WN\nWN1,2,2026-01-01T00:00Z,800,WN\n"


def run(*arguments: str | Path) -> int:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return int(ended.value.code or 0)


def test_a_file_fills_the_store_of_the_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows of a file are looked up by their key, whose parts are in the order in which they were named."""
    (tmp_path / "flights.csv").write_text(CSV)
    home = tmp_path / "home"
    options: list[str | Path] = [
        "--to",
        "local://flights",
        "--key",
        "flight",
        "--key",
        "leg",
        "--time",
        "at",
        "--home",
        home,
    ]

    assert 0 == run("features", "load", tmp_path / "flights.csv", *options)
    assert "local://flights: 2 rows of distance, carrier: 2 loaded, 0 older" in capsys.readouterr().out
    store = LocalOnlineStore(home / "online.db", "flights")
    asked = store.get([entity_key(["WN1", 2])], within=timedelta(seconds=10))
    assert [FeatureVector({"distance": 800, "carrier": "WN"}, START)] == asyncio.run(asked)


def test_a_table_of_which_nothing_can_be_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A load that set every row aside is no success: it says how many rows there were, and why none came."""
    (tmp_path / "flights.csv").write_text("flight,at,distance\n,2026-01-01,3\nWN1,,4\nWN2,,5\n")
    options: list[str | Path] = ["--to", "local://flights", "--key", "flight", "--time", "at", "--home", tmp_path]

    assert 1 == run("features", "load", tmp_path / "flights.csv", *options)
    assert (
        "expected at least one row that can be loaded, given 3 rows of distance: 0 loaded, 0 older than what the store "
        "has; set aside: 1 row without a key, 2 rows without a time. The store is as it was."
    ) in capsys.readouterr().err


def test_a_store_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reference to no store is refused in one line that says what there is."""
    (tmp_path / "flights.csv").write_text(CSV)
    options: list[str | Path] = ["--key", "flight", "--time", "at", "--home", tmp_path]

    assert 1 == run("features", "load", tmp_path / "flights.csv", "--to", "feast://flights", *options)
    assert 2 == run("features", "load", tmp_path / "flights.csv", "--to", "flights", *options)
    assert 2 == len(capsys.readouterr().err.splitlines())
