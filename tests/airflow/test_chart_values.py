"""What the values for Airflow's chart say of people, in a real Airflow: the auth manager is there, and lets them in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

VALUES = Path(__file__).parents[2] / "k8s" / "components" / "airflow" / "values.yaml"
PASSWORDS = {"admin": "of-the-admin", "pegel": "of-the-commands"}


@pytest.fixture
def values() -> Any:
    """The values as a chart reads them."""
    return yaml.safe_load(VALUES.read_text(encoding="utf-8"))


@pytest.fixture
def copied(values: Any, tmp_path: Path) -> Path:
    """The file of passwords that the API server's own command makes of a Secret, which nobody may write to."""
    secret, file = tmp_path / "secret", tmp_path / "passwords.json"
    secret.mkdir()
    (secret / "passwords.json").write_text(json.dumps(PASSWORDS), encoding="utf-8")
    (secret / "passwords.json").chmod(0o444)
    shell, option, line = values["apiServer"]["args"]
    config = values["config"]["core"]
    (mounted,) = (mount["mountPath"] for mount in values["apiServer"]["extraVolumeMounts"])
    first, last = line.split(" && ")
    command = first.replace(mounted, str(secret)).replace(config["simple_auth_manager_passwords_file"], str(file))
    subprocess.run([shell, option, command], check=True)
    assert "exec airflow api-server" == last
    return file


def test_the_users_of_the_values_are_let_in_with_the_secrets_passwords(
    values: Any, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow adds nobody and makes no password up: the Secret's are those in force, and the file is private."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.configuration import conf

    config = values["config"]["core"]
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", config["auth_manager"])
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", config["simple_auth_manager_users"])
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(copied))
    SimpleAuthManager().init()  # type: ignore[no-untyped-call]  # Airflow's

    assert SimpleAuthManager is conf.getimport("core", "auth_manager")
    assert PASSWORDS == SimpleAuthManager.get_passwords()
    assert [("admin", "admin"), ("pegel", "user")] == [
        (user.username, user.role) for user in SimpleAuthManager.get_users()
    ]
    assert 0o600 == copied.stat().st_mode & 0o777
