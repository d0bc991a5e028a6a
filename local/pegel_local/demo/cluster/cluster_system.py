"""A local system whose endpoints and drivers are objects of a cluster: an API server without nodes, and a player."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from kubernetes import config
from kubernetes.client import ApiClient

from pegel.spec.cluster_settings import PREFIX, ClusterSettings
from pegel.spec.settings import Settings
from pegel_local.airflow.airflow_services import Airflow
from pegel_local.cluster_player import definitions
from pegel_local.demo.cluster import cluster_contents
from pegel_local.demo.cluster.listing import Kubectl
from pegel_local.machine.paths import Checkout, Home
from pegel_local.processes import process_control
from pegel_local.processes.service import Service
from pegel_local.system.parts import Parts
from pegel_local.system.stack import Stack

JOB_KEPT = timedelta(seconds=20)
CLAIM = "models"
"""The persistent volume claim in which the model lies."""


@dataclass(frozen=True, slots=True)
class ClusterFiles:
    """What makes an API server."""

    program: Path
    """The API server, as `tests/k8s/apiserver` builds it."""
    definitions: Path
    """Folder of the custom resource definitions."""


@dataclass(frozen=True, slots=True)
class ClusterParts(Parts):
    """The parts of a local system, with a cluster in place of endpoints and drivers of this machine."""

    files: ClusterFiles

    @property
    def folder(self) -> Path:
        """Return where everything of the API server is."""
        return self.home.folder("cluster")

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def airflow_kubeconfig(self) -> Path:
        """Return that of Airflow's account, which may do what Pegel does and no more."""
        return self.folder / "airflow.kubeconfig"

    def settings(self) -> Settings:
        """Return the settings of a local system with the two that lead to a cluster."""
        local = Parts.settings(self)
        chosen = {
            "serving_backend": "kserve",
            "job_backend": "kubernetes",
            "database_url": f"sqlite:///{self.home.path / 'pegel.db'}",
            "feature_store": str(self.home.path / "features"),
        }
        return local.model_copy(update=chosen)

    def further_commands(self) -> dict[str, str]:
        """Return the command that lists what Pegel made, with an administrator's kubeconfig."""
        kubectl = f"{self.kubectl().program} --kubeconfig {self.kubeconfig}"
        return {"cluster": f"{kubectl} get inferenceservices,sparkapplications,pods -A"}

    def cluster(self) -> ClusterSettings:
        """Return what the objects are made of: the defaults, but that jobs which have ended go soon."""
        return ClusterSettings(logger_url=self.settings().logger_url, job_kept=JOB_KEPT)

    def airflow(self) -> Airflow:
        """Return the Airflow, with a connection to the cluster."""
        local = Parts.airflow(self)
        settings = self.cluster()
        cluster = {
            f"{PREFIX}LOGGER_URL": str(settings.logger_url),
            f"{PREFIX}JOB_KEPT": f"{settings.job_kept.total_seconds():g}s",
        }
        extra = {"kube_config_path": str(self.airflow_kubeconfig), "namespace": settings.namespace}
        connections = {"kubernetes_default": {"conn_type": "kubernetes", "extra": extra}}
        return replace(local, pegel=local.pegel | cluster, connections=connections)

    def api_server(self) -> Service:
        """Return the API server; its kubeconfig is written once it answers."""
        return Service(
            name="API server",
            command=(str(self.files.program), "--state", str(self.folder), "--port", str(self.ports["cluster"])),
            log=self.home.log("api-server"),
            environment=process_control.scrubbed(os.environ),
            healthy=self.kubeconfig.exists,
            within_s=120.0,
        )

    def player(self) -> Service:
        """Return the player, whose containers stand below `pods` of the home."""
        pods = self.home.folder("pods")
        options = {
            "--kubeconfig": self.kubeconfig,
            "--folder": pods,
            "--serving-python": self.checkout.python("serving"),
            "--spark-python": self.checkout.python("spark"),
            "--spark-programs": self.checkout.root / "spark" / "pegel_spark" / "jobs",
            "--claim": f"{CLAIM}={self.home.path}",
        }
        words = (str(part) for option in options.items() for part in option)
        return Service(
            name="player",
            command=(str(self.checkout.python("serving")), "-m", "pegel_local.cluster_player", *words),
            log=self.home.log("player"),
            environment=process_control.scrubbed(os.environ),
            healthy=lambda: True,
        )

    def kubectl(self) -> Kubectl:
        """Return kubectl in an administrator's hands."""
        return Kubectl(
            self.checkout.root / ".venvs" / "tools" / "bin" / "kubectl", self.kubeconfig, self.folder / "cache"
        )

    def admin(self) -> ApiClient:
        """Return a client that may do everything."""
        return config.new_client_from_config(str(self.kubeconfig))


class ClusterStack(Stack):
    """A local system, the API server and the player included."""

    purposes = (*Stack.purposes, "cluster")

    def __init__(self, home: Path, checkout: Checkout, files: ClusterFiles) -> None:
        """Name the home, and what makes an API server."""
        super().__init__(home, checkout)
        self._files = files

    def _parts(self, chosen: dict[str, int]) -> ClusterParts:
        return ClusterParts(Home(self.home.path), self._checkout, chosen, self._files)

    def _further_work(self, parts: Parts) -> dict[str, Callable[[], None]]:
        assert isinstance(parts, ClusterParts)  # noqa: S101 - by `_parts`
        return {"cluster": lambda: self._start_cluster(parts)}

    def _start_cluster(self, parts: ClusterParts) -> None:
        """Start the API server, put into it what an installation does, then start the player."""
        self._start(parts.api_server())
        with parts.admin() as admin:
            definitions.install(admin, sorted(parts.files.definitions.glob("*.yaml")))
            database = parts.settings().database
            cluster_contents.fill(admin, parts.cluster(), database_url=database, kubeconfig=parts.airflow_kubeconfig)
        self._start(parts.player())
