"""PostgreSQL under the exporter: its sessions ended, its tables locked, a role that may not read."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from waiting import wait_until

from pegel.exporter.exported_facts import Caps
from pegel.exporter.facts_reader import FactsReader
from pegel.store.database import connect
from pegel.testing.manual_clock import START, ManualClock

pytestmark = [
    pytest.mark.environments("sqlalchemy"),
    pytest.mark.parametrize("new_database", ["postgresql"], indirect=True),
]


def exporter(engine: Engine, patience_s: float = 20.0) -> FactsReader:
    """Return what reads whenever it is asked."""
    return FactsReader(engine, ManualClock(START), Caps(), fresh_for=timedelta(0), patience_s=patience_s)


def is_up(reader: FactsReader) -> bool:
    """Say what is told of the database."""
    return next(iter(reader.collect())).samples[0].value == 1.0


def test_sessions_that_the_server_ended_are_begun_anew(engine: Engine) -> None:
    """As after it was started again: whoever scrapes next is told what is true."""
    reader = exporter(engine)
    found = [is_up(reader)]
    other = connect(engine.url.render_as_string())
    with other.connect() as connection:
        ended = sa.text(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE pid != pg_backend_pid() AND datname = current_database()"
        )
        assert connection.scalar(ended) == 1
    other.dispose()

    assert [True, True] == [*found, is_up(reader)]


def test_a_locked_table_is_waited_for_but_not_by_who_asks(engine: Engine) -> None:
    """While a migration holds a table the database counts as down; when it is over it is read."""
    reader = exporter(engine, patience_s=0.05)
    with engine.begin() as connection:
        connection.execute(sa.text("LOCK TABLE heartbeats IN ACCESS EXCLUSIVE MODE"))
        held = is_up(reader), reader.wrong()[0]

    assert (False, "the database did not answer for ") == (held[0], held[1][:32])
    assert wait_until(lambda: is_up(reader))


def test_a_role_without_rights_is_down_with_the_servers_reason(engine: Engine) -> None:
    """It ends no scrape: the sentence is the server's."""
    with engine.begin() as connection:
        if not connection.scalar(sa.text("SELECT count(*) FROM pg_roles WHERE rolname = 'stranger'")):
            connection.exec_driver_sql("CREATE ROLE stranger LOGIN")
    other = connect(engine.url.set(username="stranger").render_as_string())
    reader = exporter(other)
    found, said = is_up(reader), reader.wrong()
    other.dispose()

    assert (False, True) == (found, said[0].startswith("the database refuses to be read: permission denied for view"))
