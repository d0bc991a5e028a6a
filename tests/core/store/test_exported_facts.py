"""What the exporter reads is read by the views alone, on both databases, by a role that may do nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from filled_results import fill
from sqlalchemy.engine import Engine

from pegel.errors import SetupError
from pegel.exporter.exported_facts import read_facts
from pegel.store.database import connect, migrate
from pegel.store.view_making import READER
from pegel.testing.manual_clock import START

pytestmark = pytest.mark.environments("sqlalchemy")
NOW = START + timedelta(minutes=4)
KEY = ("delays", 1)


def test_facts_are_of_the_newest_windows(engine: Engine) -> None:
    """Each model with its newest final window, what that says of features, open alerts, ledger, labels, driver."""
    fill(engine)
    facts = read_facts(engine, NOW)

    assert [KEY] == [(row["model"], row["version"]) for row in facts.models]
    assert {KEY: START + timedelta(minutes=2)} == {key: row["span_end"] for key, row in facts.windows.items()}
    assert {KEY: ["departure_delay"]} == {key: [row["feature"] for row in rows] for key, rows in facts.features.items()}
    assert [("drift", 1)] == [(row["kind"], row["count"]) for row in facts.alerts]
    assert [1_202] == [row["judged"] for row in facts.ledger]
    assert ["default 1 12"] == [" ".join(map(str, row.values())) for row in facts.balance]
    assert {"monitoring_reconcile": START} == facts.passes
    assert "error rate" in [row["figure"] for row in facts.figures]
    assert [17] == [row["batches"] for row in facts.groups]


def test_minutes_that_are_long_ago_are_no_news(engine: Engine) -> None:
    """The ledger is told of the last hour; of what was then nothing is said, not zero."""
    fill(engine)
    facts = read_facts(engine, NOW + timedelta(hours=2))

    assert ([], []) == (facts.ledger, facts.balance)


def test_the_readers_role_suffices(postgres: Path) -> None:
    """On PostgreSQL the exporter needs no right to any table."""
    url = f"postgresql+psycopg://pegel@/postgres?host={postgres}"
    owner = connect(url)
    with owner.connect() as connection, connection.begin():
        for role in (f"{READER} NOLOGIN", f"prometheus LOGIN IN ROLE {READER}"):
            asked = sa.text("SELECT count(*) FROM pg_roles WHERE rolname = :name")
            if not connection.scalar(asked, {"name": role.split()[0]}):
                connection.exec_driver_sql(f"CREATE ROLE {role}")
    migrate(owner)
    owner.dispose()
    reader = connect(url.replace("pegel@", "prometheus@"))
    facts = read_facts(reader, NOW)
    reader.dispose()

    assert [] == facts.models


def test_a_database_without_views_is_named(empty: Engine) -> None:
    """Nothing is made by looking."""
    with pytest.raises(SetupError, match="has no tables yet"):
        read_facts(empty, NOW)
