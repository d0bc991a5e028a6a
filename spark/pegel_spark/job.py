"""What a streaming driver is told when it starts: the job document, in a folder of its own or as a file alone."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pegel.errors import SetupError
from pegel.reconcile.job_backend import WAITING_NOTE, JobDocument


@dataclass(frozen=True, slots=True)
class Job:
    """A job document. `generation` grows with each start that the reconciler orders.

    `folder`: where the driver finds its stop file and leaves its note and its temporary files; None in a pod, which is
    ended by a signal, tells what it waits for in its log, and has room for temporary files elsewhere.
    """

    document: JobDocument
    generation: int
    folder: Path | None = None

    @property
    def is_told_to_stop(self) -> bool:
        """Say whether the file is there that asks the driver to finish its batch and end."""
        return self.folder is not None and (self.folder / "stop").exists()

    @property
    def note(self) -> Path | None:
        """Return the file in which the driver says what it waits for."""
        return None if self.folder is None else self.folder / WAITING_NOTE

    def new_scratch(self) -> Path:
        """Return an empty folder that only this user can read, after removing those of drivers before.

        Nothing in it matters once the driver has ended: what must survive is in the results database. Without a folder
        of the driver's own it lies where Spark was given room, or in the system's temporary folder; those go with the
        pod.
        """
        if self.folder is None:
            # Spark on Kubernetes names volumes for it, comma separated.
            room = os.environ.get("SPARK_LOCAL_DIRS", "").partition(",")[0]
            return Path(tempfile.mkdtemp(prefix=f"pegel-{self.generation}-", dir=room or None))
        parent = self.folder / "scratch"
        shutil.rmtree(parent, ignore_errors=True)
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{self.generation}-", dir=parent))


def read_job(place: Path) -> Job:
    """Read a job document: the file `place`, or job.json in the folder `place`.

    Raises SetupError when it is missing, damaged or of another schema version.
    """
    folder = place if place.is_dir() else None
    path = place if folder is None else folder / "job.json"
    try:
        return Job(*JobDocument.from_json(json.loads(path.read_text(encoding="utf-8"))), folder)
    except SetupError as error:
        raise SetupError(f"{path}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(f"{path} is no job document: {error!r}; no driver was started.") from error
