"""The overlays of `k8s/`, put together as `kubectl apply -k` would."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ("dev", "prod")


def kubectl() -> str:
    """Return the program; `make setup` puts it to the other tools."""
    found = shutil.which("kubectl", path=str(ROOT / ".venvs" / "tools" / "bin")) or shutil.which("kubectl")
    assert found is not None, "kubectl is a locked tool: `make setup` installs it"
    return found


@cache
def rendered(overlay: str) -> list[dict[str, Any]]:
    """Return the objects of an overlay."""
    return put_together(ROOT / "k8s" / "overlays" / overlay)


def put_together(folder: Path) -> list[dict[str, Any]]:
    """Return the objects of a folder that has a kustomization."""
    done = subprocess.run([kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(done.stdout))
