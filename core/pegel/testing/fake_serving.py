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

    def apply(self, spec: MonitorSpec) -> None:
        """Make the endpoint of `spec` exist."""
        detail = self.failing.get(spec.endpoint, "")
        self._endpoints[spec.endpoint] = EndpointStatus(
            name=spec.endpoint,
            fingerprint=spec.fingerprint(),
            state=EndpointState.FAILED if detail else EndpointState.READY,
            url=None if detail else f"http://{spec.endpoint}.memory",
            detail=detail,
        )

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint; an unknown one is ABSENT."""
        absent = EndpointStatus(name=endpoint, fingerprint="", state=EndpointState.ABSENT)
        return self._endpoints.get(endpoint, absent)

    def delete(self, endpoint: str) -> None:
        """Remove the endpoint; an absent one is not an error."""
        self._endpoints.pop(endpoint, None)

    def list(self) -> list[EndpointStatus]:
        """List every endpoint."""
        return [*self._endpoints.values()]
