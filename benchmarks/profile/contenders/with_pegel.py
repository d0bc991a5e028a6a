"""Pegel as a notebook uses it: a baseline, kept; then the report of a table against it, as text."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pegel
from pegel.baseline.baseline import Baseline


def main(verb: str, table: str, state: str) -> None:
    """Profile `table` into `state`, or check it against what is there."""
    if verb == "profile":
        Path(state).write_text(json.dumps(pegel.profile(table).to_json()), encoding="utf-8")
        return
    print(pegel.check(table, Baseline.from_json(json.loads(Path(state).read_text(encoding="utf-8")))))


if __name__ == "__main__":
    main(*sys.argv[1:])
