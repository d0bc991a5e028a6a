"""What really was of rows that were sent, as a table of labels: by the log of answers and the table of outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

LABEL, EVENT_ID, ROW = "label", "event_id", "row"


def labels_of(log: Path, outcomes: Path, *, batch: int, skip: int = 0) -> pa.Table:
    """Return a label for each answered row whose outcome is known, with the columns `event_id`, `row` and `label`.

    `log`: as `pegel traffic --log` wrote it, of requests of `batch` rows each, from the row `skip` of a table on.
    `outcomes`: one column, in the order of that table, begun anew where it ends, as the traffic is. Lines of the log
    that are no answer, copies, and answers without an id have no labels.
    """
    truth = pq.read_table(outcomes).column(0).to_pylist()
    labels: dict[str, list[Any]] = {EVENT_ID: [], ROW: [], LABEL: []}
    # Answers come in any order; requests were due one after the other.
    sent = sorted((each for each in _answers(log) if not each["copy"]), key=lambda each: each["due"])
    for number, answer in enumerate(sent):
        if answer["event_id"] is None or answer["answer"] != "200":
            continue
        for row in range(batch):
            outcome = truth[(skip + number * batch + row) % len(truth)]
            if outcome is not None:
                labels[EVENT_ID].append(answer["event_id"])
                labels[ROW].append(row)
                labels[LABEL].append(outcome)
    return pa.table(labels)


def _answers(log: Path) -> list[dict[str, Any]]:
    answers = []
    for line in log.read_bytes().splitlines():
        try:
            answers.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            continue  # a disk that was full cut it
    return answers
