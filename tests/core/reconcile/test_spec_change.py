"""What a spec would change is told field by field, and so is what becomes of its endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from pegel.reconcile.spec_change import SpecChange
from pegel.spec.monitor_spec import MonitorSpec

MODEL: dict[str, Any] = {"name": "delays", "uri": "file:///models/delays"}


def spec(**parts: Any) -> MonitorSpec:
    """Return a spec of the model `delays`, with parts of it stated."""
    return MonitorSpec.parse({"model": MODEL, "baseline": {"source": "local://delays"}} | parts)


def paths(change: SpecChange) -> list[str]:
    """Return the paths of what is changed."""
    return [each.path for each in change.fields]


def test_a_new_model_is_new_and_starts_an_endpoint() -> None:
    """Of a model that is not watched there is nothing to compare with."""
    change = SpecChange(spec())

    assert (change.is_new, paths(change), change.replaces_endpoint) == (True, [], True)
    assert change.lines() == ["delays/1: new", "  endpoint delays-v1 is started"]


def test_the_same_spec_changes_nothing() -> None:
    """The same wish, however it was written, is unchanged."""
    change = SpecChange(spec(windowing={"length": "1m"}), spec(windowing={"length": 60}))

    assert (paths(change), change.replaces_endpoint, change.lines()) == ([], False, ["delays/1: unchanged"])


@pytest.mark.parametrize(
    ("parts", "changed", "replaced"),
    [
        ({"windowing": {"length": "5m"}}, ["windowing.length"], False),
        ({"alerts": {"emails": ["a@b.org"]}}, ["alerts.emails"], False),
        ({"watch": {"segments": ["airline"]}}, ["watch.segments"], False),
        ({"archive": {"private": {"passenger": "hash"}}}, ["archive.private.passenger"], False),
        ({"model": MODEL | {"uri": "file:///models/other"}}, ["model.uri"], True),
        ({"model": MODEL | {"ready_within": 90}}, ["model.ready_within"], False),
        ({"namespace": "flights"}, ["namespace"], True),
    ],
)
def test_each_changed_field_is_named(parts: dict[str, Any], changed: list[str], replaced: bool) -> None:
    """Exactly the stated field differs; only what a process depends on replaces the endpoint. Back is the same way."""
    there, back = SpecChange(spec(**parts), spec()), SpecChange(spec(), spec(**parts))

    assert (paths(there), there.replaces_endpoint) == (changed, replaced)
    assert [(each.path, each.after, each.before) for each in back.fields] == [
        (each.path, each.before, each.after) for each in there.fields
    ]


def test_the_digest_of_what_serves_is_meant_where_none_is_stated() -> None:
    """A registered spec has the digest of its folder; a file without it is no change, one with another is."""
    kept = spec(model=MODEL | {"digest": "a" * 64})

    assert paths(SpecChange(spec(), kept)) == []
    assert paths(SpecChange(spec(model=MODEL | {"digest": "b" * 64}), kept)) == ["model.digest"]
    assert paths(SpecChange(spec(model=MODEL | {"uri": "file:///models/x"}), kept)) == ["model.digest", "model.uri"]


def test_values_from_outside_are_shown_in_one_line() -> None:
    """A value that holds line ends or is very long stays one line of limited length."""
    lines = SpecChange(spec(watch={"features": ["a\nb", "c" * 1_900, "d" * 1_900]}), spec()).lines()

    assert all("\n" not in line and len(line) < 2_000 for line in lines)


def test_a_table_has_no_endpoint() -> None:
    """A model whose predictions stand in a table starts nothing that serves."""
    table = spec(model={"name": "delays", "source": "table", "table": "parquet:/scores", "time": "at"})

    assert SpecChange(table).lines() == ["delays/1: new", "  no endpoint: its predictions stand in a table"]
