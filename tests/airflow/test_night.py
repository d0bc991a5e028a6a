"""A night of two hundred models: which mails a person gets of a deploy, an outage, a slow drift and a flapping feature.

Minutes pass as they are told to; windows, heartbeats and findings are what the stream leaves, and everything from there
on is the real way: alerts, gathering, a real mail server.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from mail_servers import Server

from pegel.alerts.health_kind import HealthKind
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.testing.samples import sample_finding, sample_heartbeat, sample_spec, sample_window
from pegel.testing.stream_fakes import speak
from pegel_airflow import alerting, services
from pegel_airflow.mail_sender import MailSender

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

MODELS = [f"m{at:03}" for at in range(200)]
GROUPS = 4
ON_CALL = "on-call@example.org"
STEP = 10
"""Minutes between two looks; windows are as long."""
NIGHT = 9 * 60
DEPLOY, ROLLED_BACK = 4 * 60, 4 * 60 + 30
AWAY, BACK = 5 * 60, 5 * 60 + 30
SLOW, FLAPS = "m007", "m011"


class Night:
    """From 22:00 to 07:00, in steps; `settings` are those of a system with its defaults."""

    def __init__(self, settings: Settings) -> None:
        """Watch all models."""
        self.settings, self.stores = settings, services.stores(settings)
        self.begin = datetime.now(UTC).replace(hour=22, minute=0, second=0, microsecond=0) - timedelta(days=2)
        for at, name in enumerate(MODELS):
            spec = sample_spec(
                name,
                group=f"g{at % GROUPS}",
                windowing={"length": 60 * STEP, "lateness": 60},
                alerts={"emails": [ON_CALL], "repeat_after": "4h", "mail_after": "15m"},
            )
            self.stores.registry.put(spec)

    def pass_by(self, server: Server) -> list[tuple[str, str]]:
        """Let the whole night pass; return the mails, each with the time of day at which it was sent."""
        mails: list[tuple[str, str]] = []
        for minute in range(0, NIGHT, STEP):
            self.happen(minute)
            with MailSender(self.settings) as sender:
                look = alerting.Pass(self.settings, sender, self.begin + timedelta(minutes=minute + STEP))
                look.take_in()
                look.end()
            at = self.begin + timedelta(minutes=minute + STEP)
            mails += [(f"{at:%H:%M}", told(mail)) for mail in server.kept[len(mails) :]]
        return mails

    def happen(self, minute: int) -> None:
        """Let what happens within a step be stored: nothing while the broker is away."""
        now = self.begin + timedelta(minutes=minute + STEP)
        is_away = AWAY <= minute < BACK
        missing = f"waiting for the broker since {self.begin + timedelta(minutes=AWAY):%H:%M} UTC" if is_away else ""
        for group in range(GROUPS):
            beat = replace(sample_heartbeat(now), group=f"g{group}", started_at=self.begin, generation=1)
            speak(connect(self.settings.database), replace(beat, progressed_at=now, missing=missing))
        if is_away:
            return
        span = Span(self.begin + timedelta(minutes=minute), now)
        windows, findings = [], []
        for name in MODELS:
            drifting = self.drifting(name, minute)
            verdict = Verdict.DRIFT if drifting else Verdict.OK
            windows.append(sample_window(minute, model=name, span=span, verdict=verdict))
            findings += [sample_finding(minute, feature, model=name, span=span) for feature in drifting]
        self.stores.results.write(windows, findings)

    def drifting(self, name: str, minute: int) -> list[str]:
        """Return the features of a model that drift in a step."""
        found = ["amount"] if DEPLOY <= minute < ROLLED_BACK else []
        if name == SLOW and minute >= 2 * 60:
            found.append("age")
        if name == FLAPS and minute % 90 == 0:
            found.append("hour")
        return found


def told(mail: EmailMessage) -> str:
    """Return the subject of a mail without its instants."""
    return " ".join(str(mail["Subject"]).split()).partition(" (since")[0].partition(", since")[0]


def body(mail: EmailMessage) -> str:
    """Return its plain text."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_a_night_is_few_mails_and_each_is_needed(settings: Settings, server: Server) -> None:
    """The slow drift, the deploy, the broker that is away, that it is back and what lasts, in the morning the rest."""
    by_default = {name: Settings.model_fields[name].default for name in ("mail_gather", "mail_pause", "mail_patience")}
    night = Night(settings.model_copy(update=by_default))
    mails = night.pass_by(server)
    told_of_slow = [at for at, mail in enumerate(server.kept) if "age" in body(mail)]

    assert {ON_CALL} == set(server.told)
    assert [
        ("00:20", "[pegel] m007 v1: age is drifting"),
        ("02:20", "[pegel] m000/1 and 198 more models: drift of amount (198 models"),
        ("03:20", "[pegel] critical: m000/1 and 199 more models: not watched (200 models"),
        ("04:40", "[pegel] m007/1 and 199 more models: drift of age (1 model"),
        ("06:40", "[pegel] m011/1 and 198 more models: drift of hour (1 model"),
    ] == mails
    assert [0, 3] == told_of_slow
    assert [] == [kind for kind, _ in night.stores.health.all(damaged={}) if kind is HealthKind.NOT_WATCHED]
