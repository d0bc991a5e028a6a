"""A model's own way to its explanations: a queue of bounded bytes, and a thread that asks the model's own process.

Whatever one model does (its folder is gone, it crashes, it never answers, it is not understood), and whatever nobody
foresaw about it, no other waits for it: its events are refused with a reason, and offsets go on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from pegel.spec.outside_text import shown
from pegel_serving.attribution.explainer_child import ExplainerChild
from pegel_serving.attribution.explainer_frames import SilentExplainer
from pegel_serving.attribution.joined_halves import WholeEvent
from pegel_serving.attribution.told_event import ToldEvent
from pegel_serving.attribution.unprepared import NOT_PREPARED, Unprepared
from pegel_serving.model_errors import sentence

log = structlog.stdlib.get_logger(__name__)

MOST_EVENTS: Final = 256
"""Events that are explained at once …"""
MOST_BYTES: Final = 4 << 20
"""… and bytes of their bodies; one event may be larger."""
TRY_AGAIN_S: Final = 60.0
"""How long a model of which nothing can be explained is left alone: its folder may come, its files be mended."""
SILENT: Final = "model_silent"
OVERLOADED: Final = "overloaded"
ENDED: Final = "worker_ends"
UNFORESEEN: Final = "other"

Report = Callable[[WholeEvent, ToldEvent], None]
"""Called in the lane's thread, once for each event that was taken."""
Preparation = Callable[[], dict[str, Any]]
"""What the model's process is told; called in the lane's thread, before each start of one. Raises Unprepared."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """What a lane is doing, for whoever looks."""

    method: str = ""
    reason: str = ""
    why: str = ""


class ModelLane:
    """Explains the events of one model version."""

    def __init__(
        self,
        name: str,
        preparation: Preparation,
        report: Report,
        *,
        most_bytes: int,
        prepared: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        """Start the thread; the model's process is started with the first event.

        `prepared` is told, in the thread, what each process says of its model that can explain it.
        """
        self.state = LaneState()
        self.bytes = 0
        self._name, self._preparation, self._report, self._most_bytes = name, preparation, report, most_bytes
        self._is_prepared = prepared
        self._queue: deque[WholeEvent] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._child: ExplainerChild | None = None
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._run, name=f"explains {name}", daemon=True)
        self._thread.start()

    def put(self, event: WholeEvent) -> bool:
        """Take an event; False where the queue is full, and then nothing is ever reported. It holds one at least."""
        with self._changed:
            if self._ending or (self._queue and self.bytes + event.size > self._most_bytes):
                return False
            self._queue.append(event)
            self.bytes += event.size
            self._changed.notify()
        return True

    def end(self, within_s: float) -> None:
        """End the model's process and the thread; events in the queue are given back unexplained, see `ENDED`."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._child is not None:
            self._child.end()
        self._thread.join(within_s)

    def _run(self) -> None:
        while (events := self._next()) is not None:
            for event, told in zip(events, self._told(events), strict=True):
                self._report(event, told)
            with self._changed:
                self.bytes -= sum(event.size for event in events)
        for event in self._queue:
            self._report(event, ToldEvent(reason=ENDED))
        if self._child is not None:
            self._child.end()

    def _next(self) -> list[WholeEvent] | None:
        with self._changed:
            while not self._queue and not self._ending:
                self._changed.wait()
            if self._ending:
                return None
            taken, size = [self._queue.popleft()], 0
            while self._queue and len(taken) < MOST_EVENTS and size < MOST_BYTES:
                size += taken[-1].size
                taken.append(self._queue.popleft())
            return taken

    def _told(self, events: list[WholeEvent]) -> list[ToldEvent]:
        child = self._prepared()
        if child is None:
            reason = ENDED if self._ending else self.state.reason
            return [ToldEvent(reason=reason, why=self.state.why)] * len(events)
        try:
            told = child.ask(events)
        except SilentExplainer as error:
            self._give_up(SILENT, str(error))
            if len(events) == 1 or self._ending:
                return [ToldEvent(reason=ENDED if self._ending else SILENT, why=str(error))] * len(events)
            # One of them may have ended it: each is asked about by itself, and the next process starts at once.
            self._not_before = 0.0
            return [one for event in events for one in self._told([event])]
        except Exception as error:
            # A thread that ended here would hold these events, and with them the offsets of all models, for ever.
            log.exception("nobody foresaw what kept these from being explained", model=self._name)
            self._give_up(UNFORESEEN, sentence(error))
            return [ToldEvent(reason=UNFORESEEN, why=sentence(error))] * len(events)
        for one in told:
            if one.reason:
                self._say(one.reason, one.why)
        return told

    def _prepared(self) -> ExplainerChild | None:
        """Return the model's process; None where there is none, and then the state says why."""
        if self._child is not None:
            return self._child
        if self._ending:
            self.state = LaneState(reason=ENDED)
            return None
        if time.monotonic() < self._not_before:
            return None
        self._not_before = time.monotonic() + TRY_AGAIN_S
        try:
            answer = self._begun()
        except Unprepared as error:
            self._give_up(error.reason, str(error))
        except SilentExplainer as error:
            self._give_up(SILENT, f"its process could not be prepared: {error}")
        except Exception as error:  # noqa: BLE001  whatever files, databases and stores of others do
            self._give_up(NOT_PREPARED, f"its process could not be prepared: {sentence(error)}")
        else:
            self.state = LaneState(method=str(answer.get("method", "")))
            log.info("explains", model=self._name, method=self.state.method, artefact=answer.get("artefact"))
        return self._child

    def _begun(self) -> dict[str, Any]:
        """Start the model's process and return what it says of its model. Raises Unprepared, SilentExplainer."""
        told = self._preparation()
        child = self._child = ExplainerChild()
        answer = child.prepare(told)
        if answer.get("reason"):
            raise Unprepared(str(answer["reason"]), str(answer.get("why", "")))
        self._is_prepared(answer)
        return answer

    def _give_up(self, reason: str, why: str) -> None:
        """End the model's process, if there is one; the next events are told why until the next try."""
        if self._child is not None:
            self._child.end()
        self._child = None
        if not self._ending:
            self._say(reason, why)

    def _say(self, reason: str, why: str) -> None:
        """Keep why nothing is explained; tell it once for each reason."""
        if reason != self.state.reason:
            log.warning("not explained", model=self._name, reason=reason, why=shown(why, 300))
        self.state = LaneState(self.state.method, reason, why)
