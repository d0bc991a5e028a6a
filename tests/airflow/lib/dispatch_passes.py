"""A pass of the dispatcher at an instant of a test's choice."""

from __future__ import annotations

from datetime import datetime

from pegel.errors import Unavailable
from pegel.spec.settings import Settings
from pegel_airflow import alerting
from pegel_airflow.mail_sender import MailSender
from pegel_airflow.smtp_session import SmtpSession


def look(settings: Settings, at: datetime, session: SmtpSession | None = None) -> str:
    """Let a pass happen; return what it said, or what is to be tried again."""
    with MailSender(settings, session) as sender:
        one = alerting.Pass(settings, sender, at)
        one.take_in()
        try:
            return one.end()
        except Unavailable as error:
            return str(error)
