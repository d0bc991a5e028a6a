"""How sure a mail about an alert is: whether it may be a false alarm, the numbers behind it, whether it matters."""

from __future__ import annotations

from pegel.alerts.alert import Mail, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.judge.missing_answers import MissingAnswers
from pegel.report import answer_words, words
from pegel.report.mail_facts import Facts
from pegel.report.moved_prediction import ABOUT
from pegel.report.prediction_words import PredictionMove, matter_words
from pegel.slices.sliced_findings import rows_command
from pegel.spec.names import feature_of
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many

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
