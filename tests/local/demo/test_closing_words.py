"""The last words of a demonstration lead to what can be done next, with the command that gave this one."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pegel_local.demo import closing_words
from pegel_local.demo.cluster.variant import in_cluster
from pegel_local.demo.demonstration import ON_THIS_MACHINE, Variant
from pegel_local.machine.paths import Checkout

IN_CLUSTER = in_cluster(Path("apiserver"), Path("definitions"))


@pytest.mark.parametrize(
    ("variant", "target"), [(ON_THIS_MACHINE, "make demo"), (IN_CLUSTER, "make demo-k8s")], ids=["machine", "cluster"]
)
def test_the_pages_are_kept_by_the_target_that_was_run(variant: Variant, target: str, tmp_path: Path) -> None:
    """Whoever ran a target is told the same one with KEEP=1."""
    checkout = Checkout(tmp_path)
    demo = variant.demo(stack=variant.stack(tmp_path / "home", checkout), checkout=checkout, data=tmp_path)
    demo.facts |= {"mail": {"subject": "delays", "text": "drift", "after_finding_s": 3.0}, "report": "report.html"}
    said = StringIO()
    closing_words.tell(demo, Console(file=said, width=120))

    assert [line.split()[-3:] for line in said.getvalue().splitlines() if "look at the pages" in line] == [
        [*target.split(), "KEEP=1"]
    ]
