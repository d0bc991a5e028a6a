"""Suites of expectations: how a spec states them, what is refused, how several become one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Schema
from pegel.errors import InvalidSpec
from pegel.judge.named_parts import refuse_unknown_parts
from pegel.judge.outlook import choices
from pegel.quality import expectation as kinds
from pegel.quality.merged_suite import Suite, own_suites, suite_for
from pegel.quality.refused_arguments import refusal
from pegel.quality.suite_problems import suite_problems
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.spec_text import read_data
from pegel.spec.suites import with_files
from pegel.testing.samples import sample_spec

NOT_NULL = {"type": kinds.NOT_NULL, "kwargs": {"column": "delay", "mostly": 0.9}}

REGEX, REGEX_LIST = "expect_column_values_to_match_regex", "expect_column_values_to_match_regex_list"


def mine(*expectations: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a suite of a person."""
    return {"name": "mine", "made": "2026-11-29", "expectations": list(expectations)} | fields


def asking(*suites: Any) -> MonitorSpec:
    """Return a spec with these suites."""
    return sample_spec(watch={"expectations": list(suites)})


def ranges(quantiles: list[Any], value_ranges: list[Any]) -> dict[str, Any]:
    """Return what quantiles are to be."""
    return {"quantiles": quantiles, "value_ranges": value_ranges}


def refused(*suites: Any) -> str:
    """Return the sentence with which suites are refused."""
    with pytest.raises(InvalidSpec) as error:
        refuse_unknown_parts(asking(*suites))
    return str(error.value)


def test_a_suite_is_the_same_however_it_was_written() -> None:
    """Numbers of a YAML file are texts, those of JSON are numbers; both are one wish with one fingerprint."""
    bounds = {"column": "delay", "min_value": 0, "max_value": 9.5, "strict_max": True, "mostly": 0.99}
    typed = asking(mine({"type": kinds.BETWEEN, "kwargs": bounds}))
    texts = read_data(json.dumps(typed.to_json()))

    assert typed.fingerprint() == MonitorSpec.parse(texts).fingerprint()
    assert typed == MonitorSpec.parse(texts)
    assert bounds == own_suites(typed.watch)[0].expectations[0].kwargs


def test_derived_stands_for_what_follows_from_the_baseline(baseline: Baseline) -> None:
    """One word asks for the baseline's suite; a spec without it and without suites expects nothing."""
    assert (
        "derived" == MonitorSpec.parse(sample_spec(watch={"expectations": "derived"}).to_json()).watch.expectations[0]
    )
    assert () == suite_for(sample_spec(), baseline).expectations
    assert {"derived"} == {found.suite for found in suite_for(asking("derived"), baseline).expectations}


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        (3, "suite 1: expected `derived` or name, made and expectations; given 3"),
        (mine(), "expected `expectations`, a list of 1 to 1,000"),
        (mine(NOT_NULL, name=""), "suite 1: expected a name"),
        (mine(NOT_NULL, name="derived"), "other than `derived`"),
        (mine(NOT_NULL, made="yesterday"), "suite 'mine': expected `made`, the day"),
        (mine(NOT_NULL, made=None), "expected `made`, the day"),
        (mine(NOT_NULL, colour="red"), "unknown field 'colour'"),
        ({"file": "x.json"}, "the file 'x.json' is read where a spec's file is"),
        (mine({"type": kinds.NOT_NULL}), "expectation 1: expected kwargs, a mapping"),
        (mine({"type": "Not null", "kwargs": {}}), "expected a type as in expect_column_values_to_not_be_null"),
        (mine(NOT_NULL | {"severity": "bad"}), "expected the severity critical, warning, info; given 'bad'"),
        (mine({"type": kinds.NOT_NULL, "kwargs": {"column": "x", "mostly": 1.1}}), "from 0 to 1; given 1.1"),
        (mine({"type": kinds.MEAN, "kwargs": {"column": "x", "min_value": "nan"}}), "is a finite number; given 'nan'"),
        (mine({"type": kinds.MEAN, "kwargs": {"column": "x", "min_value": True}}), "is a finite number; given True"),
        (mine({"type": kinds.MEAN, "kwargs": {"strict_min": "1"}}), "strict_min is true or false; given '1'"),
        (
            mine({"type": "expect_column_values_to_be_nul", "kwargs": {}}),
            "mean `expect_column_values_to_be_null`?",
        ),
        (mine({"type": kinds.NOT_NULL, "kwargs": {}}), "expects `column`"),
        (mine({"type": kinds.MEAN, "kwargs": {"column": "x"}}), "expects `min_value`, `max_value` or both"),
        (
            mine({"type": kinds.ROW_COUNT, "kwargs": {"min_value": 2, "max_value": 1}}),
            "2 is above max_value 1",
        ),
        (mine({"type": kinds.IN_SET, "kwargs": {"column": "x", "value_set": "a"}}), "expects `value_set`, a list"),
        (mine({"type": kinds.COLUMN_SET, "kwargs": {}}), "expects `column_set`, a list"),
        (
            mine({"type": kinds.NOT_NULL, "kwargs": {"column": "x", "mostlly": 0.9}}),
            "takes no 'mostlly', only column, mostly. Did you mean `mostly`?",
        ),
        (
            mine({"type": kinds.COLUMN_SET, "kwargs": {"column_set": ["x"], "exactmatch": True}}),
            "takes no 'exactmatch'",
        ),
        (mine({"type": kinds.ROWS_EQUAL, "kwargs": {}}), "expects `value`"),
        (
            mine({"type": "expect_column_value_z_scores_to_be_less_than", "kwargs": {"column": "x", "threshold": 3}}),
            "expects `double_sided`",
        ),
        (
            mine({"type": "expect_column_values_to_match_regex_list", "kwargs": {"column": "x", "regex_list": "a"}}),
            "expects `regex_list`, a list",
        ),
        (
            mine({"type": "expect_column_values_to_match_regex", "kwargs": {"column": "x", "regex": "[a-"}}),
            "expects `regex`, a regular expression; given '[a-': unterminated character set at position 0",
        ),
        (
            mine(
                {
                    "type": "expect_column_values_to_match_regex_list",
                    "kwargs": {"column": "x", "regex_list": ["^a", "(b"]},
                }
            ),
            "expects `regex_list`, a regular expression; given '(b': missing ), unterminated subpattern",
        ),
        (
            mine({"type": kinds.IN_SET, "kwargs": {"column": "x", "value_set": ["a", ["b"]]}}),
            "expects `value_set`, a list of plain values; given the list ['b'] in it",
        ),
        (
            mine({"type": "expect_column_values_to_match_like_pattern", "kwargs": {"column": "x"}}),
            "about rows in Spark. Did you mean `expect_column_values_to_match_regex`?",
        ),
        (
            mine({"type": kinds.QUANTILES, "kwargs": {"column": "x", "quantile_ranges": {"quantiles": [0.5]}}}),
            "expects `quantile_ranges` as in {quantiles: [0.5, 0.9], value_ranges: [[1, 2], [null, 3]]}; given {'",
        ),
        (
            mine({"type": kinds.QUANTILES, "kwargs": {"column": "x", "quantile_ranges": ranges([0.5], [[1, "x"]])}}),
            "expects `quantile_ranges`",
        ),
        (
            mine({"type": kinds.QUANTILES, "kwargs": {"column": "x", "quantile_ranges": ranges([0.5], [[1]])}}),
            "expects `quantile_ranges`",
        ),
        (
            mine({"type": kinds.QUANTILES, "kwargs": {"column": "x", "quantile_ranges": ranges([1.5], [[1, 2]])}}),
            "expects `quantile_ranges`",
        ),
        (
            mine({"type": kinds.QUANTILES, "kwargs": {"column": "x", "quantile_ranges": ranges([0.5], [[2, 1]])}}),
            "expects `quantile_ranges`",
        ),
        (mine({"type": REGEX, "kwargs": {"column": "x", "regex": ["a"]}}), "expects `regex`, one text; given the list"),
        (mine({"type": kinds.NOT_NULL, "kwargs": {"column": ["x"]}}), "expects `column`, one text; given the list"),
        (mine({"type": REGEX_LIST, "kwargs": {"column": "x", "regex_list": ["a", None]}}), "given nothing in its"),
        (
            mine({"type": REGEX_LIST, "kwargs": {"column": "x", "regex_list": ["a"], "match_on": "some"}}),
            "expects `match_on`, any or all; given 'some'",
        ),
        (mine({"type": kinds.OF_TYPE, "kwargs": {"column": "x", "type_": "int"}}), "number or text; given 'int'"),
        (mine(NOT_NULL, NOT_NULL), "of delay stands twice; keep one"),
    ],
)
def test_a_wrong_suite_is_refused_by_name(suite: Any, words: str) -> None:
    """The sentence names the suite, the expectation, what was expected and what was given."""
    assert words in refused(suite)


def test_a_pattern_of_which_python_only_warns_is_one() -> None:
    """It is taken, without a line about it on anybody's standard error: warnings are errors here."""
    (suite,) = own_suites(asking(mine({"type": REGEX, "kwargs": {"column": "x", "regex": "[[a]"}})).watch)

    assert [] == suite_problems(suite)


CONDITION = {"row_condition": "@pd.compat.os.system('true') == 0", "condition_parser": "pandas"}


@pytest.mark.parametrize(
    ("kind", "kwargs", "words"),
    [
        (kinds.NOT_NULL, {"column": "x"} | CONDITION, "condition_parser and row_condition would be run as code"),
        (kinds.NOT_NULL, {"column": "x", "condition_parser": "spark"}, "condition_parser would be run as code"),
        (kinds.ROWS_EQUAL, {"value": 1, "row_condition": {"type": "pass_through"}}, "row_condition would be run as"),
        (kinds.IN_SET, {"column": "x", "value_set": [{"$PARAMETER": "a"}]}, "`value_set` without mappings"),
        ("expect_column_values_to_match_regex", {"column": "x", "regex": {"$PARAMETER": "a"}}, "without mappings"),
        ("expect_multicolumn_sum_to_equal", {"column_list": ["a", "f(b)"], "sum_total": 0}, "given 'f(b)'"),
        ("expect_multicolumn_sum_to_equal", {"column_list": ["a`"], "sum_total": 0}, "letters, digits and _ alone"),
        ("expect_column_type_to_be", {"column": "x", "type_": "a.b"}, "names of types; given 'a.b'"),
        ("expect_query_row_count_to_be_between", {"query": "SELECT 1"}, "knows no expect_query_row_count_to_be"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT 1"}, "knows no unexpected_rows_expectation"),
    ],
)
def test_what_would_be_run_as_code_is_refused(kind: str, kwargs: dict[str, Any], words: str) -> None:
    """No condition, no query, no reference, and no name that becomes a part of SQL: before anything is stored.

    A spec that is stored without having been checked has the same refused when rows are looked at.
    """
    asked = {"type": kind, "kwargs": kwargs}
    (suite,) = own_suites(asking(mine(asked)).watch)

    assert words in refused(mine(asked))
    assert "" != refusal(suite.expectations[0])


def test_two_suites_of_one_name_are_refused() -> None:
    """Findings name the suite, so a name is that of one."""
    assert "'mine' names more than one suite" in refused(mine(NOT_NULL), mine(NOT_NULL))
    assert "'derived' names more than one suite" in refused("derived", "derived")


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        *((kind, {"column": "x", "max_value": -5}) for kind in (kinds.MEAN, kinds.LEAST, kinds.MOST, kinds.BETWEEN)),
        (kinds.ROW_COUNT, {"max_value": -1}),
        ("expect_column_sum_to_be_between", {"column": "x", "max_value": -5}),
        (kinds.MEAN, {"column": "x", "min_value": -5, "max_value": -5}),
    ],
)
def test_a_limit_may_be_below_zero(kind: str, kwargs: dict[str, Any]) -> None:
    """A largest value alone has no smallest one that it could be below."""
    (suite,) = own_suites(asking(mine({"type": kind, "kwargs": kwargs})).watch)

    assert [] == suite_problems(suite)


def test_what_belongs_to_a_run_is_no_part_of_an_expectation() -> None:
    """A file of the library may hold how its results were to be shown: that is left out."""
    of_a_run = {"batch_id": "rows-rows", "result_format": "COMPLETE", "catch_exceptions": True}
    stated = {"column": "delay", "mostly": 0.9}
    given = {"type": kinds.NOT_NULL, "kwargs": stated | of_a_run}

    assert stated == own_suites(asking(mine(given)).watch)[0].expectations[0].kwargs


def test_nothing_within_a_list_stays_nothing() -> None:
    """Quantiles without a lower end, and a set with a null in it, come through a file of texts as they are."""
    quantiles = {"column": "delay", "quantile_ranges": ranges([0.1, 0.9], [[None, 2], [3.5, None]])}
    members = {"column": "carrier", "value_set": ["AA", None]}
    typed = asking(mine({"type": kinds.QUANTILES, "kwargs": quantiles}, {"type": kinds.IN_SET, "kwargs": members}))
    again = MonitorSpec.parse(read_data(json.dumps(typed.to_json())))
    first, second = own_suites(again.watch)[0].expectations

    assert typed == again
    assert ranges(["0.1", "0.9"], [[None, "2"], ["3.5", None]]) == first.kwargs["quantile_ranges"]
    assert ["AA", None] == second.kwargs["value_set"]


def test_columns_are_held_against_the_training_data(schema: Schema) -> None:
    """A column that is not there, and a range of categories, are found before anything runs."""
    bounds = {"min_value": 0.0}
    suite = Suite.from_json(
        mine(
            {"type": kinds.NOT_NULL, "kwargs": {"column": "dely"}},
            {"type": kinds.BETWEEN, "kwargs": {"column": "carrier", **bounds}},
            {"type": kinds.BETWEEN, "kwargs": {"column": "delay", **bounds}},
            {"type": kinds.EXISTS, "kwargs": {"column": "speed"}},
            {"type": "expect_column_pair_values_to_be_equal", "kwargs": {"column_A": "delay", "column_B": "stps"}},
            {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["delay", "carier"]}},
        )
    )
    lines = suite_problems(suite, schema)

    assert [] == suite_problems(suite)
    assert 4 == len(lines)
    assert lines[2].endswith("expectation 5: the training data has no column 'stps'. Did you mean `stops`?")
    assert lines[3].endswith("expectation 6: the training data has no column 'carier'. Did you mean `carrier`?")
    assert lines[0].endswith("expectation 1: the training data has no column 'dely'. Did you mean `delay`?")
    assert lines[1].endswith("is about numbers; 'carrier' holds categories")


def test_the_later_suite_holds(baseline: Baseline) -> None:
    """Of two expectations about the same the later suite's is meant; all others stay, in their order."""
    derived = suite_for(asking("derived"), baseline).expectations
    both = suite_for(asking("derived", mine(NOT_NULL)), baseline).expectations

    assert [found.key for found in derived] == [found.key for found in both]
    assert [("mine", 0.9)] == [(found.suite, found.mostly) for found in both if found.key == (kinds.NOT_NULL, "delay")]


def test_a_file_becomes_part_of_the_spec(tmp_path: Path) -> None:
    """What Great Expectations wrote is read beside the spec's file; name and day may be stated there."""
    written = {
        "name": "theirs",
        "meta": {"great_expectations_version": "1.24.1"},
        "expectations": [NOT_NULL | {"id": "1"}],
    }
    (tmp_path / "suite.json").write_text(json.dumps(written))
    listed = with_files(["derived", {"file": "suite.json", "made": "2026-11-29"}], tmp_path)
    spec = asking(*listed)

    assert ["theirs"] == [suite.name for suite in own_suites(spec.watch)]
    assert "derived" == spec.watch.expectations[0]


@pytest.mark.parametrize(
    ("content", "words"), [("{", "is not JSON"), ("[]", "expected a suite"), (None, "cannot be read")]
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str | None, words: str) -> None:
    """A file that is not there, or holds something else, is named."""
    if content is not None:
        (tmp_path / "suite.json").write_text(content)
    with pytest.raises(InvalidSpec, match=words):
        with_files([{"file": "suite.json"}], tmp_path)


def test_a_spec_says_which_suites_it_has() -> None:
    """Whoever validates a spec reads the names of its suites; nothing is said where there are none."""
    words = "rows are held to the suites derived, mine, training data before it becomes a baseline"

    assert [words] == choices(asking("derived", mine(NOT_NULL)))
    assert [] == choices(sample_spec())
