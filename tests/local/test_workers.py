"""Attribution workers as processes of this machine: planned, carried out, killed, brought back, ended."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from waiting import wait_until

from pegel.errors import SetupError
from pegel.reconcile.actions import Action, ActionKind, Target
from pegel.reconcile.carrying_out import carry_out
from pegel.reconcile.job_backend import JobState
from pegel.reconcile.worker_planner import plan_workers
from pegel.spec.settings import Settings
from pegel.testing import MemoryJobBackend, MemoryServingBackend
from pegel_local.backends.worker_processes import LocalWorkerBackend
from pegel_local.processes.supervisor_files import SupervisorFiles

WORKER = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(sys.argv[1:], flush=True)
while True: time.sleep(0.05)
"""


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalWorkerBackend]:
    """Run a tiny script as the worker; nothing of it outlives the test."""
    found = LocalWorkerBackend(Settings(home=tmp_path), command=(sys.executable, "-c", WORKER))
    yield found
    found.stop("default", grace=timedelta(seconds=5))


def reconciled(backend: LocalWorkerBackend, *namespaces: str) -> list[Action]:
    """Plan and carry out; return the plan."""
    now = datetime.now(UTC)
    actions = plan_workers(namespaces, backend.observe(), now)
    for action in actions:
        carry_out(action, MemoryJobBackend(), MemoryServingBackend(), observed_at=now, workers=backend)
    return actions


def states(backend: LocalWorkerBackend) -> list[tuple[str, JobState, int]]:
    """Return what is seen of each worker."""
    return [(seen.group, seen.state, seen.generation) for seen in backend.observe()]


def test_a_worker_is_started_brought_back_and_stopped(backend: LocalWorkerBackend, tmp_path: Path) -> None:
    """Reconciling starts the worker of a namespace once, restarts one that was killed, and ends one nobody needs."""
    assert [ActionKind.START] == [action.kind for action in reconciled(backend, "default")]
    assert wait_until(lambda: states(backend) == [("default", JobState.RUNNING, 1)])
    assert [ActionKind.KEEP] == [action.kind for action in reconciled(backend, "default")]
    log = tmp_path / "workers" / "default" / "log"
    assert wait_until(lambda: "['--namespace', 'default']" in log.read_text())

    state = SupervisorFiles(tmp_path / "workers" / "default").state()
    assert state is not None
    assert state.process is not None
    psutil.Process(state.process.pid).send_signal(signal.SIGKILL)
    assert wait_until(lambda: states(backend) == [("default", JobState.EXITED, 1)])
    (restarted,) = reconciled(backend, "default")
    assert (ActionKind.RESTART, Target.worker("default")) == (restarted.kind, restarted.target)
    assert wait_until(lambda: states(backend) == [("default", JobState.RUNNING, 2)])

    assert [ActionKind.STOP] == [action.kind for action in reconciled(backend)]
    assert [("default", JobState.EXITED, 2)] == states(backend)
    assert [] == reconciled(backend)


def test_it_needs_the_serving_environment(tmp_path: Path) -> None:
    """Without the interpreter of the serving environment nothing is started, and a sentence names the setting."""
    with pytest.raises(SetupError, match="PEGEL_SERVING_PYTHON"):
        LocalWorkerBackend(Settings(home=tmp_path)).ensure("default", 1)
