"""`python -m pegel_local.demo.cluster`: the demonstration in a cluster; `make demo-k8s` builds what it needs first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pegel_local.cli.demo import Data, DemoHome, Facts, Keep, show
from pegel_local.demo.cluster.variant import in_cluster

ApiServer = Annotated[Path, typer.Option("--api-server", help="The program that tests/k8s/apiserver is built into.")]
Definitions = Annotated[
    Path,
    typer.Option("--crds", envvar="PEGEL_CRDS", help="Folder of KServe's and the Spark operator's definitions."),
]


def demo_in_cluster(
    api_server: ApiServer,
    crds: Definitions,
    *,
    home: DemoHome = None,
    data: Data = None,
    keep: Keep = False,
    facts: Facts = None,
) -> None:
    """Show every stage, and one more, with objects of a cluster. Exit code 0 only if all of them were observed."""
    show(in_cluster(api_server.resolve(), crds.resolve()), home, data, keep=keep, facts=facts)


if __name__ == "__main__":
    typer.run(demo_in_cluster)
