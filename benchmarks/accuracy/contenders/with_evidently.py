"""Evidently's own verdicts on given windows: `with_evidently.py FOLDER` reads `rows.npz`, writes `evidently.json`.

The file holds `reference/COLUMN`, shape (rows,), and `windows/COLUMN`, shape (windows, rows); columns whose names begin
with `c` are categories. Written are flags per column and window, for the reference whole and cut to 1,000 rows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

PREFIX = "Value Drift for column "


def frame(columns: dict[str, np.ndarray]) -> Dataset:
    """Return rows with their kinds declared."""
    text = [name for name in columns if name.startswith("c")]
    table = pd.DataFrame(
        {name: rows.astype(int).astype(str) if name in text else rows for name, rows in columns.items()}
    )
    numbers = [name for name in columns if name not in text]
    return Dataset.from_pandas(
        table, data_definition=DataDefinition(numerical_columns=numbers, categorical_columns=text)
    )


def main(folder: Path) -> None:
    """Judge every window against both references."""
    given = np.load(folder / "rows.npz")
    names = [key.removeprefix("windows/") for key in given.files if key.startswith("windows/")]
    windows = given[f"windows/{names[0]}"].shape[0]
    found = {}
    for rows in (1_000, given[f"reference/{names[0]}"].size):
        reference = frame({name: given[f"reference/{name}"][:rows] for name in names})
        flags: dict[str, list[bool]] = {name: [] for name in names}
        for number in range(windows):
            now = frame({name: given[f"windows/{name}"][number] for name in names})
            result = Report([DataDriftPreset()], include_tests=True).run(now, reference).dict()
            for test in result["tests"]:
                if test["name"].startswith(PREFIX):
                    flags[test["name"].removeprefix(PREFIX)].append("FAIL" in str(test["status"]))
        found[str(rows)] = flags
    (folder / "evidently.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
