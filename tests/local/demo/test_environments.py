"""An environment that is half installed is noticed before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pegel.errors import SetupError
from pegel_local.demo.failure import StageFailed
from pegel_local.demo.stages.environments_ready import installed
from pegel_local.machine.paths import Checkout


def test_a_version_is_read_without_importing(tmp_path: Path) -> None:
    """The name of a package's metadata folder tells its version."""
    (tmp_path / "lib" / "python3.11" / "site-packages" / "kserve-0.21.0.dist-info").mkdir(parents=True)

    assert installed(tmp_path / "bin" / "python", "kserve") == "0.21.0"


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    """The sentence names the package, the environment and the remedy."""
    with pytest.raises(StageFailed, match=r"(?s)kserve in .*it is missing; run `make setup`"):
        installed(tmp_path / "bin" / "python", "kserve")


def test_a_missing_environment_is_named(tmp_path: Path) -> None:
    """An environment without an interpreter is not installed."""
    with pytest.raises(SetupError, match=r"the spark environment is not installed: .* Run `make setup`"):
        Checkout(tmp_path).python("spark")
