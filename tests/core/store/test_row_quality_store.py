"""What rows said of a window is kept under its key, with the findings that follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from blueprints import give_tables
from sqlalchemy.engine import Engine

from pegel.errors import DamagedRow
from pegel.judge.findings import Verdict
from pegel.store.alert_store import AlertStore
from pegel.store.database import connect, writing
from pegel.store.results import Results
from pegel.store.row_quality_store import RowQualityRow, RowQualityStore
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_finding, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")
OUTCOME: dict[str, Any] = {"feature": "airline", "met": False, "there": "3 % of 600 values are not so"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database with one clean window."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    Results(engine).write(windows=[sample_window()])
    yield engine
    engine.dispose()


def said(**changes: Any) -> RowQualityRow:
    """Return what rows of that window said."""
    row = RowQualityRow.about(sample_window(), looked_at=600, rows=600, outcomes=[OUTCOME], at=START)
    return replace(row, **changes)


def test_what_rows_said_is_read_beside_its_window(engine: Engine) -> None:
    """Under span and revision; windows of which rows said nothing are left out; written again it is the newer word."""
    store = RowQualityStore(engine)
    store.write(said())
    store.write(said(looked_at=599))
    window = sample_window()

    assert {(window.span, 1): said(looked_at=599)} == store.of_windows([window, sample_window(1)])
    assert {} == store.of_windows([])


def test_a_finding_comes_with_it(engine: Engine) -> None:
    """The window is no longer said to be well, and whoever mails sees the finding once, however often it is written."""
    finding = sample_finding(feature="airline", detector="expectation")
    for _ in range(2):
        RowQualityStore(engine).write(said(), [finding])
    (window,) = Results(engine).windows("delays", 1)
    inbox = AlertStore(engine).inbox("delays", 1, START)

    assert Verdict.DRIFT is window.verdict
    assert [(1, finding)] == inbox.findings


def test_of_a_window_that_is_gone_nothing_is_kept(engine: Engine) -> None:
    """A model that was forgotten meanwhile leaves no row and no finding, and takes what rows said with it."""
    store = RowQualityStore(engine)
    store.write(said())
    Results(engine).forget("delays", 1)
    store.write(said(), [sample_finding()])

    assert ({}, []) == (store.of_windows([sample_window()]), Results(engine).findings("delays", 1))


def test_what_cannot_be_read_is_named(engine: Engine) -> None:
    """A damaged row is an error that names it, or is left out where the rest is to be shown."""
    store, damaged = RowQualityStore(engine), list[str]()
    store.write(said())
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE row_quality SET outcomes = '[7]'"))

    assert {} == store.of_windows([sample_window()], damaged=damaged)
    assert ["what rows of delays/1 said cannot be read"] == [text.split(":")[0] for text in damaged]
    with pytest.raises(DamagedRow):
        store.of_windows([sample_window()])
