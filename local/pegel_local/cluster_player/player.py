"""The player: looks at a cluster again and again, and does what its node and its controllers would do."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from kubernetes import config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from pegel.errors import PegelError
from pegel.manifests.objects import INFERENCE_SERVICE, SPARK_APPLICATION, ObjectKind
from pegel_local.cluster_player.cluster_objects import (
    ClusterObjects,
    Object,
    is_owned_by,
    name_of,
)
from pegel_local.cluster_player.inference_services import InferenceServices
from pegel_local.cluster_player.node import Node
from pegel_local.cluster_player.service_address import ServiceAddresses
from pegel_local.cluster_player.spark_applications import SparkApplications

LOOK_EVERY_S = 0.2


class Controller(Protocol):
    """What the player does about one kind of objects."""

    def look(self, body: Object, pods: list[Object]) -> None:
        """Do the next thing about an object, whose pods are `pods`."""
        ...

    def forget_all_but(self, bodies: list[Object]) -> None:
        """Forget objects that are gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """What a player is told."""

    kubeconfig: Path
    """Of an account that may do everything."""
    folder: Path
    """Of the processes and their logs."""
    serving_python: Path
    """The interpreter of model servers."""
    spark_python: Path
    """The interpreter of drivers."""
    spark_programs: Path
    """Folder of what drivers run, as `pegel_spark/jobs` of the image."""
    claims: Mapping[str, Path] = field(default_factory=dict)
    """Folders that stand for persistent volume claims, by name: `pvc://models/delays` is `delays` in that of models."""
    spark_master: str = "local[2]"
    """Master of drivers, in place of the cluster's: executor pods there are none."""


class ClusterPlayer:
    """Plays from `with` until the end of its block, in a thread; then every process of it has ended.

    What a failing API server keeps from it, it does once that answers again. `trouble` says which objects the last look
    failed with, and how; empty if it did not.
    """

    def __init__(self, playing: Playing) -> None:
        """Take what to play with."""
        self._playing = playing
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play, name="cluster player")
        self.trouble = ""

    def __enter__(self) -> Self:
        """Begin."""
        playing = self._playing
        self._api = config.new_client_from_config(str(playing.kubeconfig))
        cluster = ClusterObjects(self._api)
        self._cluster, self._addresses = cluster, ServiceAddresses().__enter__()
        self.node = Node(cluster, playing.folder, playing.claims)
        applications = SparkApplications(cluster, playing.spark_python, playing.spark_programs, playing.spark_master)
        self._controllers: tuple[tuple[ObjectKind, Controller], ...] = (
            (INFERENCE_SERVICE, InferenceServices(cluster, self._addresses, playing.serving_python)),
            (SPARK_APPLICATION, applications),
        )
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        """End, with everything that was started."""
        self._ended.set()
        self._thread.join()
        self.node.stop_all()
        self._addresses.__exit__(*_raised)
        self._api.close()

    def wait(self) -> None:
        """Play until somebody ends it."""
        self._ended.wait()

    def end(self) -> None:
        """Let `wait` return."""
        self._ended.set()

    def _play(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            with self._going_on("the cluster") as said:
                self._look(said)
            self.trouble = "; ".join(said)

    def _look(self, said: list[str]) -> None:
        """Look at every object once. One that is in the way of nobody else says so in `said`."""
        pods = self._cluster.pods()
        for kind, controller in self._controllers:
            bodies = self._cluster.all_of(kind)
            controller.forget_all_but(bodies)
            for body in bodies:
                if not body["metadata"].get("deletionTimestamp"):
                    with self._going_on(name_of(body), said):
                        controller.look(body, [pod for pod in pods if is_owned_by(pod, body)])
        pods = self._cluster.pods()
        self.node.forget_all_but(pods)
        for pod in pods:
            with self._going_on(name_of(pod), said):
                self.node.look(pod)

    @contextmanager
    def _going_on(self, what: str, said: list[str] | None = None) -> Iterator[list[str]]:
        """Go on after a failure, which is said: the server is away, or an object changed meanwhile; one looks again."""
        said = [] if said is None else said
        try:
            yield said
        except (ApiException, HTTPError, OSError, PegelError) as error:
            said.append(f"{what}: {error}")
