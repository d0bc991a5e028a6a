"""What becomes of mails when their server is away, hangs, or their sender is killed; through a real mail server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import dispatch_passes
import pytest
from mail_servers import Server
from waiting import wait_until

from pegel.alerts.health_kind import HealthKind
from pegel.judge.findings import Verdict
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_finding, sample_heartbeat, sample_spec, sample_window
from pegel.testing.stream_fakes import speak
from pegel_airflow import alerting, services
from pegel_airflow.smtp_session import SmtpSession

ADA, BEN, CYD, DAN = (f"{name}@example.org" for name in ("ada", "ben", "cyd", "dan"))
AWAY = '{"conn_type": "smtp", "host": "127.0.0.1", "port": 9, "extra": {"disable_ssl": true, "disable_tls": true}}'
MINUTE = timedelta(minutes=1)


def drifts(settings: Settings, name: str, *emails: str, window: int = 0, **more: Any) -> None:
    """Let a model drift in one window."""
    stores = services.stores(settings)
    stores.registry.put(sample_spec(name, alerts={"emails": list(emails)}))
    finding = sample_finding(window, "amount", model=name, **more)
    stores.results.write([sample_window(window, model=name, verdict=Verdict.DRIFT)], [finding])


def look(settings: Settings, at: datetime, session: SmtpSession | None = None) -> str:
    """Let a pass happen at an instant, while the driver speaks; return what it said."""
    speak(services.engine(settings.database), sample_heartbeat(at))
    return dispatch_passes.look(settings, at, session)


@pytest.fixture
def hang(server: Server) -> Iterator[Callable[..., None]]:
    """Let mails to some addresses get no answer, as long as the test runs."""
    is_over = threading.Event()

    def begin(*addresses: str) -> None:
        server.hanging |= dict.fromkeys(addresses, is_over)

    yield begin
    is_over.set()


def test_a_mail_server_that_is_away_for_an_hour_costs_no_news_and_is_no_flood(
    settings: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What three models had meanwhile is one mail when it is back; until then it is known who is not reached."""
    paused = settings.model_copy(update={"mail_pause": 5 * MINUTE, "mail_patience": 60 * MINUTE})
    stores, begin = services.stores(settings), datetime.now(UTC) - timedelta(hours=3)
    with monkeypatch.context() as away:
        away.setenv("AIRFLOW_CONN_SMTP_DEFAULT", AWAY)
        for at in range(0, 60, 5):
            if at % 20 == 0:
                drifts(settings, f"m{at}", ADA)
            said = look(paused, begin + at * MINUTE)
    seen, unreached = list(stores.health.all(damaged={})), stores.last_mails.unreached()
    back = [look(paused, begin + at * MINUTE) for at in range(60, 130, 5)]
    history = [[event.kind.value for event in stores.history.of(one.id)] for one in stores.alerts.open_alerts()]

    assert "no session with the mail server" in said
    assert ([(HealthKind.UNREACHABLE, ADA)], [(ADA, 12)]) == (seen, [(one.address, one.tries) for one in unreached])
    assert "opened, mailed to ada@example.org" in back[0]
    assert ["[pegel] m0/1 and 2 more models: drift of amount (3 models"] == [_subject(mail) for mail in server.kept]
    assert [["opened", "mailed"]] * 3 == history
    assert ({}, []) == (stores.health.all(damaged={}), stores.last_mails.unreached())


def _subject(mail: EmailMessage) -> str:
    return " ".join(str(mail["Subject"]).split()).partition(", since")[0]


def test_who_is_killed_after_a_mail_was_accepted_sends_the_same_one_again(settings: Settings, server: Server) -> None:
    """Accepted, and nothing saved: the next pass sends it under the id that it had, and no third time."""

    class KilledError(BaseException):
        """What no pass catches."""

    class Killed(SmtpSession):
        """A session whose process ends with the first mail that is accepted."""

        def send(self, write: Callable[[str], EmailMessage]) -> None:
            """Send, and end."""
            super().send(write)
            raise KilledError

    drifts(settings, "first", ADA)
    drifts(settings, "second", ADA)
    paused = settings.model_copy(update={"mail_pause": 5 * MINUTE})
    begin = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(KilledError):
        look(paused, begin, Killed(settings.mail_from))
    for at in (1, 2, 10):
        look(paused, begin + at * MINUTE)

    assert (2, 1) == (len(server.kept), len({mail["Message-ID"] for mail in server.kept}))


def test_two_dispatchers_at_once_send_no_mail_twice(
    settings: Settings, server: Server, hang: Callable[..., None]
) -> None:
    """The second one finds the first at work, and leaves it what is due."""
    hang(ADA)
    drifts(settings, "delays", ADA)
    first = threading.Thread(target=alerting.drain, args=(settings,))
    first.start()
    wait_until(lambda: server.asked == [ADA])
    second = alerting.drain(settings)
    server.hanging[ADA].set()
    first.join()
    third = alerting.drain(settings)

    assert "another run of alert_dispatch is at work: it tells what is due" == second
    assert ([ADA], "nothing waits") == (server.told, third)


def test_an_address_that_hangs_holds_up_no_other(settings: Settings, server: Server, hang: Callable[..., None]) -> None:
    """It is given up after a while, the others have their mail; from then on it comes behind them."""
    hang(ADA)
    drifts(settings, "delays", ADA, BEN, CYD)
    now = datetime.now(UTC)
    look(settings, now, SmtpSession(settings.mail_from, within_s=0.3))
    first = list(server.asked)
    drifts(settings, "delays", ADA, BEN, CYD, window=1, effect=0.9)
    look(settings, now + MINUTE, SmtpSession(settings.mail_from, within_s=0.3))

    assert ([ADA, BEN, CYD], [BEN, CYD, ADA]) == (first, server.asked[3:])
    assert [BEN, CYD, BEN, CYD] == server.told
    assert [(ADA, 2)] == [(one.address, one.tries) for one in services.stores(settings).last_mails.unreached()]


def test_a_server_that_hangs_costs_a_pass_so_much_time_and_no_more(
    settings: Settings, server: Server, hang: Callable[..., None]
) -> None:
    """Whoever is left is told by a later pass, once it answers again: each once."""
    everybody = (ADA, BEN, CYD, DAN)
    hang(*everybody)
    drifts(settings, "delays", *everybody)
    now = datetime.now(UTC)
    said = look(settings, now, SmtpSession(settings.mail_from, within_s=0.3, in_all_s=0.5))
    asked = len(server.asked)
    server.hanging.clear()
    look(settings, now + MINUTE)
    look(settings, now + 2 * MINUTE)

    assert "the mail server took too long over other mails of this pass" in said
    assert (2, list(everybody)) == (asked, sorted(server.told))
