"""`python -m doomed_logger SPOOL`: a logger whose broker client raises what nobody expects, at the third event."""

from __future__ import annotations

import sys
from pathlib import Path

from senders import SwitchedSender

from pegel_serving import http_service, json_logs
from pegel_serving.bounded_http import ConnectionLimits
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.http_door import LoggerApp
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Limits, Pipeline
from pegel_serving.logger.spool import Spool


class DoomedSender(SwitchedSender):
    """A Sender whose library fails."""

    def poll(self) -> None:
        """Fail once three events wait; before, nothing is reported."""
        if len(self.waiting) >= 3:
            raise SystemError("the library is beyond repair")


def main() -> int:
    """Serve until the failure."""
    json_logs.configure("logger")
    metrics = Metrics()
    pipeline = Pipeline(DoomedSender(), Spool(Path(sys.argv[1])), metrics, Limits())
    app = LoggerApp(pipeline, metrics, DoorSettings(flush_s=0.0))
    listener = http_service.bind("127.0.0.1", 0)
    return http_service.run(
        http_service.config(app, ConnectionLimits(), app.connection_ends), listener, "logger", failure=app.failure
    )


if __name__ == "__main__":
    sys.exit(main())
