"""Builds the API server that the tests in this folder start: `python tests/k8s/prepare.py`.

Exit code 0: there is something to test against. 3: there is not, and a loud line says what is missing. 1: the build
failed.
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

NOTHING_TO_TEST_AGAINST = 3
GO_AT_LEAST = (1, 26)


def main() -> int:
    """Build what is not built yet. Return the exit code."""
    if os.environ.get("KUBECONFIG"):
        return 0
    if missing := _missing():
        print(f"!!! test-k8s: SKIPPED: {missing}; nothing was tested against a cluster", file=sys.stderr)
        return NOTHING_TO_TEST_AGAINST
    program = built_server()
    return 0 if program.exists() else _build(program)


def _missing() -> str:
    """Say what is missing to test with an API server of our own; nothing if nothing is."""
    if not Path(os.environ.get("PEGEL_CRDS") or "/no/folder").is_dir():
        return (
            "expected KUBECONFIG (a cluster), or PEGEL_CRDS (a folder with the custom resource definitions of KServe, "
            "the Spark operator and Strimzi); given neither"
        )
    version = _go_version()
    if version < GO_AT_LEAST:
        given = ".".join(map(str, version)) or "none"
        wanted = ".".join(map(str, GO_AT_LEAST))
        return f"expected Go {wanted} or later to build an API server, or KUBECONFIG (a cluster); given Go: {given}"
    return ""


def _go_version() -> tuple[int, ...]:
    """Return the version of the `go` on PATH; () without one."""
    if shutil.which("go") is None:
        return ()
    said = subprocess.run(["go", "env", "GOVERSION"], check=False, capture_output=True, text=True).stdout
    match = re.match(r"go(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else ()


def _build(program: Path) -> int:
    """Build the program, of which older builds and what was made with them go. Return Go's exit code."""
    print("test-k8s: the API server is being built; the first time takes minutes", flush=True)
    shutil.rmtree(BUILT, ignore_errors=True)
    began = time.monotonic()
    command = ["go", "build", "-trimpath", "-ldflags", _linker_flags(), "-o", str(program), "."]
    code = subprocess.run(command, cwd=SOURCES, check=False).returncode
    print(f"test-k8s: the build took {time.monotonic() - began:.0f} s and ended with {code}", flush=True)
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
    sys.exit(main())
