"""`constraints.json` of SageMaker: read as a suite, written of one, and what neither has a word for."""

from __future__ import annotations

from typing import Any

import pytest

from pegel.baseline.baseline import Baseline
from pegel.errors import InvalidSpec
from pegel.quality import expectation as kinds
from pegel.quality.constraints import read_constraints, written_constraints
from pegel.quality.derived import derived

DOCUMENT = {
    "version": 0.0,
    "features": [
        {
            "name": "age",
            "inferred_type": "Fractional",
            "completeness": 0.98,
            "num_constraints": {"is_non_negative": True},
        },
        {"name": "city", "inferred_type": "String", "string_constraints": {"domains": ["Bern", "Oslo"]}},
        {"name": "blob", "inferred_type": "Unknown", "completeness": 1.0},
    ],
    "monitoring_config": {
        "evaluate_constraints": "Enabled",
        "datatype_check_threshold": 0.9,
        "domain_content_threshold": 0.95,
        "distribution_constraints": {"comparison_threshold": 0.1},
    },
}


def test_constraints_are_read_as_a_suite() -> None:
    """Completeness, type, sign and domain become expectations; what is left out is told."""
    result = read_constraints(DOCUMENT, name="theirs", made="2026-11-29")

    assert [
        (kinds.NOT_NULL, {"column": "age", "mostly": 0.98}),
        (kinds.OF_TYPE, {"column": "age", "type_": "number", "mostly": 0.9}),
        (kinds.BETWEEN, {"column": "age", "min_value": 0.0}),
        (kinds.OF_TYPE, {"column": "city", "type_": "text", "mostly": 0.9}),
        (kinds.IN_SET, {"column": "city", "value_set": ["Bern", "Oslo"], "mostly": 0.95}),
        (kinds.NOT_NULL, {"column": "blob", "mostly": 1.0}),
    ] == [(found.type, found.kwargs) for found in result.suite.expectations]
    assert ["'blob': the type 'Unknown' is not checked", "distribution_constraints"] == [
        note.partition(": left out")[0] for note in result.notes
    ]


def test_what_is_said_in_other_words_is_told() -> None:
    """A misspelt or unknown part of constraints is left out, and a note names it."""
    feature = {
        "name": "age",
        "inferred_type": "Integral",
        "completness": 1,
        "num_constraints": {"is_nonnegative": True},
    }
    document = {"features": [feature], "monitoring_config": {"datatype_threshold": 0.5}}

    assert (
        "'age': 'completness' is left out",
        "'age': 'is_nonnegative' of num_constraints is left out",
        "'datatype_threshold': left out",
    ) == read_constraints(document, name="a", made="2026-11-29").notes


def test_what_was_read_is_written_again() -> None:
    """The way to and fro loses nothing but what was told to be left out."""
    document, unsaid = written_constraints(read_constraints(DOCUMENT, name="a", made="2026-11-29").suite.expectations)

    assert DOCUMENT["features"] == document["features"]
    assert ((), 0.9, 0.95) == (
        unsaid,
        document["monitoring_config"]["datatype_check_threshold"],
        document["monitoring_config"]["domain_content_threshold"],
    )


def test_what_has_no_word_there_is_told(baseline: Baseline) -> None:
    """Ranges and moments have no place in constraints.json, and are named."""
    document, unsaid = written_constraints(derived(baseline, 500))

    assert ["delay", "carrier", "stops", "late"] == [feature["name"] for feature in document["features"]]
    assert any(words.startswith("the mean of 'delay' is from") for words in unsaid)
    assert any(words.startswith("'stops' is from 0 to") for words in unsaid)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "a mapping with `features`"),
        ({"features": [3]}, "feature 1: expected a mapping with `name`; given 3"),
        ({"features": [{"name": "x", "completeness": 2}]}, "mostly is a share of the rows"),
        ({"features": []}, "a list of 1 to 1,000"),
        (
            {"features": [], "monitoring_config": "x"},
            "document: expected `monitoring_config`, a mapping; given",
        ),
        (
            {"features": [{"name": "x", "num_constraints": "y"}]},
            "'x': expected `num_constraints`, a mapping; given",
        ),
        ({"features": [{"name": "x", "string_constraints": [3]}]}, "'x': expected `string_constraints`, a mapping"),
        ({"features": [{"name": "x", "string_constraints": {"domains": "a"}}]}, "'x': expected `domains`, a list"),
        ({"features": [{"name": "x", "inferred_type": ["String"]}]}, "a list of 1 to 1,000"),
    ],
)
def test_what_are_no_constraints_is_refused(data: Any, words: str) -> None:
    """The sentence says what is expected."""
    with pytest.raises(InvalidSpec, match=words):
        read_constraints(data, name="a", made="2026-11-29")
