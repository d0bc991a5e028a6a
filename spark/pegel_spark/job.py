"""What a streaming driver is told when it starts: the job document in its folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pegel.errors import SetupError
from pegel.reconcile.job_backend import JobDocument


@dataclass(frozen=True, slots=True)
class Job:
    """A job document in its folder. `generation` grows with each start that the reconciler orders."""

    folder: Path
    document: JobDocument
    generation: int

    @property
    def stop_file(self) -> Path:
        """Return the file whose appearance asks the driver to finish its batch and end."""
        return self.folder / "stop"

    def new_scratch(self) -> Path:
        """Return an empty folder that only this user can read, after removing those of drivers before.

        Nothing in it matters once the driver has ended: what must survive is in the results database.
        """
        parent = self.folder / "scratch"
        shutil.rmtree(parent, ignore_errors=True)
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{self.generation}-", dir=parent))


def read_job(folder: Path) -> Job:
    """Read `folder`/job.json. Raises SetupError when it is missing, damaged or of another schema version."""
    path = folder / "job.json"
    try:
        return Job(folder, *JobDocument.from_json(json.loads(path.read_text(encoding="utf-8"))))
    except SetupError as error:
        raise SetupError(f"{path}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(f"{path} is no job document: {error!r}; no driver was started.") from error
