"""What it means that Spark could not begin to read: the one reader of its failures, whatever was to be read.

A failure of Spark is a chain of Java's exceptions, of which the first says least. What somebody has to set right is
told from what is not there, and from what may work later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from py4j.java_gateway import JavaObject, is_instance_of
from py4j.protocol import Py4JJavaError
from pyspark import SparkContext
from pyspark.errors.exceptions.captured import CapturedException

from pegel.errors import InvalidSpec, NotFound, PegelError, PermanentError, SetupError, Unavailable
from pegel.featurestore.known_database import KnownDatabase
from pegel.featurestore.no_baseline import NO_BASELINE

NOT_THERE = frozenset({"FileNotFoundException", "PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"})
"""What is thrown, and Spark's names of conditions, where there is nothing at an address."""
NO_LIBRARY = frozenset({"UnsupportedFileSystemException", "ClassNotFoundException", "NoClassDefFoundError"})
"""What is thrown where Java lacks what an address takes; an older way of Hadoop to say it is in `_NO_FILE_SYSTEM`."""
NO_RIGHT = frozenset({"AccessControlException", "AccessDeniedException"})
"""What is thrown where a store knows who asks, and refuses."""
NO_SUCH_TYPES = frozenset({"PARQUET_TYPE_ILLEGAL", "PARQUET_TYPE_NOT_SUPPORTED", "PARQUET_TYPE_NOT_RECOGNIZED"})
"""Spark's names of conditions where files hold what it has no type for: asking again helps nobody."""
_NANOSECONDS = "TIMESTAMP(NANOS"
_NO_FILE_SYSTEM = "No FileSystem for scheme"
_DAMAGED = re.compile(r"is not a Parquet file|corrupted file: the footer index is not within the file")
"""What the reader of Parquet says, with the file's address, of one that was cut short or is something else."""
_LONGEST, _LONGEST_FAILURE = 300, 500
_DEEPEST = 20
"""Causes of causes that are looked at; a chain may lead in a circle."""
_ADDED_BY = {each: f"`python -m pegel_local.jars.store_jars {each}` adds it" for each in ("s3a", "postgresql")}
_NO_DRIVER = "No suitable driver"
_REFUSED = ("28", "08004")
"""How states of SQL begin where a database does not let in whoever asks."""
_NO_SUCH = frozenset({"42P01", "42S02", "42X05", "42Y07", "3F000", "3D000", "XJ004"})
"""States of SQL where there is no such table, part of a database or database: PostgreSQL's, the standard's, Derby's."""
_NO_GRANT = frozenset({"42501", "42502", "42503"})
"""And where whoever asks may not read it."""

SparkFailure: TypeAlias = CapturedException | Py4JJavaError


def read_failure(
    failure: SparkFailure, address: str, *, asked_by: str = "baseline.source", database: KnownDatabase | None = None
) -> PegelError:
    """Return what a failure means, in one sentence that begins with what asked for the address.

    SetupError where Java has no library for it or the store refuses whoever asks, NotFound where nothing is there,
    InvalidSpec where its files hold a type that Spark does not have, PermanentError where one of them is no whole file
    of Parquet, and else Unavailable. `database`: the one that was asked; neither its address nor its options are told.
    """
    kinds, states = set(_kinds(failure)), set(_states(failure))
    said, begin = _words(failure, database), f"{asked_by}: Spark could not read {address}"
    if kinds & NO_LIBRARY or _NO_FILE_SYSTEM in said or _NO_DRIVER in said:
        scheme = address if database is None else database.url.removeprefix("jdbc:")
        added = _ADDED_BY.get(scheme.partition(":")[0], "put its archives beside those of pyspark")
        return SetupError(f"{begin}, because it has no library for such an address ({said}): {added}. {NO_BASELINE}")
    if database is not None and any(state.startswith(_REFUSED) for state in states):
        return SetupError(
            f"{begin}, because the database does not let in whoever asks ({said}); see user and password of "
            f"{database.name} in the file PEGEL_DATABASES_FILE. {NO_BASELINE}"
        )
    if kinds & NO_RIGHT or states & _NO_GRANT:
        return SetupError(f"{begin}, because it has no right to read there ({said}). {NO_BASELINE}")
    if kinds & NOT_THERE or states & _NO_SUCH:
        return NotFound(f"{asked_by}: expected training data at {address}; Spark finds none ({said}). {NO_BASELINE}")
    return _wrong_files(failure, kinds, said, begin) or Unavailable(f"{begin} ({said}). {NO_BASELINE}")


def _wrong_files(failure: SparkFailure, kinds: set[str], said: str, begin: str) -> PermanentError | None:
    """Return what it means where the files themselves are the trouble: asking again helps nobody."""
    if damage := damaged_file(failure):
        return PermanentError(f"{begin}, because a file there is damaged: {damage}. {NO_BASELINE}")
    if kinds & NO_SUCH_TYPES:
        helps = ": write its times in microseconds, as pyarrow does with coerce_timestamps='us'"
        shown = f"({said}){helps if _NANOSECONDS in said else ''}"
        return InvalidSpec(f"{begin}, because it has no such type {shown}. {NO_BASELINE}")
    return None


def damaged_file(failure: SparkFailure) -> str:
    """Return which file is damaged and how, in the words of who read it; empty where none is."""
    for each in _chain(failure):
        said = str(each.getMessage() or "").strip().partition("\n")[0]
        if _DAMAGED.search(said):
            return said[:_LONGEST]
    return ""


def failure_words(error: Exception) -> str:
    """Return one line that says what went wrong: of a chain of Java's what Spark has a name for, else the last class.

    What pyspark says of such a chain itself is which of its calls failed, and no more. What a library says there is not
    repeated, nor what has the address of a database: either may hold what nobody is to read.
    """
    if not isinstance(error, Py4JJavaError):
        said = f"{type(error).__name__}: {error}"
    else:
        thrown = list(_chain(error))
        told = (str(each.getMessage() or "").strip() for each in thrown)
        named = next((line for line in told if line.startswith("[") and "jdbc:" not in line.lower()), "")
        said = named or " -> ".join(str(each.getClass().getSimpleName()) for each in thrown)
    return said[:_LONGEST_FAILURE].partition("\n")[0]


def is_not_there(failure: SparkFailure) -> bool:
    """Say whether nothing stands at the address."""
    return bool(NOT_THERE & set(_kinds(failure)))


def _kinds(failure: SparkFailure) -> Iterator[str]:
    """Yield the names of what was thrown, along the chain, and the condition that Spark calls it by, if any."""
    if isinstance(failure, CapturedException):
        yield str(failure.getCondition() or "")
    yield from (str(each.getClass().getSimpleName()) for each in _chain(failure))


def _states(failure: SparkFailure) -> Iterator[str]:
    """Yield what a database calls it, where one was asked."""
    for each in _chain(failure):
        if is_instance_of(SparkContext._gateway, each, "java.sql.SQLException"):  # noqa: SLF001  Python's has no door
            yield str(each.getSQLState())


def _without_secrets(said: str, database: KnownDatabase | None) -> str:
    """Return what was said without what the file of databases says: some drivers repeat their address.

    The longest is taken out first, so that none is left in part because another is a part of it.
    """
    options = () if database is None else (database.url, *database.options.values())
    for option in sorted(filter(None, options), key=len, reverse=True):
        said = said.replace(option, "...")
    return said


def _chain(failure: SparkFailure) -> Iterator[JavaObject]:
    given: Any = failure
    # What pyspark has translated keeps what it translated.
    thrown = given._origin if isinstance(failure, CapturedException) else given.java_exception  # noqa: SLF001
    for _ in range(_DEEPEST):
        if thrown is None:
            return
        yield thrown
        thrown = thrown.getCause()


def _words(failure: SparkFailure, database: KnownDatabase | None) -> str:
    """Return the first line of what was said, with the name of what was thrown where Java threw it.

    It is cut after secrets are taken out: half a password is no more recognized as one.
    """
    if isinstance(failure, CapturedException):
        return _without_secrets(str(failure), database).strip().partition("\n")[0][:_LONGEST]
    thrown: Any = failure.java_exception
    said = _without_secrets(str(thrown.getMessage()), database)
    return f"{thrown.getClass().getSimpleName()}: {said.partition(chr(10))[0][:_LONGEST]}"
