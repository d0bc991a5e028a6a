"""Builds the API server that tests and the demonstration start: `python tests/k8s/prepare.py TARGET`, one of make's.

Exit code 0: there is something to run against. 3: there is not, and a loud line says what is missing. 1: the build
failed. A cluster of `KUBECONFIG` is enough for `test-k8s`; the demonstration and the faults are of a server of ours.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "lib"))

from built_server import BUILT, SOURCES, built_server

NOTHING_TO_RUN_AGAINST = 3
DEMO = "demo-k8s"
ANY_CLUSTER = ("test-k8s",)
"""Targets that run against whatever cluster there is."""
TARGETS = (DEMO, "chaos-k8s", *ANY_CLUSTER)
DEFINITIONS = (
    "inferenceservices.serving.kserve.io",
    "servingruntimes.serving.kserve.io",
    "sparkapplications.sparkoperator.k8s.io",
    "kafkatopics.kafka.strimzi.io",
)
"""Names of the definitions that have to be there; further ones do no harm."""
DEFINED = re.compile(r"^  name: [\"']?([a-z0-9.-]+)[\"']?\s*$", re.MULTILINE)
"""The line of a definition that names it."""
GO_AT_LEAST = (1, 26)


def main(target: str) -> int:
    """Build what is not built yet. Return the exit code."""
    if target in ANY_CLUSTER and os.environ.get("KUBECONFIG"):
        return 0
    if missing := _missing(target):
        happens = "nothing was started" if target == DEMO else "SKIPPED: nothing was tested against a cluster"
        print(f"!!! {target}: {missing}; {happens}", file=sys.stderr)
        return NOTHING_TO_RUN_AGAINST
    program = built_server()
    return 0 if program.exists() else _build(program, target)


def _missing(target: str) -> str:
    """Say what is missing to run against an API server of our own; nothing if nothing is."""
    otherwise = ", or KUBECONFIG (a cluster)" if target in ANY_CLUSTER else ""
    if lacking := definitions_missing(os.environ.get("PEGEL_CRDS") or "", otherwise):
        return lacking
    version = _go_version()
    if version < GO_AT_LEAST:
        given = ".".join(map(str, version)) or "none"
        wanted = ".".join(map(str, GO_AT_LEAST))
        return f"expected Go {wanted} or later to build an API server{otherwise}; given Go: {given}"
    return ""


def definitions_missing(named: str, otherwise: str) -> str:
    """Say what a folder lacks of the definitions; nothing if it holds all. `otherwise`: what would do without them."""
    kinds = ", ".join(DEFINITIONS)
    expected = f"expected in PEGEL_CRDS a folder with the custom resource definitions of {kinds} (docs/cluster.md says "
    expected += f"which files of whose releases these are){otherwise}"
    if not named:
        return f"{expected}; given no PEGEL_CRDS"
    folder = Path(named)
    if not folder.is_dir():
        return f"{expected}; given {named}, which is no folder"
    found = {each for file in folder.glob("*.yaml") for each in DEFINED.findall(file.read_text(encoding="utf-8"))}
    lacks = [kind for kind in DEFINITIONS if kind not in found]
    return f"{expected}; given {named}, which lacks {', '.join(lacks)}" if lacks else ""


def _go_version() -> tuple[int, ...]:
    """Return the version of the `go` on PATH; () without one."""
    if shutil.which("go") is None:
        return ()
    said = subprocess.run(["go", "env", "GOVERSION"], check=False, capture_output=True, text=True).stdout
    match = re.match(r"go(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else ()


def _build(program: Path, target: str) -> int:
    """Build the program, of which older builds and what was made with them go. Return Go's exit code."""
    print(f"{target}: the API server is being built; the first time takes minutes", flush=True)
    shutil.rmtree(BUILT, ignore_errors=True)
    began = time.monotonic()
    command = ["go", "build", "-trimpath", "-ldflags", _linker_flags(), "-o", str(program), "."]
    code = subprocess.run(command, cwd=SOURCES, check=False).returncode
    print(f"{target}: the build took {time.monotonic() - began:.0f} s and ended with {code}", flush=True)
    return code


def _linker_flags() -> str:
    """Return what makes the program small, and say its Kubernetes version when it is asked."""
    match = re.search(r"k8s\.io/kubernetes v(\d+)\.(\d+)\.(\d+)", (SOURCES / "go.mod").read_text())
    assert match is not None, "go.mod names no version of k8s.io/kubernetes"
    major, minor, _ = match.groups()
    whole = match[0].rpartition(" ")[2]
    said = {"gitVersion": whole, "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in said.items())])


if __name__ == "__main__":
    if sys.argv[1:] not in [[target] for target in TARGETS]:
        sys.exit(f"expected one of {', '.join(TARGETS)}; given {' '.join(sys.argv[1:]) or 'none'}; nothing was built")
    sys.exit(main(sys.argv[1]))
