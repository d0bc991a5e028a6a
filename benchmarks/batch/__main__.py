"""A day of a large model archived, joined and judged: `python -m benchmarks.batch [--rows 10000000]`.

Run it with the Spark environment's interpreter. Rows of 50 features with a score and an answer lie on a real broker, in
JSON as requests of `--per-request` rows each and their answers; offsets are noted as the stream notes them, and its
windows of a minute are there. Then the jobs of the workflow run one after the other, each as a process of its own, as
Airflow starts it: rows are archived, joined with a table of labels and judged by hours; hours and the day are judged
from windows. At last all rows are counted again from the archive, which must give the same day. All of it is done for a
tenth of the rows and for all of them: memory that is flat has the same peak.

Beside it, on the archive of `--peer-rows` at most: Evidently and NannyML, each in an environment of its own
(`.venvs/peers/`, locked by hash), and pyarrow with numpy as the floor. They join and judge; nobody archives for them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.batch.labelled_day import LabelledDay
from benchmarks.batch.watching import Watched, watched
from benchmarks.page import put, when
from benchmarks.profile.contending import QUIET
from benchmarks.profile.peers import install
from benchmarks.stream.scene import World, world

from pegel.archive.folders import Kept

NAMES = ("evidently", "nannyml")
JOBS = {
    "archive": ["pegel_spark.jobs.archive"],
    "join and judge answers": ["pegel_spark.jobs.join_labels"],
    "judge hours and the day, count again": ["benchmarks.batch.judge_day"],
}
LIMIT_S = 4 * 3_600.0
FLAT_WITHIN = 1.25
"""Times the peak of a tenth of the rows, up to which memory counts as flat in rows."""


def do(day: LabelledDay, here: World) -> dict[str, Watched]:
    """Run the jobs over a day that is on the broker. Raises RuntimeError where one did not do all of it."""
    taken, settings = {}, here.settings.variables() | {"PEGEL_KAFKA": here.broker.address}
    for name, (module,) in JOBS.items():
        further = [day.day.start.isoformat()] if module.startswith("benchmarks") else []
        taken[name] = watched([sys.executable, "-m", module, *further], settings, LIMIT_S)
        print(name, taken[name], flush=True)
        if taken[name].failed is not None:
            raise RuntimeError(f"{name}: {taken[name].failed}")
    said = [json.loads(one.said) for one in taken.values()]
    counts = (said[0]["rows"]["delays/1"], said[1]["taken"], said[2]["rows"])
    if counts != (day.rows,) * 3 or not said[2]["is_same"]:
        raise RuntimeError(f"expected {day.rows} rows archived, labelled and counted again, given {counts}: {said}")
    return taken


def contend(day: LabelledDay, here: World, chosen: Sequence[str]) -> dict[str, Watched]:
    """Let others join and judge the archived rows."""
    given = [f"{here.settings.archive_root}/{Kept.ROWS}", str(day.labels), str(day.reference)]
    found = {}
    for name in ("numpy", *chosen):
        try:
            python = sys.executable if name == "numpy" else str(install(name))
        except subprocess.CalledProcessError as error:
            found[name] = Watched(0, 0, 0, failed=f"not installed: {error.stderr.strip()[-300:]}")
            continue
        script = str(Path(__file__).parent / "contenders" / f"with_{name}.py")
        found[name] = watched([python, "-W", "ignore", script, *given], QUIET, LIMIT_S)
        print(name, found[name], flush=True)
    return found


def measure(
    rows: int, per_request: int, chosen: Sequence[str], peer_rows: int
) -> tuple[dict[int, dict[str, Watched]], dict[int, dict[str, Watched]]]:
    """Return what the jobs took, by number of rows, and what the others did."""
    ours: dict[int, dict[str, Watched]] = {}
    others: dict[int, dict[str, Watched]] = {}
    for size in (rows // 10, rows):
        with tempfile.TemporaryDirectory() as folder:
            day = LabelledDay(Path(folder), size, per_request)
            with world(Path(folder), [(day.spec, day.baseline)]) as here:
                day.happen(here)
                ours[size] = do(day, here)
                if size <= peer_rows:
                    others[size] = contend(day, here, chosen)
    return ours, others


def section(
    ours: dict[int, dict[str, Watched]], others: dict[int, dict[str, Watched]], rows: int, per_request: int
) -> str:
    """Return the results as tables."""
    setting = (
        f"Run on {when()} by `python -m benchmarks.batch --rows {rows} --per-request {per_request}`: 40 numbers and 10 "
        f"categories, JSON, {per_request} rows a request. Whole processes, the start of Spark included."
    )
    lines = [
        setting,
        "",
        "| | rows | wall | processor | rows/s per core | peak MiB: together, JVM, workers, program |",
        "|---|---|---|---|---|---|",
    ]
    for size, taken in ours.items():
        lines += [_line(name, size, one) for name, one in taken.items()]
        cpu, wall = sum(one.cpu_s for one in taken.values()), sum(one.wall_s for one in taken.values())
        peak = max(one.mib for one in taken.values())
        lines.append(f"| **the day** | {size:,} | {wall:.0f} s | {cpu:.0f} s | {size / cpu:,.0f} | {peak:,.0f} |")
    (small, large) = ours.values()
    growth = {name: large[name].mib / small[name].mib for name in JOBS}
    told = "; ".join(f"{name} {value:.2f}" for name, value in growth.items())
    flat = "flat in rows" if max(growth.values()) <= FLAT_WITHIN else "*missed*: not flat in rows"
    lines += ["", f"Ten times the rows take so many times the peak of memory: {told}: {flat}.", ""]
    lines += [
        "The same join and judging by others, on the archived rows; pegel here is all of its jobs but the archive.",
        "",
        "| | rows | wall | processor | rows/s per core | peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    for size, found in others.items():
        mine = [one for name, one in ours[size].items() if name != "archive"]
        cpu, wall = sum(one.cpu_s for one in mine), sum(one.wall_s for one in mine)
        whole = Watched(wall, cpu, max(one.mib for one in mine))
        lines += [_line(name, size, one) for name, one in {"pegel": whole, **found}.items() if one.failed is None]
        lines += [f"\n**{name} did not run**: {one.failed}" for name, one in found.items() if one.failed is not None]
    return "\n".join(lines)


def _line(name: str, rows: int, one: Watched) -> str:
    kinds = [f"{one.mib_by_kind[kind]:,.0f}" for kind in ("JVM", "workers", "program") if kind in one.mib_by_kind]
    memory = ", ".join([f"{one.mib:,.0f}", *(kinds if len(kinds) > 1 else [])])
    return f"| {name} | {rows:,} | {one.wall_s:.0f} s | {one.cpu_s:.0f} s | {rows / one.cpu_s:,.0f} | {memory} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the day; a tenth of it is measured, too")
    parser.add_argument("--per-request", type=int, default=100)
    parser.add_argument("--peers", nargs="*", choices=NAMES, default=list(NAMES))
    parser.add_argument("--peer-rows", type=int, default=1_000_000, help="on how many rows the others are tried")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    ours, others = measure(options.rows, options.per_request, options.peers, options.peer_rows)
    text = section(ours, others, options.rows, options.per_request)
    print(text)
    if options.write:
        put(options.write, "batch", text)


if __name__ == "__main__":
    main()
