"""How much data speaks in a mail about an alert, and what else of the model does and does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pegel.alerts.alert import MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.report import answer_words, probing_words
from pegel.report.happened_words import worst_feature
from pegel.report.mail_facts import Facts
from pegel.spec.plain_numbers import how_many


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
