"""Describes a table of Delta in pandas, numbers by moments and quantiles, categories by counts; prints the seconds."""

from __future__ import annotations

import sys
import time

from deltalake import DeltaTable


def main() -> None:
    """Describe the table that the argument names."""
    begin = time.perf_counter()
    frame = DeltaTable(sys.argv[1]).to_pandas()
    frame.describe(percentiles=[at / 20 for at in range(1, 20)])
    for name in frame.select_dtypes(exclude="number").columns:
        frame[name].value_counts()
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    main()
