"""The self-contained HTML report of the demonstration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pegel.report.html import write
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel_local.demo.stage import Demo


def write_report(demo: Demo) -> Path:
    """Write the report about the model into the demonstration's home, and return its path."""
    sources = Sources(demo.engine)
    model = demo.spec.model
    return write(model_view(sources, model.name, model.version, datetime.now(UTC)), demo.home / "report.html")
