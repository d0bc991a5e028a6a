"""The types of what a cluster is asked for: what each accepts, and the sentence with which it refuses the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema

from pegel.spec import names
from pegel.spec.server_addresses import names_a_server

CPU = r"^([1-9][0-9]{0,5}m|[1-9][0-9]{0,2})$"
MEMORY = r"^[1-9][0-9]{0,6}(Mi|Gi)$"
SPARK_MEMORY = r"^[1-9][0-9]{0,6}[mg]$"
IMAGE = r"^[a-z0-9][a-z0-9._:/-]{0,254}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$"


def _written(pattern: str, expected: str) -> Callable[[str], str]:
    """Return a check that a text is written in this way."""

    def check(value: str) -> str:
        if re.fullmatch(pattern.strip("^$"), value) is None:
            raise ValueError(f"expected {expected}")
        return value

    return check


def _pinned(image: str) -> str:
    if image.endswith(":latest"):
        raise ValueError("expected a tag that stays what it is, or a digest: `latest` is another image tomorrow")
    return image


def _name(value: str) -> str:
    if not names.is_safe(value):
        raise ValueError("expected lower case letters, digits and inner hyphens, at most 63, a letter first")
    return value


def listed(value: str) -> tuple[str, ...]:
    """Return the parts of a comma separated text, without empty ones."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def mebibytes(memory: str) -> int:
    """Return a number of mebibytes.

    >>> mebibytes("2Gi"), mebibytes("512Mi")
    (2048, 512)
    """
    return int(memory[:-2]) * (1024 if memory.endswith("Gi") else 1)


def _names(value: str) -> str:
    for each in listed(value):
        _name(each)
    return value


def _schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


ObjectName = Annotated[str, AfterValidator(_name)]
"""Of an object or a namespace."""
ObjectNames = Annotated[str, AfterValidator(_names)]
"""Several of these, comma separated."""
Cpu = Annotated[str, AfterValidator(_written(CPU, "whole cores (2) or thousandths of one (500m)")), _schema(CPU)]
"""Processor time as Kubernetes writes it."""
Memory = Annotated[str, AfterValidator(_written(MEMORY, "memory such as 512Mi or 2Gi")), _schema(MEMORY)]
"""Memory as Kubernetes writes it."""
SparkMemory = Annotated[str, AfterValidator(_written(SPARK_MEMORY, "memory as Spark writes it: 768m or 2g"))]
"""Memory as Spark writes it; its units are binary, although they do not say so."""
Image = Annotated[
    str,
    AfterValidator(_written(IMAGE, "an image with a tag or a digest, as in registry.example.org/team/part:1.2")),
    AfterValidator(_pinned),
    _schema(IMAGE),
]
"""A container image that stays what it is."""


def _posted_to(url: str) -> str:
    if not names_a_server(url):
        raise ValueError("expected an http or https address of a server")
    if "@" in urlsplit(url).netloc:
        raise ValueError("has a name or a password, which everybody who sees an endpoint would read; write it without")
    return url


EventsUrl = Annotated[str, AfterValidator(_posted_to)]
"""Of what takes events; it stands in objects, so nothing of it is secret."""


def people_of(value: str) -> dict[str, tuple[str, ...]]:
    """Return what a JSON object of lists says: whose each namespace is. Raises ValueError for anything else."""
    teams = json.loads(value)
    if not isinstance(teams, dict) or not all(_are_texts(people) for people in teams.values()):
        raise ValueError("not an object of lists")
    return {name: tuple(people) for name, people in teams.items()}


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _teams(value: str) -> str:
    try:
        people_of(value)
    except ValueError as error:
        raise ValueError('expected JSON as in {"team-a": ["ada", "uma"]}') from error
    return value


Teams = Annotated[str, AfterValidator(_teams)]
