"""`pegel manifests FOLDER`: the objects of an installation in a cluster, for `kubectl apply -k`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.errors import SetupError
from pegel.manifests.installation import installation
from pegel.manifests.yaml_text import yaml_text
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.outside_text import quoted

HEAD = "# Written by `pegel manifests`; change the settings PEGEL_CLUSTER_*, or an overlay.\n"

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="Such as k8s/ of this tree, or a copy of it.")]


def manifests(folder: FolderArgument) -> None:
    """Write the objects of an installation in a cluster, as `PEGEL_CLUSTER_*` say: files below FOLDER."""
    files = installation(ClusterSettings.of_environment())
    for name, objects in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(HEAD + yaml_text(objects), encoding="utf-8")
        except OSError as error:
            raise SetupError(
                f"expected to write {quoted(str(path))}; given: {error.strerror}. What was written before it stays."
            ) from error
    say(f"{sum(map(len, files.values()))} objects in {len(files)} files below {folder}")
