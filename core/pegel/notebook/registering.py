"""A table becomes training data in the feature store: written as every engine reads it, and told what is in it."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pegel.errors import InvalidSpec, NotFound, PermanentError
from pegel.featurestore import LocalFeatureStore, SourceRef
from pegel.featurestore.scratch_folders import scratch_folder
from pegel.notebook import arguments, table_reading
from pegel.notebook.naming import few, place, reason
from pegel.notebook.registered import Registered
from pegel.notebook.training_file import NamedColumns, TrainingFile
from pegel.notebook.training_warnings import warnings_of
from pegel.spec.outside_text import quoted
from pegel.spec.settings import Settings
from pegel.spec.source_reference import LONGEST_STORED, is_stored_name

MOST_VERSION = 999_999_999
"""References write a version with at most nine digits."""


class Outcome(StrEnum):
    """What registering did."""

    NEW = "registered"
    SAME = "the same content stands there already; nothing was changed"
    REPLACED = "registered in place of other content"


@dataclass(frozen=True)
class Registration:
    """What `register` understood and did. `left_out`: columns that are no fields, each with the reason."""

    outcome: Outcome
    data: Registered
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def source(self) -> str:
        """Return what a spec names as `baseline.source`."""
        return str(self.data.ref)

    def __str__(self) -> str:
        """Return everything but the warnings, for people."""
        time = "" if self.data.time is None else f", time_column: {quoted(self.data.time)}"
        lines = [f"{self.source}: {self.outcome}", str(self.data)]
        lines += [f"left out: {few(self.left_out, '; ')}"] if self.left_out else []
        lines.append(f'in a spec: baseline: {{source: "{self.source}"{time}}}')
        return "\n".join(lines)

    __repr__ = __str__


def register(
    table: Any,
    *,
    name: str,
    version: int = 1,
    prediction: Collection[str] = (),
    time: str | None = None,
    label: str | None = None,
    categorical: Collection[str] = (),
    units: Mapping[str, str] | None = None,
    split: str = "train",
    replace: bool = False,
    home: str | Path | None = None,
    progress: table_reading.Progress | None = None,
) -> Registration:
    """Keep a table as training data under a name, for a monitor's `baseline.source`.

    It is written as Parquet, block by block, so files may be larger than memory. The same rows, in the same order, with
    the same arguments change nothing.

    Args:
        table: Any table, as `pegel.profile` takes it.
        name: At most 200 letters, digits, `_`, `-` and `.`; does not begin with `-` or `.`.
        version: Of the training data, 1 to 999,999,999.
        prediction: Columns that the model has predicted; best for rows that it was not trained on.
        time: Column with the time of each row: timestamps, dates, or text by ISO 8601; UTC where it has no zone. Kept
            as microseconds in UTC; a spec names it as `baseline.time_column`.
        label: Column of true outcomes; it is kept beside the fields and not watched.
        categorical: Columns of codes, not of quantities.
        units: Unit per numeric column, for people: `{"delay": "min"}`.
        split: Which part of the training data it is; a name as above.
        replace: Whether other content under the same name, version and split gives way.
        home: Folder of the local system; default `PEGEL_HOME`, else `.pegel` here or in the nearest folder above that
            has one. Its feature store is written to.
        progress: Called now and then with the share of the work that is done, from 0 to 1.

    What will hurt later is warned of: no prediction, fewer rows than judging needs, constant and empty columns, ids.

    Raises:
        PermanentError: If there are no rows or fields, a column that is named is not there, or other content stands
            under the same name, version and split. Nothing is changed then.
        InvalidSpec: If an argument is of another type than stated here.
    """
    ref = _reference(name, version, split)
    columns = NamedColumns(
        arguments.names("prediction", prediction),
        arguments.names("categorical", categorical),
        arguments.units(units),
        arguments.name("time", time),
        arguments.name("label", label),
    )
    root = _features(home)
    stages = table_reading.Stages(progress, 2)
    with (
        _beside(root) as folder,
        table_reading.opened(table, text=columns.categorical, progress=stages.stage(0), scratch=folder) as opened,
    ):
        file = TrainingFile(opened, columns)
        path = folder / "training.parquet"
        file.write(path, stages.stage(1))
        outcome = _keep(LocalFeatureStore(root), ref, file, path, replace=replace)
    warned = tuple(warnings_of(file))
    for warning in warned:
        warnings.warn(warning, stacklevel=2)
    return Registration(outcome, Registered.read(LocalFeatureStore(root), ref), tuple(file.left_out), warned)


def _features(home: str | Path | None) -> Path:
    """Return the root of the feature store. Raises InvalidSpec if the home is no folder."""
    folder = Path(home or Settings().home).resolve()
    if folder.exists() and not folder.is_dir():
        raise InvalidSpec(f"home: expected a folder, given the file {place(folder)}. Nothing was read.")
    return Settings.of_home(folder).features


def _reference(name: Any, version: Any, split: Any) -> SourceRef:
    for argument, text in (("name", name), ("split", split)):
        if not is_stored_name(arguments.text(argument, text)):
            raise InvalidSpec(
                f"{argument}: expected letters, digits, `_`, `-` and `.`, at most {LONGEST_STORED}, the first none of "
                f"`-` and `.`, given {quoted(text)}. Nothing was read."
            )
    if arguments.whole("version", version) > MOST_VERSION:
        raise InvalidSpec(f"version: expected at most {MOST_VERSION:,}, given {quoted(version)}. Nothing was read.")
    return SourceRef(name, int(version), split)


def _keep(store: LocalFeatureStore, ref: SourceRef, file: TrainingFile, path: Path, *, replace: bool) -> Outcome:
    """Register the written file. Raises PermanentError where other content stands there and is not to be replaced."""
    try:
        other = bool(store.differences(ref, path, file.schema, file.covered))
    except NotFound:
        outcome = Outcome.NEW
    else:
        outcome = Outcome.REPLACED if other else Outcome.SAME
    store.register_training_data(
        ref.name, ref.version, path, file.schema, file.covered, split=ref.split, replace=replace
    )
    return outcome


@contextmanager
def _beside(root: Path) -> Iterator[Path]:
    """Yield a folder on the disk of the store, gone afterwards, with what had to be made for it and stayed empty."""
    made = [folder for folder in (root, *root.parents) if not folder.exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
        with scratch_folder(root) as beside:
            yield beside
    except OSError as error:
        raise PermanentError(
            f"expected a place to write to, given {place(root)}: {reason(error)}. Nothing was registered."
        ) from error
    finally:
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
