"""Where things are: in the checkout (interpreters, jars, plugins) and in the home of one local system (state, logs)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pegel.errors import SetupError
from pegel.spec.settings import SETTINGS_FILE
from pegel_local.processes.private_files import private_folder

DEMO_HOME = ".pegel-demo"
"""The folder of the demonstration's own system, beside that of a system of one's own."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """The source tree that the environments were installed from, as editable installs."""

    root: Path

    def python(self, environment: str) -> Path:
        """Return the interpreter of `airflow`, `spark` or `serving`. Raises SetupError when it is not installed."""
        interpreter = self.root / ".venvs" / environment / "bin" / "python"
        if not interpreter.exists():
            raise SetupError(
                f"the {environment} environment is not installed: {interpreter} is missing. Run `make setup`."
            )
        return interpreter

    def jars(self, group: str) -> Path:
        """Return the folder of one group of Java archives, `broker` or `spark`."""
        return self.root / ".jars" / group

    @property
    def demo_data(self) -> Path:
        """Return the folder of the flight delays that the demonstration uses."""
        return self.root / ".venvs" / "demo-data" / "popmon" / "test_data"

    @property
    def demo_home(self) -> Path:
        """Return the home of the demonstration's own system; it is emptied by each demonstration."""
        return self.root / DEMO_HOME

    @property
    def jars_lock(self) -> Path:
        """Return the file that pins every Java archive."""
        return self.root / "requirements" / "jars.lock"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one local system. Deleting it forgets the system."""

    path: Path

    def folder(self, name: str) -> Path:
        """Return a folder below the home, created if need be: `jobs`, `endpoints`, `broker`, `airflow`, `mail` ..."""
        return private_folder(self.path / name)

    @property
    def stack(self) -> Path:
        """Return the file that says what was started, with process ids, ports and addresses."""
        return self.path / "stack.json"

    @property
    def settings(self) -> Path:
        """Return the file in which a system that is up says its addresses to whoever knows the home."""
        return self.path / SETTINGS_FILE

    def log(self, component: str) -> Path:
        """Return the log file of a component."""
        return self.folder("logs") / f"{component}.log"


def checkout() -> Checkout:
    """Find the checkout this package was installed from. Raises SetupError when it was installed as a wheel."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "requirements" / "jars.lock").exists():
        raise SetupError(
            f"a local system runs from a checkout of the project; {root} is none (no requirements/jars.lock). "
            f"Clone the project and run `make setup` there."
        )
    return Checkout(root)
