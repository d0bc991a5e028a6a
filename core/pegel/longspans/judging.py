"""A long span judged, part by part, and turned into rows and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import Judgement, judge, judge_segment
from pegel.judge.remarks import remarks
from pegel.longspans.long_span_row import LongSpanRow
from pegel.longspans.power import smallest_change
from pegel.longspans.window_sums import Counted
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.stream.result_rows import Origin, WindowRow

FIRST_LOOK = 0.9
"""Part of a span's false-alarm budget for the first time that it is judged. Each later time has a tenth of what the
time before had, so that all of them together, however many rows come late, never have more than the whole."""
UNREAD = 3
"""So many things of the archive that cannot be read are noted with a span."""
CODE_VERSION = version("pegel")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanToJudge:
    """A long span, and what is known of it beside its counts.

    `looks`: how often it was judged before. `inputs`: the digest of what it is made of. `late_known`: events that came
    late for it; `late_missing`: those of them that are in no count; `unread`: what could not be read, and why.
    `told`: of a segment, the fields of which the whole span tells already.
    """

    spec: MonitorSpec
    rhythm: Rhythm
    span: Span
    revision: int
    inputs: str
    looks: int = 0
    late_known: int = 0
    late_missing: int = 0
    unread: tuple[str, ...] = ()
    segment: str = ""
    told: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class JudgedSpan:
    """The rows of a long span, one for each baseline, and its findings."""

    rows: tuple[LongSpanRow, ...]
    findings: tuple[Finding, ...]


def portion_of(looks: int, parts: int) -> float:
    """Return how much of a span's false-alarm budget one of its parts may spend, when it was judged `looks` times.

    >>> round(sum(portion_of(looks, 2) * 2 for looks in range(20)), 12)
    1.0
    """
    return FIRST_LOOK * (1 - FIRST_LOOK) ** looks / parts


def judged_span(
    parts: Sequence[Counted], baselines: Mapping[str, Baseline], about: SpanToJudge, *, now: datetime
) -> JudgedSpan:
    """Judge the parts of a span, at least one, each against its own baseline; they share what the span may spend.

    A part of a baseline that is not among `baselines` is not judged.
    """
    portion = portion_of(about.looks, len(parts))
    rows, findings = [], list[Finding]()
    for part in parts:
        span = about.span if len(parts) == 1 else part.part
        baseline = baselines.get(part.baseline_id or "")
        judgement = _judgement(part, baseline, span, about, portion)
        if not part.counts["rows"]:
            # Silence has no baseline, which is not what is wrong with it.
            judgement = replace(judgement, verdict=Verdict.NO_DATA)
        rows.append(_row(part, span, judgement, about, now=now, others=len(parts) - 1, baseline=baseline))
        findings += (
            replace(finding, origin=Origin.BATCH.value, segment=about.segment) for finding in judgement.findings
        )
    return JudgedSpan(tuple(rows), tuple(findings))


def _judgement(part: Counted, baseline: Baseline | None, span: Span, about: SpanToJudge, portion: float) -> Judgement:
    """Judge the rows of all, or those of a segment against the training rows of the same segment."""
    if not about.segment or baseline is None or part.summary is None:
        return judge(
            baseline,
            part.summary,
            spec=about.spec,
            span=span,
            revision=about.revision,
            rhythm=about.rhythm,
            portion=portion,
        )
    return judge_segment(
        baseline,
        about.segment,
        part.summary,
        spec=about.spec,
        span=span,
        revision=about.revision,
        told=about.told,
        rhythm=about.rhythm,
        portion=portion,
    )


def _row(
    part: Counted,
    span: Span,
    judgement: Judgement,
    about: SpanToJudge,
    *,
    now: datetime,
    others: int,
    baseline: Baseline | None,
) -> LongSpanRow:
    spec = about.spec
    row = WindowRow(
        model=spec.model.name,
        version=spec.model.version,
        segment=about.segment,
        span=about.span,
        revision=about.revision,
        final=True,
        **part.counts,
        latencies=part.latencies,
        verdict=judgement.verdict,
        summary=b"" if part.summary is None else part.summary.to_bytes(),
        baseline_id=part.baseline_id,
        layout_hash=part.layout_hash,
        spec_fingerprint=spec.fingerprint(),
        code_version=CODE_VERSION,
        judgement=_kept(judgement),
        emitted_at=now,
        remarks=remarks(judgement),
        origin=Origin.BATCH,
    )
    return LongSpanRow(
        rhythm=about.rhythm,
        row=row,
        part=span,
        windows=part.windows,
        inputs=about.inputs,
        recounted=part.recounted,
        late_known=about.late_known,
        late_missing=about.late_missing,
        notes=_notes(part, about, others, baseline),
    )


def _kept(judgement: Judgement) -> dict[str, Any]:
    kept: dict[str, Any] = {"features": [feature.to_json() for feature in judgement.features]}
    if judgement.further:
        kept["further"] = [feature.to_json() for feature in judgement.further]
    if judgement.beyond:
        kept["beyond"] = [feature.to_json() for feature in judgement.beyond]
    if judgement.notes:
        kept["notes"] = list(judgement.notes)
    return kept


def _notes(part: Counted, about: SpanToJudge, others: int, baseline: Baseline | None) -> dict[str, Any]:
    """Return what people should know of how the span was put together; what is as it should be is left out."""
    late = part.counts["late"]
    compared = baseline.of_segment(about.segment) if baseline is not None and about.segment else baseline
    said: dict[str, Any] = {
        "other_parts": others,
        "recounted": part.recounted,
        "late_missing": about.late_missing if late or about.late_missing else 0,
        "unread": list(about.unread[:UNREAD]),
        "earlier_looks": about.looks,
        "smallest_change": None if compared is None else smallest_change(part.counts["rows"], compared),
    }
    return {name: value for name, value in said.items() if value}
