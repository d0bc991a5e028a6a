"""The last words of a demonstration lead to what can be done next, with the command that gave this one."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pegel_local.demo import closing_words
from pegel_local.demo.cluster.cluster_system import ClusterFiles, ClusterParts, ClusterStack
from pegel_local.demo.cluster.variant import in_cluster
from pegel_local.demo.demonstration import ON_THIS_MACHINE, Variant
from pegel_local.demo.stage import Demo
from pegel_local.machine.paths import Checkout, Home

FILES = ClusterFiles(Path("apiserver"), Path("definitions"))
IN_CLUSTER = in_cluster(FILES.program, FILES.definitions)


def closing(demo: Demo) -> str:
    """Return what a demonstration ends with."""
    demo.facts |= {"mail": {"subject": "delays", "text": "drift", "after_finding_s": 3.0}, "report": "report.html"}
    said = StringIO()
    closing_words.tell(demo, Console(file=said, width=120))
    return said.getvalue()


@pytest.mark.parametrize(
    ("variant", "target"),
    [(ON_THIS_MACHINE, "make demo"), (IN_CLUSTER, "PEGEL_CRDS=definitions make demo-k8s")],
    ids=["machine", "cluster"],
)
def test_the_pages_are_kept_by_the_target_that_was_run(variant: Variant, target: str, tmp_path: Path) -> None:
    """Whoever ran a target is told the same one with KEEP=1, and all it needs, to be copied as it stands."""
    checkout = Checkout(tmp_path)
    demo = variant.demo(stack=variant.stack(tmp_path / "home", checkout), checkout=checkout, data=tmp_path)
    said = closing(demo)

    assert [line.partition("  ")[2].strip() for line in said.splitlines() if "at the pages" in line] == [
        f"{target} KEEP=1"
    ]


def test_a_system_that_is_kept_is_looked_at_with_whole_paths(tmp_path: Path) -> None:
    """A reader's path has neither `pegel` nor `kubectl`; neither home nor kubeconfig are what these take by default."""
    home, checkout = tmp_path / "home", Checkout(tmp_path)
    stack = IN_CLUSTER.stack(home, checkout)
    demo = IN_CLUSTER.demo(stack=stack, checkout=checkout, data=tmp_path, keep=True)
    stack.file.record(addresses=dict.fromkeys(("airflow", "page", "mail", "user", "password"), "-"))
    demo.parts = ClusterParts(Home(home), checkout, dict.fromkeys(ClusterStack.purposes, 1), FILES)
    demo.facts["endpoint_url"] = "http://e"
    said = closing(demo)

    assert f"export PEGEL_HOME={home} PATH={tmp_path}/.venvs/serving/bin:$PATH\n" in said
    assert f"{tmp_path}/.venvs/tools/bin/kubectl --kubeconfig {home}/cluster/kubeconfig get inferenceservices," in said


def test_of_several_mails_the_first_is_called_the_first(tmp_path: Path) -> None:
    """What a later window found has a mail of its own, which is not shown and not passed over either."""
    checkout = Checkout(tmp_path)
    stack = ON_THIS_MACHINE.stack(tmp_path / "home", checkout)
    demo = ON_THIS_MACHINE.demo(stack=stack, checkout=checkout, data=tmp_path)
    for number in (1, 2):
        (stack.home.folder("mail") / f"{number}.eml").touch()

    assert "the first of 2 mails" in closing(demo)
