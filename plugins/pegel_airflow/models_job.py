"""Jobs of one model, of one version of it, or of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pegel.errors import SetupError
from pegel_airflow.told_job import ToldJob


class ModelsJob(ToldJob):
    """A job that is told which models are meant. `model`, `version` (templated): one alone; empty: all."""

    template_fields: Sequence[str] = ("model", "version")

    def __init__(self, *, model: str = "", version: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.version = version

    def arguments(self) -> tuple[str, ...]:
        """Return what the job is told. Raises SetupError for a version that is none, or that is one of no model."""
        if self.version and not (self.model and str(self.version).isdigit()):
            raise SetupError(f"expected a model and the number of its version; given {self.model!r}, {self.version!r}.")
        named = (("--model", self.model), ("--version", str(self.version)))
        return tuple(part for option, value in named if value for part in (option, value))
