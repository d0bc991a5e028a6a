"""Our own log lines: one event a line, on standard error, in UTC."""

from __future__ import annotations

import logging
import sys

import structlog


def configure() -> None:
    """Set up structlog for a process that logs to a file which others follow."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event")),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Asked for at each line, so that whoever replaces standard error is written to.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # The Kafka client repeats itself while a broker is away; what matters of it is counted where it is used.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
