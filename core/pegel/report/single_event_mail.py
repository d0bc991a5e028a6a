"""The words of a mail about single events: which one, how far out it is, and how many such mails there may be."""

from __future__ import annotations

from datetime import datetime

from pegel.alerts.alert import Mail
from pegel.judge.single_event import rarity
from pegel.report import words
from pegel.spec.outside_text import LONGEST_SENTENCE, shown


def single_event_words(mail: Mail, *, link: str, now: datetime, made: str = "") -> tuple[str, str]:
    """Return subject and plain text. `made`: what the model made of the row; empty where nobody explains it."""
    alert, alerts = mail.alert, mail.spec.alerts
    finding = alert.features[0].finding
    at = words.moment(datetime.fromisoformat(finding.evidence["at"]), now)
    often = f"{alerts.outlier_pages_per_week:g} a week (alerts.outlier_pages_per_week)"
    budget = f"There are at most {often} of these mails, {words.length(alerts.repeat_after)} apart"
    scores = f"scores {finding.statistic:.3g}; the cut-off of outliers is {finding.evidence['cutoff']:.3g}"
    rare = f"fewer than {rarity(finding.threshold)} unchanged rows score so high"
    p, threshold = words.p_and_threshold(finding.p_value, finding.threshold)
    lines = [
        f"{alert.model} v{alert.version}: {shown(finding.what, LONGEST_SENTENCE)}.",
        f"It came at {at} UTC and {scores}.",
        *([f"What the model made of it: {made}."] if made else []),
        "",
        "Whether it is wrong, new or just rare is for a person to say. Further events like it are on the page.",
        f"{budget}; an event is extreme where {rare}.",
        f"Evidence: p = {p}, threshold {threshold} · finding {finding.id[:8]} (pegel explain {finding.id[:8]})",
        "",
        f"Severity  {mail.alert.severity.value}",
        f"Look      {link}",
        f'Quiet it  pegel silence --model {alert.key} --until 8h --why "..."',
    ]
    return f"[pegel] {alert.model} v{alert.version}: an event is extremely far out ({at} UTC)", "\n".join(lines) + "\n"
