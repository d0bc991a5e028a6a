"""Read what Pegel found, with nothing but Python: the newest windows of a model and what was found in them.

Run it with `python examples/read_results.py DATABASE MODEL VERSION [COUNT]`; the database of a local system is
`.pegel/pegel.db`. Rows are read by SQL, which is the agreed way; no package of Pegel is needed.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

# Each recalculation of a span is a further revision, by the stream or by a batch job. What counts is the highest one
# and, of two with the same, that of the batch job. Segment '' is the whole of the traffic.
WINDOWS = """
    SELECT span_start, span_end, revision, origin, verdict, requests, late, final FROM (
        SELECT *, row_number() OVER (PARTITION BY span_start, span_end ORDER BY revision DESC, origin) AS place
        FROM windows WHERE model = ? AND version = ? AND segment = ''
    )
    WHERE place = 1 ORDER BY span_end DESC, span_start DESC LIMIT ?
"""
# Only final windows have findings.
FINDINGS = """
    SELECT feature, finding FROM findings
    WHERE model = ? AND version = ? AND segment = '' AND (span_start, span_end, revision, origin) = (?, ?, ?, ?)
    ORDER BY seq
"""


def main(database: str, model: str, version: str, count: str = "10") -> None:
    """Print one line per window, the newest first, and below it one line per finding. Times are UTC."""
    # Read-only: a reader of results can never be in the way of the writer.
    with closing(sqlite3.connect(f"{Path(database).resolve().as_uri()}?mode=ro", uri=True)) as connection:
        for *key, verdict, requests, late, final in connection.execute(WINDOWS, (model, int(version), int(count))):
            start, end = (instant[:19] for instant in key[:2])
            state = "" if final else "  (still open)"
            print(f"{start} to {end[11:]}  {verdict:12}  {requests} requests, {late} late{state}")
            for feature, finding in connection.execute(FINDINGS, (model, int(version), *key)):
                print(f"    {feature}: p-value {json.loads(finding)['p_value']:.2g}")


if __name__ == "__main__":
    if not 3 <= len(sys.argv) - 1 <= 4:  # noqa: PLR2004  as the usage says
        sys.exit(__doc__)
    main(*sys.argv[1:])
