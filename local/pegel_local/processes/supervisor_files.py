"""The folder of one supervisor: what it was told (`launch.json`), what it saw (`state.json`), its lock and its log.

Settings, which may name a password, are in none of these files: they travel in the environment.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pegel_local.processes import shared_lock
from pegel_local.processes.private_files import overwrite_json, read_json, write_json
from pegel_local.processes.process_id import ProcessId


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a supervisor is told. `restarts` bounds how often a command that failed is started again; 0 means never."""

    command: tuple[str, ...]
    fingerprint: str
    generation: int = 1
    restarts: int = 0
    first_pause_s: float = 1.0
    """Pause before the first restart; it doubles with each further one."""
    log_bytes: int = 8 << 20
    """Size at which the log is moved aside; one older part is kept."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return what `asdict` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(**{**data, "command": tuple(data["command"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorState:
    """What a supervisor saw. `process` is the command's; `exit_code` is None while the command runs.

    A command ended by a signal has the negative signal number as exit code.
    """

    supervisor: ProcessId
    process: ProcessId | None
    fingerprint: str
    generation: int
    started_at: datetime
    exit_code: int | None = None
    restarted: int = 0
    refused_writes: int = 0
    """How often the disk did not take this state, its log or its older part."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "supervisor": self.supervisor.to_json(),
            "process": self.process.to_json() if self.process else None,
            "fingerprint": self.fingerprint,
            "generation": self.generation,
            "started_at": self.started_at.isoformat(),
            "exit_code": self.exit_code,
            "restarted": self.restarted,
            "refused_writes": self.refused_writes,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return what `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            supervisor=ProcessId.from_json(data["supervisor"]),
            process=ProcessId.from_json(data["process"]) if data["process"] is not None else None,
            fingerprint=data["fingerprint"],
            generation=data["generation"],
            started_at=datetime.fromisoformat(data["started_at"]).astimezone(UTC),
            exit_code=data["exit_code"],
            restarted=data["restarted"],
            refused_writes=data["refused_writes"],
        )


@dataclass(frozen=True, slots=True)
class SupervisorFiles:
    """Where the files of one supervisor are. A damaged file reads as absent, and `damage` says so."""

    folder: Path

    @property
    def log(self) -> Path:
        """Return the log that the command writes."""
        return self.folder / "log"

    @property
    def lock(self) -> Path:
        """Return the lock that supervisor and command hold."""
        return self.folder / "lock"

    @property
    def running(self) -> bool:
        """Say whether the supervisor or its command lives."""
        return shared_lock.is_held(self.lock)

    def launch(self) -> Launch | None:
        """Return what the supervisor was told; None when it was told nothing that can be read."""
        try:
            data = read_json(self._launch)
            return None if data is None else Launch.from_json(data)
        except (OSError, KeyError, TypeError, ValueError):
            return None

    def launched_at(self) -> datetime:
        """Return when the supervisor was last told something, UTC; the beginning of 1970 if it never was."""
        at = self._launch.stat().st_mtime if self._launch.exists() else 0.0
        return datetime.fromtimestamp(at, UTC)

    def write_launch(self, launch: Launch) -> None:
        """Write what the next supervisor is told. Raises OSError."""
        write_json(self._launch, asdict(launch))

    def state(self) -> SupervisorState | None:
        """Return what the supervisor last saw; None when none ever ran here, or its file cannot be read."""
        try:
            data = read_json(self._state)
            return None if data is None else SupervisorState.from_json(data)
        except (OSError, KeyError, TypeError, ValueError):
            return None

    def write_state(self, state: SupervisorState) -> None:
        """Write what the supervisor sees; on a full disk into the place of what it saw before. Raises OSError."""
        try:
            write_json(self._state, state.to_json())
        except OSError:
            overwrite_json(self._state, state.to_json())

    def damage(self) -> str:
        """Name the files that are there and cannot be read; empty when there are none."""
        seen = ((self._launch, self.launch()), (self._state, self.state()))
        return ", ".join(str(path) for path, content in seen if content is None and path.exists())

    def forget(self) -> None:
        """Remove what an earlier supervisor saw, so that nobody takes it for what the next one sees."""
        self._state.unlink(missing_ok=True)

    @property
    def _launch(self) -> Path:
        return self.folder / "launch.json"

    @property
    def _state(self) -> Path:
        return self.folder / "state.json"
