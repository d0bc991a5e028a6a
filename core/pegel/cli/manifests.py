"""`pegel manifests FOLDER`: the objects of an installation in a cluster, for `kubectl apply -k`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.errors import SetupError
from pegel.manifests.by_hand import NAMED, renamed
from pegel.manifests.installation import installation
from pegel.manifests.yaml_text import yaml_text
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.outside_text import quoted

HEAD = "# Written by `pegel manifests`; change the settings PEGEL_CLUSTER_*, or an overlay.\n"

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="Such as k8s/ of this tree, or a copy of it.")]


def manifests(folder: FolderArgument) -> None:
    """Write the objects of an installation in a cluster, as `PEGEL_CLUSTER_*` say: files below FOLDER.

    Files there that are written by hand get the names of namespace and broker, and stay otherwise as they are.
    """
    cluster = ClusterSettings.of_environment()
    files = installation(cluster)
    for name, objects in files.items():
        _write(folder / name, HEAD + yaml_text(objects))
    changed = [name for name in NAMED if _rename(folder / name, cluster)]
    say(f"{sum(map(len, files.values()))} objects in {len(files)} files below {folder}")
    if changed:
        say(f"names changed in {', '.join(changed)}")


def _rename(path: Path, cluster: ClusterSettings) -> bool:
    """Put the names of these settings into a file that is written by hand; say whether that changed it."""
    if not path.is_file():
        return False
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"expected to read {quoted(str(path))}; given: {error}. What was written before it stays."
        ) from error
    wanted = renamed(text, cluster)
    if wanted == text:
        return False
    _write(path, wanted)
    return True


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetupError(
            f"expected to write {quoted(str(path))}; given: {error.strerror}. What was written before it stays."
        ) from error
