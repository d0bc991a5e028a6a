"""What a streaming driver is told when it starts: the job document in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pegel.errors import SetupError
from pegel.reconcile.job_backend import JobDocument
from pegel.spec import names

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Job:
    """A job document in its folder. `generation` grows with each start that the reconciler orders."""

    folder: Path
    document: JobDocument
    generation: int

    @property
    def checkpoint(self) -> Path:
        """Return the folder in which Spark remembers what it has read."""
        return self._state("windows")

    @property
    def journal(self) -> Path:
        """Return the folder in which the windows' history is kept; it belongs to exactly one checkpoint."""
        return self._state("partials")

    @property
    def stop_file(self) -> Path:
        """Return the file whose appearance asks the driver to finish its batch and end."""
        return self.folder / "stop"

    def _state(self, query: str) -> Path:
        return self.folder / names.checkpoint(self.document.group, self.document.fingerprint, query)


def read_job(folder: Path) -> Job:
    """Read `folder`/job.json. Raises SetupError when it is missing, damaged or of another schema version."""
    path = folder / "job.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema_version"] != SCHEMA_VERSION:
            raise SetupError(
                f"{path}: expected schema version {SCHEMA_VERSION}, given {data['schema_version']}: "
                "driver and reconciler are of different releases; no driver was started."
            )
        document = JobDocument(
            group=data["group"],
            fingerprint=data["fingerprint"],
            topics=tuple(data["topics"]),
            kafka=data["kafka"],
            trigger=timedelta(milliseconds=data["trigger_ms"]),
            max_events_per_trigger=data["max_events_per_trigger"],
        )
        return Job(folder, document, data["generation"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(f"{path} is no job document: {error!r}; no driver was started.") from error
