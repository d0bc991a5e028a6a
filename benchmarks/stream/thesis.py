"""The experiment of the thesis behind this system, again: `python -m benchmarks.stream.thesis [--requests 250000]`.

Run it with the Spark environment's interpreter. Requests of 4 features, windows of 15 s that begin every 15 or 3 s, a
lateness of 6 s. One row in twenty is an outlier (one number 12 standard deviations out), and in the second half one
feature is shifted by a standard deviation. Open loop at so many requests a second, and closed loop over so many
connections; `L0` writes request and answer straight into Kafka, `L1` asks a model behind proxy and logger with `pegel
traffic`. A run ends after `--at-most` seconds, however many requests are left: what was sent is told.

Told are p50, p75, p95, p99 and the largest of two latencies of each request, in seconds. By the thesis' measure: from
the time in the logged event to the time in the result. Honestly: from when the client was to send the request to when
its result could be read. Results are the outlier on its topic, each final window that counts the request, and of the
shifted half each window that drifts. A request waits for the end of its window and the lateness, so the floor of the
last two is that of arithmetic. One JSON line for each run, and a table. `--requests 3000 --levels L0 --rates 500
--connections --slides 15` takes a minute and a half.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from benchmarks.page import put, when
from benchmarks.stream.scene import Scene, World, wait, world
from benchmarks.stream.thesis_clients import Loop, Sent, endpoint, into_kafka, through_endpoint
from benchmarks.stream.thesis_readers import FinalWindow, Readers
from benchmarks.stream.thesis_rows import ROWS, Planted
from numpy.typing import NDArray

from pegel.spec.monitor_spec import MonitorSpec
from pegel.store import tables
from pegel.store.database import connect
from pegel.testing.samples import sample_spec

LENGTH_S, LATENESS_S = 15.0, 6.0
SHARES = (50, 75, 95, 99, 100)
THESIS_P75_S = {"outlier": 5.9, "window": 29.92, "drift": 30.86}
TRIAL_S = 10.0
FINAL_WITHIN_S = 120.0
"""From the last request of a run to its last final window, at most."""


def percentiles(seconds: NDArray[np.float64]) -> dict[str, float]:
    """Return p50 to p99 and the largest; nothing of nothing."""
    if not seconds.size:
        return {}
    names = [f"p{share}" if share < 100 else "max" for share in SHARES]
    return {name: round(float(value), 3) for name, value in zip(names, np.percentile(seconds, SHARES), strict=True)}


def both(made: NDArray[np.float64], read: NDArray[np.float64], sent: Sent, where: Any) -> dict[str, Any]:
    """Return both measures of results, `made` and `read` at such times, of the requests at `where`."""
    return {"thesis": percentiles(made - sent.logged[where]), "honest": percentiles(read - sent.due[where])}


def outliers(sent: Sent, planted: Planted, readers: Readers, stored: set[str]) -> dict[str, Any]:
    """Return how soon outliers were told, and how many of those that were planted."""
    wanted = planted.outliers[sent.number]
    where = [at for at, name in enumerate(sent.ids) if wanted[at] and name in readers.outliers]
    told = [readers.outliers[sent.ids[at]] for at in where]
    made, read = (np.array([getattr(one, name) for one in told], dtype=np.float64) for name in ("stamped", "read"))
    total = int(wanted.sum())
    others = sum(name in readers.outliers and not wanted[at] for at, name in enumerate(sent.ids))
    precision = round(len(told) / (len(told) + others), 4) if told else None
    in_database = sum(bool(wanted[at]) and name in stored for at, name in enumerate(sent.ids))
    return both(made, read, sent, where) | {
        "planted": total,
        "recall": round(len(told) / total, 4) if total else None,
        "recall_stored": round(in_database / total, 4) if total else None,
        "precision": precision,
    }


def windows(sent: Sent, finals: Sequence[FinalWindow]) -> dict[str, Any]:
    """Return how soon each request was in a final result: once for each window that holds it."""
    made, read, where = [np.empty(0)], [np.empty(0)], [np.empty(0, dtype=np.int64)]
    order = np.argsort(sent.logged, kind="stable")
    logged = sent.logged[order]
    for window in finals:
        inside = order[np.searchsorted(logged, window.start) : np.searchsorted(logged, window.end)]
        where.append(inside)
        made.append(np.full(inside.size, window.emitted))
        read.append(np.full(inside.size, window.read))
    return both(np.concatenate(made), np.concatenate(read), sent, np.concatenate(where))


def floor(slide: float) -> dict[str, float]:
    """Return the least latency of a request in a final window: the window has to end, and lateness to pass."""
    offsets = np.linspace(0, LENGTH_S, 10_001)
    assert LENGTH_S % slide == 0, "each request is in as many windows as any other"
    return percentiles(LENGTH_S - offsets + LATENESS_S)


def run(here: World, spec: MonitorSpec, readers: Readers, send: Any, planted: Planted) -> dict[str, Any]:
    """Let rows be sent, wait until all of their windows are final, and return what came of them."""
    load, began = round(os.getloadavg()[0], 1), datetime.now(UTC)
    model, slide = spec.model, (spec.windowing.slide or spec.windowing.length).total_seconds()
    before = here.results.ledger_total(model.name, model.version, datetime(2026, 1, 1, tzinfo=UTC))
    known, again = set(readers.windows), readers.told_again
    sent, said = send(planted)
    last = float(sent.logged.max())
    with suppress(TimeoutError):
        # The last window that holds the last request.
        wait(lambda: any(last - slide < start <= last for start in list(readers.windows)), FINAL_WITHIN_S)
    time.sleep(1.0)
    after = here.results.ledger_total(model.name, model.version, datetime(2026, 1, 1, tzinfo=UTC))
    finals = [window for start, window in sorted(readers.windows.items()) if start not in known]
    half = sent.due[sent.number >= len(planted.values) // 2]
    shifted = float(half.min()) if half.size else np.inf
    drifting = [window for window in finals if window.is_drifting and window.end > shifted]
    seconds = float(sent.due.max() - sent.due.min())
    counted = sum(window.requests for window in finals)
    answered = said.get("answered", len(sent.ids))
    return {
        "sent": answered,
        "rate": round((answered - 1) / seconds, 1) if seconds else None,
        "client": said,
        "outlier": outliers(sent, planted, readers, stored(here, began)),
        "window": windows(sent, finals),
        "drift": windows(_after(sent, shifted), drifting),
        "final_windows": len(finals),
        "drifting_windows": len(drifting),
        "lost": 2 * answered - (after.received - before.received),
        "dropped": after.dropped - before.dropped,
        "duplicates": after.duplicate - before.duplicate,
        "late": after.late - before.late,
        "requests_in_windows": round(counted * slide / LENGTH_S, 1),
        "told_again": readers.told_again - again,
        "load_before": load,
    }


def _after(sent: Sent, shifted: float) -> Sent:
    later = sent.due >= shifted
    ids = [name for name, is_later in zip(sent.ids, later, strict=True) if is_later]
    return Sent(sent.due[later], sent.logged[later], sent.number[later], ids)


def stored(here: World, since: datetime) -> set[str]:
    """Return the ids of the outliers in the results database that are not older."""
    engine = connect(here.settings.database)
    c = tables.outliers.c
    with engine.connect() as connection:
        names = connection.execute(sa.select(c.event_id).where(c.event_time >= since)).scalars().all()
    engine.dispose()
    return set(names)


def runs(folder: Path, slide: float, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield what came of each level and loop, with windows that begin so many seconds apart."""
    loops = [Loop(rate=rate) for rate in options.rates] + [Loop(connections=most) for most in options.connections]
    windowing = {"length": LENGTH_S, "slide": slide, "lateness": LATENESS_S}
    spec = sample_spec(windowing=windowing, watch={"outliers_per_day": 1_000})
    with ExitStack() as held:
        here = held.enter_context(world(folder, [(spec, ROWS.baseline(spec))]))
        wait(Scene(here, held.enter_context(here.driver())).is_idle)
        readers = Readers(here.broker.address, here.results, spec)
        held.enter_context(readers.reading())
        address = held.enter_context(endpoint(here, spec)) if "L1" in options.levels else ""
        into_kafka(here, spec, Planted.of(500, 99), Loop(rate=100.0), 60.0)
        capacity = _capacity(here, address) if address else 0.0
        time.sleep(LENGTH_S + LATENESS_S + 5)
        for level in options.levels:
            for seed, loop in enumerate(loops):

                def send(planted: Planted, level: str = level, loop: Loop = loop) -> tuple[Sent, dict[str, Any]]:
                    if level == "L1":
                        return through_endpoint(here, address, planted, loop, options.at_most)
                    return into_kafka(here, spec, planted, loop, options.at_most), {}

                # As many as can be sent, so that half of what is sent comes before the shift.
                rate = min(capacity if level == "L1" else np.inf, np.inf if loop.rate is None else loop.rate)
                most = int(min(options.requests, rate * options.at_most))
                print(f"{level}, {loop}, a window each {slide:g} s: {most:,} requests", file=sys.stderr, flush=True)
                came = run(here, spec, readers, send, Planted.of(most, seed))
                yield {"level": level, "loop": str(loop), "slide_s": slide, "floor": floor(slide)} | came


def _capacity(here: World, address: str) -> float:
    """Return about how many requests a second the endpoint answers."""
    sent, _ = through_endpoint(here, address, Planted.of(100_000, 98), Loop(connections=10), TRIAL_S)
    return len(sent.ids) / TRIAL_S


def section(measured: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """Return the results as a table, each latency by both measures, above the floors and the thesis' own figures."""
    head = [
        f"Run on {when()} by `python -m benchmarks.stream.thesis --at-most {options.at_most:g}`:",
        f"{options.requests:,} requests, or as many as were sent in so many seconds.",
        "Seconds: p50 / p75 / p95 / p99 / max; first from when the client was to send a request to when its result",
        "could be read, in brackets from the time in the logged event to the time in the result, as in the thesis.",
        "Lost, dropped, copies, late: events; dropped: the bounded queue of the proxy was full,",
        "all of them in the ledger. Told, true: of the planted outliers, how many were told on the topic; of",
        "those told, how many were planted. Load: before.",
        "",
        "| | slide | sent, per s | outlier | final window | drift | lost, dropped, copies, late | told, true | load |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines = [_row(one) for one in measured]
    least = " / ".join(f"{value:g}" for value in measured[0]["floor"].values())
    thesis = THESIS_P75_S
    lines.append(f"| floor | | | 0 | {least} | {least} | 0, 0, 0, 0 | 1, 1 | |")
    lines.append(
        f"| the thesis, p75, seven nodes | | | {thesis['outlier']} | {thesis['window']} | {thesis['drift']} | | | |"
    )
    return "\n".join(head + lines)


def _row(one: dict[str, Any]) -> str:
    outlier = one["outlier"]
    return (
        f"| {one['level']}, {one['loop']} | {one['slide_s']:g} s | {one['sent']:,}, {one['rate']:,} "
        f"| {_cell(outlier)} | {_cell(one['window'])} | {_cell(one['drift'])} "
        f"| {one['lost']}, {one['dropped']}, {one['duplicates']}, {one['late']} "
        f"| {outlier['recall']}, {outlier['precision']} | {one['load_before']} |"
    )


def _cell(one: dict[str, Any]) -> str:
    honest, own = (" / ".join(f"{value:.2f}" for value in one[name].values()) for name in ("honest", "thesis"))
    return f"{honest} ({own})" if honest else "-"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=250_000)
    parser.add_argument("--levels", nargs="*", choices=("L0", "L1"), default=["L0", "L1"])
    parser.add_argument("--rates", nargs="*", type=float, default=[500.0, 1_000.0, 2_000.0])
    parser.add_argument("--connections", nargs="*", type=int, default=[10, 50, 100])
    parser.add_argument("--slides", nargs="*", type=float, default=[15.0, 3.0])
    parser.add_argument("--at-most", type=float, default=500.0, help="seconds that each run may send")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    for slide in options.slides:
        measured = []
        with tempfile.TemporaryDirectory() as folder:
            for one in runs(Path(folder), slide, options):
                measured.append(one)
                print(json.dumps(one), flush=True)
        print(section(measured, options))
        if options.write:
            put(options.write, f"thesis, slide {slide:g} s", section(measured, options))


if __name__ == "__main__":
    main()
