"""Run the suites of every environment and close with one summary: `python tests/run.py [SUITE ...]`.

A suite is a folder below `tests/` and the environment it runs in. Core runs in all three, because it is installed in
all three; its slow tests run once. Exit code 0 only if nothing failed and every suite ran at least one test.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "test-results"


@dataclass(frozen=True)
class Suite:
    """One pytest run: a folder of tests in one environment."""

    name: str
    environment: str
    arguments: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Return the name under which the run is reported."""
        return f"{self.name} ({self.environment})"


LANES = (
    (
        Suite("repo", "serving"),
        Suite("core", "spark"),
        Suite("core", "airflow", ("-m", "not slow")),
        Suite("core", "serving", ("-m", "not slow")),
        Suite("airflow", "airflow"),
    ),
    (Suite("spark", "spark"), Suite("serving", "serving"), Suite("local", "serving")),
)
"""One lane per core; the suites of a lane run one after the other."""
ALONE = (Suite("e2e", "serving"),)
"""Runs when the lanes are done: it measures latencies."""
SUITES = (*LANES[0], *LANES[1], *ALONE)
_printing = threading.Lock()


@dataclass
class Outcome:
    """What one run counted."""

    suite: Suite
    passed: int
    failed: int
    skipped: int
    seconds: float

    @property
    def good(self) -> bool:
        """Say whether the run proves something: tests ran and none failed."""
        return self.failed == 0 and self.passed > 0


def run(suite: Suite) -> Outcome:
    """Run one suite and count what it reports; a run that dies without a report counts as one failure."""
    report = RESULTS / f"{suite.name}-{suite.environment}.xml"
    report.unlink(missing_ok=True)
    python = ROOT / ".venvs" / suite.environment / "bin" / "python"
    started = time.monotonic()
    command = [str(python), "-m", "pytest", "-q", f"tests/{suite.name}", f"--junitxml={report}", *suite.arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    code, seconds = done.returncode, time.monotonic() - started
    with _printing:
        print(f"\n=== {suite.label}\n{done.stdout}", flush=True)
    if not report.exists():
        return Outcome(suite, 0, 1, 0, seconds)
    root = ET.parse(report).getroot()  # noqa: S314 - written by our own pytest run just now
    counts = {
        key: sum(int(s.get(key, "0")) for s in root.iter("testsuite"))
        for key in ("tests", "failures", "errors", "skipped")
    }
    failed = counts["failures"] + counts["errors"]
    if code != 0 and failed == 0:
        failed = 1
    return Outcome(
        suite,
        counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"],
        failed,
        counts["skipped"],
        seconds,
    )


def run_all(suites: list[Suite]) -> list[Outcome]:
    """Run suites one after the other."""
    return [run(suite) for suite in suites]


def main(names: list[str]) -> int:
    """Run the named suites, or all, and print the summary."""
    unknown = sorted(set(names) - {suite.name for suite in SUITES})
    if unknown:
        print(
            f"expected suites of {sorted({s.name for s in SUITES})}, given {unknown}; nothing was run", file=sys.stderr
        )
        return 2
    began = time.monotonic()
    RESULTS.mkdir(parents=True, exist_ok=True)
    wanted = [[suite for suite in lane if not names or suite.name in names] for lane in (*LANES, ALONE)]
    with ThreadPoolExecutor(len(LANES)) as pool:
        outcomes = [one for lane in pool.map(run_all, wanted[:-1]) for one in lane]
    outcomes += run_all(wanted[-1])
    print("\n=== summary")
    for outcome in outcomes:
        mark = "ok    " if outcome.good else "FAILED"
        print(
            f"{mark}  {outcome.suite.label:18}  {outcome.passed:5} passed  {outcome.failed:3} failed  "
            f"{outcome.skipped:3} skipped  {outcome.seconds:6.1f} s"
        )
    passed, failed, skipped = (sum(getattr(o, key) for o in outcomes) for key in ("passed", "failed", "skipped"))
    print(f"{time.monotonic() - began:.0f} s in all")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if all(outcome.good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
