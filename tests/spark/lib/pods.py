"""Drivers as their pods run them: by what Spark on Kubernetes asks of an image, on a disk that is read-only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyspark
from stream_drivers import FINGERPRINT, Drivers

from pegel.reconcile.job_backend import JobDocument
from pegel_spark.jobs import monitor

READ_ONLY = """
set -e
mount --make-rprivate /
for each in "$1" "$2"; do mount --bind "$each" "$each"; done
mount -o remount,bind,ro /
shift 2
exec "$@"
"""
"""Runs a command where everything is read-only but two folders."""


@dataclass
class Pods(Drivers):
    """Drivers that have a job document, Spark's properties, and one folder of their own that is empty."""

    properties: dict[str, str] = field(default_factory=lambda: {"spark.master": "local[2]"})
    scratch: Path = Path()

    def start(self, generation: int = 1, folder: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a driver; `folder` is where it may write."""
        self.scratch = folder or self.folder / f"scratch-{generation}"
        self.scratch.mkdir(parents=True)
        job, properties = self.folder / f"job-{generation}.json", self.folder / "spark.properties"
        document = JobDocument(
            group="default", fingerprint=FINGERPRINT, kafka=self.wire.address, trigger=timedelta(milliseconds=500)
        )
        job.write_text(json.dumps(document.to_json(generation)))
        # The folder of the image's own that executors may write to.
        given = self.properties | {"spark.executor.extraJavaOptions": f"-Djava.io.tmpdir={self.scratch}"}
        properties.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        asked = ["driver", "--properties-file", str(properties), "--class", "org.apache.spark.deploy.PythonRunner"]
        asked += [f"local://{monitor.__file__}", str(job)]
        with self.log.open("ab") as log, self.log.with_suffix(".err").open("ab") as errors:
            driver = subprocess.Popen(
                [*self._read_only(), sys.executable, "-m", "pegel_spark.container", *asked],
                env=self._variables(),
                cwd="/proc",
                stdout=log,
                stderr=errors,
                start_new_session=True,
            )
        self.started.append(driver)
        return driver

    def lines(self) -> list[dict[str, Any]]:
        """Return what was logged; fails where a line is no JSON object."""
        return [dict(json.loads(line)) for line in self.log.read_text().splitlines()]

    def _variables(self) -> dict[str, str]:
        """Return what a pod's environment has: nothing of whoever runs the test."""
        taken = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
        return {
            **taken,
            "HOME": "/proc",
            "TMPDIR": str(self.scratch),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SPARK_DRIVER_BIND_ADDRESS": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.scratch),
            # Executors of `local-cluster` get a folder each, below this one.
            "SPARK_HOME": str(self._spark_home()),
            "PEGEL_DATABASE_URL": self.world.settings.database,
            "PEGEL_LOG_FORMAT": "json",
            **self.environment,
        }

    def _spark_home(self) -> Path:
        home = self.scratch / "spark"
        home.mkdir()
        for each in Path(pyspark.__file__).parent.iterdir():
            if each.name != "work":
                (home / each.name).symlink_to(each)
        return home

    def _read_only(self) -> list[str]:
        """Return what a command begins with to find a disk that is read-only; only root may make it so."""
        if os.geteuid():
            return []
        return ["unshare", "-m", "sh", "-c", READ_ONLY, "sh", str(self.world.settings.home), str(self.scratch)]
