"""Run the suites of every environment and close with one summary: `python tests/run.py [SUITE ...]`.

A suite is a folder below `tests/` and the environment it runs in. Core runs whole once; in a second environment runs
what is marked `environments`, because it depends on versions that differ there. Tests marked `long` are left out, and
property tests draw the same examples each time; `--long` runs the long ones, and the property tests on examples drawn
anew, `--slice K/N` every Nth of them from the Kth on, `--slice today` the day's share. The suite `pages` is all long
and runs whole or not at all: its tests share a system that each part would start again. The chaos suites, `credit`,
`cookbook` and the one that needs a cluster run only where they are named.

Exit code 0 only if nothing failed and every suite ran at least one test; a slice of a suite may be `empty`.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "test-results"
BUDGET_S = 12 * 60
"""What all suites together may take on two quiet cores."""
LANES = 3
"""Suites that run at once: each waits about half of its time, for servers to start and for windows to end."""
SLICES = 7
"""Days in which `--slice today` comes by every long test."""
NOTHING_COLLECTED = 5
"""Pytest's exit code."""


@dataclass(frozen=True)
class Suite:
    """One pytest run: a folder of tests in one environment, and the seconds it takes on two quiet cores.

    A `-` in the name leads into a folder.
    """

    name: str
    environment: str
    seconds: int
    selection: str = "not long"
    only_named: bool = False
    """Run only where it is asked for: it takes long and needs the machine for itself, or `make` prepares it."""

    @property
    def label(self) -> str:
        """Return the name under which the run is reported."""
        return f"{self.name} ({self.environment})"

    @property
    def usual(self) -> bool:
        """Say whether it is run where nothing is asked for."""
        return "not long" in self.selection

    @property
    def destructive(self) -> bool:
        """Say whether it does harm to real parts and keeps accounts of it."""
        return self.selection == "chaos"

    @property
    def table(self) -> Path:
        """Return where a destructive suite writes what its faults did."""
        return (ROOT / "build" / self.name.replace("-", "/")).with_suffix(".txt")

    def paths(self) -> list[str]:
        """Return where its tests are: its folder, or the marked files of it, as pytest imports whatever it is given."""
        folder = ROOT / "tests" / self.name.replace("-", "/")
        if "environments" not in self.selection:
            return [str(folder.relative_to(ROOT))]
        marked = (path for path in sorted(folder.rglob("test_*.py")) if "mark.environments(" in path.read_text())
        return [str(path.relative_to(ROOT)) for path in marked]


SUITES = (
    Suite("core", "spark", 270),
    Suite("core", "airflow", 70, "environments and not slow and not long"),
    Suite("airflow", "airflow", 200),
    Suite("spark", "spark", 260),
    Suite("serving", "serving", 180),
    Suite("abuse", "serving", 36),
    Suite("local", "serving", 48),
    Suite("repo", "serving", 90),
    Suite("e2e", "serving", 380),
    Suite("pages", "serving", 480, "long"),
    Suite("credit", "serving", 420, "long", only_named=True),
    Suite("cookbook", "serving", 420, "long", only_named=True),
    Suite("k8s", "airflow", 90, only_named=True),
    Suite("k8s-chaos", "airflow", 300, "chaos", only_named=True),
    Suite("chaos-stream", "spark", 1_800, "chaos", only_named=True),
    Suite("chaos-serving", "serving", 150, "chaos", only_named=True),
)
_printing = threading.Lock()
_runs: set[subprocess.Popen[str]] = set()
_ended = threading.Event()


@dataclass
class Outcome:
    """What one run counted."""

    suite: Suite
    passed: int
    failed: int
    skipped: int
    seconds: float
    may_be_empty: bool

    @property
    def good(self) -> bool:
        """Say whether the run proves something: tests ran and none failed."""
        return self.failed == 0 and (self.passed > 0 or self.may_be_empty)


@dataclass(frozen=True)
class Plan:
    """What is run: the suites asked for, with the usual tests or a slice of the long ones."""

    suites: tuple[Suite, ...]
    long: bool
    slice: str | None

    def command(self, suite: Suite, report: Path) -> list[str]:
        """Return the pytest run of one suite."""
        python = ROOT / ".venvs" / suite.environment / "bin" / "python"
        selection = "(long or hypothesis) and not chaos" if self.long and not suite.destructive else suite.selection
        command = [str(python), "-m", "pytest", "-q", *suite.paths(), f"--junitxml={report}", "-m", selection]
        anew = ["--anew"] if self.long else []
        return [*command, *anew, *([f"--slice={self.slice}"] if self.slice else [])]


def pytest(command: Sequence[str]) -> tuple[int, str]:
    """Run one suite's tests; return their exit code and what they print. Nothing is begun after `end`."""
    if _ended.is_set():
        return 1, "not begun: the runner was told to end"
    # Whatever the machine's habit, bytecode is kept: hundreds of processes would compile the same files again.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=kept, stdout=pipe, stderr=subprocess.STDOUT, text=True) as tests:
        _runs.add(tests)
        output, _ = tests.communicate()
        _runs.discard(tests)
    return tests.returncode, output


def end(_signal: int, _frame: FrameType | None) -> None:
    """Let the suites that run end what they started, and begin no other: they would go on by themselves."""
    _ended.set()
    for tests in tuple(_runs):
        tests.send_signal(signal.SIGINT)


def run(plan: Plan, suite: Suite) -> Outcome:
    """Run one suite and count what it reports; a run that dies without a report counts as one failure."""
    report = RESULTS / f"{suite.name}-{suite.environment}.xml"
    report.unlink(missing_ok=True)
    suite.table.unlink(missing_ok=True)
    started = time.monotonic()
    exit_code, output = pytest(plan.command(suite, report))
    seconds = time.monotonic() - started
    with _printing:
        print(f"\n=== {suite.label}\n{output}", flush=True)
    if not report.exists():
        return Outcome(suite, 0, 1, 0, seconds, plan.long)
    root = ET.parse(report).getroot()  # noqa: S314 - written by our own pytest run just now
    counts = {
        key: sum(int(s.get(key, "0")) for s in root.iter("testsuite"))
        for key in ("tests", "failures", "errors", "skipped")
    }
    failed = counts["failures"] + counts["errors"]
    expected = {0, NOTHING_COLLECTED} if plan.long else {0}
    if exit_code not in expected and failed == 0:
        failed = 1
    passed = counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"]
    return Outcome(suite, passed, failed, counts["skipped"], seconds, plan.long)


def run_all(plan: Plan) -> list[Outcome]:
    """Run the suites, the longest first, in as many lanes as there are."""
    longest_first = sorted(plan.suites, key=lambda suite: -suite.seconds)
    with ThreadPoolExecutor(LANES) as pool:
        return list(pool.map(lambda suite: run(plan, suite), longest_first))


def report(plan: Plan, outcomes: Sequence[Outcome], seconds: float) -> None:
    """Print what each suite counted and took, and a loud line if all together took more than the budget."""
    print("\n=== summary")
    for outcome in outcomes:
        mark = ("ok    " if outcome.passed else "empty ") if outcome.good else "FAILED"
        usual = "" if plan.long else f"  (quiet: {outcome.suite.seconds} s)"
        print(
            f"{mark}  {outcome.suite.label:18}  {outcome.passed:5} passed  {outcome.failed:3} failed  "
            f"{outcome.skipped:3} skipped  {outcome.seconds:6.1f} s{usual}"
        )
    for suite in plan.suites:
        if suite.destructive and suite.table.exists():
            print(f"\n{suite.table.read_text()}")
    print(f"{seconds:.0f} s in all; load of this machine {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")
    if not plan.long and seconds > BUDGET_S and all(suite.usual for suite in plan.suites):
        print(f"!!! OVER BUDGET: all suites may take {BUDGET_S} s on two quiet cores. Speed up, or mark tests `long`.")
    if plan.slice:
        print(f"to repeat this slice: make test-long SLICE={plan.slice}")
    passed, failed, skipped = (sum(getattr(o, key) for o in outcomes) for key in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")


def read(arguments: Sequence[str]) -> Plan:
    """Return what the command line asks for; anything unknown ends the process with a sentence."""
    names = sorted({suite.name for suite in SUITES})
    parser = argparse.ArgumentParser(description="Run the suites of every environment.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(names)}; none means all")
    parser.add_argument("--long", action="store_true", help="run what is marked `long`; draw examples anew")
    parser.add_argument("--slice", help="of the long tests: K/N, or `today`")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.suites) - set(names)):
        parser.error(f"expected suites of {', '.join(names)}, given {', '.join(unknown)}; nothing was run")
    if given.slice and not given.long:
        parser.error("--slice chooses among long tests: give --long too; nothing was run")
    part = given.slice
    if part == "today":
        part = f"{datetime.now(UTC).date().toordinal() % SLICES + 1}/{SLICES}"
    unnamed = [suite for suite in SUITES if not suite.only_named and (suite.usual or given.long)]
    chosen = [suite for suite in SUITES if suite.name in given.suites] if given.suites else unnamed
    if given.long:
        # Once each: the second environment of core has no long tests of its own.
        chosen = [suite for suite in chosen if "environments" not in suite.selection]
    if part:
        chosen = [suite for suite in chosen if suite.usual]
    return Plan(tuple(chosen), given.long, part)


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for and print the summary."""
    plan = read(arguments)
    signal.signal(signal.SIGTERM, end)
    began = time.monotonic()
    RESULTS.mkdir(parents=True, exist_ok=True)
    if plan.slice:
        print(f"slice {plan.slice} of the long tests; to repeat it: make test-long SLICE={plan.slice}", flush=True)
    outcomes = run_all(plan)
    report(plan, outcomes, time.monotonic() - began)
    return 0 if all(outcome.good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
