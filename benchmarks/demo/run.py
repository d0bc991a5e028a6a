"""What `make demo` measured, as a section of `docs/measured.md`: `python -m benchmarks.demo.run FACTS --write PAGE`."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from benchmarks.page import put

from pegel.spec.monitor_spec import Windowing
from pegel_local.demo.latencies import table


def section(facts: dict[str, Any], windowing: Windowing) -> str:
    """Return the tables of stages and latencies."""
    stages = "\n".join(f"| {name} | {seconds:.0f} s |" for name, seconds in facts["stages_s"].items())
    rows = [f"| {r.what} | {r.measured} | {r.floor or '-'} | {r.because} |" for r in table(facts, windowing)]
    return (
        f"One run of `make demo` on {datetime.now(UTC):%Y-%m-%d}, 2 cores, environments installed; windows of "
        f"{windowing.length.total_seconds():g} s, lateness {windowing.lateness.total_seconds():g} s.\n\n"
        f"| stage | took |\n|---|---|\n{stages}\n| all | {sum(facts['stages_s'].values()):.0f} s |\n\n"
        "| latency | measured | floor | because |\n|---|---|---|---|\n" + "\n".join(rows)
    )


def main() -> None:
    """Print the section, and write it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("facts", type=Path)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    spec = yaml.safe_load(files("pegel_local.demo").joinpath("delays.yaml").read_text(encoding="utf-8"))
    text = section(json.loads(asked.facts.read_text(encoding="utf-8")), Windowing.model_validate(spec["windowing"]))
    print(text)
    if asked.write:
        put(asked.write, "demo", text)


if __name__ == "__main__":
    main()
