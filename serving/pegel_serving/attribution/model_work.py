"""Something that is done for one model beside its events, in a thread of its own, again until it is done.

Whatever goes wrong, nothing waits for it: it is told, and tried again after a while.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

import structlog

from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel_serving.attribution.explainer_child import ExplainerChild

log = structlog.stdlib.get_logger(__name__)

FIRST_WAIT_S: Final = 60.0
"""How long after a failure it is tried again; each further time waits twice as long …"""
LONGEST_WAIT_S: Final = 3_600.0
"""… up to this: a source may be registered late, and explaining its rows may take minutes."""


class ModelWork(ABC):
    """One piece of work of one model version. A class says what it is."""

    what: str
    """What is not done where it fails, for the log."""
    look_every_s = 600.0
    """How often it is looked whether what was done is still what is wanted."""

    def __init__(self, spec: MonitorSpec, *, first_wait_s: float = FIRST_WAIT_S) -> None:
        """Begin at once. `why`: why it could not be done when that was last tried, or empty."""
        self.why = ""
        self.spec = spec
        self._first_wait_s = first_wait_s
        self._changed = threading.Condition()
        self._is_due, self._ending = True, False
        self._seen: Mapping[str, Any] | None = None
        self._child: ExplainerChild | None = None
        self._thread = threading.Thread(target=self._run, name=f"{type(self).__name__} of {spec.key}", daemon=True)

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()

    @abstractmethod
    def make(self, seen: Mapping[str, Any] | None) -> None:
        """Do what is to be done, if anything is; called again and again. Whatever it raises is told.

        `seen`: what a process of the model said last of folder and method; None where none has begun yet.
        """

    @abstractmethod
    def failed(self, why: str) -> None:
        """Take note of why it could not be done, once for each reason; empty: it is done again."""

    def is_ending(self) -> bool:
        """Say whether nothing is to be kept any more."""
        return self._ending

    def look_again(self, seen: Mapping[str, Any]) -> None:
        """Look whether what was done is of the folder and the method of which a process of the model just said."""
        with self._changed:
            self._seen, self._is_due = dict(seen), True
            self._changed.notify()

    def end(self, within_s: float) -> None:
        """End the thread, and the model's process where there is one."""
        with self._changed:
            self._ending = True
            child = self._child
            self._changed.notify()
        if child is not None:
            child.end()
        if self._thread.is_alive():
            self._thread.join(within_s)

    def started_child(self) -> ExplainerChild:
        """Return a process for the model, which ends with this work at the latest."""
        child = ExplainerChild()
        with self._changed:
            self._child = child
            if self._ending:
                child.end()
        return child

    def _run(self) -> None:
        wait = self._first_wait_s
        while self._is_wanted():
            try:
                self.make(self._seen)
                why = ""
            except Exception as error:  # noqa: BLE001  whatever files, databases and models of others do
                why = str(error) or repr(error)
            if self._ending:
                return
            if why != self.why:
                self._tell(why)
            if not why:
                wait = self._first_wait_s
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._ending, wait)
                self._is_due = True
            wait = min(2 * wait, LONGEST_WAIT_S)

    def _tell(self, why: str) -> None:
        if why:
            log.warning(self.what, model=self.spec.key, why=shown(why, 400))
        try:
            self.failed(why)
        except Exception as error:  # noqa: BLE001  the database is of no matter to whoever works
            log.warning("why something is not done could not be kept", model=self.spec.key, why=shown(str(error), 400))
        self.why = why

    def _is_wanted(self) -> bool:
        """Wait until something is to be done; False where the end has come."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_due or self._ending, self.look_every_s)
            self._is_due = False
            return not self._ending
