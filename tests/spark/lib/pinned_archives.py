"""Java archives of a store as an image has them: pinned, in a folder beside pyspark's."""

from __future__ import annotations

import shutil
from pathlib import Path

from pegel_local.jars.store_jars import add, pyspark_jars


def pinned_archives(store: str, folder: Path) -> Path:
    """Put the archives of a store, as `pegel_local.jars.store_jars` names it, into a new folder, and return that."""
    folder.mkdir()
    (ivy,) = pyspark_jars().glob("ivy-*.jar")
    shutil.copy(ivy, folder)
    add(store, folder)
    (folder / ivy.name).unlink()
    return folder
