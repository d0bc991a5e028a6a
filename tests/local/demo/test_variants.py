"""What a demonstration shows on this machine alone, and in a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from pegel_local.demo.cluster.variant import in_cluster
from pegel_local.demo.demonstration import ON_THIS_MACHINE, Variant
from pegel_local.machine.paths import Checkout

IN_CLUSTER = in_cluster(Path("apiserver"), Path("definitions"))


@pytest.mark.parametrize(
    ("variant", "looks_up"), [(ON_THIS_MACHINE, True), (IN_CLUSTER, False)], ids=["machine", "cluster"]
)
def test_what_only_this_machine_has_is_shown_there_alone(variant: Variant, looks_up: bool, tmp_path: Path) -> None:
    """Its online store and its archive are no cluster's: neither spec nor stages of one say anything of them."""
    checkout = Checkout(tmp_path)
    demo = variant.demo(stack=variant.stack(tmp_path / "home", checkout), checkout=checkout, data=tmp_path)
    titles = [stage.title for stage in variant.stages]

    assert [looks_up] * 2 == [demo.spec.online.is_used, "online features" in titles]
    assert [looks_up] * 2 == [demo.spec.labels.is_used, "labels arrive" in titles]
    assert ("endpoint edited" in titles, len(titles)) == (not looks_up, 13 if looks_up else 12)
