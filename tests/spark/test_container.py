"""What a container of the Spark image becomes, for what Spark on Kubernetes asks of it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pegel.errors import SetupError
from pegel.spec.settings import LogFormat, Settings
from pegel_spark.container import BACKEND, command
from pegel_spark.session import LOGGING

DRIVER = ["driver", "--properties-file", "/opt/spark/conf/spark.properties"]
DRIVER += ["--class", "org.apache.spark.deploy.PythonRunner", "local:///opt/jobs/monitor.py", "/etc/pegel/job.json"]
EXECUTOR = {
    "JAVA_HOME": "/opt/java",
    "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@driver:7078",
    "SPARK_EXECUTOR_ID": "1",
    "SPARK_EXECUTOR_CORES": "2",
    "SPARK_EXECUTOR_MEMORY": "1024m",
    "SPARK_APPLICATION_ID": "spark-1",
    "SPARK_EXECUTOR_POD_IP": "10.0.0.7",
    "SPARK_RESOURCE_PROFILE_ID": "0",
    "SPARK_EXECUTOR_POD_NAME": "pegel-default-exec-1",
    "SPARK_JAVA_OPT_10": "-Dten=10",
    "SPARK_JAVA_OPT_9": "-Dnine=a b",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a pod."""
    return Settings(home=tmp_path, log_format=LogFormat.JSON)


def test_a_driver_is_a_python_program_that_starts_its_jvm(settings: Settings) -> None:
    """The program gets its own arguments; the JVM gets the properties, and the address of the pod before them."""
    words, variables = command(DRIVER, {"SPARK_DRIVER_BIND_ADDRESS": "10.0.0.6"}, settings)
    told = shlex.split(variables["PYSPARK_SUBMIT_ARGS"])

    assert [sys.executable, "/opt/jobs/monitor.py", "/etc/pegel/job.json"] == words
    assert ["--deploy-mode", "client", "--conf", "spark.driver.bindAddress=10.0.0.6"] == told[:4]
    assert ["--properties-file", "/opt/spark/conf/spark.properties", "pyspark-shell"] == told[-3:]
    assert "org.apache.spark.deploy.PythonRunner" not in told


def test_the_jvm_of_a_driver_logs_as_the_settings_say(settings: Settings) -> None:
    """Its flags come before those of whoever submitted, which win."""
    _, variables = command(DRIVER, {"SPARK_SUBMIT_OPTS": "-Xss1m"}, settings)

    assert LOGGING[LogFormat.JSON].as_uri() in variables["SPARK_SUBMIT_OPTS"]
    assert variables["SPARK_SUBMIT_OPTS"].endswith(" -Xss1m")


def test_a_jvm_puts_its_files_where_the_pod_may_write(settings: Settings) -> None:
    """By itself a JVM takes /tmp, whatever TMPDIR says: drivers and executors are told."""
    flag = "-Djava.io.tmpdir=/scratch"
    _, variables = command(DRIVER, {"TMPDIR": "/scratch"}, settings)
    words, _ = command(["executor"], EXECUTOR | {"TMPDIR": "/scratch"}, settings)

    assert (True, True) == (flag in variables["SPARK_SUBMIT_OPTS"].split(), flag in words)


def test_a_job_keeps_its_arguments_however_odd(settings: Settings) -> None:
    """A spec as JSON, with spaces, quotes and two hyphens in it, is one argument."""
    spec = '{"model": {"name": "a b", "title": "it\'s --x"}}'
    words, _ = command(["driver", "local:///jobs/baseline.py", "--spec", spec, "--id", "x"], {}, settings)

    assert ["/jobs/baseline.py", "--spec", spec, "--id", "x"] == words[1:]


def test_an_executor_is_sparks_own_with_its_flags_in_order(settings: Settings) -> None:
    """Flags are ordered by number and never split; the memory is that of the pod, and the class path that of Spark."""
    words, variables = command(["executor"], EXECUTOR, settings)

    assert ["/opt/java/bin/java", "-Dnine=a b", "-Dten=10", "-Xms1024m", "-Xmx1024m", "-cp"] == words[:6]
    assert [BACKEND, "--driver-url", "spark://CoarseGrainedScheduler@driver:7078"] == words[7:10]
    assert ["--podName", "pegel-default-exec-1"] == words[-2:]
    assert list(Path(words[6].removesuffix("/*")).glob("spark-kubernetes_*.jar"))
    assert {} == variables


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "as Spark on Kubernetes asks"),
        (["bash", "-c", "true"], "bash -c true"),
        (["driver"], "expected the job's program"),
        (["driver", "--properties-file", "x"], "expected the job's program"),
        (["executor"], "SPARK_DRIVER_URL"),
    ],
)
def test_what_spark_never_asks_for_is_refused(settings: Settings, arguments: list[str], words: str) -> None:
    """One sentence names what was expected, and nothing is started."""
    with pytest.raises(SetupError, match=words):
        command(arguments, {"JAVA_HOME": "/opt/java"}, settings)


def test_a_program_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    """Where JAVA_HOME leads nowhere a pod says so, and ends as where it was told wrong."""
    environment = EXECUTOR | {"JAVA_HOME": str(tmp_path), "PEGEL_HOME": str(tmp_path)}
    words = [sys.executable, "-m", "pegel_spark.container", "executor"]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)

    expected = f"expected a program at {tmp_path}/bin/java; given: No such file or directory. Nothing was started.\n"
    assert (2, "", expected) == (ended.returncode, ended.stdout, ended.stderr)
