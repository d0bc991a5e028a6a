"""One model of windows of a minute over thirty days, each at full size: what its pages of a time read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.pages.fleet import DAYS, END, FIELDS, START
from benchmarks.store.month import JUDGEMENT_BYTES, SUMMARY_BYTES, insert

from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.row_codec import flat, flat_finding
from pegel.testing.samples import sample_baseline, sample_finding, sample_spec, sample_window

NAME = "minutes"
MINUTE = timedelta(minutes=1)
FEATURE = "f3"
DRIFTS_EVERY = 50


def fill_minutes(path: Path) -> None:
    """Add the model to a filled database: every fiftieth window has a finding about one of its features."""
    engine = connect(f"sqlite:///{path}")
    Registry(engine).put(sample_spec(NAME, windowing={"length": 60}))
    baselines, made = BaselineStore(engine), sample_baseline(fields=FIELDS, model=NAME, version=1)
    baselines.promote(NAME, 1, baselines.put(made), None, by="benchmark", now=START)
    engine.dispose()
    windows, findings = [], []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for number in range(DAYS * 24 * 60):
            begin = START + number * MINUTE
            span, drifts = Span(begin, begin + MINUTE), number % DRIFTS_EVERY == 0
            verdict = Verdict.DRIFT if drifts else Verdict.OK
            row = flat(sample_window(model=NAME, span=span, verdict=verdict, summary=bytes(SUMMARY_BYTES)))
            windows.append(row | {"judgement": _judgement(drifts=drifts), "baseline_id": made.id})
            if drifts:
                findings.append(flat_finding(sample_finding(model=NAME, span=span, feature=FEATURE)))
            if len(windows) == 24 * 60:
                insert(connection, "windows", windows)
                insert(connection, "findings", findings)
                windows, findings = [], []
        connection.execute("COMMIT")
        connection.execute("PRAGMA optimize")
    assert span.end == END


def _judgement(*, drifts: bool) -> dict[str, Any]:
    evidence = {"text": "x" * (JUDGEMENT_BYTES // FIELDS - 200)}
    calm = {"verdict": "ok", "what": "as in training", "p_value": 0.4, "threshold": 1e-6, "effect": None,
            "effect_unit": "", "evidence": evidence, "n": 600, "m": 500}  # fmt: skip
    odd = calm | {"verdict": "drift", "what": "shifted up", "p_value": 1e-9, "effect": 0.3, "effect_unit": "sigma"}
    names = (f"f{number}" for number in range(FIELDS))
    return {"features": [{"feature": name} | (odd if drifts and name == FEATURE else calm) for name in names]}
