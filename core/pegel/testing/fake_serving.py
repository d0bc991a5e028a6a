"""Model servers that exist in memory only."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus, another_candidate, pinned
from pegel.spec.clock import Clock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.manual_clock import ManualClock


class MemoryServingBackend:
    """Keeps endpoints in a dictionary. Each is ready at once, unless `failing` names it."""

    def __init__(self, failing: dict[str, str] | None = None, *, clock: Clock | None = None) -> None:
        """Take `failing`: an endpoint's name -> the last line of the log it fails with. None: a clock that stands."""
        self.failing = dict(failing or {})
        self.seen: dict[str, EndpointStatus] = {}
        """What `observe` shows, by name; a test may put any world here."""
        self.digests: dict[str, str] = {}
        """What folders hold: `model.uri` -> its digest. The content of others is not known."""
        self._candidates: dict[str, EndpointStatus] = {}
        self._stagers: dict[str, str] = {}
        self._clock = clock or ManualClock()

    def pin(self, spec: MonitorSpec) -> MonitorSpec:
        """Return the spec with the digest of its model's folder. Raises InvalidSpec."""
        digest = self.digests.get(spec.model.uri or "")
        return spec if digest is None else pinned(spec, digest)

    def planned(self, spec: MonitorSpec) -> str:
        """Return one line that names the endpoint."""
        return f"{spec.endpoint}: in memory"

    def apply(self, spec: MonitorSpec) -> None:
        """Make the endpoint of `spec` exist; one that serves it already is left alone."""
        present = self.observe(spec.endpoint)
        if present.state is EndpointState.READY and present.fingerprint == endpoint_fingerprint(spec):
            return
        self.seen[spec.endpoint] = self._started(spec)

    def restart(self, spec: MonitorSpec, *, started_before: datetime) -> None:
        """Start the endpoint anew, unless it was started at `started_before` or later."""
        present = self.observe(spec.endpoint)
        since = present.unready_since
        if present.state is EndpointState.STARTING and since is not None and since >= started_before:
            return
        self.seen[spec.endpoint] = self._started(spec)

    def stage(self, spec: MonitorSpec, *, by: str = "") -> None:
        """Keep a candidate beside the endpoint, unless that is as desired."""
        self._stagers[spec.endpoint] = by
        self._candidates.pop(spec.endpoint, None)
        if self.observe(spec.endpoint).fingerprint != endpoint_fingerprint(spec):
            self._candidates[spec.endpoint] = self._started(spec)

    def staged(self, endpoint: str) -> EndpointStatus:
        """Look at the candidate, else at what serves."""
        return self._candidates.get(endpoint) or self.observe(endpoint)

    def promote(self, spec: MonitorSpec) -> None:
        """Put what was staged as `spec` in the endpoint's place. Raises Conflict without it."""
        endpoint, fingerprint = spec.endpoint, endpoint_fingerprint(spec)
        candidate = self._candidates.get(endpoint)
        if candidate is not None and candidate.fingerprint == fingerprint:
            self.seen[endpoint] = self._candidates.pop(endpoint)
        elif self.observe(endpoint).fingerprint != fingerprint:
            raise another_candidate(endpoint, fingerprint, candidate.fingerprint if candidate else "")

    def discard(self, spec: MonitorSpec, *, by: str = "") -> None:
        """Forget what was staged as `spec`, if `by` was the last to stage it."""
        candidate = self._candidates.get(spec.endpoint)
        is_meant = candidate is not None and candidate.fingerprint == endpoint_fingerprint(spec)
        if is_meant and self._stagers[spec.endpoint] == by:
            del self._candidates[spec.endpoint]

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint; an unknown one is ABSENT."""
        absent = EndpointStatus(name=endpoint, fingerprint="", state=EndpointState.ABSENT)
        return self.seen.get(endpoint, absent)

    def logs_of(self, endpoint: str) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """Nothing here writes a log."""
        return ()

    def delete(self, endpoint: str) -> None:
        """Remove the endpoint and its candidate; an absent one is not an error."""
        self.seen.pop(endpoint, None)
        self._candidates.pop(endpoint, None)

    def clear(self) -> None:
        """Forget every endpoint, every candidate and what was to fail."""
        for kept in (self.seen, self._candidates, self._stagers, self.failing, self.digests):
            kept.clear()

    def names(self) -> list[str]:
        """Name every endpoint."""
        return sorted(name for name, status in self.seen.items() if status.state is not EndpointState.ABSENT)

    def die(self, endpoint: str, detail: str) -> None:
        """Let the endpoint's server end by itself. Raises KeyError for an unknown endpoint."""
        known = self.seen[endpoint]
        now = self._clock.now()
        self.seen[endpoint] = replace(known, state=EndpointState.FAILED, detail=detail, unready_since=now)

    def _started(self, spec: MonitorSpec) -> EndpointStatus:
        detail = self.failing.get(spec.endpoint, "")
        return EndpointStatus(
            name=spec.endpoint,
            fingerprint=endpoint_fingerprint(spec),
            state=EndpointState.FAILED if detail else EndpointState.READY,
            url=None if detail or spec.model.is_deployment else f"http://{spec.endpoint}.memory",
            detail=detail,
            changed_at=self._clock.now(),
        )
