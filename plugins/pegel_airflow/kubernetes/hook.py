"""The API server behind Airflow's Kubernetes connection: apply, get, list and delete, each within a stated time.

Requests go through the provider's own client, so the connection's login, proxy and certificates hold. What the provider
has no call for is added here: server-side apply, listing by label, deletion of exactly the object that was looked at.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import Any

import urllib3
from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from pegel.errors import Conflict, PegelError, SetupError, Unavailable
from pegel.manifests import labels
from pegel.manifests.objects import ObjectKind
from pegel.spec.limits import CLUSTER_ANSWERS_WITHIN, CLUSTER_PATIENCE
from pegel_airflow.kubernetes.api_errors import ASKS_TO_WAIT, Refusal, seconds_asked
from pegel_airflow.kubernetes.kinds import (
    BROUGHT_BY,
    Object,
    described,
    is_going,
    is_name,
    kind_of,
    label,
    metadata,
    path,
)
from pegel_airflow.kubernetes.ownership import refuse_others, remembering

APPLY = "application/apply-patch+yaml"
LOOK_EVERY_S = 0.25
"""Pause between two looks at what is to go."""
PAGE = 500
"""Objects that are listed at once."""
LISTINGS = 3
"""How often a listing is begun again whose next page the API server has forgotten."""
SUCCESSES = {200: "object", 201: "object", 202: "object"}
"""All three have a body; the provider's generated calls read only that of the first."""


class ClusterHook:
    """One session with one cluster. Raises Pegel's errors alone."""

    def __init__(
        self,
        connection: str,
        *,
        answers_within: timedelta = CLUSTER_ANSWERS_WITHIN,
        patience: timedelta = CLUSTER_PATIENCE,
        page: int = PAGE,
    ) -> None:
        """Use Airflow's connection of that name.

        Each request is given up after `answers_within`. Where the cluster asks to wait, that is done for `patience` in
        all at most. Of a list, `page` objects are read at once.
        """
        self._hook = KubernetesHook(conn_id=connection)
        self._answers_within_s = answers_within.total_seconds()
        self._patience_s = patience.total_seconds()
        self._page = page

    def apply(self, manifest: Object, manager: str, present: Object | None) -> Object:
        """Make an object of ours be as `manifest` says, and return it; the same again changes nothing.

        `present` is what the caller saw under its name, None for nothing; it is looked at again only if it is not what
        is there any more. All fields are first tried strictly and without effect, because server-side apply answers a
        wrong one with an error that looks temporary. Raises InvalidSpec with the fields that are wrong, NotOurs if an
        object of this name is somebody else's, Conflict if it is being deleted or was made anew more than once.
        """
        try:
            return self._applied(manifest, manager, present)
        except _MadeAnew:
            # It was deleted or made since it was looked at, as what goes with its owner is; a look more is enough.
            kind, known = kind_of(manifest), metadata(manifest)
            return self._applied(manifest, manager, self.get(kind, known["namespace"], known["name"]))

    def _applied(self, manifest: Object, manager: str, present: Object | None) -> Object:
        whole = remembering(manifest)
        if present is not None:
            refuse_others(present, label(manifest, labels.INSTALLATION))
            _refuse_going(present)
            # Never another object of the same name that was made since.
            whole = {**whole, "metadata": {**whole["metadata"], "uid": metadata(present)["uid"]}}
        is_there = self._try(kind_of(manifest), manifest, manager)
        if is_there and present is None:
            raise _MadeAnew(f"{described(manifest)} was made meanwhile")
        # A new object is not forced: if somebody made one of the same name this very moment, its fields stay theirs.
        try:
            applied = self._apply(kind_of(manifest), whole, manager, force=present is not None)
        except Conflict as error:
            raise _MadeAnew(str(error)) from error
        _refuse_going(applied)
        return applied

    def apply_beside(self, manifest: Object, manager: str) -> Object:
        """Set fields of an object that is somebody else's, and no other; return it.

        Fields that `manager` set before and that are not in `manifest` any more are removed. Raises NotFound without
        the object, Conflict naming each field that another manager owns.
        """
        kind, known = kind_of(manifest), metadata(manifest)
        present = self._ask("GET", kind, known["namespace"], known["name"], doing=f"read {described(manifest)}")
        whole = {**manifest, "metadata": {**known, "uid": metadata(present)["uid"]}}
        return self._apply(kind, whole, manager, force=False)

    def get(self, kind: ObjectKind, namespace: str, name: str) -> Object | None:
        """Return an object as it is now; None if there is none, as of a name that no object may have."""
        if not is_name(name):
            return None
        answer = self._answer("GET", kind, namespace, name, doing=f"read {kind.name} {namespace}/{name}")
        if isinstance(answer, Refusal):
            _refuse_unknown(answer, kind)
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            raise answer.error(f"read {kind.name} {namespace}/{name}")
        return answer

    def listed(self, kind: ObjectKind, namespace: str, selector: str) -> list[Object]:
        """Return the objects of a namespace that a label selector chooses, in the order of their names."""
        for _ in range(LISTINGS):
            with suppress(_Expired):
                return sorted(self._pages(kind, namespace, selector), key=lambda each: str(metadata(each)["name"]))
        raise Unavailable(f"the list of {kind.plural} in {namespace} changed {LISTINGS} times while it was read")

    def delete(self, present: Object) -> None:
        """Delete this very object of ours; one that is gone is not an error. What it owns goes after it.

        Returns at once: an object may stay for as long as its finalizers hold it. Raises NotOurs, and Conflict where
        another object of the same name has taken its place.
        """
        refuse_others(present)
        kind, known = kind_of(present), metadata(present)
        options = {"propagationPolicy": "Background", "preconditions": {"uid": known["uid"]}}
        doing = f"delete {described(present)}"
        answer = self._answer("DELETE", kind, known["namespace"], known["name"], doing=doing, body=options)
        if isinstance(answer, Refusal) and answer.status != HTTPStatus.NOT_FOUND:
            raise answer.error(doing)

    def wait_gone(self, objects: Iterable[Object], *, within_s: float) -> None:
        """Wait until objects that were deleted are gone. Raises Unavailable naming what holds the first that stays.

        One of the same name that was made meanwhile is another one.
        """
        deadline = time.monotonic() + within_s
        for each in objects:
            known, kind = metadata(each), kind_of(each)
            while (seen := self.get(kind, known["namespace"], known["name"])) is not None:
                if metadata(seen)["uid"] != known["uid"]:
                    break
                if time.monotonic() > deadline:
                    holds = ", ".join(metadata(seen).get("finalizers") or []) or "nothing that it names"
                    raise Unavailable(
                        f"expected {described(each)} to be gone within {within_s:g} s; it is held by {holds}. It goes "
                        f"as soon as that lets it"
                    )
                time.sleep(LOOK_EVERY_S)

    def _try(self, kind: ObjectKind, manifest: Object, manager: str) -> bool:
        """Ask whether the API server would take this, unknown fields included; say whether there is one of its name.

        Raises InvalidSpec.
        """
        doing, namespace = f"apply {described(manifest)}", metadata(manifest)["namespace"]
        query = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": manager}
        answer = self._answer("POST", kind, namespace, doing=doing, body=manifest, query=query)
        if isinstance(answer, Refusal):
            _refuse_unknown(answer, kind)
            # That there is one already is found out last, when all its fields were right.
            if answer.status != HTTPStatus.CONFLICT:
                raise answer.error(doing)
        return isinstance(answer, Refusal)

    def _apply(self, kind: ObjectKind, manifest: Object, manager: str, *, force: bool) -> Object:
        """Send fields of an object. Raises _MadeAnew if `manifest` has the `uid` of another one than is there."""
        query = {"fieldManager": manager, "force": str(force).lower()}
        known, doing = metadata(manifest), f"apply {described(manifest)}"
        answer = self._answer("PATCH", kind, known["namespace"], known["name"], doing=doing, body=manifest, query=query)
        if isinstance(answer, Refusal):
            # Where there is none at all that is a conflict; where there is another one, a field that cannot be changed.
            if any(cause.startswith("metadata.uid:") for cause in answer.causes):
                raise _MadeAnew(f"{described(manifest)} was made anew meanwhile")
            raise answer.error(doing)
        return answer

    def _pages(self, kind: ObjectKind, namespace: str, selector: str) -> list[Object]:
        doing, items, further = f"list {kind.plural} of {namespace}", list[Object](), ""
        while True:
            query = {"labelSelector": selector, "limit": str(self._page)} | ({"continue": further} if further else {})
            answer = self._answer("GET", kind, namespace, doing=doing, query=query)
            if isinstance(answer, Refusal):
                if answer.status == HTTPStatus.GONE:
                    raise _Expired
                _refuse_unknown(answer, kind)
                raise answer.error(doing)
            # Items of a list may leave out what the list itself says of them.
            named = {"apiVersion": kind.api_version, "kind": kind.name}
            items += [named | item for item in answer.get("items") or []]
            further = str(metadata(answer).get("continue") or "")
            if not further:
                return items

    def _ask(self, method: str, kind: ObjectKind, namespace: str, name: str | None = None, **options: Any) -> Object:
        answer = self._answer(method, kind, namespace, name, **options)
        if isinstance(answer, Refusal):
            raise answer.error(options["doing"])
        return answer

    def _answer(
        self,
        method: str,
        kind: ObjectKind,
        namespace: str,
        name: str | None = None,
        *,
        doing: str,
        body: Object | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Object | Refusal:
        """Send a request, again where the cluster asks to wait; return its answer. Raises Unavailable, SetupError."""
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return self._send(method, path(kind, namespace, name), body, query, doing)
            except ApiException as error:
                refusal = Refusal.read(error.status or 0, error.body, str(error.reason or ""))
                wait_s = seconds_asked(error.headers, datetime.now(UTC)) if refusal.status in ASKS_TO_WAIT else None
                if wait_s is None or time.monotonic() + wait_s > deadline:
                    return refusal
                time.sleep(wait_s)

    def _send(
        self, method: str, where: str, body: Object | None, query: Mapping[str, str] | None, doing: str
    ) -> Object:
        headers = {"Accept": "application/json", "Content-Type": APPLY if method == "PATCH" else "application/json"}
        try:
            answer, _, _ = self._client.call_api(
                where,
                method,
                {},
                dict(query or {}),
                headers,
                body=body,
                response_types_map=SUCCESSES,
                auth_settings=["BearerToken"],
                _request_timeout=self._answers_within_s,
            )
        except urllib3.exceptions.HTTPError as error:
            raise _unreached(error, doing) from error
        if not isinstance(answer, dict):
            raise Unavailable(f"could not {doing}: what answers is no API server: {str(answer)[:100]!r}")
        return answer

    @cached_property
    def _client(self) -> ApiClient:
        try:
            client = self._hook.api_client
        except PegelError:
            raise
        except Exception as error:  # the provider raises what its parts raise
            raise SetupError(
                f"expected Airflow's connection {self._hook.conn_id!r} to lead to a cluster; given: "
                f"{type(error).__name__}: {error}. Nothing was asked of it"
            ) from error
        # Left to itself the client waits as long as a busy server asks for, and sends again what was not answered.
        client.rest_client.pool_manager.connection_pool_kw["retries"] = urllib3.Retry(0)
        return client


class _MadeAnew(Conflict):
    """An object is another one than that which was looked at."""


class _Expired(Exception):
    """The API server has forgotten where a listing was."""


def _refuse_going(thing: Object) -> None:
    """Raise Conflict for an object that is being deleted: whatever is applied to it goes with it."""
    if is_going(thing):
        raise Conflict(f"{described(thing)} is being deleted; it is applied once it is gone")


def _refuse_unknown(refusal: Refusal, kind: ObjectKind) -> None:
    """Raise SetupError if the cluster has no such kind of object."""
    if refusal.status == HTTPStatus.NOT_FOUND and not refusal.is_kubernetes:
        raise SetupError(
            f"expected a cluster that knows {kind.name} ({kind.api_version}); given one that does not: install "
            f"{BROUGHT_BY.get(kind, 'Kubernetes')}. Nothing was changed"
        )


def _unreached(error: urllib3.exceptions.HTTPError, doing: str) -> PegelError:
    """Return the error about a request without an answer."""
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, urllib3.exceptions.SSLError):
        return SetupError(f"could not {doing}: the cluster's certificate is not accepted: {cause}")
    return Unavailable(f"could not {doing}: the cluster did not answer: {cause}. It can be tried again unchanged")
