"""Whether what a spec names is there: the model's folder or server, the training data, its fields, the mail server.

And whether these go together: what the model's folder says of the model, the spec, and the training data's columns.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pegel.cli.model_metadata import MOST_NAMES, absent_features, listed_names, of_another_model
from pegel.data.columns import Role, Schema
from pegel.data.keyed_hash import SHORTEST_SECRET, KeyedHash
from pegel.data.metadata_file import ModelMetadata
from pegel.data.private_fields import HASH, PrivateFields
from pegel.data.running_server import problem_of_server
from pegel.errors import PegelError, SetupError
from pegel.featurestore import LocalFeatureStore
from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.featurestore.known_database import KnownDatabase
from pegel.judge.layer import TrainingFacts
from pegel.judge.named_parts import unknown_parts
from pegel.quality.merged_suite import own_suites
from pegel.quality.suite_problems import suite_problems
from pegel.spec.archive_section import Archive
from pegel.spec.given_spec import GivenSpec
from pegel.spec.hopsworks_reference import HopsworksRef, is_hopsworks
from pegel.spec.kafka_security import KafkaSecurity
from pegel.spec.model_files import METADATA_FILE, MODEL_FILE
from pegel.spec.model_roots import local_folder, refuse_model_outside
from pegel.spec.monitor_spec import BaselineSource, Model, MonitorSpec, Watch
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted, shown
from pegel.spec.settings import LOCAL, Settings
from pegel.spec.spec_parts import SpecParts
from pegel.spec.table_reference import JDBC, TableRef, is_table
from pegel.stats.segments import segment_problems

if TYPE_CHECKING:
    from pyarrow import dataset

ANSWERS_WITHIN_S = 3.0
"""A mail server that takes longer to accept a connection is told as away."""


def problems_of(given: GivenSpec, settings: Settings | None) -> list[str]:
    """Return all that is wrong with what a file says, one line a problem; empty if nothing.

    Without `settings`, those of a system that is up, nothing of the world is looked at.
    """
    parts = given.parts
    unknown = [] if parts.watch is None else unknown_parts(parts.watch)
    world = [] if settings is None else world_problems(parts, settings)
    return [*given.problems, *given.located([*unknown, *world])]


def world_problems(parts: SpecParts, settings: Settings) -> list[str]:
    """Return what the system of `settings` lacks of what a spec names, one line a problem; empty if nothing.

    Where models are served by another platform than this machine, the model's folder is that one's to know, and
    training data at an address are the baseline job's.
    """
    problems = _broker_problems(settings)
    problems += [] if parts.model is None else list(_model_problems(parts.model, parts.served_name, settings))
    metadata = None
    if parts.model is not None and not problems and (folder := _folder_here(parts.model, settings)) is not None:
        try:
            metadata = ModelMetadata.read(folder)
        except (OSError, ValueError) as error:
            problems.append(_unreadable_metadata(folder, error))
        else:
            problems += [] if parts.served_name is None else list(of_another_model(metadata, parts.model))
    if parts.baseline is not None and is_hopsworks(parts.baseline.source):
        problems += _hopsworks_problems(parts.baseline, settings)
    elif parts.baseline is not None and is_table(parts.baseline.source):
        problems += _table_problems(parts.baseline, settings)
    elif parts.baseline is not None and not is_elsewhere(parts.baseline, settings):
        problems += _data_problems(parts.baseline, parts.watch, metadata, settings)
    return problems + ([] if parts.archive is None else _secret_problems(parts.archive, settings))


def _secret_problems(archive: Archive, settings: Settings) -> list[str]:
    """Return that nothing can be hashed, one line; empty if it can, or where a cluster keeps the secret."""
    lacks = PrivateFields(archive.private, KeyedHash(settings.secret)).lacks_secret
    if not lacks or settings.job_backend != LOCAL:
        return []
    hashed = ", ".join(shown(name) for name, way in archive.private.items() if way == HASH)
    wanted = f"PEGEL_ENTITY_SECRET with {SHORTEST_SECRET} bytes or more, or drop instead"
    return [f"archive.private: given hash for {hashed}; expected {wanted}"]


def is_elsewhere(baseline: BaselineSource, settings: Settings) -> bool:
    """Say whether training data are where the baseline job alone looks: in Hopsworks, in a table, or at an address."""
    return is_hopsworks(baseline.source) or is_table(baseline.source) or bool(settings.features_address)


def _hopsworks_problems(baseline: BaselineSource, settings: Settings) -> list[str]:
    """Return what is missing to ask Hopsworks, one line; empty if nothing. Its client is only where jobs run.

    The key is Airflow's to hand to a job, by its connection, where the settings name no file with it.
    """
    named = settings.model_copy(update={"hopsworks_key_file": settings.hopsworks_key_file or Path()})
    if settings.hopsworks is None:
        return []
    try:
        HopsworksConnection.of(named, HopsworksRef.parse(baseline.source).project)
    except PegelError as error:
        return [str(error)]
    return []


def _table_problems(baseline: BaselineSource, settings: Settings) -> list[str]:
    """Return that the file of databases, where the settings name one, lacks that of a table; empty if nothing."""
    ref = TableRef.parse(baseline.source)
    if ref.kind != JDBC or settings.databases_file is None:
        return []
    try:
        KnownDatabase.of(ref.owner, settings)
    except SetupError as error:
        return [str(error)]
    return []


def _broker_problems(settings: Settings) -> list[str]:
    """Return what the broker cannot be asked by, as the settings stand, one line; empty if nothing."""
    try:
        KafkaSecurity.of(settings)
    except SetupError as error:
        return [str(error)]
    return []


def mail_problems(parts: SpecParts, settings: Settings) -> list[str]:
    """Return that the mail server does not answer, one line; empty if it does, is not known, or nobody is mailed."""
    if parts.alerts is None or not parts.alerts.emails or settings.smtp is None:
        return []
    host, _, port = settings.smtp.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWERS_WITHIN_S):
            return []
    except (OSError, ValueError, OverflowError) as error:
        why = shown(str(error))
    return [f"alerts.emails: expected a mail server at {shown(settings.smtp)}, where none answers ({why})"]


def training_facts(spec: MonitorSpec, settings: Settings) -> TrainingFacts:
    """Return rows and fields of training data in which `world_problems` finds nothing wrong."""
    store, source = LocalFeatureStore(settings.features), spec.baseline.source
    return TrainingFacts(_dataset(store.read_training_data(source)).count_rows(), store.describe(source))


def _model_problems(model: Model, served_name: str | None, settings: Settings) -> Iterator[str]:
    if _is_served_here(model, settings) and (missing := _missing_folder(_folder_here(model, settings))):
        yield f"model.uri: given {quoted(model.uri)}: expected a folder of this machine; {missing}"
    try:
        refuse_model_outside(model, settings.allowed_models)
    except PegelError as error:
        yield str(error)
        return
    # What a server calls the model is part of every question to it.
    problem = "" if served_name is None else problem_of_server(model, served_name, settings)
    if problem:
        yield problem


def _is_served_here(model: Model, settings: Settings) -> bool:
    return model.uri is not None and settings.serves_on_this_machine


def _folder_here(model: Model, settings: Settings) -> Path | None:
    """Return the folder that is served from this machine; None where another platform serves, or it names none."""
    return local_folder(str(model.uri)) if _is_served_here(model, settings) else None


def _unreadable_metadata(folder: Path, error: Exception) -> str:
    why = (error.strerror or "") if isinstance(error, OSError) else str(error)
    place = shown(str(folder))
    return f"model.uri: {METADATA_FILE} in {place} cannot be read ({shown(why)}); see `pegel model check {place}`"


def _missing_folder(folder: Path | None) -> str:
    """Say what there is instead of a model's folder, with the nearest name beside it; "" if it is one."""
    if folder is None:
        return "this names none"
    try:
        if folder.is_dir():
            return _missing_files(folder)
        if folder.exists():
            return "it is a file"
        siblings = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
    except OSError as error:
        return f"it cannot be looked at ({error.strerror})"
    return f"there is none; {did_you_mean(folder.name, siblings) or 'correct the path'}"


def _missing_files(folder: Path) -> str:
    """Say what a folder lacks of what is served; "" if nothing. Raises OSError when it cannot be looked at."""
    missing = [name for name in (MODEL_FILE, METADATA_FILE) if not (folder / name).exists()]
    if not missing:
        return ""
    how = ", which `pegel model init` writes" if METADATA_FILE in missing else ""
    return f"this one holds no {' and no '.join(missing)}{how}"


def _data_problems(
    baseline: BaselineSource, watch: Watch | None, metadata: ModelMetadata | None, settings: Settings
) -> Iterator[str]:
    source, column = baseline.source, baseline.time_column
    store = LocalFeatureStore(settings.features)
    try:
        schema = store.describe(source)
        columns = _dataset(store.read_training_data(source)).schema.names
    except PegelError as error:
        yield f"baseline.source: {str(error).removeprefix('baseline.source: ')}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{type(error).__name__}: {error}"
        yield f"baseline.source: what is registered as {shown(source)} cannot be read ({shown(what)})"
    else:
        if column is not None and column not in columns:
            yield _no_such("baseline.time_column", column, source, columns)
        if metadata is not None and (absent := absent_features(metadata, columns, source)):
            yield absent
        if watch is not None:
            yield from _field_problems(watch, source, schema)


def _dataset(data: Path) -> dataset.Dataset:
    """Open Parquet data, a file or a folder, whose folders' names may hold columns, too."""
    from pyarrow import dataset  # noqa: PLC0415  a third of a second, which only a system that is up needs

    return dataset.dataset(data, format="parquet", partitioning="hive")


def _field_problems(watch: Watch, source: str, schema: Schema) -> Iterator[str]:
    known = {field.name: field for field in schema.fields}
    wanted = () if watch.features == "all" else watch.features
    unknown = [name for name in wanted if name not in known]
    yield from (_no_such("watch.features", name, source, list(known)) for name in unknown[:MOST_NAMES])
    if len(unknown) > MOST_NAMES:
        yield f"watch.features: and {len(unknown) - MOST_NAMES} more"
    yield from segment_problems(watch.segments, {field.name: field.kind for field in schema.of_role(Role.FEATURE)})
    for suite in own_suites(watch):
        # What is wrong with it whatever the columns are is told already.
        told = {*suite_problems(suite)}
        yield from [line for line in suite_problems(suite, schema) if line not in told][:MOST_NAMES]


def _no_such(path: str, name: str, source: str, known: list[str]) -> str:
    guess = did_you_mean(name, known) or f"there are {listed_names(known)}"
    return f"{path}: given {quoted(name)}: {shown(source)} has no such column; {guess}"
