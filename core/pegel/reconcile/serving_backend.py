"""The seam to what runs model servers. It has a local implementation and a shipped fake in `pegel.testing`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from pegel.errors import Conflict, InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import quoted


class EndpointState(StrEnum):
    """What a model's endpoint is seen to do."""

    ABSENT = "absent"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It could not be looked at: nothing is concluded from that, and nothing is done about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStatus:
    """One endpoint as observed. `url` is the base address clients send to (None until known)."""

    name: str
    fingerprint: str
    state: EndpointState
    url: str | None = None
    detail: str = ""
    """Why it is not ready, ending with the last lines of the model server's log."""
    changed_at: datetime | None = None
    """When what it is to be was last changed, UTC; None when that is not known."""
    unready_since: datetime | None = None
    """Since when it was not seen to be ready, UTC: its start, the last look that saw it ready, or, where the
    platform tells it, the last answer to an inference. None if it is ready."""
    note: str = ""
    """What a person should know although nothing is wrong with it: that the model's folder holds something else now."""
    edited: str = ""
    """What somebody else has changed of it since it was applied, in words; empty if nothing."""
    probe_token: str = field(default="", repr=False)
    """The secret by which the endpoint knows a probe of ours (`pegel.data.wire.PROBE_HEADER`), never in `to_json`.
    Empty where the platform cannot tell: there a probe is counted like the request of a client."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "state": self.state.value,
            "url": self.url,
            "detail": self.detail,
        }


def another_candidate(endpoint: str, expected: str, given: str) -> Conflict:
    """Return the error about a candidate of the fingerprint `expected` in whose place there is `given` ("": none)."""
    return Conflict(
        f"expected candidate {expected[:8]} of {endpoint}; given {given[:8] or 'none'}, because another run staged, "
        f"promoted or discarded one meanwhile; nothing was put in force"
    )


def pinned(spec: MonitorSpec, digest: str) -> MonitorSpec:
    """Return the spec with the digest of its model's folder. Raises InvalidSpec if it states another one."""
    if spec.model.digest not in {None, digest}:
        raise InvalidSpec(
            f"model.digest: given {spec.model.digest}: expected {digest}, which is what {quoted(spec.model.place)} "
            f"holds now; correct it, or leave it out. Nothing was started."
        )
    return spec.model_copy(update={"model": spec.model.model_copy(update={"digest": digest})})


class ServingBackend(Protocol):
    """Runs model servers whose requests and responses are logged. Every call may be repeated without harm."""

    def pin(self, spec: MonitorSpec) -> MonitorSpec:
        """Return the spec with the digest of what the model's folder holds now, so that it means these bytes alone.

        A spec without a folder, or of one whose content this backend cannot know, stays as it is. Raises InvalidSpec
        if the spec states another digest.
        """
        ...

    def planned(self, spec: MonitorSpec) -> str:
        """Return what `apply` would run, as text for people: the objects of a cluster, or processes. Nothing is done.

        Raises what `apply` raises for a spec that cannot be served.
        """
        ...

    def apply(self, spec: MonitorSpec) -> None:
        """Make the endpoint of `spec` exist as desired and return at once. The same spec again changes nothing."""
        ...

    def restart(self, spec: MonitorSpec, *, started_before: datetime) -> None:
        """End what runs of the endpoint and start it anew, at the same address, and return at once.

        Processes that were started at `started_before` or later are left alone: another run was faster.
        """
        ...

    def stage(self, spec: MonitorSpec, *, by: str = "") -> None:
        """Start a candidate as `spec` says beside what serves now, which is not touched, and return at once.

        The same spec again changes nothing, but the candidate is from then on that of the run which `by` names. Another
        candidate of the endpoint is replaced. An endpoint that is as desired already is its own candidate.
        """
        ...

    def staged(self, endpoint: str) -> EndpointStatus:
        """Look at the endpoint's candidate now, at its own address; without a candidate, at what serves."""
        ...

    def promote(self, spec: MonitorSpec) -> None:
        """Let what was staged as `spec` serve under the endpoint's name and end what served before.

        If it serves already, nothing changes. Raises Conflict, and leaves all as it is, if it is neither staged nor
        serving: another run staged or promoted something else meanwhile.
        """
        ...

    def discard(self, spec: MonitorSpec, *, by: str = "") -> None:
        """End what was staged as `spec` if the run `by` was the last to stage it; nothing else is touched."""
        ...

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint now: at what serves, never at a candidate."""
        ...

    def logs_of(self, endpoint: str) -> tuple[str, ...]:
        """Return the files of this machine that what serves writes its logs to, never a candidate; empty without one.

        That of the model server is first; then that of the proxy, which knows what the server did not answer in time.
        """
        ...

    def delete(self, endpoint: str) -> None:
        """Remove the endpoint and its candidate; wait until nothing of them runs. An absent one is not an error."""
        ...

    def names(self) -> list[str]:
        """Name every endpoint that carries our mark and serves, in order. None of them is looked at."""
        ...
