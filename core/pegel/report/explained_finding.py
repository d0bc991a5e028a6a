"""From the database to one finding as a person asks after it: why, since when, of which rows, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pegel.alerts.alert import Alert
from pegel.errors import NotFound
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding
from pegel.past.recomputed_finding import RecomputedFinding, recomputed_finding
from pegel.report import probing_words, words
from pegel.report.change_words import began_to_change, since_of
from pegel.report.compared_numbers import ComparisonLine, compared_numbers
from pegel.report.happened_words import said_of
from pegel.report.moved_prediction import matters
from pegel.report.prediction_words import matter_words
from pegel.report.reading import PartReader, Sources
from pegel.report.shapes import shape
from pegel.report.svg import chart
from pegel.spec.names import feature_of
from pegel.spec.outside_text import quoted
from pegel.store.alert_store import AlertStore
from pegel.store.results import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedFinding:
    """One finding, ready for a template."""

    finding: Finding
    change: str
    """What changed and by how much, in the words of the alert's own line."""
    facts: list[tuple[str, str]]
    """Why it is one, since when, of which rows, whether it matters: what it says and the words, in this order."""
    compared: list[ComparisonLine]
    """Numbers of training and of the rows that were judged; empty where it is not about one field's values."""
    picture: str
    """SVG of the same; empty likewise."""
    arithmetic: list[str]
    """What `pegel explain` prints, line by line; empty where it could not be recomputed."""
    next: list[str]
    """Commands that lead on."""
    problems: list[str] = field(default_factory=list)
    """What could not be found again, and why; the rest is shown."""


def explained_finding(sources: Sources, model: str, version: int, finding: str, now: datetime) -> ExplainedFinding:
    """Return the finding of a model version whose id starts so. Raises NotFound where none, or several, do.

    What is missing for the recomputation is among its problems: what was stored with the finding is told all the same.
    """
    stored, reader = Results(sources.engine).finding(finding), PartReader()
    if (stored.model, stored.version) != (model, version):
        raise NotFound(f"no finding of {model} version {version} has the id {quoted(finding)}.")
    known: RecomputedFinding | None = reader.part(
        "the finding, recomputed,", lambda: recomputed_finding(sources.engine, stored), None
    )
    again = None if known is None else known.explanation
    alert = reader.part(
        "its alert", lambda: AlertStore(sources.engine).of_finding(stored, damaged=reader.problems), None
    )
    unit = _unit(known, stored)
    facts = [
        ("Why", _why(stored, unit)),
        ("When", _since(stored, again, alert, now)),
        ("Rows", _rows(stored, now)),
        *(("Sent by", line) for line in probing_words.lines(stored)[:1]),
        *reader.part("whether it matters", lambda: _matters(sources, stored), list[tuple[str, str]]()),
        *([] if again is None else [("Recomputed", _agrees(again))]),
    ]
    compared, picture = reader.part(
        "the comparison", lambda: _compared(known, stored, unit), (list[ComparisonLine](), "")
    )
    return ExplainedFinding(
        finding=stored,
        change=said_of(stored),
        facts=facts,
        compared=compared,
        picture=picture,
        arithmetic=[] if again is None else str(again).splitlines(),
        next=_next(stored, alert),
        problems=reader.problems,
    )


def _why(finding: Finding, unit: str | None) -> str:
    p, threshold = words.p_and_threshold(finding.p_value, finding.threshold)
    return f"{words.effect(finding, unit)}; p {p}, below the threshold {threshold} ({finding.test})"


def _since(finding: Finding, again: Explanation | None, alert: Alert | None, now: datetime) -> str:
    """Return since when what it is about goes on, by its alert and by the chart; else which span it is of.

    An alert may be about other features, too, that began at other times.
    """
    told = []
    own = None if alert is None else next((one for one in alert.features if one.feature == finding.about), None)
    if alert is not None and own is not None:
        last = f", until {words.moment(own.finding.span.end, now)} UTC" if alert.over_at else ""
        told.append(f"{since_of(own, now)}{last}, alert {alert.id[:8]}")
    if again is not None and again.began is not None:
        told.append(began_to_change(finding.about, again.began, now))
    return "; ".join(told) or f"{words.moment(finding.span.start, now)} UTC; no alert that is still listed tells of it"


def _rows(finding: Finding, now: datetime) -> str:
    what = "window" if finding.rhythm is None else finding.rhythm.value
    start, end = (words.moment(one, now) for one in (finding.span.start, finding.span.end))
    of = f" of {finding.season}" if finding.season else ""
    said = f"{finding.n:,} values of the {what} from {start} to {end} UTC against {finding.m:,} of training{of}"
    part = words.explained_by_segments(finding)
    return f"{said}; {part}" if part else said


def _matters(sources: Sources, finding: Finding) -> list[tuple[str, str]]:
    moved = matters(sources.engine, finding)
    return [] if moved is None else [("Does it matter?", matter_words(moved, [feature_of(finding.about)]))]


def _agrees(again: Explanation) -> str:
    if again.agrees:
        return "the same statistic and p-value, to 1e-9, from the stored window and baseline"
    return "NOT what was stored: the stored window or baseline is not the one that was judged"


def _unit(known: RecomputedFinding | None, finding: Finding) -> str | None:
    if known is None or known.before is None:
        return None
    fields = known.before.layout.schema.fields
    return next((one.unit for one in fields if one.name == finding.feature), None)


def _compared(known: RecomputedFinding | None, finding: Finding, unit: str | None) -> tuple[list[ComparisonLine], str]:
    """Return numbers and picture of the field that it is about; none where it is about more, or less, than one field.

    Of a segment both sides are of that; of a season the rows of training are those of all seasons.
    """
    if known is None or known.before is None or known.now is None or finding.feature not in known.before.features:
        return [], ""
    before, now = known.before.features[finding.feature], known.now.features[finding.feature]
    chance = finding.evidence.get("effect", {}).get("auc")
    drawn = shape(before, now)
    title = f"{finding.about}: training as outline, the rows that were judged filled"
    return compared_numbers(before, now, unit, chance), "" if drawn is None else chart(drawn, title=title, unit=unit)


def _next(finding: Finding, alert: Alert | None) -> list[str]:
    """Return what to type next: for whoever is to know which rows hold most of it, and for whoever knows enough."""
    commands = [f"pegel explain {finding.id[:8]} --rows"]
    if alert is not None and alert.over_at is None:
        commands.append(f'pegel ack {alert.id[:8]} --until 4h --why "..."')
    return commands
