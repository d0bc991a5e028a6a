"""The floor: every column of the archive read and counted in cells, labels joined, wrong answers counted."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

KEYS = ["event_id", "row"]


def main(archive: str, labels: str, reference: str) -> None:
    """Count hour by hour."""
    known, trained = pq.read_table(labels), pq.read_table(reference)
    names = [name for name in trained.column_names if name.startswith("x")]
    edges = {name: np.quantile(trained[name].to_numpy(), np.arange(1, 64) / 64) for name in names}
    wrong = rows = 0
    for hour in sorted({path.parent for path in Path(archive).rglob("*.parquet")}):
        table = ds.dataset(hour).to_table()
        for name in names:
            np.bincount(np.searchsorted(edges[name], table[f"f_{name}"].to_numpy()), minlength=64)
        for name in table.column_names:
            if pa.types.is_string(table.schema.field(name).type) and name.startswith("f_"):
                table[name].value_counts()
        answers = table.select([*KEYS, "p_yhat"]).set_column(1, "row", table["row"].cast(pa.int64()))
        both = answers.join(known, KEYS, join_type="inner")
        rows += both.num_rows
        wrong += pc.sum(pc.not_equal(both["p_yhat"], both["y"])).as_py()
    print(rows, wrong / rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
