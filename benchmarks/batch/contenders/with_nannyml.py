"""NannyML: archived rows joined with labels in pandas; drift of each column, performance, and CBPE, by hours."""

from __future__ import annotations

import sys

import nannyml
import pandas as pd

METRICS = ["accuracy", "precision", "recall", "f1", "roc_auc"]


def main(archive: str, labels: str, reference: str) -> None:
    """Judge the hours of the day."""
    trained = pd.read_parquet(reference)
    names = [name for name in trained.columns if name[0] in "xc"]
    columns = ["event_id", "row", "event_time", "p_p", "p_yhat", *(f"f_{name}" for name in names)]
    rows = pd.read_parquet(archive, columns=columns).merge(pd.read_parquet(labels), on=["event_id", "row"])
    rows = rows.rename(columns={column: column[2:] for column in columns[3:]})
    rows["event_time"] = rows["event_time"].dt.tz_localize(None)
    start = rows["event_time"].min().floor("D") - pd.Timedelta(days=1)
    trained["event_time"] = start + pd.to_timedelta(range(len(trained)), unit="s")
    for frame in (trained, rows):
        frame[["y", "yhat"]] = frame[["y", "yhat"]].astype(int)
    chunks = {"timestamp_column_name": "event_time", "chunk_period": "h"}
    of_answers = {"y_pred": "yhat", "y_pred_proba": "p", "y_true": "y", "problem_type": "classification_binary"}
    drift = nannyml.UnivariateDriftCalculator(
        column_names=names,
        treat_as_categorical=[name for name in names if name.startswith("c")],
        continuous_methods=["jensen_shannon"],
        categorical_methods=["jensen_shannon"],
        **chunks,
    )
    found = [
        drift.fit(trained).calculate(rows),
        nannyml.PerformanceCalculator(metrics=METRICS, **of_answers, **chunks).fit(trained).calculate(rows),
        nannyml.CBPE(metrics=METRICS, **of_answers, **chunks).fit(trained).estimate(rows),
    ]
    print(len(rows), [len(each.filter(period="analysis").to_df()) for each in found])


if __name__ == "__main__":
    main(*sys.argv[1:])
