"""Files and folders that only their owner may read: they hold addresses, passwords and samples of data."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def private_folder(path: Path) -> Path:
    """Make `path` exist and return it. What had to be made of it and its parents has mode 0700."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    return path


def write_json(path: Path, data: Any) -> None:
    """Replace a file at once, so that no reader ever sees a half of it; mode 0600.

    Raises OSError, a full disk for example; then the file is as it was.
    """
    private_folder(path.parent)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            json.dump(data, handle, indent=1)
        scratch.replace(path)
    except OSError:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def overwrite_json(path: Path, data: Any) -> None:
    """Write into the file that is there, where a full disk has no room for a second one.

    A reader may see a half of it, and has to be ready for that. Raises OSError when there is no such file or no room.
    """
    text = json.dumps(data, indent=1).encode()
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(descriptor, text.ljust(os.fstat(descriptor).st_size), 0)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; None when it is absent. Raises ValueError when it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
