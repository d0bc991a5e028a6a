"""Throughput of the stream by features and format: `python -m benchmarks.stream.throughput [--events 200000]`.

Run it with the Spark environment's interpreter. What `benchmarks.stream.catch_up` measures, for 4, 50 and 500 numeric
features in protocol v1, v2 with JSON and v2 with binary tensors. `--master 'local-cluster[2,1,1024]'` does it with two
executors of one core and 1 GiB each. Of many features there are fewer events: as many requests as hold `--values`
numbers. One JSON line for each. What one more model costs is in `benchmarks.stream.steady`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.page import put, when
from benchmarks.stream.catch_up import measure
from benchmarks.stream.formats import FORMATS
from benchmarks.stream.scene import Rows

FEATURES = (4, 50, 500)
VALUES = 4_000_000


def section(measured: Sequence[dict[str, Any]]) -> str:
    """Return the results as a table."""
    lines = [
        "| features | format | processor ms per 1,000 events | JVM + workers + driver | floor | events/s | load |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {one['numeric']} | {one['format']} | {one['ms_per_1000_events']} "
            f"| {' + '.join(str(value) for value in one['by_process'].values())} | {one['floor_ms'] or '-'} "
            f"| {one['events_per_s']:,} | {one['load_before']} |"
            for one in measured
        ),
    ]
    masters = ", ".join(dict.fromkeys(f"`{one['master']}`" for one in measured))
    what = "Floor: librdkafka, orjson and numpy alone, in one process. Load: of the machine, by others, before."
    return f"Run on {when()} with {masters} by `python -m benchmarks.stream.throughput`. {what}\n\n" + "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="at most, for each")
    parser.add_argument("--values", type=int, default=VALUES, help="numbers in the requests of each, at most")
    parser.add_argument("--features", type=int, nargs="*", default=FEATURES)
    parser.add_argument("--formats", nargs="*", default=list(FORMATS), choices=list(FORMATS))
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    measured = []
    for features in options.features:
        count = max(2_000, min(options.events, 2 * options.values // features))
        for body_format in options.formats:
            with tempfile.TemporaryDirectory() as folder:
                one = measure(Path(folder), Rows(features, 0), count, body_format=body_format, master=options.master)
            measured.append(one)
            print(json.dumps(one), flush=True)
    if options.write:
        name = "throughput" if options.master == "local[2]" else f"throughput {options.master}"
        put(options.write, name, section(measured))


if __name__ == "__main__":
    main()
