"""NannyML: the univariate drift calculator, fitted and kept; then its values for a table as one chunk."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import nannyml
import pandas as pd


def main(verb: str, table: str, state: str) -> None:
    """Profile `table` into `state`, or check it against what is there."""
    frame = pd.read_parquet(table)
    if verb == "profile":
        calculator = nannyml.UnivariateDriftCalculator(
            column_names=list(frame.columns),
            continuous_methods=["jensen_shannon"],
            categorical_methods=["jensen_shannon"],
            chunk_number=10,
        )
        Path(state).write_bytes(pickle.dumps(calculator.fit(frame)))
        return
    calculator = pickle.loads(Path(state).read_bytes())  # noqa: S301  written by ourselves a moment ago
    print(calculator.calculate(frame).to_df().shape)


if __name__ == "__main__":
    main(*sys.argv[1:])
