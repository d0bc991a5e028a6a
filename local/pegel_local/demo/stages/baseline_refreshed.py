"""The baseline is made anew from the same data: same content, same address, so nothing restarts."""

from __future__ import annotations

from pegel.store.baseline_store import BaselineStore
from pegel_local.demo.failure import require
from pegel_local.demo.stage import Demo

WITHIN_S = 900.0
"""Half a minute on an idle machine; a run that fails ends the stage at once, so patience costs nothing."""


def show(demo: Demo) -> str:
    """Trigger `baseline_refresh`; compare the baseline's address and the driver's process with before."""
    before = demo.driver.state()
    demo.follow("baseline_refresh", {"models": [demo.spec.key]}, within_s=WITHIN_S)
    model = demo.spec.model
    current = BaselineStore(demo.engine).current(model.name, model.version)
    after = demo.driver.state()
    same = before is not None and after is not None and before.process == after.process
    require(
        current == demo.facts["baseline_id"] and same and demo.driver.running,
        expected=f"baseline {demo.facts['baseline_id']} and the same driver",
        happened=f"baseline {current}; driver before {before}, after {after}",
        log=demo.log("airflow-scheduler"),
    )
    demo.facts["refreshed"] = {"baseline_id": current, "same_driver": same}
    return "same data, same fingerprint, nothing restarted"
