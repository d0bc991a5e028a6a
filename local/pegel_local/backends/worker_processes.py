"""Attribution workers as detached processes of this machine, one below `workers/<namespace>` for each namespace."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pegel.errors import SetupError
from pegel.reconcile.job_backend import Sighting
from pegel.spec.settings import Settings
from pegel_local.backends.child_environments import driver_environment
from pegel_local.backends.driver_processes import sighting
from pegel_local.processes.supervised_process import SupervisedProcess
from pegel_local.processes.supervisor_files import Launch, SupervisorFiles

WORKERS = "workers"
"""The folder below a home."""
MODULE = "pegel_serving.attribution"


class LocalWorkerBackend:
    """Runs each namespace's worker under a supervisor that outlives its caller. One host only.

    `command` is what runs, followed by `--namespace` and the name; None means the worker in the serving environment.
    """

    def __init__(self, settings: Settings, *, command: tuple[str, ...] | None = None) -> None:
        """Use the folder `workers` of the settings' home."""
        self._settings, self._command = settings, command
        self._folder = settings.home.resolve() / WORKERS

    def ensure(self, namespace: str, generation: int) -> None:
        """Start the namespace's worker as `generation` unless one runs; a running one is never disturbed.

        Raises SetupError without a serving environment, Unavailable when its process cannot be started.
        """
        launch = Launch(
            command=(*self._worker(), "--namespace", namespace),
            fingerprint="",
            generation=generation,
        )
        self._supervised(namespace).start(launch, driver_environment(self._settings))

    def stop(self, namespace: str, *, grace: timedelta) -> None:
        """Ask the worker to bring away what it has, wait at most `grace`, then end it. No worker: nothing happens."""
        self._supervised(namespace).stop(grace_s=grace.total_seconds())

    def observe(self) -> list[Sighting]:
        """List every worker below the home, running or exited, in the order of their namespaces."""
        folders = sorted(path for path in self._folder.glob("*") if path.is_dir())
        seen = (sighting(folder.name, SupervisorFiles(folder)) for folder in folders)
        return [each for each in seen if each is not None]

    def _supervised(self, namespace: str) -> SupervisedProcess:
        return SupervisedProcess(self._folder / namespace)

    def _worker(self) -> tuple[str, ...]:
        if self._command is not None:
            return self._command
        python = self._settings.serving_python
        if python is None or not Path(python).exists():
            raise SetupError(
                f"PEGEL_SERVING_PYTHON must name the serving environment's interpreter; given: {python}. "
                f"No worker was started."
            )
        return (str(python), "-m", MODULE)
