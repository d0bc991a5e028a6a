"""What a driver needs before it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pegel.errors import SetupError
from pegel_spark.job import read_job
from pegel_spark.session import NO_COUNTERS

JOB = {
    "schema_version": 3,
    "group": "default",
    "fingerprint": "0123456789abcdef0123",
    "generation": 3,
    "kafka": "127.0.0.1:9092",
    "trigger_ms": 1500,
}


def test_a_job_document_is_read_whole(tmp_path: Path) -> None:
    """Writer and reader share one codec; durations carry their unit."""
    (tmp_path / "job.json").write_text(json.dumps(JOB))
    job = read_job(tmp_path)

    assert (3, 1.5) == (job.generation, job.document.trigger.total_seconds())
    assert job.document.to_json(3) == JOB


def test_the_jvm_keeps_no_counters_in_the_systems_temporary_folder(spark: SparkSession) -> None:
    """What a killed JVM leaves behind there nobody would remove; neither it nor the one that started it makes any."""
    jvm = spark._jvm
    assert jvm is not None
    flags = list(jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments())

    assert NO_COUNTERS in flags
    assert os.environ["SPARK_LAUNCHER_OPTS"].split().count(NO_COUNTERS) == 1


@pytest.mark.long
def test_executors_may_be_processes_of_their_own() -> None:
    """With the master `local-cluster[2,1,1024]` two executors beside the driver do the work."""
    script = (
        "from pegel.spec.settings import Settings\n"
        "from pegel_spark.session import build\n"
        "spark = build('cluster', Settings(spark_master='local-cluster[2,1,1024]'))\n"
        "print(spark.sparkContext.parallelize(range(100), 4).sum())\n"
        "spark.stop()\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)

    assert ("4950", 0) == (ended.stdout.strip().rpartition("\n")[2], ended.returncode), ended.stderr[-2_000:]


def test_scratch_is_private_and_new(tmp_path: Path) -> None:
    """Each start has an empty folder that only its user can read; what drivers before left there is gone."""
    (tmp_path / "job.json").write_text(json.dumps(JOB))
    job = read_job(tmp_path)
    first = job.new_scratch()
    (first / "checkpoint").mkdir()
    second = job.new_scratch()

    assert (False, []) == (first.exists(), list(second.iterdir()))
    assert {0o700} == {folder.stat().st_mode & 0o777 for folder in (second, second.parent)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"schema_version": 1}, "different releases"), ({"trigger_ms": None}, "no job document"), ({}, None)],
)
def test_a_wrong_job_document_is_refused(tmp_path: Path, changes: dict[str, object], words: str | None) -> None:
    """Another schema version and a damaged document are told apart; a right one is taken."""
    (tmp_path / "job.json").write_text(json.dumps(JOB | changes))
    if words is None:
        assert "default" == read_job(tmp_path).document.group
        return
    with pytest.raises(SetupError, match=words):
        read_job(tmp_path)
