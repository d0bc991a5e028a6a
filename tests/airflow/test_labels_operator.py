"""Labels joined by a task: by which job, and what becomes of its word."""

from __future__ import annotations

import cluster
import pytest
import seeds

from pegel.errors import Unavailable
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.labels_operator import LabelsJoinJob


@pytest.fixture
def labelled(settings: Settings) -> None:
    """A model with labels."""
    services.stores(settings).registry.put(seeds.spec(labels={"source": "topic"}))


@pytest.mark.usefixtures("labelled")
def test_a_task_says_what_was_taken_and_refused(spark: cluster.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """The job's counts stand in the task's log, and are what the task returns."""
    made = LabelsJoinJob(task_id="labels", models=["delays"]).execute({})
    log = capsys.readouterr().out

    assert ["delays/1"] == [submission.model for submission in spark.submissions]
    assert (1_200, {"delays/1": 26}) == (made["taken"], made["hours"])
    assert (True, True) == ("labels taken: 1,200" in log, "no labels: 3 bad_key" in log)


@pytest.mark.parametrize("named", [["loans"], ["delays/2"], '["loans", "delays/2"]'])
@pytest.mark.usefixtures("labelled")
def test_models_without_labels_start_no_spark(spark: cluster.Cluster, named: list[str] | str) -> None:
    """Where none of the models that are meant has labels, the task ends at once."""
    made = LabelsJoinJob(task_id="labels", models=named).execute({})

    assert ({"taken": 0, "refused": {}, "hours": {}, "failed": {}}, []) == (made, spark.submissions)


@pytest.mark.usefixtures("labelled")
def test_a_job_that_failed_is_tried_again(spark: cluster.Cluster) -> None:
    """One that could not do all models is a failure that another try may mend, with its sentence."""
    spark.refusal = "labels of 1 of the models were not joined"

    with pytest.raises(Unavailable, match="the job that joins labels failed: labels of 1 of the models"):
        LabelsJoinJob(task_id="labels").execute({})
