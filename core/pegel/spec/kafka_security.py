"""What a broker asks of its clients, in the words of each client library; the one place where settings become those.

Settings (environment): `PEGEL_KAFKA_SECURITY_PROTOCOL` and what it takes. Whoever connects asks here at the moment it
does: secrets stay in the environment, or in the files that it names, and travel in no argument and no document. The
workers of a driver read the broker themselves, so they need the same environment.

| setting | for |
|---|---|
| `PEGEL_KAFKA_SECURITY_PROTOCOL` | `PLAINTEXT` (default), `SSL`, `SASL_SSL`, `SASL_PLAINTEXT` |
| `PEGEL_KAFKA_SASL_MECHANISM` | `SASL_...`: `SCRAM-SHA-512`, `SCRAM-SHA-256`, `PLAIN`, `OAUTHBEARER` |
| `PEGEL_KAFKA_USER`, `PEGEL_KAFKA_PASSWORD` | SCRAM, PLAIN |
| `PEGEL_KAFKA_TOKEN_FILE` | OAUTHBEARER: file with the token, read again whenever one is needed |
| `PEGEL_KAFKA_CA` | `..._SSL`: the certificates that are trusted, a file or the text of it (PEM); unset: the system's |
| `PEGEL_KAFKA_CERTIFICATE`, `PEGEL_KAFKA_KEY` | `..._SSL`: files by which a client proves who it is (PEM) |
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pegel.errors import SetupError
from pegel.spec.settings import Settings

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT")
BY_PASSWORD = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
BY_TOKEN = "OAUTHBEARER"  # noqa: S105  the name of a mechanism
MECHANISMS = (*BY_PASSWORD, BY_TOKEN)
PEM = "-----BEGIN"
TOKEN_FOR_S = 300.0
"""How long a token is used that does not say when it expires; then the file is read again."""
NO_CLIENT = "No client of the broker was started."


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A token that somebody else keeps fresh in a file, as a cluster does with what it mounts."""

    path: Path

    def token(self) -> str:
        """Return the token. Raises SetupError when it cannot be read."""
        return _text(self.path, "PEGEL_KAFKA_TOKEN_FILE")

    @staticmethod
    def extensions() -> dict[str, str]:
        """Return what kafka-python says beside it: nothing."""
        return {}

    def with_expiry(self, _config: str = "") -> tuple[str, float]:
        """Return the token, and the instant (seconds since 1970) from which it is no more to be used: librdkafka's."""
        token = self.token()
        return token, _expiry(token) or time.time() + TOKEN_FOR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSecurity:
    """What a broker asks for, checked. Nothing of it is shown by `repr` but who asks how."""

    protocol: str = "PLAINTEXT"
    mechanism: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    token: TokenFile | None = field(default=None, repr=False)
    ca: str = field(default="", repr=False)
    certificate: Path | None = None
    key: Path | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say. Raises SetupError, one sentence, for what cannot be or is not there."""
        password, token = settings.kafka_password, settings.kafka_token_file
        made = cls(
            protocol=settings.kafka_security_protocol.upper(),
            mechanism=(settings.kafka_sasl_mechanism or "").upper(),
            user=settings.kafka_user or "",
            password="" if password is None else password.get_secret_value(),
            token=None if token is None else TokenFile(token),
            ca=(settings.kafka_ca or "").strip(),
            certificate=settings.kafka_certificate,
            key=settings.kafka_key,
        )
        made._check()
        return made

    @property
    def is_encrypted(self) -> bool:
        """Say whether connections are TLS."""
        return self.protocol.endswith("SSL")

    @property
    def asks_who(self) -> bool:
        """Say whether a client says who it is by SASL."""
        return self.protocol.startswith("SASL")

    def librdkafka(self) -> dict[str, Any]:
        """Return the options of confluent-kafka, beside the bootstrap servers. Nothing for a broker that asks nothing.

        The name in the broker's certificate is compared with its address.
        """
        options: dict[str, Any] = {} if self.protocol == "PLAINTEXT" else {"security.protocol": self.protocol}
        if self.is_encrypted:
            if self.ca:
                options["ssl.ca.pem" if self.ca.startswith(PEM) else "ssl.ca.location"] = self.ca
            if self.certificate is not None:
                options |= {"ssl.certificate.location": str(self.certificate), "ssl.key.location": str(self.key)}
        if self.asks_who:
            options["sasl.mechanism"] = self.mechanism
            if self.token is not None:
                options["oauth_cb"] = self.token.with_expiry
            else:
                options |= {"sasl.username": self.user, "sasl.password": self.password}
        return options

    def kafka_python(self) -> dict[str, Any]:
        """Return the options of kafka-python; as for librdkafka.

        It takes tokens from classes of its own only: whoever uses one registers `TokenFile` as such.
        """
        options: dict[str, Any] = {} if self.protocol == "PLAINTEXT" else {"security_protocol": self.protocol}
        if self.is_encrypted:
            options["ssl_context"] = self._context()
        if self.asks_who:
            options["sasl_mechanism"] = self.mechanism
            if self.token is not None:
                options["sasl_oauth_token_provider"] = self.token
            else:
                options |= {"sasl_plain_username": self.user, "sasl_plain_password": self.password}
        return options

    def _context(self) -> ssl.SSLContext:
        """Return a context of TLS. Raises SetupError for files that are missing or no certificates."""
        is_text = self.ca.startswith(PEM)
        try:
            context = ssl.create_default_context(
                cafile=None if is_text or not self.ca else self.ca, cadata=self.ca if is_text else None
            )
        except (OSError, ValueError) as error:
            given = "a text that begins as one" if is_text else self.ca
            raise SetupError(
                f"PEGEL_KAFKA_CA: expected certificates (PEM); given {given}: {_reason(error)}. {NO_CLIENT}"
            ) from error
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key)
            except (OSError, ValueError) as error:
                raise SetupError(
                    f"PEGEL_KAFKA_CERTIFICATE and PEGEL_KAFKA_KEY: expected a certificate and its key (PEM); given "
                    f"{self.certificate} and {self.key}: {_reason(error)}. {NO_CLIENT}"
                ) from error
        return context

    def _check(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise _refusal("PEGEL_KAFKA_SECURITY_PROTOCOL", f"one of {', '.join(PROTOCOLS)}", self.protocol)
        if self.asks_who:
            self._check_identity()
        elif self.mechanism or self.user or self.password or self.token:
            raise _refusal(
                "PEGEL_KAFKA_SECURITY_PROTOCOL",
                "SASL_SSL or SASL_PLAINTEXT, as a mechanism, a user, a password or a token is set",
                self.protocol,
            )
        if not self.is_encrypted and (self.ca or self.certificate or self.key):
            raise _refusal(
                "PEGEL_KAFKA_SECURITY_PROTOCOL", "SSL or SASL_SSL, as certificates or a key are set", self.protocol
            )
        if (self.certificate is None) != (self.key is None):
            raise SetupError(
                f"expected both PEGEL_KAFKA_CERTIFICATE and PEGEL_KAFKA_KEY, or neither; given one of them. {NO_CLIENT}"
            )
        if self.is_encrypted:
            self._context()

    def _check_identity(self) -> None:
        if self.mechanism not in MECHANISMS:
            raise _refusal("PEGEL_KAFKA_SASL_MECHANISM", f"one of {', '.join(MECHANISMS)}", self.mechanism or "nothing")
        if self.mechanism == BY_TOKEN:
            if self.token is None:
                raise SetupError(f"expected PEGEL_KAFKA_TOKEN_FILE for {BY_TOKEN}; it is not set. {NO_CLIENT}")
            self.token.token()
            return
        parts = {"PEGEL_KAFKA_USER": self.user, "PEGEL_KAFKA_PASSWORD": self.password}
        if missing := [name for name, value in parts.items() if not value]:
            raise SetupError(
                f"expected {' and '.join(missing)} for {self.mechanism}; "
                f"{'it is' if len(missing) == 1 else 'they are'} not set. {NO_CLIENT}"
            )


def _refusal(name: str, expected: str, given: str) -> SetupError:
    return SetupError(f"{name}: expected {expected}; given {given}. {NO_CLIENT}")


def _reason(error: Exception) -> str:
    """Return why a file was not taken; an SSLError's own words name a line of its source."""
    if isinstance(error, ssl.SSLError):
        return f"it is none ({(error.reason or 'no reason told').lower().replace('_', ' ')})"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _text(path: Path, name: str) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SetupError(
            f"{name}: expected a file with a token; given {path}: {_reason(error)}. {NO_CLIENT}"
        ) from error
    if not text:
        raise SetupError(f"{name}: expected a file with a token; given {path}, which is empty. {NO_CLIENT}")
    return text


def _expiry(token: str) -> float | None:
    """Return when a token expires (seconds since 1970), if it is a JSON Web Token that says so (RFC 7519, 4.1.4)."""
    try:
        claims = token.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        return float(said["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None
