"""What answers over the network beside broker and database: Airflow, the inference logger, the mail server; clocks."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from pegel.errors import SetupError
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.settings import Settings
from pegel.store.passes import DISPATCH, RECONCILE
from pegel_local.airflow.airflow_api import AirflowApi
from pegel_local.cli.login import airflow_login
from pegel_local.doctor.diagnosis import Diagnosis, bad, ok, warning

ANSWERS_WITHIN_S = 5.0
MOST_SKEW = timedelta(seconds=5)
"""The header that a server's clock is read from has whole seconds."""
LOOKS, BETWEEN_LOOKS_S = 3, 2.0
REFUSES = 400
"""The first code by which a mail server refuses (RFC 5321)."""
CLOCKED = (RECONCILE, DISPATCH, "housekeeping")
"""Workflows that nobody starts by hand: paused, they do not run."""


def airflow(settings: Settings) -> Iterator[Diagnosis]:
    """Look at Airflow: its parts, workflow files that cannot be read, workflows that are paused or missing."""
    try:
        answer = httpx.get(f"{settings.airflow_url.rstrip('/')}/api/v2/monitor/health", timeout=ANSWERS_WITHIN_S)
        parts = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        said = shown(str(error) or type(error).__name__, LONGEST_SENTENCE)
        remedy = "pegel up, or name it in PEGEL_AIRFLOW_URL"
        yield bad("airflow", f"its API does not answer at {settings.airflow_url}: {said}", remedy)
        return
    ill = sorted(name for name, part in parts.items() if (part or {}).get("status") not in {"healthy", None})
    if ill:
        yield bad("airflow", f"it says of itself that these are not healthy: {', '.join(ill)}", "look at their logs")
    else:
        yield ok("airflow", f"its API answers at {settings.airflow_url}, and its parts are healthy")
    yield from _workflows(settings)


def _workflows(settings: Settings) -> Iterator[Diagnosis]:
    try:
        user, password = airflow_login(settings.home)
    except SetupError:
        remedy = "set PEGEL_AIRFLOW_USER and PEGEL_AIRFLOW_PASSWORD"
        yield warning("airflow", "its workflows were not looked at: nobody has told a login", remedy)
        return
    with AirflowApi(settings.airflow_url, user, password, timeout_s=ANSWERS_WITHIN_S) as asked:
        for error in asked.import_errors():
            yield bad("airflow", f"a workflow file cannot be read: {shown(error, LONGEST_SENTENCE)}", "mend the file")
        paused = asked.paused("pegel")
        for name in CLOCKED:
            if name not in paused:
                yield bad("airflow", f"it knows no workflow {name}", "let its DAG bundle lead to Pegel's folder `dags`")
            elif paused[name]:
                remedy = f"switch {name} on in Airflow; in a cluster: airflow dags unpause {name}"
                yield bad("airflow", f"the workflow {name} is paused, so it does not run", remedy)


def logger(settings: Settings) -> Iterator[Diagnosis]:
    """Look at whether the inference logger takes events."""
    url = f"{settings.logger_url.rstrip('/')}/readyz"
    try:
        answer = httpx.get(url, timeout=ANSWERS_WITHIN_S)
    except httpx.HTTPError as error:
        yield bad("logger", f"it does not answer at {url}: {str(error) or type(error).__name__}", "pegel up")
        return
    if answer.is_success:
        yield ok("logger", f"it takes events at {settings.logger_url}")
    else:
        said = shown(_problem(answer), LONGEST_SENTENCE)
        yield bad(
            "logger", f"it answers {answer.status_code} at {url}: {said}", "see docs/doors.md, the inference logger"
        )


def mail(settings: Settings) -> Iterator[Diagnosis]:
    """Look at whether the mail server takes a session; nothing is sent."""
    if settings.smtp is None:
        remedy = "PEGEL_SMTP=host:port, that of Airflow's connection smtp_default"
        yield warning("mail", "which server sends alerts is not known here", remedy)
        return
    host, _, port = settings.smtp.rpartition(":")
    try:
        with smtplib.SMTP(host, int(port), timeout=ANSWERS_WITHIN_S) as session:
            code, said = session.noop()
    except (OSError, ValueError, smtplib.SMTPException) as error:
        yield bad("mail", f"no mail server answers at {settings.smtp}: {error}", "mend it, or PEGEL_SMTP: alerts wait")
        return
    sentence = f"the mail server at {settings.smtp} answers {code} {shown(said.decode(errors='replace'))}"
    yield ok("mail", sentence) if code < REFUSES else bad("mail", sentence, "ask who runs it")


def clocks(
    settings: Settings,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Diagnosis]:
    """Compare this machine's clock with that of whoever answers: Airflow and the logger, by the header `Date`."""
    seen = 0
    for name, url in (("Airflow", settings.airflow_url), ("the inference logger", settings.logger_url)):
        skew = _skew(url, now, pause)
        if skew is None:
            continue
        seen += 1
        if skew > MOST_SKEW:
            sentence = f"the clock of {name} and this machine's differ by {skew.total_seconds():.0f} s"
            yield bad("clock", sentence, "let both follow the same time servers (NTP): windows are cut by it")
        else:
            yield ok("clock", f"that of {name} agrees with this machine's to {MOST_SKEW.total_seconds():g} s")
    if not seen:
        yield warning("clock", "nobody answers whose clock could be compared with this machine's")


def _skew(url: str, now: Callable[[], datetime], pause: Callable[[float], None]) -> timedelta | None:
    """Return by how much two clocks differ, the least of up to three looks; None where nobody tells the time.

    A server writes the header once in a second, and while it is busy, as after its start, not for many.
    """
    least = None
    for look in range(LOOKS):
        if look:
            pause(BETWEEN_LOOKS_S)
        try:
            told = httpx.head(url, timeout=ANSWERS_WITHIN_S, follow_redirects=False).headers.get("date")
            skew = None if told is None else abs(now() - parsedate_to_datetime(told))
        except (httpx.HTTPError, ValueError):
            skew = None
        if skew is None:
            return least
        least = skew if least is None else min(least, skew)
        if least <= MOST_SKEW:
            return least
    return least


def _problem(answer: httpx.Response) -> str:
    try:
        said: Any = answer.json()
    except ValueError:
        return answer.text[:200]
    return str(said.get("problem", said)) if isinstance(said, dict) else str(said)
