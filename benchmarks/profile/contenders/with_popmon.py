"""Popmon: histograms of the reference, kept; then metrics of a table with the reference's bins against them."""

from __future__ import annotations

import sys

import pandas as pd
import popmon

WHEN = "when"


def read(path: str) -> pd.DataFrame:
    """Read a table. Popmon compares slots of time, so the whole table is put into one."""
    return pd.read_parquet(path).assign(**{WHEN: pd.Timestamp("2026-01-01")})


def main(verb: str, table: str, state: str) -> None:
    """Profile `table` into `state`, or check it against what is there."""
    kept = {} if verb == "profile" else pd.read_pickle(state)  # noqa: S301  our own
    histograms = popmon.make_histograms(
        read(table),
        time_axis=WHEN,
        time_width="1d",
        time_offset="2026-01-01",
        **({"bin_specs": kept["bins"]} if kept else {}),
    )
    if verb == "profile":
        pd.to_pickle({"histograms": histograms, "bins": popmon.get_bin_specs(histograms)}, state)
        return
    settings = popmon.Settings(reference_type="external")
    metrics = popmon.stability_metrics(histograms, settings, reference=kept["histograms"])
    print(len(metrics["comparisons"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
