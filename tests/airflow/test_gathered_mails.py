"""What is due to one address at once is one mail: through alert dispatch, a real database and a real mail server."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import scene
from mail_servers import Server

from pegel.alerts.message_identity import MailIdentity
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.report.mail_message import Rendered
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_finding, sample_heartbeat, sample_spec, sample_window
from pegel.testing.stream_fakes import speak
from pegel_airflow import alerting, services
from pegel_airflow.mail_sender import Delivery, MailSender
from pegel_airflow.outbox import DueMail, Outbox
from pegel_airflow.turns import Turns

ADA, BEN = "ada@example.org", "ben@example.org"
LATE: dict[str, Any] = {"detector": "events", "test": "late", "evidence": {"tests": {"late": {"seen": 9, "n": 90}}}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a system that gathers mails, with a pause that is over at once."""
    return settings.model_copy(update={"mail_pause": timedelta(microseconds=1)})


def drifts(settings: Settings, name: str, *emails: str, window: int = 0, feature: str = "amount", **more: Any) -> None:
    """Let a model drift in one window."""
    stores = services.stores(settings)
    stores.registry.put(sample_spec(name, alerts={"emails": list(emails)}))
    finding = sample_finding(window, feature, model=name, **more)
    stores.results.write([sample_window(window, model=name, verdict=Verdict.DRIFT)], [finding])


def text(mail: EmailMessage) -> str:
    """Return the plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def subject(mail: EmailMessage) -> str:
    """Return its subject, however it was folded on its way."""
    return " ".join(str(mail["Subject"]).split())


def test_a_bad_deploy_of_two_hundred_models_is_one_mail(settings: Settings, server: Server) -> None:
    """Two hundred alerts, one mail that says how many, and all of them are told."""
    for at in range(200):
        drifts(settings, f"m{at:03}", ADA)
    alerting.drain(settings)
    again = alerting.drain(settings)
    mailed = [alert.mailed_at is not None for alert in services.stores(settings).alerts.open_alerts()]
    (mail,) = server.kept

    assert subject(mail).startswith("[pegel] m000/1 and 199 more models: drift of amount (200 models, since ")
    assert "and 195 more of the same" in text(mail)
    assert ([True] * 200, "nothing waits") == (mailed, again)


def test_two_troubles_of_one_model_are_told_whole_in_one_mail(settings: Settings, server: Server) -> None:
    """Few mails stand one after the other as they are, each with its evidence and its command."""
    drifts(settings, "mixed", ADA)
    drifts(settings, "mixed", ADA, window=1, feature="late events", **LATE)
    alerting.drain(settings)
    (mail,) = server.kept

    assert 2 == text(mail).count("Evidence: ")
    assert 2 == text(mail).count("Quiet it  pegel ack ")
    assert subject(mail).startswith("[pegel] mixed/1: drift of amount (since ")


def test_pictures_of_several_mails_stay_apart(settings: Settings, server: Server) -> None:
    """Each part of one mail shows its own picture."""
    scene.play(settings)
    drifts(settings, "other", "ada@example.org")
    alerting.drain(settings)
    (mail,) = server.kept
    html = next(part.get_content() for part in mail.walk() if part.get_content_type() == "text/html")
    pictures = [part["Content-ID"].strip("<>") for part in mail.walk() if part.get_content_type() == "image/png"]

    assert [True] == [f'src="cid:{name}"' in html for name in pictures]


def test_who_was_told_lately_is_told_the_rest_together(settings: Settings, server: Server) -> None:
    """What becomes due in the pause after a mail waits for its end, and is one mail then; others wait for nothing."""
    paused = settings.model_copy(update={"mail_pause": timedelta(hours=1)})
    drifts(settings, "first", ADA)
    alerting.drain(paused)
    drifts(settings, "second", ADA, BEN)
    drifts(settings, "third", ADA)
    said = alerting.drain(paused)
    during = [f"{mail['To']}: {subject(mail).partition(' (')[0]}" for mail in server.kept]
    alerting.drain(settings)

    assert [f"{ADA}: [pegel] first v1: amount is drifting", f"{BEN}: [pegel] second v1: amount is drifting"] == during
    assert f"told later: a mail was sent lately, or it waits for others, to {ADA} until " in said
    assert [ADA, BEN, ADA] == server.told
    last = text(server.kept[2])
    assert {"first": False, "second": True, "third": True} == {
        name: f"models/{name}/1" in last for name in ("first", "second", "third")
    }


def test_what_comes_while_a_pass_gathers_is_in_its_mail(settings: Settings, server: Server) -> None:
    """A pass that has something to tell waits a little for what else changes."""
    gathering = settings.model_copy(update={"mail_gather": timedelta(seconds=3)})
    drifts(settings, "first", ADA)
    later = threading.Timer(1.0, drifts, (settings, "second", ADA))
    later.start()
    alerting.drain(gathering)
    later.join()
    (mail,) = server.kept

    assert subject(mail).startswith("[pegel] first/1 and 1 more model: drift of amount (2 models, since ")


def test_nothing_to_tell_waits_for_nothing(settings: Settings) -> None:
    """A pass without a mail is over at once."""
    gathering = settings.model_copy(update={"mail_gather": timedelta(hours=1)})

    assert "nothing waits" == alerting.drain(gathering)


def test_a_crash_repeats_a_mail_under_the_same_id(settings: Settings, server: Server) -> None:
    """Accepted, then not saved: the next pass sends the same message, which mail programs show once."""
    stores = services.stores(settings)

    def due() -> DueMail:
        return DueMail(
            name="delays/1",
            identity=MailIdentity(thread="alert 1a2b", ordinal="first"),
            recipients=(ADA,),
            is_urgent=True,
            is_over=False,
            write=lambda: Rendered("a subject", "a text", None, None),
            lead=lambda: None,
            settle=lost,
            failed=lambda _error: None,
        )

    def lost(delivery: Delivery) -> None:
        raise OSError(f"killed after {delivery.accepted}")

    for _ in range(2):
        with MailSender(settings) as sender:
            outbox = Outbox(stores, sender, datetime.now(UTC), Turns(), settings)
            outbox.put(due())
            outbox.send()

    assert (2, 1) == (len(server.kept), len({mail["Message-ID"] for mail in server.kept}))


def look(settings: Settings, now: datetime) -> None:
    """Let the driver speak; take in what was found and send what is due, as the dispatcher does at that instant."""
    speak(services.engine(settings.database), sample_heartbeat(now))
    with MailSender(settings) as sender:
        one = alerting.Pass(settings, sender, now)
        one.take_in()
        one.end()


def test_mails_about_an_alert_are_one_thread(settings: Settings, server: Server) -> None:
    """The mail that it has grown refers to what the first one referred to, under an id of its own."""
    drifts(settings, "delays", ADA)
    alerting.drain(settings)
    drifts(settings, "delays", ADA, window=1, feature="distance")
    look(settings, datetime.now(UTC) + timedelta(minutes=61))
    first, second = server.kept

    assert first["References"] == second["References"] == second["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]


def test_a_thousand_breaching_windows_in_an_hour_are_one_mail(settings: Settings, server: Server) -> None:
    """Whatever of seventeen features is found, however it sways, is one mail in an hour; what is worse, one more."""
    sways = settings.model_copy(update={"mail_pause": timedelta(minutes=5)})
    stores, begin, length = services.stores(settings), datetime.now(UTC) - timedelta(hours=3), timedelta(seconds=3.6)
    stores.registry.put(sample_spec("delays", alerts={"emails": [ADA]}))

    def live(windows: range, *effects: float) -> int:
        """Let windows pass, and the dispatcher after them; return how many mails there are by then."""
        spans = {at: Span(begin + at * length, begin + (at + 1) * length) for at in windows}
        found = [
            sample_finding(at, name, model="delays", span=spans[at], effect=effects[at // 3 % len(effects)])
            for at in windows
            for name in {f"f{at % 17}", f"f{at * 5 % 17}"}
        ]
        rows = [sample_window(at, model="delays", span=spans[at], verdict=Verdict.DRIFT) for at in windows]
        stores.results.write(rows, found)
        look(sways, spans[windows[-1]].end)
        return len(server.kept)

    swaying = (0.22, 0.31, 0.47, 0.76)
    mails = [live(range(first, first + 100), *swaying) for first in range(0, 1_000, 100)]
    after = [live(range(1_000, 1_099), *swaying), live(range(1_099, 1_101), *swaying)]
    worse = [live(range(1_200, 1_205), 0.85), live(range(1_300, 1_305), 0.3), live(range(1_400, 1_405), 1.8)]
    (alert,) = stores.alerts.open_alerts()

    assert 17 == len(alert.features)
    assert ([1] * 10, [1, 2], [3, 3, 3]) == (mails, after, worse)
    assert subject(server.kept[2]).startswith("[pegel] critical: delays v1: ")


def test_one_that_cannot_be_written_holds_up_no_other_in_the_same_mail(settings: Settings, server: Server) -> None:
    """Of four that are due at once three are told; the fourth is due again."""

    class NoWords(MailSender):
        """A sender that fails at one model, in a way that nobody foresaw."""

        def lead(self, mail: Any) -> Any:
            """Find its first words, unless it is that one."""
            if mail.alert.model == "m2":
                raise RuntimeError("no words")
            return super().lead(mail)

    for at in range(4):
        drifts(settings, f"m{at}", ADA)
    stores, now, turns = services.stores(settings), datetime.now(UTC), Turns()
    specs = {spec.key: spec for spec in stores.registry.list()}
    with NoWords(settings) as sender:
        outbox = Outbox(stores, sender, now, turns, settings)
        dispatch = alerting.MonitorDispatch(stores, sender, now, turns, outbox)
        for model, version in stores.alerts.monitors():
            dispatch.monitor(model, version, specs, {})
        outbox.send()
    mailed = {alert.model: alert.mailed_at is not None for alert in stores.alerts.open_alerts()}

    assert {"m0": True, "m1": True, "m2": False, "m3": True} == mailed
    assert (1, 1) == (len(server.kept), len(turns.failed))


def test_a_last_mail_that_cannot_be_read_holds_back_nothing(settings: Settings, server: Server) -> None:
    """Damaged, it is as if that address was never written to."""
    paused = settings.model_copy(update={"mail_pause": timedelta(hours=1)})
    stores = services.stores(settings)
    stores.last_mails.sent(ADA, datetime.now(UTC))
    with services.engine(settings.database).begin() as connection:
        connection.exec_driver_sql("UPDATE last_mails SET sent_at = 'long ago'")
    drifts(settings, "delays", ADA)
    alerting.drain(paused)

    assert [ADA] == server.told


def test_that_something_is_over_waits_for_company(settings: Settings, server: Server) -> None:
    """It wakes nobody by itself: it goes with the next news, or after half an hour."""
    patient = settings.model_copy(update={"mail_patience": timedelta(minutes=30)})
    stores = services.stores(settings)
    drifts(settings, "calm", ADA)
    alerting.drain(patient)
    stores.results.write([sample_window(at, model="calm") for at in range(1, 20)])
    waits = alerting.drain(patient)
    since = stores.last_mails.of([ADA])[ADA].waiting_since
    drifts(settings, "other", ADA)
    alerting.drain(patient)

    assert "calm/1: over, told later" in waits
    assert since is not None
    assert [ADA, ADA] == server.told
    assert ["calm", "other"] == [name for name in ("calm", "other") if f"models/{name}/1" in text(server.kept[1])]
    assert None is stores.last_mails.of([ADA])[ADA].waiting_since


def test_what_waited_long_enough_goes_alone(settings: Settings, server: Server) -> None:
    """Where no news come, it is told after its patience is over."""
    patient = settings.model_copy(update={"mail_patience": timedelta(minutes=30)})
    stores = services.stores(settings)
    drifts(settings, "calm", ADA)
    alerting.drain(patient)
    stores.results.write([sample_window(at, model="calm") for at in range(1, 20)])
    alerting.drain(patient)
    stores.last_mails.waits(ADA, datetime.now(UTC) - timedelta(minutes=31))
    alerting.drain(patient)

    assert "[pegel] calm v1: over: amount" == subject(server.kept[1]).partition(" (")[0]


def test_without_a_pause_each_mail_goes_by_itself(settings: Settings, server: Server) -> None:
    """A system that wakes nobody, as one on a desk, sends each mail as soon as it is due, under its own subject."""
    drifts(settings, "first", ADA)
    drifts(settings, "second", ADA)
    alerting.drain(settings.model_copy(update={"mail_pause": timedelta(0)}))

    assert [f"[pegel] {name} v1: amount is drifting" for name in ("first", "second")] == [
        subject(mail).partition(" (")[0] for mail in server.kept
    ]
