"""whylogs: a profile of the reference, kept; then the drift scores of a table's profile against it."""

from __future__ import annotations

import sys

import pandas as pd
import whylogs
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores


def main(verb: str, table: str, state: str) -> None:
    """Profile `table` into `state`, or check it against what is there."""
    found = whylogs.log(pd.read_parquet(table)).view()
    if verb == "profile":
        found.write(state)
        return
    scores = calculate_drift_scores(
        target_view=found, reference_view=whylogs.DatasetProfileView.read(state), with_thresholds=True
    )
    print(len(scores))


if __name__ == "__main__":
    main(*sys.argv[1:])
