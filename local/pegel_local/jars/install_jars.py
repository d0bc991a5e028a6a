"""Installs the pinned Java archives, every byte verified: `python -m pegel_local.jars.install_jars`.

The coordinates and SHA-256 sums stand in `requirements/jars.lock`; a stamp of that text makes repeats free.
"""

from __future__ import annotations

import errno
import shutil
import sys
import tempfile
from pathlib import Path

import platformdirs
from filelock import FileLock

from pegel.errors import PegelError, SetupError
from pegel_local.jars.ivy import fetch, find_ivy
from pegel_local.jars.jars_lock import Jar, read_lock, verify
from pegel_local.machine import paths


def install(name: str, jars: tuple[Jar, ...], folder: Path, *, ivy: Path, cache: Path) -> bool:
    """Make `folder` hold exactly these archives. Return whether anything had to be fetched.

    The folder appears at once and whole: a set-up that was interrupted leaves no half-filled one behind. Two
    processes may call it at the same time; the second waits. Raises SetupError.
    """
    if is_installed(jars, folder):
        return False
    try:
        cache.mkdir(parents=True, exist_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Ivy's cache is shared by every checkout of this user and is not safe for two writers.
        with FileLock(cache / "lock"):
            if is_installed(jars, folder):
                return False
            _fetch(name, jars, folder, ivy=ivy, cache=cache)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SetupError(f"the disk is full: {folder.parent} cannot take the {name} jars. Free 100 MB.") from error
        raise SetupError(f"the {name} jars cannot be stored below {folder.parent}: {error}.") from error
    return True


def is_installed(jars: tuple[Jar, ...], folder: Path) -> bool:
    """Say whether `folder` was completed for exactly these archives and none was removed since."""
    stamp = folder / "stamp"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != _stamp(jars):
        return False
    return all((folder / jar.file).exists() for jar in jars)


def _stamp(jars: tuple[Jar, ...]) -> str:
    return "\n".join(f"{jar.group}:{jar.artifact}:{jar.version} {jar.sha256}" for jar in jars) + "\n"


def _fetch(name: str, jars: tuple[Jar, ...], folder: Path, *, ivy: Path, cache: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as scratch:
        wanted = Path(scratch) / "jars"
        wanted.mkdir()
        fetch(name, jars, ivy=ivy, cache=cache / "files", target=wanted)
        try:
            verify(jars, wanted)
        except SetupError:
            # What was fetched is not what was pinned: the next run must not meet the same bytes in the cache.
            shutil.rmtree(cache / "files", ignore_errors=True)
            raise
        (wanted / "stamp").write_text(_stamp(jars), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        wanted.rename(folder)


def install_all(checkout: paths.Checkout) -> list[str]:
    """Install every group of the lock into its folder. Return the names of those that had to be fetched."""
    groups = read_lock(checkout.jars_lock.read_text(encoding="utf-8"))
    missing = {name: jars for name, jars in groups.items() if not is_installed(jars, checkout.jars(name))}
    if not missing:
        return []
    ivy = find_ivy(checkout)
    cache = platformdirs.user_cache_path("pegel") / "ivy"
    return [name for name, jars in missing.items() if install(name, jars, checkout.jars(name), ivy=ivy, cache=cache)]


def main() -> int:
    """Install what is missing; say so in one line. Return the exit code."""
    try:
        fetched = install_all(paths.checkout())
    except PegelError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command speaks on its streams
        return 1
    sentence = f"fetched and verified {', '.join(fetched)}" if fetched else "up to date"
    print(f"jars: {sentence}")  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
