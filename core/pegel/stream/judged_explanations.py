"""Final windows of explained rows, judged and turned into rows of the results database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version

from pegel.baseline.baseline import Baseline
from pegel.baseline.replay_reference import ReplayReference
from pegel.judge.attribution.attribution_judgement import (
    LEARNING,
    AttributionJudgement,
    CountedAttributions,
    explained_by,
    judge_attributions,
)
from pegel.judge.attribution.attribution_levels import FEWEST_ROWS, window_level
from pegel.judge.attribution.learned_baseline import LEARNED_ROWS
from pegel.judge.attribution.model_identity import judge_identity
from pegel.judge.attribution.surrogate_identity import SURROGATE, judge_residual
from pegel.judge.budget import sidak
from pegel.judge.chart_state import CarriedSegment, ChartState
from pegel.judge.decision import FeatureVerdict
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.judge.judged import Judged
from pegel.judge.judged_window import MAX_MERGE
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import ATTRIBUTIONS
from pegel.spec.plain_numbers import how_many
from pegel.stream.attribution_rows import AttributionRow, RowsOfWindow
from pegel.stream.entries import SpanCount
from pegel.stream.explained_counts import ExplainedCounts
from pegel.stream.watched_models import Baselines

HELD_OUT = "waiting for its baseline of held-out rows"


@dataclass(slots=True)
class JudgedExplanation:
    """What a final window of explained rows leaves; `state`: what the next one is judged with."""

    row: AttributionRow
    findings: list[Finding]
    state: ChartState
    learned: list[RowsOfWindow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ExplanationJudge:
    """Judges final windows of explained rows.

    `current`: the baselines of the rows themselves; `answers`: what came of looking at answers at onboarding; both by
    monitor key.
    """

    baselines: Baselines
    current: Mapping[str, str | None]
    answers: Mapping[str, ReplayReference]
    now: datetime

    def judged(self, count: SpanCount, spec: MonitorSpec, before: ChartState) -> JudgedExplanation:
        """Judge one window. Raises whatever a damaged baseline raises: that is this model's failure."""
        counts = count.explained or ExplainedCounts()
        reference = None if count.baseline_id is None else self.baselines.baseline(count.baseline_id)
        carried = self._carried(before, reference)
        rows = self._together(counts, carried)
        replay = self.answers.get(spec.key, ReplayReference())
        tests = 0 if replay.is_exact else 1
        level, section = window_level(spec, self._rows_baseline(spec)), spec.attribution
        waits = LEARNING if section.baseline is None else HELD_OUT
        judgement = judge_attributions(
            reference, rows, span=count.span, level=level, margin=section.margin, tests=tests, why_no_reference=waits
        )
        judgement = _with_others(judgement, counts, reference, spec)
        identity = None
        if section.identity == SURROGATE:
            identity = judge_residual(judgement.residual, version=spec.model.version)
        elif section.identity != "off":
            width = tests if reference is None else len(reference.layout.schema.fields) + tests
            identity = judge_identity(
                counts.answers, replay, sidak(level, max(1, width)), version=spec.model.version, by=section.identity
            )
        since = count.span.start if carried is None else carried.since
        judged = Judged(spec, count.span, count.revision, count.baseline_id or "")
        row = self._row(count, spec, judgement, identity, rows, since)
        return JudgedExplanation(
            row,
            _findings(judgement, identity, judged, since),
            self._state(count, before, reference, rows, carried),
            [RowsOfWindow(model=row.model, version=row.version, start=row.span.start, parts=tuple(counts.learned))]
            if counts.learned and _is_learned_from(counts)
            else [],
        )

    def lost(self, count: SpanCount, spec: MonitorSpec, why: str) -> AttributionRow:
        """Return the row of a window that cannot be judged: it never reads ok."""
        judgement = AttributionJudgement(Verdict.INSUFFICIENT, why=why)
        return self._row(count, spec, judgement, None, None, count.span.start)

    def _rows_baseline(self, spec: MonitorSpec) -> Baseline | None:
        current = self.current.get(spec.key)
        return None if current is None else self.baselines.baseline(current)

    def _carried(self, before: ChartState, reference: Baseline | None) -> CarriedSegment | None:
        """Return rows of earlier windows that were too few, if they are counted by the same baseline."""
        carried = before.segments.get(ATTRIBUTIONS)
        return (
            carried if carried is not None and reference is not None and carried.baseline_id == reference.id else None
        )

    def _together(self, counts: ExplainedCounts, carried: CarriedSegment | None) -> CountedAttributions | None:
        """Return the rows of the window with those of earlier ones; None where there are none."""
        now = _rows(counts)
        before = None if carried is None else _rows(ExplainedCounts.from_bytes(carried.data, self.baselines.unpack))
        return now if before is None else before if now is None else before.merged_with(now)

    def _state(
        self,
        count: SpanCount,
        before: ChartState,
        reference: Baseline | None,
        rows: CountedAttributions | None,
        carried: CarriedSegment | None,
    ) -> ChartState:
        """Keep rows that are too few once more, at most over 20 windows."""
        windows = 1 if carried is None else carried.windows + 1
        if reference is None or rows is None or rows.n >= FEWEST_ROWS or windows >= MAX_MERGE:
            return replace(before, segments={})
        packed = ExplainedCounts(reference.id, rows=rows.n, summary=rows.summary, sums=rows.sums).to_bytes()
        since = count.span.start if carried is None else carried.since
        return replace(
            before, segments={ATTRIBUTIONS: CarriedSegment(packed, windows, since, count.span.end, reference.id)}
        )

    def _row(  # noqa: PLR0917  what is known of one window
        self,
        count: SpanCount,
        spec: MonitorSpec,
        judgement: AttributionJudgement,
        identity: FeatureVerdict | None,
        rows: CountedAttributions | None,
        since: datetime,
    ) -> AttributionRow:
        counts = count.explained or ExplainedCounts()
        return AttributionRow(
            model=spec.model.name,
            version=spec.model.version,
            span=count.span,
            revision=count.revision,
            rows=counts.rows,
            replayed=identity.n if identity is not None and spec.attribution.identity == SURROGATE else counts.replayed,
            differing=counts.differing,
            verdict=judgement.verdict,
            identity=Verdict.INSUFFICIENT if identity is None else identity.verdict,
            why=judgement.why,
            since=since,
            baseline_id=count.baseline_id,
            summary=b"" if rows is None else rows.summary.to_bytes(),
            sums=None if rows is None else rows.sums,
            facts=dict(judgement.facts),
            features=[verdict.to_json() for verdict in judgement.features],
            spec_fingerprint=spec.fingerprint(),
            code_version=version("pegel"),
            emitted_at=self.now,
        )


def _rows(counts: ExplainedCounts) -> CountedAttributions | None:
    return None if counts.summary is None or counts.sums is None else CountedAttributions(counts.summary, counts.sums)


def _is_learned_from(counts: ExplainedCounts) -> bool:
    """Say whether most rows have no baseline: a few others, as while a worker is replaced, make none."""
    return not counts.others or counts.others > (0 if counts.sums is None else counts.sums.n)


def _with_others(
    judgement: AttributionJudgement, counts: ExplainedCounts, reference: Baseline | None, spec: MonitorSpec
) -> AttributionJudgement:
    """Tell of rows that are compared with nothing: as why a window is not judged, or beside what it says."""
    if not counts.others:
        return judgement
    told = _others(counts, reference, spec)
    if judgement.verdict in {Verdict.NO_DATA, Verdict.INSUFFICIENT} and not judgement.facts:
        return AttributionJudgement(Verdict.INSUFFICIENT, judgement.features, told)
    return replace(judgement, facts={**judgement.facts, "others": told})


def _others(counts: ExplainedCounts, reference: Baseline | None, spec: MonitorSpec) -> str:
    """Return what explained these rows instead of what, and what comes of that or is to be done."""
    digest, section, artefact = spec.model.digest, spec.attribution, counts.others_by[1]
    rows = f"{how_many(counts.others, 'row')} explained by {_by(*counts.others_by)}"
    if artefact and digest is not None and artefact != digest:
        return (
            f"{rows}, while model.digest names {digest[:12]}: put that folder back, or register the model that is "
            "served (pegel apply)"
        )
    known = None if reference is None else explained_by(reference)
    kind = "others" if known is None else _by(known.method.value, known.artefact or "", known.surrogate or "")
    if section.baseline is None:
        return f"{rows}, its baseline by {kind}: learning a new one, of {LEARNED_ROWS:,} such rows at most"
    return (
        f"{rows}, its baseline by {kind}: the attribution worker explains {section.baseline} anew; where it cannot, "
        'its log says why ("held-out rows are not explained")'
    )


def _by(method: str, artefact: str, surrogate: str) -> str:
    more = [f"folder {artefact[:12]}"] * bool(artefact) + [f"surrogate {surrogate[:12]}"] * bool(surrogate)
    return f"{method} ({', '.join(more)})" if more else method


def _findings(
    judgement: AttributionJudgement, identity: FeatureVerdict | None, judged: Judged, since: datetime
) -> list[Finding]:
    alarming = [verdict for verdict in judgement.features if verdict.verdict in ALARMING]
    if identity is not None and identity.verdict in ALARMING:
        alarming.insert(0, identity)
    facts = {"since": since.isoformat(), "spec_fingerprint": judged.spec.fingerprint()}
    return [judged.finding(verdict, facts) for verdict in alarming]
