"""Parts of the local system that have ended although it is up: what that costs, and how they come back.

Drivers and endpoints are brought back by reconciling one by one. Broker, logger and mail box have no record of what is
desired but that they were started: while Airflow runs, they are to run as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from pegel.spec.settings import Settings
from pegel_local.machine.paths import Home, checkout
from pegel_local.system.stack import Stack
from pegel_local.system.stack_file import StackFile

NO_LOGGER = "the logger has ended: what is asked now is answered, and lost to monitoring"


@dataclass(frozen=True, slots=True)
class EndedParts:
    """Those of the system in the settings' home."""

    settings: Settings

    @property
    def words(self) -> tuple[str, ...]:
        """Return what is wrong around every model for want of them, in words."""
        return (NO_LOGGER,) if "logger" in self._names() else ()

    def start_again(self) -> list[str]:
        """Start broker, logger and mail box where they have ended, wait for none of them, and return their names.

        Raises SetupError where one of them cannot be started, Unavailable, and Conflict while another process starts or
        stops the system.
        """
        return Stack(self.settings.home, checkout()).start_again() if self._names() else []

    def _names(self) -> list[str]:
        state = StackFile(Home(self.settings.home)).read()
        return [] if state is None else state.ended
