"""A third kind of column beside features and predictions."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.judge.recomputation import explain
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary
from pegel.testing.samples import sample_span

ATTRIBUTION = Role("attribution")
SCHEMA = Schema(
    (
        Field("x", Kind.NUMERIC),
        Field("y", Kind.NUMERIC),
        Field("p", Kind.NUMERIC, Role.PREDICTION),
        Field("a", Kind.NUMERIC, ATTRIBUTION),
        Field("sign", Kind.CATEGORICAL, ATTRIBUTION),
    )
)


def draw(seed: int, n: int, explained: int, shift: float = 0.0) -> dict[str, NDArray[Any]]:
    """Draw rows; only `explained` of them have attributions, which `shift` moves."""
    rng = np.random.default_rng(seed)
    attribution = rng.normal(shift, 1, explained)
    signs = np.where(attribution > 0, "up", "down").astype(object)
    return {"x": rng.normal(size=n), "y": rng.normal(size=n), "p": rng.random(n), "a": attribution, "sign": signs}


def counted(layout: Layout, values: dict[str, NDArray[Any]], *, exact: bool = False) -> Summary:
    """Count rows of each role, in two parts that are merged."""
    whole = Summary.empty(layout, exact=exact)
    for part in range(2):
        summary = Summary.empty(layout, exact=exact)
        for role in layout.schema.roles:
            fields = layout.schema.of_role(role)
            chosen = {field.name: values[field.name][part::2] for field in fields}
            n = len(next(iter(chosen.values())))
            numbers = [chosen[field.name] for field in fields if field.kind is Kind.NUMERIC]
            texts = tuple(chosen[field.name] for field in fields if field.kind is Kind.CATEGORICAL)
            summary.update(Columns(n, np.column_stack(numbers), None, texts, (None,) * len(texts)), role)
        whole.merge(Summary.from_bytes(summary.to_bytes(), layout))
    return whole


@pytest.fixture(scope="module")
def trained() -> Baseline:
    """A baseline of 10,000 rows, of which 4,000 have attributions; read back from its document."""
    values = draw(0, 10_000, 4_000)
    layout = build_layout(SCHEMA, values)
    built = Baseline.build(
        layout=layout,
        summary=counted(layout, values, exact=True),
        model="delays",
        version=1,
        source="test",
        scores=None,
        watch=Watch(),
    )
    return Baseline.from_json(built.to_json())


def test_a_role_is_one_object() -> None:
    """A role is the same object however it was named, after pickling too; a name that is no word is refused."""
    assert Role("attribution") is ATTRIBUTION
    assert pickle.loads(pickle.dumps(ATTRIBUTION)) is ATTRIBUTION  # noqa: S301  our own bytes
    assert Schema.from_json(SCHEMA.to_json()).roles == (Role.FEATURE, Role.PREDICTION, ATTRIBUTION)
    with pytest.raises(ValueError, match="given 'Two words': no role was made"):
        Role("Two words")


def test_it_is_counted_apart(trained: Baseline) -> None:
    """Rows of the third role have their own number; the baseline's rows are those of the role that has most."""
    rows = {role: trained.summary.rows(role) for role in SCHEMA.roles}

    assert {Role.FEATURE: 10_000, Role.PREDICTION: 10_000, ATTRIBUTION: 4_000} == rows
    assert (10_000, 4_000) == (trained.rows, trained.features["a"].counted)
    assert ["x", "y"] == [layout.field.name for _, layout in trained.layout.correlated]


def test_it_is_judged_and_explained(trained: Baseline, spec: MonitorSpec) -> None:
    """A change of the third role alone is found, in its numbers and its categories, and is found again."""
    window = counted(trained.layout, draw(1, 2_000, 600, shift=0.6))
    judged = judge(trained, window, spec=spec, span=sample_span(), revision=1)

    assert {"a", "sign"} == {finding.feature for finding in judged.findings}
    assert ["x", "y", "p", "a", "sign"] == [verdict.feature for verdict in judged.features]
    assert all(explain(finding, window, trained).agrees for finding in judged.findings)


def test_a_window_of_it_alone_is_no_silence(trained: Baseline, spec: MonitorSpec) -> None:
    """A window with rows of the third role only is judged by them; the other fields have too few values."""
    only = draw(2, 0, 600)
    judged = judge(trained, counted(trained.layout, only), spec=spec, span=sample_span(), revision=1)

    assert Verdict.OK == judged.verdict
    assert ["x", "y", "p"] == [one.feature for one in judged.features if one.verdict is Verdict.INSUFFICIENT]
