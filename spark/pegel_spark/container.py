"""What a container of the Spark image runs: `python -m pegel_spark.container driver ...` or `... executor`.

Spark on Kubernetes asks its image for these two, whoever submits: the operator of SparkApplications, or `spark-submit`
of an Airflow connection. Its own entrypoint makes Python a child of the JVM, and a JVM that is told to end stops its
session at once, in the middle of a batch. Here Python comes first and starts the JVM, as on one machine: SIGTERM
reaches the job itself, which finishes its batch, commits it and ends with 0, and the container's exit code is that of
the job.

An image has `ENTRYPOINT ["tini", "--", "python", "-m", "pegel_spark.container"]`, Java on PATH or below JAVA_HOME, and
a user with a name, because Hadoop looks the number up. The same image serves drivers and executors, so what a driver's
Python imports is there for the workers, too. Everything may be read-only but `/tmp` (an emptyDir): nothing is written
to HOME or to the working directory.

A SparkApplication says `mainApplicationFile`, `local://` and a path of the image, and `arguments`:

::

    pegel_spark/jobs/monitor.py    a group's driver. None, or the path of its job document; else /etc/pegel/job.json
    pegel_spark/jobs/baseline.py   a model's baseline. --spec, the spec as JSON, --id, under which it says how it ended

and the environment:

::

    PEGEL_DATABASE_URL        driver                 by secretKeyRef
    PEGEL_KAFKA_...           driver and executors   what the broker asks of a client: `pegel.spec.kafka_security`.
                                                     The workers read it themselves; PEGEL_KAFKA is in the job document
    PEGEL_LOG_FORMAT=json     driver and executors   one JSON object a line on standard output, the JVM's included
    PEGEL_METRICS_PORT        driver                 where /metrics is answered, see `pegel_spark.driver_metrics`

Neither `sparkConf` nor `javaOptions` need anything for Pegel's sake. What stands there wins, so `spark.ui.enabled` with
`spark.ui.port` opens Spark's page, and memory is that of the driver's and the executors' own fields. `pyFiles` and
`deps` stay empty.

A streaming driver ends within `pegel.spec.limits.STOP_GRACE` and what its last commit takes:
`terminationGracePeriodSeconds` of 60 leaves room. Its exit codes are those of `pegel_spark.driver.Exit`: 0 asked to
stop, 3 the stream broke and may be started again, 4 another driver has the group; 2 what it was told is wrong, and
starting it again does not help. Those of a finite job: 0 done, 1 may be tried again, 2 refused; why stands in the
results database.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pyspark

from pegel.errors import SetupError
from pegel.spec.settings import Settings
from pegel_spark.session import jvm_flags

USAGE = 2
BACKEND = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
_EXECUTOR = {
    "--driver-url": "SPARK_DRIVER_URL",
    "--executor-id": "SPARK_EXECUTOR_ID",
    "--cores": "SPARK_EXECUTOR_CORES",
    "--app-id": "SPARK_APPLICATION_ID",
    "--hostname": "SPARK_EXECUTOR_POD_IP",
    "--resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
    "--podName": "SPARK_EXECUTOR_POD_NAME",
}
"""Arguments of an executor, and the variables in which Spark hands them to its pod."""
_JVM_OPTION = "SPARK_JAVA_OPT_"

Command = tuple[list[str], dict[str, str]]
"""What is run, and variables beside those that are there."""


def command(arguments: Sequence[str], environment: Mapping[str, str], settings: Settings) -> Command:
    """Return what to run for the arguments of a container. Raises SetupError for others than Spark's."""
    match arguments:
        case ["driver", *told]:
            return _driver(told, environment, settings)
        case ["executor", *_]:
            return _executor(environment), {}
        case _:
            raise SetupError(
                f"expected `driver ...` or `executor`, as Spark on Kubernetes asks for them; given: "
                f"{shlex.join(arguments)!r}. Nothing was started."
            )


def _driver(told: Sequence[str], environment: Mapping[str, str], settings: Settings) -> Command:
    """Return the job as a Python program; the JVM that it starts takes the options and Spark's properties."""
    options: list[str] = []
    left = list(told)
    while len(left) > 1 and left[0].startswith("--"):
        name, value, *left = left
        # The class is that which would start Python below the JVM.
        options += [] if name == "--class" else [name, value]
    if not left or left[0].startswith("--"):
        raise SetupError(f"expected the job's program; given: {shlex.join(told)!r}. Nothing was started.")
    address = environment.get("SPARK_DRIVER_BIND_ADDRESS", "")
    conf = {"spark.driver.bindAddress": address} if address else {}
    # For a JVM that Python starts Spark would show one.
    conf |= {"spark.ui.showConsoleProgress": "false"}
    told_again = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    program, *job_arguments = left
    return [sys.executable, program.removeprefix("local://"), *job_arguments], {
        # Before those of the properties, which win.
        "SPARK_SUBMIT_OPTS": " ".join(
            [jvm_flags(settings.log_format), *_scratch(environment), environment.get("SPARK_SUBMIT_OPTS", "")]
        ).strip(),
        "PYSPARK_SUBMIT_ARGS": shlex.join(["--deploy-mode", "client", *told_again, *options, "pyspark-shell"]),
    }


def _executor(environment: Mapping[str, str]) -> list[str]:
    """Return an executor's JVM. Raises SetupError when a variable is missing."""
    missing = [name for name in (*_EXECUTOR.values(), "SPARK_EXECUTOR_MEMORY") if name not in environment]
    if missing:
        raise SetupError(
            f"expected an executor's pod as Spark makes it; {', '.join(missing)} is not set. Nothing was started."
        )
    flags = {int(name.removeprefix(_JVM_OPTION)): name for name in environment if name.startswith(_JVM_OPTION)}
    memory = environment["SPARK_EXECUTOR_MEMORY"]
    jars = f"{Path(pyspark.__file__).parent / 'jars'}/*"
    before, after = ("SPARK_CONF_DIR", "HADOOP_CONF_DIR"), ("SPARK_EXTRA_CLASSPATH", "SPARK_DIST_CLASSPATH")
    paths = [*(environment.get(name) for name in before), jars, *(environment.get(name) for name in after)]
    return [
        _java(environment),
        *_scratch(environment),
        *(environment[flags[number]] for number in sorted(flags)),
        f"-Xms{memory}",
        f"-Xmx{memory}",
        "-cp",
        ":".join(filter(None, paths)),
        BACKEND,
        *(word for option, name in _EXECUTOR.items() for word in (option, environment[name])),
    ]


def _scratch(environment: Mapping[str, str]) -> list[str]:
    """Return the flag by which a JVM puts its files where everybody else does; by itself it heeds no variable."""
    folder = environment.get("TMPDIR")
    return [f"-Djava.io.tmpdir={folder}"] if folder else []


def _java(environment: Mapping[str, str]) -> str:
    home = environment.get("JAVA_HOME")
    program = f"{home}/bin/java" if home else shutil.which("java", path=environment.get("PATH"))
    if program is None:
        raise SetupError("expected Java on PATH or below JAVA_HOME; there is none. Nothing was started.")
    return program


def main(arguments: Sequence[str]) -> NoReturn:
    """Become what is asked for; end with `USAGE` where that is impossible."""
    try:
        words, variables = command(arguments, os.environ, Settings.of_environment())
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USAGE)
    try:
        # It becomes the job, so that signals reach it.
        os.execve(words[0], words, {**os.environ, **variables})  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"expected a program at {words[0]}; given: {error.strerror}. Nothing was started.\n")
        sys.exit(USAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
