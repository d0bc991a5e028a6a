"""The demonstration in a cluster: the same stages but for what one machine alone has, and one of its own."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path

from pegel_local.demo.cluster.cluster_platform import InCluster
from pegel_local.demo.cluster.cluster_system import CLAIM, ClusterFiles, ClusterParts, ClusterStack
from pegel_local.demo.demonstration import STAGES, Variant
from pegel_local.demo.failure import StageFailed
from pegel_local.demo.stage import Demo, Stage
from pegel_local.demo.stages import endpoint_edited
from pegel_local.machine.paths import Checkout

EDITED_AFTER = "driver killed"
NOT_SHOWN = {"online features", "labels arrive"}
"""An online store in a file, and an archive in a folder."""
TITLES = {"broker, Airflow, mail": "API server, Airflow"}
"""Stages that are called otherwise, because they start more."""


def in_cluster(program: Path, definitions: Path) -> Variant:
    """Return the variant with an API server of this program, which is told these definitions."""
    files = ClusterFiles(program, definitions)

    def stack(home: Path, checkout: Checkout) -> ClusterStack:
        return ClusterStack(home, checkout, files)

    target = f"PEGEL_CRDS={shlex.quote(str(definitions))} make demo-k8s"
    demo = partial(Demo, platform_of=_platform, model_address=_address, target=target, looks_up=False)
    return Variant(stack=stack, demo=demo, stages=_stages())


def _stages() -> tuple[Stage, ...]:
    shown = [
        replace(stage, title=TITLES.get(stage.title, stage.title)) for stage in STAGES if stage.title not in NOT_SHOWN
    ]
    at = next(number for number, stage in enumerate(shown, start=1) if stage.title == EDITED_AFTER)
    return (*shown[:at], Stage("endpoint edited", endpoint_edited.show), *shown[at:])


def _platform(demo: Demo) -> InCluster:
    if not isinstance(demo.parts, ClusterParts):
        raise StageFailed(expected="a cluster that is up", happened="it was not started")
    return InCluster(demo.parts)


def _address(model: Path) -> str:
    """Return the address of a model in the claim, which the home of the demonstration stands for."""
    return f"pvc://{CLAIM}/{model.name}"
