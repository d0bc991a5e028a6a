"""What an installation in a cluster may say of itself, and what it is told about the rest."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from pegel.errors import SetupError
from pegel.spec.cluster_settings import ClusterSettings


def test_an_installation_needs_none() -> None:
    """Without a variable the settings are whole: one namespace of models, and a logger beside the drivers."""
    cluster = ClusterSettings.of_environment()

    assert ("default",) == cluster.allowed_namespaces
    assert "http://pegel-logger.pegel.svc.cluster.local:8080/" == cluster.events_url


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are comma separated, lengths of time have units, and a logger elsewhere is named by its address."""
    monkeypatch.setenv("PEGEL_CLUSTER_MODEL_NAMESPACES", "team-a, team-b,")
    monkeypatch.setenv("PEGEL_CLUSTER_DRIVER_GRACE", "2m")
    monkeypatch.setenv("PEGEL_CLUSTER_LOGGER_URL", "https://events.example.org/")
    cluster = ClusterSettings.of_environment()

    assert ("team-a", "team-b") == cluster.allowed_namespaces
    assert timedelta(minutes=2) == cluster.driver_grace
    assert "https://events.example.org/" == cluster.events_url


@pytest.mark.parametrize(
    ("variable", "given"),
    [
        ("NAMESPACE", "Pegel"),
        ("MODEL_NAMESPACES", "team-a,*"),
        ("DRIVER_IMAGE", "pegel-spark"),
        ("DRIVER_IMAGE", "pegel-spark:latest"),
        ("DRIVER_IMAGE", "pegel-spark@sha256:12"),
        ("DRIVER_MEMORY", "1Gi"),
        ("LOGGER_MEMORY", "1g"),
        ("LOGGER_CPU", "0.5"),
        ("EXECUTORS", "0"),
        ("DRIVER_GRACE", "-1s"),
        ("DEPLOYMENT_MODE", "Serverless"),
        ("LOGGER_URL", ""),
        ("LOGGER_URL", "pegel-logger:8080"),
    ],
)
def test_what_a_cluster_would_refuse_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str
) -> None:
    """A value that no object could have is an error of the set-up, with the variable and the value in it."""
    monkeypatch.setenv(f"PEGEL_CLUSTER_{variable}", given)

    with pytest.raises(SetupError, match=rf"PEGEL_CLUSTER_{variable}: given .*Nothing was applied"):
        ClusterSettings.of_environment()


@pytest.mark.parametrize("address", ["http://ada:hunter2@events.example.org/", "http://hunter2@events.example.org"])
def test_no_secret_stands_in_an_object(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """An address with a password would be read in every endpoint: it is refused, and not shown."""
    monkeypatch.setenv("PEGEL_CLUSTER_LOGGER_URL", address)
    with pytest.raises(SetupError, match="has a name or a password") as refused:
        ClusterSettings.of_environment()

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("image", ["registry.example.org:5000/pegel/spark:1.2.3", f"pegel-spark@sha256:{'a' * 64}"])
def test_an_image_has_a_tag_or_a_digest(image: str) -> None:
    """Either says which image is meant, also behind a registry with a port."""
    assert image == ClusterSettings(driver_image=image).driver_image


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wrong variables are two lines."""
    monkeypatch.setenv("PEGEL_CLUSTER_NAMESPACE", "-")
    monkeypatch.setenv("PEGEL_CLUSTER_JOB_MEMORY", "much")

    with pytest.raises(SetupError) as refused:
        ClusterSettings.of_environment()

    assert 2 == len(str(refused.value).splitlines())


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("PEGEL_CLUSTER_DRIVER_CORE", "; did you mean `PEGEL_CLUSTER_DRIVER_CORES`? "),
        ("PEGEL_CLUSTER_XYZ", ". "),
    ],
)
def test_a_mistyped_setting_is_refused(monkeypatch: pytest.MonkeyPatch, given: str, meant: str) -> None:
    """A variable that nobody would read is told with the setting that it is most like."""
    monkeypatch.setenv(given, "2")

    with pytest.raises(SetupError, match=rf"^{given}: no such setting{re.escape(meant)}Nothing was applied\.$"):
        ClusterSettings.of_environment()


@pytest.mark.parametrize("name", ["SERVICE_HOST", "SERVICE_PORT_HTTP", "PORT", "PORT_443_TCP_ADDR"])
def test_a_service_of_that_name_is_no_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Kubernetes gives pods variables of the services beside them, whatever these are called."""
    monkeypatch.setenv(f"PEGEL_CLUSTER_{name}", "10.0.0.1")

    assert ClusterSettings() == ClusterSettings.of_environment()
