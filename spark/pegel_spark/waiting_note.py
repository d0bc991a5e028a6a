"""What a driver waits for, as a file in its folder: read by `pegel status` where the database cannot be told."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class WaitingNote:
    """One sentence while something is missing, no file otherwise. On a disk that is full nothing is written.

    `path` is None where a driver has no folder: its log says the same.
    """

    path: Path | None
    _said: str = ""

    def say(self, sentence: str) -> None:
        """Leave a sentence. The same one is written once."""
        if self.path is not None and sentence != self._said:
            with suppress(OSError):
                self.path.write_text(sentence, encoding="utf-8")
                self._said = sentence

    def clear(self) -> None:
        """Say that nothing is missing; so does whoever has left no note yet, of what a driver before it had left."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        self._said = ""
