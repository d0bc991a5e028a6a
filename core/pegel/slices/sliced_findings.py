"""Which findings have slices: those about the values of one field, or the errors of answers, of all rows."""

from __future__ import annotations

from pegel.judge.findings import Finding
from pegel.judge.performance.label_levels import CONCEPT, DETECTOR

OF_VALUES = frozenset({"drift", "cusum", "quality"})
"""Detectors whose findings are about the values of one field."""
OF_ERRORS = frozenset({DETECTOR, CONCEPT})
"""Those whose findings are about how wrong answers were."""


def may_have_slices(finding: Finding) -> bool:
    """Say whether a finding is of a kind that is searched for slices."""
    known = finding.detector in OF_VALUES | OF_ERRORS
    return known and not finding.segment and not finding.evidence.get("rule")


def rows_command(finding: Finding) -> str:
    """Return the command that searches the slices of a finding; empty where it has none."""
    return f"pegel explain {finding.id[:8]} --rows" if may_have_slices(finding) else ""
