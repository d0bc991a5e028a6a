"""Objects of a cluster as they change, through the asynchronous client of Airflow's Kubernetes provider.

A watch that breaks off goes on where it was; one whose place the API server has forgotten (410) begins with a new look
at everything. Either way nothing that lasts is missed. What a wait cannot mend ends it with Pegel's error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import aiohttp
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from kubernetes_asyncio.client import CustomObjectsApi
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.watch import Watch

from pegel.errors import TemporaryError, Unavailable
from pegel.manifests.objects import ObjectKind
from pegel.spec.limits import CLUSTER_ANSWERS_WITHIN
from pegel_airflow.kubernetes.api_errors import Refusal, seconds_asked
from pegel_airflow.kubernetes.async_client import opened
from pegel_airflow.kubernetes.kinds import Object, metadata

LOOKS_FOR_S = 20
"""One watch; then the next goes on where it was. A connection that died in silence is noticed after that long."""
PAUSE_S = 1.0
"""Before something that failed is tried again."""
SLACK_S = 5.0
"""How much later than the API server the client gives a watch up."""


class Watching:
    """The objects of one kind in one namespace that a label selector chooses."""

    def __init__(self, hook: AsyncKubernetesHook, kind: ObjectKind, namespace: str, selector: str) -> None:
        self._hook = hook
        self._place = (kind.group, kind.version, namespace, kind.plural)
        self._doing = f"watch {kind.plural} of {namespace}"
        self._selector = selector
        self._seen: dict[str, Object] = {}
        self._version = ""
        """Up to where all changes were seen; empty before the first look, and when that is forgotten."""

    async def objects(self, until: datetime) -> AsyncGenerator[Mapping[str, Object], None]:
        """Yield all of them by name, at once and after each change; end at `until`.

        While the cluster does not answer nothing is yielded. Raises SetupError for what waiting does not mend.
        """
        async with opened(self._hook) as api:
            while (left_s := _seconds_to(until)) > 0:
                try:
                    async with aclosing(self._changes(api, min(left_s, LOOKS_FOR_S))) as changes:
                        async for objects in changes:
                            yield objects
                except _Later as later:
                    await asyncio.sleep(max(0.0, min(later.after_s, _seconds_to(until))))

    async def _changes(self, api: CustomObjectsApi, for_s: float) -> AsyncGenerator[Mapping[str, Object], None]:
        """Yield the objects until a watch of `for_s` seconds ends. Raises _Later where it broke off."""
        try:
            if not self._version:
                await self._look(api)
                yield dict(self._seen)
            async with aclosing(self._events(api, for_s)) as events:
                async for event in events:
                    if event["type"] != "BOOKMARK":
                        self._take(event["type"], event["raw_object"])
                        yield dict(self._seen)
        except ApiException as error:
            raise self._later(error) from error
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            raise _Later(f"{type(error).__name__}: {error}") from error

    def _take(self, change: str, thing: Object) -> None:
        name = str(metadata(thing)["name"])
        if change == "DELETED":
            self._seen.pop(name, None)
        else:
            self._seen[name] = thing

    async def _look(self, api: CustomObjectsApi) -> None:
        within_s = CLUSTER_ANSWERS_WITHIN.total_seconds()
        answer = await api.list_namespaced_custom_object(
            *self._place, label_selector=self._selector, _request_timeout=within_s
        )
        if not isinstance(answer, dict) or "items" not in answer:
            raise _Later(f"what answers is no API server: {str(answer)[:100]!r}")
        self._version = str(metadata(answer)["resourceVersion"])
        self._seen = {str(metadata(item)["name"]): item for item in answer["items"]}

    async def _events(self, api: CustomObjectsApi, for_s: float) -> AsyncGenerator[dict[str, Any], None]:
        """Yield what one watch tells. Raises _Later for an answer that is none of an API server."""
        async with Watch() as watch:
            told = watch.stream(
                api.list_namespaced_custom_object,
                *self._place,
                label_selector=self._selector,
                resource_version=self._version,
                allow_watch_bookmarks=True,
                timeout_seconds=max(1, round(for_s)),
                _request_timeout=(CLUSTER_ANSWERS_WITHIN.total_seconds(), for_s + SLACK_S),
            )
            async for event in told:
                if not isinstance(event, dict):
                    raise _Later(f"what answers is no API server: {str(event)[:100]!r}")
                self._version = str(metadata(event["raw_object"]).get("resourceVersion") or self._version)
                yield event

    def _later(self, error: ApiException) -> _Later:
        """Return when to go on. Raises Pegel's error where that would not help."""
        refusal = Refusal.read(error.status or 0, error.body, str(error.reason or ""))
        if refusal.status == HTTPStatus.GONE:
            self._version = ""
            return _Later(refusal.message, 0.0)
        reached = refusal.error(self._doing)
        if not isinstance(reached, TemporaryError):
            raise reached
        asked = seconds_asked(error.headers, datetime.now(UTC))
        return _Later(refusal.message, PAUSE_S if asked is None else asked)


def _seconds_to(until: datetime) -> float:
    return (until - datetime.now(UTC)).total_seconds()


class _Later(Unavailable):
    """A watch broke off; it goes on after `after_s` seconds."""

    def __init__(self, why: str, after_s: float = PAUSE_S) -> None:
        super().__init__(why)
        self.after_s = after_s
