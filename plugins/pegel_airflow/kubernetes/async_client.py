"""The asynchronous client of Airflow's Kubernetes provider, for what runs in the triggerer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from kubernetes_asyncio.client import CustomObjectsApi, V1DeleteOptions, V1Preconditions
from kubernetes_asyncio.client.exceptions import ApiException

from pegel.errors import PegelError, SetupError, Unavailable
from pegel.manifests.objects import ObjectKind
from pegel.spec.limits import CLUSTER_ANSWERS_WITHIN
from pegel_airflow.kubernetes.api_errors import Refusal


@asynccontextmanager
async def opened(hook: AsyncKubernetesHook) -> AsyncIterator[CustomObjectsApi]:
    """Open the client of a connection. Raises SetupError where it leads to no cluster."""
    session = hook.get_conn()
    try:
        client = await session.__aenter__()
    except PegelError:
        raise
    except Exception as error:
        raise SetupError(
            f"expected Airflow's connection {hook.conn_id!r} to lead to a cluster; given: {type(error).__name__}: "
            f"{error}. Nothing was asked of it"
        ) from error
    try:
        yield CustomObjectsApi(client)
    finally:
        await session.__aexit__(None, None, None)


async def delete(api: CustomObjectsApi, kind: ObjectKind, namespace: str, name: str, uid: str) -> None:
    """Delete the very object of that `uid`; one that is gone, or whose name another one has now, is not an error.

    Raises Unavailable where the cluster does not answer, and what its refusal means.
    """
    doing = f"delete {kind.name} {namespace}/{name}"
    try:
        await api.delete_namespaced_custom_object(
            kind.group,
            kind.version,
            namespace,
            kind.plural,
            name,
            body=V1DeleteOptions(propagation_policy="Background", preconditions=V1Preconditions(uid=uid)),
            _request_timeout=CLUSTER_ANSWERS_WITHIN.total_seconds(),
        )
    except ApiException as error:
        if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
            raise Refusal.read(error.status or 0, error.body, str(error.reason or "")).error(doing) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"could not {doing}: {type(error).__name__}: {error}") from error
