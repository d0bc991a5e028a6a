"""The port on which the JVM calls this process back: kept to the JVM that this process started.

Spark gives the JVM's own port a token and this one none (4.3): whoever reaches loopback could end a stream with eight
bytes. The JVM's client forgets the token that it was built with when it is told the port, so both are given it here.
"""

from __future__ import annotations

from typing import Any

from py4j.java_gateway import JavaObject
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import SparkSession


def guard(spark: SparkSession) -> None:
    """Open the port of callbacks with the session's token on both sides. To be called before anything is called back.

    Raises Py4JError where the JVM's client keeps no token any more: then nothing is to be watched before that is seen.
    """
    gateway: Any = spark.sparkContext._gateway  # noqa: SLF001  Spark has no other door to it
    token = gateway.java_parameters.auth_token
    gateway.python_parameters.auth_token = token
    ensure_callback_server_started(gateway)  # type: ignore[no-untyped-call]  # Spark's
    client = JavaObject("GATEWAY_SERVER", gateway._gateway_client).getCallbackClient()  # noqa: SLF001  as above
    field = gateway.jvm.java.lang.Class.forName("py4j.CallbackClient").getDeclaredField("authToken")
    field.setAccessible(True)
    field.set(client, token)
