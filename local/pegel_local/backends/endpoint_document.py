"""What one endpoint of this machine is to be, as its file says."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pegel.reconcile.desired import endpoint_fingerprint, explained_with
from pegel.spec.monitor_spec import MonitorSpec
from pegel_local.machine.ports import LOOPBACK, free_ports
from pegel_local.processes.private_files import read_json, write_json

PARTS = ("transformer", "proxy", "server")
"""Of an endpoint: what looks features up, what logs, and what predicts; those that it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDocument:
    """What an endpoint's processes are told, and the ports it was given."""

    name: str
    namespace: str
    fingerprint: str
    """Of what was desired (`pegel.reconcile.desired`); ports are ours to choose and not part of it."""
    model_uri: str | None
    """Folder of the model to serve; None where a server answers for it that is not ours."""
    digest: str | None
    """Of what the folder held when it was taken into service; a copy of that is served."""
    upstream: str | None
    """Base address of that server; None of one that nobody here asks."""
    served_name: str
    """What the model is called in the paths of its requests."""
    protocol: str
    online: dict[str, Any] | None
    """The spec's section `online`; None where nothing is looked up."""
    client_header: str | None
    """The HTTP header in which a client says who it is; it is logged with its requests. None: no header is."""
    parts: tuple[str, ...]
    """Which processes it is made of, in the order in which they end; they start the other way round."""
    server_port: int
    proxy_port: int
    port: int
    """Of the first part, to which clients send: that of the proxy, if there is no transformer."""
    probe_token: str = field(repr=False)
    """By which the proxy knows a probe of ours; empty without a proxy. In this file, which only its owner may read, and
    in the environment of the proxy; not in that of the model server, which runs foreign code."""
    colour: str = "blue"
    """`blue` or `green`: what serves and its candidate differ in it, so that neither is in the way of the other."""
    explained_with: str | None = None
    """The rows of a baseline with which its model server explains single rows; None where it explains none."""
    staged_by: str = ""
    """Of a candidate: the run that was the last to ask for it, and alone may end it."""

    @classmethod
    def of(cls, spec: MonitorSpec, colour: str = "blue", *, digest: str | None = None) -> Self:
        """Return what the endpoint of `spec` is to be, on free ports; `digest` is that of its model's copy."""
        server_port, proxy_port, port = free_ports(3)
        parts = parts_of(spec)
        return cls(
            name=spec.endpoint,
            namespace=spec.namespace,
            fingerprint=endpoint_fingerprint(spec),
            model_uri=spec.model.uri,
            digest=digest,
            upstream=spec.model.url,
            served_name=spec.served_name,
            protocol=spec.model.protocol,
            online=spec.online.model_dump(mode="json") if spec.online.is_used else None,
            client_header=spec.adversarial.client_header,
            parts=parts,
            server_port=server_port,
            proxy_port=proxy_port if "transformer" in parts else port,
            port=port,
            probe_token=secrets.token_urlsafe() if parts else "",
            colour=colour,
            explained_with=explained_with(spec),
        )

    def elsewhere(self) -> Self:
        """Return the same on other ports: somebody else has taken one of these."""
        server_port, proxy_port, port = free_ports(3)
        own = proxy_port if self.online is not None else port
        return replace(self, server_port=server_port, proxy_port=own, port=port)

    @property
    def url(self) -> str | None:
        """Return the base address clients send to: the first part, else the server that is not ours, if it has one."""
        return f"http://{LOOPBACK}:{self.port}" if self.parts else self.upstream

    @property
    def proxy_url(self) -> str:
        """Return the base address of what logs."""
        return f"http://{LOOPBACK}:{self.proxy_port}"

    @property
    def server_url(self) -> str:
        """Return the base address of what predicts."""
        return self.upstream or f"http://{LOOPBACK}:{self.server_port}"


def parts_of(spec: MonitorSpec) -> tuple[str, ...]:
    """Return the parts that the endpoint of a spec needs."""
    if spec.model.is_deployment or (spec.model.url is not None and spec.model.logged_by == "server"):
        return ()
    needed = {
        "proxy",
        *(["server"] if spec.model.url is None else []),
        *(["transformer"] if spec.online.is_used else []),
    }
    return tuple(part for part in PARTS if part in needed)


class DamagedEndpoint(ValueError):
    """The file is there and does not say what an endpoint is to be: cut off, or written by another version."""


def read_document(path: Path) -> EndpointDocument | None:
    """Return what a file says; None when it is absent. Raises DamagedEndpoint."""
    try:
        data: Any = read_json(path)
        return None if data is None else EndpointDocument(**(data | {"parts": tuple(data["parts"])}))
    except (OSError, TypeError, ValueError, KeyError) as error:
        raise DamagedEndpoint(f"{path} cannot be read: {error}") from error


def write_document(path: Path, document: EndpointDocument) -> None:
    """Write down what an endpoint is to be; one that says so already keeps its time. Raises OSError."""
    try:
        same = read_document(path) == document
    except DamagedEndpoint:
        same = False
    if not same:
        write_json(path, asdict(document))
