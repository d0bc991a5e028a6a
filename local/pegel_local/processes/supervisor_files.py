"""The folder of one supervisor: what it was told (`launch.json`), what it saw (`state.json`), its lock and its log."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pegel_local.processes import shared_lock
from pegel_local.processes.process_control import ProcessId


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a supervisor is told. `restarts` bounds how often a command that failed is started again; 0 means never."""

    command: tuple[str, ...]
    fingerprint: str
    generation: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    restarts: int = 0
    first_pause_s: float = 1.0
    """Pause before the first restart; it doubles with each further one."""
    log_bytes: int = 8 << 20
    """Size at which the log is moved aside; one older part is kept."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return what `asdict` wrote."""
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

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON; `pid` and `create_time` are the command's."""
        command = self.process.to_json() if self.process else {"pid": None, "create_time": None}
        return {
            **command,
            "supervisor": self.supervisor.to_json(),
            "fingerprint": self.fingerprint,
            "generation": self.generation,
            "started_at": self.started_at.isoformat(),
            "exit_code": self.exit_code,
            "restarted": self.restarted,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        return cls(
            supervisor=ProcessId.from_json(data["supervisor"]),
            process=ProcessId.from_json(data) if data["pid"] is not None else None,
            fingerprint=data["fingerprint"],
            generation=data["generation"],
            started_at=datetime.fromisoformat(data["started_at"]).astimezone(UTC),
            exit_code=data["exit_code"],
            restarted=data["restarted"],
        )


@dataclass(frozen=True, slots=True)
class SupervisorFiles:
    """Where the files of one supervisor are."""

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

    def launch(self) -> Launch:
        """Read what the supervisor is told."""
        return Launch.from_json(json.loads((self.folder / "launch.json").read_text(encoding="utf-8")))

    def write_launch(self, launch: Launch) -> None:
        """Write what the next supervisor is told."""
        write_json(self.folder / "launch.json", asdict(launch))

    def state(self) -> SupervisorState | None:
        """Read what the supervisor last saw; None when none ever ran here."""
        try:
            return SupervisorState.from_json(json.loads((self.folder / "state.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def write_state(self, state: SupervisorState) -> None:
        """Write what the supervisor sees."""
        write_json(self.folder / "state.json", state.to_json())


def write_json(path: Path, data: Any, *, mode: int = 0o644) -> None:
    """Replace a file at once, so that no reader ever sees a half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(data, handle, indent=1)
    scratch.replace(path)
