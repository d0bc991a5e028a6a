"""Whether it is watched how a model is asked: near-equal rows in crowds, odd combinations, values finer than any."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from pegel.spec.section import Section

HttpHeader = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
"""The name of an HTTP header, RFC 9110."""
OF_SECRETS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "pegel-probe"})
"""Headers by whose value a client, or we, prove who is asking: on the topic whoever reads it could do so, too."""


class AdversarialSection(Section):
    """What the log shows of somebody who works on the model: behaviour, never intent. All of it is off unless stated.

    Each part needs a baseline that was made with it.
    """

    probing: bool = False
    """Whether rows are looked for that are nearly the same, in crowds that neither training nor the windows before
    have."""
    combinations: bool = False
    """Whether rows are counted whose numbers go together as hardly any of training do."""
    off_grid: bool = False
    """Whether values are counted that are finer than any of training: a test of the quality of each such number."""
    client_header: HttpHeader | None = None
    """The HTTP header that says who asks. With it a crowd is told with the part of its largest client, by a keyed hash;
    clients themselves are not judged."""

    @property
    def is_used(self) -> bool:
        """Say whether anything is watched."""
        return self.probing or self.combinations or self.off_grid

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.client_header is not None and not self.probing:
            raise ValueError(
                "client_header is told with crowds of rows alone; state `probing: true`, or leave the header out"
            )
        if self.client_header is not None and self.client_header.lower() in OF_SECRETS:
            raise ValueError(
                f"client_header: expected a header that names a client; given {self.client_header}, whose value lets "
                "in whoever has it, and would stand on the topic with each request"
            )
        return self
