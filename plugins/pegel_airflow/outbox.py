"""Mails that are due in one pass, sent by address: what is due to one at once is one message, and a pause follows.

A mail is settled as soon as each of its addresses had its turn: a crash repeats at most what is not yet, under the same
Message-ID. Whatever goes wrong with one address or one mail holds up no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from pegel.spec.alert_routes import is_pager, is_service
from pegel.spec.settings import Settings
from pegel_airflow.mail_sender import Delivery, MailSender
from pegel_airflow.service_sender import ServiceSender
from pegel_airflow.turns import Turns

if TYPE_CHECKING:
    from pegel.alerts.gathering import Gathered
    from pegel.alerts.message_identity import MailIdentity
    from pegel.report.mail_lead import Lead
    from pegel.report.mail_message import Rendered
    from pegel_airflow.services import Stores

ENDS_AT_ONCE = 50
"""So many ends of alerts a pager is told at once: each is a call of its own, and PagerDuty takes some 120 a minute by
one key. Were there more, none would ever be settled."""
WHOLE_MAILS = 3
"""So many mails to one address are told whole, one after the other, in one message; of more the first words."""
Words = TypeVar("Words")


@dataclass(kw_only=True)
class DueMail:
    """One mail that is due. `name`: of what it is about; `settle` is told what became of it.

    `write` returns it as a message of its own, `lead` as one of many; None where nothing can be written: then `settle`
    is told of no address. `failed` is told of an error that nobody foresaw.
    """

    name: str
    identity: MailIdentity
    recipients: tuple[str, ...]
    is_urgent: bool
    """Whether it is news that a person must see now; else it waits for company."""
    is_over: bool
    """Whether it says that something is over."""
    write: Callable[[], Rendered | None]
    lead: Callable[[], Lead | None]
    settle: Callable[[Delivery], None]
    failed: Callable[[Exception], None]
    delivery: Delivery = field(default_factory=Delivery)

    @cached_property
    def whole(self) -> Rendered | None:
        """Return it as a message of its own, written once for all of its addresses."""
        return self.write()

    @cached_property
    def in_short(self) -> Lead | None:
        """Return it as one of many, likewise."""
        return self.lead()


class Outbox:
    """The mails of one pass."""

    def __init__(self, stores: Stores, sender: MailSender, now: datetime, turns: Turns, settings: Settings) -> None:
        """Send nothing yet."""
        self._stores = stores
        self._sender = sender
        self._now = now
        self._turns = turns
        self._settings = settings
        self._services = ServiceSender()
        self._due: list[DueMail] = []

    def put(self, mail: DueMail) -> None:
        """Take in a mail that is due."""
        self._due.append(mail)

    def has_mail_to_send(self) -> bool:
        """Say whether something goes out now."""
        return bool(self._gathered().messages)

    def send(self) -> None:
        """Send what goes out now, and settle every mail."""
        chosen, left = self._gathered(), list[int]()
        for address in sorted(chosen.begin_to_wait):
            self._turns.take(f"mail to {address}", partial(self._wait, address))
        for mail in self._due:
            waiting = [address for address in mail.recipients if address not in chosen.messages]
            mail.delivery.waiting = {address: chosen.waiting[address] for address in waiting}
            left.append(len(mail.recipients) - len(waiting))
            if not left[-1]:
                self._settle(mail)
        for address in self._in_order(chosen.messages):
            due = chosen.messages[address]
            places = self._at_once(address, due)
            for at in set(due) - set(places):
                self._due[at].delivery.waiting[address] = self._now + self._settings.mail_pause
                left[at] -= 1
                if not left[at]:
                    self._settle(self._due[at])
            # Without a pause nobody is woken too often: each mail goes by itself.
            for together in [places] if self._settings.mail_pause else [(at,) for at in places]:
                self._send(address, [self._due[at] for at in together])
            for at in places:
                left[at] -= 1
                if not left[at]:
                    self._settle(self._due[at])

    def _in_order(self, addresses: Iterable[str]) -> list[str]:
        """Return mailboxes before services, and who could not be reached lately behind the others of its sort.

        Who makes a pass wait holds up nobody else.
        """
        away = set[str]()
        unreached = self._stores.last_mails.unreached
        self._turns.take("who could not be reached", lambda: away.update(one.address for one in unreached()))
        return sorted(addresses, key=lambda address: (is_service(address), address in away))

    def _at_once(self, address: str, places: Sequence[int]) -> Sequence[int]:
        """Return which of the mails that are due to an address one message tells."""
        if not is_pager(address):
            return places
        over = [at for at in places if self._due[at].is_over]
        return sorted(set(places) - set(over[ENDS_AT_ONCE:]))

    def _settle(self, mail: DueMail) -> None:
        error = self._turns.take(mail.name, partial(mail.settle, mail.delivery))
        if error is not None:
            self._turns.take(mail.name, partial(mail.failed, error))

    def _send(self, address: str, mails: Sequence[DueMail]) -> None:
        """Send an address what is due to it; what nobody foresaw leaves it due."""
        told, deliver = self._to_service(address, mails) if is_service(address) else self._to_mailbox(address, mails)
        if not told:
            return
        sent = Delivery()

        def turn() -> None:
            nonlocal sent
            sent = deliver()
            if sent.accepted:
                self._stores.last_mails.sent(address, self._now)

        error = self._turns.take(f"mail to {address}", turn)
        if not sent.settled:
            sent.later.setdefault(address, repr(error))
            failed = partial(self._stores.last_mails.failed, address, self._now, sent.later[address])
            self._turns.take(f"tries of {address}", failed)
        elif not sent.accepted:
            self._turns.take(f"tries of {address}", partial(self._stores.last_mails.answered, address))
        for mail in told:
            mail.delivery.accepted += sent.accepted
            mail.delivery.refused |= sent.refused
            mail.delivery.later |= sent.later

    def _to_mailbox(self, address: str, mails: Sequence[DueMail]) -> tuple[list[DueMail], Callable[[], Delivery]]:
        """Return which of these mails one to an address tells, and what sends it."""
        told, parts, subject = self._message(address, mails)
        identities = [mail.identity for mail in told]
        return told, lambda: self._sender.deliver(parts, [address], subject=subject, mails=identities)

    def _to_service(self, address: str, mails: Sequence[DueMail]) -> tuple[list[DueMail], Callable[[], Delivery]]:
        """Return the same of a message to a chat or a pager."""
        from pegel.report.notice import notice

        known = self._leads(address, mails)
        leads = [(mails[at].identity, lead) for at, lead in known.items()]

        def send() -> Delivery:
            page = self._settings.page_url
            return self._services.deliver(address, notice(leads, addressee=address, page_url=page, now=self._now))

        return [mails[at] for at in known], send

    def _leads(self, address: str, mails: Sequence[DueMail]) -> dict[int, Lead]:
        """Return the first words of mails by their place, of those of which there are any."""
        leads = {at: self._worded(address, mail, lambda mail: mail.in_short) for at, mail in enumerate(mails)}
        return {at: lead for at, lead in leads.items() if lead is not None}

    def _message(self, address: str, mails: Sequence[DueMail]) -> tuple[list[DueMail], list[Rendered], str]:
        """Return which of these mails can be told, and the parts and the subject of the message that tells them."""
        from pegel.report.many_mails import many_subject, many_words

        if len(mails) == 1:
            alone = self._worded(address, mails[0], lambda mail: mail.whole)
            return (list(mails), [alone], "") if alone is not None else ([], [], "")
        known = self._leads(address, mails)
        if len(known) > WHOLE_MAILS:
            told = list(known.values())
            words = many_words(told, page_url=self._settings.page_url, now=self._now)
            return [mails[at] for at in known], [words], many_subject(told, self._now)
        parts = {at: self._worded(address, mails[at], lambda mail: mail.whole) for at in known}
        written = {at: part for at, part in parts.items() if part is not None}
        subject = many_subject([known[at] for at in written], self._now) if len(written) > 1 else ""
        return [mails[at] for at in written], list(written.values()), subject

    def _worded(self, address: str, mail: DueMail, words: Callable[[DueMail], Words | None]) -> Words | None:
        """Return words of a mail; where an error keeps them from being found, it stays due, and holds up no other."""
        found = list[Words | None]()
        error = self._turns.take(mail.name, lambda: found.append(words(mail)))
        if error is not None:
            self._turns.take(mail.name, partial(mail.failed, error))
        if not found:
            mail.delivery.later[address] = "its words could not be found"
        return found[0] if found else None

    def _wait(self, address: str) -> None:
        self._stores.last_mails.waits(address, self._now)

    def _gathered(self) -> Gathered:
        from pegel.alerts.gathering import WantedMail, gathered

        due = [WantedMail(mail.recipients, mail.is_urgent) for mail in self._due]
        known = self._stores.last_mails.of(address for mail in due for address in mail.addresses)
        pause, patience = self._settings.mail_pause, self._settings.mail_patience
        return gathered(due, known, now=self._now, pause=pause, patience=patience)
