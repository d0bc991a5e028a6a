"""`pegel suite` and `pegel import-constraints`: suites that a person can read, edit and give back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from blueprints import give_tables

from pegel.baseline.baseline import Baseline
from pegel.cli.command_line import run
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")


@pytest.fixture
def home(tmp_path: Path, baseline: Baseline) -> Callable[..., list[str]]:
    """Return where a system with one watched model is; `expectations` are its spec's."""

    def with_suites(expectations: object = (), *, profiled: bool = True) -> list[str]:
        engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
        give_tables(engine)
        spec = sample_spec(watch={"expectations": expectations})
        Registry(engine).put(spec)
        if profiled:
            store, now = BaselineStore(engine), datetime(2026, 11, 29, tzinfo=UTC)
            store.put(baseline)
            store.promote("delays", 1, baseline.id, None, by="test", now=now)
        engine.dispose()
        return ["--home", str(tmp_path)]

    return with_suites


def test_a_suite_is_printed_that_a_spec_takes(
    home: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without suites in the spec it is what follows from the baseline, and a spec accepts it."""
    assert 0 == run(["suite", "delays", *home()])
    said = capsys.readouterr()
    printed = json.loads(said.out)

    assert "delays/1 expects nothing yet: this follows from its baseline" in said.err.replace("\n", " ")
    assert ["delay", "carrier", "stops"] == printed["expectations"][0]["kwargs"]["column_set"]
    assert 1 == len(sample_spec(watch={"expectations": [printed]}).watch.expectations)


def test_a_spec_s_own_suite_is_printed(home: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    """What the spec states is printed alone where it does not ask for what follows from the baseline."""
    kwargs = {"column": "delay", "min_value": 0.0}
    mean = {"type": "expect_column_mean_to_be_between", "kwargs": kwargs}
    own = {"name": "mine", "made": "2026-11-29", "expectations": [mean]}

    assert 0 == run(["suite", "delays", *home([own])])
    assert [kwargs] == [item["kwargs"] for item in json.loads(capsys.readouterr().out)["expectations"]]


def test_without_a_baseline_there_is_nothing_to_print(
    home: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It says that a profile is waited for."""
    assert 1 == run(["suite", "delays", *home(profiled=False)])
    assert "delays/1 has no baseline yet" in capsys.readouterr().err


def test_constraints_go_out_and_come_in(
    home: Callable[..., list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What is written as constraints.json is read again as a suite; what has no word there is told."""
    assert 0 == run(["suite", "delays", "--constraints", *home("derived")])
    written = capsys.readouterr()
    (tmp_path / "constraints.json").write_text(written.out)
    assert 0 == run(["import-constraints", str(tmp_path / "constraints.json"), "--name", "theirs"])
    suite = json.loads(capsys.readouterr().out)

    assert "not said in constraints.json: the mean of 'delay'" in written.err
    assert 1 == len(sample_spec(watch={"expectations": [suite]}).watch.expectations)
    assert "theirs" == suite["name"]
