"""Every query of page, driver, dispatcher and doorbell on a month of 50 models: `python -m benchmarks.store.queries`.

A few minutes and about 2 GB of disk. Each query runs six times, the first time on a new connection.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.page import put, when
from benchmarks.store import month
from benchmarks.store.month import END, MINUTE, MINUTES, name
from sqlalchemy.engine import Engine

from pegel.alerts.update import update
from pegel.reconcile.actions import Target
from pegel.report.model_list import model_rows
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.store.action_log import ActionLog
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.store.results import Details, Results
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Commit, LateCount, MonitorState, PanePart, ReadRange
from pegel.testing.samples import sample_finding, sample_heartbeat, sample_ledger, sample_span, sample_window

WANTED_MS = 100.0
ROUNDS = 6


def queries(engine: Engine) -> list[tuple[str, str, Callable[[], object]]]:
    """Return who asks, what, and how, in the order in which they are told."""
    results, alerts, registry = Results(engine), AlertStore(engine), Registry(engine)
    model, since = name(7), END - 180 * MINUTE
    alerting, store = name(9), StreamStore(engine)
    claim = store.claim("default", 1, END)
    late = LateCount(model=model, version=1, span=sample_span(MINUTES - 500), late=1)
    models = RegistryView(registry, BaselineStore(engine), "default")
    finding = sample_finding(MINUTES // 2 // 72 * 72, "f0", model=model)
    first = max((read.end for read in store.restore(claim).offsets.values()), default=0)
    offsets = iter(range(first, first + 10_000, 10))
    return [
        ("doorbell", "does a finding wait", alerts.unread),
        ("dispatch", "which monitors need a look", alerts.monitors),
        ("dispatch", "one monitor's new findings, alerts and 500 windows", lambda: alerts.inbox(alerting, 1, END)),
        (
            "dispatch",
            "windows and rows of a month, counted for a mail",
            lambda: results.tally(model, 1, since, END, ["f0"]),
        ),
        ("driver", "has anything changed", registry.version),
        ("driver", "50 specs and current baselines", models.read),
        ("driver", "one span by its key", lambda: results.window(model, 1, sample_span(MINUTES - 500))),
        ("driver", "offsets, open panes, states", lambda: store.restore(claim)),
        ("driver", "heartbeat", lambda: store.heartbeat(claim, sample_heartbeat(END))),
        ("driver", "late events of a final span", lambda: store.commit(claim, Commit(late=[late]), END)),
        ("driver", "a batch of 50 models", lambda: store.commit(claim, batch(next(offsets)), END)),
        ("page", "list of 50 models, whole", lambda: model_rows(Sources(engine), END)),
        ("page", "one model, whole", lambda: model_view(Sources(engine), model, 1, END)),
        ("page", "180 windows of the time line", lambda: results.windows(model, 1, limit=180, details=Details.NONE)),
        ("page", "12 windows with summaries", lambda: results.windows(model, 1, final_only=True, limit=12)),
        ("page", "ledger of the windows shown", lambda: results.ledger(model, 1, since)),
        ("page", "does the group's ledger close", lambda: results.ledger_balance("default", since)),
        ("page", "newest findings", lambda: results.recent_findings(model, 1, limit=25)),
        ("page", "newest outliers", lambda: results.outliers(model, 1, limit=25)),
        ("page", "invalid input", lambda: results.invalid(model, 1, since)),
        ("page", "alerts", lambda: alerts.alerts(model, 1, limit=25)),
        ("page", "actions", lambda: ActionLog(engine).recent(Target.driver("default"), limit=25)),
        ("reconcile", "actions of a day", lambda: ActionLog(engine).history(END)),
        ("reconcile", "heartbeats", results.heartbeats),
        ("status", "messages of a day of one model", lambda: results.ledger_total(model, 1, END - timedelta(days=1))),
        ("explain", "a finding by the start of its id", lambda: results.finding(finding.id[:10])),
    ]


def batch(offset: int) -> Commit:
    """Return what a second of 50 models leaves: each one pane part, one provisional row, its state, its ledger."""
    monitors = [name(number) for number in range(month.MODELS)]
    pane = sample_span(MINUTES).start
    return Commit(
        read=[ReadRange(topic="t", partition=0, start=offset, end=offset + 10, records=10)],
        windows=[sample_window(MINUTES, offset + 1, model=model, final=False) for model in monitors],
        ledger=[sample_ledger(MINUTES, model=model) for model in monitors],
        pane_parts=[PanePart(model=model, version=1, pane=pane, data=bytes(12_000)) for model in monitors],
        states=[MonitorState(model=model, version=1, windows={"head_us": offset}) for model in monitors],
    )


def open_an_alert(engine: Engine) -> None:
    """Leave one monitor with an open alert of some hours and a finding that waits."""
    store, results = AlertStore(engine), Results(engine)
    for minute in (MINUTES - 500, MINUTES - 1):
        window = sample_window(minute, model=name(9))
        results.write([window], [sample_finding(minute, "f1", model=name(9))])
        inbox = store.inbox(name(9), 1, END)
        if minute < MINUTES - 1:
            specs = Registry(engine).list()
            for change in update(inbox.alerts, inbox.findings, inbox.windows, END, specs):
                store.save(change)


def measured(engine: Engine, work: Callable[[], object]) -> tuple[float, float]:
    """Return the median milliseconds of several rounds, on the clock and of this process alone."""
    engine.dispose()
    clock, own = [], []
    for _ in range(ROUNDS):
        began, began_own = time.perf_counter(), time.process_time()
        work()
        clock.append(1e3 * (time.perf_counter() - began))
        own.append(1e3 * (time.process_time() - began_own))
    return statistics.median(clock), statistics.median(own)


def main() -> None:
    """Fill, measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--keep", type=Path, help="keep the database here, or use the one that is there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = asked.keep or Path(folder) / "month.db"
        began = time.perf_counter()
        if not path.exists():
            month.fill(path)
        took = time.perf_counter() - began
        filled = "" if asked.keep else f", filled in {took:.0f} s"
        engine = connect(f"sqlite:///{path}")
        open_an_alert(engine)
        rows = [(who, what, *measured(engine, work)) for who, what, work in queries(engine)]
        engine.dispose()
        size = path.stat().st_size / 1e9
    lines = [f"| {who} | {what} | {took:.1f} | {own:.1f} |" for who, what, took, own in rows]
    over = [what for _, what, took, _ in rows if took >= WANTED_MS]
    text = (
        f"{month.MODELS} models x {month.DAYS} days of one-minute windows on SQLite ({size:.1f} GB{filled}; "
        f"the newest {month.DETAILED} windows of each model at full size), the median of "
        f"{ROUNDS} rounds, in milliseconds on the clock and of the process alone; wanted: each below "
        f"{WANTED_MS:.0f}; above it: {', '.join(over) or 'none'}. "
        f"Run on {when()}; `python -m benchmarks.store.queries` regenerates it.\n\n"
        "| who asks | what | ms | own ms |\n|---|---|---|---|\n" + "\n".join(lines)
    )
    print(text)
    if asked.write:
        put(asked.write, "store-queries", text)


if __name__ == "__main__":
    main()
