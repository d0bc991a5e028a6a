"""What segments cost a stream: `python -m benchmarks.segments.cost`.

One task counts requests of one row and their answers, in one window, with no column of segments, one (ten airlines and
the others) and two (four distances, too); then the window is closed and judged. Told is how long counting and judging
take, and how many bytes a batch and a final window leave. Prints one JSON line for each number of columns; the floor is
that two columns let a task count at least half as many rows a second as none.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import timedelta

import numpy as np
from benchmarks.segments.drawn import SCHEMA, rows, spec, trained

from pegel.data.wire import REQUEST_TYPE
from pegel.stream.commit import Restored
from pegel.stream.counting_task import CountingTask
from pegel.stream.group_state import GroupState
from pegel.stream.task_output import together
from pegel.testing.manual_clock import START
from pegel.testing.stream_fakes import FixedBaselines, FixedModels, LoggedRecord, as_read

TRAINED = 50_000


def main() -> None:
    """Print what each number of columns costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=3, help="the fastest of so many is told")
    options = parser.parse_args()
    for columns in range(3):
        best = min((cost(columns, options.rows) for _ in range(options.times)), key=lambda one: one["counting_s"])
        print(json.dumps({"columns": columns} | best), flush=True)


def cost(columns: int, count: int) -> dict[str, float]:
    """Return what one batch of so many rows costs."""
    rng, wish = np.random.default_rng(1), spec(columns)
    models, baselines = FixedModels(), FixedBaselines()
    models.watch(wish, baselines.put(trained(rng, TRAINED, wish)))
    state = GroupState.restored(Restored(offsets={}, states=[], pane_parts=[], failures=[]), baselines, START)
    read = as_read(logged(rng, count))
    now = START + timedelta(seconds=30)

    plan = state.plan(models, now)
    begin = time.process_time()
    output = together(CountingTask(plan, baselines.load).run(read))
    counting = time.process_time() - begin
    begin = time.process_time()
    taken = state.take(output, models, now)
    taking = time.process_time() - begin
    later = now + timedelta(hours=2)
    begin = time.process_time()
    closed = state.close_idle(models, later, later)
    judging = time.process_time() - begin
    windows = [] if closed is None else closed.windows
    return {
        "rows": count,
        "counting_s": round(counting, 3),
        "rows_per_s": round(count / counting),
        "taking_s": round(taking, 3),
        "closing_s": round(judging, 3),
        "segments": len(windows) - 1,
        "batch_bytes": sum(len(part.data) for part in taken.pane_parts),
        "window_bytes": sum(len(row.summary) + len(json.dumps(row.judgement)) for row in windows),
        "baseline_bytes": sum(len(document) for document in baselines.documents.values()),
    }


def logged(rng: np.random.Generator, count: int) -> list[LoggedRecord]:
    """Return requests of one row each."""
    names = [field.name for field in SCHEMA.fields]
    return [
        LoggedRecord(
            f"e{number}",
            REQUEST_TYPE,
            "delays-v1",
            json.dumps({"instances": [[row[name] for name in names]]}).encode(),
            START + timedelta(seconds=10),
        ).moved("pegel.default.inference", 0, number)
        for number, row in enumerate(rows(rng, count).to_pylist())
    ]


if __name__ == "__main__":
    main()
