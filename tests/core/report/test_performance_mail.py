"""What labels say is mailed as what it is: which figure, how much worse, of how many labelled rows, since when."""

from __future__ import annotations

from datetime import timedelta

from labelled_traffic import MONDAY, class_baseline, classes, hour, number_baseline, numbers

from pegel.alerts.alert import MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.judge.findings import Finding
from pegel.judge.labelled_hours import Followers, Stored
from pegel.judge.performance.label_levels import DETECTOR
from pegel.report.alert_mail import render
from pegel.report.mail_message import Rendered
from pegel.report.states import state_of
from pegel.stats.labelled_rows import LabelledRows
from pegel.stream.result_rows import Tally
from pegel.testing.samples import sample_heartbeat, sample_spec, sample_window

NOW = MONDAY + timedelta(hours=60)
SPEC = sample_spec(labels={"source": "topic"})


def found(baseline: Baseline, hours: dict[int, LabelledRows]) -> tuple[Finding, ...]:
    """Return what is found of hours whose labels are all there."""
    followed = Followers(SPEC, baseline, timedelta(hours=1), NOW).follow(
        {hour(each): rows for each, rows in hours.items()}, Stored()
    )
    return followed.findings


def mailed(findings: list[Finding], baseline: Baseline) -> Rendered:
    """Return the mail about findings."""
    changes = update([], list(enumerate(findings, 1)), [], NOW, [SPEC])
    (mail,) = [mail for change in changes for mail in ([change.mail] if change.mail else [])]
    assert mail.kind is MailKind.OPENED
    return render(mail, baseline=baseline, tally=Tally(drifting=0, windows=0, rows=0), page_url="http://page", now=NOW)


def test_a_mail_names_the_error_rate_first() -> None:
    """Whatever figure is clearest: how many more answers are wrong, of how many labelled rows, since when."""
    baseline = class_baseline()
    findings = found(baseline, {each: classes(each, 400, flip=0.3) for each in range(4)})
    mail = mailed(list(findings), baseline)
    first = mail.text.splitlines()[0]

    assert "[pegel] delays v1: error rate and 5 more are worse than in training (began before " in mail.subject
    assert (
        "delays v1: wrong answers 18 % → 39 % in labelled rows from 2015-01-05 00:00 to 2015-01-06 00:00 UTC." == first
    )
    assert "By 1,600 labelled rows. It says nothing of the inputs" in mail.text
    assert "this model had no alert about performance before" in mail.text
    assert [] == [words for words in ("drift.", "windows", "log loss: log loss", "margin") if words in mail.text]


def test_a_regressor_is_told_by_how_far_it_is_off() -> None:
    """Mean absolute error first, then the bias that is behind it."""
    baseline = number_baseline()
    mail = mailed(list(found(baseline, {each: numbers(each, 400, bias=4.0) for each in range(3)})), baseline)
    lines = mail.text.splitlines()

    assert "mean absolute error and bias are worse than in training" in mail.subject
    assert lines[0].startswith("delays v1: mean absolute error 3.992 → 5.172 in labelled rows from ")
    assert lines[1].startswith("bias 0.008626 → 3.8")


def test_only_labels_end_what_labels_began() -> None:
    """Clean windows of inputs say nothing of answers: two settled hours do, after a chart a day of them."""
    baseline = class_baseline()
    findings = found(baseline, {each: classes(each, 400, flip=0.3) for each in range(4)})
    by_hours = [one for one in findings if one.detector == DETECTOR]
    windows = [sample_window(span=hour(each)) for each in range(24, 54)]
    for own, needed in ((by_hours, 2), (findings, 24)):
        (opened,) = update([], list(enumerate(own, 1)), windows, NOW, [SPEC])
        assert opened.alert is not None
        key = opened.alert.key
        looks = [(key, AlertKind.PERFORMANCE, hour(24 + each)) for each in range(needed)]
        few = update([opened.alert], [], windows, NOW, [SPEC], looks=looks[1:])
        (enough,) = update([opened.alert], [], windows, NOW, [SPEC], looks=looks)

        assert (AlertKind.PERFORMANCE, None) == (opened.alert.kind, opened.alert.over_at)
        assert [] == [change for change in few if change.alert is None or change.alert.over_at is not None]
        assert enough.mail is not None
        assert MailKind.OVER is enough.mail.kind


def test_the_page_says_it_in_a_line() -> None:
    """Beside drift of inputs, which may be there or not."""
    findings = found(class_baseline(), {each: classes(each, 400, flip=0.3) for each in range(4)})
    (change,) = update([], list(enumerate(findings, 1)), [], NOW, [SPEC])
    assert change.alert is not None

    beat = sample_heartbeat(at=NOW)
    words = state_of(SPEC, last=None, alerts=[change.alert], heartbeat=beat, now=NOW).words
    assert "worse than in training, began before " in words
    assert "wrong answers 18 % → 39 %" in words
