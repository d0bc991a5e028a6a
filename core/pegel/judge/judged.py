"""What was judged, as its findings name it: the one place where a verdict becomes a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pegel.data.spans import Span
from pegel.judge.decision import FeatureVerdict
from pegel.judge.findings import Finding
from pegel.spec.monitor_spec import MonitorSpec


@dataclass(frozen=True, slots=True)
class Judged:
    """Which span of which model was judged, against which baseline and by whom.

    `baseline_id`: empty where nothing was compared with a baseline. `segment`: empty for all rows. `origin`: `stream`
    or `batch`.
    """

    spec: MonitorSpec
    span: Span
    revision: int
    baseline_id: str = ""
    segment: str = ""
    origin: str = "stream"

    def finding(self, verdict: FeatureVerdict, facts: Mapping[str, object]) -> Finding:
        """Return a verdict as a fact; `facts` are added to its evidence, and stand where both name the same."""
        return Finding(
            model=self.spec.model.name,
            version=self.spec.model.version,
            feature=verdict.feature,
            detector=verdict.detector,
            span=self.span,
            revision=self.revision,
            verdict=verdict.verdict,
            test=verdict.test,
            statistic=verdict.statistic,
            p_value=verdict.p_value,
            p_relevant=verdict.p_relevant,
            threshold=verdict.threshold,
            budget_share=verdict.budget_share,
            effect=verdict.effect or 0.0,
            effect_unit=verdict.effect_unit,
            n=verdict.n,
            m=verdict.m,
            baseline_id=self.baseline_id,
            what=verdict.what,
            evidence=verdict.evidence | dict(facts),
            segment=self.segment,
            origin=self.origin,
        )
