"""Our own log lines: one event a line, in UTC; for people on standard error, or as JSON on standard output."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TextIO

import structlog

from pegel.spec.settings import LogFormat


@dataclass(eq=False)
class Lines:
    """Standard output or error, whose disk may be full: that ends nobody.

    Lines that it did not take, or took a part of only, are counted, and the count stands before the next one that it
    takes.
    """

    descriptor: int = 2
    """1 for standard output, 2 for standard error."""
    refused: int = 0
    _is_cut: bool = False
    """Whether what was written last is a part of a line."""

    def write(self, line: str) -> None:
        """Write a line that ends with a newline."""
        if self.refused and self._takes(self._word_of_refused()):
            self.refused = 0
        if self.refused or not self._takes(line):
            self.refused += 1

    def _word_of_refused(self) -> str:
        sentence = f"{self.refused} lines before this one could not be written"
        return f'{{"level":"error","event":"{sentence}"}}\n' if self.descriptor == 1 else f"{sentence}\n"

    def _takes(self, line: str) -> bool:
        """Write a line, after the end of one that was cut; say whether all of it was taken."""
        stream, original = self._streams()
        left = (("\n" if self._is_cut else "") + line).encode(errors="backslashreplace")
        try:
            if stream is not original:
                stream.write(line)
                return True
            # Not by way of its buffer: that would keep what was refused and raise again with each later line.
            while left:
                taken = os.write(self.descriptor, left)
                left = left[taken:]
                self._is_cut = bool(left) and (self._is_cut or taken > 0)
        except OSError:
            return False
        return True

    def _streams(self) -> tuple[TextIO, TextIO | None]:
        """Return what is written to now, asked for at each line, and what it was when Python started."""
        return (sys.stdout, sys.__stdout__) if self.descriptor == 1 else (sys.stderr, sys.__stderr__)

    def flush(self) -> None:
        """Do nothing: each line is written at once."""


_lines, _json_lines = Lines(2), Lines(1)


def configure(form: LogFormat = LogFormat.TEXT) -> None:
    """Set up the log of this process: lines for people who follow a file, or JSON for what collects those of pods."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    as_text = structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event"))
    is_json = form is LogFormat.JSON
    lines = _json_lines if is_json else _lines
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, as_json if is_json else as_text],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.WriteLogger(lines),  # type: ignore[arg-type]  # it writes and flushes
        cache_logger_on_first_use=False,
    )
    # The Kafka client repeats itself while a broker is away; what matters of it is counted where it is used.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    if is_json:
        _take_over_others(shared, as_json)


def _take_over_others(shared: list[Any], as_json: Any) -> None:
    """Let what libraries log, warn of and raise be lines of the same form."""
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(_json_lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[remove_meta, structlog.processors.format_exc_info, as_json],
        )
    )
    logging.getLogger().handlers = [handler]
    logging.captureWarnings(capture=True)
    sys.excepthook = _tell


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ends the process."""
    structlog.get_logger().error("ended by an error", exc_info=(kind, error, trace))
