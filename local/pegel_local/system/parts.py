"""The parts of a local system, described for one home and its ports: broker, logger, mail box, Airflow, settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

from pegel.spec.settings import Settings
from pegel_local.airflow.airflow_services import USER, Airflow
from pegel_local.kafka.broker import Broker
from pegel_local.machine import ports
from pegel_local.machine.paths import Checkout, Home
from pegel_local.machine.ports import LOOPBACK
from pegel_local.processes import process_control
from pegel_local.processes.service import Service, answers_ok

PURPOSES = ("airflow", "kafka", "logger", "mail")
"""What ports are chosen for."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that can be started in one home. Describing starts nothing."""

    home: Home
    checkout: Checkout
    ports: dict[str, int]

    def settings(self) -> Settings:
        """Return the settings of every process that talks to this system."""
        return Settings(
            home=self.home.path,
            kafka=f"{LOOPBACK}:{self.ports['kafka']}",
            logger_url=f"http://{LOOPBACK}:{self.ports['logger']}/",
            page_url=f"http://{LOOPBACK}:{self.ports['airflow']}/pegel",
            airflow_url=f"http://{LOOPBACK}:{self.ports['airflow']}",
            smtp=f"{LOOPBACK}:{self.ports['mail']}",
            # Its mail box wakes nobody: each mail is there as soon as it is due.
            mail_gather=timedelta(0),
            mail_pause=timedelta(0),
            mail_patience=timedelta(0),
            serving_python=self.checkout.python("serving"),
            spark_python=self.checkout.python("spark"),
        )

    def addresses(self) -> dict[str, str]:
        """Return where people and clients go, the password of the user interface included."""
        settings = self.settings()
        return {
            "airflow": settings.airflow_url,
            "page": settings.page_url,
            "kafka": settings.kafka,
            "logger": settings.logger_url.rstrip("/"),
            "mail": str(self.home.folder("mail")),
            "user": USER,
            "password": self.airflow().password,
        }

    def further_commands(self) -> dict[str, str]:
        """Return commands that look at what the others do not show, by what they show."""
        return {}

    def broker(self) -> Broker:
        """Return the broker. It keeps the port of its first start, which clients were told."""
        return Broker(self.home.path / "broker", self.checkout.jars("broker"), port=self.ports["kafka"])

    def airflow(self) -> Airflow:
        """Return the Airflow, whose tasks read our settings from their environment."""
        return Airflow(
            folder=self.home.folder("airflow"),
            logs=self.home.folder("logs"),
            checkout=self.checkout,
            port=self.ports["airflow"],
            smtp_port=self.ports["mail"],
            pegel=self.settings().variables(),
        )

    def logger(self) -> Service:
        """Return the inference logger. It starts without a broker and keeps what it is sent until there is one."""
        port = self.ports["logger"]
        address = f"http://{LOOPBACK}:{port}/livez"
        options = {
            "--kafka": self.settings().kafka,
            "--port": port,
            "--spool": str(self.home.folder("logger")),
            # one folder for each endpoint there is: strangers take no metrics from them
            "--names": str(self.home.folder("endpoints")),
        }
        return Service(
            name="logger",
            command=self._python("pegel_serving.logger", *(part for option in options.items() for part in option)),
            log=self.home.log("logger"),
            environment=process_control.scrubbed(os.environ),
            healthy=lambda: answers_ok(address),
        )

    def mail(self) -> Service:
        """Return the mail box."""
        port = self.ports["mail"]
        return Service(
            name="mail",
            command=self._python("pegel_local.system.mailsink", self.home.folder("mail"), port),
            log=self.home.log("mail"),
            environment=process_control.scrubbed(os.environ),
            healthy=lambda: ports.answers(port),
        )

    def _python(self, module: str, *arguments: object) -> tuple[str, ...]:
        return (str(self.checkout.python("serving")), "-m", module, *map(str, arguments))
