"""Model servers that exist in memory only."""

from __future__ import annotations

from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.spec.monitor_spec import MonitorSpec


class MemoryServingBackend:
    """Keeps endpoints in a dictionary. Each is ready at once, unless `failing` names it."""

    def __init__(self, failing: dict[str, str] | None = None) -> None:
        """Take `failing`: an endpoint's name -> the last line of the log it fails with."""
        self.failing = dict(failing or {})
        self._endpoints: dict[str, EndpointStatus] = {}
        self._candidates: dict[str, EndpointStatus] = {}

    def apply(self, spec: MonitorSpec) -> None:
        """Make the endpoint of `spec` exist."""
        self._endpoints[spec.endpoint] = self._started(spec)

    def stage(self, spec: MonitorSpec) -> None:
        """Keep a candidate beside the endpoint, unless that is as wished."""
        self._candidates.pop(spec.endpoint, None)
        if self.observe(spec.endpoint).fingerprint != spec.fingerprint():
            self._candidates[spec.endpoint] = self._started(spec)

    def staged(self, endpoint: str) -> EndpointStatus:
        """Look at the candidate, else at what serves."""
        return self._candidates.get(endpoint) or self.observe(endpoint)

    def promote(self, endpoint: str) -> None:
        """Put the candidate in the endpoint's place."""
        if endpoint in self._candidates:
            self._endpoints[endpoint] = self._candidates.pop(endpoint)

    def discard(self, endpoint: str) -> None:
        """Forget the candidate."""
        self._candidates.pop(endpoint, None)

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint; an unknown one is ABSENT."""
        absent = EndpointStatus(name=endpoint, fingerprint="", state=EndpointState.ABSENT)
        return self._endpoints.get(endpoint, absent)

    def delete(self, endpoint: str) -> None:
        """Remove the endpoint and its candidate; an absent one is not an error."""
        self._endpoints.pop(endpoint, None)
        self._candidates.pop(endpoint, None)

    def list(self) -> list[EndpointStatus]:
        """List every endpoint."""
        return [*self._endpoints.values()]

    def _started(self, spec: MonitorSpec) -> EndpointStatus:
        detail = self.failing.get(spec.endpoint, "")
        return EndpointStatus(
            name=spec.endpoint,
            fingerprint=spec.fingerprint(),
            state=EndpointState.FAILED if detail else EndpointState.READY,
            url=None if detail else f"http://{spec.endpoint}.memory",
            detail=detail,
        )
