"""What is here: room and write access for archive, home and database, versions, and settings that contradict others."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pegel.cli.version import installed, version_line
from pegel.data.keyed_hash import KeyedHash
from pegel.data.private_fields import PrivateFields
from pegel.errors import InvalidSpec, PegelError
from pegel.retention.keeping import Keeping
from pegel.spec.kafka_security import KafkaSecurity
from pegel.spec.model_roots import refuse_models_outside
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import KSERVE, KUBERNETES, LOCAL, Settings
from pegel.store.database import connect
from pegel.store.database_file import database_file, refuse_missing
from pegel.store.registry import Registry
from pegel_local.doctor.diagnosis import Diagnosis, bad, ok, warning

LEAST_FREE = 1 << 30
"""Bytes below which a disk is told: an hour of a busy archive."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PYTHONS = ((3, 11), (3, 14))
"""From the first inclusive to the second exclusive, as the packages state."""


def archive(settings: Settings) -> Iterator[Diagnosis]:
    """Look at whether the archive takes a file, which is made and removed."""
    root = settings.archive_root
    if "://" in root and not root.startswith("file://"):
        yield warning("archive", f"{root} is an address that jobs of Spark write to; it was not looked at from here")
        return
    folder = Path(root.removeprefix("file://"))
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield bad(
            "archive", f"{there} takes no file: {error.strerror or error}", f"make {folder} writable for this account"
        )
        return
    yield ok("archive", f"{folder} takes files" if there == folder else f"{folder} is not there yet, and can be made")


def disk(settings: Settings) -> Iterator[Diagnosis]:
    """Look at how much room is left where things grow, once for each disk."""
    file = database_file(settings.database)
    places = {"home": settings.home, "archive": Path(settings.archive_root.removeprefix("file://"))}
    if file is not None:
        places["the results database"] = file
    seen = set[int]()
    for name, place in places.items():
        if "://" in str(place) or str(place).startswith(("s3:", "s3a:", "gs:", "abfss:")):
            continue
        there = next(each for each in (place.resolve(), *place.resolve().parents) if each.exists())
        if there.stat().st_dev in seen:
            continue
        seen.add(there.stat().st_dev)
        free = shutil.disk_usage(there).free
        sentence = f"{free / (1 << 30):.1f} GiB are free for {name}, below {there}"
        remedy = "make room: pegel housekeeping --dry-run says what may go"
        yield ok("disk", sentence) if free >= LEAST_FREE else bad("disk", sentence, remedy)


def versions(_settings: Settings) -> Iterator[Diagnosis]:
    """Look at whether the packages of Pegel here are of one version, and Python one that they support."""
    if len(set(installed().values())) > 1:
        told = f"packages of several versions are installed: {version_line()}"
        yield bad("versions", told, "install all of one version")
    else:
        yield ok("versions", version_line())
    if not PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        yield bad("versions", f"Python {platform.python_version()} is not supported", "install 3.11, 3.12 or 3.13")


def settings_agree(settings: Settings) -> Iterator[Diagnosis]:
    """Look at settings that cannot hold together, and at what watched models ask of them."""
    found = [*_cluster(settings), *_readable(settings), *_asked(settings)]
    yield from found or [ok("settings", "none of them contradicts another, or what a watched model asks for")]


def _cluster(settings: Settings) -> Iterator[Diagnosis]:
    """Return what a pod could not reach."""
    elsewhere = settings.job_backend == KUBERNETES or settings.serving_backend == KSERVE
    if not elsewhere:
        return
    backend = "PEGEL_JOB_BACKEND=kubernetes" if settings.job_backend == KUBERNETES else "PEGEL_SERVING_BACKEND=kserve"
    if database_file(settings.database) is not None and settings.job_backend == KUBERNETES:
        yield bad(
            "settings",
            f"{backend} with a results database in a file, which no pod can open",
            "set PEGEL_DATABASE_URL to PostgreSQL",
        )
    if settings.job_backend == KUBERNETES and any(_is_here(each) for each in settings.kafka.split(",")):
        yield bad(
            "settings",
            f"{backend} with PEGEL_KAFKA={settings.kafka}, which is the pod itself in a pod",
            "name the broker as pods reach it",
        )
    if settings.serving_backend == KSERVE and _is_here(urlsplit(settings.logger_url).netloc):
        yield bad(
            "settings",
            f"{backend} with PEGEL_LOGGER_URL={settings.logger_url}, which is the pod itself in a pod",
            "name the logger as pods reach it",
        )
    if settings.job_backend == KUBERNETES and "://" not in settings.archive_root:
        yield bad(
            "settings",
            f"{backend} with the archive in {settings.archive_root}, a folder of this machine",
            "set PEGEL_ARCHIVE to an address such as s3a://bucket/archive",
        )


def _is_here(address: str) -> bool:
    return address.strip().rpartition(":")[0] in LOOPBACK


def _readable(settings: Settings) -> Iterator[Diagnosis]:
    """Return what a process would refuse at its start."""
    for name, read in (
        ("PEGEL_KEEP", lambda: Keeping.parse(settings.keep)),
        ("Kafka", lambda: KafkaSecurity.of(settings)),
    ):
        try:
            read()
        except PegelError as error:
            yield bad("settings", " ".join(str(error).splitlines()), f"correct what {name} is set to")


def _asked(settings: Settings) -> Iterator[Diagnosis]:
    """Return what watched models ask for and the settings do not give."""
    for spec in _specs(settings):
        try:
            refuse_models_outside(spec, settings.allowed_models)
        except InvalidSpec as error:
            yield bad("settings", f"{spec.key}: {error}", "add its place to PEGEL_MODEL_ROOTS, or offboard it")
        private = PrivateFields(spec.archive.private, KeyedHash(settings.secret))
        if private.lacks_secret and settings.job_backend == LOCAL:
            yield bad("settings", f"{spec.key} hashes private fields, and no secret is set", "set PEGEL_ENTITY_SECRET")
        if not spec.alerts.emails:
            yield warning(
                "settings", f"{spec.key} mails nobody: alerts.emails of its spec is empty", "pegel apply FILE"
            )


def _specs(settings: Settings) -> list[MonitorSpec]:
    try:
        refuse_missing(settings.database)
        engine = connect(settings.database)
        try:
            return Registry(engine).list()
        finally:
            engine.dispose()
    except PegelError:
        return []  # the check of the database tells it
