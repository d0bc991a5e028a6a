"""Traffic of the days around Christmas. Flights are later than in training, and Pegel finds it."""

from __future__ import annotations

from datetime import UTC, datetime

from pegel.judge.findings import Finding
from pegel_local.demo import flight_traffic
from pegel_local.demo.failure import eventually
from pegel_local.demo.stage import Demo

COUNT = 260
"""13 s of flight_traffic."""
WITHIN_S = 45.0


def show(demo: Demo) -> str:
    """Send the later rows; wait for the first final finding, then for the last window."""
    sending = flight_traffic.send(demo, "december", count=COUNT)
    drifts = eventually(
        lambda: findings(demo) or None,
        within_s=WITHIN_S,
        expected="a finding",
        happened=lambda: f"verdicts: {[row.verdict.value for row in flight_traffic.windows(demo, sending.began)]}",
        log=demo.driver.log,
    )
    seen_at = datetime.now(UTC)
    sent = flight_traffic.finish(demo, sending)
    rows = flight_traffic.all_counted(demo, sent)
    first = min(drifts, key=lambda finding: finding.span.end)
    needed = sum(row.span.end <= first.span.end for row in rows)
    written = next(row.emitted_at for row in rows if row.span == first.span)
    found = findings(demo)
    features = sorted({finding.feature for finding in found})
    at_first = sorted({finding.feature for finding in found if finding.span.end == first.span.end})
    demo.facts["changed"] = {
        **flight_traffic.counts(sent, rows),
        "began": sending.began.isoformat(),
        "finding_written": written.isoformat(),
        "finding_seen": seen_at.isoformat(),
        "first_drifting_end": first.span.end.isoformat(),
        "windows_needed": needed,
        "features": features,
        "features_at_first": at_first,
    }
    window = "window" if needed == 1 else "windows"
    later = ", ".join(feature for feature in features if feature not in at_first)
    after = f", later {later}" if later else ""
    return f"{sent.count:,} requests · drift found after {needed} {window}: {', '.join(at_first)}{after}"


def findings(demo: Demo) -> list[Finding]:
    """Return the final findings so far."""
    model = demo.spec.model
    return [finding for _, finding in demo.results.findings(model.name, model.version)]
