"""Launcher of what holds rows against suites: `python -m pegel_spark.jobs.row_quality FD`, by a driver alone.

It is a process of its own, because a pattern that a person wrote and a value that anybody sent may keep it busy for
ever, in which time no other thread of a process does anything.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

# Said before numpy is imported: a few thousand rows are no work for several threads.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

import pandas as pd  # noqa: E402  after the number of threads is said

from pegel.data.columns import Columns, Kind, Role, Schema  # noqa: E402
from pegel.quality.expectation import Expectation  # noqa: E402
from pegel.quality.expectation_outcome import ExpectationOutcome  # noqa: E402
from pegel_spark.great_expectations_door import run_on_pandas  # noqa: E402

PATIENT = 10
"""By how much it stands behind whoever counts."""
FIRST_TO_GO = "1000"
LONGEST_CPU_S = 120
"""CPU that one question may cost: a driver that was killed ends no process that is busy."""
Question = tuple[Columns, Schema, Sequence[Expectation]]


def stand_back() -> None:
    """Leave processor and memory to whoever counts: where there is too little memory, this process ends first."""
    os.nice(PATIENT)
    with suppress(OSError):  # not a Linux, or one that forbids it
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")


def frame_of(rows: Columns, schema: Schema) -> pd.DataFrame:
    """Return rows of requests as a table: numbers, texts, and what could not be read as missing."""
    numbers, texts = iter(rows.numeric.T), iter(rows.categorical)
    fields = schema.of_role(Role.FEATURE)
    columns = {field.name: next(numbers if field.kind is Kind.NUMERIC else texts) for field in fields}
    return pd.DataFrame(columns, index=pd.RangeIndex(rows.n))


def answered(question: Question) -> list[ExpectationOutcome] | str:
    """Return what rows say of expectations; why they say nothing, if the library makes an exception."""
    rows, schema, expectations = question
    try:
        return run_on_pandas(frame_of(rows, schema), schema, expectations)
    except Exception as error:  # noqa: BLE001  the library raises what it likes; it is told as the reason
        return f"Great Expectations failed: {error!r:.300}"


def main(arguments: list[str]) -> None:
    """Answer questions until the driver at the other end of the connection is gone."""
    stand_back()
    with Connection(int(arguments[0])) as connection:
        try:
            while True:
                question: Question = connection.recv()
                most = int(time.process_time()) + LONGEST_CPU_S
                resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
                connection.send(answered(question))
        except (EOFError, ConnectionError):
            return


if __name__ == "__main__":
    main(sys.argv[1:])
