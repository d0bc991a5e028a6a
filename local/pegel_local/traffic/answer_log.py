"""A line of JSON for each answer in a file; what finds no room there is counted and ends nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

import orjson

from pegel.errors import InvalidSpec
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many
from pegel_local.traffic.timed_answers import TimedAnswer


class AnswerLog:
    """The file, open until it is left; without a path nothing is written. `lacks`: how many answers it lacks.

    Lines go to the file one by one, not many together, so that it is known which of them are there.
    """

    def __init__(self, path: Path | None) -> None:
        """Begin the file anew. Raises InvalidSpec if it cannot be opened."""
        self.lacks = 0
        self._path = path
        self._reason = ""
        self._broken = False
        try:
            self._file = None if path is None else path.open("wb", buffering=0)
        except OSError as error:
            raise InvalidSpec(
                f"--log: expected a file that can be written, given {shown(str(path))}: {error.strerror}. "
                "Nothing was sent."
            ) from None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        try:
            if self._file is not None:
                self._file.close()
        except OSError as error:
            # Network disks say only now what they could not take: one line at least, and nobody knows which.
            self._failed(error)

    def write(self, answer: TimedAnswer) -> None:
        """Write a line; if that cannot be, count it. Never raises OSError."""
        if self._file is None:
            return
        # After a part of a line the next one begins anew, so that only the part is no JSON.
        line = b"\n" * self._broken + orjson.dumps(answer.to_json()) + b"\n"
        try:
            while line:
                line = line[os.write(self._file.fileno(), line) :]
                self._broken = bool(line)
        except OSError as error:
            self._failed(error)

    def shortfall(self) -> str:
        """Return what the file lacks and why, for people."""
        answers = how_many(self.lacks, "answer")
        return f"--log: {answers} could not be written to {shown(str(self._path))}: {self._reason}; all were counted"

    def _failed(self, error: OSError) -> None:
        self.lacks += 1
        self._reason = self._reason or error.strerror or type(error).__name__
