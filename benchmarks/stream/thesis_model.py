"""A model that answers twice its first feature, as it is served: `python -m benchmarks.stream.thesis_model FOLDER`.

Run it with the serving environment's interpreter.
"""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
from benchmarks.stream.scene import Rows
from sklearn.linear_model import LinearRegression

from pegel_serving.metadata import MODEL_FILE, Metadata

NAME, VERSION = "delays", 1


def main(folder: Path) -> None:
    """Fit the model and write it into a folder."""
    rows = Rows(4, 0)
    numbers, _ = rows.draw(100, 1)
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(LinearRegression().fit(numbers, 2 * numbers[:, 0]), folder / MODEL_FILE)
    Metadata(NAME, VERSION, rows.schema).write(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
