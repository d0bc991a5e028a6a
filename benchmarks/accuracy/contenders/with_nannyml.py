"""NannyML's own verdicts on given windows: `with_nannyml.py FOLDER` reads `rows.npz`, writes `nannyml.json`.

The file holds `reference/COLUMN`, shape (rows,), and `windows/COLUMN`, shape (windows, rows); columns whose names begin
with `c` are categories. Written are flags per column and window.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nannyml
import numpy as np
import pandas as pd


def main(folder: Path) -> None:
    """Judge every window as one chunk."""
    given = np.load(folder / "rows.npz")
    names = [key.removeprefix("windows/") for key in given.files if key.startswith("windows/")]
    found = {}
    for name in names:
        windows, reference = given[f"windows/{name}"], given[f"reference/{name}"]
        tables = [
            pd.DataFrame({name: rows.astype(int).astype(str) if name.startswith("c") else rows})
            for rows in (reference, windows.ravel())
        ]
        calculator = nannyml.UnivariateDriftCalculator(
            column_names=[name],
            treat_as_categorical=[name] if name.startswith("c") else [],
            continuous_methods=["jensen_shannon"],
            categorical_methods=["jensen_shannon"],
            chunk_size=windows.shape[1],
        )
        result = calculator.fit(tables[0]).calculate(tables[1]).filter(period="analysis").to_df()
        found[name] = [bool(flag) for flag in result[(name, "jensen_shannon", "alert")]]
    (folder / "nannyml.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
