"""A real broker that asks its clients who they are, over TLS, beside the plain listener by which tests look into it."""

from __future__ import annotations

import base64
import json
import time
from contextlib import closing
from pathlib import Path

from certificates import Certificates
from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion

from pegel_local.kafka.broker import Broker
from pegel_local.machine.paths import checkout
from pegel_local.machine.ports import free_ports

USER, PASSWORD = "pegel", "correct-horse-battery"
SECURED = """
listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},\\
  SECURED://127.0.0.1:{secured},MUTUAL://127.0.0.1:{mutual}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SECURED://127.0.0.1:{secured},MUTUAL://127.0.0.1:{mutual}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL,MUTUAL:SSL
ssl.keystore.type=PEM
ssl.keystore.location={server}
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.truststore.type=PEM
listener.name.mutual.ssl.truststore.location={ca}
listener.name.secured.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512,OAUTHBEARER
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secured.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  user_{user}="{password}";
listener.name.secured.oauthbearer.sasl.jaas.config=\\
  org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="x";
"""
"""Beside what a broker of one machine is told; of two lines for one property the last counts."""


class SecuredBroker(Broker):
    """`secured` is the address at which it asks: for the user `USER` with `PASSWORD`, or for an unsigned token.

    At `mutual` it asks for a certificate.
    """

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        """Name the folder; nothing is started or written yet."""
        super().__init__(folder, checkout().jars("broker"))
        self._certificates = certificates
        self._secured, self._mutual = free_ports(2)

    @property
    def secured(self) -> str:
        """Return `host:port` of the listener that asks."""
        return f"127.0.0.1:{self._secured}"

    @property
    def mutual(self) -> str:
        """Return `host:port` of the listener that asks for a certificate."""
        return f"127.0.0.1:{self._mutual}"

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait until it takes records, and tell it the password of `USER`."""
        super().wait(timeout_s)
        with closing(KafkaAdminClient(bootstrap_servers=self.address)) as admin:
            admin.alter_user_scram_credentials([UserScramCredentialUpsertion(USER, "SCRAM-SHA-512", PASSWORD)])

    def _prepare(self, java: Path) -> None:
        super()._prepare(java)
        known = json.loads((self.folder / "addresses.json").read_text())
        with (self.folder / "server.properties").open("a") as properties:
            properties.write(
                SECURED.format(
                    plain=known["port"],
                    controller=known["controller"],
                    secured=self._secured,
                    mutual=self._mutual,
                    server=self._certificates.server,
                    ca=self._certificates.ca,
                    user=USER,
                    password=PASSWORD,
                )
            )


def unsigned_token(user: str = USER, for_s: float = 3600.0) -> str:
    """Return a JSON Web Token without a signature, which a broker takes that was not told whom to trust."""
    now = time.time()
    parts = ({"alg": "none"}, {"sub": user, "iat": now - 1, "exp": now + for_s})
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts), ""]
    )
