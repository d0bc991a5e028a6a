"""Model endpoints as InferenceServices of KServe: the serving backend of a cluster.

All that is known of an endpoint stands in its object; nothing is kept here. What serves is called as the endpoint is,
so its address stays. A candidate is an InferenceService beside it. To take the place, what serves becomes what the
candidate is: KServe rolls it out while the old one answers, then the candidate goes. Of a server that is not ours there
is a note in Pegel's own namespace.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pegel.errors import Conflict, SetupError
from pegel.manifests import labels
from pegel.manifests.endpoint_note import endpoint_note
from pegel.manifests.inference_service import inference_service, refuse_unservable
from pegel.manifests.objects import CONFIG_MAP, INFERENCE_SERVICE
from pegel.manifests.yaml_text import yaml_text
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus, another_candidate
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.limits import GONE_WITHIN
from pegel.spec.model_roots import refuse_models_outside
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_airflow.kubernetes.foreign_status import foreign_status
from pegel_airflow.kubernetes.hook import ClusterHook
from pegel_airflow.kubernetes.kinds import (
    Object,
    annotated,
    annotation,
    described,
    is_going,
    kind_of,
    label,
    metadata,
)
from pegel_airflow.kubernetes.kserve_status import endpoint_status, restart_of, started_at
from pegel_airflow.kubernetes.ownership import is_ours


class KServeBackend:
    """Runs endpoints in the namespaces that the settings allow. Any process with the connection may call it."""

    def __init__(
        self,
        settings: Settings,
        cluster: ClusterSettings,
        hook: ClusterHook,
        *,
        gone_within: timedelta = GONE_WITHIN,
    ) -> None:
        """Wait for what is deleted `gone_within` at most."""
        self._settings = settings
        self._cluster = cluster
        self._hook = hook
        self._gone_within_s = gone_within.total_seconds()

    def pin(self, spec: MonitorSpec) -> MonitorSpec:
        """Return the spec as it is: what lies at its address, this backend cannot know. Raises InvalidSpec.

        That is raised for what a cluster cannot serve, before anything is touched.
        """
        refuse_unservable(spec, self._cluster, self._settings)
        return spec

    def planned(self, spec: MonitorSpec) -> str:
        """Return the object that `apply` would make or change, as YAML. Raises InvalidSpec."""
        self._refuse(spec)
        return yaml_text([self._manifest(spec, labels.SERVING)])

    def apply(self, spec: MonitorSpec) -> None:
        """Make the endpoint of `spec` exist as desired and return at once. The same spec again changes nothing.

        Raises InvalidSpec for what a cluster cannot serve, NotOurs where somebody else's InferenceService has the name.
        """
        self._refuse(spec)
        present, elsewhere = _told_apart(self._named(spec.endpoint), self._manifest(spec, labels.SERVING))
        self._apply(spec, labels.SERVING, present)
        # A spec that has moved leaves nothing behind in the namespace where it was.
        self._remove(filter(self._is_ours, elsewhere))

    def restart(self, spec: MonitorSpec, *, started_before: datetime) -> None:
        """Have new pods take the place of the endpoint's, at the same address, and return at once.

        One that was made, changed or restarted at `started_before` or later is left as it is.
        """
        self._refuse(spec)
        present = self._at(spec, labels.SERVING)
        began = None if present is None else started_at(present)
        anew = began is not None and began < started_before
        self._apply(spec, labels.SERVING, present, restarted_at=datetime.now(UTC).isoformat() if anew else "")

    def stage(self, spec: MonitorSpec, *, by: str = "") -> None:
        """Start a candidate beside what serves now, which is not touched, and return at once.

        Another candidate is deleted before, so that nothing is said of this one that is true of that. What serves as
        desired already is its own candidate. Raises what `apply` raises.
        """
        self._refuse(spec)
        serving, candidates = self._at(spec, labels.SERVING), self._named(names.candidate(spec.endpoint))
        if serving is not None and self._is(serving, spec):
            self._remove(filter(self._is_ours, candidates))
            self._apply(spec, labels.SERVING, serving)
            return
        others = [each for each in candidates if self._is_ours(each) and not self._is(each, spec)]
        self._remove(others)
        left = [each for each in candidates if each not in others]
        present, _ = _told_apart(left, self._manifest(spec, labels.CANDIDATE))
        self._apply(spec, labels.CANDIDATE, present, staged_by=by)

    def staged(self, endpoint: str) -> EndpointStatus:
        """Look at the endpoint's candidate now; without one, at what serves."""
        candidates = [each for each in self._ours(names.candidate(endpoint)) if not is_going(each)]
        return _status(candidates[0], endpoint) if candidates else self.observe(endpoint)

    def promote(self, spec: MonitorSpec) -> None:
        """Let what serves be what was staged as `spec`, and end the candidate. Raises Conflict if it is another one.

        If it serves already, nothing happens, whatever else is staged.
        """
        candidate = self._at(spec, labels.CANDIDATE)
        if candidate is not None and self._is(candidate, spec):
            self.apply(spec)
            # A conflict says that another run has staged anew meanwhile: that one is its own.
            with suppress(Conflict):
                self._remove([candidate])
            return
        serving = self._at(spec, labels.SERVING)
        if serving is None or not self._is(serving, spec):
            given = "" if candidate is None else annotation(candidate, labels.FINGERPRINT)
            raise another_candidate(spec.endpoint, endpoint_fingerprint(spec), given)

    def discard(self, spec: MonitorSpec, *, by: str = "") -> None:
        """End what was staged as `spec`, if `by` was the last to stage it; nothing else is touched."""
        candidate = self._at(spec, labels.CANDIDATE)
        if candidate is not None and self._is(candidate, spec) and annotation(candidate, labels.STAGED_BY) == by:
            self._remove([candidate])

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint now. One that is there twice is none that anybody wanted."""
        serving = self._ours(endpoint)
        if not serving:
            return EndpointStatus(name=endpoint, fingerprint="", state=EndpointState.ABSENT)
        status = _status(serving[0], endpoint)
        if len(serving) == 1:
            return status
        others = ", ".join(described(each) for each in serving[1:])
        return replace(status, edited=f"it is there a second time, as {others}")

    def logs_of(self, endpoint: str) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """Nothing in a cluster writes a log on this machine."""
        return ()

    def delete(self, endpoint: str) -> None:
        """Remove the endpoint and its candidate, and wait until their objects are gone."""
        self._remove(self._ours(names.candidate(endpoint), endpoint))

    def names(self) -> list[str]:
        """Name every endpoint that carries our mark and serves, in order; copies of one that others made are theirs."""
        mine = f"{labels.INSTALLATION}={self._cluster.namespace}"
        selector = f"{labels.SELECTOR},{mine},{labels.ROLE}={labels.SERVING}"
        namespaces = self._cluster.allowed_namespaces
        services = [each for place in namespaces for each in self._hook.listed(INFERENCE_SERVICE, place, selector)]
        notes = self._hook.listed(CONFIG_MAP, self._cluster.namespace, selector)
        return sorted({_endpoint(each) for each in (*services, *notes) if _endpoint(each) == _made_as(each)})

    def _refuse(self, spec: MonitorSpec) -> None:
        refuse_unservable(spec, self._cluster, self._settings)
        refuse_models_outside(spec, self._settings.allowed_models)

    def _apply(
        self, spec: MonitorSpec, role: str, present: Object | None, *, restarted_at: str = "", staged_by: str = ""
    ) -> None:
        """Apply an object as `spec` says over what is `present` there; of one that says so already, times are kept."""
        manifest = self._manifest(spec, role, staged_by)
        same = present if present is not None and self._is(present, spec) else {}
        began = restarted_at or restart_of(same)
        if began and manifest["kind"] == INFERENCE_SERVICE.name:
            manifest["spec"]["predictor"].setdefault("annotations", {})[labels.RESTARTED_AT] = began
        changed = annotation(same, labels.CHANGED_AT) or datetime.now(UTC).isoformat()
        self._hook.apply(annotated(manifest, {labels.CHANGED_AT: changed}), labels.SERVING_MANAGER, present)

    def _manifest(self, spec: MonitorSpec, role: str, staged_by: str = "") -> dict[str, Any]:
        """Return the object by which an endpoint is: a service of KServe, or a note about a server that is not ours."""
        if spec.model.uri is None:
            return endpoint_note(spec, self._cluster, role=role, staged_by=staged_by)
        return inference_service(spec, self._cluster, self._settings, role=role, staged_by=staged_by)

    def _at(self, spec: MonitorSpec, role: str) -> Object | None:
        """Return what is in the place of a role of the spec, whoever's it is; None without."""
        manifest = self._manifest(spec, role)
        known = metadata(manifest)
        return self._hook.get(kind_of(manifest), known["namespace"], known["name"])

    def _named(self, name: str) -> list[Object]:
        """Return what may be an endpoint of that name, in each place that can be looked at and whoever's it is."""
        return self._look(name)[0]

    def _look(self, name: str) -> tuple[list[Object], list[SetupError]]:
        """Return what may be an endpoint of that name, and why a place could not be looked at.

        A namespace that went, and took the permission with it, hides nothing that is in another one.
        """
        notes = (CONFIG_MAP, self._cluster.namespace, names.endpoint_note(name))
        places = [*((INFERENCE_SERVICE, place, name) for place in self._cluster.allowed_namespaces), notes]
        seen, closed = list[Object](), list[SetupError]()
        for place in places:
            try:
                thing = self._hook.get(*place)
            except SetupError as error:
                closed.append(error)
            else:
                seen += [] if thing is None else [thing]
        return seen, closed

    def _ours(self, *wanted: str) -> list[Object]:
        """Return our objects of some names, wherever they may be; of each name the one that was changed last is first.

        Raises SetupError where there is none that is seen, and a place could not be looked at.
        """
        looks = [self._look(name) for name in wanted]
        ours = [each for seen, _ in looks for each in sorted(filter(self._is_ours, seen), key=_changed, reverse=True)]
        closed = [error for _, errors in looks for error in errors]
        if closed and not ours:
            raise closed[0]
        return ours

    def _is_ours(self, thing: Object) -> bool:
        """Say whether this installation made an object: another one may serve models in the same namespaces."""
        return is_ours(thing, self._cluster.namespace)

    def _is(self, thing: Object, spec: MonitorSpec) -> bool:
        """Say whether an object is ours, and made of what the spec says."""
        return self._is_ours(thing) and annotation(thing, labels.FINGERPRINT) == endpoint_fingerprint(spec)

    def _remove(self, objects: Iterable[Object]) -> None:
        """Delete objects and wait until they are gone. Raises Unavailable when something holds them."""
        going = list(objects)
        for each in going:
            self._hook.delete(each)
        self._hook.wait_gone(going, within_s=self._gone_within_s)


def from_settings(settings: Settings) -> KServeBackend:
    """Return the backend that the settings describe. Raises SetupError for what they cannot say."""
    cluster = ClusterSettings.of_environment()
    return KServeBackend(settings, cluster, ClusterHook(cluster.kubernetes_connection))


def _told_apart(objects: Iterable[Object], manifest: Object) -> tuple[Object | None, list[Object]]:
    """Return the object that is where `manifest` belongs, None without, and those that are elsewhere."""
    place = _place(manifest)
    by_place = {_place(each): each for each in objects}
    return by_place.pop(place, None), list(by_place.values())


def _place(thing: Object) -> tuple[str, ...]:
    known = metadata(thing)
    return (thing["kind"], known["namespace"], known["name"])


def _status(thing: Object, endpoint: str) -> EndpointStatus:
    read = foreign_status if kind_of(thing) == CONFIG_MAP else endpoint_status
    return read(thing, endpoint)


def _endpoint(thing: Object) -> str:
    name = str(metadata(thing)["name"])
    return name.removeprefix(names.endpoint_note("")) if kind_of(thing) == CONFIG_MAP else name


def _made_as(thing: Object) -> str:
    """Return the name that an endpoint was made under, as its labels say; a copy by hand has those of the original."""
    version = label(thing, labels.MODEL_VERSION)
    return names.endpoint(label(thing, labels.MODEL), int(version)) if version.isdecimal() else ""


def _changed(thing: Object) -> str:
    return annotation(thing, labels.CHANGED_AT)
