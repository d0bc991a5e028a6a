"""What was started, so that exactly that can be stopped: `stack.json` in the home, readable by its owner only."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pegel.errors import SetupError
from pegel_local.machine.paths import Home
from pegel_local.processes.private_files import write_json
from pegel_local.processes.process_id import ProcessId

PASSING = ("airflow migrate", "demo ")
"""Beginnings of the names of processes that are expected to end by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One started process: who it is and where it logs."""

    process: ProcessId
    log: str


@dataclass(slots=True, kw_only=True)
class StackState:
    """The content of `stack.json`."""

    started_at: datetime
    parts: dict[str, Part] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    """Where people and clients go: `airflow`, `page`, `kafka`, `logger`, `mail`, `user`, `password`."""

    @property
    def is_up(self) -> bool:
        """Say whether a service of it runs."""
        return any(part.process.alive for name, part in self.parts.items() if not name.startswith(PASSING))

    @property
    def ended(self) -> list[str]:
        """Return the parts of a system that is up which have ended and were not to, by name; none where it is not."""
        parts = self.parts.items() if self.is_up else ()
        return [name for name, part in parts if not name.startswith(PASSING) and not part.process.alive]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "started_at": self.started_at.isoformat(),
            "parts": {name: {**part.process.to_json(), "log": part.log} for name, part in self.parts.items()},
            "addresses": self.addresses,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StackState:
        """Return what `to_json` wrote."""
        parts = {name: Part(process=ProcessId.from_json(part), log=part["log"]) for name, part in data["parts"].items()}
        return cls(started_at=datetime.fromisoformat(data["started_at"]), parts=parts, addresses=data["addresses"])


class StackFile:
    """Reads and writes the state of one home. Threads of one process may record at the same time."""

    def __init__(self, home: Home) -> None:
        """Use the home's `stack.json`."""
        self._path = home.stack
        self._lock = threading.Lock()

    def read(self) -> StackState | None:
        """Return what was recorded; None when nothing was started from this home.

        Raises SetupError when the record is damaged: what it named is not known any more.
        """
        try:
            return StackState.from_json(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise SetupError(
                f"{self._path} is damaged ({error}), so what was started from this home is not known. "
                f"Nothing was done. End its processes by hand, then remove the file."
            ) from error

    def record(self, *, parts: dict[str, Part] | None = None, addresses: dict[str, str] | None = None) -> None:
        """Add to what is recorded."""
        with self._lock:
            state = self.read() or StackState(started_at=datetime.now(UTC))
            state.parts.update(parts or {})
            state.addresses.update(addresses or {})
            write_json(self._path, state.to_json())

    def forget(self) -> None:
        """Remove the record: nothing of it runs any more."""
        self._path.unlink(missing_ok=True)
