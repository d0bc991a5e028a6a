"""Adds the pinned Java archives of an object store or a database: `python -m pegel_local.jars.store_jars s3a`.

PySpark's wheel has the libraries of no object store, and of no database but Derby. Coordinates and SHA-256 sums stand
in `requirements/store-jars.lock`. The archives go beside those of this interpreter's pyspark, where drivers and
executors find them whoever starts them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from pegel.errors import PegelError, SetupError
from pegel_local.jars.ivy import fetch
from pegel_local.jars.jars_lock import read_lock, verify

LOCK = Path(__file__).resolve().parents[3] / "requirements" / "store-jars.lock"


def add(store: str, target: Path, *, lock: Path = LOCK) -> int:
    """Put the archives of `store` into `target`, a folder that holds pyspark's; return how many.

    Nothing is put there unless each is the pinned one. Raises SetupError.
    """
    groups = read_lock(lock.read_text(encoding="utf-8"))
    if store not in groups:
        raise SetupError(f"expected one of {', '.join(sorted(groups))}; given {store!r}. Nothing was added.")
    jars = groups[store]
    ivy = next(iter(sorted(target.glob("ivy-*.jar"))), None)
    if ivy is None:
        raise SetupError(f"expected pyspark's archives, Ivy among them, in {target}. Nothing was added.")
    with tempfile.TemporaryDirectory(prefix="pegel-jars-") as scratch:
        delivered = Path(scratch) / "jars"
        delivered.mkdir()
        fetch(store, jars, ivy=ivy, cache=Path(scratch) / "cache", target=delivered)
        verify(jars, delivered)
        for jar in jars:
            shutil.copyfile(delivered / jar.file, target / jar.file)
    return len(jars)


def pyspark_jars() -> Path:
    """Return the folder of the archives that this interpreter's pyspark ships. Raises SetupError without pyspark."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise SetupError("expected an interpreter with pyspark; this one has none. Nothing was added.")
    return Path(spec.origin).parent / "jars"


def main(arguments: Sequence[str]) -> int:
    """Add the archives of the stores that are named; say how many. Return the exit code."""
    try:
        for store in arguments:
            print(f"{store}: {add(store, pyspark_jars())} archives")  # noqa: T201 - a command speaks on its streams
    except PegelError as error:
        print(error, file=sys.stderr)  # noqa: T201 - as above
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
