"""What the model makes of its inputs, for its page: whether a drift matters, how important features are, whose answers.

The order of importance and its nDCG are shown and never compared with a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pegel.alerts.alert import Alert
from pegel.errors import DamagedRow
from pegel.judge.findings import Verdict
from pegel.report.answer_words import whose
from pegel.report.moved_prediction import ABOUT, moved_meanwhile
from pegel.report.prediction_words import PredictionMove, matter_words, signed_part
from pegel.report.reading import Sources
from pegel.report.words import VERDICT_WORDS, period, several
from pegel.report.worker_words import explained_words
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import feature_of
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.attribution_store import AttributionStore
from pegel.store.identity_store import IdentityStore
from pegel.store.worker_beats import WorkerBeats
from pegel.stream.attribution_rows import AttributionRow

MOST_FEATURES: Final = 40
"""Features that are listed, the most important ones of the baseline."""
_METHODS = {
    "linear": "by coefficients",
    "tree": "along the trees",
    "native": "by the model's own library",
    "permutation": "by permuting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceLine:
    """One feature: its place in the order of importance before and now, and how its part of the prediction moved."""

    name: str
    before: int
    now: int
    part: str
    """Of the mean, in standard deviations of the prediction, with its standard error."""
    size: str
    """The same of the mean size."""
    verdict: Verdict
    verdict_words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionView:
    """The newest final window of explained rows, and what it says of open alerts about drift."""

    matters: list[str]
    """A sentence for each open alert about drift."""
    worker: str
    """What the worker that explains got done for the model."""
    window: str
    """Which window that is, and its verdict or why it has none."""
    moved: str = ""
    """By how much the prediction moved in it; empty where `matters` says that already."""
    order: str = ""
    """How much of the order of importance is left."""
    identity: str = ""
    lines: list[ImportanceLine]
    """The most important features first."""
    more: int = 0
    """Features that are not listed."""


def attribution_view(
    sources: Sources, spec: MonitorSpec, alerts: Sequence[Alert], now: datetime, damaged: list[str]
) -> AttributionView | None:
    """Return what is known of explained rows; None where nobody asks for any. What cannot be read is named."""
    if not spec.attribution.is_used:
        return None
    matter = [_matter(sources, spec, alert) for alert in alerts if alert.over_at is None and alert.kind in ABOUT]
    rows = AttributionStore(sources.engine).list(spec.model.name, spec.model.version, limit=1, damaged=damaged)
    worker, whose_answers = _worker(sources, spec, now, damaged), _identity(sources, spec, now, damaged)
    if not rows:
        nothing = "No window of explained rows yet."
        return AttributionView(matters=matter, worker=worker, window=nothing, identity=whose_answers, lines=[])
    (row,) = rows
    window = _window(row, now)
    view = AttributionView(matters=matter, worker=worker, window=window, identity=whose_answers, lines=[])
    if not row.facts:
        return view
    lines, moved = _lines(row), matter_words(PredictionMove.of_facts(row.facts, spec.attribution.margin))
    is_told = any(sentence.endswith(moved) for sentence in matter)
    return AttributionView(
        matters=matter,
        worker=worker,
        window=view.window,
        moved="" if is_told else moved,
        order=_order(row.facts),
        identity=view.identity,
        lines=lines[:MOST_FEATURES],
        more=len(lines[MOST_FEATURES:]),
    )


def _matter(sources: Sources, spec: MonitorSpec, alert: Alert) -> str:
    return f"{several(alert.names)}: {matter_words(moved_meanwhile(sources.engine, spec, alert.features), alert.names)}"


def _worker(sources: Sources, spec: MonitorSpec, now: datetime, damaged: list[str]) -> str:
    unheard = dict[str, str]()
    beats = {beat.namespace: beat for beat in WorkerBeats(sources.engine).list(damaged=unheard)}
    damaged += unheard.values()
    return explained_words(beats.get(spec.namespace), spec.key, now)


def _window(row: AttributionRow, now: datetime) -> str:
    between = f"{period(row.span.start, row.span.end, now)} UTC, {how_many(row.rows, 'explained row')}"
    if not row.facts:
        return f"{between}: not judged, because {shown(row.why or 'nothing is known of them', LONGEST_SENTENCE)}."
    method = str(row.facts["method"])
    judged, against = int(row.facts["n"]), int(row.facts["m"])
    with_earlier = f", with earlier ones {judged:,}" if judged > row.rows else ""
    by = _METHODS.get(method, shown(method, NAME_LIMIT))
    others = f" Left out: {shown(str(row.facts['others']), LONGEST_SENTENCE)}." if "others" in row.facts else ""
    return f"{between}{with_earlier}, against {against:,} of the baseline, {by}: {VERDICT_WORDS[row.verdict]}.{others}"


def _order(facts: Mapping[str, Any]) -> str:
    """Return how much of the order of importance is left, beside what windows without a change have."""
    value, clean = float(facts["ndcg"]), facts["clean_ndcg"]
    known = "how much it varies by itself is not known of so many features"
    if clean is not None:
        known = f"99 % of windows of that size without a change have at least {float(clean):.5f}"
    return f"Order of importance: nDCG {value:.5f} (1 is the same order); {known}. It is shown, and alarms at no limit."


def _identity(sources: Sources, spec: MonitorSpec, now: datetime, damaged: list[str]) -> str:
    """Return whose answers come, by the newest window in which that was looked at."""
    name, version, identity = spec.model.name, spec.model.version, spec.attribution.identity
    answered = AttributionStore(sources.engine).list(name, version, limit=1, answered=True, damaged=damaged)
    try:
        known = IdentityStore(sources.engine).get(name, version, identity)
    except DamagedRow as error:
        damaged.append(str(error))
        return ""
    return whose(identity, next(iter(answered), None), known, now)


def _lines(row: AttributionRow) -> list[ImportanceLine]:
    facts, known = row.facts, {str(one.get("feature")): str(one.get("verdict")) for one in row.features}
    ordered = sorted(facts["ranks_before"].items(), key=lambda each: int(each[1]))
    lines = []
    for name, before in ordered:
        change, verdict = facts["parts"][name], Verdict(known.get(name, Verdict.NOT_TESTED.value))
        lines.append(
            ImportanceLine(
                name=feature_of(name),
                before=int(before),
                now=int(facts["ranks"][name]),
                part=signed_part(float(change["mean"]), float(change["mean_error"])),
                size=signed_part(float(change["size"]), float(change["size_error"])),
                verdict=verdict,
                verdict_words=VERDICT_WORDS[verdict],
            )
        )
    return lines
