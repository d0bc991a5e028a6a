"""The mail about an alert: subject, plain text, HTML with the picture.

The first three lines say what changed, since when and how sure it is; what to do comes before one has to scroll.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from pegel.alerts.alert import Alert, AlertFeature, Mail, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.baseline.baseline import Baseline
from pegel.judge.findings import Finding
from pegel.judge.missing_answers import MissingAnswers
from pegel.longspans.long_span_row import LongSpanRow
from pegel.report import answer_words, probing_words, words
from pegel.report.alert_subject import plain_state, subject
from pegel.report.change_words import began_to_change, since
from pegel.report.happened_words import described, worst_feature
from pegel.report.html import environment
from pegel.report.mail_facts import Facts
from pegel.report.mail_links import ABOUT_FEATURES, with_links
from pegel.report.mail_message import PICTURE, Rendered
from pegel.report.moved_prediction import ABOUT
from pegel.report.prediction_words import NO_ROWS, PredictionMove, matter_words
from pegel.report.severity_words import marked
from pegel.report.single_event_mail import single_event_words
from pegel.report.span_words import when
from pegel.slices.sliced_findings import rows_command
from pegel.spec.names import feature_of
from pegel.spec.outside_text import LONGEST_SENTENCE, LONGEST_SHOWN, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
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
        said, text = single_event_words(mail, link=_address(model_place(mail.alert), page_url), now=now, made=made)
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
        "linked": with_links(sentences, facts.findings, _address(model_place(mail.alert), page_url))
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
        "link": _address(model_place(mail.alert), page_url),
        "quiet": _address(alert_place(mail.alert), page_url),
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
        f"Look      {_address(model_place(mail.alert), page_url)}",
        f'Quiet it  pegel ack {alert.id[:8]} --until 09:00 --why "..."',
        f"      or  {_address(alert_place(alert), page_url)}",
        "",
        f"This mail is short because something is wrong with Pegel itself: {shown(problem, LONGEST_SENTENCE)}",
    ]
    text = "\n".join(lines) + "\n"
    subject = f"[pegel] {model}: {names}: {state} ({begun})"
    return Rendered(subject=_marked(subject, mail), text=text, html=None, picture=None)


def _marked(subject: str, mail: Mail) -> str:
    return marked(subject, mail.alert.severity, is_over=mail.kind is MailKind.OVER)


def headline(facts: Facts) -> list[str]:
    """Return one sentence per field or kind of events, the worst first, each with its size and its time."""
    if facts.mail.kind is MailKind.OVER:
        return [_end_of_explained(facts) if facts.alert.kind in _EXPLAINED else _end(facts)]
    features = {one.finding.id: one for one in facts.alert.features}
    ordered = [features[finding.id] for finding in facts.findings]
    if facts.alert.kind is AlertKind.EVENTS:
        sentences = [f"{_sentence(facts, one.finding)}{_told_with(facts, one.finding)}" for one in ordered]
        return [f"{sentence}." for sentence in sentences]
    if facts.alert.kind is AlertKind.MODEL:
        return [f"{shown(one.finding.what)}, {_between(facts, one)}." for one in ordered]
    if facts.alert.kind is AlertKind.ATTRIBUTIONS:
        return [f"{_moved(one.finding)}, {_between(facts, one)}." for one in ordered]
    if facts.alert.kind is AlertKind.LONG_SPANS:
        return [f"{_sentence(facts, one.finding)} {when(one.finding, facts.now)}." for one in ordered]
    place = "labelled rows" if facts.alert.kind is AlertKind.PERFORMANCE else "the windows"
    times = [_between(facts, one) for one in ordered]
    # What drifts in the same windows says once in which.
    at_once = len(set(times)) == 1
    sentences = [
        _sentence(facts, one.finding) + (f" in {place} {time}" if not (at_once and number) else "")
        for number, (one, time) in enumerate(zip(ordered, times, strict=True))
    ]
    return [f"{sentence}." for sentence in [*sentences, *_begins(facts)]]


_OVER = {
    AlertKind.QUALITY: "as expected again. What was not so was in the windows",
    AlertKind.SKEW: "served as the table says again. What was not so was served",
    AlertKind.PERFORMANCE: "as in training again. What was worse was in labelled rows",
    AlertKind.PROBING: "no longer suspected. Rows came in crowds in the windows",
}
"""How something is over; from when to when it was so follows."""


def _end(facts: Facts) -> str:
    alert, now = facts.alert, facts.now
    between = f"from {words.began(alert, now)} to {words.moment(alert.last_end, now)} UTC"
    names = words.several([finding.about for finding in facts.findings])
    if alert.kind is AlertKind.EVENTS:
        return f"{names}: no more than tolerated again. There were too many {between}."
    if alert.kind in _OVER:
        return f"{names} {'are' if len(facts.findings) > 1 else 'is'} {_OVER[alert.kind]} {between}."
    look = "look" if len(facts.findings) > 1 else "looks"
    if alert.kind is AlertKind.LONG_SPANS:
        last = when(worst_feature(alert).finding, now)
        return f"{names} {look} as in training again. It drifted {last}."
    return f"{names} {look} as in training again. The drift was in the windows {between}."


def _end_of_explained(facts: Facts) -> str:
    between = f"from {words.began(facts.alert, facts.now)} to {words.moment(facts.alert.last_end, facts.now)} UTC"
    if facts.alert.kind is AlertKind.MODEL:
        return f"Answers are those of version {facts.alert.version} again. They were not {between}."
    moved = words.several([feature_of(finding.feature) for finding in facts.findings])
    return f"The prediction no longer moves by {moved}. It did in the windows of explained rows {between}."


def _moved(finding: Finding) -> str:
    """Return by how much the prediction moves by a feature; through it, where others interact with it, too."""
    name = shown(feature_of(finding.feature), LONGEST_SHOWN)
    numbers = finding.evidence.get("change", {})
    by_mean = finding.effect == numbers.get("mean")
    error = numbers.get("mean_error" if by_mean else "size_error", 0.0)
    size = f"{abs(finding.effect):.2g} ± {error:.1g} {words.SIGMA} of the prediction"
    if by_mean:
        return f"The prediction is {'up' if finding.effect > 0 else 'down'} through {name} by {size}"
    return f"The prediction moves {'more' if finding.effect > 0 else 'less'} through {name} than before, by {size}"


def _between(facts: Facts, feature: AlertFeature) -> str:
    """Return from when to when a field was found to drift."""
    about = "about " if "chart" in feature.finding.evidence else ""
    since, until = (words.moment(at, facts.now) for at in (feature.since, feature.finding.span.end))
    return f"from {about}{since} to {until} UTC"


def _sentence(facts: Facts, finding: Finding) -> str:
    is_prediction = facts.alert.kind is not AlertKind.PERFORMANCE and facts.is_prediction(finding.feature)
    said = described(facts.alert.kind, finding, facts.change(finding))
    return f"the prediction {said}" if is_prediction else said


def _told_with(facts: Facts, finding: Finding) -> str:
    """Return which window counted odd events: the newest alone. Requests say themselves when they were made."""
    if "asked_from" in finding.evidence:
        return ""
    start, end = (words.moment(instant, facts.now) for instant in (finding.span.start, finding.span.end))
    return f", told with the window from {start} to {end} UTC"


def _begins(facts: Facts) -> list[str]:
    """Return when the worst slow change began; nothing where no chart tells."""
    for feature in sorted(facts.alert.features, key=lambda feature: feature.finding.p_value):
        if feature.began is not None:
            return [began_to_change(shown(feature.feature, NAME_LIMIT), feature.began, facts.now)]
    return []


def summary(facts: Facts) -> str:
    """Return how much data speaks, and of drift, what else does and does not."""
    tally = facts.tally
    parts = []
    if facts.alert.kind in _OWN_SUMMARY:
        return _OWN_SUMMARY[facts.alert.kind](facts)
    if facts.alert.kind is AlertKind.LONG_SPANS:
        parts = _as_a_whole(facts)
    elif tally.windows:
        parts = [f"{tally.drifting:,} of {how_many(tally.windows, 'window')}, {how_many(tally.rows, 'row')}"]
    if facts.mail.kind is MailKind.OVER:
        return f"It was in {parts[0]}." if parts else ""
    if facts.alert.kind is AlertKind.PROBING:
        found = f"Found in {parts[0]}." if parts else ""
        return f"{found} {probing_words.who(facts.findings)}".strip()
    if facts.alert.kind in {AlertKind.EVENTS, AlertKind.QUALITY}:
        return f"Found in {parts[0]}." if parts else ""
    if facts.has_predictions and facts.mail.spec.watch.predictions:
        parts.append(_predictions(facts, moved=facts.predictions_moved))
    sentence = "; ".join(parts)
    sentence = f"{sentence}." if sentence else ""
    return f"{sentence} {_alike(facts)}".strip()


_EXPLAINED = (AlertKind.MODEL, AlertKind.ATTRIBUTIONS)


def _of_explained(facts: Facts) -> str:
    """Return of how many explained rows it was found, and what it says and does not say."""
    if facts.mail.kind is MailKind.OVER:
        return ""
    if facts.alert.kind is AlertKind.MODEL:
        return answer_words.looked_at(facts.findings[0])
    rows = how_many(facts.findings[0].n, "explained row")
    return f"By {rows}. It is what the model used, not what caused the outcome."


def _of_labels(facts: Facts) -> str:
    """Return of how many labelled rows the newest figures are, and that inputs are another alert's matter."""
    if facts.mail.kind is MailKind.OVER:
        return ""
    rows = how_many(facts.findings[0].n, "labelled row")
    return f"By {rows}. It says nothing of the inputs: where they drift, an alert of its own does."


_OWN_SUMMARY: Mapping[AlertKind, Callable[[Facts], str]] = {
    AlertKind.SKEW: lambda _: "",
    AlertKind.PERFORMANCE: _of_labels,
    AlertKind.MODEL: _of_explained,
    AlertKind.ATTRIBUTIONS: _of_explained,
}
"""Of kinds of which windows of rows say nothing."""


def _as_a_whole(facts: Facts) -> list[str]:
    """Return of how many rows the worst long span is, and in how many of its windows the change shows, too."""
    worst, tally = worst_feature(facts.alert).finding, facts.tally
    rhythm = worst.rhythm
    if rhythm is None:
        return []
    shown_in = (
        f"; {tally.drifting:,} of {how_many(tally.windows, 'window')} show it by themselves" if tally.windows else ""
    )
    return [f"{how_many(worst.n, 'row')} of the {rhythm.value} as a whole{shown_in}"]


def _alike(facts: Facts) -> str:
    """Return how many of the other fields look as in training: all of them, or of how many that can be said."""
    alike, others = facts.alike
    if not others:
        return ""
    looks = "looks" if alike == 1 else "look"
    if alike == others:
        return f"{how_many(others, 'other field')} {looks} as in training."
    return f"{alike} of {how_many(others, 'other field')} {looks} as in training."


def _predictions(facts: Facts, *, moved: bool) -> str:
    """Return what is known of the model's answers: that they did not move needs enough of them."""
    if moved:
        return "the model's predictions moved too"
    if any(facts.is_prediction(name) for name in facts.compared):
        return "the model's predictions are not found to drift"
    return "too few predictions came to say whether they moved"


_IF_MEANT = "If the new one is meant, onboard it as another version."
_SERVE_AGAIN = f"`pegel apply FILE` of its spec serves the registered model again. {_IF_MEANT}"
_TELL_THEM = f"Whoever runs its server can put the registered model back. {_IF_MEANT}"


def advice(mail: Mail, endpoint_logs: Sequence[str]) -> list[str]:
    """Return where to look for why requests had no answer; nothing about drift, of which only a person knows.

    The model server's log says what it refused and failed on, the proxy's when it did not answer at all.
    """
    if mail.alert.kind is AlertKind.PROBING:
        told = probing_words.events([feature.finding for feature in mail.alert.features])
        return [probing_words.WHAT_ELSE, probing_words.WHAT_TO_DO, *filter(None, [told])]
    if mail.alert.kind is AlertKind.MODEL:
        return [_SERVE_AGAIN if mail.spec.model.uri is not None else _TELL_THEM]
    if all(MissingAnswers.of_finding(feature.finding) is None for feature in mail.alert.features):
        return []
    if mail.spec.model.is_deployment:
        return ["Why they had no answer stands in the logs of the deployment in Hopsworks"]
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
    return f"{what} acknowledged by {shown(alert.acknowledged_by, NAME_LIMIT)} until {until} UTC{why}"


_ABOUT = {
    AlertKind.DRIFT: "drift",
    AlertKind.LONG_SPANS: "long spans",
    AlertKind.MODEL: "another model",
    AlertKind.ATTRIBUTIONS: "attributions",
    AlertKind.PERFORMANCE: "performance",
    AlertKind.QUALITY: "expectations",
    AlertKind.SKEW: "skew",
    AlertKind.EVENTS: "events",
    AlertKind.PROBING: "probing",
    AlertKind.SINGLE_EVENT: "events",
}


def doubt(facts: Facts) -> str:
    """Return how often a false alarm is to be expected, and when the last alert was."""
    budget = facts.mail.spec.false_alarms
    every = words.length(budget.period / budget.count)
    asked = f"{budget} per model"
    sentence = f"Is this a false alarm? At your setting ({asked}) one is expected every {every}"
    about = _ABOUT[facts.alert.kind]
    if all(feature.finding.evidence.get("rule") for feature in facts.alert.features):
        sentence = "A rule is met or not: it is outside the budget of false alarms"
    if facts.alert.kind is AlertKind.MODEL and all(one.evidence.get("rule") for one in facts.findings):
        sentence = answer_words.no_chance(facts.findings)
    if facts.alert.kind is AlertKind.SKEW:
        sentence = "What was served is held against its table alone: it is outside the budget of false alarms"
    if facts.mail.previous is None:
        return f"{sentence}; this model had no alert about {about} before."
    ago = words.length(facts.alert.opened_at - facts.mail.previous.opened_at)
    return f"{sentence}; the last alert about {about} was {ago} before."


_COUNTED = {AlertKind.SKEW: "served values"}


def evidence(facts: Facts) -> str:
    """Return the numbers behind the worst finding."""
    worst = facts.findings[0]
    if facts.alert.kind is AlertKind.MODEL:
        return answer_words.counts(worst)
    if worst.evidence.get("rule"):
        sizes = f"{how_many(worst.n, 'row')} of the newest window"
        suite = shown(str(worst.evidence["suite"]), NAME_LIMIT)
        return f"a rule of suite {suite}, {sizes} · finding {worst.id[:8]} (pegel explain {worst.id[:8]})"
    counted = facts.alert.kind in {AlertKind.EVENTS, AlertKind.SKEW}
    counting = _COUNTED.get(facts.alert.kind, "requests" if MissingAnswers.of_finding(worst) else "events")
    hours = f" of {worst.season} in training" if worst.season else ""
    of_segment = f" with {shown(worst.segment, NAME_LIMIT)}" if worst.segment else ""
    judged = "newest window" if worst.rhythm is None else worst.rhythm.value
    against = f"{how_many(worst.n, 'row')}{of_segment} of the {judged}"
    if facts.alert.kind is AlertKind.PERFORMANCE:
        against = f"{how_many(worst.n, 'labelled row')}{of_segment}"
    if facts.alert.kind is not AlertKind.QUALITY:
        against += f" against {worst.m:,}{hours}"
    sizes = f"{worst.n:,} {counting}" if counted else against
    plain_kinds = {AlertKind.QUALITY, AlertKind.PERFORMANCE, AlertKind.PROBING}
    without_margin = counted or facts.alert.kind in plain_kinds or worst.effect_unit == "r"
    margin = "" if without_margin else f"margin {facts.mail.spec.watch.margin:g} {words.SIGMA}, "
    if facts.alert.kind is AlertKind.ATTRIBUTIONS:
        margin = f"margin {facts.mail.spec.attribution.margin:g}, "
    p, threshold = words.p_and_threshold(worst.p_value, worst.threshold)
    return (
        f"{worst.test} test p = {p}, threshold {threshold}, "
        f"effect {words.effect(worst)}, {margin}"
        f"{sizes} · finding {worst.id[:8]} (pegel explain {worst.id[:8]})"
    )


def matter(facts: Facts, moved: PredictionMove | str) -> str:
    """Return whether a drift matters to the model; empty where nobody asked for its predictions to be explained."""
    about = [feature_of(finding.about) for finding in facts.findings]
    return matter_words(moved, about) if asks_what_moved(facts.mail) else ""


def asks_what_moved(mail: Mail) -> bool:
    """Say whether a mail tells if the prediction moved: of a drift that goes on, where predictions are explained."""
    is_drift = mail.alert.kind in ABOUT and mail.kind is not MailKind.OVER
    return is_drift and mail.spec.attribution.is_used


def which_rows(facts: Facts) -> str:
    """Return the command that says which rows the worst finding is about; a mail waits for no search in the archive."""
    is_open = facts.mail.kind is not MailKind.OVER
    return rows_command(facts.findings[0]) if is_open and facts.mail.spec.archive.is_used else ""


def alert_place(alert: Alert) -> str:
    """Return where an alert stands alone on the page of all, to be acknowledged there; below the pages' address."""
    return f"alerts?q={alert.id[:8]}"


def model_place(alert: Alert) -> str:
    """Return where the page of its model is, likewise."""
    return f"models/{alert.model}/{alert.version}"


def _address(place: str, page_url: str) -> str:
    return f"{page_url.rstrip('/')}/{place}"


def _whole_minute(instant: datetime) -> datetime:
    """Return the first whole minute that is not before `instant`."""
    return (instant + timedelta(seconds=59)).replace(second=0, microsecond=0)
