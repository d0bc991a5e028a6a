"""Requests name flights alone. What is known of some was not refreshed since yesterday: found, and mailed."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from pegel.data.look_up_faults import LookUpFault
from pegel.judge.findings import Finding
from pegel.report.kept_mail import plain_text, read
from pegel_local.demo import flight_traffic
from pegel_local.demo.failure import eventually, require
from pegel_local.demo.stage import Demo, Started

COUNT = 120
"""6 s of flight_traffic: most of two windows."""
FEATURE = "failed look-ups"
"""Under which name findings tell of what is not from the online store."""
FOUND_WITHIN_S = 45.0
MAILED_WITHIN_S = 90.0


def load(demo: Demo) -> Started:
    """Begin to fill the online store with what is known of flights."""
    table, section = demo.home / "traffic" / "flights.parquet", demo.spec.online
    keys = [part for key in section.keys for part in ("--key", key)]
    options = ("--to", section.source, *keys, "--time", "updated", "--home", demo.home)
    return demo.begin("features", "pegel.cli.main", "features", "load", table, *options)


def show(demo: Demo) -> str:
    """Send flights by name; wait for the finding about those that are stale, count, and read the mail."""
    sending = flight_traffic.send(demo, "named_flights", count=COUNT)
    finding = eventually(
        lambda: _finding(demo),
        within_s=FOUND_WITHIN_S,
        expected="a finding about stale features",
        happened=lambda: f"verdicts: {[row.verdict.value for row in flight_traffic.windows(demo, sending.began)]}",
        log=demo.driver.log,
    )
    sent = flight_traffic.finish(demo, sending)
    rows = flight_traffic.all_counted(demo, sent)
    stale = _stale_requests(demo)
    subject, mailed_at = _mail(demo, sending.began)
    demo.facts["looked_up"] = {
        **flight_traffic.counts(sent, rows),
        "rows": sum(row.rows for row in rows),
        "stale": stale,
        "finding": finding.what,
        "subject": subject,
        "mailed_s": (mailed_at - sending.began).total_seconds(),
    }
    names = len(demo.spec.online.features)
    return (
        f"{sent.count:,} requests by flight alone, {names} features looked up · {stale} found stale, mailed "
        f"{demo.facts['looked_up']['mailed_s']:.0f} s after the first"
    )


def _finding(demo: Demo) -> Finding | None:
    model = demo.spec.model
    findings = (finding for _, finding in demo.results.findings(model.name, model.version))
    return next((finding for finding in findings if finding.feature == FEATURE), None)


def _stale_requests(demo: Demo) -> int:
    """Return of how many requests features were stale, by the ledger; their rows are in no window.

    Raises StageFailed where anything else was replaced: the store knows every flight, and answers.
    """
    model = demo.spec.model
    minutes = demo.results.ledger(model.name, model.version)
    others = sum(minute.entity_unknown + minute.store_unavailable for minute in minutes)
    stale = sum(minute.vector_stale for minute in minutes)
    require(
        stale > 0 and not others,
        expected="events with stale features, and none with other faults",
        happened=f"{stale} with stale ones, {others} with others",
        log=demo.server_log,
    )
    return stale // 2  # a request and its answer each


def _mail(demo: Demo, since: datetime) -> tuple[str, datetime]:
    """Wait for the mail about it; return its subject, and when it was accepted."""
    box = Path(demo.stack.home.folder("mail"))

    def look() -> tuple[EmailMessage, datetime] | None:
        for path in sorted(box.glob("*.eml")):
            at, message = datetime.fromtimestamp(int(path.stem) / 1e9, UTC), read(path)
            if at > since and LookUpFault.STALE.value in plain_text(message):
                return message, at
        return None

    message, at = eventually(
        look,
        within_s=MAILED_WITHIN_S,
        expected="a mail about stale features",
        happened=lambda: f"the mail box {box} has {len([*box.glob('*.eml')])} mails, none about them",
        log=demo.log("airflow-scheduler"),
    )
    return str(message["Subject"]), at
