"""ExportedFacts as metrics: names by Prometheus' conventions, base units, and never more series than was agreed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy.engine import RowMapping

from pegel.alerts.health import PATIENCE
from pegel.exporter.exported_facts import Caps, ExportedFacts, Monitor
from pegel.judge.findings import Verdict
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.store.result_views import GROUP

MODEL = ("model", "version")
PLACES = ("judged", "late", "invalid", "duplicate", "dropped", "set_aside", "probe", "elsewhere", "notice")
LARGEST_SCORE = 324.0
"""What -log10 of the smallest float comes to: a p-value of 0 is at most that."""


def metrics_of(facts: ExportedFacts, caps: Caps) -> Iterator[Metric]:
    """Yield every metric. What is not known has no sample: no zero stands for it."""
    models = facts.models[: caps.models]
    known = {(row["model"], row["version"]) for row in models}
    yield _gauge("pegel_models", "Registered model versions", (), [((), len(facts.models))])
    yield _gauge("pegel_models_left_out", "Of these without metrics", (), [((), len(facts.models) - len(models))])
    yield from _of_models(models)
    yield from _of_windows({key: row for key, row in facts.windows.items() if key in known})
    yield from _of_features({key: rows for key, rows in facts.features.items() if key in known}, caps.features)
    yield from _of_events(facts, known)
    yield from _of_groups(facts)
    yield _of_watching(facts)
    text = "When a workflow that runs each minute last came to its end, since 1970"
    ends = [((name,), end.timestamp()) for name, end in facts.passes.items()]
    yield _gauge("pegel_pass_timestamp_seconds", text, ("workflow",), ends)


def _of_models(models: Sequence[RowMapping]) -> Iterator[Metric]:
    info = [((*_key(row), row[GROUP]), 1.0) for row in models]
    yield _gauge(
        "pegel_model_info", "A registered model version, and the group that watches it", (*MODEL, "group"), info
    )
    by = (*MODEL, "verdict")
    verdicts = [
        ((*_key(row), one.value), float(row["last_verdict"] == one.value))
        for row in models
        if row["last_verdict"] is not None
        for one in Verdict
    ]
    yield _gauge("pegel_model_verdict", "1 for the verdict of the newest final window, 0 for the others", by, verdicts)
    instants = {
        "pegel_window_end_timestamp_seconds": ("End of the newest final window, since 1970", "last_span_end"),
        "pegel_baseline_created_timestamp_seconds": (
            "When the current baseline was made, since 1970",
            "baseline_created_at",
        ),
    }
    for name, (text, column) in instants.items():
        yield _gauge(name, text, MODEL, [(_key(row), _seconds(row[column])) for row in models])
    failing = [(_key(row), float(row["failing_since"] is not None)) for row in models]
    yield _gauge("pegel_model_failing", "1 while the stream cannot watch or judge it", MODEL, failing)


def _of_windows(windows: Mapping[Monitor, RowMapping]) -> Iterator[Metric]:
    for name in ("rows", "requests", "late", "invalid"):
        values = [(_key(row), row[name]) for row in windows.values()]
        yield _gauge(f"pegel_window_{name}", f"{name.capitalize()} of the newest final window", MODEL, values)
    lengths = [(_key(row), (row["span_end"] - row["span_start"]).total_seconds()) for row in windows.values()]
    yield _gauge("pegel_window_length_seconds", "Its length", MODEL, lengths)
    shares = [(_key(row), _ratio(row["outliers"], row["rows"])) for row in windows.values()]
    yield _gauge("pegel_window_outliers_ratio", "Outlying rows of it, from 0 to 1", MODEL, shares)


def _of_features(features: Mapping[Monitor, Sequence[RowMapping]], most: int) -> Iterator[Metric]:
    by = (*MODEL, "feature")
    told: dict[tuple[str, ...], RowMapping] = {}
    left_out = []
    for (model, version), rows in features.items():
        worst = _worst_of_each(rows)
        left_out.append(((model, str(version)), len(worst) - len(worst[:most])))
        told |= {(model, str(version), shown(row["feature"], NAME_LIMIT)): row for row in reversed(worst[:most])}
    values = {
        "pegel_feature_drift_score": ("-log10 of the p-value over all its tests in the newest final window", _score),
        "pegel_feature_drift_score_threshold": (
            "Above it the window alarms, if the change is also relevant",
            _threshold,
        ),
        "pegel_feature_effect": (
            "Size of the change, in the unit that pegel_feature_unit names",
            lambda row: row["effect"],
        ),
        "pegel_feature_alarming": ("1 if a person is told of it", lambda row: float(row["alarming"])),
    }
    for name, (text, value) in values.items():
        yield _gauge(name, text, by, [(key, value(row)) for key, row in told.items()])
    units = [((*key, row["effect_unit"]), 1.0) for key, row in told.items() if row["effect_unit"]]
    yield _gauge("pegel_feature_unit", "Unit of pegel_feature_effect", (*by, "unit"), units)
    text = "Features of the newest final window that have no metrics: the least suspicious ones"
    yield _gauge("pegel_features_left_out", text, MODEL, left_out)


def _worst_of_each(rows: Sequence[RowMapping]) -> list[RowMapping]:
    """Return one row of each feature, that which alarms or has most to say, the worst first."""
    worst: dict[str, RowMapping] = {}
    for row in sorted(rows, key=_badness):
        worst.setdefault(row["feature"], row)
    return list(worst.values())


def _badness(row: RowMapping) -> tuple[bool, float, str]:
    score, threshold = _score(row), _threshold(row)
    beyond = score / threshold if score is not None and threshold else 0.0
    return not row["alarming"], -beyond, row["feature"]


def _score(row: RowMapping) -> float | None:
    # Not judged: no threshold, and no score either.
    return _minus_log10(row["p_value"]) if row["threshold"] else None


def _threshold(row: RowMapping) -> float | None:
    return _minus_log10(row["threshold"]) if row["threshold"] else None


def _minus_log10(p_value: float | None) -> float | None:
    if p_value is None:
        return None
    return LARGEST_SCORE if p_value <= 0 else max(0.0, -math.log10(p_value))


def _of_events(facts: ExportedFacts, known: set[Monitor]) -> Iterator[Metric]:
    ledger = [row for row in facts.ledger if (row["model"], row["version"]) in known]
    places = [((*_key(row), place), row[place]) for row in ledger for place in PLACES]
    text = "Records of the last hour of event time, by where they went"
    yield _gauge("pegel_ledger_records", text, (*MODEL, "place"), places)
    unanswered = [(_key(row), _ratio(row["unanswered"], row["asked"])) for row in ledger]
    yield _gauge("pegel_unanswered_ratio", "Requests of that hour without an answer, from 0 to 1", MODEL, unanswered)
    opened = [
        ((*_key(row), row["kind"], row["severity"]), row["count"])
        for row in facts.alerts
        if (row["model"], row["version"]) in known
    ]
    by = (*MODEL, "kind", "severity")
    yield _gauge("pegel_alerts_open", "Alerts that are not over; no sample: none", by, opened)
    figures: dict[tuple[str, ...], float | None] = {}
    for row in facts.figures:
        if (row["model"], row["version"]) in known:
            figures.setdefault((*_key(row), row["figure"]), row["value"])
    text = "Figures of the newest span of labelled answers, such as their error rate, from 0 to 1 where it is a share"
    yield _gauge("pegel_performance_figure", text, (*MODEL, "figure"), figures.items())


def _of_watching(facts: ExportedFacts) -> Metric:
    """Count what lasts for so long by now that people are told of it, whether or not anybody is to be mailed."""
    lasting = Counter(
        (row["kind"], row["severity"])
        for row in facts.watching
        if facts.at - row["since"] >= PATIENCE.get(row["kind"], timedelta(0))
    )
    text = "What is wrong with the watching itself for so long that people are told; no sample: nothing"
    return _gauge("pegel_health_alerts_open", text, ("kind", "severity"), lasting.items())


def _of_groups(facts: ExportedFacts) -> Iterator[Metric]:
    watching, by = {row[GROUP] for row in facts.models}, ("group",)
    # What a driver said last stays when its group has no models any more: nobody is to be woken by its silence.
    groups = [row for row in facts.groups if row[GROUP] in watching]
    instants = {
        "pegel_group_heartbeat_timestamp_seconds": ("When the driver last spoke, since 1970", "at"),
        "pegel_group_progress_timestamp_seconds": ("When it last did something, since 1970", "progressed_at"),
        "pegel_group_event_timestamp_seconds": ("Newest event time that it read, since 1970", "event_time_head"),
    }
    for name, (text, column) in instants.items():
        yield _gauge(name, text, by, [((row[GROUP],), _seconds(row[column])) for row in groups])
    yield _gauge("pegel_group_lag_records", "Records not read yet", by, [((row[GROUP],), row["lag"]) for row in groups])
    waits = [((row[GROUP],), float(bool(row["missing"]))) for row in groups]
    yield _gauge("pegel_group_waits", "1 while something is missing that is not its own", by, waits)
    batches = CounterMetricFamily("pegel_group_batches", "Batches that the driver committed", labels=by)
    for row in groups:
        batches.add_metric([row[GROUP]], row["batches"])
    yield batches
    text = "Records of the last hour that arrived and have no place in the ledger, or have two"
    records = [((row[GROUP],), row["records"]) for row in facts.balance]
    yield _gauge("pegel_ledger_difference_records", text, by, records)
    minutes = [((row[GROUP],), row["minutes"]) for row in facts.balance]
    yield _gauge("pegel_ledger_unclosed", "Minutes of the last hour in which it does not close", by, minutes)


def _gauge(
    name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[tuple[Any, ...], float | None]]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        if value is not None:
            family.add_metric([str(each) for each in values], float(value))
    return family


def _key(row: RowMapping) -> tuple[str, str]:
    return row["model"], str(row["version"])


def _seconds(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()


def _ratio(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None
