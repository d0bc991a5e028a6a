"""Events: are more of them unreadable, late, copies, dropped, unanswered, slow or dated ahead than the user tolerates?

Every other layer judges what could be counted. This one judges what could not: a client that begins to send nonsense
must not make a window look healthy, only because the few readable rows in it do. It needs no baseline, and no rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from pegel.baseline.baseline import Baseline
from pegel.data.instants import MILLISECOND
from pegel.detect.effect import Effect, percent, percent_of
from pegel.detect.tolerated import ToleratedShare
from pegel.errors import NotFound
from pegel.judge.answer_times import latency, milliseconds
from pegel.judge.budget import Budget, sidak
from pegel.judge.decision import Criterion, FeatureVerdict, verdict_on
from pegel.judge.event_counts import KINDS, SLOW, EventCounts, EventKind, SeenEvents
from pegel.judge.explanation import Explanation, explained_by
from pegel.judge.findings import Finding
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.judge.missing_answers import unlogged_notes
from pegel.spec.monitor_spec import EventTolerance
from pegel.stats.summary import Summary

DETECTOR = "events"
NOTICED_SHARE = 0.1
"""A share that is certainly larger than this part of what is tolerated is said in words, although nobody is mailed."""
NOTICED_LEVEL = 0.01
"""What "certainly" means there: words disturb nobody, so they need less certainty than a mail."""
MAX_REASONS = 3
_FORMULA = "P(K >= seen), K binomial of n events at the tolerated share"


class Events:
    """The layer of events: one test per kind of odd events, of what arrived since events were last judged."""

    name = "events"
    detectors = (DETECTOR,)

    def missing(self, setting: Setting) -> str | None:
        """Return None: whether there are events is not known before, and a table has none to say anything of.

        Those of long spans were judged when they came, and a model that only stands in a table never has any.
        """
        return "" if setting.is_long or setting.spec.model.is_table else None

    def judge(self, window: JudgedWindow, setting: Setting, budget: Budget) -> LayerResult:
        """Return a verdict on each kind of events of which there are more than tolerated."""
        if window.events is None:
            return LayerResult()
        return LayerResult(event_verdicts(window.events, setting, budget))

    def notes(self, _setting: Setting, _budget: Budget) -> list[str]:
        """Return nothing: what is tolerated stands in the spec."""
        return []

    def arithmetic(self, _setting: Setting, alpha: float) -> str:
        """Return the level of all kinds together."""
        return f"tests of events have {alpha:.2g} per window"

    def explain(self, finding: Finding, _summary: Summary, _baseline: Baseline) -> Explanation:
        """Recompute a test of events."""
        return explain_events(finding)


def look_at_events(
    counts: EventCounts, tolerance: EventTolerance, before: Mapping[str, datetime], start: datetime
) -> SeenEvents:
    """Return events with the kinds that are noticeable in the window that begins at `start`, and since when they are.

    A kind stays as long as it is so in every window, missing and slow answers in every one that knows of requests;
    `before` is what the last window left.
    """
    counts = counts.with_slow(tolerance.slow_after)
    noticed = {
        kind.test: before.get(kind.test, counts.began(kind, start))
        for kind in KINDS
        if _test(kind, counts, tolerance, part=NOTICED_SHARE).p_value < NOTICED_LEVEL
        or (kind.is_of_requests and kind.test in before and not counts.of(kind)[1])
    }
    return SeenEvents(counts, noticed, start, tolerance.slow_after)


def event_verdicts(events: SeenEvents, setting: Setting, budget: Budget) -> list[FeatureVerdict]:
    """Return a verdict on each kind of events of which there are more than tolerated; none on the others."""
    alpha, number = budget.of(Events.name), len(KINDS)
    criterion = Criterion(DETECTOR, sidak(alpha, number), budget.share(alpha) / number, setting.spec.watch.margin)
    verdicts = []
    for kind in KINDS:
        test = _test(kind, events.counts, setting.spec.events)
        if test.p_value < criterion.level:
            verdict = verdict_on(kind.feature, [test], criterion, partial(_effect, kind, events))
            evidence = {"since": events.since(kind).isoformat()}
            evidence |= events.counts.asked_between() if kind.is_of_requests else {}
            verdicts.append(verdict.with_evidence(evidence))
    return verdicts


def event_notes(events: SeenEvents, tolerance: EventTolerance, verdicts: Sequence[FeatureVerdict]) -> list[str]:
    """Return a sentence on each kind of events that is noticeable, without a verdict that says so, or never logged."""
    in_verdicts = {verdict.feature for verdict in verdicts}
    noticeable = [
        sentence(kind, _test(kind, events.counts, tolerance), events)
        for kind in KINDS
        if kind.test in events.noticed and kind.feature not in in_verdicts and events.counts.of(kind)[1]
    ]
    return [*noticeable, *unlogged_notes(events)]


def sentence(kind: EventKind, test: ToleratedShare, events: SeenEvents) -> str:
    """Return how many events were odd, of how many, why and since when: `3.1 % of 1,204 events could not be read`.

    Requests are told with a later window than their own, so it is said when these were made.
    """
    what, begin, said = "events", events.start, kind.words
    if kind.is_of_requests:
        what, begin = f"requests{_made(events.counts)}", events.counts.asked_from or begin
    if kind is SLOW and events.slow_after is not None:
        what, said = f"answers to {what}", f"{said} {milliseconds(events.slow_after // MILLISECOND)}"
    text = f"{percent_of(test.seen, test.n)} of {test.n:,} {what} {said} (tolerated {percent(test.tolerated)})"
    if kind is SLOW:
        text += f": {latency(events.counts.latencies)}"
    reasons = events.counts.reasons.get(kind.test, {})
    frequent = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    counted = [f"{count:,} × {_reason(reason)}" for reason, count in frequent[:MAX_REASONS]]  # noqa: RUF001  times
    if len(frequent) > MAX_REASONS:
        counted.append(f"{sum(count for _, count in frequent[MAX_REASONS:]):,} others")
    text = f"{text}: {', '.join(counted)}" if counted else text
    return text + _since(events.since(kind), begin)


def _effect(kind: EventKind, events: SeenEvents, test: ToleratedShare) -> Effect:
    return Effect(test.share - test.tolerated, "share", sentence(kind, test, events))


def explain_events(finding: Finding) -> Explanation:
    """Recompute a finding about events from the counts that it holds. Raises NotFound where it is about none."""
    numbers = finding.evidence.get("tests", {}).get(finding.test)
    if finding.detector != DETECTOR or numbers is None:
        raise NotFound(f"expected a finding about events, given one of {finding.detector!r}: nothing was recomputed.")
    test = ToleratedShare(finding.test, int(numbers["seen"]), int(numbers["n"]), numbers["tolerated"])
    return explained_by(finding, [test], _FORMULA)


def _test(kind: EventKind, events: EventCounts, tolerance: EventTolerance, part: float = 1.0) -> ToleratedShare:
    seen, n = events.of(kind)
    return ToleratedShare(kind.test, seen, max(seen, n), part * getattr(tolerance, kind.tolerated))


def _since(since: datetime, start: datetime) -> str:
    """Return since when it is so, if that is not news of the window that begins at `start`."""
    if since >= start:
        return ""
    day = "" if since.date() == start.date() else f"{since:%Y-%m-%d} "
    return f"; since {day}{_clock(since)} UTC"


def _made(counts: EventCounts) -> str:
    """Return when the requests were made of which it is known whether they were answered."""
    if counts.asked_from is None or counts.asked_to is None:
        return ""
    return f" from {_clock(counts.asked_from)} to {_clock(counts.asked_to)} UTC"


def _clock(instant: datetime) -> str:
    return f"{instant:%H:%M:%S}" if instant.second else f"{instant:%H:%M}"


def _reason(reason: str) -> str:
    return reason.replace("_", " ").replace("json", "JSON")
