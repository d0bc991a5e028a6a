"""Which findings have slices."""

from __future__ import annotations

import pytest

from pegel.slices.sliced_findings import rows_command
from pegel.testing.samples import sample_finding


def test_a_change_of_a_field_has_a_command() -> None:
    """A finding about the values of a field names the command that searches its rows."""
    finding = sample_finding()

    assert rows_command(finding) == f"pegel explain {finding.id[:8]} --rows"


@pytest.mark.parametrize(
    "fields",
    [{"detector": "events"}, {"detector": "correlation"}, {"segment": "airline=WN"}, {"evidence": {"rule": 1}}],
)
def test_other_findings_have_none(fields: dict[str, object]) -> None:
    """What is about events, pairs, a part of the rows or a rule is not searched."""
    values: dict[str, object] = {"detector": "drift"} | fields

    assert rows_command(sample_finding(**values)) == ""  # type: ignore[arg-type]
