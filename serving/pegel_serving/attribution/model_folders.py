"""The folder of a model that is to be explained: its own, or a copy of what lies at an address of an object store.

A copy is made when a process of the model begins, and again where the store lists other files by then. What a store
asks of a client stands in the environment, as for any of its clients: `AWS_ACCESS_KEY_ID` and `AWS_ENDPOINT_URL_S3`, or
`GOOGLE_APPLICATION_CREDENTIALS`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from pyarrow import fs

from pegel.errors import PegelError
from pegel.spec.model_roots import local_folder, refuse_model_outside
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel_serving.attribution.unprepared import NO_ARTEFACT, Unprepared
from pegel_serving.model_errors import sentence

STORES: Final = ("s3", "gs")
"""What an address may begin with."""
MOST_BYTES: Final = 4 << 30
"""Of one model's files; what is larger is not copied."""
MOST_FILES: Final = 1_000

Store = Callable[[str], tuple[Any, str]]
"""Returns the file system of an address and the path in it. Raises OSError, ValueError."""


def store_of(uri: str) -> tuple[Any, str]:
    """Return the file system of pyarrow behind an address, and the path in it. Raises OSError, ValueError."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3")
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not endpoint:
        found: tuple[Any, str] = fs.FileSystem.from_uri(uri)
        return found
    server = urlsplit(endpoint)
    return fs.S3FileSystem(endpoint_override=server.netloc, scheme=server.scheme), f"{parts.netloc}{parts.path}"


class ModelFolders:
    """Finds the folders of models. May be asked by any thread."""

    def __init__(self, copies: Path, allowed: tuple[str, ...] | None, store: Store = store_of) -> None:
        """Keep copies below `copies`. `allowed`: the places below which models may lie, None for every place."""
        self._copies, self._allowed, self._store = copies, allowed, store
        self._one_at_a_time: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        """Of each model by itself: a store that is slow with one of them holds up no other."""

    def of(self, spec: MonitorSpec) -> Path:
        """Return the folder of a spec's model. Raises Unprepared."""
        uri = str(spec.model.uri)
        try:
            refuse_model_outside(spec.model, self._allowed)
        except PegelError as error:
            raise Unprepared(NO_ARTEFACT, str(error)) from error
        folder = local_folder(uri)
        if folder is not None:
            return folder
        if urlsplit(uri).scheme not in STORES:
            known = " or ".join(f"{name}://" for name in STORES)
            raise Unprepared(
                NO_ARTEFACT, f"expected the model in a folder that the worker sees, or at {known}; given {shown(uri)}"
            )
        with self._one_at_a_time[spec.endpoint]:
            try:
                return self._copied(uri, self._copies / spec.endpoint)
            except (OSError, ValueError) as error:
                raise Unprepared(NO_ARTEFACT, f"{shown(uri)} cannot be copied: {sentence(error)}") from error

    def _copied(self, uri: str, place: Path) -> Path:
        store, path = self._store(uri)
        files = [one for one in store.get_file_info(fs.FileSelector(path, recursive=True)) if one.is_file]
        names = [PurePosixPath(one.path).relative_to(path) for one in files]
        _refuse_odd(uri, files, names)
        listed = repr([(str(name), one.size, one.mtime_ns) for name, one in zip(names, files, strict=True)])
        known = place / hashlib.sha256(f"{uri}\n{listed}".encode()).hexdigest()
        if known.is_dir():
            return known
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = list(place.iterdir())
        made = Path(tempfile.mkdtemp(dir=place))
        try:
            fs.copy_files(path, str(made), source_filesystem=store, destination_filesystem=fs.LocalFileSystem())
            made.rename(known)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        for each in before:
            shutil.rmtree(each, ignore_errors=True)
        return known


def _refuse_odd(uri: str, files: Sequence[Any], names: Sequence[PurePosixPath]) -> None:
    """Raise ValueError for what is no model: nothing, too much, and names that would lead out of a folder."""
    size = sum(int(one.size) for one in files)
    if not files:
        raise FileNotFoundError(f"nothing lies at {shown(uri)}")
    if len(files) > MOST_FILES or size > MOST_BYTES:
        raise ValueError(
            f"expected at most {MOST_FILES:,} files of {MOST_BYTES >> 30} GiB, given {len(files):,} of {size:,} bytes"
        )
    if odd := [name for name in names if ".." in name.parts or name.is_absolute()]:
        raise ValueError(f"expected names of files below it, given {shown(str(odd[0]))}")
