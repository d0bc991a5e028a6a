"""Ways into the cluster under test: as its administrator, and as a service account with rights that a test gives."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from api_server import ApiServer
from kubernetes import client, config
from kubernetes.client import ApiClient


@dataclass(frozen=True)
class Cluster:
    """The cluster under test."""

    kubeconfig: Path
    server: ApiServer | None
    """Its API server, to be killed and started again; None for one that is not ours."""


@dataclass(frozen=True)
class Door:
    """Where an API server answers, and the certificate authority that vouches for it.

    PEM; None over plain HTTP, and where one of those that this machine trusts does.
    """

    server: str
    authority: str | None

    @classmethod
    def of(cls, kubeconfig: Path) -> Door:
        """Read the current context of a kubeconfig."""
        settings = client.Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=settings)
        authority = Path(settings.ssl_ca_cert).read_text() if settings.ssl_ca_cert else None
        return cls(settings.host, authority)

    def trust(self) -> ssl.SSLContext | None:
        """Return what checks the server's certificate; None over plain HTTP."""
        return ssl.create_default_context(cadata=self.authority) if self.server.startswith("https:") else None


@dataclass(frozen=True)
class Account:
    """A service account with a token, seen through one door. Make one by the fixture `account`."""

    namespace: str
    name: str
    token: str
    door: Door

    @property
    def user(self) -> str:
        """Return its name as the API server calls it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    def through(self, url: str) -> Account:
        """Return the same account before another address, which speaks plain HTTP: that of a fault proxy."""
        return Account(self.namespace, self.name, self.token, Door(url, None))

    def with_token(self, token: str) -> Account:
        """Return the same account with another token."""
        return Account(self.namespace, self.name, token, self.door)

    def kubeconfig(self) -> dict[str, Any]:
        """Return its kubeconfig."""
        cluster = {"server": self.door.server}
        if self.door.authority is not None:
            cluster["certificate-authority-data"] = base64.b64encode(self.door.authority.encode()).decode()
        context = {"cluster": "tests", "user": self.name, "namespace": self.namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": self.name, "user": {"token": self.token}}],
            "contexts": [{"name": "tests", "context": context}],
            "current-context": "tests",
        }

    def client(self) -> ApiClient:
        """Return a client of its own; whoever asks closes it."""
        return config.new_client_from_config_dict(self.kubeconfig())

    def airflow_connection(self) -> str:
        """Return the Airflow connection that is this account, as the JSON of a variable `AIRFLOW_CONN_...`."""
        extra = {"kube_config": yaml.safe_dump(self.kubeconfig()), "namespace": self.namespace}
        return json.dumps({"conn_type": "kubernetes", "extra": extra})


def create_account(admin: ApiClient, namespace: str, name: str, rules: Sequence[dict[str, Any]], door: Door) -> Account:
    """Create a service account, a Role of the `rules` and their binding in `namespace`, and a token of an hour."""
    core, rbac = client.CoreV1Api(admin), client.RbacAuthorizationV1Api(admin)
    named = {"metadata": {"name": name}}
    core.create_namespaced_service_account(namespace, named)
    rbac.create_namespaced_role(namespace, {**named, "rules": list(rules)})
    bind(admin, namespace, role=name, account=f"{namespace}/{name}")
    request = {"spec": {"expirationSeconds": 3600, "audiences": None}}
    answer = core.create_namespaced_service_account_token(name, namespace, request)
    return Account(namespace, name, answer.status.token, door)


def bind(admin: ApiClient, namespace: str, *, role: str, account: str) -> None:
    """Give a Role of a namespace to a service account, `namespace/name`, of that namespace or another."""
    owner, _, name = account.partition("/")
    binding = {
        "metadata": {"name": f"{owner}-{name}"},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": owner}],
        "roleRef": {"kind": "Role", "name": role, "apiGroup": "rbac.authorization.k8s.io"},
    }
    client.RbacAuthorizationV1Api(admin).create_namespaced_role_binding(namespace, binding)
