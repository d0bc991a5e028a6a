"""The copies of model folders that one endpoint serves, each under the digest of what it holds."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from pegel.errors import SetupError
from pegel.spec.model_roots import local_folder
from pegel.spec.outside_text import shown
from pegel_local.backends import model_copy
from pegel_local.processes.private_files import read_json, write_json

COPY, LOOK = "model-", "look-"
"""Before the digest: a copy, and what the last look at its folder saw."""


class ServedCopies:
    """Keeps copies below the folder of one endpoint."""

    def __init__(self, folder: Path) -> None:
        """Use the endpoint's folder; it is made with the first copy."""
        self._folder = folder

    def place(self, digest: str | None) -> Path:
        """Return where the copy of this digest is, or would be."""
        return self._folder / f"{COPY}{digest}"

    def take(self, uri: str, digest: str | None) -> str:
        """Return the digest of a copy that is there now: `digest`, or without one that of the folder `uri`.

        Where there is a copy of `digest`, the folder is not looked at. Raises SetupError for a folder that is not on
        this machine, holds something else than `digest`, cannot be read, or has no room for its copy.
        """
        if digest is not None and self.place(digest).exists():
            return digest
        folder = model_folder(uri)
        # Before its content is read: what is written meanwhile is seen by the next look.
        signature = model_copy.signature(folder)
        expected = digest or model_copy.digest(folder)
        if not self.place(expected).exists():
            model_copy.copy(folder, self.place(expected), expected)
        self._remember(folder, expected, signature, same=True)
        return expected

    def note(self, uri: str, digest: str) -> str:
        """Say whether the folder holds something else than the copy of `digest`; "" if not.

        Its files are read only where names, sizes or times are others than at the last look.
        """
        try:
            same = self._is_same(model_folder(uri), digest)
        except (SetupError, OSError):
            return "the folder is no longer what was taken into service, of which a copy is served"
        return "" if same else "the folder has changed since it was taken into service: `pegel apply` takes it up"

    def clear(self, *, but: str | None) -> None:
        """Remove whatever the endpoint's folder holds, but for the copy of one digest."""
        for path in self._folder.glob("*"):
            if path not in {self.place(but), self._look(but)}:
                _remove(path)

    def sweep(self, needed: Collection[str | None]) -> None:
        """Remove the copies of all other digests."""
        kept = {path for digest in needed for path in (self.place(digest), self._look(digest))}
        for path in {*self._folder.glob(f"{COPY}*"), *self._folder.glob(f"{LOOK}*")} - kept:
            _remove(path)

    def _is_same(self, folder: Path, digest: str) -> bool:
        signature, seen = model_copy.signature(folder), self._seen(digest)
        if (seen.get("folder"), seen.get("signature")) == (str(folder), signature):
            return bool(seen.get("same"))
        same = model_copy.digest(folder) == digest
        self._remember(folder, digest, signature, same=same)
        return same

    def _remember(self, folder: Path, digest: str, signature: str, *, same: bool) -> None:
        # A full disk takes no file; then the next look reads the folder again.
        with suppress(OSError):
            write_json(self._look(digest), {"folder": str(folder), "signature": signature, "same": same})

    def _seen(self, digest: str) -> dict[str, Any]:
        """Return what the last look at the folder of a copy saw; nothing where that cannot be read."""
        try:
            seen = read_json(self._look(digest))
        except (OSError, ValueError):
            return {}
        return seen if isinstance(seen, dict) else {}

    def _look(self, digest: str | None) -> Path:
        return self._folder / f"{LOOK}{digest}"


def model_folder(uri: str) -> Path:
    """Return the folder that a `file://` address or a path names. Raises SetupError if it is not on this machine."""
    folder = local_folder(uri)
    if folder is None or not folder.is_dir():
        raise SetupError(
            f"the local serving backend needs a folder of this machine as model.uri, e.g. file:///models/delays; "
            f"given: {shown(uri)}. No endpoint was started."
        )
    return folder


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
