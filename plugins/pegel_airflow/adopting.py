"""Take over, and give back, an InferenceService that somebody else made."""

from __future__ import annotations

from pegel.errors import SetupError
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.settings import KSERVE, Settings
from pegel_airflow.teams import refuse_other_team


def carry_out(settings: Settings, service: str, *, release: bool, user: str | None) -> str:
    """Adopt the service `namespace/name`, or release it; return what became of it, in words.

    Raises SetupError where no cluster serves, PermanentError if the namespace is that of another team than `user`'s,
    and what `adopt` and `release` raise.
    """
    if settings.serving_backend != KSERVE:
        raise SetupError(
            f"expected PEGEL_SERVING_BACKEND={KSERVE}; given {settings.serving_backend}: there is no InferenceService "
            f"to adopt. A server that runs already is watched by its address, see model.url."
        )
    from pegel_airflow.kubernetes import adoption
    from pegel_airflow.kubernetes.hook import ClusterHook

    namespace, _, name = service.partition("/")
    refuse_other_team(namespace, user)
    cluster = ClusterSettings.of_environment()
    hook = ClusterHook(cluster.kubernetes_connection)
    if release:
        return adoption.release(hook, namespace, name)
    return adoption.adopt(hook, cluster, namespace, name)
