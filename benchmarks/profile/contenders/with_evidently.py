"""Evidently: the data summary of the reference; then the drift preset on a table and the reference, read again."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset, DataSummaryPreset


def read(path: str) -> Dataset:
    """Read a table and say which columns are which."""
    frame = pd.read_parquet(path)
    kinds = {letter: [name for name in frame.columns if name.startswith(letter)] for letter in ("x", "c")}
    definition = DataDefinition(numerical_columns=kinds["x"], categorical_columns=kinds["c"])
    return Dataset.from_pandas(frame, data_definition=definition)


def main(verb: str, table: str, state: str) -> None:
    """Profile `table` into `state`, or check it against the table that was profiled."""
    if verb == "profile":
        Report([DataSummaryPreset()]).run(read(table), None).json()
        Path(state).write_text(table, encoding="utf-8")
        return
    reference = read(Path(state).read_text(encoding="utf-8"))
    print(len(Report([DataDriftPreset()]).run(read(table), reference).json()))


if __name__ == "__main__":
    main(*sys.argv[1:])
