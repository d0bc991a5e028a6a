"""Views are a contract: columns and types are those of docs/sql.md, their rows what the stores say, everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from filled_results import VERDICT, fill, performance
from sqlalchemy.engine import Engine

from pegel.store.alert_store import AlertStore
from pegel.store.database import connect, migrate, writing
from pegel.store.registry import Registry
from pegel.store.result_views import VERSION, views
from pegel.store.results import Results
from pegel.store.view_making import READER, statements
from pegel.testing.manual_clock import START, ManualClock
from pegel.testing.samples import sample_span, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "sql.md"
POSTGRES = {
    "text": "text",
    "bigint": "integer",
    "integer": "integer",
    "double precision": "real",
    "boolean": "boolean",
    "timestamp with time zone": "instant",
}
PYTHON: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "real": (float,),
    "boolean": (bool, int),
    "instant": (str, datetime),
}


def documented() -> dict[str, dict[str, str]]:
    """Return the types of columns by view, as the page has them."""
    found: dict[str, dict[str, str]] = {}
    several = re.MULTILINE | re.DOTALL
    for name, body in re.findall(r"^### (v_\w+)\n(.*?)(?=^### |\Z)", PAGE.read_text(), flags=several):
        found[name] = dict(
            re.findall(r"^\| (\w+) \| (text|integer|real|boolean|instant) \| .+ \|$", body, flags=re.MULTILINE)
        )
    return found


def everything(view: str) -> sa.Select[Any]:
    """Return the question for all of a view, as its database says it: no type of ours comes in between."""
    return sa.select(sa.literal_column("*")).select_from(sa.table(view))


def rows_of(engine: Engine, view: str, where: str = "true") -> list[dict[str, Any]]:
    """Return the rows of a view as both databases mean them: instants in UTC, booleans."""
    kinds = documented()[view]
    with engine.connect() as connection:
        rows = connection.execute(everything(view).where(sa.text(where))).mappings().all()
    plain = [{name: meant(value, kinds[name]) for name, value in row.items()} for row in rows]
    return sorted(plain, key=str)


def meant(value: Any, kind: str) -> Any:
    """Return a value as its documented type means it."""
    if value is None:
        return None
    assert isinstance(value, PYTHON[kind]), (value, kind)
    if kind == "boolean":
        return bool(value)
    if isinstance(value, str) and kind == "instant":
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def columns(value: Any, *names: str) -> dict[str, Any]:
    """Return attributes by name."""
    return {name: getattr(value, name) for name in names}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """A database with something for every view."""
    fill(engine)
    return engine


def test_every_column_is_documented_with_its_type(engine: Engine) -> None:
    """Names and order are those of the page on both databases; PostgreSQL says the types, too."""
    inspector = sa.inspect(engine)
    names = {view: [each["name"] for each in inspector.get_columns(view)] for view in inspector.get_view_names()}

    assert {view: list(columns) for view, columns in documented().items()} == names
    assert sorted(views("sqlite")) == sorted(names)


def test_postgresql_has_the_documented_types(filled: Engine) -> None:
    """Whoever builds a dashboard reads the types off the page; SQLite keeps them value by value."""
    if filled.dialect.name == "postgresql":
        asked = sa.text(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_name ~ '^v_'"
        )
        with filled.connect() as connection:
            found: dict[str, dict[str, str]] = {}
            for view, column, kind in connection.execute(asked):
                found.setdefault(view, {})[column] = POSTGRES[kind]

        assert documented() == found
    # Each value is looked at beside its type, see `meant`.
    assert dict.fromkeys(documented(), True) == {view: bool(rows_of(filled, view)) for view in documented()}


def test_a_damaged_row_takes_no_other_with_it(tmp_path: Path) -> None:
    """What is no JSON in one window of a file is left out; every other window, feature and figure is told."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    migrate(engine)
    fill(engine)
    whole = rows_of(engine, "v_feature_window")
    damaged = whole[0]["span_start"]
    with writing(engine) as connection:
        of = sa.text("UPDATE windows SET feature_verdicts = '[[1,2' WHERE span_start = :start AND segment = :segment")
        connection.execute(of, {"start": f"{damaged:%Y-%m-%d %H:%M:%S.%f}", "segment": whole[0]["segment"]})
    left = rows_of(engine, "v_feature_window")
    engine.dispose()

    assert left == [row for row in whole if (row["span_start"], row["segment"]) != (damaged, whole[0]["segment"])]
    assert 0 < len(left) < len(whole)


def test_both_databases_give_the_same_rows(tmp_path: Path, postgres: Path) -> None:
    """The same results give the same rows of every view, whichever database holds them."""
    administrator = sa.create_engine(
        f"postgresql+psycopg://pegel@/postgres?host={postgres}", isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with administrator.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE same_rows TEMPLATE template0")
    read = []
    for url in (f"sqlite:///{tmp_path / 'pegel.db'}", f"postgresql+psycopg://pegel@/same_rows?host={postgres}"):
        engine = connect(url)
        migrate(engine)
        fill(engine)
        read.append({view: rows_of(engine, view) for view in documented()})
        engine.dispose()

    assert read[0] == read[1]


def test_windows_are_those_that_the_store_shows(filled: Engine) -> None:
    """One row a span, of the highest revision, of two the batch job's, with the counts that the store reads."""
    names = ("requests", "responses", "joined", "rows", "late", "duplicates", "invalid", "clamped", "orphans", "final")
    further = ("model", "version", "segment", "revision", "baseline_id", "emitted_at")
    expected = [
        columns(row, *names, *further) | {"verdict": row.verdict.value, "span_end": row.span.end}
        for row in Results(filled).windows("delays", 1)
    ]
    rows = sorted(rows_of(filled, "v_window", "segment = ''"), key=lambda row: row["span_end"])
    seen = [{name: row[name] for name in expected[0]} for row in rows]

    assert expected == seen
    assert [1, 0, 0] == [row["outliers"] for row in rows]
    assert [True, False, False] == [row["alarming"] for row in rows]


def test_features_are_those_of_the_judgement(filled: Engine) -> None:
    """Each verdict of a seen final window is a row, to seven digits; names that no database takes are made whole."""
    rows = rows_of(filled, "v_feature_window", "segment = '' and revision = 2")
    by_name = {row["feature"]: row for row in rows}
    told = by_name["departure_delay"]
    exact = {name: value for name, value in VERDICT.items() if name not in {"evidence", "budget_share"}}

    assert ["departure_delay", "d\ufffd\ufffd"] == sorted(by_name)
    assert exact == {name: told[name] for name in exact}
    assert pytest.approx(1 / 12, rel=1e-7) == told["budget_share"]
    assert (2, sample_span().end, True) == (told["revision"], told["span_end"], told["alarming"])
    assert (None, None, False) == tuple(by_name["d\ufffd\ufffd"][name] for name in ("statistic", "effect", "alarming"))


def test_findings_are_those_of_the_store_to_the_last_bit(filled: Engine) -> None:
    """Every number of a finding is a column, with the kind of alert that it belongs to."""
    found = Results(filled).findings("delays", 1)
    names = ("id", "feature", "detector", "test", "what", "statistic", "p_value", "p_relevant", "threshold")
    further = ("budget_share", "effect", "effect_unit", "n", "m", "baseline_id", "revision", "origin", "segment")
    expected = [{"seq": seq} | columns(finding, *names, *further) for seq, finding in found]
    rows = sorted(rows_of(filled, "v_finding"), key=lambda row: row["seq"])
    clean = [each | {"feature": each["feature"].replace("\x00", "\ufffd")} for each in expected]

    assert clean[0] == {name: rows[0][name] for name in clean[0]}
    assert [("drift", "window")] * 2 == [(row["kind"], row["rhythm"]) for row in rows]


def test_alerts_are_those_of_the_store(filled: Engine) -> None:
    """An alert that is open says since when, what it is about, how bad it is, and who said to be quiet, and why."""
    (alert,) = AlertStore(filled).open_alerts()
    AlertStore(filled).acknowledge(alert.id, START, "known", by="ada", now=START)
    alert = AlertStore(filled).alert(alert.id)
    (row,) = rows_of(filled, "v_alert")
    names = ("id", "model", "version", "opened_at", "since", "last_end", "over_at", "mailed_at")
    by_people = ("acknowledged_until", "acknowledged_by", "acknowledged_why")

    assert columns(alert, *names, *by_people) == {name: row[name] for name in (*names, *by_people)}
    assert ("departure_delay", 1, True, "drift") == (
        *(row[n] for n in ("features", "feature_count", "is_open", "kind")),
    )
    assert ("known", "critical", "3, 5") == tuple(row[name] for name in ("acknowledged_why", "severity", "held_by"))


def test_the_watching_is_what_is_so_and_what_was(filled: Engine) -> None:
    """What is wrong now has no end; what is over has one, with the models and the severity that it had."""
    told = ("kind", "about", "models", "since", "over_at", "severity", "reason", "is_open")
    rows = {row["kind"]: tuple(row[name] for name in told[1:]) for row in rows_of(filled, "v_health_alert")}
    since = START - timedelta(days=1)

    assert {
        "behind": ("default", "delays/1, fraud/2", since, None, "critical", "records wait", True),
        "no traffic": ("default", "delays/1", since, START, "critical", "records wait", False),
    } == rows


def test_the_ledger_adds_up_as_the_store_does(filled: Engine) -> None:
    """Each minute's places and what was received; a group's minute that does not close says by how much."""
    minutes = Results(filled).ledger("delays", 1)
    rows = sorted(rows_of(filled, "v_ledger"), key=lambda row: row["minute"])
    balance = {row.minute: row.difference for row in Results(filled).ledger_balance("default")}

    assert [row.by_name() | {"received": row.received} for row in minutes] == [
        {name: row[name] for name in (*minutes[0].by_name(), "received")} for row in rows
    ]
    assert balance == {row["minute"]: row["difference"] for row in rows_of(filled, "v_balance")}
    assert [0, -12] == list(balance.values())


def test_expectations_and_labels_are_rows(filled: Engine) -> None:
    """What rows said of an expectation, and each figure of labelled answers with its interval."""
    (outcome,) = rows_of(filled, "v_quality")
    figures = {row["figure"]: row for row in rows_of(filled, "v_performance", "segment = ''")}
    expected = {one["name"]: one for one in performance().judgement["figures"]}

    assert ("delays", None, 600, 0.25, 599) == (*(outcome[n] for n in ("suite", "met", "n", "p_value", "looked_at")),)
    assert sorted(expected) == sorted(figures)
    assert {
        name: pytest.approx(one["value"], rel=1e-6) for name, one in expected.items() if one["value"] is not None
    } == {name: row["value"] for name, row in figures.items() if row["value"] is not None}
    assert [None] == [row["figure"] for row in rows_of(filled, "v_performance", "segment <> ''")]


def test_a_model_says_what_a_list_of_models_reads(filled: Engine) -> None:
    """Its newest final window, of two that end together the one a reader sees, its alerts, its driver."""
    (row,) = rows_of(filled, "v_model")
    newest = Results(filled).windows("delays", 1, final_only=True)[-1]

    assert (newest.span.end, newest.verdict.value) == (row["last_span_end"], row["last_verdict"])
    assert (1, "running", START, None) == (
        *(row[n] for n in ("open_alerts", "driver_state", "driver_at", "failing_since")),
    )


def test_a_model_without_anything_is_a_row(engine: Engine) -> None:
    """Registered and never seen: everything else is null."""
    Registry(engine, ManualClock(START)).put(sample_spec())
    (row,) = rows_of(engine, "v_model")

    assert (None, None, 0) == (row["baseline_id"], row["last_span_end"], row["open_alerts"])


def test_a_view_that_says_something_else_is_made_anew(engine: Engine) -> None:
    """So is one that is not there; the others are let be, and the version is that of the page."""
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE views SET digest = 'older' WHERE name = 'v_window'"))
        connection.execute(sa.text("DROP VIEW v_window"))
        connection.execute(sa.text("CREATE VIEW v_window AS SELECT 1 AS older"))
    migrate(engine)

    assert "span_end" in [each["name"] for each in sa.inspect(engine).get_columns("v_window")]
    assert [{"version": VERSION}] == rows_of(engine, "v_version")
    assert f"Views are version {VERSION}" in PAGE.read_text()
    assert sorted(views("sqlite")) == sorted(statements(engine.dialect.name))


def test_the_readers_role_reads_the_views_and_nothing_else(postgres: Path) -> None:
    """On PostgreSQL, whoever is in the role sees every view, also one made anew, and no table; nobody writes."""
    url = f"postgresql+psycopg://pegel@/postgres?host={postgres}"
    owner, reader = connect(url), sa.create_engine(url.replace("pegel@", "bi@"), poolclass=sa.NullPool)
    with owner.connect() as connection, connection.begin():
        for role in (f"{READER} NOLOGIN", f"bi LOGIN IN ROLE {READER}"):
            name = role.split()[0]
            if not connection.scalar(sa.text("SELECT count(*) FROM pg_roles WHERE rolname = :name"), {"name": name}):
                connection.exec_driver_sql(f"CREATE ROLE {role}")
    migrate(owner)
    owner.dispose()
    with reader.connect() as connection:
        read = {view: connection.execute(everything(view)).all() == [] for view in documented()}
    refused = []
    for statement in ("SELECT * FROM windows", "INSERT INTO v_pass VALUES ('x', now())", "DELETE FROM v_finding"):
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied") as error, reader.connect() as connection:
            connection.execute(sa.text(statement))
        refused.append(error.value)

    assert {view: view != "v_version" for view in documented()} == read
    assert 3 == len(refused)
