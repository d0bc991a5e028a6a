"""`python -m pegel_local.cluster_player --kubeconfig FILE --folder FOLDER ...`: plays until it is asked to end."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from pegel_local.cluster_player.player import ClusterPlayer, Playing


def main(arguments: list[str] | None = None) -> int:
    """Play until SIGTERM. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pegel_local.cluster_player", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="of an account that may do everything")
    parser.add_argument("--folder", type=Path, required=True, help="of processes and logs")
    parser.add_argument("--serving-python", type=Path, required=True, help="the interpreter of model servers")
    parser.add_argument("--spark-python", type=Path, required=True, help="the interpreter of drivers")
    parser.add_argument("--spark-programs", type=Path, required=True, help="folder of what drivers run")
    parser.add_argument("--claim", type=_pair, action="append", default=[], metavar="NAME=FOLDER", help="a volume")
    given = parser.parse_args(arguments)
    playing = Playing(
        kubeconfig=given.kubeconfig,
        folder=given.folder,
        serving_python=given.serving_python,
        spark_python=given.spark_python,
        spark_programs=given.spark_programs,
        claims={name: Path(folder) for name, folder in given.claim},
    )
    player = ClusterPlayer(playing)
    signal.signal(signal.SIGTERM, lambda *_: player.end())
    with player:
        player.wait()
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"expected NAME=FOLDER, given {text}")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
