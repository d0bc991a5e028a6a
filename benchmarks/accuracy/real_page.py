"""The tools themselves beside our copies of their rules, for the section "Power"."""

from __future__ import annotations

from benchmarks.accuracy import real
from benchmarks.accuracy.power_page import SHORT, plan_of
from benchmarks.accuracy.runs import Run
from benchmarks.accuracy.tables import Page
from benchmarks.profile.peers import install


def section(seed: int, run: Run) -> str:
    """Return how the tools themselves judge the same rows."""
    for name in real.NAMES:
        install(name)  # once, before several processes ask for it
    plan = plan_of(SHORT, seed)
    tasks = [(plan, 0, n, name) for n in SHORT for name in real.NAMES]
    rows = [
        (one.rule, one.version, f"{one.n:,}", f"{one.same} of {one.decisions}", f"{one.clean:.2f}")
        for found in run(real.compare, tasks)
        for one in found
    ]
    page = Page()
    page.say(
        "The rules of Evidently and NannyML above are written anew. Here the tools themselves, installed apart, "
        f"judge the first {real.FEW} windows of the first baseline, clean and with each change. The last column is "
        "the share of clean windows in which the tool itself flags any of ten features."
    )
    page.table(("rule", "version", "n", "same verdict on a feature", "clean windows flagged"), rows)
    return "\n".join(page.lines)
