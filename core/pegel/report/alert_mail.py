"""The mail about an alert: subject, plain text, HTML with the picture.

The first three lines say what changed, since when and how sure it is; what to do comes before one has to scroll.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from pegel.alerts.alert import Mail, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.baseline.baseline import Baseline
from pegel.longspans.long_span_row import LongSpanRow
from pegel.report import words
from pegel.report.alert_place import address, alert_place, model_place
from pegel.report.alert_subject import plain_state, subject
from pegel.report.change_words import since
from pegel.report.html import environment
from pegel.report.mail_advice import acknowledgement, advice
from pegel.report.mail_evidence import doubt, evidence, matter, which_rows
from pegel.report.mail_facts import Facts
from pegel.report.mail_headline import headline
from pegel.report.mail_links import ABOUT_FEATURES, with_links
from pegel.report.mail_message import PICTURE, Rendered
from pegel.report.mail_summary import summary
from pegel.report.prediction_words import NO_ROWS, PredictionMove
from pegel.report.severity_words import marked
from pegel.report.single_event_mail import single_event_words
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.stream.result_rows import Tally


def render(
    mail: Mail,
    *,
    baseline: Baseline | None,
    tally: Tally,
    page_url: str,
    now: datetime,
    endpoint_logs: Sequence[str] = (),
    long_spans: Mapping[str, LongSpanRow] = MappingProxyType({}),
    moved: PredictionMove | str = NO_ROWS,
    made: str = "",
) -> Rendered:
    """Return the mail's words and picture.

    Args:
        mail: What is to be told.
        baseline: The one the findings name; None leaves out the comparison and the picture.
        tally: Of all final windows from the alert's beginning to the last one with a finding.
        page_url: Public address of the monitoring page.
        now: When it is sent.
        endpoint_logs: Where the logs of the model's endpoint are, that of the model server first; none if not known.
        long_spans: What is stored of the long spans that the findings are about, by the finding's id.
        moved: How the model's output moved meanwhile, or why that is not known; told where predictions are explained.
        made: What the model made of the single event that a mail is about; empty where nobody explains it.
    """
    if mail.alert.kind is AlertKind.SINGLE_EVENT:
        said, text = single_event_words(mail, link=address(model_place(mail.alert), page_url), now=now, made=made)
        return Rendered(_marked(said, mail), text, html=None, picture=None)
    facts = Facts.of(mail, baseline, tally, now, long_spans)
    picture = None if mail.kind is MailKind.OVER else facts.picture()
    sentences = headline(facts)
    links = mail.kind is not MailKind.OVER and mail.alert.kind in ABOUT_FEATURES
    values = {
        "facts": facts,
        "over": mail.kind is MailKind.OVER,
        "model": f"{mail.alert.model} v{mail.alert.version}",
        "headline": sentences,
        "linked": with_links(sentences, facts.findings, address(model_place(mail.alert), page_url))
        if links
        else sentences,
        "summary": summary(facts),
        "comparison": [] if mail.kind is MailKind.OVER else facts.comparison(),
        "acknowledgement": acknowledgement(facts),
        "advice": [] if mail.kind is MailKind.OVER else advice(mail, endpoint_logs),
        "doubt": doubt(facts),
        "evidence": evidence(facts),
        "matter": matter(facts, moved),
        "rows_command": which_rows(facts),
        "short": mail.alert.id[:8],
        "link": address(model_place(mail.alert), page_url),
        "quiet": address(alert_place(mail.alert), page_url),
        "severity": mail.alert.severity.value,
        "next_mail": words.moment(_whole_minute(now + mail.spec.alerts.repeat_after), now),
        "picture": picture is not None,
        "picture_id": PICTURE,
    }
    return Rendered(
        subject=_marked(subject(facts), mail),
        text=environment().get_template("mail.txt.j2").render(values),
        html=environment().get_template("mail.html.j2").render(values),
        picture=picture,
    )


def plain(mail: Mail, *, problem: str, page_url: str, now: datetime, endpoint_logs: Sequence[str] = ()) -> Rendered:
    """Return the mail in a few lines that need neither baseline nor windows, for when it cannot be rendered.

    `problem` says why, for whoever mends it.
    """
    alert = mail.alert
    state, model = plain_state(mail), f"{alert.model} v{alert.version}"
    names = words.several(alert.names)
    begun = since(alert, now)
    lines = [
        f"{model}: {names}: {state}, {begun}; last seen {words.moment(alert.last_end, now)} UTC.",
        "",
        *(f"  {shown(feature.feature, NAME_LIMIT)}: {shown(feature.finding.what)}" for feature in alert.features),
        "",
        *([] if mail.kind is MailKind.OVER else advice(mail, endpoint_logs)),
        f"Look      {address(model_place(mail.alert), page_url)}",
        f'Quiet it  pegel ack {alert.id[:8]} --until 09:00 --why "..."',
        f"      or  {address(alert_place(alert), page_url)}",
        "",
        f"This mail is short because something is wrong with Pegel itself: {shown(problem, LONGEST_SENTENCE)}",
    ]
    text = "\n".join(lines) + "\n"
    subject = f"[pegel] {model}: {names}: {state} ({begun})"
    return Rendered(subject=_marked(subject, mail), text=text, html=None, picture=None)


def _marked(subject: str, mail: Mail) -> str:
    return marked(subject, mail.alert.severity, is_over=mail.kind is MailKind.OVER)


def _whole_minute(instant: datetime) -> datetime:
    """Return the first whole minute that is not before `instant`."""
    return (instant + timedelta(seconds=59)).replace(second=0, microsecond=0)
