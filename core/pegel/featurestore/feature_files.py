"""Files that are there whole or not at all: written beside their place, synced, then renamed into it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

from pegel.featurestore.scratch_folders import PREFIX, scratch_folder, sweep


def write_json(path: Path, data: Any) -> None:
    """Replace `path` by `data` as JSON in one step; a crash leaves the old content or the new one.

    What it leaves beside is swept with a later write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    beside = path.parent / f"{PREFIX}{uuid.uuid4().hex}"
    # Not `mkstemp`, whose files are private: other users' processes read this one as far as the umask allows.
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, sort_keys=True, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Return the JSON in `path`, or None when there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def copy_into(source: Path, target: Path, root: Path) -> None:
    """Copy a file or a folder to `target` below `root`, which appears whole; if it is there, nothing happens."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(root) as work:
        beside = work / target.name
        if source.is_dir():
            shutil.copytree(source, beside)
        else:
            shutil.copyfile(source, beside)
        # Another process may have put the same content there meanwhile; either copy will do.
        if not target.exists():
            beside.rename(target)


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files with their names; hidden files and markers do not count."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if _is_data(file))
    for file in files:
        digest.update(str(file.relative_to(path)).encode() + b"\x00")
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _is_data(file: Path) -> bool:
    return file.is_file() and not file.name.startswith((".", "_"))
