"""Spans of single events, for whoever asks for them: a request with a sampled `traceparent` (W3C Trace Context).

Nobody waits for the receiver of spans: they lie in a bounded queue, a thread sends them, and what is not taken is
counted and gone. `pegel.data.asked_tracing` says whether there is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Literal, Protocol, Self

OVER_RATE, MADE, EXPORTED, FAILED = "over_rate", "made", "exported", "failed"

Attributes = Mapping[str, str | int | float | bool]
"""What a span says beside its name and times: names and numbers, never contents."""
SpanKind = Literal["internal", "server", "client", "producer", "consumer"]


class EventSpan(Protocol):
    """One span, ended once; as a context manager with the kind of the error that ended it."""

    @property
    def traceparent(self) -> str:
        """What makes another span a child of this one."""
        ...

    def child(
        self, name: str, kind: SpanKind, *, start_ns: int | None = None, attributes: Attributes | None = None
    ) -> EventSpan:
        """Begin a span below this one. Times are nanoseconds since the epoch; None: now."""
        ...

    def end(self, *, error: str = "", end_ns: int | None = None, attributes: Attributes | None = None) -> None:
        """End it, as failed where there is an `error`: a word, no message. Ended again, it stays as it is."""
        ...

    def __enter__(self) -> Self:
        """Be open within a block."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End with the block."""
        ...


class EventTracing(Protocol):
    """The spans of one process."""

    counts: Counter[str]
    """`over_rate`: events that were not traced because there were too many; spans that were `made`, `exported` (the
    receiver took them) and `failed` (it did not). What is missing of those made waits, or fell out of the queue."""

    def follow(
        self,
        given: Sequence[str],
        name: str,
        kind: SpanKind,
        *,
        start_ns: int | None = None,
        attributes: Attributes | None = None,
    ) -> EventSpan | None:
        """Begin a span below what a `traceparent` names; None where nobody asks for one, or too many do.

        `given`: all headers of that name. More than one, a malformed one and one that is not sampled ask for nothing.
        """
        ...

    def close(self) -> None:
        """Send what waits, within two seconds."""
        ...
