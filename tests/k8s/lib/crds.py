"""An API server that knows the objects of KServe, the Spark operator and Strimzi."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from api_server import ApiServer
from kubernetes import config

from pegel_local.cluster_player.definitions import install


def filled_server(program: Path, files: list[Path], cache: Path, folder: Path) -> ApiServer:
    """Return a running server over `folder`, which knows the definitions in the files.

    The folder begins as a copy of one in `cache`, of the same program and files, that was filled once: a start from it
    takes seconds.
    """
    filled = cache / f"filled-{_digest([program, *files])}"
    if not filled.exists():
        _fill(program, files, filled)
    shutil.copytree(filled, folder)
    server = ApiServer(program, folder)
    # Two runs at the same time would want the same port.
    server.kubeconfig.unlink()
    server.start()
    return server


def _fill(program: Path, files: list[Path], filled: Path) -> None:
    """Fill a server with definitions, and keep its folder as `filled`."""
    filled.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pegel-k8s-") as scratch:
        server = ApiServer(program, Path(scratch) / "state")
        server.start()
        try:
            with config.new_client_from_config(str(server.kubeconfig)) as admin:
                install(admin, files)
        finally:
            server.kill()
        _keep(server.folder, filled)


def _keep(state: Path, filled: Path) -> None:
    """Keep a server's folder under a name that appears whole; another run may have been faster."""
    beside = Path(tempfile.mkdtemp(prefix="filling-", dir=filled.parent))
    shutil.copytree(state, beside, ignore=shutil.ignore_patterns("*.socket", "log"), dirs_exist_ok=True)
    try:
        beside.rename(filled)
    except OSError:
        shutil.rmtree(beside)


def _digest(files: Iterable[Path]) -> str:
    """Return a name for the content of files."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(os.fsencode(file.name) + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:16]
