"""What addresses and forms of several pages state, each with the bounds within which it is taken."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from fastapi import Path as InPath

from pegel.spec.names import LARGEST_VERSION

Version = Annotated[int, InPath(ge=1, le=LARGEST_VERSION)]
AlertId = Annotated[str, Form(min_length=4, max_length=64)]
SilenceId = Annotated[int, Form(ge=1, le=2**31 - 1)]
Why = Annotated[str, Form(min_length=1, max_length=200, pattern=r"\S")]
