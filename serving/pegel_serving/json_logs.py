"""Logs of the serving processes: one JSON object a line on stderr, whoever wrote it: uvicorn, KServe, librdkafka.

A driver's log is read by people and has lines of its own form (`pegel_spark`); these are read by whatever collects the
logs of services, and have to take in those of three libraries as well.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog

from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel_serving.repeated_lines import RepeatedLines

EXPECTED = frozenset({"InvalidInput", "ModelNotFound", "ModelNotReady"})
"""Errors that a client causes. They are answered, so their stack trace would only be noise."""
LOGGED = frozenset({"FailureLogged"})
"""Errors that were logged where they happened, and are raised on to be answered."""


def configure(service: str) -> None:
    """Send every log record of this process to stderr as JSON, marked with the service's name."""

    def mark(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {"service": service, **event}

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mark,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_RefusedRequests())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=["why", "times"]), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(
                    serializer=lambda event, **_: orjson.dumps(event, default=str).decode()
                ),
            ],
        )
    )
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "kserve.trace"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _RefusedRequests(logging.Filter):
    """Writes a client's error as the sentence that it was answered, a few times a minute each, without its trace.

    A trace may quote more of the payload than the sentence does. What was logged before is not written again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._repeated = RepeatedLines()

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        kind = type(error).__name__
        if kind not in EXPECTED:
            return kind not in LOGGED
        why = shown(str(error), LONGEST_SENTENCE)
        times = self._repeated.times(why)
        record.msg, record.args, record.exc_info = "request refused", (), None
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.__dict__ |= {"why": why, "times": times}
        return times is not None
