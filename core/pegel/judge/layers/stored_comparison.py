"""A field's two sides as they were when a finding was made, put together again from what was stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.detect.detector import Evidence
from pegel.judge.chart_state import Carried
from pegel.judge.comparison import Comparison, compare, drift_family, idle_detectors
from pegel.judge.findings import Finding
from pegel.stats.summary import Summary


def stored_comparison(finding: Finding, summary: Summary, baseline: Baseline) -> Comparison:
    """Put both sides next to each other as they were judged, with the values of earlier windows."""
    field = baseline.layout.schema.fields[baseline.layout.index[finding.feature]]
    carries = _InEvidence(finding.evidence.get("carried"))
    return compare(baseline, summary, [field], finding.span, carries=carries)[0]


def stored_evidence(finding: Finding, pair: Comparison, baseline: Baseline) -> list[Evidence]:
    """Return the tests of the field's distribution, those of further detectors that are still there included."""
    asked = [name for name in finding.evidence.get("detectors", ()) if name not in idle_detectors(baseline, [name])]
    return drift_family([pair], asked)[pair.name]


@dataclass(frozen=True, slots=True)
class _InEvidence:
    """The values of earlier windows as a finding's evidence holds them."""

    carried_values: Mapping[str, Any] | None

    def carried(self, name: str, season: int | None) -> Carried | None:  # noqa: ARG002  evidence is of one field
        """Return them."""
        if self.carried_values is None:
            return None
        cells = {int(cell): count for cell, count in self.carried_values["cells"].items()}
        since = datetime.fromisoformat(self.carried_values["since"])
        return Carried(cells, self.carried_values["windows"], since, season)
