"""Which columns there are: of a window by what was sent, of training data by what is read of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Missing, Role
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.quality import expectation as kinds
from pegel.quality.derived import derived
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import NEEDS_ROWS
from pegel.quality.on_columns import of_training, of_window
from pegel.quality.on_counts import on_counts
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import Layout
from pegel.stats.noise import Noise
from pegel.stats.summary import Summary
from pegel.testing.samples import sample_span, sample_spec

ALL = ["delay", "carrier", "stops"]


def without_delay(layout: Layout, rows: int) -> Summary:
    """Return a window of requests that lack a column; nobody has answered them."""
    numeric = np.column_stack([np.full(rows, np.nan), np.arange(rows) % 5])
    missing = np.where(np.isnan(numeric), Missing.NULL, Missing.PRESENT).astype(np.uint8)
    summary = Summary.empty(layout)
    summary.update(Columns(rows, numeric, missing, (np.array(["AA"] * rows, dtype=object),), (None,)), Role.FEATURE)
    return summary


def told(outcome: Any) -> tuple[bool | None, str]:
    """Return what is told, and why."""
    return outcome.met, outcome.why


@pytest.mark.parametrize(
    ("kind", "kwargs", "expected"),
    [
        (kinds.EXISTS, {"column": "delay"}, (False, "it is not there")),
        (kinds.EXISTS, {"column": "stops"}, (True, "")),
        (kinds.EXISTS, {"column": "late"}, (None, "no value of late in 100 rows, which may be chance")),
        (kinds.EXISTS, {"column": "speed"}, (None, NEEDS_ROWS)),
        (kinds.EXISTS, {"column": "stops", "column_index": 2.0}, (None, NEEDS_ROWS)),
        (kinds.COLUMN_SET, {"column_set": ALL, "exact_match": False}, (False, "delay lacking")),
        (kinds.COLUMN_SET, {"column_set": ["carrier", "stops"], "exact_match": False}, (True, "")),
        (kinds.COLUMN_SET, {"column_set": ["carrier", "stops"]}, (None, NEEDS_ROWS)),
        (kinds.COLUMN_SET, {"column_set": ["delay", "carrier"]}, (False, "delay lacking; stops not expected")),
        (kinds.COLUMN_ORDER, {"column_list": ALL}, (False, "delay lacking")),
        (kinds.COLUMN_ORDER, {"column_list": ["stops", "carrier"]}, (None, NEEDS_ROWS)),
    ],
)
def test_a_column_that_no_request_has_is_not_there(
    baseline: Baseline, layout: Layout, kind: str, kwargs: Any, expected: Any
) -> None:
    """What is lacking is told; that there is nothing else, or in which order, no window tells."""
    assert expected == told(on_counts(Expectation(kind, kwargs), without_delay(layout, 100), baseline))


def test_the_derived_suite_finds_a_column_that_requests_lack(baseline: Baseline, layout: Layout) -> None:
    """It is a finding about the table, whether or not anything else is noticed."""
    spec = sample_spec(watch={"expectations": "derived"})
    judgement = judge(baseline, without_delay(layout, 60), spec=spec, span=sample_span(), revision=1)
    (finding,) = (found for found in judgement.findings if found.test == "table_columns_to_match_set")

    assert ("table", Verdict.DRIFT) == (finding.feature, finding.verdict)
    assert finding.what.startswith("expected: there are the columns delay, carrier, stops; delay lacking (a rule")


def test_a_few_nulls_are_no_lack_of_a_column(learnt: Callable[..., Baseline], counted: Callable[..., Summary]) -> None:
    """Half of the values are missing in training, so two rows without one say nothing, and thirty do."""
    texts = np.array(["a", None] * 1_000, dtype=object)
    baseline = learnt({"text": texts})
    asked = Expectation(kinds.EXISTS, {"column": "text"})

    def of_nulls(rows: int) -> tuple[bool | None, str]:
        window = counted(baseline.layout, {"text": np.array([None] * rows, dtype=object)})
        return told(on_counts(asked, window, baseline))

    assert (None, "no value of text in 2 rows, which may be chance") == of_nulls(2)
    assert (False, "it is not there") == of_nulls(30)


def test_nulls_that_come_in_bursts_count_as_few(
    learnt: Callable[..., Baseline], counted: Callable[..., Summary]
) -> None:
    """Where a whole hour may lack a column, thirty rows without it are one burst."""
    texts = np.array(["a", None] * 1_000, dtype=object)
    noise = Noise({"text": Dispersion(n_ref=30, blocks=60, factors={"nulls": 30.0})})
    baseline = learnt({"text": texts}, noise=noise)
    window = counted(baseline.layout, {"text": np.array([None] * 30, dtype=object)})

    assert None is on_counts(Expectation(kinds.EXISTS, {"column": "text"}), window, baseline).met


def test_of_a_window_without_rows_no_column_is_told(baseline: Baseline, layout: Layout) -> None:
    """No rows lack nothing."""
    empty = Summary.empty(layout)

    assert (None, "there are no rows") == told(
        of_window(Expectation(kinds.EXISTS, {"column": "delay"}), empty, baseline)
    )


def test_what_training_has_no_value_of_is_not_expected(learnt: Callable[..., Baseline]) -> None:
    """A column of nulls alone is none that the derived suite asks for."""
    nothing: Mapping[str, Any] = {"text": np.array([None] * 50, dtype=object), "number": np.arange(50.0)}

    assert ["number"] == derived(learnt(nothing), 50)[0].kwargs["column_set"]


@pytest.mark.parametrize(
    ("kind", "kwargs", "expected"),
    [
        (kinds.EXISTS, {"column": "delay"}, (True, "")),
        (kinds.EXISTS, {"column": "late"}, (True, "")),
        (kinds.EXISTS, {"column": "speed"}, (False, "it is not there")),
        (kinds.EXISTS, {"column": "stops", "column_index": 2.0}, (True, "")),
        (kinds.EXISTS, {"column": "stops", "column_index": 1.0}, (False, "it is column 2")),
        (kinds.COLUMN_SET, {"column_set": ALL}, (True, "")),
        (kinds.COLUMN_SET, {"column_set": [*ALL, "late"]}, (True, "")),
        (kinds.COLUMN_SET, {"column_set": ["delay", "speed"]}, (False, "speed lacking; carrier, stops not expected")),
        (kinds.COLUMN_SET, {"column_set": ["delay"], "exact_match": False}, (True, "")),
        (kinds.COLUMN_ORDER, {"column_list": ALL}, (True, "")),
        (kinds.COLUMN_ORDER, {"column_list": [*ALL, "late"]}, (True, "")),
        (kinds.COLUMN_ORDER, {"column_list": ALL[::-1]}, (False, "they are delay, carrier, stops")),
    ],
)
def test_of_training_data_all_columns_are_known(baseline: Baseline, kind: str, kwargs: Any, expected: Any) -> None:
    """Set and order are told; predictions may be named, and need not be."""
    assert expected == told(of_training(Expectation(kind, kwargs), baseline.layout.schema, baseline.rows))
