"""Traffic of the training period that the model never saw. Nothing has changed, so nobody is disturbed."""

from __future__ import annotations

from collections import Counter

from pegel.judge.findings import Verdict
from pegel_local.demo import flight_traffic
from pegel_local.demo.failure import require
from pegel_local.demo.stage import Demo

COUNT = 400
"""20 s of flight_traffic."""


def show(demo: Demo) -> str:
    """Send held-out rows; count requests, answers and their join; expect no finding."""
    sent = flight_traffic.finish(demo, flight_traffic.send(demo, "january", count=COUNT))
    rows = flight_traffic.all_counted(demo, sent)
    verdicts = Counter(row.verdict for row in rows)
    demo.facts["unchanged"] = {
        "began": sent.began.isoformat(),
        **flight_traffic.counts(sent, rows),
        "verdicts": {verdict.value: count for verdict, count in verdicts.items()},
        "p50_ms": sent.p50_ms,
        "p99_ms": sent.p99_ms,
        "final_after_s": [(row.emitted_at - row.span.end).total_seconds() for row in rows],
    }
    quiet = {Verdict.OK, Verdict.BELOW_MARGIN, Verdict.INSUFFICIENT}
    require(
        set(verdicts) <= quiet and verdicts[Verdict.OK] > 0,
        expected="windows that are ok, and no finding",
        happened=", ".join(f"{count} x {verdict}" for verdict, count in verdicts.items()),
        log=demo.driver.log,
    )
    return f"{flight_traffic.in_words(flight_traffic.counts(sent, rows))} · {_words(verdicts)} · 0 findings"


def _words(verdicts: Counter[Verdict]) -> str:
    few = verdicts[Verdict.INSUFFICIENT]
    rest = verdicts.total() - few
    return f"{rest} windows ok" + (f", {few} with too few rows to say" if few else "")
