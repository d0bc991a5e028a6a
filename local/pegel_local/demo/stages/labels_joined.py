"""What really was of the flights becomes known. Labels are joined with answers, by airline, beside an estimate.

The model answers how long a flight will be in the air; the labels are how long it was.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow.parquet as pq

from pegel.judge.performance.label_levels import HOUR
from pegel.stats.figures import MAE, figures
from pegel.stats.performance_counts import PerformanceCounts
from pegel.store.performance_store import PerformanceStore
from pegel_local.demo import flight_traffic
from pegel_local.demo.failure import StageFailed, require
from pegel_local.demo.stage import Demo
from pegel_local.traffic.true_outcomes import EVENT_ID, LABEL, ROW, labels_of

SENT_WITHIN_S = 60.0
JOINED_WITHIN_S = 900.0
"""A minute on an idle machine; a run that fails ends the stage at once, so patience costs nothing."""
MOST_NAMED = 2
"""Airlines that are named, those with the most flights."""


def show(demo: Demo) -> str:
    """Send labels of the flights before, run `batch_monitor`, and read what the model's hour came to."""
    known = _send_labels(demo)
    began = demo.facts["unchanged"]["began"]
    demo.follow("batch_monitor", {"models": [demo.spec.key]}, within_s=JOINED_WITHIN_S)
    whole, by_airline = _figures(demo, datetime.fromisoformat(began))
    require(
        whole["labelled"] == known,
        expected=f"{known:,} rows with labels",
        happened=f"{whole['labelled']:,}",
        log=demo.log("airflow-scheduler"),
    )
    demo.facts["labelled"] = {"known": known, **whole, "by_airline": by_airline}
    return _words(whole, by_airline)


def _send_labels(demo: Demo) -> int:
    """Send what really was of each row; return of how many it is known."""
    traffic = demo.home / "traffic"
    labels = labels_of(flight_traffic.answers(demo, "january"), traffic / "january.outcomes", batch=flight_traffic.ROWS)
    table = traffic / "january_labels.parquet"
    pq.write_table(labels, table)
    columns = ("--label", LABEL, "--event-id", EVENT_ID, "--row", ROW)
    options = ("--model", demo.spec.model.name, *columns, "--home", demo.home)
    demo.finish(demo.begin("labels", "pegel.cli.main", "labels", "send", table, *options), within_s=SENT_WITHIN_S)
    return int(labels.num_rows)


def _figures(demo: Demo, since: datetime) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the figures of the flights, of all and by airline, most labelled first. The flights may be of two hours.

    Raises StageFailed where none has a label.
    """
    model = demo.spec.model
    rows = PerformanceStore(demo.engine).rows(model.name, model.version, since, segment=None)
    hours = [row for row in rows if row.span.end - row.span.start == HOUR and row.counts.labelled]
    counts: dict[str, PerformanceCounts] = {}
    for row in hours:
        counts.setdefault(row.segment, PerformanceCounts(classes=False)).merge(row.counts)
    whole = counts.pop("", None)
    estimated = [(row.estimate, row.counts.answered) for row in hours if not row.segment and row.estimate]
    if whole is None or not estimated:
        raise StageFailed(
            expected="hours of the model with labels, and what was estimated without them",
            happened=f"{[(str(row.span), row.segment, row.counts.labelled, row.estimate) for row in rows]}",
            log=demo.log("airflow-scheduler"),
        )
    by_airline = sorted(counts.items(), key=lambda one: -one[1].labelled)
    return {
        "answered": whole.answered,
        "labelled": whole.labelled,
        "mean_absolute_error": _mean_absolute_error(whole),
        "estimate": sum(each["value"] * rows for each, rows in estimated) / sum(rows for _, rows in estimated),
    }, {segment.partition("=")[2]: _mean_absolute_error(part) for segment, part in by_airline}


def _mean_absolute_error(counts: PerformanceCounts) -> float:
    return next(figure.value for figure in figures(counts) if figure.name == MAE and figure.value is not None)


def _words(whole: dict[str, Any], by_airline: dict[str, float]) -> str:
    named = ", ".join(f"{airline} {error:.1f}" for airline, error in list(by_airline.items())[:MOST_NAMED])
    return (
        f"of {whole['labelled']:,} of {whole['answered']:,} rows · off by {whole['mean_absolute_error']:.1f} min "
        f"({named}) · estimated without labels: {whole['estimate']:.1f}"
    )
