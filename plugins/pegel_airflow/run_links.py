"""Links beside a run's tasks in Airflow's UI: to the model's page, and to the endpoint that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from pegel.spec.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


def model_page(settings: Settings, name: str, version: int) -> str:
    """Return the public address of a model's page."""
    return f"{settings.page_url.rstrip('/')}/models/{quote(name, safe='')}/{version}"


class ModelPageLink(BaseOperatorLink):
    """The page of the model whose spec an operator has; that of all models where it has none yet."""

    name = "Pegel page"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow hands it in
        """Return its address."""
        model = _model(operator)
        if model is None:
            return f"{Settings().page_url.rstrip('/')}/"
        return model_page(Settings(), str(model["name"]), int(model["version"]))


class EndpointLink(BaseOperatorLink):
    """What the endpoint that an operator has looked at says of its model; no address where there is none."""

    name = "Endpoint"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow hands it in
        """Return the address at which its server describes the model."""
        url, model = getattr(operator, "endpoint_url", None), _model(operator)
        if not url or model is None:
            return ""
        served = quote(str(model.get("served_name") or f"{model['name']}-v{model['version']}"), safe="")
        return f"{str(url).rstrip('/')}/{model.get('protocol', 'v1')}/models/{served}"


def _model(operator: BaseOperator) -> dict[str, Any] | None:
    """Return the model's part of an operator's spec; None before the spec is there."""
    spec = getattr(operator, "spec", None)
    model = spec.get("model") if isinstance(spec, dict) else None
    return model if isinstance(model, dict) and {"name", "version"} <= model.keys() else None
