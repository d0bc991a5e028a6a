"""What Prometheus is told is what the stores say, in few series, and nothing where nothing is known."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from filled_results import VERDICT, performance
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.engine import Engine

from pegel.alerts.health import PATIENCE
from pegel.alerts.health_kind import HealthKind
from pegel.errors import SetupError
from pegel.exporter.exported_facts import Caps, read_facts
from pegel.exporter.exported_metrics import metrics_of
from pegel.exporter.exporter_door import Door
from pegel.exporter.facts_reader import FactsReader
from pegel.store import tables
from pegel.store.database import connect, writing
from pegel.store.health_alerts import HealthAlerts
from pegel.store.passes import DISPATCH, RECONCILE, Passes
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.testing.manual_clock import START, ManualClock
from pegel.testing.samples import sample_spec, sample_window

Samples = dict[tuple[str, ...], float]
ORDER = ("model", "version", "group", "workflow", "feature", "unit", "verdict", "figure", "place", "kind", "severity")


def asked(address: str, path: str) -> tuple[int, str]:
    """Return status and text of an answer."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(text: str) -> Samples:
    """Return every sample of a text."""
    return of_families(text_string_to_metric_families(text))


def of_families(families: Iterable[Metric]) -> Samples:
    """Return every sample by name and values of its labels, the model first."""
    return {
        (one.name, *(one.labels[name] for name in ORDER if name in one.labels)): one.value
        for family in families
        for one in family.samples
    }


def told(engine: Engine, caps: Caps, minutes: int = 3) -> Samples:
    """Return what is told of a database."""
    return of_families(metrics_of(read_facts(engine, START + timedelta(minutes=minutes)), caps))


def test_a_scrape_says_what_the_stores_say(door: str, filled: Engine) -> None:
    """Window, ledger, alerts, labels, driver and workflow, each by its number."""
    status, text = asked(door, "/metrics")
    found, model = samples(text), ("delays", "1")
    newest = Results(filled).windows("delays", 1, final_only=True)[-1]
    ledger = Results(filled).ledger_total("delays", 1, START - timedelta(hours=1))
    (error_rate,) = (one for one in performance().judgement["figures"] if one["name"] == "error rate")
    (beat,) = Results(filled).heartbeats()
    expected = {
        ("pegel_database_up",): 1.0,
        ("pegel_models",): 1.0,
        ("pegel_models_left_out",): 0.0,
        ("pegel_model_info", *model, "default"): 1.0,
        ("pegel_model_verdict", *model, newest.verdict.value): 1.0,
        ("pegel_model_verdict", *model, "drift"): 0.0,
        ("pegel_window_rows", *model): float(newest.rows),
        ("pegel_window_end_timestamp_seconds", *model): newest.span.end.timestamp(),
        ("pegel_window_length_seconds", *model): 60.0,
        ("pegel_window_outliers_ratio", *model): 0.0,
        ("pegel_ledger_records", *model, "judged"): float(ledger.judged),
        ("pegel_alerts_open", *model, "drift", "critical"): 1.0,
        ("pegel_health_alerts_open", "behind", "critical"): 1.0,
        ("pegel_performance_figure", *model, "error rate"): pytest.approx(error_rate["value"]),
        ("pegel_baseline_created_timestamp_seconds", *model): START.timestamp(),
        ("pegel_group_heartbeat_timestamp_seconds", "default"): beat.at.timestamp(),
        ("pegel_group_lag_records", "default"): float(beat.lag),
        ("pegel_group_batches_total", "default"): float(beat.batch_id),
        ("pegel_ledger_difference_records", "default"): 12.0,
        ("pegel_ledger_unclosed", "default"): 1.0,
        ("pegel_pass_timestamp_seconds", "monitoring_reconcile"): START.timestamp(),
    }

    assert 200 == status
    assert expected == {name: found.get(name) for name in expected}
    # Nothing was asked that logs answers: no zero stands for that.
    assert [] == [name for name in found if name[0] == "pegel_unanswered_ratio"]


def test_names_follow_the_conventions(door: str) -> None:
    """Each has the prefix, a help text, a base unit; a counter ends in `_total`, and nothing else does."""
    families = list(text_string_to_metric_families(asked(door, "/metrics")[1]))
    counters = {sample.name for family in families if family.type == "counter" for sample in family.samples}
    totals = {sample.name for family in families for sample in family.samples if sample.name.endswith("_total")}

    assert {True} == {family.name.startswith("pegel_") for family in families}
    assert {True} == {bool(family.documentation) for family in families}
    assert counters == totals
    assert [] == [family.name for family in families if family.name.endswith(("_ms", "_minutes_ago", "_percent"))]


def judged(engine: Engine, *features: dict[str, object]) -> None:
    """Judge one more window."""
    Results(engine).write([sample_window(5, judgement={"features": [VERDICT | one for one in features]})])


def test_features_have_score_and_threshold(filled: Engine) -> None:
    """-log10 of both; a p-value of 0 is the smallest float's, and of what was not judged there is neither."""
    unjudged: dict[str, object] = {"feature": "c", "verdict": "insufficient", "p_value": 1.0, "threshold": 0.0}
    judged(filled, {"feature": "a", "p_value": 1e-4, "threshold": 1e-2}, {"feature": "b", "p_value": 0.0}, unjudged)
    found = told(filled, Caps(), minutes=9)

    assert {"a": pytest.approx(4.0), "b": 324.0} == {
        key[3]: value for key, value in found.items() if key[0] == "pegel_feature_drift_score"
    }
    assert pytest.approx(2.0) == found["pegel_feature_drift_score_threshold", "delays", "1", "a"]
    assert 0.31 == found["pegel_feature_effect", "delays", "1", "a"]
    assert 1.0 == found["pegel_feature_unit", "delays", "1", "a", "sigma"]


def test_of_many_features_the_worst_are_told(filled: Engine) -> None:
    """Those that alarm, then those nearest to their threshold, each by its worst layer; the others are counted."""
    calm: dict[str, object] = {"verdict": "ok", "p_value": 0.5}
    many = [calm | {"feature": f"f{number}"} for number in range(40)]
    near: dict[str, object] = {"feature": "near", "verdict": "below_margin", "p_value": 1e-9}
    judged(filled, *many, near, calm | {"feature": "bad", "detector": "cusum"}, {"feature": "bad"})
    found = told(filled, Caps(features=2), minutes=9)

    assert ["bad", "near"] == sorted(key[3] for key in found if key[0] == "pegel_feature_alarming")
    assert 1.0 == found["pegel_feature_alarming", "delays", "1", "bad"]
    assert 40.0 == found["pegel_features_left_out", "delays", "1"]


def test_what_is_wrong_with_the_watching_counts_once_it_lasts(filled: Engine) -> None:
    """Each kind is counted as long after it was first seen as a mail waits, and no longer once it is over."""
    health, patience = HealthAlerts(filled), PATIENCE[HealthKind.BEHIND]
    (alert,) = health.all(damaged={}).values()
    health.keep(replace(alert, since=START), START)
    name, minutes = ("pegel_health_alerts_open", "behind", "critical"), int(patience / timedelta(minutes=1))
    found = [told(filled, Caps(), at).get(name) for at in (minutes - 1, minutes)]
    health.forget(*alert.key, START)

    assert [None, 1.0, None] == [*found, told(filled, Caps(), minutes).get(name)]


def test_of_many_models_some_are_told_and_the_others_counted(filled: Engine) -> None:
    """A cap keeps series bounded whatever is registered."""
    for number in range(3):
        Registry(filled, ManualClock(START)).put(sample_spec(f"other{number}"))
    found = told(filled, Caps(models=2))

    assert ["delays", "other0"] == [key[1] for key in found if key[0] == "pegel_model_info"]
    assert (4.0, 2.0) == (found["pegel_models",], found["pegel_models_left_out",])


def test_a_group_without_models_has_no_metrics(filled: Engine) -> None:
    """Its driver was stopped with its last model: nobody is paged because it is silent since then."""
    name = ("pegel_group_heartbeat_timestamp_seconds", "default")
    watched = name in told(filled, Caps())
    Registry(filled).remove("delays", 1)

    assert (True, False) == (watched, name in told(filled, Caps()))


def test_health_says_in_sentences_what_is_wrong(door: str, filled: Engine, clock: ManualClock) -> None:
    """While workflows come to their ends it is 200; once one does not, or a driver is silent, 503 with its name."""
    Passes(filled).note(DISPATCH, clock.now())
    healthy = asked(door, "/healthz")
    clock.advance(timedelta(minutes=4))
    status, text = asked(door, "/healthz")

    assert (200, {"ok": True, "wrong": []}) == (healthy[0], json.loads(healthy[1]))
    assert 503 == status
    assert [
        "monitoring_reconcile did not come to its end since 2026-01-01 00:00:00",
        "the driver of group default is silent since 2026-01-01 00:00:00",
    ] == [sentence.partition(" UTC: ")[0] for sentence in json.loads(text)["wrong"]]


def test_a_workflow_that_never_came_to_its_end_is_not_healthy(filled: Engine, clock: ManualClock) -> None:
    """One that is paused since the installation is named, although the other one runs."""
    with writing(filled) as connection:
        connection.execute(sa.delete(tables.passes))
    Passes(filled).note(RECONCILE, clock.now())
    (sentence,) = FactsReader(filled, clock, Caps()).wrong()

    assert "alert_dispatch has never come to its end" == sentence.partition(":")[0]


def test_without_a_database_it_says_so(tmp_path: Path, clock: ManualClock) -> None:
    """Then the process answers all the same: the database is down, and no model has a sample."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    reader = FactsReader(engine, clock, Caps())
    found = {sample.name: sample.value for family in reader.collect() for sample in family.samples}
    wrong = reader.wrong()
    engine.dispose()

    assert (0.0, 1.0) == (found["pegel_database_up"], found["pegel_exporter_read_failures_total"])
    assert [] == [name for name in found if name.startswith("pegel_model")]
    assert ["has no tables yet"] == [sentence[sentence.index("has no") :][:17] for sentence in wrong]


@pytest.mark.parametrize("damage", ["heartbeats SET at = 'noon'", "windows SET rows = 'many'"])
def test_a_damaged_row_is_named_and_ends_nothing(filled: Engine, reader: FactsReader, damage: str) -> None:
    """SQLite keeps garbage where an instant or a number should be: the database counts as down, with the reason."""
    with writing(filled) as connection:
        connection.execute(sa.text(f"UPDATE {damage}"))
    found = {sample.name: sample.value for family in reader.collect() for sample in family.samples}

    assert 0.0 == found["pegel_database_up"]
    assert ["a row of the views cannot be read"] == [sentence.partition(":")[0] for sentence in reader.wrong()]


def test_several_scrapers_ask_the_database_once(filled: Engine, clock: ManualClock) -> None:
    """What is fresh is told again."""
    reader = FactsReader(filled, clock, Caps())
    first = reader.facts()

    assert first is reader.facts()
    clock.advance(timedelta(seconds=10))
    assert first is not reader.facts()


def test_a_port_that_is_taken_is_named(door: str, reader: FactsReader) -> None:
    """The second exporter says which port, and nothing else happens."""
    with pytest.raises(SetupError, match=f"given {door}: Address already in use"):
        Door(reader, "127.0.0.1", int(door.rpartition(":")[2]))
