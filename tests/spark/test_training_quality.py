"""Training data held against a suite before its baseline is kept: what is not met is refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pegel.errors import PermanentError
from pegel.quality import expectation as kinds
from pegel.store.database import connect
from pegel.store.job_results import JobEnd, JobResults
from pegel.testing.samples import brief_spec
from pegel_spark.baseline_job import profile
from pegel_spark.jobs import baseline as baseline_launcher
from pegel_spark.launched_job import REFUSED

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(300)]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def mine(kind: str, **kwargs: Any) -> dict[str, Any]:
    """Return a suite of one expectation."""
    severity = kwargs.pop("severity", "critical")
    item = {"type": kind, "kwargs": kwargs, "severity": severity}
    return {"name": "mine", "made": "2026-11-29", "expectations": [item]}


def asking(*suites: Any) -> Any:
    """Return a spec of the training data with these suites."""
    return brief_spec(watch={"outliers_per_day": 500, "expectations": list(suites)})


def test_what_is_not_met_is_refused_by_name(world: Any, spark: Any) -> None:
    """The sentence names data, suite and expectation and what is there; no baseline is kept."""
    with pytest.raises(PermanentError) as error:
        profile(spark, asking(mine(kinds.NOT_NULL, column="age")), world.store, world.baselines, now=NOW)
    said = str(error.value)

    assert said.startswith(
        "the training data local://delays?version=1&split=train does not meet suite 'mine': expected: "
    )
    assert "'age' is there; " in said
    assert " of 4,000 values are not so" in said
    assert said.endswith("No baseline was kept; correct the data or watch.expectations.")


def test_training_data_meets_what_follows_from_it(world: Any, spark: Any) -> None:
    """The suite that is derived from a baseline, run on all its rows by Great Expectations, is met; it is kept."""
    wish = asking("derived", mine("expect_column_values_to_match_regex", column="carrier", regex="^[A-Z]{2}$"))
    made = profile(spark, wish, world.store, world.baselines, now=NOW)

    assert made.baseline_id == world.baselines.get(made.baseline_id).id


def test_what_is_not_critical_is_no_reason_to_refuse(world: Any, spark: Any) -> None:
    """A warning, and the number of rows of a window, keep no baseline back."""
    warning = mine(kinds.NOT_NULL, column="age", severity="warning")
    rows = {**mine(kinds.ROW_COUNT, max_value=10), "name": "windows"}
    made = profile(spark, asking(warning, rows), world.store, world.baselines, now=NOW)

    assert made.baseline_id == world.baselines.get(made.baseline_id).id


def test_what_cannot_be_told_is_refused(world: Any, spark: Any) -> None:
    """An expectation that the library cannot make is a mistake of the suite, and says so."""
    suite = mine("expect_multicolumn_sum_to_equal", column_list=["age", "distance"])
    with pytest.raises(PermanentError, match="Great Expectations cannot make it"):
        profile(spark, asking(suite), world.store, world.baselines, now=NOW)


def test_the_job_of_an_onboarding_refuses_data_that_a_suite_does_not_hold(world: Any) -> None:
    """As Airflow submits it: the exit code of a refusal, and under its id the sentence that names the expectation."""
    suite = mine("expect_column_values_to_match_regex", column="carrier", regex="^(AA|DL)$")
    wish, code = asking(suite), Path(baseline_launcher.__file__)
    command = [sys.executable, str(code), "--spec", wish.model_dump_json(), "--id", "a-run"]
    environment = os.environ | {"PEGEL_HOME": str(world.settings.home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    result = JobResults(connect(world.settings.database)).take("a-run")

    assert REFUSED == done.returncode, done.stderr
    assert result is not None
    assert JobEnd.REFUSED is result.state
    assert "does not meet suite 'mine': expected: 'carrier' values to match regex" in result.sentence
    assert ", such as 'WN'" in result.sentence
    assert world.baselines.current("delays", 1) is None
