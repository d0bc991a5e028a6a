"""One pass over many: each has its turn under its name, and whatever goes wrong with one holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from pegel.errors import PermanentError, TemporaryError, Unavailable

log = structlog.get_logger()


@dataclass(slots=True)
class Turns:
    """What a pass has done, and what it could not do."""

    lines: list[str] = field(default_factory=list)
    """What happened, in words."""
    later: list[str] = field(default_factory=list)
    """Why something is to be tried again, one sentence each."""
    failed: list[str] = field(default_factory=list)
    """What went wrong in a way nobody foresaw."""

    def take(self, name: str, turn: Callable[[], None]) -> Exception | None:
        """Give `name` its turn. Raises nothing; returns the error that nobody foresaw, None without one.

        A temporary error is kept for later, whatever else is logged with its trace and kept as failed.
        """
        try:
            turn()
        except TemporaryError as error:
            self.later.append(f"{name}: {error}")
        except Exception as error:
            log.exception("a turn was not taken to its end", name=name)
            self.failed.append(f"{name}: {error!r}")
            return error
        return None

    def outcome(self) -> str:
        """Return what happened, a line each.

        Raises PermanentError if something went wrong that nobody foresaw, Unavailable if something is to be tried
        again, both with everything else that happened, so that the task fails visibly.
        """
        lines = "\n".join(self.lines) or "nothing waits"
        if self.failed:
            raise PermanentError("\n".join([*self.failed, *self.later, "Everything else:", lines]))
        if self.later:
            raise Unavailable("\n".join([*self.later, "Everything else:", lines]))
        return lines
