"""Streaming drivers as detached processes of this machine: the local job backend.

`jobs/<group>/` holds everything of one driver: `job.json` (what it is told), the supervisor's files, and a
scratch folder that nobody needs once the driver has ended.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pegel.errors import SetupError
from pegel.reconcile.job_backend import WAITING_NOTE, JobDocument, JobState, Sighting
from pegel.spec.outside_text import LONGEST_SENTENCE
from pegel.spec.settings import Settings
from pegel_local.backends.child_environments import driver_environment
from pegel_local.processes.process_control import last_lines
from pegel_local.processes.supervised_process import SupervisedProcess
from pegel_local.processes.supervisor_files import Launch, SupervisorFiles, SupervisorState

MODULE = "pegel_spark.jobs.monitor"
SCRATCH = "scratch"
"""Below a job's folder: what a driver writes there nobody needs once it has ended."""


class LocalJobBackend:
    """Runs each group's driver under a supervisor that outlives its caller. One host only.

    `command` is what runs, followed by the job's folder; None means the Spark driver in the Spark environment.
    """

    def __init__(self, settings: Settings, *, command: tuple[str, ...] | None = None) -> None:
        """Use the folder `jobs` of the settings' home."""
        self._settings = settings
        self._folder = settings.home.resolve() / "jobs"
        self._command = command

    def ensure(self, job: JobDocument, generation: int) -> None:
        """Start `job` as `generation` unless that group already runs; a running job is never disturbed.

        Raises SetupError without a Spark environment, Unavailable when the driver's process cannot be started.
        """
        supervised = self._supervised(job.group)
        launch = Launch(
            command=(*self._driver(), str(supervised.folder)),
            fingerprint=job.fingerprint,
            generation=generation,
        )
        supervised.start(launch, driver_environment(self._settings), {"job.json": job.to_json(generation)})

    def stop(self, group: str, *, grace: timedelta) -> None:
        """Ask the group's driver to finish its batch, wait at most `grace`, then end it. No driver: nothing happens."""
        self._supervised(group).stop(grace_s=grace.total_seconds())
        forget_scratch(self._folder / group)

    def observe(self) -> list[Sighting]:
        """List every driver below the home, running or exited, at most one per group, in the order of their names.

        A driver whose files are damaged is seen as what is left of it says; it hides no other.
        """
        folders = sorted(path for path in self._folder.glob("*") if path.is_dir())
        seen = (sighting(folder.name, SupervisorFiles(folder)) for folder in folders)
        return [each for each in seen if each is not None]

    def _supervised(self, group: str) -> SupervisedProcess:
        return SupervisedProcess(self._folder / group)

    def _driver(self) -> tuple[str, ...]:
        if self._command is not None:
            return self._command
        python = self._settings.spark_python
        if python is None or not Path(python).exists():
            raise SetupError(
                f"PEGEL_SPARK_PYTHON must name the Spark environment's interpreter; given: {python}. "
                f"No driver was started."
            )
        return (str(python), "-m", MODULE)


def forget_scratch(folder: Path) -> None:
    """Remove the temporary files of a driver that has ended, those of its JVM included."""
    shutil.rmtree(folder / SCRATCH, ignore_errors=True)


def sighting(group: str, files: SupervisorFiles) -> Sighting | None:
    """Return what is seen of one group; None when nothing ever ran in its folder."""
    running, launch, state = files.running, files.launch(), files.state()
    if state is None:
        return _without_state(group, files, launch, running=running)
    if running:
        lives = state.process is not None and state.process.alive
        seen = _sighting(group, state, JobState.RUNNING if lives else JobState.STARTING)
        return replace(seen, detail=_waits_for(files.folder))
    return replace(_sighting(group, state, JobState.EXITED), exit_code=state.exit_code, detail=last_lines(files.log))


def _waits_for(folder: Path) -> str:
    """Return what a driver says that it waits for; nothing where it says nothing."""
    try:
        return (folder / WAITING_NOTE).read_text(encoding="utf-8", errors="replace")[:LONGEST_SENTENCE]
    except OSError:
        return ""


def _sighting(group: str, state: SupervisorState, seen: JobState) -> Sighting:
    return Sighting(
        group=group,
        fingerprint=state.fingerprint,
        generation=state.generation,
        state=seen,
        started_at=state.started_at,
    )


def _without_state(group: str, files: SupervisorFiles, launch: Launch | None, *, running: bool) -> Sighting | None:
    """Return what is seen of a driver whose supervisor has not written its state yet, or whose file is damaged."""
    damage = files.damage()
    if not running and launch is None and not damage:
        return None
    return Sighting(
        group=group,
        fingerprint=launch.fingerprint if launch else "",
        generation=launch.generation if launch else 0,
        state=JobState.STARTING if running else JobState.EXITED,
        started_at=files.launched_at(),
        detail=f"{last_lines(files.log)}\nits supervisor left no state to read: {damage or 'none was written'}",
    )
