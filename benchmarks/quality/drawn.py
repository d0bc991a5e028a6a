"""Rows of a model with numbers of several shapes and categories, in which nothing changes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Kind, Schema
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import sample_spec, trained_on

CODES = np.array([f"{first}{second}" for first in "ABCDE" for second in "FGHI"], dtype=object)
KINDS = 5
"""A normal, a lognormal, a count, a number that is missing now and then, and a code."""


def schema(fields: int) -> Schema:
    """Return a schema of so many fields, each fifth of which holds codes."""
    kinds = (Kind.CATEGORICAL if at % KINDS == KINDS - 1 else Kind.NUMERIC for at in range(fields))
    return Schema(tuple(Field(f"f{at}", kind) for at, kind in enumerate(kinds)))


def rows(rng: np.random.Generator, n: int, fields: int) -> pa.Table:
    """Draw rows of such a schema."""
    shares = 1 / np.arange(1, CODES.size + 1)
    drawn = {}
    for at in range(fields):
        if at % KINDS == KINDS - 1:
            drawn[f"f{at}"] = pa.array(rng.choice(CODES, n, p=shares / shares.sum()))
        elif at % KINDS == 1:
            drawn[f"f{at}"] = pa.array(rng.lognormal(1.0, 0.6, n))
        elif at % KINDS == 2:
            drawn[f"f{at}"] = pa.array(rng.poisson(3.0, n).astype(np.float64))
        else:
            missing = rng.random(n) < (0.02 if at % KINDS == KINDS - 2 else 0.0)
            drawn[f"f{at}"] = pa.array(rng.normal(size=n), mask=missing)
    return pa.table(drawn)


def spec(windows_of: int, *expectations: dict[str, object]) -> MonitorSpec:
    """Return a spec that is held to the derived suite and some expectations of its own."""
    own = [{"name": "own", "made": "2026-11-29", "expectations": list(expectations)}] if expectations else []
    watch = {"expectations": ["derived", *own], "rows_per_day": windows_of * 1_440}
    return sample_spec(watch=watch)


def trained(rng: np.random.Generator, n: int, fields: int, wish: MonitorSpec) -> Baseline:
    """Return the baseline of so many rows."""
    return trained_on(rows(rng, n, fields), schema(fields), wish)
