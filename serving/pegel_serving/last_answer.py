"""When the model server last answered an inference, for whoever decides whether a busy endpoint hangs."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

EVERY_S = 1.0
"""The file is touched at most so often; whoever looks at it counts in minutes."""


class LastAnswer:
    """Keeps the time of the last answer as that of a file. Without a file nothing is kept."""

    def __init__(self, file: Path | None) -> None:
        """Use `file`, which comes to be with the first answer."""
        self._file = file
        self._touched_s = float("-inf")

    def note(self) -> None:
        """Note that an inference was answered now. Never raises for a file that cannot be touched."""
        now = time.monotonic()
        if self._file is None or now - self._touched_s < EVERY_S:
            return
        self._touched_s = now
        # on a full disk the endpoint only looks idle
        with suppress(OSError):
            self._file.touch()
