"""Messages to chats and pagers, through Airflow's HTTP connections.

A connection `pegel_NAME` of type `http`: its host is the address, to which a password is appended where no login is
stated, because the last part of such an address is a secret; of PagerDuty the password is the key of the integration.
"""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog

from pegel.spec.alert_routes import service_of
from pegel_airflow.deadline import within
from pegel_airflow.mail_sender import Delivery

if TYPE_CHECKING:
    from pegel.report.notice import Notice

ANSWERS_WITHIN_S: Final = 10
"""Seconds for which a pass waits for one of them, whatever that sends; it is asked again a minute later."""
IN_ALL_S: Final = 60
"""Seconds for which it waits for all calls of one message, and for all that do not answer, before it asks nobody."""
REFUSED: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""Answers that say that the message itself is wrong: sent again, it gets the same one. Any other may be mended: a
connection that is not there, a key that is not known, a server that is away."""
PATHS: Final = {"pagerduty": "/v2/enqueue"}

log = structlog.get_logger()


class ServiceSender:
    """Sends notices; a connection that does not answer is not asked again in the same pass."""

    def __init__(self, *, within_s: float = ANSWERS_WITHIN_S, in_all_s: float = IN_ALL_S) -> None:
        """Ask nobody yet, and wait for nobody's answer for longer than `within_s` seconds, nor for all `in_all_s`."""
        self._away: dict[str, str] = {}
        self._within_s = within_s
        self._in_all_s = self._left_s = in_all_s

    def deliver(self, address: str, notice: Notice) -> Delivery:
        """Send a notice to one addressee. Raises nothing that a server or a connection is to blame for.

        No address is told in what went wrong: it is a secret.
        """
        service, connection = service_of(address)
        if address in self._away:
            return Delivery(later={address: self._away[address]})
        if self._left_s <= 0:
            return Delivery(later={address: "others took too long to answer in this pass"})
        begun = time.monotonic()
        try:
            status = self._post(service, connection, notice)
        except Exception as error:  # noqa: BLE001  whatever a hook, a connection or a server does
            self._left_s -= time.monotonic() - begun
            why = f"no answer by connection {connection} of Airflow: {type(error).__name__}"
            log.warning("not told", addressee=address, reason=why)
            self._away[address] = why
            return Delivery(later={address: why})
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Delivery(accepted=[address])
        why = f"connection {connection} of Airflow answered {status}"
        log.warning("not told", addressee=address, reason=why)
        return Delivery(refused={address: why}) if status in REFUSED else Delivery(later={address: why})

    def _post(self, service: str, connection: str, notice: Notice) -> int:
        """Return the status of the last answer, the first that is no success."""
        from airflow.providers.http.hooks.http import HttpHook

        from pegel.report.service_payloads import payloads

        hook = HttpHook(method="POST", http_conn_id=connection)
        known = hook.get_connection(connection)
        secret = known.password or ""
        own = f"/{secret.lstrip('/')}" if secret and not known.login else ""
        # The same at each try, for whoever looks at it.
        headers = {"Content-Type": "application/json", "Idempotency-Key": notice.id}
        # Only the status of an answer is read, however long it is.
        options = {"check_response": False, "timeout": self._within_s, "allow_redirects": False, "stream": True}
        status, until = int(HTTPStatus.OK), time.monotonic() + self._in_all_s
        for payload in payloads(service, notice, secret):

            def post(body: str = json.dumps(payload)) -> int:
                answer = hook.run(PATHS.get(service, own), data=body, headers=headers, extra_options=options)
                with answer:
                    return int(answer.status_code)

            status = within(min(self._within_s, until - time.monotonic()), post)
            if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                return status
        return status
