"""What happens to a cluster, done to one of three monitors, and what must be so two periods later."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from api_server import ApiServer
from fault_proxy import Answer, FaultProxy
from objects import at, set_status
from troubled_world import READY, World, of_monitor, others

from pegel.manifests import labels
from pegel.manifests.objects import INFERENCE_SERVICE, SPARK_APPLICATION, ObjectKind
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec

MERGE = "application/merge-patch+json"
TRANSITIONS = ("UpToDate", "InProgress", "BlockedByFailedLoad", "InvalidSpec")
STATES = (
    *("", "SUBMITTED", "RUNNING", "COMPLETED", "FAILED", "SUBMISSION_FAILED", "PENDING_RERUN", "INVALIDATING"),
    *("SUCCEEDING", "FAILING", "UNKNOWN", "SUSPENDED"),
)
PASSING = {"SUBMISSION_FAILED", "INVALIDATING", "SUCCEEDING", "FAILING", "UNKNOWN", "SUSPENDED"}
"""States out of which the operator alone leads: reconciling waits for it."""


class Faults:
    """Each method does one thing to one monitor, and returns the names of objects that may change for it."""

    def __init__(self, world: World, server: ApiServer, proxy: FaultProxy, drawn: random.Random) -> None:
        """Take the API server that may be killed, and the dice with which details are drawn."""
        self.world, self.server, self.proxy, self.drawn = world, server, proxy, drawn

    def an_endpoint_is_deleted(self, spec: MonitorSpec) -> set[str]:
        """Delete an InferenceService."""
        return self._delete(INFERENCE_SERVICE, spec.endpoint)

    def a_driver_is_deleted(self, spec: MonitorSpec) -> set[str]:
        """Delete a SparkApplication."""
        return self._delete(SPARK_APPLICATION, names.driver_object(spec.group))

    def an_endpoint_is_edited(self, spec: MonitorSpec) -> set[str]:
        """Let an InferenceService serve something else."""
        model = {"storageUri": f"s3://models/{self.drawn.random()}"}
        return self._edit(INFERENCE_SERVICE, spec.endpoint, {"spec": {"predictor": {"model": model}}})

    def a_driver_is_edited(self, spec: MonitorSpec) -> set[str]:
        """Tell a driver something else."""
        change = {"spec": {"arguments": [str(self.drawn.random())]}}
        return self._edit(SPARK_APPLICATION, names.driver_object(spec.group), change)

    def a_fingerprint_is_lost(self, spec: MonitorSpec) -> set[str]:
        """Take from an InferenceService what it is for."""
        change = {"metadata": {"annotations": {labels.FINGERPRINT: None}}}
        return self._edit(INFERENCE_SERVICE, spec.endpoint, change)

    def an_endpoint_says_something(self, spec: MonitorSpec) -> set[str]:
        """Set an InferenceService's status to one of all that it may say."""
        ready = self.drawn.choice(["True", "False", "Unknown"])
        status = {
            "conditions": [{"type": "Ready", "status": ready}],
            "modelStatus": {"transitionStatus": self.drawn.choice(TRANSITIONS)},
        }
        return self._say(INFERENCE_SERVICE, spec.endpoint, status)

    def a_driver_says_something(self, spec: MonitorSpec) -> set[str]:
        """Set a SparkApplication's state to one of all that there are; the operator leads out of those that pass."""
        name, state = names.driver_object(spec.group), self.drawn.choice(STATES)
        touched = self._say(SPARK_APPLICATION, name, {"applicationState": {"state": state}})
        if state in PASSING:
            self.world.reconcile()
            self._say(SPARK_APPLICATION, name, {"applicationState": {"state": "PENDING_RERUN"}})
        return touched

    def a_driver_falls_silent(self, spec: MonitorSpec) -> set[str]:
        """Let a driver's last word be an hour old."""
        self.world.silent.add(spec.group)
        status = {"lastSubmissionAttemptTime": "2026-01-01T00:00:00Z"}
        return self._say(SPARK_APPLICATION, names.driver_object(spec.group), status)

    def somebody_needs_no_endpoint(self, spec: MonitorSpec) -> set[str]:
        """Let an endpoint of ours be there that no monitor needs."""
        other = spec.model_copy(update={"model": spec.model.model_copy(update={"version": self.drawn.randint(2, 99)})})
        self.world.serving.apply(other)
        assert endpoint_fingerprint(other) != endpoint_fingerprint(spec)
        return {f"{INFERENCE_SERVICE.name}/{other.endpoint}"}

    def a_token_expires(self, _spec: MonitorSpec) -> set[str]:
        """Answer some calls of the next period with 401."""
        self.proxy.fail("*", "", Answer(401), nth=self.drawn.randint(1, 6), times=self.drawn.randint(1, 4))
        return set()

    def the_server_fails(self, _spec: MonitorSpec) -> set[str]:
        """Answer some calls of the next period with 500, 503 or 429."""
        answer = Answer(self.drawn.choice([500, 503, 429]), retry_after_s=None)
        self.proxy.fail("*", "", answer, nth=self.drawn.randint(1, 6), times=self.drawn.randint(1, 4))
        return set()

    def the_server_is_restarted(self, _spec: MonitorSpec) -> set[str]:
        """Kill the API server, reconcile without it, and start it again."""
        self.server.kill()
        self.world.reconcile()
        self.server.start()
        return set()

    def _delete(self, kind: ObjectKind, name: str) -> set[str]:
        self.world.admin.delete_namespaced_custom_object(**at(kind, self.world.namespace), name=name)
        return {f"{kind.name}/{name}"}

    def _edit(self, kind: ObjectKind, name: str, change: Mapping[str, object]) -> set[str]:
        place = at(kind, self.world.namespace)
        self.world.admin.patch_namespaced_custom_object(
            **place, name=name, body=change, field_manager="kubectl-edit", _content_type=MERGE
        )
        return {f"{kind.name}/{name}"}

    def _say(self, kind: ObjectKind, name: str, status: Mapping[str, object]) -> set[str]:
        set_status(self.world.admin, kind, self.world.namespace, name, status)
        return {f"{kind.name}/{name}"}


RESTART = Faults.the_server_is_restarted.__name__
USUAL = [name for name in vars(Faults) if not name.startswith("_") and name != RESTART]
"""Names of all faults but a restart of the server, which takes seconds."""
OF_CALLS = {Faults.a_token_expires.__name__, Faults.the_server_fails.__name__}
"""Names of those that fail the next calls, whoever makes them."""


def assert_put_right(
    world: World, faults: Faults, done: Sequence[tuple[str, MonitorSpec]], *, at_once: bool = False
) -> None:
    """Do faults to monitors, reconcile for two periods (`at_once`: in two runs at once), and look.

    All must be as desired then, and nothing may be written to but the objects of the monitors that were harmed.
    """
    before = world.versions()
    allowed: set[str] = set()
    for fault, spec in done:
        touched = getattr(faults, fault)(spec)
        allowed |= touched | (of_monitor(spec) if touched else set())
    for _ in range(2):
        (world.reconcile_twice_at_once if at_once else world.reconcile)()
        faults.proxy.mend()
        world.settle()
    after = world.versions()
    named = [fault for fault, _ in done]

    assert (named, []) == (named, world.wrongs())
    assert (named, others(before, allowed)) == (named, others(after, allowed))
    assert [READY["url"]] * len(done) == [world.serving.observe(spec.endpoint).url for _, spec in done]
