"""The SQL of docs/sql.md, asked of a real PostgreSQL server as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from filled_results import VERDICT
from page_blocks import blocks_of
from sqlalchemy.engine import Engine

from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.view_making import READER
from pegel.testing.samples import sample_spec, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "sql.md"


def shown(part: str) -> str:
    """Return the block of the page that holds a part."""
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    (text,) = [block.text for block in blocks if block.language == "sql" and part in block.text]
    return text


@pytest.fixture
def results(postgres: Path) -> Iterator[Engine]:
    """A database of its own on the server, migrated."""
    address = f"postgresql+psycopg://pegel@/{{}}?host={postgres}"
    administrator = sa.create_engine(address.format("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with administrator.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS sql_page")
        connection.exec_driver_sql("CREATE DATABASE sql_page TEMPLATE template0")
    engine = connect(address.format("sql_page"))
    migrate(engine)
    yield engine
    engine.dispose()


def test_the_question_of_the_page_is_answered(results: Engine) -> None:
    """The feature that drifted in two windows of this week, and not what drifted long ago."""
    Registry(results).put(sample_spec())
    now, hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0), timedelta(hours=1)
    spans = [Span(now - ago * hour - hour, now - ago * hour) for ago in (1, 2, 24 * 9)]
    told = {"features": [VERDICT]}
    Results(results).write([sample_window(0, span=span, verdict=Verdict.DRIFT, judgement=told) for span in spans])
    with results.connect() as connection:
        rows = connection.execute(sa.text(shown("v_feature_window"))).all()

    assert [("delays", 1, "departure_delay", 2, pytest.approx(VERDICT["effect"]))] == [tuple(row) for row in rows]


def test_the_roles_of_the_page_are_made(results: Engine) -> None:
    """The reader is the role that each start lets read; who is in it writes nothing and asks for 30 s at most."""
    # Roles are those of the whole server, where other tests have the same ones: others are made, and taken back.
    statements = shown("create role").replace(READER, "page_reader").replace("grafana", "page_grafana")
    with results.connect() as connection:
        connection.exec_driver_sql(statements)
        kept = connection.scalar(sa.text("SELECT rolconfig FROM pg_roles WHERE rolname = 'page_grafana'"))
        member = connection.scalar(sa.text("SELECT pg_has_role('page_grafana', 'page_reader', 'member')"))
        connection.rollback()

    assert f"create role {READER} nologin" in shown("create role")
    assert ["default_transaction_read_only=on", "statement_timeout=30s"] == kept
    assert member
