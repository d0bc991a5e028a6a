"""Evidently: archived rows joined with labels in pandas; its drift preset and its classification preset on the day."""

from __future__ import annotations

import sys

import pandas as pd
from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.presets import ClassificationPreset, DataDriftPreset


def main(archive: str, labels: str, reference: str) -> None:
    """Judge the day as a whole."""
    trained = pd.read_parquet(reference)
    names = [name for name in trained.columns if name[0] in "xc"]
    columns = ["event_id", "row", "p_p", "p_yhat", *(f"f_{name}" for name in names)]
    rows = pd.read_parquet(archive, columns=columns).merge(pd.read_parquet(labels), on=["event_id", "row"])
    rows = rows.drop(columns=columns[:2]).rename(columns={column: column[2:] for column in columns[2:]})
    for frame in (trained, rows):
        frame[["y", "yhat"]] = frame[["y", "yhat"]].astype(int)
    definition = DataDefinition(
        numerical_columns=[name for name in names if name.startswith("x")],
        categorical_columns=[name for name in names if name.startswith("c")],
        classification=[BinaryClassification(target="y", prediction_labels="yhat", prediction_probas="p", pos_label=1)],
    )
    now, before = (Dataset.from_pandas(frame, data_definition=definition) for frame in (rows, trained))
    report = Report([DataDriftPreset(columns=names), ClassificationPreset()]).run(now, before)
    print(len(rows), len(report.json()))


if __name__ == "__main__":
    main(*sys.argv[1:])
