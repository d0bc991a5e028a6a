"""The lock of Java archives: coordinates and SHA-256 sums, read and verified."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pegel.errors import SetupError


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned archive: Maven coordinate and SHA-256 as 64 hex digits."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(text: str) -> dict[str, tuple[Jar, ...]]:
    """Return the archives of each `[group]` of the lock's text. Raises SetupError naming a line that cannot be read."""
    groups: dict[str, list[Jar]] = {}
    current: list[Jar] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.startswith("["):
            current = groups.setdefault(stripped.strip("[]"), [])
            continue
        jar = _read_line(stripped)
        if jar is None or current is None:
            raise SetupError(f"jars.lock line {number} is not `group:artifact:version sha256`: {stripped!r}.")
        current.append(jar)
    return {name: tuple(jars) for name, jars in groups.items()}


def _read_line(line: str) -> Jar | None:
    coordinate, _, digest = line.partition(" ")
    parts = coordinate.split(":")
    if len(parts) != 3 or len(digest) != 64:  # noqa: PLR2004 - a coordinate has three parts, SHA-256 64 digits
        return None
    group, artifact, version = parts
    return Jar(group, artifact, version, digest)


def verify(jars: tuple[Jar, ...], folder: Path) -> None:
    """Compare every file with its pinned sum. Raises SetupError naming the first that is absent or differs."""
    for jar in jars:
        path = folder / jar.file
        if not path.exists():
            raise SetupError(f"{jar.file} was not delivered. Nothing was installed; run `make setup` again.")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != jar.sha256:
            raise SetupError(
                f"{jar.file} is not the pinned file: expected SHA-256 {jar.sha256}, got {digest}. "
                f"Nothing was installed. A mirror or a damaged cache may have changed it."
            )
