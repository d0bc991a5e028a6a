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

EXPECTED = frozenset({"InvalidInput", "ModelNotFound", "ModelNotReady"})
"""Errors that a client causes. They are answered, so their stack trace would only be noise."""


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
    handler.addFilter(_without_payload)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
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


def _without_payload(record: logging.LogRecord) -> bool:
    """Replace the trace of a client's error by its name: a trace, like a message, may quote the payload."""
    error = record.exc_info[1] if record.exc_info else None
    if type(error).__name__ in EXPECTED:
        record.msg, record.args, record.exc_info = f"request refused: {type(error).__name__}", (), None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return True
