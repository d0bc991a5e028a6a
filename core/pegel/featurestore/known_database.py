"""Databases that training data are read from: a file names each, with what its driver asks of whoever connects.

::

    [shop]
    url = jdbc:postgresql://db.example.org:5432/shop
    user = pegel
    password = ...
    sslmode = verify-full

A spec names a database and a table of it, `jdbc://shop/public.rows`. So neither address nor password stands in a spec,
an argument or a document, and nobody who writes a spec has a job connect to anything but what stands in the file.
Whoever starts a job puts the file where the job finds it: a Secret that is mounted, or a private file.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pegel.errors import SetupError
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.spec.nearest import did_you_mean, with_stop
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings

OURS = frozenset({"dbtable", "query", "fetchsize"})
"""What a reader of tables sets itself; a file that says it would have another table read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDatabase:
    """How a database is reached. `options`: of its driver, user and password among them: never to be shown."""

    name: str
    url: str
    options: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, name: str, settings: Settings) -> Self:
        """Return the database that the file calls `name`. Raises SetupError, one sentence without what stands there."""
        path = settings.databases_file
        if path is None:
            raise SetupError(
                f"PEGEL_DATABASES_FILE: expected a file that names the database {name}, with url, user and password; "
                f"it is not set. {NO_BASELINE}"
            )
        known = _read(path)
        if name not in known:
            near = did_you_mean(name, known) or f"it names {', '.join(known) or 'none'}"
            raise SetupError(
                f"PEGEL_DATABASES_FILE: {path} names no database {name}; {with_stop(shown(near))} {NO_BASELINE}"
            )
        options = dict(known[name])
        url = options.pop("url", "")
        if not url.startswith("jdbc:"):
            raise SetupError(
                f"PEGEL_DATABASES_FILE: expected `url = jdbc:...` of the database {name} in {path}; given "
                f"{'another one' if url else 'none'}. {NO_BASELINE}"
            )
        if odd := sorted(OURS & options.keys()):
            raise SetupError(
                f"PEGEL_DATABASES_FILE: expected options of a driver in {path}; given {', '.join(odd)} of the database "
                f"{name}, which a source says. {NO_BASELINE}"
            )
        return cls(name=name, url=url, options=options)


def _read(path: Path) -> dict[str, dict[str, str]]:
    # A password may hold `%`, and options of drivers tell upper and lower case apart.
    parser = configparser.RawConfigParser(default_section="", delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = error.strerror or "it is no file"
    except UnicodeDecodeError:
        why = "it is no text"
    except configparser.Error as error:
        # What such an error quotes may be a password.
        line = getattr(error, "lineno", None) or next((at for at, _ in getattr(error, "errors", ())), None)
        why = f"line {line} is neither [NAME] nor `option = value` said once" if line else "it is no list of databases"
    else:
        return {section: dict(parser.items(section)) for section in parser.sections()}
    raise SetupError(f"PEGEL_DATABASES_FILE: {path} cannot be read: {why}. {NO_BASELINE}")
