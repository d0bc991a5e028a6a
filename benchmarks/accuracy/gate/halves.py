"""Random parts of data sets that installed packages carry: they differ by chance alone, whatever is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import pegel

SPLITS = 40
PER_WEEK = 20.0
"""Checks in the week of one false alarm: then .05 of the parts may differ, more than which no budget allows."""
MOST_ROWS = 20_000
TRAINING = (1 / 2, 2 / 3)
"""Shares of the rows that are profiled, in turn; the others are checked."""
STREAMS = (
    "AirlinePassengers",
    "Bananas",
    "ChickWeights",
    "ImageSegments",
    "Phishing",
    "Shuttle",
    "SolarFlare",
    "TrumpApproval",
    "WaterFlow",
    "Yeast",
)
FLIGHTS = "popmon/test_data/flight_delays*.csv.gz"


DataSet = tuple[str, Callable[[], pd.DataFrame]]
"""Name and reader."""


@dataclass(frozen=True, slots=True)
class Halves:
    """How often parts of one data set differed: `differing` of `splits`, where `promised` were to be expected."""

    name: str
    rows: int
    columns: int
    splits: int
    differing: int
    promised: float
    blamed: tuple[str, ...]
    """What the findings were about, the most frequent first."""


def data_sets(demo_data: Path) -> Iterator[DataSet]:
    """Yield name and reader of every data set that is installed; `demo_data`: the folder of the demonstration's."""
    for name in ("digits", "wine", "breast_cancer", "diabetes", "iris", "linnerud"):
        yield f"scikit-learn {name}", partial(_scikit_learn, name)
    for name in STREAMS:
        yield f"river {name}", partial(_river, name)
    for path in sorted(demo_data.glob(FLIGHTS)):
        yield f"popmon {path.name.partition('.')[0]}", partial(pd.read_csv, path, index_col=0)


def _scikit_learn(name: str) -> pd.DataFrame:
    from sklearn import datasets  # noqa: PLC0415  not every environment has it

    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame


def _river(name: str) -> pd.DataFrame:
    from river import datasets  # noqa: PLC0415  only one environment has it

    rows = islice(getattr(datasets, name)(), MOST_ROWS)
    return pd.DataFrame([{**{str(key): value for key, value in x.items()}, "y": _plain(y)} for x, y in rows])


def _plain(target: Any) -> Any:
    return str(sorted(target.items())) if isinstance(target, Mapping) else target


def split(task: tuple[str, Callable[[], pd.DataFrame], int, int]) -> Halves:
    """Check one random part against the other, again and again. The task: name, reader, seed, number of splits."""
    name, read, seed, splits = task
    whole = pa.Table.from_pandas(_without_times(read()), preserve_index=False)
    differing, promised, blamed = 0, 0.0, []
    for number in range(splits):
        rng = np.random.default_rng([seed, number])
        order = rng.permutation(whole.num_rows)[:MOST_ROWS]
        cut = int(order.size * TRAINING[number % 2])
        baseline = pegel.profile(whole.take(order[:cut]))
        report = pegel.check(whole.take(order[cut:]), baseline, windows_per_week=PER_WEEK)
        differing += bool(report.findings)
        assert report.judgement.division is not None
        promised += report.judgement.division.budget.alpha
        blamed += [finding.feature for finding in report.findings]
    names = sorted(set(blamed), key=lambda name: (-blamed.count(name), name))
    return Halves(name, whole.num_rows, whole.num_columns, splits, differing, promised, tuple(names[:3]))


def _without_times(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out what is neither a number nor a category, which a profile would only warn of."""
    return frame.select_dtypes(exclude=["datetime", "datetimetz"])
