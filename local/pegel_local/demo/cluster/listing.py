"""What kubectl lists of a cluster: objects of every kind that there is, in every namespace."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from pegel_local.demo.failure import StageFailed

COLUMNS = "custom-columns=:.metadata.namespace,:.kind,:.metadata.name"


@dataclass(frozen=True, slots=True)
class Kubectl:
    """The program, and whom it asks."""

    program: Path
    kubeconfig: Path
    cache: Path
    """Folder for what it remembers of the server's kinds."""

    def labelled(self, selector: str) -> list[str]:
        """Return namespace, kind and name of every object with the labels of a selector, one a line."""
        kinds = self._said("api-resources", "--verbs=list", "--output=name")
        # Events of objects that are gone stay for an hour, and have no labels.
        asked = ",".join(kind for kind in kinds if not kind.startswith("events"))
        return self._said("get", asked, "-A", f"--selector={selector}", f"--output={COLUMNS}", "--no-headers")

    def pods(self) -> list[str]:
        """Return every pod, in the same form."""
        return self._said("get", "pods", "-A", f"--output={COLUMNS}", "--no-headers")

    def _said(self, *words: str) -> list[str]:
        """Return the lines of an answer, two spaces between words, without empty ones. Raises StageFailed."""
        options = [f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.cache}"]
        done = subprocess.run([self.program, *options, *words], check=False, capture_output=True, text=True)
        if done.returncode:
            raise StageFailed(expected=f"kubectl {words[0]} answers", happened=done.stderr.strip())
        return ["  ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]
