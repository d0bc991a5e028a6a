"""A finding recomputed from what was stored: the window's summary and the baseline."""

from __future__ import annotations

from pegel.baseline.baseline import Baseline
from pegel.errors import LayoutMismatch, NotFound
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding
from pegel.judge.layer_table import LAYERS, Layers
from pegel.stats.summary import Summary


def explain(finding: Finding, summary: Summary, baseline: Baseline, *, layers: Layers = LAYERS) -> Explanation:
    """Recompute a finding.

    Args:
        finding: As stored.
        summary: The stored summary of the finding's span, revision and segment.
        baseline: The baseline that the finding names; a segment is compared with the same segment of it.
        layers: Those that there are; the one whose detector the finding names explains it.

    Raises:
        LayoutMismatch: If baseline or summary are not those of the finding.
        NotFound: If no layer has the finding's detector, or its test is not among those that the field has now.
    """
    if finding.baseline_id != baseline.id or summary.layout.layout_hash != baseline.layout.layout_hash:
        raise LayoutMismatch(
            f"expected the baseline {finding.baseline_id} and a summary in its cells, given {baseline.id} and cells "
            f"{summary.layout.layout_hash[:12]}: nothing was recomputed."
        )
    compared = baseline.of_segment(finding.segment) if finding.segment else baseline
    for entry in layers:
        if finding.detector in entry.layer.detectors:
            return entry.layer.explain(finding, summary, compared)
    detectors = ", ".join(name for entry in layers for name in entry.layer.detectors)
    raise NotFound(f"expected a finding of {detectors}; given one of {finding.detector!r}: nothing was recomputed.")
