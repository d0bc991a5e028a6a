"""The API server of `tests/k8s/apiserver` as a process that a test may kill and start again."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml


@dataclass
class ApiServer:
    """One server over one folder: what it keeps is there again after `kill` and `start`, at the same address."""

    program: Path
    folder: Path
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig; there once the server has answered for the first time."""
        return self.folder / "kubeconfig"

    @property
    def log(self) -> Path:
        """Return what the server says."""
        return self.folder / "log"

    def start(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError with the end of its log when it ends instead."""
        command = [str(self.program), "--state", str(self.folder), "--port", str(self._port()), "--end-with-input"]
        self.folder.mkdir(exist_ok=True)
        with self.log.open("a") as log:
            # Its input is a pipe of ours: when this process ends, however that happens, the server ends with it.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            self.kill()
            tail = "\n".join(self.log.read_text().splitlines()[-5:])
            raise RuntimeError(f"expected the API server to say that it is ready; it ended, and its log with:\n{tail}")

    def kill(self) -> None:
        """End it at once: asked to end, it would wait a minute for those who watch."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _port(self) -> int:
        """Return the port of the last time; 0, which is any, before the first."""
        if not self.kubeconfig.exists():
            return 0
        cluster = yaml.safe_load(self.kubeconfig.read_text())["clusters"][0]["cluster"]
        return int(urlsplit(cluster["server"]).port or 0)
