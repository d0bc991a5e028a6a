"""Sixty days of made-up flights, the same ones for each model of the story, and what happens on which of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from pegel.judge.findings import Finding

DAYS, DAY = 60, timedelta(days=1)
WINDOW, WINDOWS = timedelta(hours=6), 4
EVENTS, ROWS = 6, 50
"""Requests of a window, all in its first hour, and rows of each."""
A_DAY = WINDOWS * EVENTS * ROWS
CORRECTED, HARMLESS, MISSING, LATE, CONCEPT, SEGMENT = 15, 20, 30, 37, 40, 45
"""The day whose labels are first sent wrong; from when on `age` drifts, at which no model looks; the day without an
event; that whose events come three days later; from when on the classifier errs twice as often on unchanged inputs;
from when on flights of one carrier are farther."""
LABELS_AFTER = 2 * DAY
_SINCE = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - (DAYS + 2) * DAY
START = _SINCE - (_SINCE.weekday() - 1) % 7 * DAY
"""A Tuesday, so that weeks, too, which begin on Mondays, tell the same story whenever it is told."""
FEATURES = ("distance", "carrier", "age")
ERRORS = 0.1


def table_of(rng: np.random.Generator, rows: int, day: int = 0) -> pa.Table:
    """Return rows of a day with what both models predict of them, by the distance alone, and what really was."""
    usual = rng.gamma(2.0, 400.0, rows)
    carrier = rng.choice(["AA", "DL", "WN"], rows, p=[0.5, 0.35, 0.15])
    delay, late = usual / 100 + rng.normal(0, 5, rows), usual > 800
    wrong = rng.random(rows) < (2 * ERRORS if day >= CONCEPT else ERRORS)
    return pa.table(
        {
            "distance": np.where((carrier == "WN") & (day >= SEGMENT), 1.5 * usual, usual),
            "carrier": carrier,
            "age": rng.normal(45 if HARMLESS <= day < CONCEPT else 40, 12, rows),
            "delay": delay,
            "late": late.astype(int).astype(str),
            "true_delay": delay + rng.normal(0, 4, rows),
            "true_late": (late ^ wrong).astype(int).astype(str),
        }
    )


def days_of_flights() -> Mapping[int, pa.Table]:
    """Return the rows of each day by its number, the same ones whoever asks."""
    rng = np.random.default_rng(11)
    return {day: table_of(rng, A_DAY if day != MISSING else 0, day) for day in range(DAYS)}


def started(finding: Finding) -> float:
    """Return the day on which what a finding is about began."""
    return (finding.span.start - START) / DAY


def ended(finding: Finding) -> float:
    """Return the day on which it ended."""
    return (finding.span.end - START) / DAY


def is_of_labels(finding: Finding) -> bool:
    """Say whether labels were needed for a finding."""
    return finding.detector in ("performance", "concept")
