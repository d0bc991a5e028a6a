"""In which line of a spec's text a problem stands."""

from __future__ import annotations

import pytest

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.problem_lines import line_of
from pegel.spec.spec_text import read_data

GOOD = "model:\n  name: a\n  uri: s3://a\nbaseline:\n  source: b\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (GOOD + "windowing:\n  length: soon\n  lenght: 5m\n", [8, 7]),
        (GOOD + "alerts:\n  routes:\n  - to: [a@b.org]\n    kind: [nothing]\n", [7]),
        ("model:\n  name: a\nbaseline:\n  source: b\n", [1]),
        ("baseline:\n  source: b\n", [None]),
        (GOOD + "windowing: {length: 5m\n", [7]),
        (GOOD + "baseline:\n", [6]),
        ('{"model": {"name": "a",\n "uri": "b"},\n "baseline": {"source": 1, "score": []}}', [3]),
        ("[1]", [None]),
        ("", [None]),
    ],
)
def test_a_problem_leads_to_its_line(text: str, lines: list[int | None]) -> None:
    """Of a field its line, of one that is missing that of its section, of what is no YAML where the parser stopped."""
    with pytest.raises(InvalidSpec) as refused:
        MonitorSpec.parse(read_data(text))

    assert lines == [line_of(problem, text) for problem in str(refused.value).splitlines()]
