"""The words of a mail about the watching itself: a group that nobody watches, a model without traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from pegel.alerts.alert import MailKind
from pegel.alerts.health import HealthAlert, HealthMail
from pegel.alerts.health_kind import HealthKind
from pegel.reconcile.actions import PastAction
from pegel.report import words
from pegel.report.mail_message import Rendered
from pegel.report.progress import ago
from pegel.report.severity_words import marked
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown

STATES: Mapping[HealthKind, tuple[str, str]] = {
    HealthKind.NOT_WATCHED: ("not watched", "watched again"),
    HealthKind.BEHIND: ("watched late", "watched in time again"),
    HealthKind.NOT_JUDGED: ("not judged", "judged again"),
    HealthKind.NO_TRAFFIC: ("without traffic", "asked again"),
    HealthKind.RECORDS_LOST: ("missing records", "missing no further records"),
    HealthKind.OPEN_LEDGER: ("with a ledger that does not close", "with a ledger that closes again"),
    HealthKind.LABELS_LATE: ("without labels", "labelled again"),
    HealthKind.TRAFFIC_FELL: ("asked far less than usual", "asked as usual again"),
    HealthKind.DISK_FILLS: ("kept on a disk that fills", "kept on a disk with room again"),
    HealthKind.UNREACHABLE: ("with people who cannot be reached", "with people who can be reached again"),
    HealthKind.REFRESH_REFUSED: ("not refreshed", "done with its refresh"),
    HealthKind.BASELINE_OLD: ("judged by an old baseline", "judged by a baseline that was looked at"),
}
"""How models are, and are again."""
_SO: Mapping[HealthKind, tuple[str, ...]] = {
    HealthKind.NOT_WATCHED: (
        "Since {since} UTC no window of {them} says anything of the present.",
        "Requests are answered and logged all the same, and read once a driver watches again.",
    ),
    HealthKind.BEHIND: ("What happens now is judged that much later; nothing is lost as long as the broker keeps it.",),
    HealthKind.NOT_JUDGED: ("Requests are answered and logged all the same. Other models of the group are judged.",),
    HealthKind.NO_TRAFFIC: (
        "Nothing is judged, so nothing is found. Either nobody asks, or requests do not reach the logger.",
    ),
    HealthKind.RECORDS_LOST: ("Windows of that time count too few rows; nobody can read these records any more.",),
    HealthKind.OPEN_LEDGER: ("Windows of these minutes may count too few rows, or some twice.",),
    HealthKind.LABELS_LATE: ("Figures of performance end there; windows are judged all the same.",),
    HealthKind.TRAFFIC_FELL: ("What comes is judged; with fewer rows smaller changes are found later.",),
    HealthKind.DISK_FILLS: ("On a full disk neither windows nor logged requests can be kept.",),
    HealthKind.UNREACHABLE: ("What is due to that address is tried again each minute; others are told all the same.",),
    HealthKind.REFRESH_REFUSED: (
        "Windows are judged by the current baseline, which stays until a refresh comes through or a person decides.",
    ),
    HealthKind.BASELINE_OLD: ("Windows are judged by it all the same; its training data may be others by now.",),
}
_NEXT: Mapping[HealthKind, Callable[[HealthAlert], str]] = {
    HealthKind.NOT_WATCHED: lambda alert: _driver(alert, "its log and what it waits for"),
    HealthKind.BEHIND: lambda alert: _driver(alert, "how far it is, batch by batch"),
    HealthKind.NOT_JUDGED: lambda _: "pegel status names what is missing; a baseline is made anew by pegel refresh",
    HealthKind.NO_TRAFFIC: lambda _: "pegel status: whether the endpoint answers and the logger is up",
    HealthKind.RECORDS_LOST: lambda alert: _driver(alert, "since when it was not reading"),
    HealthKind.OPEN_LEDGER: lambda _: "the ledger on the model's page, minute by minute",
    HealthKind.LABELS_LATE: lambda _: "pegel status: labels that were refused; then whoever sends or writes them",
    HealthKind.TRAFFIC_FELL: lambda _: "the requests per minute on the model's page; pegel status: endpoint and logger",
    HealthKind.DISK_FILLS: lambda _: "housekeeping in Airflow with a dry run says what may go; pegel doctor",
    HealthKind.UNREACHABLE: lambda _: "the runs of alert_dispatch in Airflow, and the connection of that address there",
    HealthKind.REFRESH_REFUSED: lambda alert: (
        f"the last run of baseline_refresh in Airflow, or its question under Required Actions; mended, pegel refresh "
        f"{shown(alert.about, NAME_LIMIT)} --wait"
    ),
    HealthKind.BASELINE_OLD: lambda alert: (
        f"pegel refresh {shown(alert.about, NAME_LIMIT)} --wait; whether baseline_refresh is paused in Airflow"
    ),
}


def next_step(alert: HealthAlert) -> str:
    """Return where to look first, with the command, as the rest of a sentence."""
    return _NEXT[alert.kind](alert)


def health_words(mail: HealthMail, last: PastAction | None, *, page_url: str, now: datetime) -> Rendered:
    """Return subject and plain text; `last`: what reconciling did last about the group's driver, if anything."""
    alert = mail.alert
    named, since = words.several(mail.models), words.moment(alert.since, now)
    are, models = ("is", f"model {named}") if len(mail.models) == 1 else ("are", f"models {_listed(mail.models)}")
    state, over = STATES[alert.kind]
    if mail.kind is MailKind.OVER:
        were = "it was" if len(mail.models) == 1 else "they were"
        first = f"The {models} {are} {over}; {were} {state} since {since} UTC."
        lines = [first, *_after(alert), "", f"Look      {page_url.rstrip('/')}/health"]
        return _plain(f"[pegel] {named}: {over} ({state} since {since} UTC)", lines)
    still = "still " if mail.kind is MailKind.REPEATED else ""
    them = "it" if len(mail.models) == 1 else "them"
    lines = [
        f"The {models} {are} {still}{state}: {shown(alert.reason, LONGEST_SENTENCE)}.",
        *(sentence.format(since=since, them=them) for sentence in _SO[alert.kind]),
        "",
        *(
            [f"Reconciling: {last.kind} {ago(last.at, now)}: {shown(last.reason, LONGEST_SENTENCE)}"]
            if last is not None and alert.kind is HealthKind.NOT_WATCHED
            else []
        ),
        f"Where     {next_step(alert)}",
        f"Severity  {mail.severity.value}",
        f"Look      {page_url.rstrip('/')}/health",
        f'Quiet it  pegel silence --model {mail.models[0]} --until 8h --why "..."',
    ]
    subject = marked(f"[pegel] {named}: {still}{state} (since {since} UTC)", mail.severity, is_over=False)
    return _plain(subject, lines)


def _listed(models: tuple[str, ...]) -> str:
    return ", ".join(shown(model, NAME_LIMIT) for model in models)


def _after(alert: HealthAlert) -> list[str]:
    is_group = alert.kind in {HealthKind.NOT_WATCHED, HealthKind.BEHIND} and alert.group
    return ["What came meanwhile is read now, and its windows are judged."] if is_group else []


def _driver(alert: HealthAlert, what: str) -> str:
    if not alert.group:
        return "the runs of batch_monitor in Airflow, which reads its table each hour"
    return f"driver of the group {shown(alert.group, NAME_LIMIT)}; {what}: pegel status"


def _plain(subject: str, lines: list[str]) -> Rendered:
    return Rendered(subject=subject, text="\n".join(lines) + "\n", html=None, picture=None)
