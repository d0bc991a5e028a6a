"""The mail that somebody reads at three in the morning."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.parser import BytesParser

import pytest
from scipy.special import ndtr

from pegel.alerts.alert import Mail, MailKind
from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.report.alert_mail import plain, render
from pegel.report.mail_message import Rendered, message
from pegel.report.prediction_words import PredictionMove
from pegel.report.reading import Sources
from pegel.spec.attribution_section import AttributionSection
from pegel.stats.summary import Summary
from pegel.store.results import Results
from pegel.stream.result_rows import Tally
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_spec

NOW = START + 24 * MINUTE + timedelta(seconds=20)
TALLY = Tally(drifting=6, windows=6, rows=3_600)
PAGE = "http://127.0.0.1:8080/pegel"


@pytest.fixture
def mail(sources: Sources) -> Mail:
    """The first mail about the drift."""
    results = Results(sources.engine)
    changes = update([], results.findings("delays", 1), results.windows("delays", 1), NOW, [sample_spec()])
    (mail,) = [change.mail for change in changes if change.mail]
    return mail


@pytest.fixture
def rendered(mail: Mail, baseline: Baseline) -> Rendered:
    """That mail with words and picture."""
    return render(mail, baseline=baseline, tally=TALLY, page_url=PAGE, now=NOW)


def test_the_subject_says_what_and_since_when(rendered: Rendered) -> None:
    """Model, feature and time are in the subject."""
    assert "[pegel] delays v1: departure_delay and arrival_delay are drifting (since 00:18 UTC)" == rendered.subject


def test_the_first_lines_are_for_people(rendered: Rendered) -> None:
    """The first three lines say what changed, by how much in the feature's unit, when, and how much data speaks."""
    first, second, third = rendered.text.splitlines()[:3]

    assert first.startswith("delays v1: departure_delay shifted up by 0.")
    assert first.endswith(" min) in the window from 00:23 to 00:24 UTC, drifting since 00:18 UTC.")
    assert second.startswith("the prediction arrival_delay shifted up by 0.")
    assert "6 of 6 windows, 3,600 rows; the model's predictions moved too. 2 other fields look as in training." == third


def test_the_size_is_that_of_the_window_that_is_named(mail: Mail, baseline: Baseline) -> None:
    """Slighter windows before it change neither the size, nor the numbers beside it: only since when it drifts."""
    slighter = [
        replace(row, span=Span(row.span.start - 6 * MINUTE, row.span.end - 6 * MINUTE), summary=unchanged)
        for unchanged in [baseline.summary.to_bytes()]
        for row in mail.windows
        if row.span.start >= START + 18 * MINUTE
    ]
    earlier = tuple(replace(one, since=START + 12 * MINUTE) for one in mail.alert.features)
    alert = replace(mail.alert, since=START + 12 * MINUTE, features=earlier)
    longer = replace(mail, alert=alert, windows=(*slighter, *mail.windows[-6:]))
    first, again = (render(one, baseline=baseline, tally=TALLY, page_url=PAGE, now=NOW).text for one in (mail, longer))
    size = again.split(" by ")[1].split(" (")[0]

    assert again.splitlines()[0].endswith(" in the window from 00:23 to 00:24 UTC, drifting since 00:12 UTC.")
    assert f"effect {size}," in " ".join(again.split())
    assert numbers(first) == numbers(again)


def numbers(text: str) -> list[str]:
    """Return the lines that set training against now."""
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    assert any("median" in line for line in lines)
    return lines


def test_too_few_predictions_are_not_said_to_have_stayed(mail: Mail, baseline: Baseline) -> None:
    """Of what came too seldom to be judged nobody is told that it looks as in training."""
    windows = []
    for row in mail.windows:
        counted = Summary.from_bytes(row.summary, baseline.layout)
        counted.cells[baseline.layout.places[baseline.layout.index["arrival_delay"]]] = 0
        windows.append(replace(row, summary=counted.to_bytes()))
    features = tuple(feature for feature in mail.alert.features if feature.feature == "departure_delay")
    alone = replace(mail, windows=tuple(windows), alert=replace(mail.alert, features=features))
    text = render(alone, baseline=baseline, tally=TALLY, page_url=PAGE, now=NOW).text

    assert "too few predictions came to say whether they moved. 2 of 3 other fields look as in training." in text


def test_the_hours_that_the_worst_finding_is_compared_with_are_named(mail: Mail, baseline: Baseline) -> None:
    """Where windows are judged against their hour, the numbers behind the finding say which rows these are."""
    features = tuple(
        replace(one, finding=replace(one.finding, evidence=one.finding.evidence | {"season": "19:00-20:00"}, m=1_286))
        for one in mail.alert.features
    )
    told = replace(mail, alert=replace(mail.alert, features=features))
    text = render(told, baseline=baseline, tally=TALLY, page_url=PAGE, now=NOW).text

    assert "600 rows of the newest window against 1,286 of 19:00-20:00 in training" in " ".join(text.split())


def test_then_and_now_stand_side_by_side(rendered: Rendered) -> None:
    """The worst feature's median and tail are given for the baseline and for now."""
    lines = {line.split()[0]: line for line in reversed(rendered.text.splitlines()) if line.startswith("  ")}

    assert "baseline 2025-11-03 (5,000 rows)" in rendered.text
    assert 2 == lines["median"].count(" min")
    assert 2 == lines["above"].count(" %")


def test_a_shift_in_ranks_is_said_in_rows(rendered: Rendered) -> None:
    """Beside the median stands what the sigma measures: how often a row of now is above one of training."""
    (line,) = [line.split() for line in rendered.text.splitlines() if "above a training row" in line]
    sigma = float(rendered.text.split(" by ")[1].split()[0])

    assert ["50", "%"] == line[4:6]
    assert float(line[6]) / 100 == pytest.approx(float(ndtr(sigma / math.sqrt(2))), abs=0.01)


def test_it_says_how_sure_and_what_to_do(rendered: Rendered, mail: Mail) -> None:
    """Odds of a false alarm, evidence, the page, the command to quiet it and the next mail are all there."""
    short = mail.alert.id[:8]

    for part in (
        "At your setting (1 per week per model) one is expected every 7 days; ",
        "; this model had no alert about drift before.",
        "threshold 1e-05",
        f"Look      {PAGE}/models/delays/1",
        f'Quiet it  pegel ack {short} --until 09:00 --why "..."',
        f"or  {PAGE}/alerts?q={short}",
        "No further mail about this alert before 01:25 UTC, unless it becomes more severe; one when it is over.",
    ):
        assert part in rendered.text


def test_a_phone_is_enough_to_quiet_it(rendered: Rendered, mail: Mail) -> None:
    """The HTML leads to where that alert alone is acknowledged, and is laid out as wide as a phone is."""
    whole = message([rendered], sender="pegel@example.org", recipient="on-call@example.org", now=NOW)
    body = whole.get_body(("html",))
    assert body is not None
    html = str(body.get_content())

    assert f'<a href="{PAGE}/alerts?q={mail.alert.id[:8]}">Acknowledge it there</a>' in html
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html


def test_one_screen_is_enough(rendered: Rendered) -> None:
    """The text fits on a screen of 24 lines."""
    assert len(rendered.text.splitlines()) <= 24


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (MailKind.REPEATED, "departure_delay and arrival_delay are still drifting (since 00:18 UTC)"),
        (MailKind.GROWN, "arrival_delay is drifting too (since 00:18 UTC)"),
        (MailKind.OVER, "over: departure_delay and arrival_delay (00:18 to 00:24 UTC)"),
    ],
)
def test_each_kind_has_its_subject(mail: Mail, baseline: Baseline, kind: MailKind, subject: str) -> None:
    """A repeated mail says still, a grown one names the new feature, the last one says over."""
    told = render(
        replace(mail, kind=kind, new_features=("arrival_delay",)),
        baseline=baseline,
        tally=TALLY,
        page_url=PAGE,
        now=NOW,
    )

    assert f"[pegel] delays v1: {subject}" == told.subject


def test_the_last_mail_asks_for_nothing(mail: Mail, baseline: Baseline) -> None:
    """A mail that says over has no picture, no evidence and nothing to acknowledge."""
    told = render(replace(mail, kind=MailKind.OVER), baseline=baseline, tally=TALLY, page_url=PAGE, now=NOW)

    assert told.picture is None
    assert "pegel ack" not in told.text
    assert told.text.startswith("delays v1: departure_delay and arrival_delay look as in training again.")


def test_without_a_baseline_the_mail_still_speaks(mail: Mail) -> None:
    """When the baseline cannot be read, the mail comes without comparison and picture, never not at all."""
    told = render(mail, baseline=None, tally=TALLY, page_url=PAGE, now=NOW)

    assert told.picture is None
    assert "departure_delay shifted up by 0." in told.text


def test_an_earlier_alert_is_remembered(mail: Mail, baseline: Baseline) -> None:
    """How long ago the last alert was is part of how sure one may be."""
    before = replace(mail.alert, opened_at=mail.alert.opened_at - timedelta(days=12))
    told = render(replace(mail, previous=before), baseline=baseline, tally=TALLY, page_url=PAGE, now=NOW)

    assert "the last alert about drift was 12 days before." in told.text


def test_the_message_is_what_mail_programs_expect(rendered: Rendered) -> None:
    """Plain text first, then HTML with the picture inside it; the bytes survive the way."""
    sent = message([rendered], sender="pegel@localhost", recipient="on-call@example.org", now=NOW)
    received = BytesParser(policy=policy.default).parsebytes(sent.as_bytes())
    kinds = [part.get_content_type() for part in received.walk()]
    body = received.get_body(("plain",))

    assert ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"] == kinds
    assert rendered.subject == received["Subject"]
    assert body is not None
    assert rendered.text == body.get_content()
    assert any(
        part.get_content() == rendered.picture for part in received.walk() if part.get_content_type() == "image/png"
    )


def test_a_line_break_in_a_name_ends_no_header(mail: Mail) -> None:
    """A feature whose name has a line break, as spreadsheet headers do, is told in a subject of one line."""
    feature = mail.alert.features[0]
    odd = replace(feature, feature="Umsatz\n(EUR)", finding=replace(feature.finding, feature="Umsatz\n(EUR)"))
    told = replace(mail, alert=replace(mail.alert, features=(odd,)))
    rendered = render(told, baseline=None, tally=TALLY, page_url=PAGE, now=NOW)
    short = plain(told, problem="a test", page_url=PAGE, now=NOW)
    subjects = [
        message([written], sender="pegel@localhost", recipient="ada@example.org", now=NOW)["Subject"]
        for written in (rendered, short)
    ]

    assert [
        "[pegel] delays v1: Umsatz (EUR) is drifting (since 00:18 UTC)",
        "[pegel] delays v1: Umsatz (EUR): drifting (since 00:18 UTC)",
    ] == subjects
    assert rendered.text.startswith("delays v1: Umsatz (EUR) shifted up by 0.")


@pytest.mark.parametrize("name", ["", " ", "=?utf-8?q?=E2=80=AE?="])
def test_a_name_of_no_letters_or_of_code_is_told_as_it_is(mail: Mail, name: str) -> None:
    """The mail is whole, and its subject has nothing in it that was decoded from a name."""
    feature = mail.alert.features[0]
    odd = replace(feature, feature=name, finding=replace(feature.finding, feature=name))
    told = replace(mail, alert=replace(mail.alert, features=(odd,)))
    rendered = render(told, baseline=None, tally=TALLY, page_url=PAGE, now=NOW)
    subject = message([rendered], sender="pegel@localhost", recipient="ada@example.org", now=NOW)["Subject"]

    assert ("drifting" in subject, subject.isascii()) == (True, True)


def test_a_mail_that_cannot_be_rendered_still_says_what_is_the_matter(mail: Mail) -> None:
    """The plain lines name the fields, what changed, the page, how to quiet it, and what is wrong with Pegel."""
    told = plain(mail, problem="KeyError('edges')", page_url=PAGE, now=NOW)
    lines = told.text.splitlines()

    assert None is told.html
    assert "delays v1: departure_delay and arrival_delay: drifting, since 00:18 UTC; last seen 00:24 UTC." == lines[0]
    assert "  departure_delay: shifted up" == lines[2]
    assert f"Look      {PAGE}/models/delays/1" in lines
    assert "This mail is short because something is wrong with Pegel itself: KeyError('edges')" == lines[-1]


def test_a_mail_about_an_acknowledged_alert_says_by_whom(mail: Mail, baseline: Baseline) -> None:
    """Who acknowledged what, until when and why stands in text and HTML; once that time has passed it does not."""
    said = replace(
        mail.alert, acknowledged_by="ada", acknowledged_why="storm\nin ORD", acknowledged_features=("airline",)
    )
    grown = [
        replace(mail, kind=MailKind.GROWN, alert=replace(said, acknowledged_until=NOW + later))
        for later in (timedelta(hours=1), -MINUTE)
    ]
    now, past = [render(one, baseline=baseline, tally=TALLY, page_url=PAGE, now=NOW) for one in grown]
    sentence = "airline acknowledged by ada until 01:24:20 UTC: storm in ORD"

    assert (True, True) == (sentence in now.text, sentence in (now.html or ""))
    assert ("acknowledged" in past.text, "acknowledged" in (past.html or "")) == (False, False)


def test_windows_are_counted_beyond_those_that_the_mail_carries(mail: Mail, baseline: Baseline) -> None:
    """The numbers of windows and rows are those of the whole time, not of the newest windows alone."""
    tally = Tally(drifting=1_204, windows=1_311, rows=786_600)
    told = render(mail, baseline=baseline, tally=tally, page_url=PAGE, now=NOW)

    assert "1,204 of 1,311 windows, 786,600 rows" in told.text


def test_names_of_features_lead_to_their_pages(rendered: Rendered, mail: Mail, baseline: Baseline) -> None:
    """Names in the first sentences do, with their segment, those of predictions too; the text has no further line."""
    page, (first, second) = f"{PAGE}/models/delays/1/feature?name=", rendered.text.splitlines()[:2]
    prediction = f'the prediction <a href="{page}arrival_delay" style="color: inherit;">arrival_delay</a> shifted up'
    (worst, *others), where = mail.alert.features, "airline=A&B"
    of_segment = replace(worst, finding=replace(worst.finding, segment=where))
    alert = replace(mail.alert, features=(of_segment, *others))
    told = render(replace(mail, alert=alert), baseline=baseline, tally=TALLY, page_url=PAGE, now=NOW)

    assert rendered.html is not None
    assert f'<a href="{page}departure_delay" style="color: inherit;">departure_delay</a> shifted up' in rendered.html
    assert prediction in rendered.html
    assert (True, True) == (
        first.startswith("delays v1: departure_delay shifted"),
        second.startswith("the prediction arrival_"),
    )
    assert page not in rendered.text
    assert f'"{page}departure_delay&amp;segment=airline%3DA%26B"' in (told.html or "")


def test_foreign_names_are_escaped_in_html_and_kept_in_text(mail: Mail) -> None:
    """A feature called like a tag is shown, not obeyed."""
    feature = mail.alert.features[0]
    odd = replace(feature, feature="<i>x", finding=replace(feature.finding, feature="<i>x"))
    told = render(
        replace(mail, alert=replace(mail.alert, features=(odd,))), baseline=None, tally=TALLY, page_url=PAGE, now=NOW
    )

    assert "<i>x shifted up" in told.text
    assert told.html is not None
    assert "<i>x" not in told.html
    assert f'<a href="{PAGE}/models/delays/1/feature?name=%3Ci%3Ex"' in told.html
    assert ">&lt;i&gt;x</a> shifted up" in told.html


def test_a_drift_says_whether_it_matters(mail: Mail, baseline: Baseline) -> None:
    """Where predictions are explained the mail says how the output moved, or why that is not known; else nothing."""
    section = {"via": "artefact"}
    asked = replace(mail, spec=mail.spec.model_copy(update={"attribution": AttributionSection.model_validate(section)}))
    move = PredictionMove(0.33, 0.02, {"amount": (0.34, 0.02)}, 1.0, 0.05)

    texts = [
        render(each, baseline=None, tally=TALLY, page_url=PAGE, now=NOW, moved=moved).text
        for each, moved in ((asked, move), (asked, "learning its baseline"), (mail, move))
    ]

    assert "Does it matter? The prediction rose by 0.33" in texts[0]
    assert "Does it matter? Not known, because learning its baseline." in texts[1]
    assert "Does it matter?" not in texts[2]


def test_a_mail_names_the_command_that_says_which_rows(mail: Mail, rendered: Rendered) -> None:
    """No mail waits for a search in the archive: it names the command; without an archive there is none."""
    kept = mail.spec.archive.model_copy(update={"keep": timedelta(0)})
    without = replace(mail, spec=mail.spec.model_copy(update={"archive": kept}))
    told = render(without, baseline=None, tally=TALLY, page_url=PAGE, now=NOW).text

    assert "Which rows, once their hour is archived? pegel explain " in rendered.text
    assert " --rows" in rendered.text
    assert "Which rows" not in told
