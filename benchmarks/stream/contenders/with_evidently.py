"""Evidently: its drift preset, with its own choice of test for each column, on each window beside the reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from benchmarks.stream.contenders.event_windows import contend
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

PREFIX = "Value Drift for column x"


def frame(rows: np.ndarray) -> Dataset:
    """Return rows with their kinds declared."""
    names = [f"x{number}" for number in range(rows.shape[1])]
    return Dataset.from_pandas(
        pd.DataFrame(rows, columns=names), data_definition=DataDefinition(numerical_columns=names)
    )


def start(reference: np.ndarray) -> Callable[[Dataset], dict[str, list[int]]]:
    """Take the reference."""
    known = frame(reference)

    def judge(now: Dataset) -> dict[str, list[int]]:
        result = Report([DataDriftPreset()], include_tests=True).run(now, known).dict()
        tests = [test for test in result["tests"] if test["name"].startswith(PREFIX)]
        return {"preset": [int(test["name"].removeprefix(PREFIX)) for test in tests if "FAIL" in str(test["status"])]}

    return judge


if __name__ == "__main__":
    contend(start, frame)
