"""Exactly one person-readable mail was accepted by the mail box."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pegel.report.kept_mail import plain_text, read
from pegel_local.demo.failure import eventually, require
from pegel_local.demo.stage import Demo

WITHIN_S = 90.0


def show(demo: Demo) -> str:
    """Wait for the mail about the drift, and measure its way."""
    box = Path(demo.stack.home.folder("mail"))
    first = eventually(
        lambda: min(box.glob("*.eml"), default=None),
        within_s=WITHIN_S,
        expected="a mail",
        happened=lambda: f"the mail box {box} is empty",
        log=demo.log("airflow-scheduler"),
    )
    message = read(first)
    subject, text = str(message["Subject"]), plain_text(message)
    accepted = datetime.fromtimestamp(int(first.stem) / 1e9, UTC)
    changed = demo.facts["changed"]
    named = [feature for feature in changed["features"] if feature in text]
    require(
        demo.spec.model.name in subject and bool(named),
        expected=f"a mail about {demo.spec.model.name} that names one of {changed['features']}",
        happened=f"subject {subject!r}",
        log=first,
    )
    after_finding = (accepted - datetime.fromisoformat(changed["finding_written"])).total_seconds()
    after_request = (accepted - datetime.fromisoformat(changed["began"])).total_seconds()
    demo.facts["mail"] = {
        "file": str(first),
        "subject": subject,
        "text": text,
        "after_finding_s": after_finding,
        "after_request_s": after_request,
    }
    return f"{after_finding:.1f} s after the finding, {after_request:.1f} s after the first changed request"
