"""What the processes of an endpoint find in their environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from pegel.spec.settings import Settings
from pegel_local.backends.child_environments import endpoint_environment, transformer_environment


def test_a_transformer_is_told_where_its_store_is_and_nothing_else(tmp_path: Path) -> None:
    """Of the settings it has those of the stores of features, and neither the database nor the broker."""
    settings = Settings(
        database_url="postgresql://pegel:secret@127.0.0.1/pegel",
        online_redis=SecretStr("redis://127.0.0.1:6379/0"),
        entity_secret=SecretStr("sixteen letters!"),
        hopsworks="hops.example.org",
        hopsworks_key_file=tmp_path / "key",
        hopsworks_online="store.example.org:4406",
    )

    told = transformer_environment(settings)

    assert {
        "PEGEL_ONLINE_REDIS": "redis://127.0.0.1:6379/0",
        "PEGEL_ENTITY_SECRET": "sixteen letters!",
        "PEGEL_HOPSWORKS": "hops.example.org",
        "PEGEL_HOPSWORKS_KEY_FILE": str(tmp_path / "key"),
        "PEGEL_HOPSWORKS_ONLINE": "store.example.org:4406",
    } == {name: value for name, value in told.items() if name.startswith("PEGEL_")}
    assert endpoint_environment().items() <= told.items()
