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
def test_features_are_looked_up_where_their_store_is(variant: Variant, looks_up: bool, tmp_path: Path) -> None:
    """A file of this machine is no store of a cluster: neither its spec nor its stages say anything of it."""
    checkout = Checkout(tmp_path)
    demo = variant.demo(stack=variant.stack(tmp_path / "home", checkout), checkout=checkout, data=tmp_path)
    titles = [stage.title for stage in variant.stages]

    assert [looks_up] * 2 == [demo.spec.online.is_used, "online features" in titles]
    assert ("endpoint edited" in titles, len(titles)) == (not looks_up, 12)
