"""What make's targets of a cluster say before they run anything, and what they run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DEFINITION = "kind: CustomResourceDefinition\nmetadata:\n  name: {}\n"


def prepare(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Prepare for a target, without a Go to build with."""
    command = [sys.executable, str(root / "tests" / "k8s" / "prepare.py"), *words]
    clean = {"PATH": "/no/programs", **environment}
    return subprocess.run(command, env=clean, capture_output=True, text=True, check=False)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """Folders of definitions: none, one that is not there, an empty one, and one in which a kind is missing."""
    there = ["inferenceservices.serving.kserve.io", "servingruntimes.serving.kserve.io", "kafkatopics.kafka.strimzi.io"]
    for name in ("empty", "partly"):
        (tmp_path / name).mkdir()
    for name in there:
        (tmp_path / "partly" / f"{name}.yaml").write_text(DEFINITION.format(name), encoding="utf-8")
    return {"none": "", **{name: str(tmp_path / name) for name in ("mistyped", "empty", "partly")}}


@pytest.mark.parametrize("target", ["demo-k8s", "test-k8s"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("none", "given no PEGEL_CRDS;"),
        ("mistyped", "mistyped, which is no folder;"),
        ("empty", "empty, which lacks inferenceservices.serving.kserve.io, servingruntimes.serving.kserve.io, "),
        ("partly", "partly, which lacks sparkapplications.sparkoperator.k8s.io;"),
    ],
)
def test_a_folder_of_definitions_is_looked_at_first(
    root: Path, folders: dict[str, str], target: str, given: str, said: str
) -> None:
    """Nothing is built or started without the definitions; the sentence names the target and what is lacking."""
    done = prepare(root, target, PEGEL_CRDS=folders[given])
    happens = {"demo-k8s": "nothing was started\n", "test-k8s": "SKIPPED: nothing was tested against a cluster\n"}

    assert (3, True) == (done.returncode, done.stderr.startswith(f"!!! {target}: expected in PEGEL_CRDS a folder "))
    assert said in done.stderr
    assert done.stderr.endswith(happens[target])
    assert ("KUBECONFIG" in done.stderr) == (target == "test-k8s")


@pytest.mark.parametrize(("target", "code"), [("test-k8s", 0), ("demo-k8s", 3), ("chaos-k8s", 3)])
def test_a_kubeconfig_of_the_shell_is_for_the_tests_alone(root: Path, target: str, code: int) -> None:
    """The demonstration and the faults have a server of their own, whatever cluster a person works with."""
    assert code == prepare(root, target, KUBECONFIG="/some/kubeconfig").returncode


@pytest.mark.parametrize("words", [(), ("test-ks8",)])
def test_a_target_that_is_not_known_is_refused(root: Path, words: tuple[str, ...]) -> None:
    """What is prepared is said by name."""
    said = prepare(root, *words).stderr

    assert said.startswith("expected one of demo-k8s, chaos-k8s, test-k8s; given ")


@pytest.mark.parametrize(
    ("codes", "code", "parts"),
    [((0, 0, 0), 0, 2), ((0, 1, 0), 2, 2), ((0, 0, 1), 2, 2), ((3, 0, 0), 0, 0), ((1, 0, 0), 2, 0)],
    ids=["all well", "usual tests fail", "long tests fail", "nothing to test against", "build fails"],
)
def test_both_parts_run_whatever_became_of_the_other(
    root: Path, tmp_path: Path, codes: tuple[int, int, int], code: int, parts: int
) -> None:
    """`make test-k8s` runs both parts wherever there is a server, the one that may be empty first; either fails it."""
    (prepared, usual, long), calls, python = codes, tmp_path / "calls", tmp_path / "python"
    cases = f"*prepare.py*) exit {prepared};; *--long*) exit {long};; *) exit {usual};;"
    python.write_text(f'#!/bin/sh\necho "$@" >> {calls}\ncase "$*" in {cases} esac\n', encoding="utf-8")
    python.chmod(0o755)
    command = ["make", "-s", "-o", "setup", f"TOOLS={tmp_path}", "SLICE=1/1", "test-k8s"]
    done = subprocess.run(command, cwd=root, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
    expected = ["tests/k8s/prepare.py test-k8s", "tests/run.py k8s --long --slice 1/1", "tests/run.py k8s"]

    assert (code, expected[: 1 + parts]) == (done.returncode, calls.read_text(encoding="utf-8").splitlines())
