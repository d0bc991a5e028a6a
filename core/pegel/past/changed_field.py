"""Which rows a finding is about, and in which of their columns: what a search for its slices begins with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pegel.archive.row_columns import field_column
from pegel.data.columns import Field, Role, Schema
from pegel.data.spans import Span
from pegel.judge.change_interval import interval_of
from pegel.judge.findings import Finding
from pegel.slices.change_score import Aspect
from pegel.slices.sliced_findings import OF_ERRORS, may_have_slices

_OF_MISSING = ("nulls", "unparseable", "infinite")
LONGEST = timedelta(days=7)
"""Rows that are read reach back so far."""
ERROR = "error of the answer"
"""The column in which rows with a label say how wrong their answer was."""


@dataclass(frozen=True, slots=True)
class ChangedField:
    """What changed, and when. `column`: as archived rows have it; None: the error of an answer with a label."""

    column: str | None
    role: Role
    aspect: Aspect
    span: Span


def changed_field(finding: Finding, schema: Schema) -> ChangedField | str:
    """Return what a finding says has changed, or why that has no slices, in words."""
    if finding.segment:
        return f"the finding is about a part of the rows already: {finding.segment}"
    if not may_have_slices(finding):
        return "the finding is not about the values of one field, or the errors of answers"
    span = _rows_of(finding)
    if finding.detector in OF_ERRORS:
        return ChangedField(None, Role.PREDICTION, Aspect.ERRORS, span)
    field = _field(schema, finding.feature)
    if field is None:
        return "the finding is not about the values of one field"
    aspect = Aspect.MISSING if finding.test.startswith(_OF_MISSING) else Aspect.VALUES
    return ChangedField(field_column(field), field.role, aspect, span)


def _field(schema: Schema, name: str) -> Field | None:
    roles = (Role.FEATURE, Role.PREDICTION)
    return next((each for role in roles for each in schema.of_role(role) if each.name == name), None)


def _rows_of(finding: Finding) -> Span:
    """Return from when to when rows are changed: of a chart, whose last window is one of many, since it may be sure."""
    began = interval_of(finding.evidence)
    start = finding.span.start if began is None else min(began.latest, finding.span.start)
    return Span(max(start, finding.span.end - LONGEST), finding.span.end)
