"""The digest of a model's folder: the one that `pegel apply` pins, `pegel_local.backends.model_copy.digest`."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def artefact_digest(folder: Path) -> str:
    """Return the SHA-256 of all files with their names, links followed. Raises OSError."""
    whole = hashlib.sha256()
    paths = [Path(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names]
    for path in sorted(paths):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as source:
            content = hashlib.file_digest(source, "sha256")
        whole.update(f"{name}\0".encode("utf-8", "surrogateescape") + content.digest())
    return whole.hexdigest()
