"""The mail about an alert: subject, plain text, HTML with the picture, and all of it as one message.

The first three lines say what changed, since when and how sure it is; what to do comes before one has to scroll.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from pegel.alerts.alert import Mail, MailKind
from pegel.baseline.baseline import Baseline
from pegel.judge.findings import Finding
from pegel.judge.layers.odd_events import DETECTOR as EVENTS
from pegel.judge.missing_answers import MissingAnswers
from pegel.report import words
from pegel.report.html import environment
from pegel.report.mail_facts import Facts
from pegel.spec.outside_text import LONGEST_NAME, LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.stream.result_rows import Tally

PICTURE = "picture@pegel"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail ready to be sent. `picture` is a PNG that the HTML shows by its content id; None without one."""

    subject: str
    text: str
    html: str | None
    """None for a mail of plain text alone."""
    picture: bytes | None


def render(
    mail: Mail,
    *,
    baseline: Baseline | None,
    tally: Tally,
    page_url: str,
    now: datetime,
    endpoint_logs: Sequence[str] = (),
) -> Rendered:
    """Return the mail's words and picture.

    Args:
        mail: What is to be told.
        baseline: The one the findings name; None leaves out the comparison and the picture.
        tally: Of all final windows from the alert's beginning to its last drifting one.
        page_url: Public address of the monitoring page.
        now: When it is sent.
        endpoint_logs: Where the logs of the model's endpoint are, that of the model server first; none if not known.
    """
    facts = Facts.of(mail, baseline, tally, now)
    picture = None if mail.kind is MailKind.OVER else facts.picture()
    values = {
        "facts": facts,
        "over": mail.kind is MailKind.OVER,
        "headline": headline(facts),
        "summary": summary(facts),
        "comparison": [] if mail.kind is MailKind.OVER else facts.comparison(),
        "acknowledgement": acknowledgement(facts),
        "advice": [] if mail.kind is MailKind.OVER else advice(mail, endpoint_logs),
        "doubt": doubt(facts),
        "evidence": evidence(facts),
        "short": mail.alert.id[:8],
        "link": _link(mail, page_url),
        "next_mail": words.moment(_whole_minute(now + mail.spec.alerts.repeat_after), now),
        "picture": picture is not None,
        "picture_id": PICTURE,
    }
    return Rendered(
        subject=subject(facts),
        text=environment().get_template("mail.txt.j2").render(values),
        html=environment().get_template("mail.html.j2").render(values),
        picture=picture,
    )


def plain(mail: Mail, *, problem: str, page_url: str, now: datetime, endpoint_logs: Sequence[str] = ()) -> Rendered:
    """Return the mail in a few lines that need neither baseline nor windows, for when it cannot be rendered.

    `problem` says why, for whoever mends it.
    """
    alert = mail.alert
    state = {MailKind.OVER: "no longer drifting", MailKind.REPEATED: "still drifting"}.get(mail.kind, "drifting")
    names = words.several(alert.names)
    since = f"since {words.began(alert, now)} UTC"
    lines = [
        f"{names}: {state}, {since}; last seen {words.moment(alert.last_end, now)} UTC.",
        "",
        *(f"  {shown(feature.feature, LONGEST_NAME)}: {shown(feature.finding.what)}" for feature in alert.features),
        "",
        *([] if mail.kind is MailKind.OVER else advice(mail, endpoint_logs)),
        f"Look      {_link(mail, page_url)}",
        f'Quiet it  pegel ack {alert.id[:8]} --until 09:00 --why "..."',
        "",
        f"This mail is short because something is wrong with Pegel itself: {shown(problem, LONGEST_SENTENCE)}",
    ]
    text = "\n".join(lines) + "\n"
    subject = f"[pegel] {alert.model} v{alert.version}: {names}: {state} ({since})"
    return Rendered(subject=subject, text=text, html=None, picture=None)


def message(rendered: Rendered, *, sender: str, recipient: str, now: datetime) -> EmailMessage:
    """Return one message to one address: plain text first, then HTML, if any, with the picture inside it.

    Raises ValueError if the address cannot stand in a header.
    """
    mail = EmailMessage()
    # A header is one line: what a feature is called must not end it.
    mail["Subject"] = shown(rendered.subject, LONGEST_SENTENCE)
    mail["From"] = sender
    mail["To"] = recipient
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = make_msgid(domain="pegel.invalid")
    # Mail programs show what a machine sent as such, and out-of-office replies stay away.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(rendered.text)
    if rendered.html is None:
        return mail
    mail.add_alternative(rendered.html, subtype="html")
    if rendered.picture is not None:
        _, html = mail.iter_parts()
        html.add_related(rendered.picture, "image", "png", cid=f"<{PICTURE}>", filename="drift.png")
    return mail


def subject(facts: Facts) -> str:
    """Return the subject: which model, which features, since when."""
    alert, mail, findings = facts.alert, facts.mail, facts.findings
    since = words.began(alert, facts.now)
    model = f"[pegel] {alert.model} v{alert.version}"
    if mail.kind is MailKind.OVER:
        names = words.several([finding.feature for finding in findings])
        return f"{model}: over: {names} ({since} to {words.moment(alert.last_end, facts.now)} UTC)"
    if mail.kind is MailKind.GROWN:
        new = [finding for finding in findings if finding.feature in mail.new_features]
        return f"{model}: {_drift(new)} too (since {since} UTC)"
    return f"{model}: {_drift(findings, still=mail.kind is MailKind.REPEATED)} (since {since} UTC)"


def _drift(findings: Sequence[Finding], *, still: bool = False) -> str:
    """Return that features drift, or that there are too many odd events where it is only these."""
    names = words.several([finding.feature for finding in findings])
    if _only_events(findings):
        return f"{'still ' if still else ''}too many {names}"
    return f"{names} {'are' if len(findings) > 1 else 'is'} {'still ' if still else ''}drifting"


def _only_events(findings: Sequence[Finding]) -> bool:
    return all(finding.detector == EVENTS for finding in findings)


def headline(facts: Facts) -> list[str]:
    """Return one sentence per drifting field, the worst first, each with its size in the field's own unit."""
    alert, now = facts.alert, facts.now
    between = f"from {words.began(alert, now)} to {words.moment(alert.last_end, now)} UTC"
    if facts.mail.kind is MailKind.OVER:
        names = [finding.feature for finding in facts.findings]
        if _only_events(facts.findings):
            return [f"{words.several(names)}: no more than tolerated again. There were too many {between}."]
        look = "look" if len(names) > 1 else "looks"
        return [f"{words.several(names)} {look} as in training again. The drift was in the windows {between}."]
    sentences = [_sentence(facts, finding) for finding in facts.findings]
    drift = next((at for at, finding in enumerate(facts.findings) if finding.detector != EVENTS), None)
    if drift is not None:
        sentences[drift] += f" in the windows {between}"
    return [f"{sentence}." for sentence in [*sentences, *_begins(facts)]]


def _sentence(facts: Facts, finding: Finding) -> str:
    colon = "" if finding.effect_unit in {"sigma", "sd ratio"} else ":"
    role = "the prediction " if facts.is_prediction(finding.feature) else ""
    sentence = f"{role}{shown(finding.feature, LONGEST_NAME)}{colon} {facts.change(finding)}"
    # Odd events are counted by the newest window alone; requests say themselves when they were made.
    if finding.detector != EVENTS or "asked_from" in finding.evidence:
        return sentence
    start, end = (words.moment(instant, facts.now) for instant in (finding.span.start, finding.span.end))
    return f"{sentence}, told with the window from {start} to {end} UTC"


def _begins(facts: Facts) -> list[str]:
    """Return by when the worst slow change began; nothing where none is slow, or its chart has begun anew since."""
    for feature in sorted(facts.alert.features, key=lambda feature: feature.finding.p_value):
        chart = feature.finding.evidence.get("chart") or {}
        begun, latest = (datetime.fromisoformat(chart[key]) if chart.get(key) else None for key in ("since", "latest"))
        if begun == feature.since and latest is not None:
            name, when = shown(feature.feature, LONGEST_NAME), words.moment(latest, facts.now)
            before = words.moment(begun, facts.now)
            return [f"{name} began to change by {when} UTC at the latest; as slow as it is, maybe before {before}"]
    return []


def summary(facts: Facts) -> str:
    """Return how much data speaks, and what does not drift."""
    tally = facts.tally
    parts = []
    if tally.windows:
        parts = [f"{tally.drifting:,} of {how_many(tally.windows, 'window')}, {how_many(tally.rows, 'row')}"]
    if facts.mail.kind is MailKind.OVER:
        return f"It was in {parts[0]}." if parts else ""
    predictions = [finding.feature for finding in facts.findings if facts.is_prediction(finding.feature)]
    if facts.has_predictions and facts.mail.spec.watch.predictions:
        parts.append(_predictions(facts, moved=bool(predictions)))
    sentence = "; ".join(parts)
    sentence = f"{sentence}." if sentence else ""
    if facts.others:
        sentence += f" {facts.others} other {'field looks' if facts.others == 1 else 'fields look'} as in training."
    return sentence.strip()


def _predictions(facts: Facts, *, moved: bool) -> str:
    """Return what is known of the model's answers: that they did not move needs enough of them."""
    if moved:
        return "the model's predictions moved too"
    if any(facts.is_prediction(name) for name in facts.compared):
        return "the model's predictions did not move"
    return "too few predictions came to say whether they moved"


def advice(mail: Mail, endpoint_logs: Sequence[str]) -> list[str]:
    """Return where to look for why requests had no answer; nothing about drift, of which only a person knows.

    The model server's log says what it refused and failed on, the proxy's when it did not answer at all.
    """
    if all(MissingAnswers.of_finding(feature.finding) is None for feature in mail.alert.features):
        return []
    url = mail.spec.model.url
    if url is None:
        where = " or ".join(endpoint_logs) or "kept by whoever runs it"
        return [f"Why they had no answer stands in the endpoint's log: {where}"]
    proxy = f"; the log of the proxy before it: {' or '.join(endpoint_logs)}" if endpoint_logs else ""
    return [f"Either the server {url} was not reached, or its own log says why it failed on or refused these{proxy}"]


def acknowledgement(facts: Facts) -> str:
    """Return who acknowledged what of this alert until when and why; empty if nobody did, or that time has passed."""
    alert = facts.alert
    if alert.acknowledged_until is None or alert.acknowledged_until <= facts.now:
        return ""
    what = words.several(alert.acknowledged_features)
    until = words.moment(alert.acknowledged_until, facts.now)
    why = f": {shown(alert.acknowledged_why)}" if alert.acknowledged_why else ""
    return f"{what} acknowledged by {shown(alert.acknowledged_by, LONGEST_NAME)} until {until} UTC{why}"


def doubt(facts: Facts) -> str:
    """Return how often a false alarm is to be expected, and when the last alert was."""
    budget = facts.mail.spec.false_alarms
    every = words.length(budget.period / budget.count)
    asked = f"{budget} per model"
    sentence = f"Is this a false alarm? At your setting ({asked}) one is expected every {every}"
    if facts.mail.previous is None:
        return f"{sentence}; this is the first alert of this model."
    ago = words.length(facts.alert.opened_at - facts.mail.previous.opened_at)
    return f"{sentence}; the last alert was {ago} before."


def evidence(facts: Facts) -> str:
    """Return the numbers behind the worst finding."""
    worst = facts.findings[0]
    counted = worst.detector == EVENTS
    counting = "requests" if MissingAnswers.of_finding(worst) else "events"
    hours = f" of {worst.season} in training" if worst.season else ""
    against = f"{how_many(worst.n, 'row')} of the newest window against {worst.m:,}{hours}"
    sizes = f"{worst.n:,} {counting}" if counted else against
    margin = "" if counted or worst.effect_unit == "r" else f"margin {facts.mail.spec.watch.margin:g} {words.SIGMA}, "
    return (
        f"{worst.test} test p = {words.p_value(worst.p_value)}, threshold {words.p_value(worst.threshold)}, "
        f"effect {words.effect(worst)}, {margin}"
        f"{sizes} · finding {worst.id[:8]} (pegel explain {worst.id[:8]})"
    )


def _link(mail: Mail, page_url: str) -> str:
    return f"{page_url.rstrip('/')}/models/{mail.alert.model}/{mail.alert.version}"


def _whole_minute(instant: datetime) -> datetime:
    """Return the first whole minute that is not before `instant`."""
    return (instant + timedelta(seconds=59)).replace(second=0, microsecond=0)
