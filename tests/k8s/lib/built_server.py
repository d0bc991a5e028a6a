"""Where the built API server is. Its name carries a digest of its sources, so that a change of them builds it anew."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "tests" / "k8s" / "apiserver"
BUILT = ROOT / "build" / "k8s"


def built_server() -> Path:
    """Return the path of the program that `make test-k8s` builds from the sources as they are now."""
    whole = hashlib.sha256()
    for path in sorted(SOURCES.iterdir()):
        whole.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return BUILT / f"apiserver-{whole.hexdigest()[:16]}"


if __name__ == "__main__":
    print(built_server())
