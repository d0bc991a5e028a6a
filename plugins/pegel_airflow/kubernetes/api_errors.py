"""What the API server answers, as errors of Pegel's tree: does trying again help, and what is to be done?

References: `Status` of the Kubernetes API conventions; server-side apply's conflicts name each field as a cause.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from pegel.errors import Conflict, InvalidSpec, NotFound, PegelError, PermanentError, SetupError, Unavailable
from pegel.spec.outside_text import shown

UNKNOWN_FIELD = "field not declared in schema"
"""In the message of a 500: server-side apply answers a wrong field so, which trying again does not mend."""
ASKS_TO_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
LONGEST_MESSAGE = 2_000
"""Letters of an answer that is quoted; a proxy may answer with a whole page."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is not a success."""

    status: int
    message: str
    causes: tuple[str, ...] = ()
    """A line for each field that is wrong, or that is another manager's: `field: why`."""
    is_kubernetes: bool = True
    """False where what answered is no API server, or one that does not know the path."""

    @classmethod
    def read(cls, status: int, body: str | bytes | None, reason: str = "") -> Refusal:
        """Read an answer's body, whatever it is."""
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
        try:
            data = json.loads(text)
        except ValueError:
            data = None
        if not isinstance(data, dict) or data.get("kind") != "Status":
            return cls(status, shown(text.strip()[:LONGEST_MESSAGE]) or reason, is_kubernetes=False)
        causes = (data.get("details") or {}).get("causes") or []
        lines = tuple(_cause(cause) for cause in causes if isinstance(cause, dict))
        return cls(status, shown(str(data.get("message", reason))[:LONGEST_MESSAGE]), lines)

    def error(self, doing: str) -> PegelError:
        """Return the error to raise; `doing` is what was asked for, e.g. `apply InferenceService team-a/delays-v1`."""
        build = _ERRORS.get(self.status)
        if build is not None:
            return build(self, doing)
        if UNKNOWN_FIELD in self.message:
            return _invalid(self, doing)
        if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unavailable(f"the cluster failed to {doing}: {self.said}. It can be tried again unchanged")
        return PermanentError(f"the cluster refuses to {doing}: {self.said}")

    @property
    def said(self) -> str:
        """Return the answer in words."""
        return f"{self.status} {self.message}".rstrip(". ")


def seconds_asked(headers: Mapping[str, str] | None, now: datetime) -> float | None:
    """Return how long `Retry-After` asks to wait, in seconds; None where it says nothing that can be read."""
    given = {name.lower(): value for name, value in dict(headers or {}).items()}.get("retry-after")
    if given is None:
        return None
    try:
        return max(0.0, float(given)) if math.isfinite(float(given)) else None
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def _cause(cause: Mapping[str, Any]) -> str:
    field, why = str(cause.get("field") or ""), str(cause.get("message") or cause.get("reason") or "")
    return shown(f"{field}: {why}" if field else why)


def _unauthorized(refusal: Refusal, doing: str) -> PegelError:
    return SetupError(
        f"the cluster does not accept the credentials of Airflow's Kubernetes connection to {doing}: "
        f"{refusal.said}. They may have expired: renew them"
    )


def _forbidden(refusal: Refusal, doing: str) -> PegelError:
    # An API server says so of a missing permission; what else is forbidden comes from quotas and admission.
    missing = " cannot " in refusal.message
    remedy = "; give the account of Airflow's Kubernetes connection that permission" if missing else ""
    why = "a permission is missing" if missing else "it is not allowed"
    return SetupError(f"{why} to {doing}: {refusal.message.rstrip('. ')}{remedy}")


def _not_found(refusal: Refusal, doing: str) -> PegelError:
    if refusal.is_kubernetes:
        return NotFound(f"cannot {doing}: {refusal.message}")
    return SetupError(f"the cluster does not know what to {doing} means: {refusal.said}")


def _conflict(refusal: Refusal, doing: str) -> PegelError:
    fields = "".join(f"\n{cause}" for cause in refusal.causes)
    return Conflict(f"could not {doing}: somebody else changed it first: {refusal.message.rstrip('. ')}{fields}")


def _invalid(refusal: Refusal, doing: str) -> PegelError:
    lines = "\n".join(refusal.causes) or refusal.message
    return InvalidSpec(f"the cluster refuses to {doing}; wrong is:\n{lines}\nNothing of it was changed.")


def _busy(refusal: Refusal, doing: str) -> PegelError:
    return Unavailable(f"the cluster is too busy to {doing}: {refusal.said}")


_ERRORS: Mapping[int, Callable[[Refusal, str], PegelError]] = {
    HTTPStatus.BAD_REQUEST: _invalid,
    HTTPStatus.UNPROCESSABLE_ENTITY: _invalid,
    HTTPStatus.UNAUTHORIZED: _unauthorized,
    HTTPStatus.FORBIDDEN: _forbidden,
    HTTPStatus.NOT_FOUND: _not_found,
    HTTPStatus.CONFLICT: _conflict,
    HTTPStatus.GONE: _conflict,
    HTTPStatus.TOO_MANY_REQUESTS: _busy,
    HTTPStatus.REQUEST_TIMEOUT: _busy,
}
