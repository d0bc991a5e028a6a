"""A Hopsworks to ask: that of a test, or a real one that the environment names.

A real one is only read. Its variables: `PEGEL_TEST_HOPSWORKS` (host or host:port), `PEGEL_TEST_HOPSWORKS_PROJECT`,
`PEGEL_TEST_HOPSWORKS_KEY_FILE`, `PEGEL_TEST_HOPSWORKS_CA` (may be unset), `PEGEL_TEST_HOPSWORKS_VIEW` (a feature view
of version 1 with a training dataset 1 on storage outside of HopsFS, of which Hopsworks has statistics),
`PEGEL_TEST_HOPSWORKS_MODEL` (a model of version 1 trained with it), `PEGEL_TEST_HOPSWORKS_DEPLOYMENT`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from certificates import Certificates

from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.spec.settings import Settings
from pegel.testing.hopsworks import Contents, HopsworksServer

PREFIX = "PEGEL_TEST_HOPSWORKS"
NO_CLUSTER = f"NO HOPSWORKS: {PREFIX} names none, so nobody knows whether a real one answers as that of the tests does"
FEATURES = (
    {"name": "id", "type": "bigint", "primary": True},
    {"name": "amount", "type": "double"},
    {"name": "shop", "type": "string"},
    {"name": "paid_at", "type": "timestamp"},
    {"name": "fraud", "type": "int"},
)


@dataclass(frozen=True, slots=True)
class World:
    """A Hopsworks: how it is reached, and the names of what is in it. `server`: that of a test, or None."""

    connection: HopsworksConnection
    server: HopsworksServer | None = None
    view: str = "txn_view"
    model: str = "fraud"
    deployment: str = "fraud"

    def asked_since(self, before: int) -> list[str]:
        """Return which requests the server of a test has seen since it had seen so many."""
        return [] if self.server is None else self.server.asked[before:]

    @property
    def seen(self) -> int:
        """Return how many requests that was by now."""
        return 0 if self.server is None else len(self.server.asked)


def filled(folder: Path) -> Contents:
    """Return a project with a feature group, a view of it, a training dataset of two splits, a model, a deployment."""
    contents = Contents(folder)
    group = contents.add_feature_group("transactions", FEATURES)
    group["eventTime"] = "paid_at"
    view = contents.add_feature_view("txn_view", group, labels=["fraud"])
    contents.add_training_dataset(view, str(folder / "txn_view_td1"), version=1, splits=["train", "test"])
    contents.add_deployment("fraud", contents.add_model("fraud", 1, view, 1), "fraud-inference")
    contents.subjects["inferenceschema"] = [{"id": 4, "version": 4, "schema": "{}"}]
    return contents


@contextmanager
def of_a_test(folder: Path, contents: Contents | None = None) -> Iterator[World]:
    """Start a Hopsworks in a folder."""
    certificates = Certificates.made_in(folder / "certificates")
    server = HopsworksServer(certificates.server, contents or filled(folder / "storage"))
    with server.running():
        yield World(connection_of(server, folder, certificates), server)


def connection_of(server: HopsworksServer, folder: Path, certificates: Certificates) -> HopsworksConnection:
    """Return how a server of a test is reached."""
    key_file = folder / "key"
    key_file.write_text(f"{server.key}\n")
    settings = Settings(
        hopsworks=server.address, hopsworks_project="demo", hopsworks_key_file=key_file, hopsworks_ca=certificates.ca
    )
    return HopsworksConnection.of(settings)


def real() -> World:
    """Return the one that the environment names. Skips the test where it names none."""
    if PREFIX not in os.environ:
        pytest.skip(NO_CLUSTER)

    def named(part: str) -> str | None:
        return os.environ.get(f"{PREFIX}_{part}")

    settings = Settings(
        hopsworks=os.environ[PREFIX],
        hopsworks_project=named("PROJECT"),
        hopsworks_key_file=Path(named("KEY_FILE") or ""),
        hopsworks_ca=None if named("CA") is None else Path(str(named("CA"))),
    )
    view, model, deployment = (str(named(part)) for part in ("VIEW", "MODEL", "DEPLOYMENT"))
    return World(HopsworksConnection.of(settings), view=view, model=model, deployment=deployment)
