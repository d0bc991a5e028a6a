"""Where a Hopsworks is and who asks it: the settings `PEGEL_HOPSWORKS_*`, checked.

The API key stands in a file and nowhere else: not in the environment, not in an argument, not in a document. Whoever
starts a job puts the file where the job finds it: a Secret that is mounted, or a private file for the time of a task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pegel.errors import SetupError
from pegel.spec.settings import Settings

PORT = 443
NOTHING = "Hopsworks was not asked."
_MOST_DIGITS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HopsworksConnection:
    """How one project is reached. `ca`: certificates to trust in place of the machine's, or None."""

    host: str
    port: int
    project: str
    key_file: Path
    ca: Path | None = None

    @classmethod
    def of(cls, settings: Settings, project: str | None = None) -> Self:
        """Return what the settings say; `project` instead of theirs. Raises SetupError, one sentence."""
        address, wanted = settings.hopsworks, project or settings.hopsworks_project
        if address is None or settings.hopsworks_key_file is None:
            lacking = "PEGEL_HOPSWORKS" if address is None else "PEGEL_HOPSWORKS_KEY_FILE"
            raise SetupError(
                f"{lacking}: expected {'HOST or HOST:PORT' if address is None else 'the file with an API key'} of "
                f"Hopsworks; it is not set. {NOTHING}"
            )
        if wanted is None:
            raise SetupError(f"PEGEL_HOPSWORKS_PROJECT: expected the name of a project; it is not set. {NOTHING}")
        host, port = _host_and_port(address)
        return cls(host=host, port=port, project=wanted, key_file=settings.hopsworks_key_file, ca=settings.hopsworks_ca)

    @property
    def address(self) -> str:
        """Return host and port, for people."""
        return self.host if self.port == PORT else f"{self.host}:{self.port}"

    def of_project(self, project: str) -> Self:
        """Return the same for another project."""
        return replace(self, project=project)

    def key(self) -> str:
        """Return the API key. Raises SetupError where the file holds none, without a word of what it holds."""
        try:
            text = self.key_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text of one line"
            raise SetupError(f"PEGEL_HOPSWORKS_KEY_FILE: {self.key_file} cannot be read: {why}. {NOTHING}") from None
        if not text or not text.isprintable():
            raise SetupError(
                f"PEGEL_HOPSWORKS_KEY_FILE: expected an API key, one line, in {self.key_file}; given "
                f"{'several lines' if text else 'an empty file'}. {NOTHING}"
            )
        return text


def _host_and_port(address: str) -> tuple[str, int]:
    """Take `host`, `host:port` or `https://host` apart. Raises SetupError."""
    plain = address.strip().removeprefix("https://").rstrip("/")
    host, _, port = plain.partition(":")
    if not host or "/" in host or " " in host or "@" in host or (port and not _is_port(port)) or plain.endswith(":"):
        raise SetupError(
            f"PEGEL_HOPSWORKS: expected HOST or HOST:PORT, which is asked by https; given {address!r}. {NOTHING}"
        )
    return host, int(port or PORT)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and 0 < int(text) <= 65_535  # noqa: PLR2004  16 bits
