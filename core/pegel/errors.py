"""The error tree. The two roots below `PegelError` answer one question: does trying again help?

::

    PegelError
    ├── TemporaryError            try again later, unchanged
    │   ├── Unavailable           a service did not answer (broker, database, endpoint, Airflow)
    │   └── Conflict              somebody else changed the same thing first; read it again
    └── PermanentError            trying again unchanged gives the same answer
        ├── InvalidSpec           a MonitorSpec that cannot be accepted; names field, value and remedy
        ├── InvalidPayload        a logged body that cannot be decoded; carries its kind for counting
        ├── LayoutMismatch        two summaries, or a summary and a baseline, of different cells
        ├── NotFound              a name that nothing answers to
        ├── NotOurs               something of that name is there, and somebody else made it
        ├── DamagedRow            a stored row that cannot be read; every other row can
        ├── Superseded            another driver writes for this group now
        ├── EndpointFailed        a model server that will not become ready; carries its last log lines
        └── SetupError            this machine lacks something; says what and what to do
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = [
    "Conflict",
    "DamagedRow",
    "EndpointFailed",
    "InvalidPayload",
    "InvalidSpec",
    "LayoutMismatch",
    "NotFound",
    "NotOurs",
    "PegelError",
    "PermanentError",
    "SetupError",
    "Superseded",
    "TemporaryError",
    "Unavailable",
]


class PegelError(Exception):
    """Whatever Pegel raises on purpose. The message says: expected, given, what happens now."""


class TemporaryError(PegelError):
    """Trying again later, unchanged, may help."""


class Unavailable(TemporaryError):
    """A service did not answer: broker, database, endpoint or Airflow."""


class Conflict(TemporaryError):
    """Somebody else changed the same thing first. Read it again, then decide again."""


class PermanentError(PegelError):
    """Trying again unchanged gives the same answer."""


class InvalidSpec(PermanentError):
    """A MonitorSpec that cannot be accepted. One line per problem: field, value given, remedy."""


class InvalidPayload(PermanentError):
    """A logged body that cannot be decoded.

    `kind` is the name under which it is counted, one of `pegel.data.payloads.INVALID_KINDS`.
    """

    def __init__(self, kind: str, message: str, hint: Callable[[], str] = str) -> None:
        """Remember the kind for counting; the message is for people, and ends with the hint.

        Most are counted and never read, so what is dear to find out is a hint: it is looked for by who reads it.
        """
        super().__init__(message)
        self.kind = kind
        self._hint = hint

    def __str__(self) -> str:
        """Return the message with its hint."""
        return super().__str__() + self._hint()


class LayoutMismatch(PermanentError):
    """Two summaries, or a summary and a baseline, whose cells are not the same. They are never merged or compared."""


class NotFound(PermanentError):
    """A name that nothing answers to."""


class NotOurs(PermanentError):
    """Something of that name is there, and somebody else made it: it is never touched."""


class DamagedRow(PermanentError):
    """A stored row that cannot be read: damaged, or written by another version. The message says which one and why."""


class Superseded(PermanentError):
    """Another driver claimed the group: the one that asked may not write any more, and ends."""


class EndpointFailed(PermanentError):
    """A model server that will not become ready. The message ends with the last lines of its log."""


class SetupError(PermanentError):
    """This machine lacks something. The message says what, and what to do."""
