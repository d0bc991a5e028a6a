"""Alerts on their way to people, through Airflow's SMTP connection and a real mail server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import explained_windows
import pytest
import scene
import sqlalchemy as sa
from mail_servers import Server

from pegel.alerts.alert import Mail
from pegel.alerts.alert_kind import AlertKind
from pegel.data.instants import to_us
from pegel.errors import PermanentError, Unavailable
from pegel.judge.findings import Verdict
from pegel.report.mail_message import Rendered
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.spec.settings import Settings
from pegel.store import tables
from pegel.store.database import connect, writing
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.stream_store import StreamStore
from pegel.stream.attribution_rows import AttributionRow
from pegel.stream.commit import Commit
from pegel.stream.extreme_events import extreme_events
from pegel.stream.partial import OutlierReason, OutlyingEvent
from pegel.testing.samples import sample_finding, sample_span, sample_spec, sample_window
from pegel_airflow import alerting, services
from pegel_airflow.mail_sender import MailSender
from pegel_airflow.outbox import Outbox
from pegel_airflow.turns import Turns

MUCH = "UPDATE findings SET finding = json_set(finding, '$.effect', 'much') WHERE model = 'broken'"


def part(mail: EmailMessage, kind: str) -> str:
    """Return the text of a mail's part of a kind."""
    found = next(one for one in mail.walk() if one.get_content_type() == kind)
    return str(found.get_content())


def test_a_drift_becomes_one_mail(settings: Settings, server: Server, run_dag: Any) -> None:
    """Many findings of one model become one alert and one mail; the run that sends it is a success."""
    scene.play(settings)
    state = run_dag("alert_dispatch")

    assert (state, [(mail["To"], mail["From"]) for mail in server.kept]) == (
        "success",
        [("ada@example.org", "pegel@here")],
    )
    assert [alert.mailed_at is not None for alert in services.stores(settings).alerts.open_alerts()] == [True]


def test_the_mail_leads_with_plain_text(settings: Settings, server: Server) -> None:
    """A mail is plain text first, then HTML whose picture travels inside."""
    scene.play(settings)
    alerting.drain(settings)
    (mail,) = server.kept
    kinds = [one.get_content_type() for one in mail.walk() if not one.is_multipart()]

    assert (kinds, "departure_delay" in part(mail, "text/plain"), 'src="cid:' in part(mail, "text/html")) == (
        ["text/plain", "text/html", "image/png"],
        True,
        True,
    )


def test_saying_it_once_is_enough(settings: Settings, server: Server) -> None:
    """A second pass without anything new sends nothing."""
    scene.play(settings)
    told = [alerting.drain(settings), alerting.drain(settings)]

    assert (told[1], len(server.kept)) == ("nothing waits", 1)


def test_a_refused_mail_is_told_again(settings: Settings, server: Server) -> None:
    """While the server refuses, the pass fails and nothing is marked as told; the next pass tells it."""
    scene.play(settings)
    server.refusing = "451 come back later"
    with pytest.raises(Unavailable, match="come back later"):
        alerting.drain(settings)
    server.refusing = None
    alerting.drain(settings)

    assert len(server.kept) == 1


def test_a_flood_of_extreme_events_is_one_mail(settings: Settings, server: Server) -> None:
    """The doorbell rings with the batch that counted them; one mail names the most extreme, and the alert is closed."""
    spec = sample_spec("fraud", alerts={"emails": ["ada@example.org"], "outliers": "page"})
    engine, now = services.engine(settings.database), datetime.now(UTC)
    stores = services.stores(settings)
    stores.registry.put(spec)
    stream = StreamStore(engine)
    claim = stream.claim("default", 1, now)
    rung = []
    for batch in range(3):
        events = [(spec.key, extreme(f"e{batch}{at}", now + timedelta(minutes=batch), 40.0 + at)) for at in range(4)]
        stream.commit(claim, Commit(extremes=extreme_events(events, {spec.key: spec})), now)
        rung.append(services.findings_wait(settings))
        alerting.drain(settings)
    (mail,) = server.kept
    text = part(mail, "text/plain")
    view = model_view(Sources(engine), "fraud", 1, now)

    assert [True, True, True] == rung
    assert mail["Subject"].startswith("[pegel] fraud v1: an event is extremely far out (")
    assert "event e03, row 0: amount 1000000000.0; as far out: 1 in 1e+12 training rows; 3 more like it." in text
    assert ("nothing waits", []) == (alerting.drain(settings), stores.alerts.open_alerts())
    assert ([], 3) == (view.problems, sum(group.count for group in view.findings.groups))


def extreme(event_id: str, at: datetime, score: float) -> OutlyingEvent:
    """Return an event that no training row resembles."""
    reason = OutlierReason("amount", 1e9, score)
    return OutlyingEvent(event_id, 0, to_us(at), score, 20.0, 1e-12, "sha256:unknown", (reason,))


def test_the_end_of_a_pass_is_noted_whatever_came_of_it(settings: Settings, server: Server) -> None:
    """Whoever looks from outside sees that dispatching goes on, also while something is to be tried again."""
    alerting.drain(settings)

    assert ["alert_dispatch"] == list(services.stores(settings).passes.ends())


def test_no_mail_no_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass without a mail to send needs no mail server at all."""
    monkeypatch.delenv("AIRFLOW_CONN_SMTP_DEFAULT", raising=False)

    assert alerting.drain(settings) == "nothing waits"


def watched(settings: Settings, name: str, *emails: str, feature: str = "departure_delay", **finding: Any) -> None:
    """Let a further model drift in one window: judged by a baseline that nobody keeps any more."""
    stores = services.stores(settings)
    stores.registry.put(sample_spec(name, alerts={"emails": list(emails) or [f"{name}@example.org"]}))
    window = sample_window(0, model=name, verdict=Verdict.DRIFT)
    stores.results.write([window], [sample_finding(0, feature, model=name, **finding)])


def damage(settings: Settings, statement: sa.Executable) -> None:
    """Change rows of the database as nobody should."""
    with writing(services.engine(settings.database)) as connection:
        connection.execute(statement)


def failures(settings: Settings, model: str) -> list[str]:
    """Return what was recorded as not told about a model, oldest first."""
    return [failure.reason for failure in services.stores(settings).failures.recent(model)][::-1]


def test_a_damaged_finding_holds_up_nobody(settings: Settings, server: Server) -> None:
    """A finding that is no JSON is recorded and passed; other models' mails go out, and so does the model's next."""
    watched(settings, "broken")
    watched(settings, "calm")
    damage(settings, sa.text("UPDATE findings SET finding = '{' WHERE model = 'broken'"))
    alerting.drain(settings)
    stores = services.stores(settings)
    waiting = stores.alerts.unread()
    stores.results.write([sample_window(1, model="broken", verdict=Verdict.DRIFT)], [sample_finding(1, model="broken")])
    alerting.drain(settings)

    assert (waiting, server.told) == (False, ["calm@example.org", "broken@example.org"])
    assert failures(settings, "broken")[0].split(": ")[1] == "a finding cannot be read"


def test_an_invalid_spec_holds_up_nobody(settings: Settings, server: Server) -> None:
    """A model whose stored spec is refused has its reason recorded once; mended, it is told what waited."""
    watched(settings, "broken")
    watched(settings, "calm")
    stored = sa.update(tables.monitors).where(tables.monitors.c.model == "broken")
    good = sample_spec("broken", alerts={"emails": ["broken@example.org"]}).to_json()
    damage(settings, stored.values(spec={}))
    alerting.drain(settings)
    alerting.drain(settings)
    told, reasons = list(server.told), failures(settings, "broken")
    damage(settings, stored.values(spec=good))
    alerting.drain(settings)

    assert (told, server.told) == (["calm@example.org"], ["calm@example.org", "broken@example.org"])
    assert [reason.split(", because")[0] for reason in reasons] == ["nobody is told of its findings"]


def test_a_mail_without_its_baseline_says_less(settings: Settings, server: Server) -> None:
    """When the baseline is gone, the mail goes out without comparison, and that is recorded."""
    watched(settings, "calm")
    alerting.drain(settings)

    assert server.told == ["calm@example.org"]
    assert failures(settings, "calm")[0].startswith("its mail says less, because a baseline cannot be read")


def test_a_mail_that_cannot_be_rendered_is_sent_in_plain_lines(settings: Settings, server: Server) -> None:
    """A finding whose numbers are none gives a short mail that says so; the next model's mail is whole."""
    watched(settings, "broken")
    watched(settings, "calm")
    damage(settings, sa.text(MUCH))
    alerting.drain(settings)
    first, second = server.kept

    assert server.told == ["broken@example.org", "calm@example.org"]
    assert ("something is wrong with Pegel itself" in part(first, "text/plain"), second.is_multipart()) == (True, True)


def test_a_refused_address_holds_up_nobody(settings: Settings, server: Server) -> None:
    """One address that is refused for good is recorded and not tried again; everyone else has the mail, once."""
    server.refusing_addresses = {"gone@example.org": "550 no such person", "odd@example.org": "553 not so"}
    watched(settings, "broken", "gone@example.org")
    watched(settings, "mixed", "gone@example.org", "odd@example.org", "ada@example.org")
    for _ in range(3):
        alerting.drain(settings)
    alerts = {alert.model: alert.mail_failed for alert in services.stores(settings).alerts.open_alerts()}

    assert server.told == ["ada@example.org"]
    assert alerts == {"broken": "gone@example.org: 550 no such person", "mixed": ""}
    assert [reason.split(":")[0] for reason in failures(settings, "mixed")[-2:]] == [
        "gone@example.org was refused",
        "odd@example.org was refused",
    ]


@pytest.mark.parametrize("answer", ["553 not your sender address", "451 slow down"])
def test_a_sender_that_is_refused_is_tried_again(settings: Settings, server: Server, answer: str) -> None:
    """A server that does not let us send is asked again with each pass, whatever it says: a setting is mended."""
    server.refusing_sender = answer
    watched(settings, "calm")
    for _ in range(2):
        with pytest.raises(Unavailable, match=answer):
            alerting.drain(settings)
    server.refusing_sender = None
    alerting.drain(settings)

    assert server.told == ["calm@example.org"]


@pytest.mark.parametrize(("database", "tried_again"), [("", True), ("without-tables.db", False)])
def test_a_failure_that_cannot_be_recorded_holds_up_nobody(
    settings: Settings, server: Server, tmp_path: Path, database: str, tried_again: bool
) -> None:
    """With failures that cannot even be written down, the other monitors still have their turn, and it is said."""
    watched(settings, "broken")
    scene.play(settings)
    damage(settings, sa.text("UPDATE inboxes SET newest = 'z', cursor = 'x' WHERE model = 'broken'"))
    # A folder is no database that answers; a new file has no tables.
    failures = DispatchFailures(connect(f"sqlite:///{tmp_path / database}"))
    stores = replace(services.stores(settings), failures=failures)
    specs = {spec.key: spec for spec in stores.registry.list()}
    turns = Turns()
    with MailSender(settings) as sender:
        now = datetime.now(UTC)
        outbox = Outbox(stores, sender, now, turns, settings)
        dispatch = alerting.MonitorDispatch(stores, sender, now, turns, outbox)
        for model, version in stores.alerts.monitors():
            dispatch.monitor(model, version, specs, {})
        outbox.send()

    assert server.told == ["ada@example.org"]
    assert turns.failed[0].startswith("broken/1: ValueError")
    assert (len(turns.failed), [line.split(":")[0] for line in turns.later]) == (
        (1, ["record of broken/1"]) if tried_again else (2, [])
    )


def test_what_is_wrong_with_groups_holds_up_no_monitor(settings: Settings, server: Server) -> None:
    """Where groups cannot be looked at, findings are mailed all the same; both are in what the task fails with."""
    watched(settings, "calm")
    damage(settings, sa.text("DROP TABLE health_alerts"))
    with pytest.raises(PermanentError, match=r"the watching itself: [^\n]*\n(.*\n)*Everything else:\n(.*\n)*calm/1"):
        alerting.drain(settings)

    assert ["calm@example.org"] == server.told


class NoDriftMails(MailSender):
    """A sender that fails at mails about drift, in a way that nobody foresaw."""

    def write(self, mail: Mail) -> tuple[Rendered | None, list[str]]:
        """Write it, if it is about anything else."""
        if mail.alert.kind is AlertKind.DRIFT:
            raise RuntimeError("no words")
        return super().write(mail)


def test_a_mail_that_fails_repeats_none_about_another_kind_of_trouble(settings: Settings, server: Server) -> None:
    """Of a model that drifts and whose events are odd: what could be told is told once, what failed is due again."""
    watched(settings, "mixed")
    late: dict[str, Any] = {"detector": "events", "test": "late", "evidence": {"tests": {"late": {"seen": 9, "n": 90}}}}
    services.stores(settings).results.write(
        [sample_window(1, model="mixed", verdict=Verdict.DRIFT)],
        [sample_finding(1, "late events", model="mixed", **late)],
    )
    stores, passes = services.stores(settings), list[tuple[int, int]]()
    specs = {spec.key: spec for spec in stores.registry.list()}
    for sender_of in (NoDriftMails, NoDriftMails, MailSender):
        with sender_of(settings) as sender:
            now, turns = datetime.now(UTC), Turns()
            outbox = Outbox(stores, sender, now, turns, settings)
            alerting.MonitorDispatch(stores, sender, now, turns, outbox).monitor("mixed", 1, specs, {})
            outbox.send()
        passes.append((len(turns.failed), len(server.kept)))

    assert [(1, 1), (1, 1), (0, 2)] == passes
    assert ["not dispatched: RuntimeError('no words'). It is tried again each minute."] == [
        reason for reason in failures(settings, "mixed") if "no words" in reason
    ]


def test_an_address_that_is_busy_is_tried_again_alone(settings: Settings, server: Server) -> None:
    """Who could not get the mail yet gets it with a later pass; who has it is not sent it again."""
    server.refusing_addresses = {"later@example.org": "451 come back later"}
    watched(settings, "mixed", "ada@example.org", "later@example.org")
    with pytest.raises(Unavailable, match=r"later@example\.org: 451 come back later"):
        alerting.drain(settings)
    server.refusing_addresses = {}
    alerting.drain(settings)
    alerting.drain(settings)

    assert server.told == ["ada@example.org", "later@example.org"]


def test_a_line_break_in_a_name_is_a_mail_like_any_other(settings: Settings, server: Server) -> None:
    """A feature called `Umsatz`, line break, `(EUR)` is mailed with a blank."""
    watched(settings, "calm", feature="Umsatz\n(EUR)")
    alerting.drain(settings)

    assert [str(mail["Subject"]).split(": ")[1].split(" (since")[0] for mail in server.kept] == [
        "Umsatz (EUR) is drifting"
    ]


def test_a_damaged_alert_is_closed_and_another_opened(settings: Settings, server: Server) -> None:
    """An open alert that cannot be read is closed and recorded; the next finding opens and mails another."""
    watched(settings, "calm")
    alerting.drain(settings)
    damage(settings, sa.text("UPDATE alerts SET alert = '[]'"))
    alerting.drain(settings)
    stores = services.stores(settings)
    stores.results.write([sample_window(1, model="calm", verdict=Verdict.DRIFT)], [sample_finding(1, model="calm")])
    alerting.drain(settings)

    assert server.told == ["calm@example.org", "calm@example.org"]
    assert [alert.id for alert in stores.alerts.open_alerts()] == [sample_finding(1, model="calm").id]


def explained_drift(settings: Settings, *moved: float) -> AttributionRow | None:
    """Let a model drift whose predictions are explained; `moved`: what its attributions did meanwhile, if any."""
    stores, engine = services.stores(settings), services.engine(settings.database)
    spec = sample_spec(alerts={"emails": ["ada@example.org"]}, attribution={"via": "artefact"})
    stores.registry.put(spec)
    reference = explained_windows.explained_baseline(engine, spec)
    row = None
    if moved:
        values = explained_windows.drawn(2_000, 1, moved)
        row = explained_windows.explained_window(spec, reference, sample_span(0).start, values)
        explained_windows.keep(engine, row)
    stores.results.write([sample_window(0, verdict=Verdict.DRIFT)], [sample_finding(0)])
    return row


def matter(server: Server) -> list[str]:
    """Return the one mail's paragraph on whether it matters, as text and in HTML."""
    (mail,) = server.kept
    lines = [*part(mail, "text/plain").splitlines(), *part(mail, "text/html").splitlines()]
    return [line for line in lines if "Does it matter?" in line]


def test_a_drift_that_moves_the_prediction_is_mailed_with_its_parts(settings: Settings, server: Server) -> None:
    """The mail says by how much the prediction rose and through which feature, in the numbers of the stored window."""
    row = explained_drift(settings, 0.36, -0.05, 0.0)
    alerting.drain(settings)
    assert row is not None
    parts = row.facts["parts"]
    amount, output = parts["attribution:amount"], parts["output"]["mean"]
    told = f"The prediction rose by {output:.2f} \N{GREEK SMALL LETTER SIGMA} (+"
    named = f": amount {amount['mean']:+.2f} ± {amount['mean_error']:.2f}; other features together -0.0"
    text, html = matter(server)

    assert 0.3 < output < 0.36
    assert text.startswith(f"Does it matter? {told}")
    assert (named in text, told in html) == (True, True)


def test_a_drift_that_the_model_does_not_use_is_mailed_as_such(settings: Settings, server: Server) -> None:
    """A column of noise has moved by three of its deviations: the output does not move noticeably by it."""
    explained_drift(settings, 0.0, 0.0, 3.0)
    alerting.drain(settings)

    assert "Does it matter? The model's output does not move noticeably by it (below 0.05 " in matter(server)[0]


def test_a_drift_without_explained_rows_is_mailed_with_the_reason(settings: Settings, server: Server) -> None:
    """While no window of explained rows is there, the mail says so."""
    explained_drift(settings)
    alerting.drain(settings)

    assert matter(server)[0].startswith("Does it matter? Not known, because no explained rows of these windows")


def test_damaged_explained_rows_hold_up_no_mail(settings: Settings, server: Server) -> None:
    """A window of explained rows that is no JSON is a reason in the mail, which goes out as ever."""
    explained_drift(settings, 0.36, 0.0, 0.0)
    damage(settings, sa.text("UPDATE attributions SET sums = '{'"))
    alerting.drain(settings)

    assert "Not known, because a window of explained rows of delays/1 cannot be read" in matter(server)[0]
    assert [alert.mailed_at is not None for alert in services.stores(settings).alerts.open_alerts()] == [True]
