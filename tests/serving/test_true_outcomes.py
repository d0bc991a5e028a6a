"""Labels of rows that `pegel traffic` sent: each answered row has its own outcome."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pegel_local.traffic.true_outcomes import labels_of


def test_each_answered_row_has_its_outcome(tmp_path: Path) -> None:
    """Answers in any order, a copy, a failure, a line cut in half and an unknown outcome: the others are right."""

    def line(number: int, **more: Any) -> str:
        due = f"2026-11-29T10:00:0{number}+00:00"
        return json.dumps({"event_id": f"e{number}", "due": due, "answer": "200", "copy": False, **more})

    lines = [line(2), line(0), line(0, event_id="c", copy=True), line(1, answer="500"), '{"event_id": "x', line(3)]
    (tmp_path / "log").write_text("\n".join(lines))
    pq.write_table(pa.table({"air_time": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, None]}), tmp_path / "outcomes")
    labels = labels_of(tmp_path / "log", tmp_path / "outcomes", batch=2, skip=1).to_pylist()

    assert [("e0", 0, 1.0), ("e0", 1, 2.0), ("e2", 0, 5.0), ("e3", 0, 0.0), ("e3", 1, 1.0)] == [
        (each["event_id"], each["row"], each["label"]) for each in labels
    ]
