"""Judges a day that is over as the batch does; prints what it took: `python -m benchmarks.batch.judge_day START`.

First hours and the day are made of the windows that the stream left. Then all rows are counted again from the archive,
as windows are of which rows came late, hour by hour; both ways must have counted the same.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta

import numpy as np

from pegel.batch.archived_counts import ArchiveRecount
from pegel.batch.long_span_maker import LongSpanMaker
from pegel.data.spans import Span
from pegel.longspans.late_windows import CountedAgain
from pegel.spec.rhythms import Rhythm
from pegel.spec.settings import Settings
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.window_keys import WindowKeys

HOUR, HOURS = timedelta(hours=1), 24


def main() -> None:
    """Judge the day that begins at the instant of the argument, of the only model there is."""
    start, settings = datetime.fromisoformat(sys.argv[1]), Settings.of_environment()
    engine = connect(settings.database)
    (spec,) = Registry(engine).list()
    maker = LongSpanMaker(engine)
    begin = time.process_time()
    maker.make(spec, start, start + HOURS * HOUR, now=start + 3 * HOURS * HOUR)
    judging_s = time.process_time() - begin
    (day,) = maker.spans.spans(spec.model.name, spec.model.version, Rhythm.DAY)
    baseline = BaselineStore(engine).get(day.row.baseline_id or "")
    begin, clock = time.process_time(), time.perf_counter()
    hours = [Span(start + at * HOUR, start + (at + 1) * HOUR) for at in range(HOURS)]
    found = ArchiveRecount(settings.archive_root, WindowKeys(engine))(spec, baseline, hours)
    counting = {"counting_s": time.process_time() - begin, "counting_wall_s": time.perf_counter() - clock}
    counted = [one for one in found.values() if isinstance(one, CountedAgain)]
    whole, merged = (
        Summary.total([one.summary for one in counted]),
        Summary.from_bytes(day.row.summary, baseline.layout),
    )
    is_same = np.array_equal(whole.cells, merged.cells) and np.array_equal(whole.counters, merged.counters)
    told = {"verdict": day.row.verdict.value, "judging_s": judging_s, "rows": sum(one.rows for one in counted)}
    print(json.dumps(told | counting | {"is_same": bool(is_same)}))


if __name__ == "__main__":
    main()
